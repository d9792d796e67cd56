"""Where a redirect may lead: our credentials go only to hosts that somebody vouched for."""

import threading
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from offloadctl.adapters.rest_calls import Reply
from offloadctl.adapters.rest_errors import bad_reply, shown
from offloadctl.adapters.rest_http import host_of
from offloadctl.errors import BrokerError, RedirectRefused
from offloadctl.model.settings import BrokerSettings
from offloadctl.ports import Clock

MAX_HOPS: Final = 5

_LIST_KEPT: Final = 60.0
"""Seconds for which a list of brokers is not asked for again, whatever it said."""


def redirect_target(reply: Reply, url: str) -> str:
    """The absolute URL that an answer to `url` points to, without any user and password in it."""
    if not reply.location:
        raise bad_reply(reply, "a redirect without a Location")
    try:
        target = urlsplit(urljoin(url, reply.location))
        usable = target.scheme in ("http", "https") and bool(target.hostname) and target.port != 0
    except ValueError:
        target, usable = SplitResult("", "", "", "", ""), False
    if not usable or not reply.location.isprintable():
        raise bad_reply(reply, f"a redirect to {shown(reply.location)!r}")
    return urlunsplit((target.scheme, target.netloc.rpartition("@")[2], target.path, target.query, ""))


class HostTrust:
    """Decides whether a host may get our credentials: it is configured, or trusted by pattern, or a listed broker."""

    def __init__(self, settings: BrokerSettings, clock: Clock, list_brokers: Callable[[], tuple[str, ...]]) -> None:
        self._has_credentials = settings.auth is not None or settings.tls.certificate_file is not None
        self._configured = frozenset(_host_name(url) for url in settings.admin_urls)
        self._patterns = tuple(pattern.lower() for pattern in settings.trusted_broker_hosts)
        self._clock = clock
        self._list_brokers = list_brokers
        self._listed: frozenset[str] = frozenset()
        self._listed_at: float | None = None
        self._lock = threading.Lock()

    def require(self, reply: Reply, *, source: str, target: str, ask_cluster: bool) -> None:
        """RedirectRefused unless the answer to `source` may lead on to `target`; without credentials to any host."""
        if source.startswith("https:") and not target.startswith("https:"):
            # Even without credentials: whoever stands in between could tell us anything about the ledgers.
            raise _refused(reply, target, "it leaves TLS", "let brokers advertise webServicePortTls")
        if not self._has_credentials:
            return
        if not self._trusts(target) and not (ask_cluster and _host_name(target) in self._brokers(target)):
            raise _refused(
                reply,
                target,
                "our credentials do not go there, for the host is none of admin_urls, none of trusted_broker_hosts, "
                "and no broker that the cluster lists",
                f"if it is your broker, add {_host_name(target)} to trusted_broker_hosts; patterns work",
            )

    def _trusts(self, url: str) -> bool:
        host, with_port = _host_name(url), host_of(url).lower()
        return host in self._configured or any(
            fnmatchcase(name, pattern) for pattern in self._patterns for name in (host, with_port)
        )

    def _brokers(self, target: str) -> frozenset[str]:
        """The host names that the cluster lists; none if it does not tell us, which needs super-user rights."""
        with self._lock:
            now = self._clock.monotonic()
            fresh = self._listed_at is not None and now - self._listed_at < _LIST_KEPT
            if _host_name(target) not in self._listed and not fresh:
                try:
                    self._listed = frozenset(_host_name(f"//{broker}") for broker in self._list_brokers())
                except BrokerError:
                    # Without the list a redirect is refused, and the refusal names the setting that helps.
                    self._listed = frozenset()
                self._listed_at = now
            return self._listed


def _host_name(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _refused(reply: Reply, target: str, why: str, hint: str) -> RedirectRefused:
    return RedirectRefused(
        f"{reply.call} at {reply.host}: redirected to {shown(host_of(target))}, not followed: {why}",
        hint=hint,
        status=reply.status,
    )
