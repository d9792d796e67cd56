"""The schedules at work: one tick evaluates, decides, writes the intent down, acts, writes the result down.

    tick      collect numbers once for all schedules; decide each; a fired one begins its run
    intent    in the decision log, acknowledged, before anything is sent; it holds the state behind it
    run       through `act`, which is OffloadTopics or Check; on whatever thread `start` provides
    result    in the decision log; the schedule may fire again. Of a run that was told to end: that it is handed over

Whoever comes after a crash, or gets the lease, calls `recover`: the last entry of each schedule is its state, and an
intent without a result is begun again under the same run id. That is harmless: what was moved is not moved twice, and
a broker that still works on it answers that it is busy. What several instances died of is given up; to hand over is
not to die.

A tick must be called by one thread at a time; runs end on theirs.
"""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from offloadctl.errors import Interrupted, OffloadctlError, UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.decision import Decision, EntryKind, Intent, LogEntry, RunResult, Verdict
from offloadctl.model.measures import Measure
from offloadctl.model.offload import Reason
from offloadctl.model.schedule import Schedule
from offloadctl.operations.schedule_codec import Payload, decode, encode
from offloadctl.operations.schedule_pauses import pause_of
from offloadctl.plan.cron import due_at, next_time
from offloadctl.plan.schedule import decide, of_a_run
from offloadctl.plan.schedule_state import ScheduleState, again, begun, ended, handed_over
from offloadctl.ports import Clock
from offloadctl.ports.schedule import Collected, Collector, DecisionLog

STATE_KINDS: Final = (EntryKind.DECIDED, EntryKind.INTENT, EntryKind.RESULT, EntryKind.HANDED_OVER)
"""The entries that hold the state behind them."""

CHECKPOINT: Final = timedelta(days=1)
"""A schedule about which there is nothing to say says so once a day, with how often it was evaluated."""

HANDED_OVER: Final = frozenset({ExitCode.INTERRUPTED, ExitCode.TERMINATED})
"""A run that ends so has no result: whoever comes next begins it again."""


NOT_LISTED: Final = "its topics could not be listed"


class Act(Protocol):
    """Does what a schedule is for."""

    def __call__(self, schedule: Schedule, intent: Intent, /) -> RunResult:
        """Do it, wait for the end, and tell what came of it. Raises an OffloadctlError if nothing could be done."""
        ...


def at_once(work: Callable[[], None]) -> None:
    """Runs on the caller's thread: the tick waits for them."""
    work()


@dataclass(frozen=True, slots=True)
class Tick:
    """What one evaluation of all schedules came to."""

    at: datetime
    collected: Collected
    decisions: tuple[Decision, ...] = ()
    begun: tuple[Intent, ...] = ()
    not_evaluated: tuple[tuple[str, str], ...] = ()
    """Schedules whose topics could not be listed, and why."""
    unseen: tuple[Measure, ...] = ()
    """What these compare of single topics: each measure once a schedule."""


class Asked(NamedTuple):
    """What came of asking for a run."""

    intent: Intent | None
    """None: none was begun."""
    lacking: str = ""
    """What could not be listed of the topics that it names, or would."""


