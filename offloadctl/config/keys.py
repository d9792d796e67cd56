"""Every key a context can have: its type, and what it is for. Files, variables and `explain` all follow this table."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from offloadctl.errors import SettingsError
from offloadctl.redaction import Secret, remember_address

Value = str | bool | float | Path | Secret | tuple[str, ...]


class Kind(StrEnum):
    """What a value must be."""

    TEXT = "a string"
    SECRET = "a secret string"  # noqa: S105 - the name of a type
    FILE = "a file name"
    DIRECTORY = "a directory's name"
    SWITCH = "true or false"
    NUMBER = "a number above zero"
    LIST = "a list of strings"
    URL = "an http or https address"
    URLS = "a list of http or https addresses"
    SERVICE_URL = "a pulsar or pulsar+ssl address"


@dataclass(frozen=True, slots=True)
class Key:
    """One key, by its dotted path inside a context."""

    path: str
    kind: Kind
    about: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return PREFIX + self.path.upper().replace(".", "_")


PREFIX: Final = "OFFLOADCTL_"

KEYS: Final = (
    Key("admin_urls", Kind.URLS, "Addresses of the admin REST service; the first that answers is used."),
    Key(
        "broker_url",
        Kind.SERVICE_URL,
        "Address of the binary protocol, as in pulsar://host:6650; to read messages back.",
    ),
    Key("cluster", Kind.TEXT, "The cluster that the broker must say it belongs to; another one is refused."),
    Key("read_only", Kind.SWITCH, "Refuse everything that would change something."),
    Key("protected", Kind.SWITCH, "Refuse changes unless the context is named with --context on the command line."),
    Key("trusted_broker_hosts", Kind.LIST, "Patterns of hosts that may get our credentials after a redirect."),
    Key("connect_timeout", Kind.NUMBER, "Seconds to wait for a connection to a broker."),
    Key("read_timeout", Kind.NUMBER, "Seconds to wait for a broker's answer."),
    Key("proxy", Kind.URL, "HTTP proxy for the admin REST service; without it HTTPS_PROXY and NO_PROXY are honoured."),
    Key("auth.token", Kind.SECRET, "A bearer token as text; a file or a variable is better."),
    Key("auth.token_file", Kind.FILE, "A file with a bearer token, read anew whenever it changes."),
    Key("auth.token_env", Kind.TEXT, "The name of the environment variable that holds a bearer token."),
    Key("auth.user", Kind.TEXT, "User name for basic authentication."),
    Key("auth.password", Kind.SECRET, "Password for basic authentication, as text."),
    Key("auth.password_file", Kind.FILE, "A file with the password for basic authentication."),
    Key("auth.password_env", Kind.TEXT, "The environment variable that holds the password."),
    Key("auth.issuer_url", Kind.URL, "OAuth2: the issuer; its token endpoint is discovered from there."),
    Key("auth.client_id", Kind.TEXT, "OAuth2: the client's id."),
    Key("auth.client_secret", Kind.SECRET, "OAuth2: the client's secret, as text."),
    Key("auth.client_secret_file", Kind.FILE, "OAuth2: a file with the client's secret."),
    Key("auth.client_secret_env", Kind.TEXT, "OAuth2: the environment variable that holds the client's secret."),
    Key("auth.key_file", Kind.FILE, "OAuth2: a JSON key file with client_id and client_secret (Pulsar's privateKey)."),
    Key("auth.audience", Kind.TEXT, "OAuth2: the audience to ask for."),
    Key("auth.scope", Kind.TEXT, "OAuth2: the scope to ask for."),
    Key("tls.ca_file", Kind.FILE, "Certificates (PEM) to trust instead of the system's."),
    Key("tls.certificate_file", Kind.FILE, "Our own certificate (PEM) for mutual TLS."),
    Key("tls.key_file", Kind.FILE, "The private key (PEM) of our own certificate."),
    Key("tls.verify", Kind.SWITCH, "Whether the broker's certificate is checked; true unless you say otherwise."),
    Key("tls.verify_hostname", Kind.SWITCH, "Whether the certificate must carry the broker's host name."),
    Key(
        "state",
        Kind.DIRECTORY,
        "Where runs and checks are remembered; $XDG_STATE_HOME/offloadctl, else ~/.local/state/offloadctl.",
    ),
    Key("prometheus_url", Kind.URL, "Prometheus, or what speaks its API; schedules ask it for PromQL expressions."),
    Key(
        "bookie_urls",
        Kind.URLS,
        "Where bookies tell their metrics; without it port 8000 of the bookies that the brokers know.",
    ),
    Key(
        "lease_topic",
        Kind.TEXT,
        "A topic of offloadctl's own, as in public/default/__offloadctl_lease: who holds it runs the schedules.",
    ),
    Key("rates.light", Kind.NUMBER, "Requests a second that load nothing."),
    Key("rates.loading", Kind.NUMBER, "Requests a second that may make a broker load a topic."),
)

BUCKET_KEYS: Final = (
    Key("name", Kind.TEXT, "The bucket's name."),
    Key("endpoint", Kind.URL, "The S3 service; without it AWS's own for the region."),
    Key("region", Kind.TEXT, "The bucket's region."),
    Key("profile", Kind.TEXT, "A profile of ~/.aws for the credentials; without it AWS's own chain."),
    Key("path_style", Kind.SWITCH, "Put the bucket's name into the path; by default so for custom endpoints."),
    Key("ca_file", Kind.FILE, "Certificates (PEM) to trust instead of the system's."),
    Key("note", Kind.TEXT, 'A word for people, such as "until 2026-03".'),
)

_BY_PATH: Final = {key.path: key for key in KEYS}
_BUCKET_BY_PATH: Final = {key.path: key for key in BUCKET_KEYS}
_TYPE_NAMES: Final = {str: "a string", bool: "true or false", int: "a number", float: "a number"}
_HTTP_SCHEMES: Final = (("http", "https"), "http://host:8080 or https://host:8443")
_SERVICE_SCHEMES: Final = (("pulsar", "pulsar+ssl"), "pulsar://host:6650 or pulsar+ssl://host:6651")
_YES: Final = ("true", "yes", "on", "1")
_NO: Final = ("false", "no", "off", "0")


def find_key(path: str, where: str) -> Key:
    """The key of that dotted path, or an error that names the nearest one."""
    if path not in _BY_PATH:
        raise unknown("key", path, where, _BY_PATH)
    return _BY_PATH[path]


def find_bucket_key(path: str, where: str) -> Key:
    """The key of a bucket, or an error that names the nearest one."""
    if path not in _BUCKET_BY_PATH:
        raise unknown("bucket key", path, where, _BUCKET_BY_PATH)
    return _BUCKET_BY_PATH[path]


def unknown(what: str, word: str, where: str, known: Iterable[str]) -> SettingsError:
    """The error for a word that nobody knows, with the nearest one that is known."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    # The last part alone: `token_file` is meant for `auth.token_file`.
    near = near or [path for path in known if path.rpartition(".")[2] == word][:1]
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return SettingsError(f"{where}: unknown {what} {word!r}", hint=hint)


