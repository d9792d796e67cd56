"""Whatever happens to clock, process, log and numbers: each cron time has one fate, and each intent one run id."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from offloadctl.adapters.decision_logs import MemoryDecisionLog
from offloadctl.errors import StateUnwritable, Terminated
from offloadctl.exitcodes import ExitCode
from offloadctl.model.decision import EntryKind, Fate, Intent, LogEntry, RunResult, Truth, Verdict
from offloadctl.model.measures import Measure
from offloadctl.model.schedule import AllOf, AnyOf, Condition, Cron, Missed, Schedule
from offloadctl.operations.schedule import Scheduler
from offloadctl.operations.schedule_codec import decode
from offloadctl.operations.schedule_pauses import pause, resume
from offloadctl.plan.cron import times
from offloadctl.plan.schedule_state import ATTEMPTS
from tests.schedules import START, Told, above, below, disks, schedule, snapshot

MINUTE = timedelta(minutes=1)
HOURLY = Cron("7 */3 * * *", "Europe/Berlin")
JITTERED = Cron("*/20 * * * *", "America/New_York", timedelta(minutes=15))
FULL = above(Measure.BOOKIE_DISK, 0.8, until=0.6)
CONDITIONS: tuple[Condition, ...] = (
    HOURLY,
    AnyOf((HOURLY, FULL)),
    AllOf((JITTERED, FULL)),
    AnyOf((JITTERED, HOURLY)),
)


@dataclass
class UnsteadyClock:
    """A clock that is set, back too."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class UnsteadyLog(MemoryDecisionLog):
    """A log whose next entry may fail: before it is kept, or after."""

    fails: str = ""

    def __post_init__(self) -> None:
        MemoryDecisionLog.__init__(self)

    def append(self, entry: LogEntry) -> None:
        fails, self.fails = self.fails, ""
        if fails != "before":
            super().append(entry)
        if fails:
            raise StateUnwritable("no room")


