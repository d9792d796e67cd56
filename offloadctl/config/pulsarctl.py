"""pulsarctl's contexts (~/.config/pulsar/config): YAML with `auth-info`, `contexts` and `current-context`.

The field names are those of pulsarctl's pkg/cmdutils/ctx_conf.go; `clientID` is the older spelling of `client_id`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from offloadctl.config.client_conf import split_addresses
from offloadctl.config.given import Layer, Origin, OriginKind
from offloadctl.config.imported import Imported, LeftOut, give, oauth2_key
from offloadctl.config.keys import unknown
from offloadctl.errors import SettingsError
from offloadctl.redaction import remember

_CONTEXT_FIELDS: Final = ("admin-service-url", "bookie-service-url")
_AUTH_FIELDS: Final = (
    "locationoforigin",
    "tls_trust_certs_file_path",
    "tls_allow_insecure_connection",
    "tls_cert_file",
    "tls_key_file",
    "token",
    "tokenfile",
    "issuer_endpoint",
    "client_id",
    "clientid",
    "audience",
    "scope",
    "key_file",
)


@dataclass(frozen=True, slots=True)
class PulsarctlContexts:
    """All contexts of one file, and the one that pulsarctl uses by itself."""

    contexts: tuple[Imported, ...]
    current: str | None = None


def load_pulsarctl(path: Path, *, only: Sequence[str] = ()) -> PulsarctlContexts:
    """The contexts of a pulsarctl file; with `only`, these."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"pulsarctl file {path} cannot be read: {reason}") from error
    return parse_pulsarctl(text, path, only=only)


def parse_pulsarctl(text: str, path: Path, *, only: Sequence[str] = ()) -> PulsarctlContexts:
    """The contexts of a pulsarctl file's text; with `only`, these, whatever is wrong with the others."""
    where = f"pulsarctl file {path}"
    document = _table(_yaml(text, where), where)
    contexts = _table(document.get("contexts") or {}, f"{where}, contexts")
    logins = _table(document.get("auth-info") or {}, f"{where}, auth-info")
    if not contexts:
        raise SettingsError(f"{where}: holds no contexts", hint="is it pulsarctl's? It is at ~/.config/pulsar/config")
    for name in only:
        if name not in contexts:
            raise unknown("context", name, where, contexts)
    imported = tuple(
        _context(name, _table(table, f"{where}, {name}"), _table(logins.get(name) or {}, f"{where}, {name}"), path)
        for name, table in contexts.items()
        if not only or name in only
    )
    current = document.get("current-context")
    return PulsarctlContexts(imported, current if isinstance(current, str) and current in contexts else None)


def _context(name: str, table: Mapping[str, object], login: Mapping[str, object], path: Path) -> Imported:
    remember(str(login.get("token") or ""))
    address = table.get("admin-service-url") or ""
    insecure = login.get("tls_allow_insecure_connection") is True
    settings: dict[str, object] = {
        "admin_urls": split_addresses(address) if isinstance(address, str) and address else None,
        "tls.ca_file": login.get("tls_trust_certs_file_path"),
        "tls.certificate_file": login.get("tls_cert_file"),
        "tls.key_file": login.get("tls_key_file"),
        "tls.verify": False if insecure else None,
    }
    origin = Origin(OriginKind.PULSARCTL, f"pulsarctl context {name}")
    auth = _auth(login, f"{path}, {name}", path.parent)
    layer = Layer(give(settings | dict(auth), origin, path.parent))
    remarks = ("tls_allow_insecure_connection: the broker's certificate is not checked",) if insecure else ()
    return Imported(name, layer, remarks, tuple(_left_out(table, login)))


def _left_out(table: Mapping[str, object], login: Mapping[str, object]) -> Iterator[LeftOut]:
    if table.get("bookie-service-url"):
        yield LeftOut("bookie-service-url", "bookies are not asked")
    yield from (LeftOut(field, "it is not known here") for field in table if field not in _CONTEXT_FIELDS)
    yield from (LeftOut(field, "it is not known here") for field in login if field.lower() not in _AUTH_FIELDS)
    if login.get("token") and login.get("tokenFile"):
        yield LeftOut("tokenFile", "the context has a token as well")
    if login.get("issuer_endpoint") and (login.get("token") or login.get("tokenFile")):
        yield LeftOut("issuer_endpoint", "the context has a token as well")


def _auth(login: Mapping[str, object], where: str, base: Path) -> Mapping[str, object]:
    if login.get("token"):
        return {"auth.token": login["token"]}
    if login.get("tokenFile"):
        return {"auth.token_file": login["tokenFile"]}
    if not login.get("issuer_endpoint"):
        return {}
    settings = {
        "auth.issuer_url": login["issuer_endpoint"],
        "auth.client_id": login.get("client_id") or login.get("clientID"),
        "auth.audience": login.get("audience"),
        "auth.scope": login.get("scope"),
    }
    key_file = login.get("key_file")
    # The key file repeats the client's id, and is the authority for it.
    return settings | dict(oauth2_key(key_file, where, base)) if isinstance(key_file, str) and key_file else settings


def _yaml(text: str, where: str) -> object:
    import yaml  # noqa: PLC0415 - slow to load, and only `context import` needs it

    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        # The error's own text shows the line, and with it perhaps a token.
        place = f", line {mark.line + 1}" if mark is not None else ""
        raise SettingsError(f"{where}{place}: not YAML") from None
    except yaml.YAMLError:
        raise SettingsError(f"{where}: not YAML") from None


def _table(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise SettingsError(f"{where}: must be a table")
    return value
