"""What the journal tells as documents."""

from collections.abc import Iterator, Sequence

import msgspec

from offloadctl.model.journal import Note, Run, Step, StepLedger
from offloadctl.operations.history import HistoryReport
from offloadctl.report import history_documents as doc
from offloadctl.report.documents import ReasonDocument


def history_document(report: HistoryReport) -> doc.OffloadHistory:
    """All of it."""
    return doc.OffloadHistory(
        journal=report.location,
        runs=[_run(run, report.steps.get(run.run_id)) for run in report.runs],
        notes=[_note(note) for note in report.notes],
        has_more=report.has_more,
    )


def history_lines(report: HistoryReport) -> Iterator[msgspec.Struct]:
    """A line for each run, and one for each note."""
    for run in report.runs:
        yield _run(run, report.steps.get(run.run_id))
    for note in report.notes:
        yield _note(note)


def _run(run: Run, steps: Sequence[Step] | None) -> doc.HistoryRunDocument:
    start, counts, age = run.start, run.counts, run.start.wish.older_than
    return doc.HistoryRunDocument(
        run_id=run.run_id,
        state=run.state.value,
        started_at=run.started_at,
        ended_at=run.ended_at,
        exit_code=run.exit_code,
        context=start.context,
        cluster=start.cluster,
        user=start.actor.user,
        host=start.actor.host,
        pid=start.actor.pid,
        command=start.command,
        reason=start.reason,
        plan_hash=start.plan_hash or None,
        size_threshold=start.wish.size_threshold,
        older_than_seconds=age.total_seconds() if age is not None else None,
        topics=counts.steps,
        topics_ended=counts.ended,
        topics_unfinished=counts.unfinished,
        ledgers_planned=counts.ledgers_planned,
        bytes_planned=counts.bytes_planned,
        ledgers_moved=counts.ledgers_moved,
        bytes_moved=counts.bytes_moved,
        object_bytes=counts.object_bytes,
        outcomes=dict(counts.outcomes),
        steps=[_step(step, is_alive=run.is_alive) for step in steps] if steps is not None else None,
    )


def _step(step: Step, *, is_alive: bool) -> doc.HistoryStepDocument:
    end = step.end
    return doc.HistoryStepDocument(
        topic=str(step.topic),
        state=step.state(is_alive=is_alive).value,
        before=str(step.plan.before),
        sent_at=step.sent_at,
        ended_at=step.ended_at,
        outcome=end.outcome.value if end is not None else None,
        exit_code=int(end.exit_code) if end is not None else None,
        joined=end.joined if end is not None else None,
        seconds=round(end.seconds, 3) if end is not None else None,
        judged_by=(end.judged_by or None) if end is not None else None,
        ledgers_planned=len(step.plan.ledgers),
        bytes_planned=step.plan.size,
        ledgers_moved=len(end.moved) if end is not None else 0,
        bytes_moved=end.moved_size if end is not None else 0,
        object_bytes=end.object_bytes if end is not None else 0,
        reasons=[ReasonDocument(code=one.code, text=one.text) for one in end.reasons] if end is not None else [],
        ledgers=[_ledger(one) for one in (end.ledgers if end is not None and end.ledgers else step.plan.ledgers)],
    )


def _ledger(ledger: StepLedger) -> doc.HistoryLedgerDocument:
    return doc.HistoryLedgerDocument(
        ledger_id=ledger.ledger_id,
        entries=ledger.entries,
        size=ledger.size,
        uuid=str(ledger.uuid) if ledger.uuid is not None else None,
        confirmation=ledger.confirmation.value if ledger.confirmation is not None else None,
        object_bytes=ledger.object_bytes,
    )


def _note(note: Note) -> doc.HistoryNoteDocument:
    return doc.HistoryNoteDocument(
        at=note.at, note=note.kind, text=note.text, facts=dict(note.facts), run_id=note.run_id or None
    )
