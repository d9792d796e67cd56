"""Give each finding of a check what is remembered of it: since when it is known, and who has acknowledged it."""

from collections.abc import Mapping
from dataclasses import replace

from offloadctl.model.check import CheckedGroup, CheckReport, LedgerCheck, TopicCheck
from offloadctl.model.finding import Finding, Sighting
from offloadctl.ports import FindingStore


def remembered(report: CheckReport, store: FindingStore | None, *, keep: bool = True) -> CheckReport:
    """The same report, its findings remembered, or without `keep` only with what is known; raises a StateError."""
    if store is None or not report.findings:
        return report
    seen = store.see(report.findings, report.finished_at, keep=keep)
    groups = tuple(_group(group, seen) for group in report.groups)
    buckets = tuple(replace(one, findings=_with(one.findings, seen)) for one in report.buckets)
    return replace(report, groups=groups, buckets=buckets)


def _group(group: CheckedGroup, seen: Mapping[str, Sighting]) -> CheckedGroup:
    parts = tuple(
        replace(part, ledgers=tuple(_ledger(one, seen) for one in part.ledgers))
        if isinstance(part, TopicCheck)
        else part
        for part in group.parts
    )
    return replace(group, parts=parts)


def _ledger(one: LedgerCheck, seen: Mapping[str, Sighting]) -> LedgerCheck:
    if not one.inspection.findings:
        return one
    return replace(one, inspection=replace(one.inspection, findings=_with(one.inspection.findings, seen)))


def _with(findings: tuple[Finding, ...], seen: Mapping[str, Sighting]) -> tuple[Finding, ...]:
    return tuple(replace(one, seen=seen.get(one.id)) for one in findings)
