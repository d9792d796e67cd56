"""The sources nearest to the person, each as a layer: the flags and the environment."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from offloadctl.config.given import Given, GivenBucket, Layer, Origin, bucket_of, by_flag, by_variable
from offloadctl.config.keys import (
    BUCKET_KEYS,
    KEYS,
    PREFIX,
    Value,
    check_typed,
    find_bucket_key,
    find_key,
    parse_text,
    unknown,
)
from offloadctl.errors import SettingsError


@dataclass(frozen=True, slots=True)
class ConnectionFlags:
    """The options that every command has which talks to a cluster."""

    context: str | None = None
    admin_urls: tuple[str, ...] = ()
    token_file: Path | None = None
    client_conf: Path | None = None
    cluster: str | None = None
    buckets: tuple[str, ...] = ()
    s3_endpoint: str | None = None
    s3_region: str | None = None
    s3_profile: str | None = None
    s3_path_style: bool | None = None
    s3_ca_file: Path | None = None
    tls_ca_file: Path | None = None
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    tls_insecure: bool = False
    read_only: bool = False
    state: Path | None = None
    debug: bool = False


# Variables that are no key of a context. The last ones are read by the commands themselves.
CONTEXT_VARIABLE: Final = "OFFLOADCTL_CONTEXT"
CONFIG_VARIABLE: Final = "OFFLOADCTL_CONFIG"
DEBUG_VARIABLE: Final = "OFFLOADCTL_DEBUG"
OUTPUT_VARIABLE: Final = "OFFLOADCTL_OUTPUT"
_OTHER_VARIABLES: Final = (CONTEXT_VARIABLE, CONFIG_VARIABLE, DEBUG_VARIABLE, OUTPUT_VARIABLE)

# Short names for what is set most often.
_SHORT_VARIABLES: Final = {
    "OFFLOADCTL_ADMIN_URL": "admin_urls",
    "OFFLOADCTL_TOKEN": "auth.token",
    "OFFLOADCTL_TOKEN_FILE": "auth.token_file",
}
_BUCKET_VARIABLE: Final = "OFFLOADCTL_BUCKET"
_BUCKET_VARIABLES: Final = {
    f"OFFLOADCTL_S3_{key.path.upper()}": key.path for key in BUCKET_KEYS if key.path not in ("name", "note")
}

# Kubernetes sets these in each pod beside a Service named offloadctl (envvars.go, MakeEnvVars): not meant for us.
_SERVICE_LINK: Final = re.compile(
    r"OFFLOADCTL_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)"
)


def known_variables() -> tuple[str, ...]:
    """Every environment variable that means something to this program."""
    keys = tuple(key.variable for key in KEYS)
    return (*_OTHER_VARIABLES, *_SHORT_VARIABLES, *keys, _BUCKET_VARIABLE, *_BUCKET_VARIABLES)


def layer_from_environment(environment: Mapping[str, str]) -> Layer:
    """The OFFLOADCTL_* variables; an empty one counts as not set, an unknown one is an error."""
    by_name = {key.variable: key.path for key in KEYS} | _SHORT_VARIABLES
    given: list[Given] = []
    buckets: tuple[GivenBucket, ...] = ()
    defaults: list[Given] = []
    for name, text in sorted(environment.items()):
        if not name.startswith(PREFIX) or not text.strip() or name in _OTHER_VARIABLES:
            continue
        where = f"environment variable {name}"
        if name in by_name:
            key = find_key(by_name[name], where)
            given.append(Given(key.path, parse_text(key, text, where), by_variable(name)))
        elif name in _BUCKET_VARIABLES:
            key = find_bucket_key(_BUCKET_VARIABLES[name], where)
            defaults.append(Given(key.path, parse_text(key, text, where), by_variable(name)))
        elif name == _BUCKET_VARIABLE:
            buckets = tuple(parse_bucket(part, where, by_variable(name)) for part in text.split())
        elif not _SERVICE_LINK.fullmatch(name):
            raise unknown("variable", name, "environment", known_variables())
    _refuse_twice(given)
    return Layer(tuple(given), buckets, bucket_of(defaults) if defaults else None)


def layer_from_flags(flags: ConnectionFlags) -> Layer:
    """The options of the command line."""
    named: dict[str, tuple[str, object]] = {
        "admin_urls": ("--admin-url", list(flags.admin_urls) or None),
        "auth.token_file": ("--token-file", _text(flags.token_file)),
        "cluster": ("--cluster", flags.cluster),
        "tls.ca_file": ("--tls-ca-file", _text(flags.tls_ca_file)),
        "tls.certificate_file": ("--tls-cert-file", _text(flags.tls_cert_file)),
        "tls.key_file": ("--tls-key-file", _text(flags.tls_key_file)),
        "tls.verify": ("--tls-allow-insecure", False if flags.tls_insecure else None),
        "read_only": ("--read-only", flags.read_only or None),
        "state": ("--state", _text(flags.state)),
    }
    given = tuple(
        Given(path, check_typed(find_key(path, option), value, f"option {option}"), by_flag(option))
        for path, (option, value) in named.items()
        if value is not None
    )
    s3: dict[str, tuple[str, object]] = {
        "endpoint": ("--s3-endpoint", flags.s3_endpoint),
        "region": ("--s3-region", flags.s3_region),
        "profile": ("--s3-profile", flags.s3_profile),
        "path_style": ("--s3-path-style", flags.s3_path_style),
        "ca_file": ("--s3-ca-file", _text(flags.s3_ca_file)),
    }
    defaults = [
        Given(path, check_typed(find_bucket_key(path, option), value, f"option {option}"), by_flag(option))
        for path, (option, value) in s3.items()
        if value is not None
    ]
    buckets = tuple(parse_bucket(text, "option --bucket", by_flag("--bucket")) for text in flags.buckets)
    return Layer(given, buckets, bucket_of(defaults) if defaults else None)


def parse_bucket(text: str, where: str, origin: Origin, base: Path | None = None) -> GivenBucket:
    """A bucket from `NAME[,endpoint=…][,region=…][,profile=…][,path_style=…][,ca_file=…][,note=…]`."""
    name, *parts = text.split(",")
    values: dict[str, Value] = {"name": name.strip()}
    for part in parts:
        path, equals, value = part.partition("=")
        path = path.strip().replace("-", "_")
        key = find_bucket_key(path, where)
        if not equals or path in values:
            raise SettingsError(
                f"{where}: {path} is not one key=value, or comes twice",
                hint="write NAME,endpoint=https://host,region=us-east-1",
            )
        values[path] = parse_text(key, value, where, base)
    return make_bucket(values, where, origin)


def make_bucket(values: Mapping[str, Value], where: str, origin: Origin) -> GivenBucket:
    """A bucket from its checked values."""
    if not values.get("name"):
        raise SettingsError(f"{where}: a bucket needs a name", hint="write NAME[,endpoint=https://host][,region=…]")
    if str(values["name"]).startswith("s3://"):
        raise SettingsError(f"{where}: {values['name']} is an address", hint="write the bucket's name without s3://")
    return bucket_of(Given(path, value, origin) for path, value in values.items())


def _refuse_twice(given: Iterable[Given]) -> None:
    seen: dict[str, Origin] = {}
    for one in given:
        if one.path in seen:
            raise SettingsError(f"environment: {seen[one.path]} and {one.origin} set the same thing; keep one of them")
        seen[one.path] = one.origin


def _text(file: Path | None) -> str | None:
    return None if file is None else str(file)
