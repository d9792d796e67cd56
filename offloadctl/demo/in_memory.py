"""The embedded cluster without a socket: bucket, brokers and time in memory, asked through the real admin client."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter

from offloadctl.adapters.cluster_numbers import PulsarNumbers
from offloadctl.adapters.memory import ManualClock, MemoryObjectStore
from offloadctl.adapters.pulsar_rest import PulsarRest
from offloadctl.adapters.rest_http import build_session
from offloadctl.demo.broker import Access, Broker, Request
from offloadctl.demo.cluster_state import SimulatedCluster
from offloadctl.demo.faults import Fault
from offloadctl.demo.policies import JsonValue
from offloadctl.demo.tuning import Tuning, broker_properties
from offloadctl.model.settings import BrokerSettings, RateLimits
from offloadctl.ports import Ports


class InMemoryCluster:
    """A cluster whose clock moves only by `advance` and by waiting, so that hours pass in no time; for tests."""

    def __init__(
        self,
        *,
        bucket: str = "offload-demo",
        brokers: tuple[str, ...] = ("broker-1:8080", "broker-2:8080"),
        properties: Mapping[str, JsonValue] | None = None,
        tuning: Tuning | None = None,
        access: Access | None = None,
        seed: int | None = 0,
    ) -> None:
        self.bucket = bucket
        self.clock = ManualClock()
        self.store = MemoryObjectStore(bucket, now=self.clock.now)
        self.cluster = SimulatedCluster(
            self.clock,
            [self.store],
            brokers=brokers,
            properties=broker_properties(bucket) | dict(properties or {}),
            tuning=tuning,
            seed=seed,
        )
        self.asked: Counter[str] = Counter()
        """How often brokers were asked for what, by the last word of the path; answers that lead elsewhere apart."""
        self.brokers = {name: Broker(self.cluster, name, access) for name in brokers}

    @property
    def admin_urls(self) -> tuple[str, ...]:
        """One for each broker; only `admin` can reach them."""
        return tuple(f"http://{name}" for name in self.brokers)

    @property
    def broker_settings(self) -> BrokerSettings:
        """What an admin client needs; nobody is to be spared here, so there is no rate limit worth the name."""
        return BrokerSettings(admin_urls=self.admin_urls, rates=RateLimits(light=1e6, loading=1e6))

    def admin(self, settings: BrokerSettings | None = None) -> PulsarRest:
        """The real admin client, its requests answered in memory."""
        used = settings or self.broker_settings
        return PulsarRest(used, self.clock, session=self._session(used))

    def numbers(self, settings: BrokerSettings | None = None) -> PulsarNumbers:
        """The real client for numbers in bulk."""
        used = settings or self.broker_settings
        return PulsarNumbers(used, self.clock, session=self._session(used))

    def ports(self, settings: BrokerSettings | None = None) -> Ports:
        """Admin client, clock and bucket."""
        return Ports(admin=self.admin(settings), clock=self.clock, stores=(self.store,))

    def _session(self, settings: BrokerSettings) -> requests.Session:
        session = build_session(settings.tls)
        session.mount("http://", _InMemory(self))
        return session

    def advance(self, duration: timedelta) -> None:
        """Move the clock on, and let the cluster do what has become due."""
        self.clock.advance(duration)
        self.cluster.advance()


class _InMemory(BaseAdapter):
    """HTTP for requests, without a network."""

    def __init__(self, cluster: InMemoryCluster) -> None:
        super().__init__()
        self._cluster = cluster

    def send(  # type: ignore[override] # the base class has no types of its own
        self, request: requests.PreparedRequest, timeout: Any = None, **_: Any
    ) -> requests.Response:
        url = urlsplit(str(request.url))
        broker = self._cluster.brokers.get(url.netloc)
        if broker is None:
            raise requests.ConnectionError(f"nobody listens at {url.netloc}", request=request)
        asked = _as_value(request)
        if broker.meets(Fault.RESET, asked):
            raise requests.ConnectionError("the connection was reset", request=request)
        if broker.meets(Fault.SLOW, asked):
            self._answer_slowly(request, timeout)
        answer = broker.answer(asked)
        self._cluster.asked["redirected" if answer.location else asked.path.rpartition("/")[2]] += 1
        response = requests.Response()
        response.status_code, response._content = answer.status, answer.body  # noqa: SLF001 - there is no other way
        response.headers.update(answer.headers)
        response.url, response.request = str(request.url), request
        return response

    def _answer_slowly(self, request: requests.PreparedRequest, timeout: Any) -> None:
        takes, patience = self._cluster.cluster.faults.slow_seconds, timeout[1] if timeout else float("inf")
        self._cluster.clock.sleep(min(takes, patience))
        if takes > patience:
            raise requests.ReadTimeout("no answer in time", request=request)

    def close(self) -> None:
        """Nothing is open."""


def _as_value(request: requests.PreparedRequest) -> Request:
    url = urlsplit(str(request.url))
    body = request.body or b""
    return Request(
        method=str(request.method),
        path=url.path,
        params=dict(parse_qsl(url.query, keep_blank_values=True)),
        body=body.encode() if isinstance(body, str) else body,
        headers={name.lower(): str(value) for name, value in request.headers.items()},
    )
