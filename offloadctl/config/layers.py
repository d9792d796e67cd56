"""One source of settings as a value: the flags, the environment, a named context, a client.conf."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final, cast

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
from offloadctl.model.settings import BucketSettings


@dataclass(frozen=True, slots=True)
class Given:
    """One value, and where it was given."""

    path: str
    value: Value
    origin: str


@dataclass(frozen=True, slots=True)
class GivenBucket:
    """One bucket, and where it was given; without a name it completes a bucket that another layer names."""

    settings: BucketSettings
    origin: str


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source says; it may say nothing."""

    given: tuple[Given, ...] = ()
    buckets: tuple[GivenBucket, ...] = ()
    bucket_defaults: GivenBucket | None = None
    """What is said of buckets without naming one: `--s3-endpoint`, OFFLOADCTL_S3_REGION."""

    def get(self, path: str) -> Given | None:
        """What this source says of one key."""
        return next((given for given in self.given if given.path == path), None)


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


def known_variables() -> tuple[str, ...]:
    """Every environment variable that means something to this program."""
    keys = tuple(key.variable for key in KEYS)
    return (*_OTHER_VARIABLES, *_SHORT_VARIABLES, *keys, _BUCKET_VARIABLE, *_BUCKET_VARIABLES)


def layer_from_environment(environment: Mapping[str, str]) -> Layer:
    """The OFFLOADCTL_* variables; an empty one counts as not set, an unknown one is an error."""
    by_variable = {key.variable: key.path for key in KEYS} | _SHORT_VARIABLES
    given: list[Given] = []
    buckets: tuple[GivenBucket, ...] = ()
    defaults: dict[str, Value] = {}
    for name, text in sorted(environment.items()):
        if not name.startswith(PREFIX) or not text.strip() or name in _OTHER_VARIABLES:
            continue
        if name in by_variable:
            where = f"environment variable {name}"
            given.append(Given(by_variable[name], parse_text(find_key(by_variable[name], where), text, where), name))
        elif name in _BUCKET_VARIABLES:
            key = find_bucket_key(_BUCKET_VARIABLES[name], name)
            defaults[key.path] = parse_text(key, text, f"environment variable {name}")
        elif name == _BUCKET_VARIABLE:
            buckets = tuple(GivenBucket(parse_bucket(part, name), name) for part in text.split())
        else:
            raise unknown("variable", name, "environment", known_variables())
    _refuse_twice(given)
    return Layer(tuple(given), buckets, _defaults(defaults, "OFFLOADCTL_S3_*"))


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
    }
    given = tuple(
        Given(path, check_typed(find_key(path, option), value, f"option {option}"), option)
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
    defaults = {
        path: check_typed(find_bucket_key(path, option), value, f"option {option}")
        for path, (option, value) in s3.items()
        if value is not None
    }
    buckets = tuple(GivenBucket(parse_bucket(text, "option --bucket"), "--bucket") for text in flags.buckets)
    return Layer(given, buckets, _defaults(defaults, "--s3-*"))


def parse_bucket(text: str, where: str, base: Path | None = None) -> BucketSettings:
    """A bucket from `NAME[,endpoint=…][,region=…][,profile=…][,path_style=…][,ca_file=…][,note=…]`."""
    name, *parts = text.split(",")
    values: dict[str, Value] = {"name": name}
    for part in parts:
        path, equals, value = part.partition("=")
        path = path.strip().replace("-", "_")
        key = find_bucket_key(path, where)
        if not equals or path in values:
            raise SettingsError(
                f"{where}: {part!r} is not one key=value, or comes twice",
                hint="write NAME,endpoint=https://host,region=us-east-1",
            )
        values[path] = parse_text(key, value, where, base)
    return make_bucket(values, where)


def make_bucket(values: Mapping[str, Value], where: str) -> BucketSettings:
    """A bucket from its checked values."""
    if not values.get("name"):
        raise SettingsError(f"{where}: a bucket needs a name", hint="write NAME[,endpoint=https://host][,region=…]")
    return _bucket(values)


def completed(bucket: BucketSettings, defaults: BucketSettings) -> BucketSettings:
    """The bucket with what it leaves open taken from `defaults`."""
    return _laid_over(defaults, bucket)


def overridden(bucket: BucketSettings, by: BucketSettings) -> BucketSettings:
    """The bucket with everything that `by` says."""
    return _laid_over(bucket, by)


def _laid_over(lower: BucketSettings, upper: BucketSettings) -> BucketSettings:
    changes = {field.name: getattr(upper, field.name) for field in fields(BucketSettings)}
    return replace(lower, **{name: value for name, value in changes.items() if value not in (None, "")})


def _bucket(values: Mapping[str, Value]) -> BucketSettings:
    # Each value was checked against its key, whose kind is the field's type.
    return BucketSettings(
        name=cast("str", values.get("name", "")),
        endpoint=cast("str | None", values.get("endpoint")),
        region=cast("str | None", values.get("region")),
        profile=cast("str | None", values.get("profile")),
        path_style=cast("bool | None", values.get("path_style")),
        ca_file=cast("Path | None", values.get("ca_file")),
        note=cast("str", values.get("note", "")),
    )


def _defaults(values: Mapping[str, Value], origin: str) -> GivenBucket | None:
    return GivenBucket(_bucket(values), origin) if values else None


def _refuse_twice(given: list[Given]) -> None:
    seen: dict[str, str] = {}
    for one in given:
        if one.path in seen:
            raise SettingsError(f"environment: {seen[one.path]} and {one.origin} set the same thing; keep one of them")
        seen[one.path] = one.origin


def _text(file: Path | None) -> str | None:
    return None if file is None else str(file)
