"""The rate limit, the pauses between attempts, and Retry-After."""

import threading
from datetime import timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.adapters.memory import ManualClock
from offloadctl.adapters.rest_limits import TokenBucket, pause_before, retry_after

RATES = st.floats(0.05, 500) | st.integers(1, 100).map(float)


def taken(rate: float, pauses: list[float]) -> list[float]:
    """When the calls of one caller go out who thinks for so long before each."""
    clock = ManualClock()
    bucket, times = TokenBucket(rate, clock), []
    for pause in pauses:
        clock.sleep(pause)
        bucket.take()
        times.append(clock.monotonic())
    return times


@given(RATES, st.lists(st.just(0.0) | st.floats(0, 3), max_size=120))
def test_no_second_ever_sees_more_calls_than_the_rate(rate: float, pauses: list[float]) -> None:
    times = taken(rate, pauses)

    at_once = max(1, int(rate))
    # Clocks count microseconds.
    for first, last in zip(times, times[at_once:], strict=False):
        assert last - first >= at_once / rate - 1e-5


@given(RATES, st.lists(st.floats(0, 3), max_size=60))
def test_who_asks_for_less_than_the_rate_never_waits(rate: float, pauses: list[float]) -> None:
    slow = [1 / rate + 1e-5 + pause for pause in pauses]

    times = taken(rate, slow)

    assert times == pytest.approx([sum(slow[: number + 1]) for number in range(len(slow))], abs=1e-3)


def test_a_seconds_worth_may_go_out_at_once_and_then_the_rate_holds() -> None:
    times = taken(10, [0.0] * 25)

    assert times == [0.0] * 10 + [1.0] * 10 + [2.0] * 5


def test_less_than_one_a_second_means_a_longer_pause() -> None:
    assert taken(0.25, [0.0] * 3) == [0.0, 4.0, 8.0]


def test_threads_share_the_rate() -> None:
    waits: list[float] = []
    clock = _Standing(waits)
    bucket = TokenBucket(5, clock)

    def take_ten() -> None:
        for _ in range(10):
            bucket.take()

    workers = [threading.Thread(target=take_ten) for _ in range(4)]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    # All forty came in the same moment: five go at once, the next five a second later, and so on.
    assert sorted(waits) == sorted([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0] * 5)


class _Standing(ManualClock):
    """A clock that stands still and notes for how long it was asked to wait."""

    def __init__(self, waits: list[float]) -> None:
        super().__init__()
        self._waits = waits

    def sleep(self, seconds: float) -> None:
        self._waits.append(seconds)


def test_pauses_double_up_to_a_bound_and_are_spread_by_chance() -> None:
    drawn = [[pause_before(attempt) for _ in range(50)] for attempt in range(2, 12)]

    for pauses, longest in zip(drawn, [0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5, 5, 5], strict=True):
        assert longest / 2 <= min(pauses) < max(pauses) <= longest


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 120 ", 120),
        ("9" * 400, 999_999_999),
        ("", 0),
        ("-3", 0),
        ("soon", 0),
        ("1.5", 0),
        ("²", 0),
    ],
)
def test_retry_after_in_seconds(header: str, seconds: float) -> None:
    assert retry_after(header, ManualClock()) == seconds


def test_retry_after_as_a_date_is_counted_from_now_and_never_negative() -> None:
    clock = ManualClock()

    for ahead, seconds in ((30, 30.0), (-30, 0.0)):
        moment = clock.now() + timedelta(seconds=ahead)

        assert retry_after(format_datetime(moment, usegmt=True), clock) == seconds
        assert retry_after(format_datetime(moment.replace(tzinfo=None)), clock) == seconds


@given(st.text(max_size=40))
def test_any_other_retry_after_is_none(header: str) -> None:
    assert retry_after(header, ManualClock()) >= 0


def test_waiting_calls_keep_their_order() -> None:
    times = taken(3, [0.0, 0.1, 0.0, 0.5, 0.0, 0.0])

    assert all(earlier <= later for earlier, later in pairwise(times))
