"""The status of many topics for people: one row for each, partitions together, and a row of totals over all of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import RenderableType

from offloadctl.model.ledger import OffloadState
from offloadctl.model.names import NamespaceName
from offloadctl.model.status import Amount, StatusGroup, StatusReport
from offloadctl.plan.status_totals import NOT_ASKED, LedgerSum, StatusTotals
from offloadctl.report.text import Cell, Column, Style, ago, amount, count, labelled, short_name, styled, table
from offloadctl.units import format_size

CLAIM_STYLES: Mapping[str, Style] = {
    OffloadState.ERROR: Style.BAD,
    OffloadState.RUNNING: Style.CAREFUL,
    OffloadState.SUCCESS: Style.GOOD,
    NOT_ASKED: Style.QUIET,
}


def common_namespace(report: StatusReport) -> NamespaceName | None:
    """The namespace of all topics, if it is one: then their rows need not repeat it, and have room for their names."""
    found = {group.topic.namespace_name for group in report.groups}
    return found.pop() if len(found) == 1 else None


def totals_table(report: StatusReport, groups: Sequence[StatusGroup], *, wide: bool) -> Iterator[RenderableType]:
    """A row for each of these topics that could be read, and one for all topics of the report."""
    every = StatusTotals.of(report.parts)
    columns, is_one = _columns(report, every, wide=wide), common_namespace(report) is not None
    each = ((group, StatusTotals.of(group.parts)) for group in groups)
    rows = [
        [column.cell(_Row(name, group.partitions, totals, report.observed_at)) for column in columns]
        for group, totals in each
        for name in (group.topic.local_name if is_one else short_name(group.topic),)
        if totals.unread < totals.parts
    ]
    if len(report.groups) > 1:
        partitions = sum(group.partitions for group in report.groups)
        total = _Row(f"all {len(report.groups):,} topics", partitions, every, report.observed_at, is_total=True)
        rows.append([styled(str(column.cell(total)), Style.HEAD) for column in columns])
    if rows:
        yield table([column.column for column in columns], rows)
    if len(report.groups) > 1:
        yield labelled("broker says", ", ".join(f"{every.claims[claim]:,} {claim}" for claim in _told(every)) or "-")


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    partitions: int
    totals: StatusTotals
    now: datetime
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class _Column:
    column: Column
    cell: Callable[[_Row], Cell]


def _columns(report: StatusReport, every: StatusTotals, *, wide: bool) -> list[_Column]:
    """As few as tell where the bytes are, so that at 80 columns there is room for names; `-o wide` has all."""

    def number(title: str, cell: Callable[[StatusTotals], str], *, may_go: bool = False) -> _Column:
        return _Column(Column(title, is_number=True, may_go=may_go and not wide), lambda row: cell(row.totals))

    unfinished = wide or bool(every.in_flight.ledgers or every.begun.ledgers)
    partitions = any(group.partitions for group in report.groups)
    columns = [_Column(Column("topic", may_fold=True), lambda row: row.name)]
    if partitions:
        columns.append(
            _Column(Column("partitions", is_number=True, may_go=not wide), lambda row: f"{row.partitions:,}")
        )
    columns.append(_Column(Column("broker says"), _claim))
    columns += [number("closed", lambda one: _size(one.closed))] if wide else []
    columns.append(number("local", lambda one: _size(one.local), may_go=True))
    columns.append(number("offloaded", lambda one: "?" if one.begun.ledgers else _size(one.offloaded)))
    columns += [number("unfinished", lambda one: _size(one.in_flight, one.begun))] if unfinished else []
    columns.append(number("eligible", _eligible))
    columns.append(_Column(Column("oldest", is_number=True), _oldest))
    if wide:
        columns += [
            number("in S3", lambda one: _amount(one.in_s3)),
            number("twice", lambda one: _amount(one.doubly_stored)),
        ]
    return columns


def left_out(report: StatusReport, groups: Sequence[StatusGroup]) -> Iterator[RenderableType]:
    """How many topics are not shown, and what of them is not as it should be."""
    hidden = [part for group in report.groups if group not in groups for part in group.parts]
    if not hidden:
        return
    totals = StatusTotals.of(hidden)
    troubles = [
        f"{count(number, noun)} {what}"
        for number, noun, what in (
            (totals.unread, "topic", "could not be read"),
            (totals.missing_objects, "ledger", "not both of whose objects are in the configured buckets"),
            (totals.odd_sizes, "ledger", "whose data object has an odd size"),
            (totals.not_covered, "topic", "of which not all could be looked at"),
        )
        if number
    ]
    text = f"{count(len(report.groups) - len(groups), 'more topic')} (--top)"
    style = Style.CAREFUL if troubles else Style.QUIET
    yield labelled("topics", "; among them ".join(filter(None, (text, ", ".join(troubles)))), style=style)


def _told(totals: StatusTotals) -> list[str]:
    """The claims that were met; what somebody must look at comes first."""
    order = (OffloadState.ERROR, OffloadState.RUNNING, OffloadState.SUCCESS, OffloadState.NOT_RUN, NOT_ASKED)
    return [claim for claim in order if claim in totals.claims]


def _claim(row: _Row) -> Cell:
    """Of partitions that differ the one that matters most, and of how many."""
    told = _told(row.totals)
    if row.is_total or not told:
        return ""
    number = row.totals.claims[told[0]]
    of_all = f" of {row.totals.parts:,}" if len(told) > 1 or row.totals.unread else ""
    text = told[0] if row.totals.parts == 1 else f"{number:,}{of_all} {told[0]}"
    return styled(text, CLAIM_STYLES.get(told[0], Style.PLAIN))


def _eligible(totals: StatusTotals) -> str:
    if not totals.begun.ledgers:
        return _size(totals.eligible)
    return f"≥ {format_size(totals.eligible.size)}" if totals.eligible.ledgers else "?"


def _oldest(row: _Row) -> str:
    # Its largest part: `3d` of `3d 4h ago`.
    return ago(row.totals.oldest_eligible, row.now).partition(" ")[0]


def _size(*some: LedgerSum) -> str:
    return format_size(sum(one.size for one in some)) if any(one.ledgers for one in some) else "-"


def _amount(value: Amount | None) -> str:
    return amount(value) if value is not None else "?"
