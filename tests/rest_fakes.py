"""Brokers as functions: an HTTP transport for requests that answers in memory and remembers what it was asked."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from requests.adapters import BaseAdapter

from offloadctl.adapters.memory import ManualClock
from offloadctl.adapters.pulsar_rest import PulsarRest
from offloadctl.adapters.rest_http import build_session
from offloadctl.model.settings import BrokerSettings


@dataclass(frozen=True)
class Answer:
    """What a broker says."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """What a broker was asked."""

    method: str
    host: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes | None
    url: str
    timeout: Any
    proxies: Mapping[str, str]
    cert: Any


Broker = Callable[[Asked], Answer | Exception]


class FakeBrokers(BaseAdapter):
    """Every host there is; `broker` answers for all of them, and an exception that it returns is raised."""

    def __init__(self, broker: Broker) -> None:
        super().__init__()
        self._broker = broker
        self.asked: list[Asked] = []

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, timeout: Any = None, cert: Any = None, proxies: Any = None, **_: Any
    ) -> requests.Response:
        url = str(request.url)
        parts = urlsplit(url)
        body = request.body.encode() if isinstance(request.body, str) else request.body
        asked = Asked(
            method=str(request.method),
            host=parts.netloc,
            path=parts.path,
            query=parse_qs(parts.query),
            headers=request.headers,
            body=body,
            url=url,
            timeout=timeout,
            proxies=proxies,
            cert=cert,
        )
        self.asked.append(asked)
        answer = self._broker(asked)
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code = answer.status
        response._content = answer.body
        response.headers.update(answer.headers)
        response.url = url
        response.request = request
        return response

    def close(self) -> None:
        """Nothing is open."""

    def count(self, method: str) -> int:
        """How many requests of that method came."""
        return sum(asked.method == method for asked in self.asked)


@dataclass
class Bench:
    """An adapter under test, the brokers that it talks to, and its clock."""

    rest: PulsarRest
    brokers: FakeBrokers
    clock: ManualClock


def bench(broker: Broker, settings: BrokerSettings | None = None, *, context_name: str = "") -> Bench:
    """A PulsarRest whose every request, to whatever host, is answered by `broker`."""
    settings = settings or BrokerSettings(admin_urls=("http://broker:8080",))
    brokers, clock = FakeBrokers(broker), ManualClock()
    session = build_session(settings.tls)
    session.mount("http://", brokers)
    session.mount("https://", brokers)
    return Bench(PulsarRest(settings, clock, context_name=context_name, session=session), brokers, clock)


def json_answer(value: Any, status: int = 200, **headers: str) -> Answer:
    """An answer with this value as its JSON."""
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})


def refusal(status: int, reason: str = "", **headers: str) -> Answer:
    """Pulsar's error document."""
    return json_answer({"reason": reason}, status, **headers)


def moved(location: str, status: int = 307) -> Answer:
    """An answer that sends the caller elsewhere."""
    return Answer(status, b"", {"Location": location})


def in_turn(*answers: Answer | Exception) -> Broker:
    """A broker that gives one answer after the other whatever it is asked, and the last one for ever."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def by_path(answers: Mapping[str, Answer | Exception], default: Answer | Exception | None = None) -> Broker:
    """A broker that knows a few paths (after /admin/v2) and says 404 to the rest."""
    unknown = default or Answer(404, b'{"reason": "no such thing"}')
    return lambda asked: answers.get(asked.path.removeprefix("/admin/v2"), unknown)
