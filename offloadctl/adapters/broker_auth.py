"""Who we are, for the broker: the headers of each way to authenticate, renewed when their source changes.

Headers are those of Pulsar's AuthenticationDataToken.java and AuthenticationDataBasic.java; OAuth2 is a token on the
wire. A client certificate is no header: the session presents it.
"""

import base64
import math
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec
import requests

from offloadctl import redaction
from offloadctl.adapters.decoding import decoded
from offloadctl.adapters.rest_calls import Call, Reply
from offloadctl.adapters.rest_errors import bad_reply, shown
from offloadctl.adapters.rest_http import Route, base_url, build_session, send
from offloadctl.errors import BrokerError, BrokerUnreachable, NotAuthenticated, ServerError, SettingsError
from offloadctl.model.settings import BasicAuth, BrokerAuth, OAuth2Auth, TlsSettings, TokenAuth
from offloadctl.ports import Clock

Wire = TypeVar("Wire")

_METHOD_HEADER: Final = "X-Pulsar-Auth-Method-Name"
_DISCOVERY: Final = "/.well-known/openid-configuration"

_REACH_ISSUER: Final = "check issuer_url and the proxy settings, and that the issuer is up"
_NO_ISSUER: Final = "is this an OAuth2 issuer, and not a proxy's page or another service?"

_RENEWED_BEFORE_EXPIRY: Final = 60.0
"""Seconds."""
_WRITTEN_WITHIN: Final = 60.0
"""Seconds for which the last token of a file is still used when the file holds something that is none."""
_LIFETIME_IF_UNTOLD: Final = 300.0
"""Seconds; RFC 6749 only recommends that the issuer tells."""


class Credentials(Protocol):
    """What a request carries to be recognised."""

    def headers(self) -> Mapping[str, str]:
        """The headers as of now."""
        ...

    def renew(self) -> bool:
        """After a 401: forget what was fetched; whether another try can do better."""
        ...

    def close(self) -> None:
        """Give connections back, if there are any."""
        ...


def credentials_for(
    auth: BrokerAuth | None, clock: Clock, route: Route, session: requests.Session | None = None
) -> Credentials:
    """The credentials that the settings ask for; `session` is the way to an OAuth2 issuer, a new one by default."""
    match auth:
        case None:
            return _Fixed({})
        case BasicAuth(user=user, password=password):
            return _Fixed(_basic(user, password.reveal()))
        case OAuth2Auth():
            # The issuer is not the cluster: it gets neither our client certificate nor the cluster's CA.
            return _ClientCredentials(auth, clock, route, session or build_session(TlsSettings()))
        case TokenAuth(text=None, file=Path() as file, environment=None):
            return _TokenFile(file, clock)
        case TokenAuth(text=None, file=None, environment=str() as variable):
            return _Fixed(_bearer(_token_in(_from_environment(variable), f"the variable {variable}")))
        case TokenAuth(text=redaction.Secret() as text, file=None, environment=None):
            return _Fixed(_bearer(_token_in(text.reveal(), "the context's token")))
        case TokenAuth():
            raise SettingsError("a token must come from exactly one of text, file and environment")


