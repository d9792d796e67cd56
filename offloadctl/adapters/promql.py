"""PromQL over HTTP: Prometheus and whatever speaks its API (Thanos, Mimir, VictoriaMetrics)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeVar

import msgspec

from offloadctl.adapters.closing import Closing
from offloadctl.adapters.decoding import decoded
from offloadctl.adapters.rest_calls import Call, Reply
from offloadctl.adapters.rest_errors import bad_reply, error_for, shown
from offloadctl.adapters.rest_http import Route, base_url, build_session, host_of, send
from offloadctl.adapters.rest_replies import understood
from offloadctl.errors import BadValue, BrokerError
from offloadctl.model.measures import Number, Series, series_name
from offloadctl.model.settings import BrokerSettings, TlsSettings

_BAD_QUERY: Final = (400, 422)
_MOST_POINTS: Final = 11_000
"""Of a series, in one answer (web/api/v1/api.go of Prometheus)."""

Wire = TypeVar("Wire")


class Prometheus(Closing):
    """Keeps the promises of `ports.schedule.Queries`; close it. None of the broker's credentials are sent there."""

    def __init__(self, url: str, settings: BrokerSettings | None = None) -> None:
        used = settings or BrokerSettings()
        self._url = base_url(url, "address of Prometheus")
        self._route = Route.of(used)
        self._session = build_session(TlsSettings(used.tls.ca_file, verify=used.tls.verify))

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    @property
    def location(self) -> str:
        """Host and port, for people."""
        return host_of(self._url)

    def instant(self, expression: str, at: datetime) -> Mapping[str, Number]:
        """A vector, by its series, or a scalar, whose series has no name."""
        call = Call("GET", "/api/v1/query", (("query", expression), ("time", f"{at.timestamp():.3f}")))
        reply = self._ask(call)
        data = understood(reply, _Instant, lambda answer: answer.data)
        source = f"PromQL at {self.location}"
        match data.result_type:
            case "vector":
                every = _understood_part(reply, data.result, list[_InstantSeries])
                return {series_name(one.metric): _number(one.value, source) for one in every}
            case "scalar":
                return {"": _number(_understood_part(reply, data.result, tuple[float, str]), source)}
            case _:
                raise BadValue(
                    f"{expression!r} gives a {data.result_type}, and not one number for each series",
                    hint="of a range, take a function of it, as in max_over_time(x[5m])",
                )

    def over_time(self, expression: str, start: datetime, end: datetime, step_seconds: float) -> Sequence[Series]:
        """A matrix, in as many pieces as Prometheus wants."""
        labels: dict[str, Mapping[str, str]] = {}
        points: dict[str, list[tuple[datetime, float]]] = {}
        for first, last in _pieces(start, end, timedelta(seconds=step_seconds)):
            params = (
                ("query", expression),
                ("start", f"{first.timestamp():.3f}"),
                ("end", f"{last.timestamp():.3f}"),
                ("step", f"{step_seconds:g}"),
            )
            reply = self._ask(Call("GET", "/api/v1/query_range", params))
            data = understood(reply, _Instant, lambda answer: answer.data)
            for one in _understood_part(reply, data.result, list[_RangeSeries]):
                name = series_name(one.metric)
                labels[name] = one.metric
                points.setdefault(name, []).extend(
                    (datetime.fromtimestamp(at, UTC), float(text)) for at, text in one.values
                )
        return [Series(labels[name], tuple(every)) for name, every in points.items()]

    def _ask(self, call: Call) -> Reply:
        reply = send(self._session, call, self._url + call.target, route=self._route, headers={})
        if reply.status in _BAD_QUERY:
            raise BadValue(f"Prometheus at {reply.host} does not take the expression: {_error(reply)}")
        if not reply.is_success:
            raise error_for(reply)
        return reply


def _pieces(start: datetime, end: datetime, step: timedelta) -> Iterator[tuple[datetime, datetime]]:
    first = start
    while first <= end:
        last = min(end, first + (_MOST_POINTS - 1) * step)
        yield first, last
        first = last + step


_Point = tuple[float, str]


class _Data(msgspec.Struct, frozen=True, rename="camel"):
    result_type: str
    result: msgspec.Raw


class _Instant(msgspec.Struct, frozen=True):
    status: Literal["success"]
    data: _Data


class _InstantSeries(msgspec.Struct, frozen=True):
    metric: dict[str, str]
    value: _Point


class _RangeSeries(msgspec.Struct, frozen=True):
    metric: dict[str, str]
    values: list[_Point]


class _Failure(msgspec.Struct, frozen=True):
    error: str = ""


def _understood_part(reply: Reply, part: msgspec.Raw, wire: type[Wire]) -> Wire:
    try:
        return decoded(bytes(part), wire)
    except msgspec.MsgspecError as error:
        raise bad_reply(reply, str(error), hint="is this Prometheus' HTTP API?") from error


def _number(point: _Point, source: str) -> Number:
    at, text = point
    return Number(source, float(text), datetime.fromtimestamp(at, UTC))


def _error(reply: Reply) -> str:
    try:
        return shown(decoded(reply.body, _Failure).error)
    except msgspec.MsgspecError as error:
        raise BrokerError(f"{reply.call} at {reply.host}: {reply.status}", status=reply.status) from error
