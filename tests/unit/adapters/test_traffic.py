"""What is counted of requests: each once, with its answer or without one."""

from math import inf

import pytest

from offloadctl.adapters.rest_calls import Call
from offloadctl.adapters.rest_http import Route, build_session, send
from offloadctl.adapters.traffic import BOUNDS_S, HTTP, Traffic
from offloadctl.errors import BrokerUnreachable
from offloadctl.model.settings import BrokerSettings, TlsSettings


def test_answers_are_counted_by_their_first_digit() -> None:
    traffic = Traffic()

    for status in (200, 204, 307, 404, 503, None):
        traffic.count(status, 0.5)

    assert traffic.told().answers == {"2xx": 2, "3xx": 1, "4xx": 1, "5xx": 1, "none": 1}
    assert traffic.told().seconds == 3.0


def test_durations_are_counted_by_the_classes_they_fall_into() -> None:
    traffic = Traffic()

    for seconds in (0.001, 0.005, 0.2, 99.0):
        traffic.count(200, seconds)

    durations = dict(zip((*BOUNDS_S, inf), traffic.told().durations, strict=True))
    assert [durations[one] for one in (0.005, 0.01, 0.1, 0.25, 60.0, inf)] == [2, 2, 2, 3, 3, 4]


def test_every_request_counts_even_one_without_an_answer() -> None:
    call, route = Call("GET", "/metrics"), Route.of(BrokerSettings())
    session = build_session(TlsSettings())
    before = HTTP.told()

    with pytest.raises(BrokerUnreachable):
        send(session, call, "http://127.0.0.1:1/metrics", route=route, headers={})
    session.close()

    after = HTTP.told()
    assert after.answers["none"] - before.answers.get("none", 0) == 1
    assert sum(after.answers.values()) - sum(before.answers.values()) == 1
