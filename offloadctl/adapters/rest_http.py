"""One HTTP request on requests: how sessions are built, how an answer becomes a Reply, why there was none."""

import os
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3 import exceptions as pool_errors

from offloadctl import __version__, redaction
from offloadctl.adapters import traffic
from offloadctl.adapters.rest_calls import Call, Reply
from offloadctl.adapters.rest_errors import shown
from offloadctl.errors import BrokerUnreachable, SettingsError
from offloadctl.model.settings import BrokerSettings, TlsSettings

# A fleet of partitions is asked by a few dozen threads at most; more connections are made and dropped.
_POOLED: Final = 32

# PersistentTopicsBase.java says both in the broker's time zone; the second only where brokers note it in each entry.
_WRITTEN_AT: Final = ("X-Pulsar-publish-time", "X-Pulsar-Broker-Entry-METADATA-timestamp")

# JSON first: then Jetty's own error pages come as JSON too instead of HTML.
_ACCEPT: Final = "application/json, text/plain;q=0.8, */*;q=0.1"


class BrokerHopeless(BrokerUnreachable):
    """Unreachable in a way that waiting does not heal: a name that does not resolve, a certificate that is refused."""


@dataclass(frozen=True, slots=True)
class Route:
    """How long to wait, and through which proxy."""

    connect_timeout: float
    read_timeout: float
    proxy: str | None = None

    @classmethod
    def of(cls, settings: BrokerSettings) -> "Route":
        """The route that the settings ask for; without a proxy the environment's is taken."""
        if settings.proxy:
            redaction.remember_address(settings.proxy)
        return cls(settings.connect_timeout, settings.read_timeout, settings.proxy)

    @property
    def proxies(self) -> dict[str, str]:
        """As requests wants them with each request: a session's own would lose against the environment's."""
        return {"http": self.proxy, "https": self.proxy} if self.proxy else {}


def build_session(tls: TlsSettings) -> requests.Session:
    """A session that keeps connections per host, sends no cookies, and no credentials that it was not handed."""
    for file in (tls.ca_file, tls.certificate_file, tls.key_file):
        if file is not None and not file.is_file():
            raise SettingsError(f"TLS file {file} does not exist", hint="check the context's TLS settings")
    session = _Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, _PooledAdapter(check_hostname=tls.verify_hostname))
    session.headers = requests.structures.CaseInsensitiveDict(
        {"User-Agent": f"offloadctl/{__version__}", "Accept": _ACCEPT, "Accept-Encoding": "gzip, deflate"}
    )
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # With an auth of its own requests looks neither into ~/.netrc nor into the URL.
    session.auth = _as_it_is
    session.verify = str(tls.ca_file) if tls.verify and tls.ca_file else tls.verify
    if not tls.verify:
        urllib3.disable_warnings(pool_errors.InsecureRequestWarning)
    if tls.certificate_file:
        own = str(tls.certificate_file)
        session.cert = (own, str(tls.key_file)) if tls.key_file else own
    return session


def send(
    session: requests.Session,
    call: Call,
    url: str,
    *,
    route: Route,
    headers: Mapping[str, str],
    advertised: bool = False,
) -> Reply:
    """Exactly one request; BrokerUnreachable if there is no answer. An `advertised` URL is a broker's own word."""
    begun = time.monotonic()
    try:
        response = session.request(
            call.method,
            url,
            data=call.body,
            headers=dict(headers),
            timeout=(route.connect_timeout, route.read_timeout),
            proxies=route.proxies,
            # Said with each request, or REQUESTS_CA_BUNDLE would win against the context's CA and against `verify` off.
            verify=session.verify,
            allow_redirects=False,
        )
    except (requests.RequestException, pool_errors.HTTPError, OSError, ValueError) as exc:
        traffic.HTTP.count(None, time.monotonic() - begun)
        # From None: the foreign texts repeat URLs and headers, and the cause is told in our own words.
        raise _unreachable(call, url, exc, route=route, advertised=advertised) from None
    traffic.HTTP.count(response.status_code, time.monotonic() - begun)
    return Reply(
        call=call,
        host=host_of(url),
        status=response.status_code,
        body=response.content,
        content_type=response.headers.get("Content-Type", ""),
        location=response.headers.get("Location", ""),
        retry_after=response.headers.get("Retry-After", ""),
        written_at=tuple(told for name in _WRITTEN_AT if (told := response.headers.get(name))),
    )


def base_url(url: str, what: str) -> str:
    """The URL without a slash at its end; SettingsError if it cannot be one, or holds a user."""
    shown_url = url.rpartition("@")[2]
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0 or not url.isprintable():
            raise ValueError(shown_url)  # noqa: TRY301 - urlsplit says it the same way
    except ValueError:
        hint = "write http://host:8080 or https://host:8443"
        raise SettingsError(f"{shown_url!r} is no {what}", hint=hint) from None
    if parts.username is not None:
        raise SettingsError(f"the {what} of {shown_url} holds a user", hint="use the context's authentication")
    return url.rstrip("/")


