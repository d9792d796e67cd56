"""The status of topics as documents."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from offloadctl.exitcodes import ExitCode
from offloadctl.model.ledger import Ledger
from offloadctl.model.ledger import OffloadPolicies as Policies
from offloadctl.model.standing import Standing, Writing
from offloadctl.model.status import StatusReport, TopicStatus, UnreadTopic
from offloadctl.plan.standing import why
from offloadctl.plan.status_totals import LedgerSum, StatusTotals, shown
from offloadctl.plan.storage import deletion_lag, doubly_stored, stored_in_s3
from offloadctl.report import documents as doc
from offloadctl.report.amounts import amount_document, broker_status_document
from offloadctl.report.origin import Origin
from offloadctl.report.scope_documents import scope_document


def status_document(report: StatusReport, origin: Origin) -> doc.OffloadStatus:
    """The whole report."""
    groups = shown(report)
    return doc.OffloadStatus(
        context=origin.context,
        cluster=origin.cluster,
        admin_urls_from=origin.admin_urls_from,
        observed_at=report.observed_at,
        interrupted=bool({ExitCode.INTERRUPTED, ExitCode.TERMINATED} & {report.interrupted, report.waited}),
        waited=int(report.waited),
        scope=scope_document(report.scope) if report.scope is not None else None,
        sort=report.sort.value if report.sort is not None else None,
        topics=[
            doc.TopicStatusGroupDocument(
                topic=str(group.topic),
                partitions=group.partitions,
                statuses=[_status(part) for part in group.parts if isinstance(part, TopicStatus)],
                unread=[_unread(part) for part in group.parts if isinstance(part, UnreadTopic)],
            )
            for group in groups
        ],
        summary=_summary(report, len(groups)),
        exit_code=int(report.exit_code),
    )


def topic_documents(report: StatusReport, origin: Origin) -> Iterator[doc.TopicOffloadStatus]:
    """One document for each topic or partition."""
    for group in shown(report):
        for part in group.parts:
            yield doc.TopicOffloadStatus(
                context=origin.context,
                cluster=origin.cluster,
                admin_urls_from=origin.admin_urls_from,
                parent=str(group.topic),
                status=_status(part) if isinstance(part, TopicStatus) else None,
                unread=_unread(part) if isinstance(part, UnreadTopic) else None,
            )


def _status(status: TopicStatus) -> doc.TopicStatusDocument:
    policies = status.policies or Policies()
    oldest, lag = status.oldest_eligible, deletion_lag(status.policies)
    return doc.TopicStatusDocument(
        topic=str(status.topic),
        served=status.managed_ledger.served,
        broker_status=broker_status_document(status.claim) if status.claim is not None else None,
        standing=_standing(status.standing, status.managed_ledger.observed_at) if status.standing is not None else None,
        observed_at=status.managed_ledger.observed_at,
        closed=_sum(status.closed),
        open_size=status.open_size,
        offloaded=_sum(status.offloaded),
        judged_by_objects=_sum(status.judged),
        in_flight=_sum(status.in_flight),
        begun=_sum(status.begun),
        local=_sum(status.local),
        eligible=_sum(status.eligible),
        oldest_eligible_closed_at=oldest.closed_at if oldest is not None else None,
        in_s3=amount_document(stored_in_s3(status)),
        doubly_stored=amount_document(doubly_stored(status)),
        missing_objects=[one.ledger_id for one in status.missing_objects],
        odd_sizes=[one.ledger_id for one in status.odd_sizes],
        driver=policies.driver,
        bucket=policies.bucket,
        deletion_lag_seconds=lag.total_seconds() if lag is not None else None,
        not_covered=list(status.not_covered),
    )


def _summary(report: StatusReport, shown_topics: int) -> doc.StatusSummaryDocument:
    totals = StatusTotals.of(report.parts)
    return doc.StatusSummaryDocument(
        topics=len(report.groups),
        shown=shown_topics,
        parts=totals.parts,
        unread=totals.unread,
        claims=dict(totals.claims),
        closed=_sum_document(totals.closed),
        offloaded=_sum_document(totals.offloaded),
        in_flight=_sum_document(totals.in_flight),
        begun=_sum_document(totals.begun),
        local=_sum_document(totals.local),
        eligible=_sum_document(totals.eligible),
        oldest_eligible_closed_at=totals.oldest_eligible,
        in_s3=amount_document(totals.in_s3) if totals.in_s3 is not None else None,
        doubly_stored=amount_document(totals.doubly_stored) if totals.doubly_stored is not None else None,
        missing_objects=totals.missing_objects,
        odd_sizes=totals.odd_sizes,
    )


def _standing(standing: Standing, now: datetime) -> doc.StandingDocument:
    writing = standing.writing or Writing()
    return doc.StandingDocument(
        movement=standing.movement.value,
        still_seconds=round(standing.still_s, 3),
        ledger_id=writing.ledger_id,
        upload_open=None if writing.not_seen else writing.has_upload,
        parts=writing.parts,
        parts_bytes=writing.size,
        text=why(standing, now).text,
    )


def _unread(unread: UnreadTopic) -> doc.UnreadTopicDocument:
    return doc.UnreadTopicDocument(
        topic=str(unread.topic), code=unread.reason.code, message=unread.reason.text, hint=unread.hint
    )


def _sum(ledgers: Sequence[Ledger]) -> doc.LedgerSumDocument:
    return _sum_document(LedgerSum.of([ledgers]))


def _sum_document(some: LedgerSum) -> doc.LedgerSumDocument:
    return doc.LedgerSumDocument(ledgers=some.ledgers, size=some.size)
