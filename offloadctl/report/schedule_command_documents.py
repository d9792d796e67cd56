"""The documents of `offloadctl schedule` beside decisions, as in `documents.py`."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import msgspec

from offloadctl.model.decision import Decision, EntryKind, Intent, LogEntry, RunResult
from offloadctl.model.schedule import Schedule
from offloadctl.operations.schedule_overview import RunStory, Standing
from offloadctl.operations.simulate import SimulatedSchedule, Simulation
from offloadctl.plan.schedule_state import Pause
from offloadctl.plan.schedule_words import action_words, condition_words
from offloadctl.report.document_base import ApiVersion, Moment, Part
from offloadctl.report.schedule_documents import ScheduleDecision, ScheduleReasonDocument
from offloadctl.report.schedule_topics import TopicActionDocument
from offloadctl.report.word_types import DecisionWord

EntryWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [word.value for word in EntryKind]})]


class PauseDocument(Part, frozen=True, kw_only=True):
    """Somebody has told the schedule to do nothing."""

    since: Moment
    until: Moment | None
    """null: until it is resumed."""
    reason: str
    by: str


class ScheduleRunResultDocument(Part, frozen=True, kw_only=True):
    """How a run ended."""

    began_at: Moment
    ended_at: Moment
    exit_code: int
    bytes_moved: int
    summary: str
    journal_runs: list[str]
    """Runs of `offloadctl offload history` that it led to."""


class ScheduleStandingDocument(Part, frozen=True, kw_only=True):
    """One schedule now."""

    name: str
    description: str
    enabled: bool
    when: str
    action: str
    next_at: Moment | None
    """Its next cron time; null without any, and while it is paused until it is resumed."""
    pause: PauseDocument | None
    running: str | None
    """A run that has not ended, as far as is known."""
    decision: DecisionWord | None
    """The last one that was written down, and why."""
    decided_at: Moment | None
    reasons: list[ScheduleReasonDocument]
    runs: int
    last_run: str | None
    last_result: ScheduleRunResultDocument | None


class ScheduleList(Part, frozen=True, kw_only=True):
    """`offloadctl schedule list`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["ScheduleList"] = "ScheduleList"
    schedules: list[ScheduleStandingDocument]


class ScheduleValidation(Part, frozen=True, kw_only=True):
    """`offloadctl schedule validate`: what the file has; a mistake in it is an Error instead."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["ScheduleValidation"] = "ScheduleValidation"
    file: str
    schedules: list[str]


class ScheduleRun(Part, frozen=True, kw_only=True):
    """`offloadctl schedule run`: what was decided, and what came of the run if one began."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["ScheduleRun"] = "ScheduleRun"
    schedule: str
    dry_run: bool
    decision: ScheduleDecision | None
    """null if the run was asked for, whatever the condition says, or the topics could not be listed."""
    not_evaluated: str | None
    """Why there is no decision."""
    left_out: str | None
    """What of the scope could not be listed."""
    run_id: str | None
    asked_by: str | None
    topics: list[str]
    """Of the run; empty for the whole scope."""
    resumed: list[str]
    """Runs that somebody else had begun and not ended, and that were begun again before."""
    result: ScheduleRunResultDocument | None
    would: TopicActionDocument | None
    """With --dry-run, of roll-over and trim: what a run would do to each topic."""


class SchedulePauseChange(Part, frozen=True, kw_only=True):
    """`offloadctl schedule pause` and `resume`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["SchedulePauseChange"] = "SchedulePauseChange"
    schedule: str | None
    """null: all of them."""
    paused: bool
    changed: bool
    """false: it was not paused, and so nothing was resumed, and nothing written down."""
    until: Moment | None
    reason: str
    by: str


class ScheduleEntryDocument(Part, frozen=True, kw_only=True):
    """One entry of the decision log."""

    at: Moment
    entry: EntryWord
    schedule: str | None
    """null: all of them."""
    run_id: str | None
    text: str


class ScheduleHistory(Part, frozen=True, kw_only=True):
    """`offloadctl schedule history`, the newest first. `hasMore` tells that older ones were left out (--limit)."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["ScheduleHistory"] = "ScheduleHistory"
    entries: list[ScheduleEntryDocument]
    has_more: bool


class ScheduleAttemptDocument(Part, frozen=True, kw_only=True):
    """A run was begun, or begun again."""

    attempt: int
    at: Moment
    asked_by: str | None
    reasons: list[ScheduleReasonDocument]


class ScheduleExplanation(Part, frozen=True, kw_only=True):
    """`offloadctl schedule explain`: why a run began, with every number, and how it ended."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["ScheduleExplanation"] = "ScheduleExplanation"
    run_id: str
    schedule: str
    number: int
    """The how-manieth run of its schedule it is."""
    topics: list[str]
    """Empty with `wholeScope`."""
    whole_scope: bool
    bytes_at_most: int | None
    attempts: list[ScheduleAttemptDocument]
    decision: ScheduleDecision | None
    """null if somebody asked for the run."""
    result: ScheduleRunResultDocument | None
    """null while it goes on, or if nobody lived to tell."""


class SimulatedScheduleDocument(Part, frozen=True, kw_only=True):
    """What one schedule would have decided."""

    schedule: str
    topics: int
    evaluations: int
    counts: dict[str, int]
    """Evaluations by their decision."""
    decisions: list[ScheduleDecision]
    """Runs, and each decision that was another than before."""


class ScheduleSimulation(Part, frozen=True, kw_only=True):
    """`offloadctl schedule simulate`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["ScheduleSimulation"] = "ScheduleSimulation"
    source: str
    start: Moment
    end: Moment
    every_seconds: float
    run_seconds: float
    """So long each run was thought to take."""
    schedules: list[SimulatedScheduleDocument]


