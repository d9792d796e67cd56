"""The status of topics for people: one row for each, and what needs a second look below."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from rich.console import RenderableType

from offloadctl.model.ledger import Ledger, OffloadState
from offloadctl.model.standing import Movement
from offloadctl.model.status import Amount, Bound, DataObject, StatusReport, TopicStatus, UnreadTopic, total_size
from offloadctl.plan.bucket_in_force import offered
from offloadctl.plan.standing import why
from offloadctl.plan.status_totals import shown
from offloadctl.plan.storage import doubly_stored, stored_in_s3
from offloadctl.report.origin import Origin
from offloadctl.report.scope import scope_text
from offloadctl.report.status_table import CLAIM_STYLES, common_namespace, left_out, totals_table
from offloadctl.report.text import Cell, Column, Style, ago, amount, count, labelled, line, short_name, styled, table
from offloadctl.units import ByteSize, format_size

_STANDINGS: Final = {Movement.QUEUED: Style.CAREFUL, Movement.STANDING_STILL: Style.BAD}

_SHOWN: Final = 20
"""Of so many topics the remarks are shown; `-o wide` shows all."""


def status_text(report: StatusReport, origin: Origin, *, wide: bool = False) -> Iterator[RenderableType]:
    """One topic in words, several as a table; then what of a wide scope is not there."""
    yield from _topics(report, origin, wide=wide)
    if report.scope is not None:
        yield from scope_text(report.scope)
        if report.scope.scope.is_wide and not report.parts:
            yield line(f"{report.scope.scope}: no topic")


def _topics(report: StatusReport, origin: Origin, *, wide: bool) -> Iterator[RenderableType]:
    parts = report.parts
    if len(parts) == 1 and isinstance(parts[0], TopicStatus) and not wide:
        yield line((str(parts[0].topic), Style.HEAD), f"  ({origin})")
        yield from _in_words(parts[0])
        return
    if not parts:
        return
    if _is_ranked(report, wide=wide):
        namespace = common_namespace(report)
        yield line((f"{namespace}  ", Style.HEAD), f"({origin})") if namespace is not None else line(f"{origin}")
        yield from _ranked(report, wide=wide)
        return
    if all(not group.partitions for group in report.groups):
        yield line(f"{origin}")
        yield from _block(parts, wide=wide)
        return
    for group in report.groups:
        partitions = f", {count(group.partitions, 'partition')}" if group.partitions else ""
        yield line((str(group.topic), Style.HEAD), f"  ({origin}{partitions})")
        yield from _block(group.parts, wide=wide)


def _is_ranked(report: StatusReport, *, wide: bool) -> bool:
    """Whether topics are rows, their partitions together; wide scopes show each partition with `-o wide` only."""
    is_wide = report.scope is not None and report.scope.scope.is_wide
    return report.sort is not None or report.top is not None or (is_wide and not wide)


def _ranked(report: StatusReport, *, wide: bool) -> Iterator[RenderableType]:
    groups = shown(report)
    yield from totals_table(report, groups, wide=wide)
    remarked = [remarks for group in groups for part in group.parts if (remarks := [*_stands(part), *_remarks(part)])]
    for remarks in remarked if wide else remarked[:_SHOWN]:
        yield from remarks
    if not wide and len(remarked) > _SHOWN:
        yield labelled("…", f"as much to {count(len(remarked) - _SHOWN, 'more topic')}: -o wide", style=Style.CAREFUL)
    yield from left_out(report, groups)


def _block(parts: Sequence[TopicStatus | UnreadTopic], *, wide: bool) -> Iterator[RenderableType]:
    rows = [part for part in parts if isinstance(part, TopicStatus)]
    if rows:
        yield _table(rows, wide=wide)
    for part in parts:
        yield from _stands(part)
        yield from _remarks(part)


def _in_words(status: TopicStatus) -> Iterator[RenderableType]:
    now = status.managed_ledger.observed_at
    yield labelled("broker says", _claim(status), style=_claim_style(status))
    if status.standing is not None:
        yield labelled(
            "stands", why(status.standing, now).text, style=_STANDINGS.get(status.standing.movement, Style.PLAIN)
        )
    yield labelled("closed", _ledgers(status.closed))
    if status.open_size is not None:
        ended = status.managed_ledger.terminated_at is not None
        label = "last" if ended else "open"
        what = "the last ledger: the topic is terminated" if ended else "the ledger that is being written to"
        yield labelled(label, f"{format_size(status.open_size)} in {what}")
    unknown = "unknown: complete or not, only a loaded topic tells (--load-topics)"
    by_objects = f"; {_ledgers(status.judged)} of them judged by their objects: no broker serves the topic"
    known = _ledgers(status.offloaded) + (by_objects if status.judged else "")
    yield labelled("offloaded", unknown if status.begun else known)
    if status.offloaded or status.begun:
        yield labelled("in S3", _in_s3(status))
        yield labelled("twice", _twice(status))
    yield from _unfinished(status)
    yield labelled("local", f"{_ledgers(status.local)} in BookKeeper only")
    yield labelled("eligible", _eligible(status, now))
    yield from _remarks(status)


def _unfinished(status: TopicStatus) -> Iterator[RenderableType]:
    if status.in_flight:
        ids = ", ".join(str(ledger.ledger_id) for ledger in status.in_flight[:10])
        text = f"{_ledgers(status.in_flight)} begun and not complete: running, failed or left by a crash ({ids})"
        yield labelled("in flight", text, style=Style.CAREFUL)
    if status.begun:
        text = f"{_ledgers(status.begun)} begun; complete or not is unknown while the topic is not loaded"
        yield labelled("begun", text, style=Style.CAREFUL)


def _stands(part: TopicStatus | UnreadTopic) -> Iterator[RenderableType]:
    """Beside a table: what waits or does not move."""
    if isinstance(part, TopicStatus) and part.standing is not None and part.standing.movement in _STANDINGS:
        text = why(part.standing, part.managed_ledger.observed_at).text
        yield labelled("stands", f"{short_name(part.topic)}: {text}", style=_STANDINGS[part.standing.movement])


def _remarks(part: TopicStatus | UnreadTopic) -> Iterator[RenderableType]:
    if isinstance(part, UnreadTopic):
        yield labelled("error", part.reason.text, style=Style.BAD)
        if part.hint:
            yield labelled("do next", part.hint)
        return
    if part.missing_objects:
        text = f"not both objects of {count(len(part.missing_objects), 'ledger')} are in the configured buckets"
        yield labelled("missing", f"{text}: {_ids(part.missing_objects)}", style=Style.BAD)
    if part.odd_sizes:
        text = f"not the size that the entries imply, {count(len(part.odd_sizes), 'ledger')}"
        yield labelled("odd size", f"{text}: {_ids(part.odd_sizes)}", style=Style.BAD)
    if part.missing_objects or part.odd_sizes:
        yield labelled("do next", f"offloadctl check {part.topic}")
    for text in part.not_covered:
        yield labelled("not seen", text, style=Style.CAREFUL)


def _table(statuses: Sequence[TopicStatus], *, wide: bool) -> RenderableType:
    in_flight = wide or any(status.in_flight or status.begun for status in statuses)
    columns = [
        Column("topic" if statuses[0].topic.partition is None else "partition", may_fold=True),
        Column("broker says"),
        Column("closed", is_number=True, may_go=not wide),
        Column("offloaded", is_number=True),
        *([Column("unfinished", is_number=True)] if in_flight else []),
        Column("eligible", is_number=True),
        Column("oldest", is_number=True),
    ]
    if wide:
        columns += [Column("local", is_number=True), Column("in S3", is_number=True), Column("twice", is_number=True)]
    return table(columns, [_row(status, in_flight=in_flight, wide=wide) for status in statuses])


def _row(status: TopicStatus, *, in_flight: bool, wide: bool) -> list[Cell]:
    partition, oldest = status.topic.partition, status.oldest_eligible
    row: list[Cell] = [
        short_name(status.topic) if partition is None else str(partition),
        styled(status.claim.state.value if status.claim else "not asked", _claim_style(status)),
        _size(status.closed),
        "?" if status.begun else _size(status.offloaded),
        *([_size((*status.in_flight, *status.begun))] if in_flight else []),
        _eligible_size(status),
        ago(oldest.closed_at, status.managed_ledger.observed_at).removesuffix(" ago") if oldest else "-",
    ]
    return [*row, _size(status.local), amount(stored_in_s3(status)), amount(doubly_stored(status))] if wide else row


def _eligible_size(status: TopicStatus) -> str:
    if not status.begun:
        return _size(status.eligible)
    return amount(Amount(total_size(status.eligible), Bound.AT_LEAST)) if status.eligible else "?"


def _size(ledgers: Sequence[Ledger]) -> str:
    return format_size(total_size(ledgers)) if ledgers else "-"


def _claim(status: TopicStatus) -> str:
    if status.claim is None:
        return (
            "not asked: the topic is not on the brokers' list of loaded topics, which is up to a minute old, "
            "and asking would load it (--load-topics)"
        )
    first, first_kept = status.claim.last_error.partition("\n")[0], status.claim.first_unoffloaded
    words = {
        OffloadState.NOT_RUN: "NOT_RUN: no offload by hand since the topic was loaded",
        OffloadState.RUNNING: "RUNNING",
        OffloadState.SUCCESS: "SUCCESS" + (f", all before {first_kept}" if first_kept is not None else ""),
        OffloadState.ERROR: f"ERROR: {first}",
    }
    return words[status.claim.state]


def _claim_style(status: TopicStatus) -> Style:
    return CLAIM_STYLES.get(status.claim.state, Style.PLAIN) if status.claim is not None else Style.QUIET


def _in_s3(status: TopicStatus) -> str:
    size = amount(stored_in_s3(status))
    if status.objects is None:
        return f"{size} of data objects, as the ledgers imply; no bucket was looked at{offered([status.policies])}"
    if status.begun:
        return f"{size} of data objects, as the bucket tells; how many of them are complete is unknown"
    if len(status.objects) < len(status.offloaded):
        return f"{size} of data objects; not all of them could be looked at"
    return f"{size} of data objects, as the bucket tells; `offloadctl check` tells whether they are whole"


def _twice(status: TopicStatus) -> str:
    twice = doubly_stored(status)
    if twice == Amount(ByteSize(0), Bound.AT_LEAST):
        return "by the objects' times the deletion lag has passed, so BookKeeper's copies are gone or about to go"
    return f"{amount(twice)} of them still in BookKeeper too"


def _ids(objects: Sequence[DataObject]) -> str:
    shown = ", ".join(str(one.ledger_id) for one in objects[:10])
    return shown + (", …" if len(objects) > 10 else "")


def _eligible(status: TopicStatus, now: datetime) -> str:
    oldest = status.oldest_eligible
    unknown = f"{_ledgers(status.begun)} begun, which may have to move again or not" if status.begun else ""
    if oldest is None and unknown:
        return f"unknown: {unknown}"
    if oldest is None:
        return "nothing: no closed ledger waits for an offload"
    text = f"{_ledgers(status.eligible)} can move now; the oldest closed {ago(oldest.closed_at, now)}"
    return f"at least {text}; and {unknown}" if unknown else text


def _ledgers(ledgers: Sequence[Ledger]) -> str:
    return f"{count(len(ledgers), 'ledger')}, {format_size(total_size(ledgers))}" if ledgers else "none"
