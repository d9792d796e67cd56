"""The status of topics as documents."""

from collections.abc import Iterator, Sequence

from offloadctl.exitcodes import ExitCode
from offloadctl.model.ledger import Ledger
from offloadctl.model.ledger import OffloadPolicies as Policies
from offloadctl.model.status import StatusReport, TopicStatus, UnreadTopic, total_size
from offloadctl.plan.storage import deletion_lag, doubly_stored, stored_in_s3
from offloadctl.report import documents as doc
from offloadctl.report.offload import amount_document, broker_status_document
from offloadctl.report.origin import Origin
from offloadctl.report.scope import scope_document


def status_document(report: StatusReport, origin: Origin) -> doc.OffloadStatus:
    """The whole report."""
    return doc.OffloadStatus(
        context=origin.context,
        cluster=origin.cluster,
        admin_urls_from=origin.admin_urls_from,
        observed_at=report.observed_at,
        interrupted=bool({ExitCode.INTERRUPTED, ExitCode.TERMINATED} & {report.interrupted, report.waited}),
        waited=int(report.waited),
        scope=scope_document(report.scope) if report.scope is not None else None,
        topics=[
            doc.TopicStatusGroupDocument(
                topic=str(group.topic),
                partitions=group.partitions,
                statuses=[_status(part) for part in group.parts if isinstance(part, TopicStatus)],
                unread=[_unread(part) for part in group.parts if isinstance(part, UnreadTopic)],
            )
            for group in report.groups
        ],
        exit_code=int(report.exit_code),
    )


def topic_documents(report: StatusReport, origin: Origin) -> Iterator[doc.TopicOffloadStatus]:
    """One document for each topic or partition."""
    for group in report.groups:
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
        observed_at=status.managed_ledger.observed_at,
        closed=_sum(status.closed),
        open_size=status.open_size,
        offloaded=_sum(status.offloaded),
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


def _unread(unread: UnreadTopic) -> doc.UnreadTopicDocument:
    return doc.UnreadTopicDocument(
        topic=str(unread.topic), code=unread.reason.code, message=unread.reason.text, hint=unread.hint
    )


def _sum(ledgers: Sequence[Ledger]) -> doc.LedgerSumDocument:
    return doc.LedgerSumDocument(ledgers=len(ledgers), size=total_size(ledgers))
