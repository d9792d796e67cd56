"""Decisions of schedules for people: what is decided, why, and the numbers below it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from rich.console import RenderableType

from offloadctl.model.decision import Decision, Judged, Seen, Settled, Truth, Verdict
from offloadctl.plan.schedule_words import number_words
from offloadctl.plan.telling import value_words
from offloadctl.report.text import Cell, Column, Style, ago, count, labelled, line, styled, table

_STYLES: Final = {
    Verdict.FIRED: Style.GOOD,
    Verdict.HELD: Style.CAREFUL,
    Verdict.UNKNOWN: Style.CAREFUL,
    Verdict.QUIET: Style.QUIET,
}
_TRUTHS: Final = {Truth.TRUE: Style.GOOD, Truth.FALSE: Style.QUIET, Truth.UNKNOWN: Style.CAREFUL}
_SHOWN: Final = 5
_COLUMNS: Final = (
    Column("whose"),
    Column("is it so"),
    Column("number", is_number=True),
    Column("threshold", is_number=True),
    Column("since"),
    Column("source", may_fold=True),
    Column("why", may_fold=True),
)


def decision_text(decision: Decision) -> Iterator[RenderableType]:
    """One decision, whole."""
    yield line(
        (decision.schedule, Style.HEAD),
        ": ",
        (decision.verdict.value, _STYLES[decision.verdict]),
        f" at {decision.at:%Y-%m-%d %H:%M:%S} UTC",
    )
    for reason in decision.reasons:
        yield labelled("why", f"{reason.text} [{reason.code}]")
    if decision.verdict is Verdict.FIRED:
        yield labelled("acts on", _acts_on(decision))
    for one in decision.settled:
        yield labelled("cron times", settled_words(one))
    yield from _judged(decision.when, decision.at, "when", depth=0)
    for gate in decision.gates:
        yield from _judged(gate, decision.at, "gate", depth=0)


def settled_words(one: Settled) -> str:
    """`3 times from 2026-01-01 01:30 to 2026-01-03 01:30 UTC: too-late (cron 30 2 * * *)`."""
    times = f"{one.first:%Y-%m-%d %H:%M}"
    if one.count > 1:
        times = f"{count(one.count, 'time')} from {times} to {one.last:%Y-%m-%d %H:%M}"
    return f"{times} UTC: {one.fate.value} ({one.cron})"


def _acts_on(decision: Decision) -> str:
    topics = "the whole scope" if decision.whole_scope else count(len(decision.topics), "topic")
    left = f", {count(decision.left, 'more topic')} left for the next run" if decision.left else ""
    return topics + left


def _judged(judged: Judged, now: datetime, label: str, *, depth: int) -> Iterator[RenderableType]:
    counts = ", ".join(f"{number:,} {truth.value}" for truth, number in judged.counts.items())
    told = "; ".join(part for part in (judged.why, counts if sum(judged.counts.values()) > 1 else "") if part)
    yield line(
        f"{'  ' * depth}{label}: ",
        judged.words,
        " - ",
        (judged.truth.value, _TRUTHS[judged.truth]),
        f" ({told})" if told else "",
        indent=2,
    )
    if judged.seen:
        shown = judged.seen[:_SHOWN]
        columns = _COLUMNS if any(one.why for one in shown) else _COLUMNS[:-1]
        rows = (_row(one, judged, now)[: len(columns)] for one in shown)
        yield table(columns, rows, indent=4 + 2 * depth)
    for part in judged.parts:
        yield from _judged(part, now, "-", depth=depth + 1)


def _row(one: Seen, judged: Judged, now: datetime) -> tuple[Cell, ...]:
    return (
        one.subject.removeprefix("persistent://") or "-",
        styled(one.truth.value, _TRUTHS[one.truth]),
        value_words(one, judged.unit),
        _threshold(one, judged),
        ago(one.since, now),
        one.source,
        one.why or "-",
    )


def _threshold(one: Seen, judged: Judged) -> str:
    if one.threshold is None or judged.unit is None:
        return "-"
    return f"{one.threshold:g} deviations" if judged.unusual else number_words(one.threshold, judged.unit)
