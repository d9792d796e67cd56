"""What a number is usually like at this hour of the week, learnt from what was seen of it and from nothing else.

The seasonal prediction of Newdigate ("How to use Prometheus for anomaly detection in GitLab", 2019): the value of a
week ago, moved by how much has changed since, and of several weeks the median. Centre and spread are robust ones, as in
S-H-ESD (Hochenbaum, Vallis, Kejariwal, 2017, arXiv:1704.07706): a median, and a median absolute deviation.

    hour      what was seen in an hour is kept as its median; 30 days are kept, so that memory is bounded
    analogue  the same hour by the clock on the wall one to four weeks ago; and one to seven days ago, for a quarter:
              while few weeks are known this shrinks the hour of the week to the hour of the day
    drift     an analogue is moved by the median difference, or the median ratio, between the last 12 hours and the 12
              before the analogue, whichever was nearer in the last day. So a level that has changed is the usual one
              after 6 hours, and an incident that is shorter than that changes nothing
    centre    the weighted median of the moved analogues; between the middles of two hours, on a line
    spread    1.4826 times the median of how far off the centre was: in the last day, or at this hour of the week if
              that was more; a hundredth of the centre at least; and half of what the line is off where a load jumps
              at the full hour, as nightly jobs do, so that two deviations are never exceeded by that

Cold start: nothing is usual before three days are known. What nobody has measured is a gap and no zero.
Daylight saving: analogues are found by the wall clock of `zone`, those of the hours by which drift is measured too; for
an hour that there was not, the one behind it is taken, and of one that came twice the nearer. A value of an hour that
is over comes too late and is left out. A clock that is set back by an hour or more learns nothing until it is where it
was; by more than a day, all begins anew: it was wrong before.
"""

import math
import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from statistics import median
from typing import Final, Self

from offloadctl.model.measures import Usual

MINIMUM: Final = timedelta(days=3)
"""So much must be known before anything is usual."""

WEEKS: Final = 4
DAYS: Final = 7
DAY_WEIGHT: Final = 0.25
"""What an analogue of some days ago weighs beside one of some weeks ago. Once two weeks are known, two Saturdays are to
outvote the five days before a third."""
RECENT: Final = 12
"""Hours by which drift is measured."""
LEAST_SPREAD: Final = 0.01
"""Of the centre. What never varies would be unusual by any difference, however small."""

_ANALOGUES: Final = (
    *((7 * week, 1.0) for week in range(1, WEEKS + 1)),
    *((days, DAY_WEIGHT) for days in range(1, DAYS + 1)),
)
"""How many days ago, and what each weighs."""

_HOUR_S: Final = 3600
_DAY: Final = 24
_KEPT: Final = 30 * _DAY
"""Hours: four weeks, and those by which the oldest analogue's drift is measured."""
_FEW: Final = 4
"""Fewer pairs of hours tell no drift."""
_FEW_ERRORS: Final = 6
_SEEN_MOST: Final = 128
"""So many values of an hour are kept until it ends; of more, every second one."""
_TO_DEVIATION: Final = 1.4826
"""A median absolute deviation of normal noise times this is its standard deviation."""
_TINY: Final = 1e-12
_LARGEST: Final = 3e38
"""Hours are kept as single floats."""
_NAN: Final = math.nan

_HEAD: Final = struct.Struct("<BqqdIIHH")
_FORM: Final = 1
"""Of the bytes: another form is another number."""


@dataclass(slots=True)
class _Hours:
    """A number for each of the last hours; NaN where there is none."""

    kept: int = _KEPT
    values: "array[float]" = field(init=False)

    def __post_init__(self) -> None:
        self.values = array("f", [_NAN]) * self.kept

    def put(self, hour: int, value: float) -> None:
        """What is kept longest gives way."""
        self.values[hour % self.kept] = value

    def among(self, hours: Iterable[int]) -> Iterator[tuple[int, float]]:
        """Those of which there is a number; none may be older than what is kept."""
        for hour in hours:
            value = self.values[hour % self.kept]
            if not math.isnan(value):
                yield hour, value


