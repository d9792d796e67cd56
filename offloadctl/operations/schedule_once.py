"""One schedule, evaluated once: for a command, where the service evaluates all of them again and again."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from offloadctl.exitcodes import ExitCode, combine
from offloadctl.model.decision import Decision, Intent, RunResult, Verdict
from offloadctl.model.names import TopicName
from offloadctl.model.schedule import Schedule
from offloadctl.model.scope import Scope
from offloadctl.model.topic_action import TopicActionRun
from offloadctl.operations.schedule import HANDED_OVER, NOT_LISTED, Scheduler
from offloadctl.operations.schedule_overview import standing
from offloadctl.operations.schedule_topics import TopicRuns, verb_of
from offloadctl.plan.schedule import decide, of_a_run
from offloadctl.ports import Clock
from offloadctl.ports.schedule import Collector, DecisionHistory


@dataclass(frozen=True, slots=True)
class Once:
    """What was decided, and what came of it."""

    schedule: str
    dry_run: bool = False
    decision: Decision | None = None
    """None if a run was asked for, or its topics could not be listed."""
    not_evaluated: str = ""
    """Why there is no decision."""
    left_out: str = ""
    """What of the scope could not be listed."""
    intent: Intent | None = None
    """The run that was begun."""
    resumed: tuple[Intent, ...] = ()
    """Runs that somebody had begun and not ended, and that were begun again before."""
    results: tuple[RunResult, ...] = ()
    """Of all of these."""
    would_name: tuple[TopicName, ...] = ()
    """The topics of a run that is begun whatever is decided, where it names any; of a dry run."""
    looked: TopicActionRun | None = None
    """What a run would do to topics, one by one; of a dry run that would begin one, of actions that tell it."""

    @property
    def result(self) -> RunResult | None:
        """Of the run that was begun."""
        return self.result_of(self.intent) if self.intent is not None else None

    def result_of(self, intent: Intent) -> RunResult | None:
        """What came of a run; None if nothing was told."""
        return next((one for one in self.results if one.run_id == intent.run_id), None)

    @property
    def exit_code(self) -> ExitCode:
        """That of the runs; else whether it could be known what to do."""
        met = [one.exit_code for one in self.results]
        began = {one.run_id for one in (*self.resumed, *((self.intent,) if self.intent is not None else ()))}
        if began - {one.run_id for one in self.results}:
            met.append(ExitCode.FAILED)
        if self.looked is not None:
            met.append(self.looked.exit_code)
        if self.not_evaluated:
            met.append(ExitCode.FAILED)
        elif self.left_out or (self.decision is not None and self.decision.verdict is Verdict.UNKNOWN):
            met.append(ExitCode.NOT_COVERED)
        return combine(met)


def look(log: DecisionHistory, collector: Collector, schedule: Schedule, clock: Clock) -> Once:
    """What it would decide now; nothing is written down."""
    now = clock.now()
    collected = collector.collect([schedule], now)
    lacking = collected.unlisted.get(schedule.name, "")
    if schedule.name not in collected.topics:
        return Once(schedule.name, dry_run=True, not_evaluated=lacking or NOT_LISTED)
    state = standing(log, schedule, now).state
    decision, _ = decide(schedule, collected.topics[schedule.name], collected.snapshot, state)
    topics = of_a_run(schedule, collected.topics[schedule.name], state.runs)
    return Once(schedule.name, dry_run=True, decision=decision, left_out=lacking, would_name=topics)


def with_topics(once: Once, schedule: Schedule, runs: TopicRuns, *, force: bool = False) -> Once:
    """With what the run would do to each topic, if one would begin and can tell it; brokers and buckets are read.

    `force`: what a run would do that is begun whatever is decided.
    """
    decision = once.decision
    fires = decision is not None and decision.verdict is Verdict.FIRED
    if decision is None or verb_of(schedule.action) is None or not (fires or force):
        return once
    whole = decision.whole_scope if fires else schedule.scope.is_plain
    topics = decision.topics if fires else once.would_name
    if not whole and not topics:
        return once
    return replace(once, looked=runs.look(schedule, schedule.scope.scope if whole else Scope.of(topics=topics)))


def evaluate(scheduler: Scheduler, name: str, *, results: Mapping[str, RunResult]) -> Once:
    """Decide, and act if it fires. `results` is where the acting leaves what came of it.

    Who is told to end while a run is begun again decides nothing more.
    """
    resumed = scheduler.recover()
    if _is_told_to_end(results):
        return Once(name, resumed=resumed, results=tuple(results.values()))
    tick = scheduler.tick()
    once = Once(name, resumed=resumed, results=tuple(results.values()))
    if tick.not_evaluated:
        return replace(once, not_evaluated=tick.not_evaluated[0][1])
    lacking = tick.collected.unlisted.get(name, "")
    return replace(once, decision=tick.decisions[0], left_out=lacking, intent=tick.begun[0] if tick.begun else None)


def force_run(scheduler: Scheduler, name: str, *, asked_by: str, reason: str, results: Mapping[str, RunResult]) -> Once:
    """Begin a run whatever is decided."""
    resumed = scheduler.recover()
    if _is_told_to_end(results):
        return Once(name, resumed=resumed, results=tuple(results.values()))
    asked = scheduler.run_now(name, asked_by=asked_by, reason=reason)
    once = Once(name, intent=asked.intent, resumed=resumed, results=tuple(results.values()))
    return replace(once, not_evaluated=asked.lacking) if asked.intent is None else replace(once, left_out=asked.lacking)


def _is_told_to_end(results: Mapping[str, RunResult]) -> bool:
    return any(one.exit_code in HANDED_OVER for one in results.values())
