"""What is usual: learnt robustly, by the clock on the wall, in bounded memory."""

import math
import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offloadctl.model.measures import Usual
from offloadctl.plan.baseline import Baseline

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
BERLIN = ZoneInfo("Europe/Berlin")


def daily(at: datetime) -> float:
    """Most at six in the morning; never twice quite the same."""
    return 100 + 50 * math.sin(math.tau * at.timestamp() / 86400) + at.timestamp() // 1800 % 7


def learn(
    baseline: Baseline, load: Callable[[datetime], float | None], hours: int, start: datetime = MONDAY
) -> datetime:
    """Two values an hour; tells the time behind the last."""
    for half in range(2 * hours):
        at = start + half * HOUR / 2
        value = load(at)
        if value is not None:
            baseline.observe(at, value)
    return start + hours * HOUR


def known(baseline: Baseline, at: datetime) -> Usual:
    found = baseline.usual(at)
    assert isinstance(found, Usual), found
    return found


def test_nothing_is_usual_before_three_days_are_known() -> None:
    baseline = Baseline()

    empty = baseline.usual(MONDAY)
    at = learn(baseline, daily, 71)
    cold = baseline.usual(at)
    at = learn(baseline, daily, 12, at)

    assert empty == "what is usual is not known yet: 0 hours of 3 days are known"
    assert cold == "what is usual is not known yet: 2 days and 23 hours of 3 days are known"
    assert known(baseline, at).centre == pytest.approx(daily(at), abs=8)