def host_of(url: str) -> str:
    """`host:port`, without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2]


class _Session(requests.Session):
    """A session that leaves redirects alone, and asks the environment for a proxy once for each host.

    Even when told not to follow redirects, requests parses where they lead, and fails there. And it goes through all of
    the environment for each request, twice, which is a fifth of what a request costs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self._proxies: dict[tuple[str, str], dict[str, str]] = {}

    def merge_environment_settings(  # type: ignore[override]  # the base class has no types of its own
        self, url: str, proxies: dict[str, str], stream: Any, verify: Any, cert: Any
    ) -> Mapping[str, Any]:
        if verify is True:
            verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        used = proxies or self._environment_proxies(url)
        settings: Mapping[str, Any] = super().merge_environment_settings(url, used, stream, verify, cert)
        return settings

    def _environment_proxies(self, url: str) -> dict[str, str]:
        scheme, host, *_ = urlsplit(url)
        if (scheme, host) not in self._proxies:
            self._proxies[scheme, host] = requests.utils.get_environ_proxies(url)
        return self._proxies[scheme, host]

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - requests' own name
        return None


class _PooledAdapter(HTTPAdapter):
    """Keeps connections; with `check_hostname` off the certificate's chain is still checked, its name is not."""

    def __init__(self, *, check_hostname: bool) -> None:
        self._check_hostname = check_hostname
        super().__init__(pool_connections=_POOLED, pool_maxsize=_POOLED, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:  # noqa: FBT001, FBT002
        super().init_poolmanager(connections, maxsize, block, **self._checked(kwargs))

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, **self._checked(kwargs))

    def _checked(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        return kwargs if self._check_hostname else {**kwargs, "assert_hostname": False}


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _unreachable(call: Call, url: str, exc: Exception, *, route: Route, advertised: bool) -> BrokerUnreachable:
    causes = list(_causes(exc))
    why = _diagnosis(causes, route)
    if not call.is_read and not why.unsent:
        hint = "the broker may have accepted the request all the same: look with `offloadctl offload status`"
    elif advertised:
        hint = (
            "this is the name that the broker advertises, which may be known only inside the cluster: "
            "run offloadctl inside the cluster, or let admin_urls name the Pulsar proxy"
        )
    elif any("WRONG_VERSION_NUMBER" in str(cause) for cause in causes):
        # OpenSSL's words for an answer that is no TLS at all.
        hint = "no TLS is spoken at this port: write http:// in admin_urls, or the port that speaks it"
    elif any(isinstance(cause, requests.exceptions.SSLError) for cause in causes):
        hint = "tls.ca_file must hold the CA that signed the broker's certificate"
    else:
        hint = "check admin_urls, the proxy settings, and that the broker is up"
    kind = BrokerHopeless if why.hopeless else BrokerUnreachable
    return kind(f"{call} at {host_of(url)}: {why.words}", hint=hint)


@dataclass(frozen=True, slots=True)
class _Why:
    """Why there was no answer."""

    words: str
    hopeless: bool = False
    unsent: bool = False
    """Whether the request surely never reached a broker."""


def _diagnosis(causes: list[BaseException], route: Route) -> _Why:
    told = _system_words(causes)
    known = requests.exceptions
    # Most telling first: several of these are packed into each other.
    table: tuple[tuple[type[BaseException], _Why], ...] = (
        (known.ProxyError, _Why(f"the HTTP proxy{_named(route.proxy)} gives no connection: {told}", unsent=True)),
        (ssl.SSLCertVerificationError, _Why(f"its certificate is refused: {told}", hopeless=True, unsent=True)),
        (known.SSLError, _Why(f"TLS fails: {told}", hopeless=True)),
        (pool_errors.NameResolutionError, _Why("the name does not resolve", hopeless=True, unsent=True)),
        (known.ConnectTimeout, _Why(f"no connection within {route.connect_timeout:g} s", unsent=True)),
        (known.ReadTimeout, _Why(f"no answer within {route.read_timeout:g} s")),
        (pool_errors.ReadTimeoutError, _Why(f"no answer within {route.read_timeout:g} s")),
        (pool_errors.NewConnectionError, _Why(f"no connection: {told}", unsent=True)),
        (known.ContentDecodingError, _Why("its answer cannot be unpacked", hopeless=True)),
        (known.InvalidURL, _Why("this is no address that can be asked", hopeless=True, unsent=True)),
        (known.InvalidHeader, _Why("our credentials cannot be sent as a header", hopeless=True, unsent=True)),
    )
    for kind, why in table:
        if any(isinstance(cause, kind) for cause in causes):
            return why
    return _Why(f"the connection broke off: {told}")


def _named(proxy: str | None) -> str:
    return f" {host_of(proxy)}" if proxy else ""


def _system_words(causes: list[BaseException]) -> str:
    """The operating system's own words if it said any, as in `Connection refused`."""
    for cause in reversed(causes):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return shown(cause.verify_message)
        if isinstance(cause, OSError) and cause.strerror:
            return shown(cause.strerror)
    last = causes[-1]
    return shown(str(last)) or type(last).__name__


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    """The exception and what is packed into it, outermost first; libraries hide it in four different places."""
    seen: set[int] = set()
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        yield exc
        packed = [getattr(exc, "reason", None), *exc.args, exc.__cause__, exc.__context__]
        exc = next((inner for inner in packed if isinstance(inner, BaseException)), None)
