"""Terms: who has the lease acts, who loses it stops what it began, and stands by again; nobody acts without one."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from offloadctl.adapters.memory_lease import MemoryLease, MemoryTerm, SharedLease
from offloadctl.adapters.system import SystemClock
from offloadctl.errors import BrokerUnreachable, Terminated, TerminationSignal
from offloadctl.exitcodes import ExitCode
from offloadctl.model.decision import EntryKind, Intent, LogEntry, RunResult
from offloadctl.model.schedule import Schedule
from offloadctl.operations.schedule_codec import decode
from offloadctl.operations.workers import Stop
from offloadctl.ports.lease import Term
from offloadctl.ports.schedule import Collected
from offloadctl.service import tenure
from offloadctl.service.board import Board
from offloadctl.service.metrics import Metrics
from offloadctl.service.runs import Runs, Watched
from offloadctl.service.schedule_source import ScheduleSource
from offloadctl.service.telling import Teller
from offloadctl.service.tenure import Tenure
from offloadctl.service.terms import Terms
from offloadctl.service.web import Pages
from tests.schedules import FULL_DISK, TOPICS, disks, snapshot

EVERY = timedelta(seconds=0.05)


@dataclass
class UnsteadyLease:
    """A lease that may be out of reach."""

    lease: MemoryLease
    is_away: bool = False
    leaves_behind: int = 0
    """So many terms have a log that nobody can read."""

    location = "memory"

    def wait(self, seconds: float) -> Term | None:
        if self.is_away:
            raise BrokerUnreachable("nobody answers")
        term = self.lease.wait(min(seconds, 0.02))
        if term is not None and self.leaves_behind:
            self.leaves_behind -= 1
            return UnreadableTerm(term)
        return term


class UnreadableTerm(MemoryTerm):
    """The broker is gone right after the lease was had."""

    def __init__(self, term: MemoryTerm) -> None:
        super().__init__(term.shared, term.name, term.number)
        self.term = term

    def hand_back(self) -> None:
        self.term.hand_back()

    def entries(self, *, schedule: str | None = None, since: datetime | None = None) -> Sequence[LogEntry]:
        raise BrokerUnreachable("it is gone again")


@dataclass
class Instance:
    """A service in this very process, whose runs last until they are stopped or may end."""

    shared: SharedLease
    path: Path
    name: str
    lines: list[dict[str, Any]] = field(default_factory=list)
    acted: list[Intent] = field(default_factory=list)
    may_end: threading.Event = field(default_factory=threading.Event)
    heeds_stops: bool = True
    brokers_answer: threading.Event = field(default_factory=threading.Event)
    """If cleared, evaluations wait."""
    waits: bool = False

    def __post_init__(self) -> None:
        self.brokers_answer.set()
        clock = SystemClock()
        tell = Teller(lambda line: self.lines.append(json.loads(line)), clock)
        self.board, self.runs = Board(clock.now()), Runs(tell)
        self.lease = UnsteadyLease(MemoryLease(self.shared, self.name))
        source = ScheduleSource(self.path)
        begin = Terms(
            source.read(),
            source,
            self,
            lambda stop: Watched(self.acting_until(stop), self.board, tell),
            self.runs,
            self.board,
            clock,
            tell,
            EVERY,
        )
        self.tenure = Tenure(self.lease, begin, self.runs, self.board, tell)
        self.pages = Pages(self.board.facts, clock, timedelta(hours=1))
        self.thread = threading.Thread(target=self.tenure.run, daemon=True)
        self.thread.start()

    def acting_until(self, stop: Stop) -> Callable[[Schedule, Intent], RunResult]:
        def act(schedule: Schedule, intent: Intent) -> RunResult:
            self.acted.append(intent)
            while not self.may_end.wait(0.01):
                if stop.is_set() and self.heeds_stops:
                    raise Terminated("stopped")
            return RunResult(intent.run_id, schedule.name, intent.at, intent.at, ExitCode.OK)

        return act

    def collect(self, schedules: Sequence[Schedule], now: datetime) -> Collected:
        self.waits = not self.brokers_answer.is_set()
        self.brokers_answer.wait()
        return Collected(snapshot(now, instances=disks(0.9)), {one.name: TOPICS for one in schedules})

    def events(self) -> list[str]:
        return [one["event"] for one in list(self.lines)]

    def ready(self) -> str:
        answer = self.pages.answer("GET", "/readyz")
        return f"{answer.status.value} {answer.body.decode().strip()}"

    def leader(self) -> bool:
        (line,) = [
            one
            for one in Metrics(self.board.facts).page().decode().splitlines()
            if one.startswith("offloadctl_leader ")
        ]
        return line == "offloadctl_leader 1.0"

    def end(self) -> None:
        self.brokers_answer.set()
        self.runs.close()
        self.tenure.end()
        self.tenure.by(TerminationSignal())
        until(lambda: not self.runs.going_on and not self.thread.is_alive())
        self.tenure.let_go()


def until(is_so: Callable[[], object]) -> None:
    for _ in range(3000):
        if is_so():
            return
        time.sleep(0.01)
    pytest.fail("it does not come")


@pytest.fixture
def shared() -> SharedLease:
    return SharedLease(SystemClock())


@pytest.fixture
def start(shared: SharedLease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Instance]]:
    monkeypatch.setattr(tenure, "RETRY_S", 0.01)
    path = tmp_path / "schedules.yaml"
    path.write_text(FULL_DISK.format(name="disks"))
    begun: list[Instance] = []

    def make(name: str) -> Instance:
        begun.append(Instance(shared, path, name))
        return begun[-1]

    yield make
    for one in begun:
        one.end()


def kinds(shared: SharedLease) -> list[EntryKind]:
    return [one.kind for one in reversed(shared.log.entries())]


def test_one_acts_and_the_other_stands_by_and_is_ready(start: Callable[[str], Instance]) -> None:
    one = start("one")
    # Its run may have begun before the evaluation that asked for it has ended.
    until(lambda: one.acted and one.ready() == "200 ready")
    two = start("two")
    until(lambda: two.ready() == "200 standby")

    assert (one.ready(), one.leader(), two.leader()) == ("200 ready", True, False)
    assert two.acted == []
    assert "lease-acquired" not in two.events()


def test_who_ends_in_order_hands_the_lease_back_and_the_next_one_goes_on(
    shared: SharedLease, start: Callable[[str], Instance]
) -> None:
    one = start("one")
    until(lambda: one.acted)
    two = start("two")

    one.end()
    until(lambda: two.acted)

    assert one.events()[-1] == "lease-handed-back"
    assert [(intent.attempt, intent.run_id) for intent in two.acted] == [(2, one.acted[0].run_id)]
    assert EntryKind.HANDED_OVER in kinds(shared)


def test_who_loses_the_lease_stops_what_it_began_and_stands_by_and_the_next_one_goes_on(
    shared: SharedLease, start: Callable[[str], Instance]
) -> None:
    one = start("one")
    until(lambda: one.acted)
    two = start("two")

    shared.depose(why="the connection is gone")
    until(lambda: {"lease-lost", "run-handed-over"} <= set(one.events()))
    # Whichever of them has it now: a run that was begun is gone on with.
    until(lambda: len(one.acted) + len(two.acted) == 2)
    one.may_end.set()
    two.may_end.set()
    until(lambda: EntryKind.RESULT in kinds(shared))

    (lost,) = [line for line in one.lines if line["event"] == "lease-lost"]
    assert (lost["why"], lost["runs_going_on"]) == ("the connection is gone", 1)
    assert len({intent.run_id for intent in one.acted + two.acted}) == 1
    assert "run-failed" not in one.events() + two.events()


def test_who_loses_the_lease_while_no_broker_answers_stops_what_it_began_at_once(
    shared: SharedLease, start: Callable[[str], Instance]
) -> None:
    one = start("one")
    until(lambda: one.acted and one.ready() == "200 ready")
    one.brokers_answer.clear()
    until(lambda: one.waits)
    held = MemoryLease(shared, "another")

    shared.depose(why="the connection is gone")
    until(lambda: "run-handed-over" in one.events())

    assert "lease-lost" not in one.events(), "the evaluation still waits"
    term = held.wait(5)
    assert term is not None
    one.brokers_answer.set()
    until(lambda: "lease-lost" in one.events())
    term.hand_back()


def test_a_result_that_comes_too_late_is_nobody_s(shared: SharedLease, start: Callable[[str], Instance]) -> None:
    one = start("one")
    one.heeds_stops = False
    until(lambda: one.acted)
    term = MemoryLease(shared, "another")
    shared.depose()
    held = term.wait(5)
    assert held is not None

    one.may_end.set()
    until(lambda: "result-not-written" in one.events())

    assert EntryKind.RESULT not in kinds(shared)
    until(lambda: one.ready() == "200 standby")
    held.hand_back()


def test_whoever_has_lost_the_lease_does_not_ask_for_it_before_all_that_it_began_has_ended(
    shared: SharedLease, start: Callable[[str], Instance]
) -> None:
    one = start("one")
    one.heeds_stops = False
    until(lambda: one.acted)

    shared.depose(why="the connection is gone")
    until(lambda: "lease-lost" in one.events())
    was_free = shared.is_free
    one.may_end.set()
    until(lambda: not shared.is_free)

    assert was_free
    until(lambda: len(one.acted) == 2)
    assert one.acted[1].attempt == 2


def test_a_lease_out_of_reach_is_told_once_and_no_instance_is_ready_for_it(
    shared: SharedLease, start: Callable[[str], Instance]
) -> None:
    held = MemoryLease(shared, "another").wait(0)
    assert isinstance(held, MemoryTerm)
    one = start("one")
    one.lease.is_away = True
    until(lambda: one.ready() == "503 the lease is out of reach")
    time.sleep(0.05)

    one.lease.is_away = False
    until(lambda: "standing-by" in one.events())

    assert one.events().count("lease-out-of-reach") == 1
    until(lambda: one.ready() == "200 standby")
    held.hand_back()


def test_a_log_that_cannot_be_read_when_a_term_begins_gives_the_lease_back_and_ends_no_process(
    shared: SharedLease, start: Callable[[str], Instance]
) -> None:
    held = MemoryLease(shared, "another").wait(0)
    assert held is not None
    one = start("one")
    one.lease.leaves_behind = 2

    held.hand_back()
    until(lambda: one.acted)

    assert one.events().count("lease-out-of-reach") == 1
    assert one.events().count("lease-handed-back") == 2
    assert one.thread.is_alive()


def test_the_file_is_read_again_when_a_term_begins(shared: SharedLease, start: Callable[[str], Instance]) -> None:
    held = MemoryLease(shared, "another").wait(0)
    assert held is not None
    one = start("one")
    until(lambda: one.ready() == "200 standby")
    one.path.write_text(FULL_DISK.format(name="other-disks"))

    held.hand_back()
    until(lambda: one.acted)

    assert {intent.schedule for intent in one.acted} == {"other-disks"}
    decided = [decode(one) for one in shared.log.entries() if one.kind is EntryKind.INTENT]
    assert {one.intent.schedule for one in decided if one.intent is not None} == {"other-disks"}
