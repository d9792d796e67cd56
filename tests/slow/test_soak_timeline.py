"""The soak's virtual time: processes take turns in the order of their sleeps, and the dead do nothing more."""

from datetime import timedelta

import pytest

from offloadctl.adapters.memory import ManualClock
from tests.soak.timeline import Hangs, Killed, Life, ProcessClock, Timeline


def test_whoever_sleeps_less_is_back_sooner_and_events_come_between() -> None:
    timeline, seen = Timeline(ManualClock()), list[str]()
    one, two = Life("one"), Life("two")

    def work(life: Life, pause: float) -> None:
        for number in range(3):
            timeline.sleep(life, pause)
            seen.append(f"{life.name} {number} at {timeline.now:g}")

    timeline.spawn(one, lambda: work(one, 2))
    timeline.spawn(two, lambda: work(two, 3))
    timeline.at(5, lambda: seen.append("event"))
    timeline.run_until(100)

    assert seen == [
        "one 0 at 2",
        "two 0 at 3",
        "one 1 at 4",
        "event",
        "two 1 at 6",
        "one 2 at 6",
        "two 2 at 9",
    ]
    assert timeline.now == 100


def test_a_process_that_is_killed_ends_where_it_sleeps_and_sleeps_no_more() -> None:
    timeline, seen = Timeline(ManualClock()), list[str]()
    life = Life("one")

    def work() -> None:
        try:
            timeline.sleep(life, 10)
        finally:
            seen.append(f"ends at {timeline.now:g}")
            with pytest.raises(Killed):
                timeline.sleep(life, 1)

    timeline.spawn(life, work)
    timeline.at(4, lambda: timeline.kill(life))
    timeline.run_until(20)

    assert seen == ["ends at 4"]
    assert timeline.failures == []


def test_a_process_that_is_stopped_notices_nothing_until_it_goes_on() -> None:
    timeline, seen = Timeline(ManualClock()), list[float]()
    life, other = Life("one"), Life("two")

    def work(which: Life) -> None:
        timeline.sleep(which, 3)
        seen.append(timeline.now)

    timeline.spawn(life, lambda: work(life))
    timeline.spawn(other, lambda: work(other))
    timeline.at(1, lambda: setattr(life, "frozen_until", 50.1234567))
    timeline.run_until(60)

    assert seen == [3, pytest.approx(50.1234567, abs=2e-6)]


def test_a_bug_of_a_process_is_told_and_a_clock_that_is_set_moves_no_time() -> None:
    timeline = Timeline(ManualClock())
    life = Life("one")
    clock = ProcessClock(timeline, life, timedelta(hours=5))
    before = clock.now()

    timeline.spawn(life, lambda: print(1 / 0))
    timeline.run_until(1)

    assert [type(one) for one in timeline.failures] == [ZeroDivisionError]
    assert clock.now() - before == timedelta(seconds=1)
    assert clock.monotonic() == 1


def test_what_never_ends_is_told() -> None:
    timeline = Timeline(ManualClock())

    def again() -> None:
        timeline.at(3, again)

    again()

    with pytest.raises(Hangs, match="no time passes"):
        timeline.run_until(10)
