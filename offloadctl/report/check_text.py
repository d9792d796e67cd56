"""A check for people: what was looked at, what was found, and what could not be looked at."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

from rich.console import RenderableType

from offloadctl.model.check import (
    CheckReport,
    CheckStatus,
    Coverage,
    LedgerCheck,
    Level,
    TopicCheck,
    Verdict,
)
from offloadctl.model.entry_counts import EntryCounts
from offloadctl.model.status import UnreadTopic
from offloadctl.model.verified import Earlier
from offloadctl.report.bucket_text import bucket_text
from offloadctl.report.cursor_place_text import place_text
from offloadctl.report.origin import Origin
from offloadctl.report.scope import scope_text
from offloadctl.report.text import Cell, Column, Style, count, findings, labelled, line, short_name, styled, table
from offloadctl.units import format_size

_SHOWN: Final = 20
"""So many sound ledgers, and so many reasons, tell how it looks; `-o wide` shows all."""

_STYLES: Final = {
    Verdict.SOUND: Style.GOOD,
    Verdict.EARLIER: Style.GOOD,
    Verdict.WARNING: Style.CAREFUL,
    Verdict.DAMAGED: Style.BAD,
    Verdict.NOT_COVERED: Style.CAREFUL,
    Verdict.TRIMMED: Style.QUIET,
}


def check_text(report: CheckReport, origin: Origin, *, wide: bool = False) -> Iterator[RenderableType]:
    """Several topics as a table, one by its ledgers; then the findings; at the end what was looked at."""
    parts = report.parts
    is_wide = report.scope is not None and report.scope.scope.is_wide
    if len(parts) == 1 and isinstance(parts[0], TopicCheck) and not is_wide:
        yield line((str(parts[0].topic), Style.HEAD), f"  ({origin})")
        yield from _ledgers(parts[0].ledgers, wide=wide)
    else:
        yield line(f"{origin}")
        yield from _topics(parts, wide=wide)
        for part in parts:
            if wide and isinstance(part, TopicCheck):
                yield line((str(part.topic), Style.HEAD))
                yield from _ledgers(part.ledgers, wide=True)
    for part in parts:
        if isinstance(part, TopicCheck) and part.place is not None:
            yield place_text(part, report.level)
    yield from findings(report.findings)
    more = sum(one.inspection.more_findings for one in report.ledgers)
    if more:
        yield labelled("more", f"{count(more, 'finding')} of the same ledgers are not shown", style=Style.BAD)
    for bucket in report.buckets:
        yield from bucket_text(bucket)
    if report.scope is not None:
        yield from scope_text(report.scope)
    yield from _coverage(report, wide=wide)


def counts_text(counts: EntryCounts) -> str:
    """`20 entries, 20 messages; checksums: 20 ok`, and what else there is to say of them."""
    checksums = [f"{counts.checksums_ok:,} right"]
    for number, word in (
        (counts.checksums_bad, "wrong"),
        (counts.unreadable, "unreadable"),
        (counts.checksums_absent, "without one, which nothing proves whole"),
    ):
        if number:
            checksums.append(f"{number:,} {word}")
    kinds = (
        (counts.markers, "markers of the broker"),
        (counts.chunks, "chunks"),
        (counts.encrypted, "encrypted"),
        (counts.compressed, "compressed"),
    )
    special = "".join(f", {number:,} {word}" for number, word in kinds if number)
    return (
        f"{_entries(counts.entries)} with {count(counts.messages, 'message')}{special}; "
        f"checksums: {', '.join(checksums)}"
    )


def _ledgers(ledgers: Sequence[LedgerCheck], *, wide: bool) -> Iterator[RenderableType]:
    if not ledgers:
        return
    columns = [
        Column("ledger", is_number=True),
        Column("entries", is_number=True),
        Column("size", is_number=True),
        Column("in S3", is_number=True),
        Column("blocks", is_number=True),
        Column("result"),
    ]
    if wide:
        columns += [Column("read", is_number=True), Column("bucket"), Column("uuid")]
    rows = [_row(one, wide=wide) for one in ledgers]
    if not wide and len(rows) > _SHOWN + 1:
        half = _SHOWN // 2
        told = [row for one, row in zip(ledgers[half:-half], rows[half:-half], strict=True) if one.verdict in _TELLING][
            :_SHOWN
        ]
        left = len(rows) - 2 * half - len(told)
        rows = [*chain(rows[:half], told), [f"… {left:,} more", *[""] * (len(columns) - 1)], *rows[-half:]]
    yield table(columns, rows)


_TELLING: Final = frozenset({Verdict.DAMAGED, Verdict.WARNING, Verdict.NOT_COVERED})


def _row(one: LedgerCheck, *, wide: bool) -> list[Cell]:
    ledger, look = one.ledger, one.inspection
    row: list[Cell] = [
        str(ledger.ledger_id),
        f"{ledger.entries:,}",
        format_size(ledger.size),
        format_size(look.object_bytes) if look.object_bytes else "-",
        str(look.blocks) if look.blocks is not None else "-",
        styled(one.verdict.value, _STYLES[one.verdict]),
    ]
    return [*row, format_size(look.bytes_read), one.bucket or "-", str(ledger.context_uuid or "-")] if wide else row


def _topics(parts: Sequence[TopicCheck | UnreadTopic], *, wide: bool) -> Iterator[RenderableType]:
    shown = parts
    if not wide and len(parts) > _SHOWN:
        telling = [part for part in parts if isinstance(part, UnreadTopic) or part.ledgers or part.not_begun]
        shown = telling[:_SHOWN]
    columns = [
        Column("topic", may_fold=True),
        Column("ledgers", is_number=True),
        Column("covered", is_number=True),
        Column("in S3", is_number=True),
        Column("damaged", is_number=True),
        Column("result"),
    ]
    if shown:
        yield table(columns, [_topic_row(part) for part in shown])
    if len(shown) < len(parts):
        yield labelled("topics", f"{len(parts) - len(shown):,} more: -o wide", style=Style.QUIET)


def _topic_row(part: TopicCheck | UnreadTopic) -> list[Cell]:
    name = short_name(part.topic)
    if isinstance(part, UnreadTopic):
        return [name, "-", "-", "-", "-", styled("not read", Style.CAREFUL)]
    kept = [one for one in part.ledgers if not one.trimmed]
    verdicts = {one.verdict for one in kept}
    worst = next((one for one in _WORST_FIRST if one in verdicts), Verdict.SOUND)
    if (
        worst is Verdict.SOUND
        and part.sound.ledgers == part.sound.earlier.ledgers > 0
        and Verdict.SOUND not in verdicts
    ):
        worst = Verdict.EARLIER
    if part.not_begun and worst in (Verdict.SOUND, Verdict.EARLIER, Verdict.WARNING):
        worst = Verdict.NOT_COVERED
    damaged = sum(one.verdict is Verdict.DAMAGED for one in kept)
    return [
        name,
        str(len(kept) + part.sound.ledgers + part.not_begun),
        str(sum(one.inspection.status is CheckStatus.FULL for one in kept) + part.sound.ledgers),
        format_size(sum(one.inspection.object_bytes for one in kept) + part.sound.object_bytes),
        styled(str(damaged), Style.BAD) if damaged else "-",
        styled(worst.value, _STYLES[worst]),
    ]


_WORST_FIRST: Final = (Verdict.DAMAGED, Verdict.NOT_COVERED, Verdict.WARNING, Verdict.SOUND, Verdict.EARLIER)


def _worst(part: TopicCheck) -> Verdict:
    verdicts = {one.verdict for one in part.ledgers}
    verdicts |= {Verdict.EARLIER} if part.sound.earlier.ledgers else set()
    verdicts |= {Verdict.SOUND} if part.sound.ledgers > part.sound.earlier.ledgers else set()
    verdicts |= {Verdict.NOT_COVERED} if part.not_begun else set()
    return next((one for one in _WORST_FIRST if one in verdicts), Verdict.SOUND)


def _coverage(report: CheckReport, *, wide: bool) -> Iterator[RenderableType]:
    coverage = report.coverage
    topics, ledgers = count(coverage.topics, "topic"), count(coverage.ledgers, "ledger")
    if report.sample is not None:
        runs = f"; {count(report.sample.runs, 'seed')} in a row cover everything" if report.sample.runs else ""
        yield labelled("sample", f"{report.sample}{runs}")
    yield labelled(
        "looked at",
        f"{coverage.topics_read:,} of {topics}, {coverage.ledgers_covered:,} of {ledgers} in S3, "
        f"at the level {report.level.value}: {report.level.meaning}",
    )
    yield from _earlier(coverage.earlier)
    yield labelled("bytes", f"{format_size(coverage.bytes_read)} read of {format_size(coverage.object_bytes)} in S3")
    if coverage.counts is not None:
        yield labelled("entries", counts_text(coverage.counts))
    elif not report.level.includes(Level.ENTRIES) and coverage.ledgers:
        yield labelled("entries", "not verified: that is the level entries", style=Style.QUIET)
    if report.level is Level.READBACK:
        read = [part.readback for part in report.parts if isinstance(part, TopicCheck) and part.readback is not None]
        given, samples = sum(one.given for one in read), sum(one.samples for one in read)
        yield labelled("read back", f"{given:,} of {count(samples, 'sample')} given by the broker")
    yield from _not_looked_at(coverage, wide=wide)
    yield from _hints(report)
    yield labelled("coverage", _status(report), style=_status_style(report.status))


def _earlier(earlier: Earlier) -> Iterator[RenderableType]:
    if earlier.oldest is not None:
        yield labelled(
            "earlier",
            f"{count(earlier.ledgers, 'ledger')} of these ({format_size(earlier.object_bytes)}) are unchanged since "
            "earlier checks, which looked as deep or deeper and found nothing, and were not looked at again; "
            f"the oldest of those looks was on {earlier.oldest:%Y-%m-%d at %H:%M %Z}",
        )


def _not_looked_at(coverage: Coverage, *, wide: bool) -> Iterator[RenderableType]:
    if coverage.ledgers_trimmed:
        yield labelled("trimmed", f"{count(coverage.ledgers_trimmed, 'ledger')} gone during the check")
    if coverage.in_flight:
        text = f"{count(coverage.in_flight, 'ledger')} whose offload is not complete; readers do not use their objects"
        yield labelled("in flight", text)
    if coverage.not_sampled:
        yield labelled("sample", f"{count(coverage.not_sampled, 'ledger')} left to other seeds", style=Style.CAREFUL)
    if coverage.completeness_unknown:
        text = (
            f"whether the offload of {count(coverage.completeness_unknown, 'ledger')} is complete: no broker was "
            "asked, since none serves the topic or both objects are there (--load-topics asks)"
        )
        yield labelled("unknown", text, style=Style.CAREFUL)
    reasons = coverage.reasons if wide else coverage.reasons[:_SHOWN]
    for reason in reasons:
        yield labelled("not seen", reason, style=Style.CAREFUL)
    if len(coverage.reasons) > len(reasons):
        text = f"and {len(coverage.reasons) - len(reasons):,} more reasons: -o wide"
        yield labelled("not seen", text, style=Style.CAREFUL)


def _hints(report: CheckReport) -> Iterator[RenderableType]:
    """What helps with topics that could not be read."""
    hints = dict.fromkeys(part.hint for part in report.parts if isinstance(part, UnreadTopic) and part.hint)
    yield from (labelled("hint", hint) for hint in list(hints)[:_SHOWN])


def _status(report: CheckReport) -> str:
    interrupted = " The check was interrupted." if report.interrupted is not None else ""
    return f"{report.status.value}: {report.status.meaning}{interrupted}"


def _status_style(status: CheckStatus) -> Style:
    return {CheckStatus.FULL: Style.GOOD, CheckStatus.PARTIAL: Style.CAREFUL, CheckStatus.FAILED: Style.BAD}[status]


def _entries(number: int) -> str:
    return f"{number:,} entry" if number == 1 else f"{number:,} entries"
