"""An offload run as documents."""

from collections import Counter
from collections.abc import Iterator

from offloadctl.model.ledger import OffloadPolicies
from offloadctl.model.offload import Confirmation, MovedLedger, OffloadPlan, PlannedLedger, Reason
from offloadctl.model.offload import OffloadResult as Result
from offloadctl.model.offload import OffloadRun as Run
from offloadctl.plan.storage import OBJECTS_PER_LEDGER, deletion_lag, implied_data_sizes
from offloadctl.report import documents as doc
from offloadctl.report.amounts import amount_document, broker_status_document
from offloadctl.report.check import finding_document
from offloadctl.report.offload_plan import sealed
from offloadctl.report.origin import Origin
from offloadctl.report.scope_documents import scope_document


def run_document(run: Run, origin: Origin) -> doc.OffloadRun:
    """The whole run; of a dry run a plan that can be applied."""
    document = doc.OffloadRun(
        context=origin.context,
        cluster=origin.cluster,
        admin_urls_from=origin.admin_urls_from,
        request=doc.OffloadRequestDocument(
            size_threshold=run.wish.size_threshold,
            older_than_seconds=run.wish.older_than.total_seconds() if run.wish.older_than is not None else None,
            free=run.limits.free,
            max_bytes=run.limits.at_most,
            reason=run.reason,
            plan_hash=run.plan_hash or None,
            dry_run=run.dry_run,
        ),
        scope=scope_document(run.scope) if run.scope is not None else None,
        started_at=run.started_at,
        finished_at=run.finished_at,
        interrupted=run.interrupted is not None,
        topics=[
            doc.OffloadTopicDocument(
                topic=str(topic.topic),
                partitions=topic.partitions,
                results=[_result(result) for result in topic.results],
            )
            for topic in run.topics
        ],
        summary=_summary(run),
        run_id=run.run_id or None,
        journal_problem=run.journal_problem or None,
        remarks=list(run.remarks),
        exit_code=int(run.exit_code),
    )
    return sealed(document) if run.dry_run else document


def result_documents(run: Run, origin: Origin) -> Iterator[doc.OffloadResult]:
    """One document for each topic or partition."""
    for topic in run.topics:
        for result in topic.results:
            yield doc.OffloadResult(
                context=origin.context,
                cluster=origin.cluster,
                admin_urls_from=origin.admin_urls_from,
                run_id=run.run_id or None,
                parent=str(topic.topic),
                result=_result(result),
            )


def _result(result: Result) -> doc.OffloadResultDocument:
    return doc.OffloadResultDocument(
        topic=str(result.topic),
        outcome=result.outcome.value,
        meaning=result.outcome.meaning,
        exit_code=int(result.exit_code),
        joined=result.joined,
        attempts=result.attempts,
        seconds=round(result.seconds, 3),
        plan=_plan(result.plan) if result.plan is not None else None,
        ledgers=[_moved(moved) for moved in result.ledgers],
        broker_status=broker_status_document(result.status) if result.status is not None else None,
        reasons=[_reason(reason) for reason in result.reasons],
        warnings=[_reason(reason) for reason in result.warnings],
        hint=result.hint,
        findings=[finding_document(finding) for finding in result.findings],
        not_covered=list(result.not_covered),
    )


def _plan(plan: OffloadPlan) -> doc.PlanDocument:
    lag, observed_at = deletion_lag(plan.policies), plan.managed_ledger.observed_at
    return doc.PlanDocument(
        before=str(plan.before) if plan.before is not None else None,
        served=plan.managed_ledger.served,
        observed_at=observed_at,
        ledgers_to_move=len(plan.moves),
        bytes_to_move=plan.bytes_to_move,
        ledgers=[_planned(planned) for planned in plan.ledgers],
        objects=_expected_objects(plan, plan.policies) if plan.moves else None,
        deletion_lag_seconds=lag.total_seconds() if lag is not None else None,
        bookkeeper_copy_kept_until=observed_at + lag if lag is not None and plan.moves else None,
    )


def _expected_objects(plan: OffloadPlan, policies: OffloadPolicies | None) -> doc.ExpectedObjectsDocument:
    known = policies or OffloadPolicies()
    return doc.ExpectedObjectsDocument(
        count=OBJECTS_PER_LEDGER * len(plan.moves),
        data=amount_document(implied_data_sizes(plan.moves, known.max_block_size)),
        driver=known.driver,
        bucket=known.bucket,
        endpoint=known.endpoint,
    )


def _planned(planned: PlannedLedger) -> doc.LedgerDocument:
    ledger = planned.ledger
    return doc.LedgerDocument(
        ledger_id=ledger.ledger_id,
        entries=ledger.entries,
        size=ledger.size,
        open=ledger.is_open,
        progress=ledger.progress.value,
        fate=planned.fate.value,
        closed_at=ledger.closed_at,
        uuid=str(ledger.context_uuid) if ledger.context_uuid is not None else None,
    )


def _moved(moved: MovedLedger) -> doc.MovedLedgerDocument:
    ledger = moved.ledger
    return doc.MovedLedgerDocument(
        ledger_id=ledger.ledger_id,
        entries=ledger.entries,
        size=ledger.size,
        confirmation=moved.confirmation.value,
        object_bytes=moved.object_bytes,
        uuid=str(ledger.context_uuid) if ledger.context_uuid is not None else None,
    )


def _reason(reason: Reason) -> doc.ReasonDocument:
    return doc.ReasonDocument(code=reason.code, text=reason.text)


def _summary(run: Run) -> doc.OffloadSummaryDocument:
    plans = [result.plan for result in run.results if result.plan is not None]
    moved = [one for result in run.results for one in result.ledgers]
    confirmed = [one for one in moved if one.confirmation is Confirmation.CONFIRMED]
    return doc.OffloadSummaryDocument(
        results=len(run.results),
        ledgers_to_move=sum(len(plan.moves) for plan in plans),
        bytes_to_move=sum(plan.bytes_to_move for plan in plans),
        ledgers_confirmed=len(confirmed),
        bytes_confirmed=sum(one.ledger.size for one in confirmed),
        outcomes=dict(Counter(result.outcome.value for result in run.results)),
    )
