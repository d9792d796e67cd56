"""One instance of the service as a process: its own state directory, clock and life; it leads when it has the lease.

It is put together as `offloadctl serve` does it, of the same parts; but what it asks of the outside goes through ports
that know whether it still lives.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

from offloadctl.adapters.checks_shape import CHECKS, CHECKS_FILE, WHAT
from offloadctl.adapters.cluster_numbers import PulsarNumbers
from offloadctl.adapters.memory_lease import MemoryLease, MemoryTerm
from offloadctl.adapters.pulsar_rest import PulsarRest
from offloadctl.adapters.sqlite_checks import SqliteChecks
from offloadctl.adapters.sqlite_file import SqliteFile
from offloadctl.adapters.sqlite_findings import SqliteFindings
from offloadctl.adapters.sqlite_journal import SqliteJournal
from offloadctl.errors import OffloadctlError, TerminationSignal
from offloadctl.model.decision import Intent, RunResult
from offloadctl.model.journal import Actor, RunStart
from offloadctl.model.schedule import Schedule
from offloadctl.model.settings import BrokerSettings, RateLimits, TokenAuth
from offloadctl.operations.check_memory import Memory
from offloadctl.operations.collect import BulkCollector
from offloadctl.operations.confirm import ObjectsInStores
from offloadctl.operations.offload_run import OffloadTopics
from offloadctl.operations.run_record import recording
from offloadctl.operations.schedule import Tick
from offloadctl.operations.schedule_actions import ScheduleActions
from offloadctl.operations.workers import Stop
from offloadctl.ports import BrokerAdmin, FindingStore, ObjectStore, Ports
from offloadctl.ports.journal import Journal
from offloadctl.ports.lease import Term
from offloadctl.ports.schedule import Collected
from offloadctl.redaction import Secret
from offloadctl.service.board import Board
from offloadctl.service.metrics import Metrics
from offloadctl.service.runs import Runs, Watched
from offloadctl.service.schedule_source import ScheduleSource
from offloadctl.service.telling import Teller
from offloadctl.service.terms import Terms
from tests.soak.bucket import OurView
from tests.soak.ports import FailingLog, Mortal, Triggers
from tests.soak.timeline import Killed, Life, ProcessClock
from tests.soak.world import TOKEN, Evaluation, World

CLUSTER: Final = "soak"
EVERY: Final = timedelta(hours=1)
_WAITS_FOR_THE_LEASE_S: Final = 120.0
_LOOKS_AGAIN_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Trap:
    """Where a process is to die or to stop, when it comes there."""

    point: str
    """`before` or `after`, and the method."""
    stops_for: float | None = None
    """SIGSTOP for so many seconds; None: kill -9."""


@dataclass
class Process:
    """One instance, which may die and be started again over the same directory."""

    world: World
    name: str
    directory: Path
    file: Path
    """Of schedules."""
    life: Life = field(init=False)
    clock: ProcessClock = field(init=False)
    lines: list[str] = field(default_factory=list)
    """What it has logged, in all its lives."""
    boards: list[Board] = field(default_factory=list)
    trap: Trap | None = None
    log_fails: str = ""
    term: MemoryTerm | None = None
    terms: Terms | None = None
    number: int = 0
    """Of its last term."""
    starts: int = 0
    _ending: bool = False
    _stop: Stop = field(default_factory=Stop)
    _runs: "_Runs | None" = None
    _open: list[SqliteFile] = field(default_factory=list)

    def start(self) -> None:
        """As a supervisor starts it."""
        self.starts += 1
        self.life = Life(f"{self.name}-{self.starts}")
        off = self.clock.off if self.starts > 1 else timedelta()
        self.clock = ProcessClock(self.world.timeline, self.life, off)
        self.trap, self.term, self._ending, self.log_fails = None, None, False, ""
        self.world.timeline.spawn(self.life, self._run)

    # -- what happens to it

    def kill(self) -> None:
        """kill -9; whoever keeps the lease notices that the connection is gone."""
        term = self.term
        self.world.timeline.kill(self.life)
        for file in self._open:
            file.close()
        self._open.clear()
        if term is not None:
            term.hand_back()

    def terminate(self) -> None:
        """SIGTERM, and not much of a grace time."""
        self._ending = True
        if self._runs is not None:
            self._runs.close()
        self._stop.by(TerminationSignal())
        self.world.timeline.wake(self.life)

    def freeze(self, seconds: float) -> None:
        """SIGSTOP; after a minute whoever keeps the lease gives it to others."""
        timeline = self.world.timeline
        self.life.frozen_until = timeline.now + seconds
        term = self.term
        if term is not None:
            timeline.after(60.0, lambda: self._depose(term))

    def depose(self) -> None:
        """Its connection is lost while it lives: it is not told."""
        if self.term is not None:
            self._depose(self.term)

    def _depose(self, term: MemoryTerm) -> None:
        if self.world.lease._holder is term:
            self.world.lease.depose()

    def looked(self, at: datetime, schedules: tuple[Schedule, ...], *, is_whole: bool = False) -> None:
        """It has looked at schedules, and perhaps decided."""
        place, is_late = len(self.world.lease.log._entries), self.number < self.world.lease.epoch
        self.world.truth.evaluations.append(Evaluation(self.name, at, schedules, place, is_late, is_whole))

    def reach(self, point: str) -> None:
        """It is about to have an effect, or has had it: the moment to die, or to be stopped."""
        if self.life.is_over:
            raise Killed
        trap = self.trap
        if trap is None or trap.point != point:
            return
        self.trap = None
        if trap.stops_for is None:
            self.life.is_over = True
            self.world.truth.faults[f"killed-{point.replace(' ', '-')}"] += 1
            # Its other threads, and its connection to whoever keeps the lease.
            self.world.timeline.after(0.0, self.kill)
            raise Killed
        self.world.truth.faults[f"stopped-{point.replace(' ', '-')}"] += 1
        self.freeze(trap.stops_for)
        self.clock.sleep(trap.stops_for)

    # -- what it does

    def _run(self) -> None:
        """As `daemon_of` and `Tenure` do it, but with all waiting on the timeline."""
        tell, source = Teller(self.lines.append, self.clock), ScheduleSource(self.file)
        while not self._ending:
            try:
                schedules = source.read()
            except OffloadctlError as error:
                # The process ends, and whoever supervises it starts it again.
                tell("not-started", error=error.message)
                self.clock.sleep(_LOOKS_AGAIN_S)
                continue
            self._serve(source, schedules, tell)

    def _serve(self, source: ScheduleSource, schedules: tuple[Schedule, ...], tell: Teller) -> None:
        board, runs, ports = _Board(self.clock.now(), self), _Runs(tell, self), self._ports()
        self.boards, self._runs = [*self.boards[-3:], board], runs
        collector = _Looked(BulkCollector(ports.admin, self._numbers(), self.clock), self)
        checks = self._open_checks()

        def act(stop: Stop) -> Watched:
            actions = ScheduleActions(
                ports,
                recorded=self._recorded,
                check_objects=ObjectsInStores(ports.stores),
                findings=cast("FindingStore", Mortal(SqliteFindings(checks), self)),
                memory=self._memory(checks),
                stop=stop,
            )
            return Watched(_Begun(actions, self), board, tell)

        board.in_force(tuple(one.name for one in schedules))
        terms = self.terms = Terms(schedules, source, collector, act, runs, board, self.clock, tell, EVERY)
        lease = MemoryLease(self.world.lease, self.name)
        while not self._ending:
            board.standing_by()
            self.term = lease.wait(0)
            if self.term is None:
                self.clock.sleep(_WAITS_FOR_THE_LEASE_S)
                continue
            self._lead(self.term, terms, board)

    def _lead(self, term: MemoryTerm, terms: Terms, board: Board) -> None:
        """As long as it has the lease; what it has begun ends before it asks for the lease again."""
        self._stop = stop = Stop()
        self.number = term.number
        board.leading()
        shown = _Term(cast("Any", Mortal(FailingLog(term, self), self)), term)
        loop = terms(cast("Term", shown), stop)
        while not self._ending and not term.lost:
            loop.step()
            due = loop._due
            left = (due - self.clock.now()).total_seconds() if due is not None else _LOOKS_AGAIN_S
            self.clock.sleep(max(2.0, left))
        stop.by(TerminationSignal())
        self.world.timeline.wake(self.life)
        while terms.runs.going_on:
            self.clock.sleep(1.0)
        term.hand_back()
        self.term = None

    def _ports(self) -> Ports:
        """Everything outside, asked by this process."""
        admin = PulsarRest(self._settings, self.clock, session=self._session())
        watched = Triggers(admin, self)
        store = Mortal(OurView(self.world.bucket, self.world.cluster.advance), self)
        return Ports(cast("BrokerAdmin", Mortal(watched, self)), self.clock, (cast("ObjectStore", store),))

    @property
    def _settings(self) -> BrokerSettings:
        urls = self.world.memory.admin_urls
        return BrokerSettings(urls, TokenAuth(Secret(TOKEN)), rates=RateLimits(light=1e6, loading=1e6))

    def _session(self) -> Any:
        return self.world.memory._session(self._settings)

    def _numbers(self) -> Any:
        return Mortal(PulsarNumbers(self._settings, self.clock, session=self._session()), self)

    def _open_checks(self) -> SqliteFile:
        file = SqliteFile(self.directory / CHECKS_FILE, CHECKS, what=WHAT)
        self._open.append(file)
        return file

    def _memory(self, file: SqliteFile) -> Memory:
        checks = cast("Any", Mortal(SqliteChecks(file), self))
        return Memory(checks, checks, context=CLUSTER)

    @contextmanager
    def _recorded(self, work: OffloadTopics) -> Iterator[OffloadTopics]:
        """As `wiring.recorded`."""
        actor = Actor("soak", self.name, self.starts)
        start = RunStart(self.name, CLUSTER, actor, "serve", work.offload.wish, work.reason, work.plan_hash)
        journal = SqliteJournal(self.directory, self.clock)
        try:
            with recording(cast("Journal", Mortal(journal, self)), start) as record:
                yield replace(work, record=record)
        finally:
            journal.close()

    # -- what it has told

    @property
    def told(self) -> Iterator[bytes]:
        """Everything that it has printed, served or kept."""
        yield "\n".join(self.lines).encode()
        for board in self.boards:
            yield Metrics(board.facts).page()
            yield repr(board.facts()).encode()
        for path in sorted(self.directory.rglob("*")):
            if path.is_file():
                yield path.read_bytes()

    def events(self, name: str) -> list[dict[str, Any]]:
        """Its log lines of one kind."""
        return [one for one in map(json.loads, self.lines) if one["event"] == name]


class _Runs(Runs):
    """On the timeline instead of on threads of the machine."""

    def __init__(self, tell: Teller, process: Process) -> None:
        super().__init__(tell)
        self._process = process
        self._number = 0

    def start(self, work: Callable[[], None]) -> None:
        if self._closed:
            return
        self._number += 1

        def run() -> None:
            try:
                self._run(work)
            finally:
                self._number -= 1

        self._process.world.timeline.spawn(self._process.life, run)

    @property
    def going_on(self) -> int:
        return self._number


@dataclass(frozen=True, slots=True)
class _Term:
    """A term, whose log goes through the process' ports."""

    log: Any
    term: MemoryTerm

    @property
    def lost(self) -> str:
        return self.term.lost


class _Board(Board):
    """Remembers each evaluation that came to its end."""

    def __init__(self, started_at: datetime, process: Process) -> None:
        super().__init__(started_at)
        self._process = process

    def evaluated(self, tick: Tick, seconds: float, beside: Any) -> None:
        super().evaluated(tick, seconds, beside)
        scheduler = self._process.terms._scheduler if self._process.terms is not None else None
        if scheduler is not None:
            self._process.looked(tick.at, scheduler.schedules, is_whole=True)


@dataclass
class _Looked:
    """The numbers; that somebody has asked for them is remembered."""

    collector: BulkCollector
    process: Process

    def collect(self, schedules: Any, now: datetime) -> Collected:
        self.process.looked(now, tuple(schedules))
        return self.collector.collect(schedules, now)


@dataclass
class _Begun:
    """Acts; that somebody did is remembered."""

    act: ScheduleActions
    process: Process

    def __call__(self, schedule: Schedule, intent: Intent) -> RunResult:
        self.process.reach("before act")
        self.process.world.truth.begun.append((self.process.name, self.process.number, intent))
        return self.act(schedule, intent)
