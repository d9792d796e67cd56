"""How a call reaches a broker: rate limits, credentials, redirects, failover; and the rule that only reads repeat."""

from dataclasses import replace
from typing import Final
from urllib.parse import quote, urlsplit

import requests

from offloadctl.adapters.broker_auth import Credentials, credentials_for
from offloadctl.adapters.rest_calls import ADMIN, Call, Reply
from offloadctl.adapters.rest_errors import error_for
from offloadctl.adapters.rest_http import BrokerHopeless, Route, base_url, build_session, send
from offloadctl.adapters.rest_limits import LONGEST_RETRY_AFTER, TokenBucket, pause_before, retry_after
from offloadctl.adapters.rest_redirects import MAX_HOPS, HostTrust, redirect_target
from offloadctl.adapters.rest_replies import brokers_of, clusters_of
from offloadctl.errors import BrokerError, BrokerUnreachable, NotAuthenticated, RedirectRefused, SettingsError
from offloadctl.model.settings import BrokerSettings
from offloadctl.ports import Clock

ATTEMPTS: Final = 4

# Nobody stands behind this URL right now; another one may do.
_AWAY: Final = frozenset({502, 503, 504})
_WORTH_A_RETRY: Final = _AWAY | {429}


class Transport:
    """One cluster's admin REST service. Safe to share between threads."""

    def __init__(self, settings: BrokerSettings, clock: Clock, session: requests.Session | None = None) -> None:
        self._bases = tuple(base_url(url, "admin URL") for url in settings.admin_urls)
        if not self._bases:
            raise SettingsError("the context has no admin URL", hint="set admin_urls, as in http://localhost:8080")
        self._clock = clock
        self._route = Route.of(settings)
        self._session = session or build_session(settings.tls)
        self._for_triggers = session or build_session(settings.tls)
        self._credentials: Credentials = credentials_for(settings.auth, clock, self._route, session)
        self._trust = HostTrust(settings, clock, lambda: self.list_brokers(attempts=1, ask_cluster=False))
        self._light = TokenBucket(settings.rates.light, clock)
        self._loading = TokenBucket(settings.rates.loading, clock)
        self._answered: str | None = None
        self._patience = settings.read_timeout

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()
        self._for_triggers.close()
        self._credentials.close()

    def read(self, call: Call, *, at: str | None = None, attempts: int = ATTEMPTS, ask_cluster: bool = True) -> Reply:
        """The successful answer to a read; any other is raised."""
        return _successful(self.ask(call, at=at, attempts=attempts, ask_cluster=ask_cluster))

    def ask(self, call: Call, *, at: str | None = None, attempts: int = ATTEMPTS, ask_cluster: bool = True) -> Reply:
        """Any answer to a read, asked again while that may help: of `at` alone, or of the first URL that answers."""
        deadline = self._clock.monotonic() + self._patience
        attempt = 1
        while True:
            outcome = self._first_answer(call, at, ask_cluster=ask_cluster)
            attempt += 1
            pause = self._pause(outcome, attempt)
            if pause is None or attempt > attempts or self._clock.monotonic() + pause > deadline:
                break
            self._clock.sleep(pause)
        if isinstance(outcome, BrokerUnreachable):
            raise outcome
        return outcome

    def trigger(self, call: Call) -> Reply:
        """The answer to a request that changes something: sent once, to a URL that has answered before."""
        if self._answered is None:
            self._find_one_that_answers()
        # On a new connection: an idle one may be closed by the other side at this very moment, and then nobody knows
        # whether the trigger came through. Connections in use are not disturbed, and reads have a session of their own.
        self._for_triggers.close()
        return _successful(self._follow(call, self._answered or self._bases[0], ask_cluster=True))

    def list_brokers(self, *, attempts: int = ATTEMPTS, ask_cluster: bool = True) -> tuple[str, ...]:
        """`host:port` of each broker of the cluster that answers. NotAuthorised without super-user rights."""
        known = clusters_of(self._get("/clusters", attempts, ask_cluster=ask_cluster))
        # With several clusters `/brokers` means the answering broker's own; older brokers want the name.
        path = f"/brokers/{quote(known[0], safe='')}" if len(known) == 1 else "/brokers"
        return brokers_of(self._get(path, attempts, ask_cluster=ask_cluster))

    def url_of(self, broker: str) -> str:
        """The admin URL of a listed broker, by the scheme of the URL that answered."""
        return f"{urlsplit(self._answered or self._bases[0]).scheme}://{broker}"

    def _get(self, path: str, attempts: int, *, ask_cluster: bool) -> Reply:
        return self.read(Call("GET", ADMIN + path), attempts=attempts, ask_cluster=ask_cluster)

    def _find_one_that_answers(self) -> None:
        try:
            self._get("/clusters", ATTEMPTS, ask_cluster=True)
        except BrokerError:
            # An answer that says no is an answer; without any there is nobody to send the trigger to.
            if self._answered is None:
                raise

    def _first_answer(self, call: Call, at: str | None, *, ask_cluster: bool) -> Reply | BrokerUnreachable:
        failures: list[Reply | BrokerUnreachable] = []
        for base in (at,) if at else self._in_order():
            try:
                reply = self._follow(call, base, ask_cluster=ask_cluster)
            except BrokerUnreachable as exc:
                failures.append(exc)
            else:
                if reply.status not in _AWAY:
                    return reply
                failures.append(reply)
        # The most hopeful one decides whether to try again: an answer, then one that may heal.
        return min(failures, key=lambda one: (isinstance(one, BrokerUnreachable), isinstance(one, BrokerHopeless)))

    def _in_order(self) -> tuple[str, ...]:
        answered = self._answered
        return tuple(sorted(self._bases, key=lambda base: base != answered))

    def _pause(self, outcome: Reply | BrokerUnreachable, attempt: int) -> float | None:
        if isinstance(outcome, BrokerUnreachable):
            return None if isinstance(outcome, BrokerHopeless) else pause_before(attempt)
        if outcome.status not in _WORTH_A_RETRY:
            return None
        asked = retry_after(outcome.retry_after, self._clock)
        return max(pause_before(attempt), asked) if asked <= LONGEST_RETRY_AFTER else None

    def _follow(self, call: Call, base: str, *, ask_cluster: bool) -> Reply:
        url = base + call.target
        ours = base in self._bases
        reply = self._send(call, url, advertised=not ours)
        if ours and reply.status not in _AWAY:
            self._answered = base
        hosts = [reply.host]
        while reply.is_redirect:
            if len(hosts) > MAX_HOPS:
                raise RedirectRefused(
                    f"{call}: redirected more than {MAX_HOPS} times: {' > '.join(hosts)}",
                    hint="brokers disagree about the topic's owner: wait for the load balancer, or unload the bundle",
                    status=reply.status,
                )
            target = redirect_target(reply, url)
            self._trust.require(reply, source=url, target=target, ask_cluster=ask_cluster)
            reply, url = self._send(call, target, advertised=True), target
            hosts.append(reply.host)
        base, path, _ = url.partition(call.path)
        return replace(reply, redirected_to=base) if len(hosts) > 1 and path else reply

    def _send(self, call: Call, url: str, *, advertised: bool) -> Reply:
        reply = self._send_once(call, url, advertised=advertised)
        # An access token can be withdrawn before it expires. A trigger is not sent twice, not even for this.
        unknown = reply.status == 401 and isinstance(error_for(reply), NotAuthenticated)
        if unknown and self._credentials.renew() and call.is_read:
            return self._send_once(call, url, advertised=advertised)
        return reply

    def _send_once(self, call: Call, url: str, *, advertised: bool) -> Reply:
        headers = dict(self._credentials.headers())
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        (self._loading if call.loads_topic else self._light).take()
        session = self._session if call.is_read else self._for_triggers
        return send(session, call, url, route=self._route, headers=headers, advertised=advertised)


def _successful(reply: Reply) -> Reply:
    if not reply.is_success:
        raise error_for(reply)
    return reply
