"""Schedules against recorded numbers, from a file and from Prometheus."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest

from offloadctl.errors import BadValue, UsageError
from offloadctl.model.decision import Verdict
from offloadctl.model.measures import Measure, Number, Series
from offloadctl.model.schedule import AnyOf, ScheduleScope
from offloadctl.model.scope import Scope
from offloadctl.operations.simulate import Window, record, simulate
from offloadctl.plan.promql_measures import expression_of, why_without
from offloadctl.plan.recording import Recording
from tests.schedules import NIGHTLY, ORDERS, START, above, schedule

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FULL = above(Measure.BOOKIE_DISK, 0.8)


def recorded(*values: float, every: timedelta = HOUR) -> Recording:
    found = Recording("by hand")
    for index, value in enumerate(values):
        found.add(Measure.BOOKIE_DISK, "bookie", START + index * every, value)
    return found


def fired(recording: Recording, window: Window, **changes: object) -> list[datetime]:
    [done] = simulate([schedule(FULL, **changes)], recording, window).schedules
    return [one.at for one in done.decisions if one.verdict is Verdict.FIRED]


def test_a_condition_that_holds_on_fires_again_after_the_cool_down() -> None:
    times = fired(recorded(0.7, *[0.9] * 5), Window(every=HOUR), cool_down=2 * HOUR)

    assert times == [START + hours * HOUR for hours in (1, 3, 5)]


def test_a_run_is_thought_to_take_its_time_and_no_other_one_begins_meanwhile() -> None:
    times = fired(recorded(*[0.9] * 6), Window(every=HOUR, run_takes=2 * HOUR), cool_down=timedelta(0))

    assert times == [START + hours * HOUR for hours in (0, 2, 4)]


def test_cron_times_fire_when_they_are_due_however_seldom_it_is_looked() -> None:
    recording = recorded(*[0.1] * 72)
    [done] = simulate([schedule(NIGHTLY)], recording, Window(every=5 * HOUR)).schedules

    times = [one.at for one in done.decisions if one.verdict is Verdict.FIRED]

    assert times == [START + timedelta(days=day, hours=1, minutes=30) for day in range(3)]


def test_a_part_of_a_recording_is_enough() -> None:
    window = Window(START + 2 * HOUR, START + 3 * HOUR, HOUR)

    assert fired(recorded(*[0.9] * 6), window, cool_down=MINUTE) == [START + 2 * HOUR, START + 3 * HOUR]


def test_only_topics_of_the_scope_count() -> None:
    recording = recorded(0.9)
    recording.add(Measure.LOCAL_BYTES, str(ORDERS), START, 5)
    recording.add(Measure.LOCAL_BYTES, "acme/other/x", START, 5)

    inside, outside = simulate(
        [
            schedule(above(Measure.LOCAL_BYTES, 1)),
            schedule(above(Measure.LOCAL_BYTES, 1), scope=ScheduleScope(Scope.of(tenants=["nobody"]))),
        ],
        recording,
        Window(),
    ).schedules

    assert inside.decisions[0].topics == (ORDERS,)
    assert (outside.topics, outside.counts) == (0, {Verdict.QUIET: 1})


@pytest.mark.parametrize(
    "window", [Window(START + HOUR, START), Window(every=timedelta(microseconds=1)), Window(until=START - HOUR)]
)
def test_a_time_that_cannot_be_gone_through_is_wrong_usage(window: Window) -> None:
    with pytest.raises(UsageError):
        simulate([schedule(FULL)], recorded(0.9, 0.9), window)


class Told:
    """Prometheus with these series."""

    def __init__(self, series: Mapping[str, Sequence[Series]]) -> None:
        self.series = series
        self.asked: list[str] = []

    def instant(self, expression: str, at: datetime) -> Mapping[str, Number]:
        raise NotImplementedError

    def over_time(self, expression: str, start: datetime, end: datetime, step_seconds: float) -> Sequence[Series]:
        self.asked.append(expression)
        if expression == "(":
            raise BadValue("it does not parse")
        return self.series.get(expression, ())


def test_prometheus_is_asked_once_for_each_number_and_what_it_has_not_is_told() -> None:
    when = AnyOf(
        (FULL, above(Measure.BOOKIE_DISK, 0.9), above(Measure.OLDEST_ELIGIBLE, 1), above(Measure.PROMQL, 1, query="up"))
    )
    queries = Told({expression_of(FULL): [Series({"instance": "b:8000"}, ((START, 0.95),))]})

    recording = record([schedule(when)], queries, START, START + HOUR, MINUTE)

    assert queries.asked == [expression_of(FULL), "up"]
    snapshot = recording.at(START)
    assert snapshot.instances[Measure.BOOKIE_DISK]["b:8000"].value == 0.95
    assert snapshot.missing["up"].why == "Prometheus has nothing of up"
    assert snapshot.missing["oldest-eligible"].why == why_without(Measure.OLDEST_ELIGIBLE) != ""


def test_an_expression_that_prometheus_does_not_take_is_told_with_it() -> None:
    with pytest.raises(UsageError, match="it does not parse"):
        record([schedule(above(Measure.PROMQL, 1, query="("))], Told({}), START, START + HOUR, MINUTE)


@pytest.mark.parametrize("measure", [one for one in Measure if one is not Measure.PROMQL])
def test_of_each_measure_prometheus_has_an_expression_or_it_is_said_why_not(measure: Measure) -> None:
    assert bool(expression_of(above(measure, 1))) != bool(why_without(measure))
