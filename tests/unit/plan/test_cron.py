"""Cron times against the clock on the wall, minute by minute, where clocks are changed and where they are not."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from offloadctl.errors import BadValue
from offloadctl.model.schedule import Cron
from offloadctl.plan.cron import check_cron, due_at, next_time, times

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo")
CHANGES = [
    datetime(2026, 3, 28, 12, tzinfo=UTC),
    datetime(2026, 10, 24, 12, tzinfo=UTC),
    datetime(2026, 3, 7, 20, tzinfo=UTC),
    datetime(2026, 10, 31, 20, tzinfo=UTC),
    datetime(2026, 4, 4, 6, tzinfo=UTC),
    datetime(2026, 10, 3, 6, tzinfo=UTC),
]
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def by_the_wall(minutes: frozenset[int], hours: frozenset[int] | None, zone: str, start: datetime) -> list[datetime]:
    """A day of instants, found by looking at the clock each minute; hours that are left out are an hour's shift on."""
    tz = ZoneInfo(zone)
    found = []
    for step in range(1, 24 * 60 + 1):
        instant = start + step * MINUTE
        local = instant.astimezone(tz)
        if local.minute in minutes and (hours is None or (local.hour in hours and local.fold == 0)):
            found.append(instant)
        elif hours is not None:
            # A wall time that does not exist: it would have been now if the clock had not been changed.
            before = (instant - 3 * timedelta(hours=1)).astimezone(tz)
            missing = (instant + (before.utcoffset() or timedelta(0))).replace(tzinfo=None)
            exists = missing.replace(tzinfo=tz).astimezone(UTC).astimezone(tz).replace(tzinfo=None) == missing
            if not exists and missing.minute in minutes and missing.hour in hours:
                found.append(instant)
    return found


@given(
    st.sampled_from(ZONES),
    st.sampled_from(CHANGES),
    st.frozensets(st.integers(0, 59), min_size=1, max_size=3),
    st.none() | st.frozensets(st.integers(0, 23), min_size=1, max_size=4),
)
@example("Europe/Berlin", CHANGES[0], frozenset({0, 30}), frozenset({2}))
@example("Australia/Lord_Howe", CHANGES[5], frozenset({15}), frozenset({2}))
def test_every_time_by_the_wall_comes_once(
    zone: str, start: datetime, minutes: frozenset[int], hours: frozenset[int] | None
) -> None:
    expression = f"{','.join(map(str, sorted(minutes)))} {_field(hours)} * * *"

    found = list(times(Cron(expression, zone), start, start + DAY))

    assert found == by_the_wall(minutes, hours, zone, start)


def _field(numbers: frozenset[int] | None) -> str:
    return "*" if numbers is None else ",".join(map(str, sorted(numbers)))


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("0", "Sun"),
        ("7", "Sun"),
        ("1-5", "Mon Tue Wed Thu Fri"),
        ("5-7", "Fri Sat Sun"),
        ("sat-mon", "Sat Sun Mon"),
        ("MON,wed", "Mon Wed"),
        ("*/2", "Sun Tue Thu Sat"),
    ],
)
def test_days_of_the_week_are_those_of_crontab(field: str, days: str) -> None:
    monday = datetime(2026, 1, 5, tzinfo=UTC) - MINUTE

    found = list(times(Cron(f"0 0 * * {field}"), monday, monday + 7 * DAY))

    assert {f"{one:%a}" for one in found} == set(days.split())


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("* * * *", "4 of 5 fields"),
        ("60 * * * *", "no cron expression"),
        ("0 0 31 2 *", "never comes"),
        ("0 0 1 * mon", "names days of the month and of the week"),
        ("0 0 * * 8", "'8' is no day of the week"),
        ("a * * * *", "no cron expression"),
    ],
)
def test_what_is_no_cron_is_refused(expression: str, message: str) -> None:
    with pytest.raises(BadValue, match=message):
        check_cron(Cron(expression))


@given(st.integers(0, 10**9), st.integers(1, 7200), st.text(max_size=5))
def test_jitter_puts_off_by_a_part_of_itself_and_always_by_the_same(seconds: int, jitter: int, salt: str) -> None:
    cron = Cron("*/5 * * * *", jitter=timedelta(seconds=jitter), salt=salt)
    moment = next_time(cron, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))

    assert moment <= due_at(cron, moment) < moment + cron.jitter
    assert due_at(cron, moment) == due_at(cron, moment)


def test_jitter_differs_between_times_and_schedules() -> None:
    one, other = (Cron("0 * * * *", jitter=timedelta(hours=1), salt=salt) for salt in ("one", "other"))
    moments = list(islice(times(one, datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)), 50))

    assert len({due_at(one, moment) - moment for moment in moments}) == 50
    assert all(due_at(one, moment) != due_at(other, moment) for moment in moments)
    assert all(after - before == timedelta(hours=1) for before, after in pairwise(moments))
