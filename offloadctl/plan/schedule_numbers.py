"""Thresholds of a file in the unit of what they are compared with."""

import math
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from offloadctl.errors import BadValue
from offloadctl.model.measures import Measure, Unit
from offloadctl.model.schedule import Comparison, Direction, Extent
from offloadctl.plan import schedule_file as file
from offloadctl.plan.cron import parse_zone
from offloadctl.units import parse_duration, parse_size

Given = str | int | float
ToldAt = Callable[[str], AbstractContextManager[None]]
"""Errors within are told at the place below the comparison."""

_PERCENT: Final = re.compile(r"(\d+(?:\.\d+)?)\s*%", re.ASCII)
_WHOLE_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class _Known:
    field: str
    measure: Measure


MEASURES: Final[Mapping[str, _Known]] = {
    "localBytes": _Known("local_bytes", Measure.LOCAL_BYTES),
    "oldestEligible": _Known("oldest_eligible", Measure.OLDEST_ELIGIBLE),
    "backlogBytes": _Known("backlog_bytes", Measure.BACKLOG_BYTES),
    "backlogMessages": _Known("backlog_messages", Measure.BACKLOG_MESSAGES),
    "unreadFor": _Known("unread_for", Measure.UNREAD_FOR),
    "coldReads": _Known("cold_reads", Measure.COLD_READS),
    "brokerCpu": _Known("broker_cpu", Measure.BROKER_CPU),
    "brokerMemory": _Known("broker_memory", Measure.BROKER_MEMORY),
    "brokerDirectMemory": _Known("broker_direct_memory", Measure.BROKER_DIRECT_MEMORY),
    "bookieDisk": _Known("bookie_disk", Measure.BOOKIE_DISK),
    "s3Errors": _Known("s3_errors", Measure.S3_ERRORS),
    "promql": _Known("promql", Measure.PROMQL),
}
"""By the key in the file."""


def read_comparison(key: str, given: file.NumberPart, zone: str, told_at: ToldAt) -> Comparison:
    """One comparison of a file, `zone` is of its schedule; BadValue tells the place of what is wrong."""
    measure = MEASURES[key].measure
    with told_at(""):
        name, value = _threshold(given)
    unusual = name.endswith("Usual")
    direction = Direction.ABOVE if name.startswith("above") else Direction.BELOW
    sign = -1.0 if unusual and direction is Direction.BELOW else 1.0
    parse = _deviations if unusual else _PARSERS[measure.unit]
    with told_at(f".{name}"):
        threshold = sign * parse(value)
    with told_at(".until"):
        until = threshold if given.until is None else sign * parse(given.until)
        if (until > threshold) if direction is Direction.ABOVE else (until < threshold):
            raise BadValue(
                f"until {given.until} is never passed once it is {direction} {value}",
                hint=f"until must be on the other side: what is {direction} 80% may hold until "
                + ("70%" if direction is Direction.ABOVE else "90%"),
            )
    with told_at(".for"):
        lasting = parse_duration(given.for_)
    return Comparison(
        measure,
        direction,
        threshold,
        until,
        Extent(given.of) if isinstance(given, file.TopicNumberPart) else Extent.TOPIC,
        unusual=unusual,
        lasting=lasting,
        query=given.query.strip() if isinstance(given, file.QueryPart) else "",
        zone=parse_zone(given.time_zone or zone).key if unusual else "UTC",
    )


def _threshold(given: file.NumberPart) -> tuple[str, Given]:
    """The one threshold, and its name in the file."""
    thresholds = {
        "above": given.above,
        "below": given.below,
        "aboveUsual": given.above_usual,
        "belowUsual": given.below_usual,
    }
    named = [(name, value) for name, value in thresholds.items() if value is not None]
    if len(named) != 1:
        raise BadValue(f"it needs exactly one threshold, and has {len(named)}", hint=f"one of {', '.join(thresholds)}")
    if given.time_zone is not None and not named[0][0].endswith("Usual"):
        raise BadValue("a fixed threshold is the same at every hour", hint="timeZone is of aboveUsual and belowUsual")
    if isinstance(given, file.QueryPart) and not given.query.strip():
        raise BadValue("there is no expression", hint="query: max(up)")
    return named[0]


def _bytes(given: Given) -> float:
    return float(parse_size(str(given)))


def _share(given: Given) -> float:
    if isinstance(given, str):
        share = _percent(given)
        if share > 1:
            raise BadValue(f"{given} is more than the whole", hint="write 80%, or 0.8")
        return share
    if not 0 <= given <= 1:
        meant = f"write {given:g}%, or a number up to 1" if 1 < given <= _WHOLE_PERCENT else "write 80%, or 0.8"
        raise BadValue(f"{given} is no share of the whole", hint=meant)
    return float(given)


def _percent(given: Given) -> float:
    match = _PERCENT.fullmatch(str(given).strip())
    if match is None:
        raise BadValue(f"{given!r} is no share", hint="write 80%, or 0.8")
    return float(match[1]) / 100


def _seconds(given: Given) -> float:
    return parse_duration(str(given)).total_seconds()


def _plain(given: Given) -> float:
    if isinstance(given, str):
        raise BadValue(f"{given!r} is no number")
    if not math.isfinite(given):
        raise BadValue(f"nothing is ever {given}")
    return float(given)


def _query_number(given: Given) -> float:
    """Expressions have no unit that is known: 80% is 0.8, 10G is bytes, 5m is seconds."""
    if not isinstance(given, str):
        return _plain(given)
    for parse in (_percent, _bytes, _seconds):
        try:
            return parse(given)
        except BadValue:
            continue
    raise BadValue(f"{given!r} is no number, share, size or duration")


def _deviations(given: Given) -> float:
    number = _plain(given)
    if number <= 0:
        raise BadValue(f"{given} deviations are always met", hint="4 is seldom met by chance")
    return number


_PARSERS: Final[Mapping[Unit, Callable[[Given], float]]] = {
    Unit.BYTES: _bytes,
    Unit.BYTES_A_SECOND: _bytes,
    Unit.SHARE: _share,
    Unit.SECONDS: _seconds,
    Unit.MESSAGES: _plain,
    Unit.A_MINUTE: _plain,
    Unit.NUMBER: _query_number,
}
