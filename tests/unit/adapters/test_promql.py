"""PromQL over HTTP: answers of every kind, mistakes in expressions, and whatever else may stand at that address."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from offloadctl.adapters.promql import Prometheus
from offloadctl.errors import BadReply, BadValue, BrokerError, BrokerUnreachable, SettingsError
from offloadctl.model.settings import BrokerSettings
from tests.sockets import Listener, answering, closed_port, http

AT = datetime(2026, 11, 24, 6, tzinfo=UTC)
POINT = [AT.timestamp(), "0.75"]


def success(kind: str, result: object) -> bytes:
    return http(json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode())


@contextmanager
def prometheus(answer: bytes) -> Iterator[tuple[Prometheus, Listener]]:
    with answering(answer) as listener, Prometheus(listener.url, BrokerSettings(read_timeout=2)) as opened:
        yield opened, listener


def test_a_vector_is_told_by_its_series_with_its_times() -> None:
    vector = [{"metric": {"__name__": "up", "job": "b", "a": "1"}, "value": POINT}]
    with prometheus(success("vector", vector)) as (opened, listener):
        found = opened.instant('up{job="b"}', AT)

    number = found['up{a="1", job="b"}']
    assert (number.value, number.at, number.source) == (0.75, AT, f"PromQL at {opened.location}")
    asked = urlsplit(listener.heard[0].line.split()[1])
    assert asked.path == "/api/v1/query"
    assert parse_qs(asked.query) == {"query": ['up{job="b"}'], "time": [f"{AT.timestamp():.3f}"]}
    assert "authorization" not in listener.heard[0].headers


def test_a_scalar_has_no_name_and_nothing_is_nothing() -> None:
    with prometheus(success("scalar", POINT)) as (opened, _):
        assert opened.instant("1", AT)[""].value == 0.75
    with prometheus(success("vector", [])) as (opened, _):
        assert opened.instant("absent", AT) == {}


def test_a_range_is_told_by_its_series() -> None:
    matrix = [{"metric": {"topic": "x"}, "values": [POINT, [AT.timestamp() + 60, "NaN"]]}]
    with prometheus(success("matrix", matrix)) as (opened, listener):
        [series] = opened.over_time("up", AT, AT + timedelta(hours=1), 60)

    assert series.labels == {"topic": "x"}
    assert [at for at, _ in series.points] == [AT, AT + timedelta(minutes=1)]
    assert series.points[1][1] != series.points[1][1]
    assert parse_qs(urlsplit(listener.heard[0].line.split()[1]).query)["step"] == ["60"]


def test_a_long_range_is_asked_for_in_pieces_that_prometheus_answers() -> None:
    matrix = [{"metric": {"topic": "x"}, "values": [POINT]}]
    with prometheus(success("matrix", matrix)) as (opened, listener):
        [series] = opened.over_time("up", AT, AT + timedelta(minutes=25_000), 60)

    asked = [parse_qs(urlsplit(heard.line.split()[1]).query) for heard in listener.heard]
    spans = [
        ((float(one["start"][0]) - AT.timestamp()) / 60, (float(one["end"][0]) - AT.timestamp()) / 60) for one in asked
    ]
    assert spans == [(0, 10_999), (11_000, 21_999), (22_000, 25_000)]
    assert len(series.points) == 3


def test_a_mistake_in_an_expression_is_told_in_prometheus_words() -> None:
    body = b'{"status": "error", "errorType": "bad_data", "error": "1:4: parse error: unclosed left parenthesis"}'
    with prometheus(http(body, "400 Bad Request")) as (opened, _), pytest.raises(BadValue, match="unclosed left"):
        opened.instant("up(", AT)


def test_a_range_where_one_number_is_needed_is_wrong() -> None:
    matrix = [{"metric": {}, "values": [POINT]}]
    with prometheus(success("matrix", matrix)) as (opened, _), pytest.raises(BadValue, match="matrix"):
        opened.instant("up[5m]", AT)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (http(b"<html>"), BadReply),
        (http(b'{"status": "success", "data": {"resultType": "vector", "result": 7}}'), BadReply),
        (http(b"who are you", "401 Unauthorized"), BrokerError),
        (http(b"busy", "503 Service Unavailable"), BrokerError),
        (http(b"<html>", "400 Bad Request"), BrokerError),
    ],
)
def test_whatever_else_answers_is_an_error(answer: bytes, kind: type[Exception]) -> None:
    with prometheus(answer) as (opened, _), pytest.raises(kind):
        opened.instant("up", AT)


def test_nobody_at_home_is_an_error_and_no_address_is_refused_before() -> None:
    with closed_port() as closed, Prometheus(f"http://{closed}") as opened, pytest.raises(BrokerUnreachable):
        opened.instant("up", AT)
    with pytest.raises(SettingsError):
        Prometheus("prometheus:9090")
