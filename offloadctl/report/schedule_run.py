"""What `offloadctl schedule run` tells: the decision, and what came of the run if one began."""

from collections.abc import Iterator

from rich.console import RenderableType

from offloadctl.exitcodes import ExitCode
from offloadctl.model.decision import Intent
from offloadctl.operations.schedule_once import Once
from offloadctl.report.schedule_command_documents import ScheduleRun, result_part
from offloadctl.report.schedule_command_text import attempt_words, result_text
from offloadctl.report.schedule_documents import ScheduleDecision
from offloadctl.report.schedule_text import decision_text
from offloadctl.report.schedule_topics import topic_action_part, topic_action_text
from offloadctl.report.text import Style, labelled, line


def once_document(once: Once) -> ScheduleRun:
    """As a document."""
    intent = once.intent
    return ScheduleRun(
        schedule=once.schedule,
        dry_run=once.dry_run,
        decision=ScheduleDecision.of(once.decision) if once.decision is not None else None,
        not_evaluated=once.not_evaluated or None,
        left_out=once.left_out or None,
        run_id=intent.run_id if intent is not None else None,
        asked_by=(intent.asked_by or None) if intent is not None else None,
        topics=[str(one) for one in intent.topics] if intent is not None else [],
        resumed=[one.run_id for one in once.resumed],
        result=result_part(once.result),
        would=topic_action_part(once.looked),
    )


def once_text(once: Once) -> Iterator[RenderableType]:
    """For people."""
    if once.not_evaluated:
        yield line((once.schedule, Style.HEAD), ": not evaluated: ", once.not_evaluated)
    if once.decision is not None:
        yield from decision_text(once.decision)
    if once.left_out:
        yield labelled("not seen", once.left_out, style=Style.CAREFUL)
    if once.looked is not None:
        yield from topic_action_text(once.looked)
    for one in once.resumed:
        yield line((f"run {one.run_id}", Style.HEAD), f": begun again, {attempt_words(one)}")
        yield from _end(once, one)
    if once.intent is not None:
        yield line((f"run {once.intent.run_id}", Style.HEAD))
        if once.intent.asked_by:
            yield labelled("why", "; ".join(one.text for one in once.intent.reasons))
        yield from _end(once, once.intent)
        yield labelled("do next", f"offloadctl schedule explain {once.intent.run_id}")
    elif once.dry_run:
        yield line(("nothing was done, and nothing was written down (--dry-run)", Style.QUIET))


def _end(once: Once, intent: Intent) -> Iterator[RenderableType]:
    result = once.result_of(intent)
    yield result_text(result)
    if result is not None and result.exit_code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
        yield labelled("note", "whoever evaluates this schedule next begins the run again, and goes on with it")
