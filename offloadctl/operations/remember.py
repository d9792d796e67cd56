"""Give each finding of a check what is remembered of it: since when it is known, and who has acknowledged it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from offloadctl.errors import StateError
from offloadctl.model.check import CheckedGroup, CheckReport, CheckStatus, LedgerCheck, TopicCheck
from offloadctl.model.ended_check import EndedCheck
from offloadctl.model.finding import Finding, Sighting
from offloadctl.ports import FindingStore


def remembered(report: CheckReport, store: FindingStore | None, *, keep: bool = True) -> CheckReport:
    """The same report, its findings remembered, or without `keep` only with what is known; raises a StateError."""
    if store is None:
        return report
    seen = store.see(report.findings, report.finished_at, keep=keep) if report.findings else {}
    if keep and (ended := ended_check(report)) is not None:
        # The report stands without that; and who looks how old the last check is sees that nobody remembers this one.
        with suppress(StateError):
            store.ended(ended)
    if not report.findings:
        return report
    groups = tuple(_group(group, seen) for group in report.groups)
    buckets = tuple(replace(one, findings=_with(one.findings, seen)) for one in report.buckets)
    return replace(report, groups=groups, buckets=buckets)


def ended_check(report: CheckReport) -> EndedCheck | None:
    """What is to be remembered of it as a whole; None if it does not tell what it was asked for."""
    if report.scope is None:
        return None
    is_full = report.status is CheckStatus.FULL and report.sample is None
    has_more = any(one.inspection.more_findings for one in report.ledgers)
    has_more = has_more or any(bucket.more_findings for bucket in report.buckets)
    coverage = report.coverage
    return EndedCheck(
        report.level,
        report.scope.scope,
        report.finished_at,
        coverage.ledgers,
        coverage.ledgers_covered,
        report.finished_at if is_full else None,
        report.started_at if is_full and not has_more else None,
    )


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
