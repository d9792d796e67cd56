"""Recorded numbers, replayed: each moment sees of every number the last that was measured before it.

A file has one JSON object a line, in any order; empty lines and those that begin with # say nothing:

    {"at": "2026-11-24T06:00:00Z", "measure": "local-bytes", "subject": "acme/shop/orders", "value": 12884901888}
    {"at": "2026-11-24T06:00:00Z", "measure": "bookie-disk", "subject": "bookie-0", "value": 0.83}
    {"at": "2026-11-24T06:00:00Z", "query": "max(pod_memory)", "subject": "{}", "value": 0.7}
    {"namespace": "acme/shop", "labels": {"tier": "cold"}}
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec

from offloadctl.errors import BadValue, UsageError
from offloadctl.model.measures import Measure, Number, Series, Snapshot
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.plan.promql_measures import subject_of

Subject = TypeVar("Subject")

_WITHOUT: Final = "nothing of it is recorded"
_SOURCE: Final = "recorded"


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    at: datetime | None = None
    measure: Measure | None = None
    query: str = ""
    subject: str = ""
    value: float | None = None
    namespace: str = ""
    labels: dict[str, str] = {}


@dataclass(slots=True)
class _Points:
    """One number over time, ascending."""

    times: list[datetime] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)

    def add(self, at: datetime, value: float | None) -> None:
        place = bisect_right(self.times, at)
        self.times.insert(place, at)
        self.values.insert(place, value)

    def number(self, now: datetime) -> Number | None:
        place = bisect_right(self.times, now)
        if not place:
            return None
        value = self.values[place - 1]
        why = "" if value is not None else "recorded as unknown"
        return Number(_SOURCE, value, self.times[place - 1], why=why)


@dataclass(slots=True)
class Recording:
    """All that is recorded."""

    source: str
    """Where it is from, for people."""
    topics: dict[Measure, dict[TopicName, _Points]] = field(default_factory=dict)
    instances: dict[Measure, dict[str, _Points]] = field(default_factory=dict)
    queries: dict[str, dict[str, _Points]] = field(default_factory=dict)
    labels: dict[NamespaceName, Mapping[str, str]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    """By measure or expression: why nothing of it is recorded."""

    @property
    def every_topic(self) -> frozenset[TopicName]:
        """The topics of which anything is recorded."""
        return frozenset(topic for points in self.topics.values() for topic in points)

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """From the first number to the last; None without any."""
        every = [
            points
            for groups in (self.topics, self.instances, self.queries)
            for group in groups.values()
            for points in group.values()
        ]
        if not every:
            return None
        return min(one.times[0] for one in every), max(one.times[-1] for one in every)

    def add(self, measure: Measure, subject: str, at: datetime, value: float | None) -> None:
        """One number of a topic, broker or bookie; BadValue if a topic's name is none."""
        if measure.is_of_topics:
            self.topics.setdefault(measure, {}).setdefault(TopicName.parse(subject), _Points()).add(at, value)
        else:
            self.instances.setdefault(measure, {}).setdefault(subject, _Points()).add(at, value)

    def add_query(self, query: str, series: str, at: datetime, value: float | None) -> None:
        """One number of an expression's series."""
        self.queries.setdefault(query, {}).setdefault(series, _Points()).add(at, value)

    def add_series(self, measure: Measure, query: str, every: Iterable[Series]) -> None:
        """What Prometheus has of a measure, or of an expression; series that name no subject are left out."""
        for series in every:
            subject = subject_of(measure, series.labels)
            for at, value in series.points:
                if query:
                    self.add_query(query, series.name, at, value)
                elif subject:
                    self.add(measure, subject, at, value)

    def at(self, now: datetime) -> Snapshot:
        """What was known at that moment."""
        known = {one.value: one for one in Measure}
        names = [*known, *self.queries, *self.missing]
        return Snapshot(
            now,
            topics={one: _now(points, now) for one, points in self.topics.items()},
            instances={one: _now(points, now) for one, points in self.instances.items()},
            queries={one: _now(points, now) for one, points in self.queries.items()},
            missing={name: Number(_SOURCE, why=self.missing.get(name, _WITHOUT)) for name in names},
            labels=self.labels,
        )


def read_recording(text: str, name: str) -> Recording:
    """A file of recorded numbers. BadValue tells the first mistake, with its line."""
    found = Recording(name)
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            _take(found, msgspec.json.decode(line, type=_Line))
        except (msgspec.MsgspecError, UsageError) as error:
            raise BadValue(
                f"{name}, line {number}: {error}",
                hint='one object a line, as in {"at": "2026-11-24T06:00:00Z", "measure": "bookie-disk", "subject": '
                '"bookie-0", "value": 0.83}',
            ) from error
    if found.span is None:
        raise UsageError(f"{name} has no numbers")
    return found


def _take(found: Recording, line: _Line) -> None:
    if line.namespace:
        found.labels[NamespaceName.parse(line.namespace)] = line.labels
        return
    if line.at is None or (line.measure is None) == (not line.query):
        raise BadValue("it has neither a namespace, nor a time and one of measure and query")
    at = line.at if line.at.tzinfo is not None else line.at.replace(tzinfo=UTC)
    if line.query:
        found.add_query(line.query, line.subject, at, line.value)
    elif line.measure is not None:
        found.add(line.measure, line.subject, at, line.value)


def _now(points: Mapping[Subject, _Points], now: datetime) -> dict[Subject, Number]:
    found = {subject: one.number(now) for subject, one in points.items()}
    return {subject: number for subject, number in found.items() if number is not None}