@dataclass(slots=True)
class Scheduler:
    """All schedules of one instance, and their states. Evaluates only; when it is to do so, others know."""

    schedules: tuple[Schedule, ...]
    log: DecisionLog
    collector: Collector
    act: Act
    clock: Clock
    start: Callable[[Callable[[], None]], None] = at_once
    states: dict[str, ScheduleState] = field(default_factory=dict)
    _alive: set[str] = field(default_factory=set)
    """Runs that are going on in this process."""
    _in_doubt: bool = True
    """Whether the log may hold more than the states know: at the beginning, and after an entry that failed."""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def recover(self) -> tuple[Intent, ...]:
        """Take up what the log says, and begin again what was begun and has no result; tells what that was.

        Raises a StateError, or whatever else the log raises, if it cannot be read or written: then nothing was begun.
        """
        with self._lock:
            self._read_log()
            self._in_doubt = False
            return tuple(self._resumed())

    def tick(self) -> Tick:
        """Evaluate all schedules now, and begin what is to begin."""
        if self._in_doubt:
            self.recover()
        now = self.clock.now()
        collected = self.collector.collect(self.schedules, now)
        decisions, started, unlisted, unseen = [], [], [], list[Measure]()
        for schedule in self.schedules:
            if schedule.name not in collected.topics:
                why = collected.unlisted.get(schedule.name, NOT_LISTED)
                unlisted.append((schedule.name, why))
                unseen += {one.measure: None for one in schedule.comparisons if one.measure.is_of_topics}
                continue
            decision, intent = self._evaluate(schedule, collected)
            decisions.append(decision)
            if intent is not None:
                started.append(intent)
        return Tick(now, collected, tuple(decisions), tuple(started), tuple(unlisted), tuple(unseen))

    def reload(self, schedules: Iterable[Schedule]) -> None:
        """Go on with these; each keeps what it remembers by its name."""
        with self._lock:
            self.schedules = tuple(schedules)
            self._in_doubt = True

    def run_now(self, name: str, *, asked_by: str, reason: str = "") -> Asked:
        """Begin a run that somebody asks for, whatever the condition says; its gates are theirs to mind.

        UsageError if there is no such schedule, or if a run of it goes on. Where topics must be named and cannot be
        listed none begins.
        """
        schedule = self.schedule(name)
        if self._in_doubt:
            self.recover()
        collected = self.collector.collect([schedule], self.clock.now())
        topics, lacking = collected.topics.get(name), collected.unlisted.get(name, "")
        whole = schedule.scope.is_plain
        if topics is None and not whole:
            return Asked(None, lacking or NOT_LISTED)
        with self._lock:
            state = self.states.get(name, ScheduleState())
            if state.running is not None:
                raise UsageError(f"run {state.running.run_id} of {name} has not ended", hint="wait for its end")
            intent = Intent(
                run_id_of(name, state, collected.snapshot.at),
                name,
                collected.snapshot.at,
                () if whole else of_a_run(schedule, topics or (), state.runs),
                whole,
                schedule.limits.bytes_a_run,
                asked_by=asked_by,
                reasons=(Reason("asked", f"asked for by {asked_by}" + (f": {reason}" if reason else "")),),
                number=state.runs + 1,
            )
            self._begin(schedule, intent, state, None)
        return Asked(intent, "" if whole else lacking)

    def schedule(self, name: str) -> Schedule:
        """The schedule of that name; UsageError if there is none."""
        for one in self.schedules:
            if one.name == name:
                return one
        names = ", ".join(one.name for one in self.schedules)
        raise UsageError(f"there is no schedule {name!r}", hint=f"there are: {names or 'none'}")

    def next_time(self, *, every: timedelta) -> datetime:
        """When to evaluate next: after `every`, or sooner if a cron time is due before that."""
        now = self.clock.now()
        times = [now + every]
        for schedule in self.schedules:
            for cron in schedule.crons:
                handled = self.states.get(schedule.name, ScheduleState()).handled.get(cron.key, now)
                due = due_at(cron, next_time(cron, max(handled, now - every)))
                times.append(due if due > now else due_at(cron, next_time(cron, now)))
        return min(times)

    def _evaluate(self, schedule: Schedule, collected: Collected) -> tuple[Decision, Intent | None]:
        with self._lock:
            before = self.states.get(schedule.name, ScheduleState())
            paused = replace(before, pause=pause_of(self.log, schedule.name))
            decision, after = decide(schedule, collected.topics[schedule.name], collected.snapshot, paused)
            if decision.verdict is Verdict.FIRED:
                intent = Intent(
                    run_id_of(schedule.name, after, decision.at),
                    schedule.name,
                    decision.at,
                    decision.topics,
                    decision.whole_scope,
                    decision.at_most,
                    reasons=decision.reasons,
                    number=after.runs + 1,
                )
                self._begin(schedule, intent, after, decision)
                return decision, intent
            if _is_news(decision, before, after):
                after = replace(after, gist=decision.gist, steady=0, told_at=decision.at)
                text = "; ".join(one.text for one in decision.reasons)
                self._append(EntryKind.DECIDED, schedule.name, text, Payload(after, decision))
            self.states[schedule.name] = after
            return decision, None

    def _begin(self, schedule: Schedule, intent: Intent, state: ScheduleState, decision: Decision | None) -> None:
        """Write the intent down, and only then begin."""
        after = begun(state, intent)
        if decision is not None:
            after = replace(after, gist=decision.gist, steady=0, told_at=decision.at)
        text = "; ".join(one.text for one in intent.reasons)
        self._append(EntryKind.INTENT, schedule.name, text, Payload(after, decision, intent), intent.run_id)
        self.states[schedule.name] = after
        self._alive.add(intent.run_id)
        try:
            self.start(lambda: self._run(schedule, intent))
        except (Interrupted, KeyboardInterrupt):
            # Nothing is begun any more, or it was told to end at once.
            now = self.clock.now()
            told = RunResult(intent.run_id, schedule.name, now, now, ExitCode.INTERRUPTED, summary="told to end")
            self._hand_over(intent, told)
            self._alive.discard(intent.run_id)
            raise

    def _run(self, schedule: Schedule, intent: Intent) -> None:
        began_at = self.clock.now()
        try:
            try:
                result = self.act(schedule, intent)
            except OffloadctlError as error:
                result = RunResult(
                    intent.run_id, schedule.name, began_at, self.clock.now(), error.exit_code, summary=error.message
                )
            if result.exit_code in HANDED_OVER:
                self._hand_over(intent, result)
            else:
                self._end(result)
        finally:
            # Not before its result is written: until then whoever reads the log would begin it again.
            self._alive.discard(intent.run_id)

    def _end(self, result: RunResult) -> None:
        with self._lock:
            if self._in_doubt:
                # An entry behind the newest one must not be written with the state before it.
                self._read_log(result.schedule)
            state = ended(self.states.get(result.schedule, ScheduleState()), result)
            payload = Payload(state, result=result)
            self._append(EntryKind.RESULT, result.schedule, result.summary, payload, result.run_id)
            self.states[result.schedule] = state

    def _hand_over(self, intent: Intent, so_far: RunResult) -> None:
        """Write down that nobody died of it, as far as that can be done: whoever cannot counts as dead."""
        with self._lock, suppress(OffloadctlError):
            if self._in_doubt:
                self._read_log(intent.schedule)
            state = self.states.get(intent.schedule, ScheduleState())
            if state.running is None or _attempt(state.running) != _attempt(intent):
                # It is said already, or it is somebody else's by now.
                return
            state = handed_over(state, intent, so_far)
            self._append(EntryKind.HANDED_OVER, intent.schedule, so_far.summary, Payload(state), intent.run_id)
            self.states[intent.schedule] = state

    def _read_log(self, *more: str) -> None:
        for name in dict.fromkeys((*(one.name for one in self.schedules), *more)):
            entry = self.log.newest(STATE_KINDS, name)
            if entry is not None:
                known = self.states.get(name, ScheduleState())
                self.states[name] = replace(decode(entry).state, steady=known.steady)

    def _resumed(self) -> Iterable[Intent]:
        """Begin again what has no result; what several instances died of is given up, and that is its result."""
        for schedule in self.schedules:
            state = self.states.get(schedule.name)
            if state is None or state.running is None or state.running.run_id in self._alive:
                continue
            intent = again(state.running)
            if intent is None:
                run, now = state.running, self.clock.now()
                text = f"given up: it was begun {run.attempt} times, and of {run.died} nobody lived to tell the end"
                self._end(RunResult(run.run_id, schedule.name, run.at, now, ExitCode.FAILED, summary=text))
                continue
            yield intent
            self._begin(schedule, intent, state, None)

    def _append(self, kind: EntryKind, schedule: str, text: str, payload: Payload, run_id: str = "") -> None:
        """Write an entry; if that fails, whatever the log holds is read again before anything else is decided."""
        try:
            self.log.append(LogEntry(self.clock.now(), kind, schedule, text, run_id, encode(payload)))
        except BaseException:
            self._in_doubt = True
            raise


def run_id_of(name: str, state: ScheduleState, at: datetime) -> str:
    """The id of a schedule's next run: its name, when, and the how-manieth it is, as a clock may go back."""
    return f"{name}-{at:%Y%m%dT%H%M%SZ}-{state.runs + 1}"


def _attempt(intent: Intent) -> tuple[str, int, int]:
    return intent.run_id, intent.attempt, intent.handed_over


def _is_news(decision: Decision, before: ScheduleState, after: ScheduleState) -> bool:
    """Whether there is something to write down: another verdict, fates of cron times, what hysteresis holds."""
    # A cron that is new in the file counts from now on, also for whoever comes next.
    if decision.gist != before.gist or decision.settled or before.handled != after.handled:
        return True
    if _held(before) != _held(after):
        return True
    return before.told_at is None or decision.at - before.told_at >= CHECKPOINT or decision.at < before.told_at


def _held(state: ScheduleState) -> frozenset[tuple[str, str]]:
    return frozenset(key for key, one in state.memory.items() if not one.is_plain)
