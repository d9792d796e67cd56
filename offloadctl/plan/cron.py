"""Cron times: which there are after a moment, by the clock on the wall, each an instant of its own.

A library finds the next time of an expression (APScheduler's CronTrigger); our Clock alone says what time it is now.
What happens when clocks are changed is ours:

- An expression that names its hours means them once a day. A time in an hour that is left out (02:30 when 02:00 becomes
  03:00) is served when it would have been, at 03:30 by the new time; of an hour that comes twice, the first counts.
- One whose hour is `*` or `*/N` counts hours as they pass: in both of one that comes twice, in none that is left out.

Jitter puts a time off; the time itself stays what the run is known by, so jitter neither loses nor doubles anything.
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from apscheduler.triggers.cron import CronTrigger

from offloadctl.errors import BadValue
from offloadctl.model.schedule import Cron

_TICK: Final = timedelta(microseconds=1)
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RANGE: Final = re.compile(r"(?:(?P<first>\w+)(?:-(?P<last>\w+))?|\*)(?:/(?P<step>[1-9]\d*))?", re.ASCII)
_NEVER_BEFORE: Final = timedelta(days=8 * 366)
"""29 February comes at the latest after eight years (1896, 1904; 2096, 2104)."""
_SHIFT: Final = timedelta(hours=3)
"""More than any zone's clocks are moved at once; Troll in Antarctica moves them by two hours."""
_EVERY_FEW_HOURS: Final = re.compile(r"\*(/\d+)?")


def parse_zone(name: str) -> ZoneInfo:
    """A time zone by its name in the IANA's database."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        near = _nearest_zone(name)
        hint = f"did you mean {near}?" if near else "write its name, as in Europe/Berlin or UTC"
        raise BadValue(f"{name!r} is no time zone", hint=hint) from error


def _nearest_zone(name: str) -> str | None:
    """Whatever the case; a city alone is enough."""
    zones = sorted(available_timezones())
    by_word = {one.lower().rpartition("/")[2]: one for one in zones} | {one.lower(): one for one in zones}
    near = get_close_matches(name.strip().lower().replace(" ", "_"), by_word, n=1, cutoff=0.75)
    return by_word[near[0]] if near else None


def check_cron(cron: Cron) -> None:
    """BadValue if it is no cron expression, or one that never comes."""
    parse_zone(cron.zone)
    start = datetime(2024, 1, 1, tzinfo=UTC)
    found = _trigger(cron.expression).get_next_fire_time(None, start)
    if found is None or found - start > _NEVER_BEFORE:
        raise BadValue(f"{cron.expression!r} never comes", hint="no month has such a day")


def next_time(cron: Cron, after: datetime) -> datetime:
    """The first of its times that is later than `after`, jitter left out."""
    zone, by_the_hour = parse_zone(cron.zone), _by_the_hour(cron.expression)
    wall = after.astimezone(zone).replace(tzinfo=None)
    walls = _walls(cron, wall - _SHIFT if _is_near_a_change(after, zone) else wall)
    found: datetime | None = None
    while True:
        wall = next(walls)
        if found is not None and wall > found.astimezone(zone).replace(tzinfo=None) + _SHIFT:
            return found
        later = [one for one in _instants(wall, zone, by_the_hour=by_the_hour) if one > after]
        if later:
            found = min(later) if found is None else min(found, *later)
            if not _is_near_a_change(found, zone):
                return found


def times(cron: Cron, after: datetime, until: datetime) -> Iterator[datetime]:
    """Its times later than `after` and not later than `until`, jitter left out."""
    moment = next_time(cron, after)
    while moment <= until:
        yield moment
        moment = next_time(cron, moment)


def due_at(cron: Cron, moment: datetime) -> datetime:
    """When that time is due: put off by its part of the jitter."""
    if not cron.jitter:
        return moment
    digest = hashlib.sha256(f"{cron.salt} {cron.key} {moment.timestamp():.6f}".encode()).digest()
    return moment + cron.jitter * (int.from_bytes(digest[:8], "big") / 2**64)


def _walls(cron: Cron, after: datetime) -> Iterator[datetime]:
    """The times that the clock on the wall shows, as if it were never changed."""
    trigger = _trigger(cron.expression)
    moment = after.replace(tzinfo=UTC)
    while True:
        found = trigger.get_next_fire_time(None, moment + _TICK)
        if found is None:
            raise BadValue(f"{cron.expression!r} never comes")
        moment = found
        yield moment.replace(tzinfo=None)


def _instants(wall: datetime, zone: ZoneInfo, *, by_the_hour: bool) -> Iterator[datetime]:
    """When the clock shows it: once, twice, or never, and then when it would have been."""
    first = wall.replace(tzinfo=zone).astimezone(UTC)
    exists = first.astimezone(zone).replace(tzinfo=None) == wall
    if exists or not by_the_hour:
        yield first
    if exists and by_the_hour:
        yield wall.replace(tzinfo=zone, fold=1).astimezone(UTC)


def _is_near_a_change(instant: datetime, zone: ZoneInfo) -> bool:
    """Whether clocks are changed so close to it that times by the wall are not in the order of their instants."""
    before, after = ((instant + off).astimezone(zone).utcoffset() for off in (-_SHIFT, _SHIFT))
    return before != after


def _by_the_hour(expression: str) -> bool:
    return _EVERY_FEW_HOURS.fullmatch(expression.split()[1]) is not None


@lru_cache(maxsize=256)
def _trigger(expression: str) -> CronTrigger:
    fields = expression.split()
    if len(fields) != 5:
        raise BadValue(
            f"{expression!r} is no cron expression: it has {len(fields)} of 5 fields",
            hint="minute, hour, day of month, month, day of week, as in `30 2 * * mon-fri`",
        )
    minute, hour, day, month, day_of_week = fields
    if day != "*" and day_of_week != "*":
        raise BadValue(
            f"{expression!r} names days of the month and of the week, and cron fires on either",
            hint="put two crons below `any`, so that everyone can see it",
        )
    try:
        return CronTrigger(
            minute=minute,
            hour=hour,
            day=day,
            month=month.lower(),
            day_of_week=_days(day_of_week.lower()),
            timezone=UTC,
        )
    except ValueError as error:
        raise BadValue(f"{expression!r} is no cron expression: {error}") from error


def _days(field: str) -> str:
    """Days of the week by name, one by one: crontab(5) counts from Sunday, the library from Monday."""
    if field == "*":
        return field
    named: list[str] = []
    for part in field.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is no day of the week")
        first, last = match["first"], match["last"]
        begin = 0 if first is None else _day(first)
        end = (
            6
            if first is None
            else begin
            if last is None and match["step"] is None
            else 6
            if last is None
            else _day(last)
        )
        if last is not None and end < begin:
            end += 7
        named += [_DAYS[number % 7] for number in range(begin, end + 1, int(match["step"] or 1))]
    return ",".join(dict.fromkeys(named))


def _day(text: str) -> int:
    if text in _DAYS:
        return _DAYS.index(text)
    if text.isdigit() and len(text) == 1 and int(text) <= 7:
        return int(text)
    raise ValueError(f"{text!r} is no day of the week")
