"""The machine's own clock."""

import time
from datetime import UTC, datetime

from offloadctl.adapters.system import SystemClock


def test_the_wall_clock_is_the_machines_in_utc() -> None:
    before = datetime.now(UTC)

    now = SystemClock().now()

    assert before <= now <= datetime.now(UTC)
    assert now.tzinfo is UTC


def test_monotonic_is_the_machines_and_only_grows() -> None:
    clock, before = SystemClock(), time.monotonic()

    first, second = clock.monotonic(), clock.monotonic()

    assert before <= first <= second <= time.monotonic()


def test_sleeping_takes_at_least_so_long_and_a_negative_time_none() -> None:
    clock = SystemClock()
    begun = clock.monotonic()

    clock.sleep(0.01)
    clock.sleep(-1)

    assert clock.monotonic() - begun >= 0.01
