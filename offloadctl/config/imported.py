"""What another tool's settings become here: a layer, remarks for people, and what was left out."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from offloadctl.config.given import Given, Layer, Origin
from offloadctl.config.keys import check_typed, find_key
from offloadctl.errors import SettingsError
from offloadctl.redaction import remember


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One key of the other tool that has no counterpart here, and why; its value may be a secret."""

    key: str
    why: str


@dataclass(frozen=True, slots=True)
class Imported:
    """The settings of one client.conf, or of one context of another tool."""

    name: str
    layer: Layer
    remarks: tuple[str, ...] = ()
    """What a person should know whenever these settings are used."""
    left_out: tuple[LeftOut, ...] = ()


def give(values: Mapping[str, object], origin: Origin, base: Path) -> tuple[Given, ...]:
    """The values that are there, checked; blank and None mean that nothing was said."""
    return tuple(
        Given(path, check_typed(find_key(path, str(origin)), value, str(origin), base), origin)
        for path, value in values.items()
        if value not in (None, "", [])
    )


def json_object(text: str, where: str) -> Mapping[str, object] | None:
    """A JSON object, None for a text that is not meant to be one; an error never shows the text."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        # It may be a secret all the same, and nothing of it may come out in a later error.
        remember(text)
        raise SettingsError(f"{where}: starts like JSON and is not") from None
    if not isinstance(value, dict):
        raise SettingsError(f"{where}: must be a JSON object")
    return value


def oauth2_key(location: str, where: str, base: Path) -> Mapping[str, object]:
    """Auth values for Pulsar's `privateKey`: a file's address or name, or the key itself in a `data:` address."""
    parts = urlsplit(location)
    if parts.scheme == "data":
        return _key_in_address(parts.path, where)
    if parts.scheme not in ("", "file"):
        raise SettingsError(f"{where}: {parts.scheme}: addresses are not supported", hint="write file:///path")
    return {"auth.key_file": str(base / file_name(location))}


def read_oauth2_key(text: str, where: str) -> tuple[str, str]:
    """Client id and secret of a JSON key file."""
    value = json_object(text, where)
    if value is None:
        raise SettingsError(f"{where}: must be a JSON object with client_id and client_secret")
    client_id, secret = value.get("client_id"), value.get("client_secret")
    if not (isinstance(client_id, str) and isinstance(secret, str) and client_id and secret):
        raise SettingsError(f"{where}: has no client_id or no client_secret", hint="both must be strings")
    remember(secret)
    return client_id, secret


def file_name(location: str) -> str:
    """The path of a `file:` address, or the text as it is."""
    parts = urlsplit(location)
    return unquote(parts.path) if parts.scheme == "file" else location


def _key_in_address(path: str, where: str) -> Mapping[str, object]:
    media_type, _, data = path.partition(",")
    remember(data)
    try:
        plain = unquote(data)
        text = base64.b64decode(plain, validate=True).decode() if media_type.endswith(";base64") else plain
    except (binascii.Error, UnicodeDecodeError):
        raise SettingsError(f"{where}: the data: address holds no base64 text") from None
    client_id, secret = read_oauth2_key(text, where)
    return {"auth.client_id": client_id, "auth.client_secret": secret}
