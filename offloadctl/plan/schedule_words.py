"""Conditions, gates and numbers in words: one spelling for decisions, errors, tables and logs."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from offloadctl.model.measures import Measure, Unit
from offloadctl.model.schedule import (
    Action,
    AllOf,
    AnyOf,
    CheckAction,
    Comparison,
    Condition,
    Cron,
    Dates,
    Extent,
    Hours,
    RollOverAction,
    TrimAction,
)
from offloadctl.units import format_duration, format_size

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_NAMES: Final = {
    Measure.LOCAL_BYTES: "local bytes",
    Measure.OLDEST_ELIGIBLE: "age of the oldest eligible ledger",
    Measure.BACKLOG_BYTES: "backlog in bytes",
    Measure.BACKLOG_MESSAGES: "backlog in messages",
    Measure.UNREAD_FOR: "time since the last read",
    Measure.COLD_READS: "reads from the bucket",
    Measure.BROKER_CPU: "broker CPU",
    Measure.BROKER_MEMORY: "broker memory",
    Measure.BROKER_DIRECT_MEMORY: "broker direct memory",
    Measure.BOOKIE_DISK: "bookie disk",
    Measure.S3_ERRORS: "S3 errors",
}
_LOADING: Final = ", loading topics for it"
_EXTENTS: Final = {Extent.TOPIC: "", Extent.NAMESPACE: " of the namespace", Extent.SCOPE: " of the whole scope"}


def number_words(value: float, unit: Unit) -> str:
    """`100 GiB`, `81.5 %`, `7d`, `3 a minute`."""
    return _SPELLINGS[unit](value)


def threshold_words(comparison: Comparison, threshold: float) -> str:
    """The threshold in the words of its unit."""
    if comparison.unusual:
        zone = f" ({comparison.zone})" if comparison.zone != "UTC" else ""
        return f"{threshold:g} deviations from the usual{zone}"
    return number_words(threshold, comparison.measure.unit)


def comparison_words(one: Comparison) -> str:
    """`local bytes of the namespace above 100 GiB, until 80 GiB, for 10m`."""
    what = f"promql {one.query}" if one.query else _NAMES[one.measure] + _EXTENTS[one.extent]
    threshold = threshold_words(one, one.threshold)
    until = f", until {threshold_words(one, one.until)}" if one.until != one.threshold else ""
    lasting = f", for {format_duration(one.lasting)}" if one.lasting else ""
    return f"{what} {one.direction} {threshold}{until}{lasting}"


def cron_words(cron: Cron) -> str:
    """`cron 30 2 * * * (Europe/Berlin), up to 10m later`."""
    jitter = f", up to {format_duration(cron.jitter)} later" if cron.jitter else ""
    return f"cron {cron.expression} ({cron.zone}){jitter}"


def hours_words(one: Hours) -> str:
    """`only mon-fri 22:00-06:00 (UTC)`, `not ...`."""
    days = "every day" if len(one.days) == 7 else " ".join(DAYS[day] for day in sorted(one.days))
    return f"{'only' if one.is_open else 'not'} {days} {one.start:%H:%M}-{one.end:%H:%M} ({one.zone.key})"


def dates_words(one: Dates) -> str:
    """`not from 2026-12-24 to 2026-12-26 (UTC)`."""
    return f"not from {one.first} to {one.last} ({one.zone.key})"


def condition_words(condition: Condition) -> str:
    """A whole condition: `all of: cron 30 2 * * * (UTC); local bytes above 10 GiB`."""
    match condition:
        case Cron():
            return cron_words(condition)
        case Comparison():
            return comparison_words(condition)
        case AllOf(parts):
            return f"all of: {_listed(parts)}"
        case AnyOf(parts):
            return f"any of: {_listed(parts)}"


def action_words(action: Action) -> str:
    """`offload all but the newest 10 GiB`; `check blocks, 5% of the ledgers each time`."""
    if isinstance(action, CheckAction):
        sample = f", {action.sample} of the ledgers each time" if action.sample else ""
        age = f", what was not looked at for {format_duration(action.max_age)}" if action.max_age is not None else ""
        return f"check {action.level.value}{sample}{age}"
    if isinstance(action, RollOverAction):
        clients = ", whoever is connected" if action.while_connected else ""
        words = f"roll over what nobody has written to for {format_duration(action.idle_for)}{clients}"
        return f"{words}{_LOADING if action.load_topics else ''}"
    if isinstance(action, TrimAction):
        return f"trim what is proved to be whole{_LOADING if action.load_topics else ''}"
    wish = action.wish
    kept = [f"all but the newest {format_size(wish.size_threshold)}"] if wish.size_threshold else []
    old = [f"what was closed {format_duration(wish.older_than)} ago"] if wish.older_than is not None else []
    return f"offload {' and '.join((*kept, *old)) or 'all that is closed'}"


def _listed(parts: Sequence[Condition]) -> str:
    return "; ".join(
        f"({condition_words(one)})" if isinstance(one, AllOf | AnyOf) else condition_words(one) for one in parts
    )


def _seconds(value: float) -> str:
    try:
        return format_duration(timedelta(seconds=value))
    except OverflowError:
        return f"{value:g}s"


_SPELLINGS: Final[Mapping[Unit, Callable[[float], str]]] = {
    Unit.BYTES: lambda value: format_size(round(value)),
    Unit.SHARE: lambda value: f"{100 * value:.1f}".removesuffix(".0") + " %",
    Unit.SECONDS: _seconds,
    Unit.BYTES_A_SECOND: lambda value: f"{format_size(round(value))} a second",
    Unit.A_MINUTE: lambda value: f"{value:g} a minute",
    Unit.MESSAGES: lambda value: f"{round(value):,} messages",
    Unit.NUMBER: lambda value: f"{value:.6g}",
}
