"""Who we are, for the broker: the headers of each way to authenticate, renewed when their source changes.

Headers are those of Pulsar's AuthenticationDataToken.java and AuthenticationDataBasic.java; OAuth2 is a token on the
wire. A client certificate is no header: the session presents it.
"""

import base64
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol, TypeVar
from urllib.parse import urlencode

import msgspec
import requests

from offloadctl import redaction
from offloadctl.adapters.rest_calls import Call, Reply
from offloadctl.adapters.rest_errors import bad_reply, error_for, shown
from offloadctl.adapters.rest_http import Route, build_session, host_of, send
from offloadctl.errors import NotAuthenticated, SettingsError
from offloadctl.model.settings import BasicAuth, BrokerAuth, OAuth2Auth, TlsSettings, TokenAuth
from offloadctl.ports import Clock

Wire = TypeVar("Wire")

_METHOD_HEADER: Final = "X-Pulsar-Auth-Method-Name"
_DISCOVERY: Final = "/.well-known/openid-configuration"

_RENEWED_BEFORE_EXPIRY: Final = 60.0
"""Seconds."""
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
            return _TokenFile(file)
        case TokenAuth(text=None, file=None, environment=str() as variable):
            return _Fixed(_bearer(_from_environment(variable), f"the variable {variable}"))
        case TokenAuth(text=redaction.Secret() as text, file=None, environment=None):
            return _Fixed(_bearer(text.reveal(), "the context's token"))
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
    """Reads the file anew when it changed: Kubernetes turns a link to another file, an editor writes in place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[tuple[int, int, int], Mapping[str, str]] | None = None
        self._lock = threading.Lock()

    def headers(self) -> Mapping[str, str]:
        with self._lock:
            try:
                state = self._path.stat()
                mark = (state.st_mtime_ns, state.st_size, state.st_ino)
                if self._read is None or self._read[0] != mark:
                    text = self._path.read_text(encoding="utf-8", errors="replace")
                    self._read = mark, _bearer(text, f"the file {self._path}")
            except OSError as exc:
                # In the moment of an exchange the file may be missing; the token that we have is good until it is not.
                if self._read is None:
                    raise SettingsError(f"token file {self._path} cannot be read: {exc.strerror}") from exc
            return self._read[1]

    def renew(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is open."""


class _ClientCredentials:
    """OAuth2 client credentials (RFC 6749, 4.4): one token for all threads, renewed shortly before its end."""

    def __init__(self, auth: OAuth2Auth, clock: Clock, route: Route, session: requests.Session) -> None:
        self._auth = auth
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
                self._headers = _bearer(granted.access_token, f"the issuer {self._auth.issuer_url}")
                lifetime = _LIFETIME_IF_UNTOLD if granted.expires_in is None else granted.expires_in
                self._good_until = asked_at + max(lifetime - _RENEWED_BEFORE_EXPIRY, lifetime / 2)
            return self._headers

    def renew(self) -> bool:
        with self._lock:
            self._headers = None
        return True

    def close(self) -> None:
        self._session.close()

    def _token_endpoint(self) -> str:
        issuer = self._auth.issuer_url.rstrip("/")
        reply = self._ask(Call("GET", _DISCOVERY, confidential=True), issuer + _DISCOVERY)
        if not reply.is_success:
            raise error_for(reply)
        endpoint = _decoded(reply, _Discovery).token_endpoint
        if not endpoint.startswith("https://" if issuer.startswith("https://") else ("http://", "https://")):
            raise bad_reply(reply, f"the token endpoint {shown(endpoint)!r} is less safe than the issuer")
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
        reply = self._ask(Call("POST", "the OAuth2 token endpoint", body=body, confidential=True), endpoint)
        if reply.status in (400, 401, 403):
            raise _not_granted(reply, endpoint)
        if not reply.is_success:
            raise error_for(reply)
        return _decoded(reply, _Granted)

    def _ask(self, call: Call, url: str) -> Reply:
        headers = {} if call.body is None else {"Content-Type": "application/x-www-form-urlencoded"}
        return send(self._session, call, url, route=self._route, headers=headers)


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
        return msgspec.json.decode(reply.body, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise bad_reply(reply, str(exc)) from exc


def _not_granted(reply: Reply, endpoint: str) -> NotAuthenticated:
    try:
        denied = msgspec.json.decode(reply.body, type=_Denied)
        why = ": ".join(filter(None, (denied.error, denied.error_description)))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        why = ""
    return NotAuthenticated(
        f"the OAuth2 issuer at {host_of(endpoint)} gives no token: {reply.status} {shown(why)}".rstrip(),
        hint="check client_id, client_secret, audience and scope of the context",
        status=reply.status,
    )


def _from_environment(variable: str) -> str:
    text = os.environ.get(variable, "")
    if not text.strip():
        raise SettingsError(f"the variable {variable} should hold the broker's token, and it is not set")
    return text


def _bearer(text: str, source: str) -> Mapping[str, str]:
    token = text.strip()
    redaction.remember(token)
    # requests would refuse such a header too, and print it.
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError(f"{source} holds no token: a token is one word of ASCII characters")
    return {"Authorization": f"Bearer {token}", _METHOD_HEADER: "token"}


def _basic(user: str, password: str) -> Mapping[str, str]:
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    redaction.remember(encoded)
    return {"Authorization": f"Basic {encoded}", _METHOD_HEADER: "basic"}
