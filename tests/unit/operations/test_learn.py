"""What is usual, learnt from a recording: the same as if somebody had looked all the time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from offloadctl.errors import BadValue, UsageError
from offloadctl.model.measures import Learning, Measure, Number, Series, Snapshot, Usual, UsualKey
from offloadctl.model.schedule import Extent
from offloadctl.operations.learn import Span, learn
from offloadctl.operations.usual import Asked, Usuals
from offloadctl.plan.promql_measures import expression_of, why_without
from tests.schedules import BILLS, ORDERS, TOPICS, above, local_bytes, schedule

NOW = datetime(2026, 3, 30, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SPAN = Span(NOW - 5 * DAY, NOW, HOUR / 6)
CPU = above(Measure.BROKER_CPU, 4, unusual=True)
BYTES = above(Measure.LOCAL_BYTES, 4, unusual=True)
LOAD = above(Measure.PROMQL, 4, unusual=True, query="load", zone="Europe/Berlin")


def busy(at: datetime) -> float:
    return (0.6 if at.hour >= 12 else 0.2) + at.timestamp() // 600 % 5 / 100


@dataclass
class Recorded:
    """A Prometheus that has recorded the same load of some series; `since` then, and none of what it does not take."""

    labels: Mapping[str, Sequence[Mapping[str, str]]]
    load: Callable[[datetime], float] = busy
    since: datetime = NOW - 60 * DAY
    most_points: int = 0
    asked: list[tuple[str, datetime, datetime]] = field(default_factory=list)

    def instant(self, expression: str, at: datetime) -> Mapping[str, Number]:
        if expression not in self.labels:
            raise BadValue("it does not parse")
        return {str(index): Number("recorded", 1.0, at) for index, _ in enumerate(self.labels[expression])}

    def over_time(self, expression: str, start: datetime, end: datetime, step_seconds: float) -> Sequence[Series]:
        self.asked.append((expression, start, end))
        steps = round((end - start).total_seconds() / step_seconds) + 1
        times = [start + step * timedelta(seconds=step_seconds) for step in range(steps)]
        points = tuple((at, self.load(at)) for at in times if at >= self.since)
        every = self.labels[expression]
        self.most_points = max(self.most_points, len(points) * len(every))
        return [Series(one, points) for one in every] if points else []


def recorded(*brokers: str, **changes: object) -> Recorded:
    return Recorded({expression_of(CPU): [{"instance": one} for one in brokers]}, **changes)  # type: ignore[arg-type]


def seen(*brokers: str) -> Snapshot:
    return Snapshot(NOW, instances={Measure.BROKER_CPU: {one: Number("load report", 0.2, NOW) for one in brokers}})


def test_it_is_known_as_if_somebody_had_looked_all_the_time() -> None:
    asked, looked, usuals = [Asked(schedule(CPU), TOPICS)], Usuals(), Usuals()
    steps = round((SPAN.end - SPAN.start) / SPAN.every)
    for at in (SPAN.start + step * SPAN.every for step in range(steps + 1)):
        numbers = {"a": Number("recorded", busy(at), at)}
        looked.fill(Snapshot(at, instances={Measure.BROKER_CPU: numbers}), asked)
    told: list[datetime] = []

    learnt = learn(asked, seen("a"), recorded("a"), usuals, SPAN, told=told.append)

    key = UsualKey("broker-cpu", "a")
    assert usuals.baselines[key].to_bytes() == looked.baselines[key].to_bytes()
    assert usuals.changed == {key}
    assert [(one.key, one.learning, one.hours, one.why) for one in learnt.numbers] == [(key, Learning.LEARNT, 120, "")]
    assert learnt.is_whole
    assert isinstance(usuals.fill(seen("a"), asked).usual[key], Usual)
    assert told == sorted(told)
    assert told[-1] == NOW


def test_only_what_is_compared_now_is_learnt_by_the_name_that_it_has_now() -> None:
    usuals = Usuals()

    learnt = learn([Asked(schedule(CPU), TOPICS)], seen("a", "new"), recorded("a", "gone"), usuals, SPAN)

    assert set(usuals.baselines) == {UsualKey("broker-cpu", "a")}
    new = next(one for one in learnt.numbers if one.key.subject == "new")
    assert (new.learning, learnt.is_whole) == (Learning.NOTHING, False)
    assert new.why == f"Prometheus has nothing of it by this name, by {expression_of(CPU)}"


def test_whoever_knows_more_hours_is_kept_and_nothing_is_mixed() -> None:
    asked, usuals = [Asked(schedule(CPU), TOPICS)], Usuals()
    key = UsualKey("broker-cpu", "a")
    learn(asked, seen("a"), recorded("a"), usuals, SPAN)
    before = usuals.baselines[key].to_bytes()
    usuals.changed.clear()

    less = learn(asked, seen("a"), recorded("a", since=NOW - DAY), usuals, SPAN)
    kept = usuals.baselines[key].to_bytes()
    more = learn(asked, seen("a"), recorded("a"), usuals, Span(NOW - 8 * DAY, NOW, HOUR / 6))

    assert [(one.learning, one.hours, one.why) for one in less.numbers] == [
        (Learning.KEPT, 120, "Prometheus has 24 hours of it")
    ]
    assert kept == before
    assert [(one.learning, one.hours) for one in more.numbers] == [(Learning.LEARNT, 192)]


def test_what_prometheus_cannot_have_is_said() -> None:
    oldest = above(Measure.OLDEST_ELIGIBLE, 4, unusual=True)
    disk = above(Measure.BOOKIE_DISK, 4, unusual=True)
    summed = above(Measure.LOCAL_BYTES, 4, unusual=True, extent=Extent.NAMESPACE)
    asked = [Asked(schedule(one), (ORDERS, BILLS)) for one in (oldest, disk, summed)]
    only_one = [{"topic": str(ORDERS)}]
    queries = Recorded({expression_of(BYTES): only_one, expression_of(disk): []})
    snapshot = Snapshot(
        NOW,
        topics=local_bytes({ORDERS: 1.0, BILLS: 1.0}),
        missing={"bookie-disk": Number("bookies", why="no bookie answers")},
    )

    learnt = learn(asked, snapshot, queries, Usuals(), SPAN)

    whys = {one.key.measure: one.why for one in learnt.numbers}
    assert whys["oldest-eligible"] == f"Prometheus has nothing of it: {why_without(Measure.OLDEST_ELIGIBLE)}"
    assert whys["bookie-disk"].endswith("it is unknown now, too: no bookie answers")
    assert whys["local-bytes"] == f"at no time Prometheus has all of its topics by {expression_of(BYTES)}"
    assert {one.learning for one in learnt.numbers} == {Learning.NOTHING}


def test_topics_are_learnt_one_by_one_and_summed_up_and_an_expression_by_its_series() -> None:
    summed = above(Measure.LOCAL_BYTES, 4, unusual=True, extent=Extent.SCOPE)
    asked = [
        Asked(schedule(one, name=name), (ORDERS, BILLS)) for one, name in ((BYTES, "a"), (summed, "b"), (LOAD, "c"))
    ]
    queries = Recorded({expression_of(BYTES): [{"topic": str(one)} for one in TOPICS], "load": [{"pod": "x"}]})
    usuals = Usuals()
    snapshot = Snapshot(
        NOW,
        topics=local_bytes({ORDERS: 1.0, BILLS: 1.0}),
        queries={"load": {'{pod="x"}': Number("PromQL", 1.0, NOW)}},
    )

    learnt = learn(asked, snapshot, queries, usuals, SPAN)

    assert learnt.is_whole
    centres = {key: one.centre for key, one in usuals.fill(snapshot, asked).usual.items() if isinstance(one, Usual)}
    assert centres == {
        UsualKey("local-bytes", str(ORDERS)): pytest.approx(0.22, abs=0.01),
        UsualKey("local-bytes", str(BILLS)): pytest.approx(0.22, abs=0.01),
        UsualKey("local-bytes", "the whole scope, by schedule b"): pytest.approx(0.44, abs=0.02),
        UsualKey("load", '{pod="x"}', "Europe/Berlin"): pytest.approx(0.22, abs=0.01),
    }


def test_requests_are_bounded_in_number_and_in_what_they_ask_for() -> None:
    few, many = recorded("a"), recorded("a", *(f"pod-{number}" for number in range(2000)), since=NOW - DAY)

    of_few = learn([Asked(schedule(CPU), TOPICS)], seen("a"), few, Usuals(), SPAN)
    learn([Asked(schedule(CPU), TOPICS)], seen("a"), many, Usuals(), SPAN)

    assert of_few.requests == len(few.asked) + 1 == 7
    assert many.most_points <= 100_000
    assert all(later[1] - earlier[2] == SPAN.every for earlier, later in zip(many.asked, many.asked[1:], strict=False))


def test_an_error_is_told_with_its_expression_and_changes_nothing() -> None:
    usuals, wrong = Usuals(), above(Measure.PROMQL, 4, unusual=True, query="(")

    with pytest.raises(UsageError, match=r"^\(: it does not parse"):
        learn([Asked(schedule(wrong), TOPICS)], seen(), Recorded({}), usuals, SPAN)
    with pytest.raises(UsageError, match="no schedule compares a number with what is usual"):
        learn([Asked(schedule(above(Measure.BROKER_CPU, 0.5)), TOPICS)], seen(), Recorded({}), usuals, SPAN)

    assert not usuals.baselines