class _Fixed:
    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def headers(self) -> Mapping[str, str]:
        return self._headers

    def renew(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is open."""


class _TokenFile:
    """Reads the file for each request, as Pulsar does: whoever renews the token may keep its size and its time."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._last: Mapping[str, str] | None = None
        self._read_at = 0.0

    def headers(self) -> Mapping[str, str]:
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except OSError as exc:
            if self._last is None:
                raise SettingsError(f"token file {self._path} cannot be read: {exc.strerror}") from exc
            text = ""
        # In the moment of an exchange the file may be missing or empty; the token that we have is good until it is not.
        if self._last is not None and not text.strip():
            return self._last
        try:
            self._last, self._read_at = _bearer(_token_in(text, f"the file {self._path}")), self._clock.monotonic()
        except SettingsError:
            # Half written, it is whole in a moment; whatever else it holds must be told.
            if self._last is None or self._clock.monotonic() - self._read_at > _WRITTEN_WITHIN:
                raise
        return self._last

    def renew(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is open."""


class _ClientCredentials:
    """OAuth2 client credentials (RFC 6749, 4.4): one token for all threads, renewed shortly before its end."""

    def __init__(self, auth: OAuth2Auth, clock: Clock, route: Route, session: requests.Session) -> None:
        self._auth = auth
        self._issuer = base_url(auth.issuer_url, "issuer URL")
        self._clock = clock
        self._route = route
        self._session = session
        self._lock = threading.Lock()
        self._headers: Mapping[str, str] | None = None
        self._good_until = 0.0

    def headers(self) -> Mapping[str, str]:
        with self._lock:
            if self._headers is None or self._clock.monotonic() >= self._good_until:
                asked_at = self._clock.monotonic()
                granted = self._fetch(self._token_endpoint())
                self._headers = _bearer(granted.access_token)
                told = granted.expires_in or 0
                lifetime = told if 0 < told < math.inf else _LIFETIME_IF_UNTOLD
                self._good_until = asked_at + max(lifetime - _RENEWED_BEFORE_EXPIRY, lifetime / 2)
            return self._headers

    def renew(self) -> bool:
        with self._lock:
            self._headers = None
        return True

    def close(self) -> None:
        self._session.close()

    def _token_endpoint(self) -> str:
        reply = self._ask(Call("GET", _DISCOVERY, confidential=True), self._issuer + _DISCOVERY)
        endpoint = _decoded(reply, _Discovery).token_endpoint
        try:
            usable = base_url(endpoint, "token endpoint").startswith(("https:", self._issuer.partition("/")[0]))
        except SettingsError:
            usable = False
        if not usable:
            why = f"the token endpoint {shown(endpoint)!r} cannot be used, or is less safe than the issuer"
            raise bad_reply(reply, why, hint=_NO_ISSUER)
        return endpoint

    def _fetch(self, endpoint: str) -> "_Granted":
        form = {
            "grant_type": "client_credentials",
            "client_id": self._auth.client_id,
            "client_secret": self._auth.client_secret.reveal(),
            "audience": self._auth.audience,
            "scope": self._auth.scope,
        }
        body = urlencode({name: value for name, value in form.items() if value is not None}).encode()
        call = Call("POST", urlsplit(endpoint).path, body=body, confidential=True)
        reply = self._ask(call, endpoint)
        granted = _decoded(reply, _Granted)
        if not _is_token(granted.access_token):
            raise bad_reply(reply, "its access_token is no token", hint=_NO_ISSUER)
        return granted

    def _ask(self, call: Call, url: str) -> Reply:
        headers = {} if call.body is None else {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            reply = send(self._session, call, url, route=self._route, headers=headers)
        except BrokerUnreachable as exc:
            # The broker was not asked, and asking for a token changes nothing: the hints for those are wrong here.
            raise type(exc)(f"the OAuth2 issuer is not reached: {exc.message}", hint=_REACH_ISSUER) from None
        if not reply.is_success:
            raise _not_granted(reply)
        return reply


class _Discovery(msgspec.Struct, frozen=True):
    token_endpoint: str


class _Granted(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float | None = None


class _Denied(msgspec.Struct, frozen=True):
    error: str = ""
    error_description: str = ""


def _decoded(reply: Reply, kind: type[Wire]) -> Wire:
    try:
        # Not strict: some issuers tell the lifetime as a text.
        return decoded(reply.body, kind, strict=False)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise bad_reply(reply, str(exc), hint=_NO_ISSUER) from exc


def _not_granted(reply: Reply) -> BrokerError:
    """What an issuer's refusal means for the broker's callers: never NotFound, which would be about their topic."""
    try:
        denied = decoded(reply.body, _Denied)
        why = ": ".join(filter(None, (denied.error, denied.error_description)))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        why = ""
    message = f"the OAuth2 issuer at {reply.host} gives no token: {reply.call} {reply.status} {shown(why)}".rstrip()
    if reply.status == 429 or reply.status >= 500:
        return ServerError(message, hint="the issuer's log tells more; try again later", status=reply.status)
    hint = _REACH_ISSUER if reply.call.is_read else "check client_id, client_secret, audience and scope of the context"
    return NotAuthenticated(message, hint=hint, status=reply.status)


def _from_environment(variable: str) -> str:
    text = os.environ.get(variable, "")
    if not text.strip():
        raise SettingsError(f"the variable {variable} should hold the broker's token, and it is not set")
    return text


def _token_in(text: str, source: str) -> str:
    token = text.strip()
    redaction.remember(token)
    if not _is_token(token):
        raise SettingsError(f"{source} holds no token: a token is one word of ASCII characters")
    return token


def _is_token(text: str) -> bool:
    # requests would refuse any other header too, and print it.
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _bearer(token: str) -> Mapping[str, str]:
    redaction.remember(token)
    return {"Authorization": f"Bearer {token}", _METHOD_HEADER: "token"}


def _basic(user: str, password: str) -> Mapping[str, str]:
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    redaction.remember(encoded)
    return {"Authorization": f"Basic {encoded}", _METHOD_HEADER: "basic"}