def parse_text(key: Key, text: str, where: str, base: Path | None = None) -> Value:
    """A value from a variable, a flag or `key=value`; lists are separated by commas."""
    match key.kind:
        case Kind.SWITCH:
            if text.lower() not in _YES + _NO:
                raise _wrong(key, where, f"not {text!r}")
            return text.lower() in _YES
        case Kind.NUMBER:
            try:
                number = float(text)
            except ValueError:
                raise _wrong(key, where, f"not {text!r}") from None
            return check_typed(key, number, where, base)
        case Kind.LIST | Kind.URLS:
            return check_typed(key, [part.strip() for part in text.split(",") if part.strip()], where, base)
        case _:
            return check_typed(key, text, where, base)


def check_typed(  # noqa: PLR0911 - one arm for each kind
    key: Key, value: object, where: str, base: Path | None = None
) -> Value:
    """A value from a file that has types; relative file names are meant from `base`."""
    match key.kind, value:
        case (Kind.SWITCH, bool()):
            return value
        case (Kind.NUMBER, int() | float()) if not isinstance(value, bool):
            if not 0 < value < float("inf"):
                raise _wrong(key, where, f"not {value:g}")
            return float(value)
        case (Kind.SECRET, str()) if value.strip():
            return Secret(value.strip())
        case (Kind.FILE | Kind.DIRECTORY, str()) if value.strip():
            return _file(key, Path(value), where, base)
        case (Kind.URL | Kind.SERVICE_URL, str()):
            return _address(key, value, where)
        case (Kind.TEXT, str()) if value.strip():
            return value.strip()
        case (Kind.LIST, list()) if all(isinstance(part, str) and part for part in value):
            return tuple(value)
        case (Kind.URLS, list()) if value and all(isinstance(part, str) for part in value):
            return tuple(_address(key, part, where) for part in value)
    # The value itself may be a secret that stands at the wrong place.
    raise _wrong(key, where, "not an empty one" if value in ("", []) else f"not {_type_name(value)}")


def _file(key: Key, file: Path, where: str, base: Path | None) -> Path:
    try:
        file = file.expanduser()
    except RuntimeError:
        raise _wrong(key, where, "and nobody's home is meant by its ~") from None
    return base / file if base is not None else file


def _address(key: Key, text: str, where: str) -> str:
    remember_address(text)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise _wrong(key, where, "and this one does not parse") from None
    schemes, example = _SERVICE_SCHEMES if key.kind is Kind.SERVICE_URL else _HTTP_SCHEMES
    if parts.scheme not in schemes or not host:
        raise _wrong(key, where, f"not {text!r}", hint=f"write it as {example}")
    if parts.username is not None and key.path != "proxy":
        raise SettingsError(
            f"{where}: {key.path} holds a user name or a password",
            hint="addresses are shown in output; put the user into auth.user and the password into auth.password_file",
        )
    return text.rstrip("/")


def _wrong(key: Key, where: str, found: str, hint: str = "") -> SettingsError:
    return SettingsError(f"{where}: {key.path} must be {key.kind.value}, {found}", hint=hint or key.about)


def _type_name(value: object) -> str:
    if isinstance(value, list):
        return "a list with other things in it"
    return _TYPE_NAMES.get(type(value), f"a {type(value).__name__}")
