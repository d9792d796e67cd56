"""What schedules do for the topics of an intent: offloads and checks as the commands do; rolling over and trimming."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from offloadctl.errors import Interrupted, Terminated
from offloadctl.exitcodes import ExitCode
from offloadctl.model.check import CheckReport
from offloadctl.model.decision import Intent, RunResult
from offloadctl.model.offload import Confirmation, OffloadLimits, OffloadRun, OffloadWish, Outcome
from offloadctl.model.sample import Sample
from offloadctl.model.schedule import CheckAction, OffloadAction, Schedule
from offloadctl.model.scope import Scope
from offloadctl.model.topic_action import TopicActionRun
from offloadctl.operations.check import Check
from offloadctl.operations.check_again import report_or_go_on
from offloadctl.operations.check_memory import Memory
from offloadctl.operations.offload import ObjectsCheck, Offload, not_looked_at
from offloadctl.operations.offload_run import OffloadTopics
from offloadctl.operations.remember import remembered
from offloadctl.operations.schedule_topics import TopicRuns, topic_words
from offloadctl.operations.turns import AT_ONCE, PER_BROKER
from offloadctl.operations.workers import Stop, code_of
from offloadctl.ports import FindingStore, Ports
from offloadctl.units import format_duration, format_size

_MOVED: Final = frozenset({Confirmation.CONFIRMED, Confirmation.UNCONFIRMED, Confirmation.DAMAGED})


@contextmanager
def not_recorded(work: OffloadTopics) -> Iterator[OffloadTopics]:
    """Offloads that are in no journal."""
    yield work


@dataclass(frozen=True, slots=True)
class ScheduleActions:
    """Does what an intent says, and waits for its end."""

    ports: Ports
    recorded: Callable[[OffloadTopics], AbstractContextManager[OffloadTopics]] = not_recorded
    """Makes the offloads a run in the journal."""
    check_objects: ObjectsCheck = not_looked_at
    findings: FindingStore | None = None
    """Where it is remembered what checks find."""
    memory: Memory | None = None
    """Where it is remembered what checks look at, so that one that is handed over is gone on with."""
    stop: Stop = field(default_factory=Stop)
    """Interrupts what goes on; it is handed over to whoever comes after."""
    topics: TopicRuns | None = None
    """Rolls over and trims; None: nobody is allowed to."""

    def __call__(self, schedule: Schedule, intent: Intent) -> RunResult:
        """The outcome. Raises an OffloadctlError if nothing could be done; Interrupted if it was stopped."""
        try:
            return self._done(schedule, intent)
        except KeyboardInterrupt as signal:
            # No signal reaches a thread of the service: this is how the work below says that it was stopped.
            code = self.stop.code or code_of(signal)
            raise (Terminated if code is ExitCode.TERMINATED else Interrupted)("stopped") from signal

    def _done(self, schedule: Schedule, intent: Intent) -> RunResult:
        began_at = self.ports.clock.now()
        scope = schedule.scope.scope if intent.whole_scope else Scope.of(topics=intent.topics)
        if isinstance(schedule.action, OffloadAction):
            run = self._offload(schedule, schedule.action, scope, intent)
            moved = _bytes_moved(run)
            runs = (run.run_id,) if run.run_id else ()
            words = _offload_words(run, moved)
            if run.results and all(one.outcome is Outcome.NOTHING_TO_DO for one in run.results):
                words += f": {_left_words(schedule.action.wish)}"
            done = _Done(run.exit_code, words, moved, runs)
        elif isinstance(schedule.action, CheckAction):
            report = self._check(schedule.action, scope, intent)
            done = _Done(report.exit_code, _check_words(report))
        else:
            acted = self._topics(schedule, scope, intent)
            done = _Done(acted.exit_code, topic_words(acted))
        ended_at = self.ports.clock.now()
        return RunResult(
            intent.run_id, schedule.name, began_at, ended_at, done.code, done.moved, done.summary, done.runs
        )

    def _offload(self, schedule: Schedule, action: OffloadAction, scope: Scope, intent: Intent) -> OffloadRun:
        work = OffloadTopics(
            Offload(self.ports, action.wish, action.timeout.total_seconds(), self.check_objects),
            limits=OffloadLimits(at_most=intent.at_most),
            reason=f"schedule {schedule.name}, run {intent.run_id}",
            at_once=schedule.limits.topics_at_once or AT_ONCE,
            per_broker=schedule.limits.per_broker or PER_BROKER,
            stop=self.stop,
        )
        with self.recorded(work) as work:
            run = work.act(work.plan(scope))
            return run if work.record is None else work.record.close(run)

    def _check(self, action: CheckAction, scope: Scope, intent: Intent) -> CheckReport:
        # Each run takes the next part of the ledgers.
        sample = Sample.parse(action.sample, seed=intent.number - 1) if action.sample else None
        memory = None if self.memory is None else self.memory.of(f"run {intent.run_id}", max_age=action.max_age)
        check = Check(self.ports, action.level, sample=sample, limits=action.budget, memory=memory, stop=self.stop)
        report = report_or_go_on(check, scope, again=intent.attempt > 1)
        return remembered(report, self.findings)

    def _topics(self, schedule: Schedule, scope: Scope, intent: Intent) -> TopicActionRun:
        runs = self.topics or TopicRuns(self.ports)
        return runs.run(schedule, scope, intent.run_id, self.stop, number=intent.number)


class _Done(NamedTuple):
    code: ExitCode
    summary: str
    moved: int = 0
    runs: tuple[str, ...] = ()


def _bytes_moved(run: OffloadRun) -> int:
    ledgers = (one for result in run.results for one in result.ledgers)
    return sum(one.ledger.size for one in ledgers if one.confirmation in _MOVED)


def _offload_words(run: OffloadRun, moved: int) -> str:
    outcomes: dict[str, int] = {}
    for result in run.results:
        outcomes[result.outcome] = outcomes.get(result.outcome, 0) + 1
    told = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items()))
    return f"{format_size(moved)} moved; topics: {told or 'none'}"


def _left_words(wish: OffloadWish) -> str:
    """Why a condition may hold though nothing is left to be done about it."""
    kept = [f"is within sizeThreshold {format_size(wish.size_threshold)} of each topic"] if wish.size_threshold else []
    kept += [f"is younger than {format_duration(wish.older_than)}"] if wish.older_than else []
    return f"what is left {' and '.join(kept)}{', or ' if kept else ''}is in the last ledger of a topic"


def _check_words(report: CheckReport) -> str:
    coverage = report.coverage
    return (
        f"{coverage.ledgers_covered:,} of {coverage.ledgers:,} ledgers looked at, {len(report.findings):,} findings: "
        f"{report.status}"
    ) + (f"; not remembered: {report.not_remembered}" if report.not_remembered else "")