@dataclass(slots=True)
class Baseline:
    """Of one number. It learns by `observe`; both methods take it on to the hour of their time."""

    zone: tzinfo = UTC
    _first: int = -1
    """The first hour, since 1970."""
    _hour: int = -1
    """The one being filled."""
    _values: _Hours = field(default_factory=_Hours)
    _errors: _Hours = field(default_factory=_Hours)
    """The median of how far off single values were."""
    _by: tuple[_Hours, _Hours] = field(default_factory=lambda: (_Hours(_DAY), _Hours(_DAY)))
    """How far off hours were, if moved by difference and by ratio."""
    _seen: list[float] = field(default_factory=list)
    _off: list[float] = field(default_factory=list)
    _last: datetime | None = None
    _every: int = 1
    _turn: int = 0
    _expected: tuple[float, float] = (_NAN, _NAN)
    """Of this hour, by difference and by ratio."""
    _centres: tuple[float, float, float] = (_NAN, _NAN, _NAN)
    """Of the hour before, of this one and of the one behind."""
    _spread: float = _NAN

    def observe(self, at: datetime, value: float) -> None:
        """Learn a value; the same time again, or an hour that is over, says nothing new."""
        if at == self._last or not abs(value) < _LARGEST or not self._is_at(at):
            return
        self._last = at
        self._turn += 1
        if self._turn % self._every:
            return
        self._seen.append(value)
        centre = self._centre(at)
        if not math.isnan(centre):
            self._off.append(abs(value - centre))
        if len(self._seen) >= _SEEN_MOST:
            self._seen, self._off, self._every = self._seen[::2], self._off[::2], 2 * self._every

    def usual(self, at: datetime) -> Usual | str:
        """What it is like at that time, or why that is not known. The values of this hour have no part in it."""
        if not self._is_at(at):
            if self._hour - at.timestamp() / _HOUR_S < _DAY:
                return "the clock was set back: what is usual is known again when it is where it was"
            self._begin_anew()
            self._is_at(at)
        known = timedelta(hours=self._hour - self._first)
        if known < MINIMUM:
            return f"what is usual is not known yet: {_words(known)} of {MINIMUM.days} days are known"
        centre, slope = self._centre(at), self._slope(at)
        if math.isnan(centre):
            return "what is usual at this hour is not known: nothing was measured at it or before it"
        if math.isnan(self._spread):
            return "how much it varies is not known yet"
        return Usual(centre, max(self._spread, abs(slope) / 2, LEAST_SPREAD * abs(centre), _TINY))

    def is_past(self, at: datetime) -> bool:
        """Whether nobody has asked for it, or seen anything of it, for longer than anything is kept."""
        return int(at.timestamp() // _HOUR_S) - self._hour > _KEPT

    @property
    def known_hours(self) -> int:
        """Of so many hours there is a number; the one being filled is not counted."""
        return sum(not math.isnan(value) for value in self._values.values)

    def to_bytes(self) -> bytes:
        """All that it knows; 6 to 8 KB."""
        last = math.nan if self._last is None else self._last.timestamp()
        of_hour = array("d", self._seen), array("d", self._off)
        head = _HEAD.pack(_FORM, self._first, self._hour, last, self._every, self._turn, *map(len, of_hour))
        return head + b"".join(one.tobytes() for one in (*(ring.values for ring in self._rings), *of_hour))

    @classmethod
    def from_bytes(cls, data: bytes, zone: tzinfo = UTC) -> Self:
        """The same again; ValueError if the bytes are none of ours."""
        made = cls(zone)
        try:
            form, made._first, made._hour, last, made._every, made._turn, seen, off = _HEAD.unpack_from(data)
        except struct.error as error:
            raise ValueError("these are no bytes of a baseline") from error
        sizes = [4 * ring.kept for ring in made._rings]
        if form != _FORM or len(data) != _HEAD.size + sum(sizes) + 8 * (seen + off):
            raise ValueError("these are no bytes of a baseline, or of another form")
        at = _HEAD.size
        for ring, size in zip(made._rings, sizes, strict=True):
            ring.values = array("f", data[at : at + size])
            at += size
        of_hour = array("d", data[at:]).tolist()
        made._seen, made._off = of_hour[:seen], of_hour[seen:]
        made._last = None if math.isnan(last) else datetime.fromtimestamp(last, UTC)
        made._expect()
        return made

    @property
    def _rings(self) -> tuple[_Hours, ...]:
        return self._values, self._errors, *self._by

    def _begin_anew(self) -> None:
        fresh = type(self)(self.zone)
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))

    def _is_at(self, at: datetime) -> bool:
        """Go on to that hour; False if it is over."""
        hour = int(at.timestamp() // _HOUR_S)
        if hour > self._hour:
            self._end_hour(hour)
        return hour == self._hour

    def _end_hour(self, following: int) -> None:
        """Keep what was seen, and what nobody saw as gaps, and work out what to expect of the following hour."""
        if self._hour < 0:
            self._first = following
        else:
            value = median(self._seen) if self._seen else _NAN
            self._values.put(self._hour, value)
            self._errors.put(self._hour, median(self._off) if self._off else _NAN)
            for ring, expected in zip(self._by, self._expected, strict=True):
                ring.put(self._hour, abs(value - expected))
            for ring in self._rings:
                for gap in range(max(self._hour + 1, following - ring.kept), following):
                    ring.put(gap, _NAN)
        self._hour = following
        self._seen, self._off, self._every, self._turn = [], [], 1, 0
        self._expect()

    def _expect(self) -> None:
        """Centres and spread of this hour."""
        if timedelta(hours=self._hour - self._first) < MINIMUM:
            return
        recent = tuple(self._values.among(range(self._hour - RECENT, self._hour)))
        before, here, behind = (self._forecast(hour, recent) for hour in (self._hour - 1, self._hour, self._hour + 1))
        # These rings hold exactly one day, so the order does not matter.
        by_difference, by_ratio = ([error for _, error in ring.among(range(_DAY))] for ring in self._by)
        by = 1 if by_ratio and _without_largest(by_ratio) < _without_largest(by_difference) else 0
        self._expected = here
        self._centres = (before[by], here[by], behind[by])
        lately = [error for _, error in self._errors.among(range(self._hour - _DAY, self._hour))]
        weeks = (self._hour - self._hours_back(self._hour, 7 * week) for week in range(1, WEEKS + 1))
        weekly = [error for _, error in self._errors.among(weeks)]
        if len(lately) >= _FEW_ERRORS:
            self._spread = _TO_DEVIATION * max(median(lately), median(weekly) if weekly else 0.0)
        else:
            self._spread = _NAN

    def _forecast(self, hour: int, recent: Sequence[tuple[int, float]]) -> tuple[float, float]:
        """Its analogues, moved by difference and by ratio."""
        by_difference, by_ratio = list[tuple[float, float]](), list[tuple[float, float]]()
        for days, weight in _ANALOGUES:
            for _, value in self._values.among((hour - self._hours_back(hour, days),)):
                theirs = [one - self._hours_back(one, days) for one, _ in recent]
                then = dict(self._values.among(theirs))
                pairs = [(now, then[one]) for (_, now), one in zip(recent, theirs, strict=True) if one in then]
                if len(pairs) < _FEW:
                    continue
                moved = value + median(now - before for now, before in pairs)
                ratios = [now / before for now, before in pairs if before > 0]
                by_difference.append((moved, weight))
                by_ratio.append((value * median(ratios) if len(ratios) >= _FEW else moved, weight))
        return _weighted_median(by_difference), _weighted_median(by_ratio)

    def _hours_back(self, hour: int, days: int) -> int:
        """To the same time by the clock on the wall."""
        if self.zone is UTC:
            return days * _DAY
        moved = _offset(self.zone, hour) - _offset(self.zone, hour - days * _DAY)
        return days * _DAY - round(moved / timedelta(hours=1))

    def _centre(self, at: datetime) -> float:
        """On the line from the middle of this hour to the middle of the nearer neighbour."""
        return self._centres[1] + self._slope(at)

    def _slope(self, at: datetime) -> float:
        """How far that line has gone from the middle."""
        phase = at.timestamp() / _HOUR_S - self._hour - 0.5
        before, here, behind = self._centres
        other = before if phase < 0 else behind
        return 0.0 if math.isnan(other) else (other - here) * abs(phase)


@lru_cache(maxsize=4096)
def _offset(zone: tzinfo, hour: int) -> timedelta:
    return datetime.fromtimestamp(hour * _HOUR_S, zone).utcoffset() or timedelta()


def _without_largest(errors: Sequence[float]) -> float:
    """A sum that a few hours do not decide."""
    return sum(sorted(errors)[: max(1, 5 * len(errors) // 6)])


def _weighted_median(pairs: Sequence[tuple[float, float]]) -> float:
    """Of values with their weights; between two values that share the middle, half way."""
    half = sum(weight for _, weight in pairs) / 2
    ordered = sorted(pairs)
    reached = 0.0
    for place, (value, weight) in enumerate(ordered):
        reached += weight
        if reached == half:
            return (value + ordered[place + 1][0]) / 2
        if reached > half:
            return value
    return _NAN


def _words(known: timedelta) -> str:
    return (
        f"{known.days} days and {known.seconds // _HOUR_S} hours" if known.days else f"{known.seconds // _HOUR_S} hours"
    )