def list_document(found: Sequence[Standing]) -> ScheduleList:
    """All of them."""
    return ScheduleList(schedules=list(standing_lines(found)))


def standing_lines(found: Sequence[Standing]) -> Iterator[ScheduleStandingDocument]:
    """One by one."""
    for one in found:
        decision, state = one.decision, one.state
        yield ScheduleStandingDocument(
            name=one.schedule.name,
            description=one.schedule.description,
            enabled=one.schedule.enabled,
            when=condition_words(one.schedule.when),
            action=action_words(one.schedule.action),
            next_at=one.next_at,
            pause=_pause(state.pause),
            running=state.running.run_id if state.running is not None else None,
            decision=decision.verdict if decision is not None else None,
            decided_at=decision.at if decision is not None else None,
            reasons=_reasons(decision) if decision is not None else [],
            runs=state.runs,
            last_run=state.last_run or None,
            last_result=result_part(one.result),
        )


def validation_document(file: str, schedules: Sequence[Schedule]) -> ScheduleValidation:
    """A file without a mistake."""
    return ScheduleValidation(file=file, schedules=[one.name for one in schedules])


def history_document(entries: Sequence[LogEntry], *, has_more: bool) -> ScheduleHistory:
    """The newest first."""
    return ScheduleHistory(entries=list(entry_lines(entries)), has_more=has_more)


def entry_lines(entries: Sequence[LogEntry]) -> Iterator[ScheduleEntryDocument]:
    """One by one."""
    for one in entries:
        yield ScheduleEntryDocument(
            at=one.at, entry=one.kind, schedule=one.schedule or None, run_id=one.run_id or None, text=one.text
        )


def explanation_document(story: RunStory) -> ScheduleExplanation:
    """One run."""
    first = story.first
    return ScheduleExplanation(
        run_id=first.run_id,
        schedule=first.schedule,
        number=first.number,
        topics=[str(one) for one in first.topics],
        whole_scope=first.whole_scope,
        bytes_at_most=first.at_most,
        attempts=[_attempt(one) for one in story.intents],
        decision=ScheduleDecision.of(story.decision) if story.decision is not None else None,
        result=result_part(story.result),
    )


def simulation_document(made: Simulation) -> ScheduleSimulation:
    """All of it."""
    return ScheduleSimulation(
        source=made.source,
        start=made.start,
        end=made.end,
        every_seconds=made.every.total_seconds(),
        run_seconds=made.run_takes.total_seconds(),
        schedules=[_simulated(one) for one in made.schedules],
    )


def simulation_lines(made: Simulation) -> Iterator[ScheduleDecision]:
    """Each decision, schedule by schedule."""
    for one in made.schedules:
        for decision in one.decisions:
            yield ScheduleDecision.of(decision)


def result_part(result: RunResult | None) -> ScheduleRunResultDocument | None:
    """How a run ended, if it has."""
    if result is None:
        return None
    return ScheduleRunResultDocument(
        began_at=result.began_at,
        ended_at=result.ended_at,
        exit_code=int(result.exit_code),
        bytes_moved=result.bytes_moved,
        summary=result.summary,
        journal_runs=list(result.journal_runs),
    )


def _simulated(one: SimulatedSchedule) -> SimulatedScheduleDocument:
    return SimulatedScheduleDocument(
        schedule=one.schedule,
        topics=one.topics,
        evaluations=one.evaluations,
        counts={verdict.value: number for verdict, number in sorted(one.counts.items())},
        decisions=[ScheduleDecision.of(decision) for decision in one.decisions],
    )


def _attempt(intent: Intent) -> ScheduleAttemptDocument:
    return ScheduleAttemptDocument(
        attempt=intent.attempt,
        at=intent.at,
        asked_by=intent.asked_by or None,
        reasons=[ScheduleReasonDocument(code=one.code, text=one.text) for one in intent.reasons],
    )


def _pause(pause: Pause | None) -> PauseDocument | None:
    if pause is None:
        return None
    return PauseDocument(since=pause.since, until=pause.until, reason=pause.reason, by=pause.by)


def _reasons(decision: Decision) -> list[ScheduleReasonDocument]:
    return [ScheduleReasonDocument(code=one.code, text=one.text) for one in decision.reasons]


SCHEDULE_COMMAND_KINDS = (
    ScheduleList,
    ScheduleValidation,
    ScheduleRun,
    SchedulePauseChange,
    ScheduleHistory,
    ScheduleExplanation,
    ScheduleSimulation,
)
