"""A topic's ledgers beside each other: whose objects are of another ledger's time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from offloadctl.check.subject import Subject
from offloadctl.check.times import Timed, check_order
from offloadctl.model.check import LedgerCheck
from offloadctl.model.finding import Finding
from offloadctl.model.ledger_times import NO_TIMES, Times
from offloadctl.operations.check_ledger import Asked


def out_of_time(asked: Sequence[Asked], checks: Sequence[LedgerCheck]) -> Mapping[int, Finding]:
    """By ledger id, the findings about ledgers whose times do not fit their neighbours; not of damaged ones."""
    if all(one.inspection.times == NO_TIMES for one in checks):
        # As at the listing level, where nothing is read.
        return {}
    begun_after = {one.ledger.ledger_id: one.begun_after for one in asked}
    timed = [
        Timed(
            Subject.of(
                one.topic, one.ledger, one.ledger.context_uuid, begun_after=begun_after.get(one.ledger.ledger_id)
            ),
            one.inspection.times,
        )
        for one in checks
        if not one.trimmed and one.ledger.context_uuid is not None
    ]
    damaged = {one.ledger.ledger_id for one in checks if one.inspection.is_damaged}
    findings = ((finding.ledger_id, finding) for finding in check_order(timed) if finding.ledger_id is not None)
    return {ledger_id: finding for ledger_id, finding in findings if ledger_id not in damaged}


def with_times(checks: Sequence[LedgerCheck], times: Mapping[int, Times]) -> list[LedgerCheck]:
    """The same, some with what a later look said of their times."""
    return [
        replace(one, inspection=replace(one.inspection, times=times[one.ledger.ledger_id]))
        if one.ledger.ledger_id in times
        else one
        for one in checks
    ]


def with_findings(checks: Sequence[LedgerCheck], findings: Mapping[int, Finding]) -> list[LedgerCheck]:
    """The same, some with one finding more."""
    return [
        replace(one, inspection=replace(one.inspection, findings=(*one.inspection.findings, found)))
        if (found := findings.get(one.ledger.ledger_id)) is not None
        else one
        for one in checks
    ]
