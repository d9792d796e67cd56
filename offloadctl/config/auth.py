"""Who we are to the broker: which source wins when several name credentials, and what they become."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from offloadctl.config.given import Given, Layer, Origin
from offloadctl.config.imported import read_oauth2_key
from offloadctl.errors import SettingsError
from offloadctl.model.settings import BasicAuth, BrokerAuth, OAuth2Auth, TokenAuth
from offloadctl.redaction import Secret, remember_login


class _Scheme(StrEnum):
    TOKEN = "token"  # noqa: S105 - a name
    BASIC = "basic"
    OAUTH2 = "oauth2"


# Each key belongs to one scheme; keys of one slot exclude each other.
_SLOTS: Final = {
    "auth.token": (_Scheme.TOKEN, "token"),
    "auth.token_file": (_Scheme.TOKEN, "token"),
    "auth.token_env": (_Scheme.TOKEN, "token"),
    "auth.user": (_Scheme.BASIC, "user"),
    "auth.password": (_Scheme.BASIC, "password"),
    "auth.password_file": (_Scheme.BASIC, "password"),
    "auth.password_env": (_Scheme.BASIC, "password"),
    "auth.issuer_url": (_Scheme.OAUTH2, "issuer"),
    "auth.client_id": (_Scheme.OAUTH2, "client"),
    "auth.client_secret": (_Scheme.OAUTH2, "secret"),
    "auth.client_secret_file": (_Scheme.OAUTH2, "secret"),
    "auth.client_secret_env": (_Scheme.OAUTH2, "secret"),
    "auth.key_file": (_Scheme.OAUTH2, "secret"),
    "auth.audience": (_Scheme.OAUTH2, "audience"),
    "auth.scope": (_Scheme.OAUTH2, "scope"),
}


def strongest_auth(layers: Sequence[Layer]) -> tuple[Given, ...]:
    """The credentials of the strongest source that names any, completed by weaker sources of the same scheme.

    So a variable may bring the secret for a context's OAuth2 client, and `--token-file` replaces a context's
    password instead of standing beside it.
    """
    scheme: _Scheme | None = None
    slots: dict[str, Given] = {}
    for layer in layers:
        said = _said_by(layer)
        scheme = scheme or next((_SLOTS[one.path][0] for one in said), None)
        for one in said:
            its_scheme, slot = _SLOTS[one.path]
            if its_scheme is scheme:
                slots.setdefault(slot, one)
    return tuple(slots.values())


def excluded_by(path: str, others: Iterable[str]) -> tuple[str, ...]:
    """Those of the other keys that cannot stand beside this one."""
    if path not in _SLOTS:
        return ()
    scheme, slot = _SLOTS[path]
    known = [other for other in others if other in _SLOTS and other != path]
    return tuple(other for other in known if _SLOTS[other][0] is not scheme or _SLOTS[other][1] == slot)


def auth_from(given: Sequence[Given], environment: Mapping[str, str]) -> BrokerAuth | None:
    """The credentials that these values make; None if they name none."""
    auth = {one.path: one for one in given if one.path in _SLOTS}
    if not auth:
        return None
    match _SLOTS[next(iter(auth))][0]:
        case _Scheme.TOKEN:
            return _token(next(iter(auth.values())))
        case _Scheme.BASIC:
            return _basic(auth, environment)
        case _Scheme.OAUTH2:
            return _oauth2(auth, environment)


def _said_by(layer: Layer) -> list[Given]:
    said = [one for one in layer.given if one.path in _SLOTS]
    slots: dict[str, Given] = {}
    for one in said:
        if others := excluded_by(one.path, (before.path for before in slots.values())):
            raise SettingsError(
                f"{one.origin}: {others[0]} and {one.path} exclude each other",
                hint="keep one of them",
            )
        slots[_SLOTS[one.path][1]] = one
    return said


def _token(one: Given) -> TokenAuth:
    match one.value:
        case Secret():
            return TokenAuth(text=one.value)
        case Path():
            return TokenAuth(file=one.value)
        case _:
            return TokenAuth(environment=str(one.value))


def _basic(auth: Mapping[str, Given], environment: Mapping[str, str]) -> BasicAuth:
    user = auth.get("auth.user")
    password = _secret(auth, "auth.password", environment)
    if user is None or password is None:
        there = next(iter(auth.values()))
        needed = "auth.user" if user is None else "auth.password_file, auth.password_env or auth.password"
        raise SettingsError(f"{there.origin}: {there.path} is given without {needed}")
    remember_login(str(user.value), password.reveal())
    return BasicAuth(str(user.value), password)


def _oauth2(auth: Mapping[str, Given], environment: Mapping[str, str]) -> OAuth2Auth:
    client = _text(auth, "auth.client_id")
    if (key_file := auth.get("auth.key_file")) is not None and isinstance(key_file.value, Path):
        where = f"key file {key_file.value}"
        key_client, text = read_oauth2_key(_read(key_file.value, "auth.key_file", key_file.origin), where)
        client, secret = client or key_client, Secret(text)
    else:
        found = _secret(auth, "auth.client_secret", environment)
        if found is None:
            raise _incomplete(auth, "auth.client_secret_file, auth.client_secret_env or auth.key_file")
        secret = found
    issuer = _text(auth, "auth.issuer_url")
    if issuer is None or client is None:
        raise _incomplete(auth, "auth.issuer_url" if issuer is None else "auth.client_id")
    return OAuth2Auth(issuer, client, secret, audience=_text(auth, "auth.audience"), scope=_text(auth, "auth.scope"))


def _incomplete(auth: Mapping[str, Given], missing: str) -> SettingsError:
    there = next(iter(auth.values()))
    return SettingsError(f"{there.origin}: OAuth2 client credentials need {missing} beside {there.path}")


def _secret(auth: Mapping[str, Given], path: str, environment: Mapping[str, str]) -> Secret | None:
    """A secret from its text, its file or its variable, whichever of the three is there."""
    for one in auth.values():
        if one.path == path and isinstance(one.value, Secret):
            return one.value
        if one.path == f"{path}_file" and isinstance(one.value, Path):
            text = _read(one.value, one.path, one.origin).strip()
            if not text:
                raise SettingsError(f"{one.path} ({one.origin}): {one.value} is empty")
            return Secret(text)
        if one.path == f"{path}_env":
            name = str(one.value)
            if not environment.get(name, "").strip():
                raise SettingsError(f"{one.path} ({one.origin}): the environment variable {name} is not set")
            return Secret(environment[name].strip())
    return None


def _read(file: Path, path: str, origin: Origin) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{path} ({origin}): {file} cannot be read: {reason}") from error


def _text(auth: Mapping[str, Given], path: str) -> str | None:
    one = auth.get(path)
    return None if one is None else str(one.value)
