"""Numbers against thresholds: true, false, or unknown; with hysteresis, and how long it has been so.

A number that is only a bound decides what it can: at least 5 is above 3, and nobody knows whether it is above 7.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from offloadctl.model.decision import Seen, Truth
from offloadctl.model.measures import Measure, Number, Snapshot, Usual, UsualKey
from offloadctl.model.schedule import Comparison, Direction
from offloadctl.model.status import Bound
from offloadctl.plan.schedule_words import number_words, threshold_words
from offloadctl.units import format_duration

STALE: Final = timedelta(minutes=15)
"""Nothing is done by an older number. Brokers renew theirs every minute, and Prometheus gives up after five."""


@dataclass(frozen=True, slots=True)
class Holding:
    """That a comparison holds for a subject: since when, and whether it has lasted long enough to count."""

    since: datetime
    counts: bool
    is_plain: bool = False
    """Whether the number alone tells the same, so that nothing is lost if this is forgotten but since when."""


def compare(
    comparison: Comparison,
    subject: str,
    number: Number,
    held: Holding | None,
    snapshot: Snapshot,
    *,
    usual_by: UsualKey | None = None,
) -> tuple[Seen, Holding | None]:
    """What is the case now, and what to remember of it. `usual_by`: where the snapshot has what is usual of it."""
    # What counted may count on once the number is there again; what had still to last begins anew.
    kept = held if held is not None and held.counts else None
    threshold = comparison.until if kept is not None else comparison.threshold
    seen = Seen(subject, Truth.UNKNOWN, number.source, number.value, number.bound, number.at, threshold)
    if why := _why_unknown(number, snapshot.at):
        return replace(seen, why=why), kept
    by = usual_by or UsualKey(comparison.subject_of, subject, comparison.zone)
    value, words = _measured(comparison, number, snapshot, by)
    if value is None:
        return replace(seen, why=words), kept
    match _beyond(value, number.bound, comparison.direction, threshold):
        case Truth.UNKNOWN:
            return replace(seen, why=_join(words, f"it is only known to be {_bound_words(number.bound)}")), kept
        case Truth.FALSE:
            return replace(seen, truth=Truth.FALSE, why=words), None
        case Truth.TRUE:
            is_beyond = _beyond(value, number.bound, comparison.direction, comparison.threshold) is Truth.TRUE
            return _lasting(comparison, replace(seen, why=words), held, snapshot.at, is_beyond=is_beyond)


def combine(measure: Measure, numbers: Iterable[Number], subject: str) -> Number:
    """One number for many topics: their sum, or of ages and of times the greatest or the smallest."""
    given = tuple(numbers)
    known = [one for one in given if one.value is not None]
    if not known:
        why = next((one.why for one in given if one.why), f"{subject} has no topic whose number is known")
        return Number(given[0].source if given else measure.value, why=why)
    values = [one.value for one in known if one.value is not None]
    bounds = {one.bound for one in known}
    lacking = len(given) - len(known)
    if measure is Measure.UNREAD_FOR:
        value, loose = min(values), Bound.AT_MOST
    elif measure is Measure.OLDEST_ELIGIBLE:
        value, loose = max(values), Bound.AT_LEAST
    else:
        value, loose = sum(values), Bound.AT_LEAST
    if lacking:
        bounds.add(loose)
    bounds.discard(Bound.EXACT)
    why = f"of {lacking} of {len(given)} topics it is unknown" if lacking else ""
    at = min((one.at for one in known if one.at is not None), default=None)
    if len(bounds) > 1:
        return Number(known[0].source, None, at, why=_join(why, "some numbers are lower bounds and others upper ones"))
    return Number(known[0].source, value, at, bounds.pop() if bounds else Bound.EXACT, why)


def numbers_of(comparison: Comparison, snapshot: Snapshot) -> Mapping[str, Number]:
    """The numbers of brokers, bookies or series; where there is none, one that says why."""
    found = snapshot.queries.get(comparison.query) if comparison.query else snapshot.instances.get(comparison.measure)
    return found or {"": lacking(comparison, snapshot)}


def lacking(comparison: Comparison, snapshot: Snapshot) -> Number:
    """That a number is unknown, and why."""
    missing = snapshot.missing.get(comparison.subject_of)
    return missing if missing is not None else Number(comparison.subject_of, why="nobody has told it")


def _why_unknown(number: Number, now: datetime) -> str:
    if number.value is None:
        return number.why or "nobody has told it"
    if math.isnan(number.value):
        return "its source says NaN"
    if number.at is not None and now - number.at > STALE:
        return f"it was measured {format_duration(now - number.at)} ago"
    return ""


def _measured(
    comparison: Comparison, number: Number, snapshot: Snapshot, usual_by: UsualKey
) -> tuple[float | None, str]:
    """What is compared: the number, or how far it is from the usual; and what there is to say to it."""
    assert number.value is not None  # noqa: S101 - the caller has looked
    if not comparison.unusual:
        return number.value, number.why
    usual = snapshot.usual.get(usual_by, "nothing is known of what is usual")
    if not isinstance(usual, Usual):
        return None, usual
    words = f"usual at this hour: {number_words(usual.centre, comparison.measure.unit)}"
    return (number.value - usual.centre) / usual.spread, words


def _beyond(value: float, bound: Bound, direction: Direction, threshold: float) -> Truth:
    is_beyond = value > threshold if direction is Direction.ABOVE else value < threshold
    certain = Bound.AT_LEAST if (direction is Direction.ABOVE) == is_beyond else Bound.AT_MOST
    if bound in (Bound.EXACT, certain):
        return Truth.TRUE if is_beyond else Truth.FALSE
    return Truth.UNKNOWN


def _lasting(
    comparison: Comparison, seen: Seen, held: Holding | None, now: datetime, *, is_beyond: bool
) -> tuple[Seen, Holding]:
    """Whether it has been so for long enough to count."""
    since = now if held is None else min(held.since, now)
    seen = replace(seen, since=since)
    if (held is not None and held.counts) or now - since >= comparison.lasting:
        why = "" if is_beyond else f"so it stays until {threshold_words(comparison, comparison.until)}"
        seen = replace(seen, truth=Truth.TRUE, why=_join(seen.why, why))
        return seen, Holding(
            since, counts=True, is_plain=not comparison.lasting and comparison.until == comparison.threshold
        )
    why = f"for {format_duration(now - since)} so far, of {format_duration(comparison.lasting)}"
    return replace(seen, truth=Truth.FALSE, why=_join(seen.why, why)), Holding(since, counts=False)


def _bound_words(bound: Bound) -> str:
    return "so much at least" if bound is Bound.AT_LEAST else "so much at most"


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