class Machine(RuleBasedStateMachine):
    """One schedule with cron times and a number, by whatever comes."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.log = UnsteadyClock(), UnsteadyLog()
        self.waiting: list[Callable[[], None]] = []
        self.disk: float | None = 0.9
        self.cpu: float | None = 0.1
        self.latest = START
        self.ends_by: ExitCode | None = None

    @initialize(when=st.sampled_from(CONDITIONS), missed=st.sampled_from(Missed))
    def begin(self, when: Condition, missed: Missed) -> None:
        self.schedule: Schedule = schedule(when, missed=missed, gates=(below(Measure.BROKER_CPU, 0.7),))
        self.restart()
        self.tick()

    @rule(minutes=st.integers(60, 300))
    def end_what_goes_on_and_go_on(self, minutes: int) -> None:
        for work in self.waiting[:1]:
            self.waiting.remove(work)
            self._carefully(work)
        self.clock.at += minutes * MINUTE
        self.tick()

    @rule(minutes=st.integers(0, 40))
    def pass_minutes(self, minutes: int) -> None:
        self.clock.at += minutes * MINUTE
        self.tick()

    @rule(hours=st.integers(1, 60))
    def be_away(self, hours: int) -> None:
        self.clock.at += timedelta(hours=hours)
        self.tick()

    @rule(minutes=st.integers(1, 23 * 60))
    def set_the_clock_back(self, minutes: int) -> None:
        # Further than a day back would mean that the clock was wrong before.
        self.clock.at = max(self.clock.at - minutes * MINUTE, self.latest - timedelta(hours=23))
        self.tick()

    @rule(disk=st.sampled_from([0.9, 0.9, 0.7, 0.5, None]), cpu=st.sampled_from([0.1, 0.1, 0.1, 0.9, None]))
    def measure(self, disk: float | None, cpu: float | None) -> None:
        self.disk, self.cpu = disk, cpu
        self.tick()

    @rule(until=st.sampled_from([30, 60, 600, None]))
    def pause(self, until: int | None) -> None:
        end = None if until is None else self.clock.at + until * MINUTE
        self._carefully(lambda: pause(self.log, "nightly", self.clock.at, until=end, reason="", by="ann"))

    @rule()
    def resume(self) -> None:
        self._carefully(lambda: resume(self.log, "nightly", self.clock.at, by="ann"))
        self.tick()

    @precondition(lambda self: self.waiting)
    @rule()
    def end_a_run(self) -> None:
        self._carefully(self.waiting.pop(0))
        self.tick()

    @rule()
    def restart(self) -> None:
        """kill -9: whoever was at work is gone."""
        self.waiting.clear()
        told = Told(self._snapshot)
        self.scheduler = Scheduler((self.schedule,), self.log, told, self._act, self.clock, start=self.waiting.append)

    @precondition(lambda self: self.waiting)
    @rule(by=st.sampled_from([ExitCode.INTERRUPTED, ExitCode.TERMINATED]), fails=st.sampled_from(["", "", "before"]))
    def hand_a_run_over(self, by: ExitCode, fails: str) -> None:
        """SIGTERM: what goes on is told to end, as far as that can be written down, and then the process does."""
        self.ends_by, self.log.fails = by, fails
        self._carefully(self.waiting.pop(0))
        self.ends_by, self.log.fails = None, ""
        self.restart()
        self.tick()

    @rule(fails=st.sampled_from(["before", "after"]))
    def fill_the_disk(self, fails: str) -> None:
        self.log.fails = fails
        self.tick()

    @rule()
    def tick(self) -> None:
        self.latest = max(self.latest, self.clock.at)
        self._carefully(self._tick)

    def _tick(self) -> None:
        for decision in self.scheduler.tick().decisions:
            if decision.verdict is Verdict.FIRED:
                assert decision.when.truth is Truth.TRUE
                assert self.cpu == 0.1
                assert len(self.waiting) == 1

    @staticmethod
    def _carefully(work: Callable[[], object]) -> None:
        try:
            work()
        except StateUnwritable:
            return

    def _snapshot(self, at: datetime):  # type: ignore[no-untyped-def]
        cpu = {} if self.cpu is None else {Measure.BROKER_CPU: disks(self.cpu)[Measure.BOOKIE_DISK]}
        disk = {} if self.disk is None else disks(self.disk)
        return snapshot(at, instances=disk | cpu)

    def _act(self, one: Schedule, intent: Intent) -> RunResult:
        if self.ends_by is ExitCode.TERMINATED:
            raise Terminated("stopped")
        return RunResult(intent.run_id, one.name, self.clock.at, self.clock.at, self.ends_by or ExitCode.OK)

    @invariant()
    def no_two_runs_at_once(self) -> None:
        assert len(self.waiting) <= 1

    def teardown(self) -> None:
        if not hasattr(self, "schedule"):
            return
        entries = list(reversed(self.log.entries()))
        payloads = [decode(one) for one in entries if one.kind not in (EntryKind.PAUSED, EntryKind.RESUMED)]
        began = {cron.key: START for cron in self.schedule.crons}
        served = 0
        for decision in (one.decision for one in payloads if one.decision is not None):
            for settled in decision.settled:
                cron = next(one for one in self.schedule.crons if one.key == settled.cron)
                row = list(islice(times(cron, began[cron.key], settled.last), settled.count + 1))
                assert (row[0], row[-1], len(row)) == (settled.first, settled.last, settled.count)
                assert settled.fate is not Fate.SERVED or decision.verdict is Verdict.FIRED
                began[cron.key] = settled.last
            served += decision.verdict is Verdict.FIRED
        first = [one.intent for one in payloads if one.intent is not None and one.intent.attempt == 1]
        assert len({one.run_id for one in first}) == len(first) == served
        results = [one.result.run_id for one in payloads if one.result is not None]
        assert len(set(results)) == len(results)
        for run in {one.run_id for one in entries if one.run_id}:
            self._tells_who_died([one for one in entries if one.run_id == run])

    @staticmethod
    def _tells_who_died(entries: list[LogEntry]) -> None:
        """Of a run that was begun three times without a word the fourth word is that it is given up, and no other."""
        attempts = died = handed_over = 0
        goes_on = False
        for entry in entries:
            payload = decode(entry)
            if entry.kind is EntryKind.INTENT:
                assert payload.intent is not None
                attempts, died = attempts + 1, died + goes_on
                assert died < ATTEMPTS
                assert (payload.intent.attempt, payload.intent.handed_over) == (attempts, handed_over)
            elif entry.kind is EntryKind.HANDED_OVER:
                assert goes_on
                handed_over += 1
            else:
                assert payload.result is not None
                if payload.result.exit_code is ExitCode.FAILED:
                    assert (died + goes_on, payload.result.summary[:8]) == (ATTEMPTS, "given up")
            goes_on = entry.kind is EntryKind.INTENT


Machine.TestCase.settings = settings(
    max_examples=max(15, settings().max_examples // 6),
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestMachine = Machine.TestCase