@given(st.floats(-1e12, 1e12), st.sets(st.integers(0, 99), max_size=60))
@settings(max_examples=15)
def test_a_constant_is_never_unusual_whatever_of_it_was_not_measured(value: float, gaps: set[int]) -> None:
    baseline = Baseline()

    at = learn(baseline, lambda at: None if (at - MONDAY) // HOUR in gaps else value, 112)
    usual = baseline.usual(at)

    if isinstance(usual, Usual):
        assert abs(value - usual.centre) / usual.spread < 1e-4
    else:
        assert len(gaps) > 8


@given(st.integers(-20, 30), st.integers(0, 99))
@settings(max_examples=10)
def test_another_unit_changes_nothing_but_the_unit(power: int, seed: int) -> None:
    plain, scaled = Baseline(), Baseline()
    chance = random.Random(seed)
    noise = {MONDAY + half * HOUR / 2: chance.gauss(0, 5) for half in range(240)}

    at = learn(plain, lambda at: daily(at) + noise[at], 120)
    learn(scaled, lambda at: 2.0**power * (daily(at) + noise[at]), 120)

    one, other = known(plain, at), known(scaled, at)
    assert (other.centre, other.spread) == (2.0**power * one.centre, 2.0**power * one.spread)


@given(st.floats(0, 1e4))
@settings(max_examples=10)
def test_another_zero_moves_what_is_usual_and_nothing_else(shift: float) -> None:
    plain, shifted = Baseline(), Baseline()

    at = learn(plain, lambda at: daily(at) // 1, 120)
    learn(shifted, lambda at: shift + daily(at) // 1, 120)

    assert known(shifted, at).centre - shift == pytest.approx(known(plain, at).centre, abs=8)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=100), st.randoms(use_true_random=False))
@settings(max_examples=10)
def test_the_order_within_an_hour_does_not_matter(values: list[float], chance: random.Random) -> None:
    one, other = Baseline(), Baseline()
    at = learn(one, daily, 96)
    learn(other, daily, 96)
    stamped = [(at + timedelta(seconds=second), value) for second, value in enumerate(values)]

    for each in stamped:
        one.observe(*each)
    chance.shuffle(stamped)
    for each in stamped:
        other.observe(*each)

    assert [one.usual(at + hours * HOUR) for hours in (1, 24, 25)] == [
        other.usual(at + hours * HOUR) for hours in (1, 24, 25)
    ]


@given(st.lists(st.tuples(st.integers(0, 10**7), st.floats(allow_nan=True, allow_infinity=True)), max_size=30))
@settings(max_examples=25)
def test_anything_may_be_observed_and_memory_is_bounded(values: list[tuple[int, float]]) -> None:
    baseline = Baseline()
    for seconds, value in values:
        baseline.observe(MONDAY + timedelta(seconds=seconds), value)
    for second in range(500):
        baseline.observe(MONDAY + timedelta(seconds=10**7 + second), 1.0)

    assert len(baseline.to_bytes()) < 8_200
    assert Baseline.from_bytes(baseline.to_bytes()).to_bytes() == baseline.to_bytes()


def test_what_is_kept_goes_on_as_if_it_had_never_been_put_down() -> None:
    one = Baseline()
    at = learn(one, daily, 100) + HOUR / 4
    one.observe(at, 1.0)

    other = Baseline.from_bytes(one.to_bytes())
    learn(one, daily, 30, at)
    learn(other, daily, 30, at)

    assert other.to_bytes() == one.to_bytes()
    assert known(other, at + 31 * HOUR) == known(one, at + 31 * HOUR)


@pytest.mark.parametrize(
    "data", [b"", b"x" * 60, b"x" * 7000, Baseline().to_bytes()[:-1], b"\2" + Baseline().to_bytes()[1:]]
)
def test_bytes_of_something_else_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no bytes of a baseline"):
        Baseline.from_bytes(data)


def test_a_weekend_is_like_a_weekend_and_not_like_the_friday_before() -> None:
    def quiet_at_weekends(at: datetime) -> float:
        return daily(at) * (0.4 if at.weekday() >= 5 else 1.0)

    baseline = Baseline()
    learn(baseline, quiet_at_weekends, 14 * 24 + 5 * 24)
    saturday = MONDAY + 2 * WEEK + 5 * DAY + HOUR / 2

    assert known(baseline, saturday).centre == pytest.approx(quiet_at_weekends(saturday), rel=0.1)


def test_a_load_that_jumps_at_the_full_hour_each_day_is_never_far_off() -> None:
    def nightly(at: datetime) -> float:
        return 1000.0 if 2 <= at.hour < 5 else 10.0

    baseline = Baseline()
    at = learn(baseline, nightly, 14 * 24)

    far = []
    for minute in range(24 * 60):
        now = at + minute * HOUR / 60
        usual = known(baseline, now)
        far.append(abs(nightly(now) - usual.centre) / usual.spread)
        baseline.observe(now, nightly(now))

    assert max(far) < 2.001


def test_a_new_level_is_unusual_at_first_and_usual_after_some_hours() -> None:
    baseline = Baseline()
    at = learn(baseline, daily, 14 * 24) + HOUR / 2

    before = known(baseline, at)
    at = learn(baseline, lambda at: 1.5 * daily(at), 12, at - HOUR / 2) + HOUR / 2
    after = known(baseline, at)

    assert before.centre == pytest.approx(daily(at - 12 * HOUR), rel=0.1)
    assert after.centre == pytest.approx(1.5 * daily(at), rel=0.1)


def test_an_incident_of_some_hours_is_not_learnt() -> None:
    calm, hit = Baseline(), Baseline()
    at = learn(calm, daily, 14 * 24)
    learn(hit, daily, 14 * 24)

    learn(calm, daily, 4, at)
    learn(hit, lambda at: 10 * daily(at), 4, at)
    soon = at + 4 * HOUR + HOUR / 2
    during, quiet = known(hit, soon), known(calm, soon)
    learn(calm, daily, 7 * 24 - 4, at + 4 * HOUR)
    learn(hit, daily, 7 * 24 - 4, at + 4 * HOUR)

    assert during.centre == pytest.approx(quiet.centre, rel=0.1)
    assert known(hit, at + WEEK).centre == pytest.approx(known(calm, at + WEEK).centre, rel=0.1)


def test_what_nobody_measured_is_no_zero_and_a_month_of_it_leaves_nothing() -> None:
    baseline = Baseline()
    at = learn(baseline, daily, 10 * 24) + 2 * DAY
    baseline.usual(at)
    known_hours = baseline.known_hours

    learn(baseline, daily, 24, at)
    after_two_days = known(baseline, at + DAY)
    after_a_month = baseline.usual(at + 40 * DAY)

    assert known_hours == 10 * 24
    assert after_two_days.centre == pytest.approx(daily(at + DAY), rel=0.15)
    assert after_a_month == "what is usual at this hour is not known: nothing was measured at it or before it"
    assert baseline.is_past(at + 80 * DAY)
    assert not baseline.is_past(at + 41 * DAY)


@pytest.mark.parametrize("change", [datetime(2026, 3, 29, tzinfo=BERLIN), datetime(2026, 10, 25, tzinfo=BERLIN)])
def test_working_hours_stay_where_the_clock_on_the_wall_has_them(change: datetime) -> None:
    def by_the_clock(at: datetime) -> float:
        return 100.0 if at.astimezone(BERLIN).hour == 9 else 10.0

    start = change.astimezone(UTC) - 21 * DAY
    by_wall, by_utc = Baseline(BERLIN), Baseline()
    monday = datetime(change.year, change.month, change.day + 1, 9, 30, tzinfo=BERLIN)
    for one in (by_wall, by_utc):
        learn(one, by_the_clock, (monday.astimezone(UTC) - start) // HOUR, start)

    assert known(by_wall, monday).centre == pytest.approx(100, rel=0.05)
    assert known(by_utc, monday).centre == pytest.approx(10, rel=0.05)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
        ("Australia/Sydney", datetime(2026, 4, 4, 16, tzinfo=UTC)),
        ("Australia/Sydney", datetime(2026, 10, 3, 16, tzinfo=UTC)),
    ],
)
def test_days_of_23_and_25_hours_have_no_hour_that_is_unusual(name: str, change: datetime) -> None:
    zone = ZoneInfo(name)
    baseline = Baseline(zone)

    def by_the_clock(at: datetime) -> float:
        wall = at.astimezone(zone)
        return (100, 40, 70, 20, 90, 30)[wall.hour % 6] * (1 + wall.hour // 6)

    at = learn(baseline, by_the_clock, 10 * 24, change - 10 * DAY)
    far = {}
    for hours in range(8 * 24):
        now = at + hours * HOUR + HOUR / 2
        far[now] = abs(by_the_clock(now) - known(baseline, now).centre)
        baseline.observe(now, by_the_clock(now))

    assert {str(now.astimezone(zone)): off for now, off in far.items() if off > 1} == {}


def test_a_clock_that_is_set_back_teaches_nothing_and_a_wrong_year_is_forgotten() -> None:
    baseline = Baseline()
    at = learn(baseline, daily, 100)
    baseline.usual(at)
    before = baseline.to_bytes()

    baseline.observe(at - 2 * HOUR, 1e9)
    a_little = baseline.usual(at - 2 * HOUR)
    unchanged = baseline.to_bytes()
    far = baseline.usual(at - 60 * DAY)

    assert unchanged == before
    assert a_little == "the clock was set back: what is usual is known again when it is where it was"
    assert far == "what is usual is not known yet: 0 hours of 3 days are known"


def test_a_value_that_is_told_again_counts_once() -> None:
    once, often = Baseline(), Baseline()
    at = learn(once, daily, 96)
    learn(often, daily, 96)

    told: Iterable[tuple[datetime, float]] = [(at, 90.0), (at + HOUR / 4, 110.0), (at + HOUR / 2, 100.0)]
    for time, value in told:
        once.observe(time, value)
        for _ in range(5):
            often.observe(time, value)

    assert often.to_bytes() == once.to_bytes()
