"""Two reports of checks beside each other, as a document and for people."""

from collections.abc import Iterator
from typing import Final

from rich.console import RenderableType

from offloadctl.model.check_diff import Change, CheckDiff, ComparedFinding, ReportedCheck
from offloadctl.report import check_diff_documents as doc
from offloadctl.report.text import Style, count, labelled, line

_SHOWN: Final = 20
"""So many findings that are no news, and so many reasons, are shown; `-o wide` shows all."""


def diff_document(diff: CheckDiff, sources: tuple[str, str]) -> doc.CheckDiff:
    """The whole comparison."""
    return doc.CheckDiff(
        before=_report(diff.before, sources[0]),
        after=_report(diff.after, sources[1]),
        findings=[_finding(one) for one in diff.findings],
        lost=list(diff.lost),
        gained=list(diff.gained),
        exit_code=int(diff.exit_code),
    )


def diff_text(diff: CheckDiff, sources: tuple[str, str], *, wide: bool = False) -> Iterator[RenderableType]:
    """What is new and what changed; then what is no news, and what was looked at more or less."""
    for name, report in zip(sources, (diff.before, diff.after), strict=True):
        yield line(
            (name, Style.HEAD), f"  {report.finished_at:%Y-%m-%d %H:%M %Z}, {report.scope}, {report.level.value}"
        )
    if diff.after.finished_at < diff.before.finished_at:
        yield labelled("note", "the second report is the older one", style=Style.CAREFUL)
    for change in Change:
        found = diff.of(change)
        is_news = change in (Change.NEW, Change.CHANGED)
        shown = found if wide or is_news else found[:_SHOWN]
        for one in shown:
            yield from _lines(one, _STYLES[change])
        if len(shown) < len(found):
            yield labelled(change.value, f"and {len(found) - len(shown):,} more: -o wide", style=Style.QUIET)
    for label, reasons, style in (("lost", diff.lost, Style.CAREFUL), ("gained", diff.gained, Style.GOOD)):
        few = reasons if wide else reasons[:_SHOWN]
        for reason in few:
            yield labelled(label, reason, style=style)
        if len(few) < len(reasons):
            yield labelled(label, f"and {len(reasons) - len(few):,} more: -o wide", style=style)
    counts = ", ".join(f"{len(found):,} {change.value}" for change in Change if (found := diff.of(change)))
    yield labelled("result", counts or f"{count(0, 'finding')} in either report")


_STYLES: Final = {
    Change.NEW: Style.BAD,
    Change.CHANGED: Style.BAD,
    Change.STILL_THERE: Style.PLAIN,
    Change.GONE: Style.GOOD,
    Change.NOT_LOOKED_AT: Style.CAREFUL,
}


def _lines(one: ComparedFinding, style: Style) -> Iterator[RenderableType]:
    finding = one.finding
    acknowledged = ", acknowledged" if finding.acknowledged else ""
    yield line(
        (f"{one.change.value}: ", style),
        f"{finding.severity.value}{acknowledged}: {finding.what} ",
        f"[{finding.code}]",
    )
    yield labelled("where", finding.place)
    if one.change is Change.CHANGED:
        assert one.before is not None  # noqa: S101 - both have it
        yield labelled("before", one.before.found or one.before.what)
        yield labelled("now", finding.found or finding.what)
    if one.why:
        yield labelled("why", one.why, style=style)


def _report(report: ReportedCheck, source: str) -> doc.ComparedReportDocument:
    return doc.ComparedReportDocument(
        source=source,
        finished_at=report.finished_at,
        level=report.level.value,
        scope=report.scope,
        findings=len(report.findings),
    )


def _finding(one: ComparedFinding) -> doc.ComparedFindingDocument:
    finding = one.finding
    return doc.ComparedFindingDocument(
        change=one.change.value,
        id=finding.id,
        code=finding.code,
        severity=finding.severity.value,
        what=finding.what,
        place=finding.place,
        before=one.before.found if one.before is not None else None,
        after=one.after.found if one.after is not None else None,
        acknowledged=finding.acknowledged,
        why=one.why,
    )
