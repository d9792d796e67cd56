"""The loop: when it evaluates, what a changed file does, what it tells, and how it goes on after failures."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from offloadctl.adapters.decision_logs import MemoryDecisionLog
from offloadctl.adapters.memory import ManualClock
from offloadctl.errors import BrokerUnreachable, Interrupted, ReadOnlyContext, StateUnwritable, Terminated
from offloadctl.exitcodes import ExitCode
from offloadctl.model.decision import EntryKind, LogEntry
from offloadctl.model.schedule import Schedule
from offloadctl.operations.schedule import Scheduler
from offloadctl.service.board import Board
from offloadctl.service.loop import GONE_S, LOOK_S, Loop
from offloadctl.service.past import remember_successes
from offloadctl.service.runs import Runs, Watched
from offloadctl.service.schedule_source import ScheduleSource
from offloadctl.service.telling import Teller
from tests.schedules import FULL_DISK, START, Acts, Told, disks, snapshot

MINUTE = timedelta(minutes=1)


@dataclass
class Service:
    """A loop on a virtual clock, whose runs end before `step` does."""

    path: Path
    log: MemoryDecisionLog = field(default_factory=MemoryDecisionLog)
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    told: Told = field(default_factory=Told)
    lines: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.write(FULL_DISK.format(name="disks"))
        self.acts = Acts(self.clock)
        self.tell = Teller(lambda line: self.lines.append(json.loads(line)), self.clock)
        self.board = Board(self.clock.now())
        self.runs = Runs(self.tell)
        self.source = ScheduleSource(self.path)
        self.restart()

    def restart(self) -> None:
        """As the next process begins."""
        schedules = self.source.read()
        act = Watched(self.acts, self.board, self.tell)
        self.scheduler = Scheduler(schedules, self.log, self.told, act, self.clock, start=self.at_once)
        self.board.in_force(tuple(one.name for one in schedules))
        self.loop = Loop(
            self.scheduler, self.source, self.runs, self.board, self.clock, self.tell, timedelta(minutes=5)
        )

    def at_once(self, work: Any) -> None:
        self.runs._run(work)

    def write(self, text: str) -> None:
        """Another file under the same name, as editors and Kubernetes leave it."""
        new = self.path.with_suffix(".new")
        new.write_text(text)
        new.replace(self.path)

    def fill_disk(self, share: float | None) -> None:
        numbers = {} if share is None else disks(share)
        self.told.tell = lambda at: snapshot(at, instances=numbers)

    def events(self, *names: str) -> list[dict[str, Any]]:
        return [one for one in self.lines if one["event"] in names]


def test_it_evaluates_at_once_and_then_once_an_interval(tmp_path: Path) -> None:
    service = Service(tmp_path / "schedules.yaml")
    evaluated: list[datetime] = []

    for _ in range(301):
        asked = service.told.asked
        waits = service.loop.step()
        if service.told.asked != asked:
            evaluated.append(service.clock.now())
        assert 0 < waits <= LOOK_S
        service.clock.advance(timedelta(seconds=2))

    assert evaluated == [START, START + 5 * MINUTE, START + 10 * MINUTE]


def test_a_clock_that_was_put_back_does_not_stop_it(tmp_path: Path) -> None:
    service = Service(tmp_path / "schedules.yaml")
    service.loop.step()

    service.clock._start -= timedelta(days=2)
    service.loop.step()

    assert service.told.asked == 2


def test_a_run_is_told_with_the_id_that_the_log_has(tmp_path: Path) -> None:
    service = Service(tmp_path / "schedules.yaml")
    service.fill_disk(0.9)

    service.loop.step()

    (intent,) = service.acts.done
    begun, ended = service.events("run-begun", "run-ended")
    assert {begun["run"], ended["run"]} == {intent.run_id}
    assert {one.run_id for one in service.log.entries()} == {intent.run_id}
    facts = service.board.facts()
    assert facts.outcomes == {("disks", ExitCode.OK): 1}
    assert facts.last_success == {"disks": START}
    assert facts.in_flight == ()


def test_the_same_decision_is_told_once(tmp_path: Path) -> None:
    service = Service(tmp_path / "schedules.yaml")
    service.fill_disk(None)

    for share in (None, None, 0.5, 0.6):
        service.fill_disk(share)
        service.loop.step()
        service.clock.advance(5 * MINUTE)

    assert [one["decision"] for one in service.events("decided")] == ["unknown", "quiet"]


def test_a_changed_file_counts_once_it_has_come_to_rest(tmp_path: Path) -> None:
    service = Service(tmp_path / "schedules.yaml")
    service.loop.step()

    service.write(FULL_DISK.format(name="others"))
    service.loop.step()
    before = service.board.facts().schedules
    service.loop.step()

    assert (before, service.board.facts().schedules) == (("disks",), ("others",))
    assert [one["names"] for one in service.events("reloaded")] == ["others"]
    assert {one.schedule for one in service.board.facts().decisions} == {"others"}


def test_a_file_that_cannot_be_used_changes_nothing_and_is_told_once(tmp_path: Path) -> None:
    service = Service(tmp_path / "schedules.yaml")
    service.loop.step()

    service.write("kind: Schedule\nname: broken\n")
    for _ in range(4):
        service.loop.step()
    (failed,) = service.events("reload-failed")
    problem = service.board.facts().reload_problem
    service.fill_disk(0.9)
    service.clock.advance(5 * MINUTE)
    service.loop.step()

    assert failed["kept"] == 1
    assert "schedules.yaml, line 1" in failed["error"]
    assert problem == failed["error"]
    assert [intent.schedule for intent in service.acts.done] == ["disks"]

    service.write(FULL_DISK.format(name="mended"))
    service.loop.step()
    service.loop.step()

    assert service.board.facts().reload_problem == ""
    assert service.board.facts().schedules == ("mended",)


def test_a_file_that_is_away_for_a_moment_changes_nothing(tmp_path: Path) -> None:
    service = Service(tmp_path / "schedules.yaml")
    service.loop.step()

    service.path.unlink()
    service.loop.step()
    service.loop.step()

    assert service.events("reloaded", "reload-failed") == []
    assert service.board.facts().schedules == ("disks",)


def test_a_file_that_stays_away_is_told_once_and_all_is_well_when_it_is_there_again(tmp_path: Path) -> None:
    service = Service(tmp_path / "schedules.yaml")
    service.loop.step()

    away = service.path.rename(tmp_path / "elsewhere")
    told = []
    for seconds in (0, GONE_S - 1, 1, GONE_S, GONE_S):
        service.clock.advance(timedelta(seconds=seconds))
        service.loop.step()
        told.append(len(service.events("reload-failed")))
    problem = service.board.facts().reload_problem
    service.fill_disk(0.9)
    service.clock.advance(5 * MINUTE)
    service.loop.step()

    assert told == [0, 0, 1, 1, 1]
    assert "No such file" in problem
    assert service.source.is_another(), "whoever acts next reads it, and tells it, too"
    assert [intent.schedule for intent in service.acts.done] == ["disks"]

    away.rename(service.path)
    service.loop.step()
    service.loop.step()

    assert len(service.events("reloaded")) == 1
    assert service.board.facts().reload_problem == ""
    assert service.board.facts().schedules == ("disks",)


def test_a_file_that_is_away_now_and_then_does_not_stay_away(tmp_path: Path) -> None:
    service = Service(tmp_path / "schedules.yaml")
    service.loop.step()

    for _ in range(3):
        away = service.path.rename(tmp_path / "elsewhere")
        service.loop.step()
        service.clock.advance(timedelta(seconds=GONE_S - 1))
        service.loop.step()
        away.rename(service.path)
        service.loop.step()

    assert service.events("reload-failed") == []


def test_sighup_reads_a_file_that_is_the_same(tmp_path: Path) -> None:
    service = Service(tmp_path / "schedules.yaml")
    service.loop.step()

    service.loop.reload()
    service.loop.step()

    assert len(service.events("reloaded")) == 1
    assert service.told.asked == 2


def test_schedules_that_must_not_run_here_are_refused_at_a_reload_too(tmp_path: Path) -> None:
    service = Service(tmp_path / "schedules.yaml")

    def refuse(schedules: tuple[Schedule, ...]) -> None:
        raise ReadOnlyContext("the context is read-only")

    service.source.require = refuse
    service.loop.reload()
    service.loop.step()

    assert [one["error"] for one in service.events("reload-failed")] == ["the context is read-only"]
    assert service.board.facts().schedules == ("disks",)


class FullDisk(MemoryDecisionLog):
    """Takes no entries while there is no room."""

    has_room = False

    def append(self, entry: LogEntry) -> None:
        if not self.has_room:
            raise StateUnwritable("no room")
        super().append(entry)


def test_nothing_is_begun_that_cannot_be_written_down_and_it_tries_again_soon(tmp_path: Path) -> None:
    log = FullDisk()
    service = Service(tmp_path / "schedules.yaml", log)
    service.fill_disk(0.9)

    service.loop.step()
    begun = list(service.acts.done)
    problem = service.board.facts().problem
    log.has_room = True
    service.clock.advance(timedelta(seconds=30))
    service.loop.step()

    assert (begun, problem) == ([], "no room")
    assert len(service.acts.done) == 1
    assert service.board.facts().problem == ""
    assert service.board.facts().failed_evaluations == 1


def test_a_run_that_a_bug_ended_is_begun_again_under_its_id_until_it_is_given_up(tmp_path: Path) -> None:
    service = Service(tmp_path / "schedules.yaml")
    service.fill_disk(0.9)
    service.acts.error = ZeroDivisionError("a bug")

    for _ in range(6):
        service.loop.step()
        service.clock.advance(5 * MINUTE)

    assert [intent.attempt for intent in service.acts.done] == [1, 2, 3]
    assert len({intent.run_id for intent in service.acts.done}) == 1
    assert len(service.events("run-failed")) == 3
    assert [one.kind for one in service.log.entries()].count(EntryKind.RESULT) == 1


def test_a_run_that_fails_has_its_outcome_and_no_success(tmp_path: Path) -> None:
    service = Service(tmp_path / "schedules.yaml")
    service.fill_disk(0.9)
    service.acts.error = BrokerUnreachable("nobody there")

    service.loop.step()

    facts = service.board.facts()
    assert facts.outcomes == {("disks", ExitCode.FAILED): 1}
    assert facts.last_success == {}
    assert [(one["level"], one["summary"]) for one in service.events("run-ended")] == [("error", "nobody there")]


@pytest.mark.parametrize("how", [{"error": Terminated("stopped")}, {"exit_code": ExitCode.TERMINATED}])
def test_a_run_that_is_handed_over_goes_on_in_the_next_process(tmp_path: Path, how: dict[str, Any]) -> None:
    service = Service(tmp_path / "schedules.yaml")
    service.fill_disk(0.9)
    for name, value in how.items():
        setattr(service.acts, name, value)
    service.loop.step()

    service.acts.error, service.acts.exit_code = None, ExitCode.OK
    service.restart()
    service.loop.step()

    assert [intent.attempt for intent in service.acts.done] == [1, 2]
    assert service.board.facts().outcomes == {("disks", ExitCode.OK): 1}
    assert len(service.events("run-handed-over")) == 1


def test_the_last_success_is_known_after_a_restart_however_many_failures_came_since(tmp_path: Path) -> None:
    service = Service(tmp_path / "schedules.yaml")
    service.fill_disk(0.9)
    service.loop.step()
    service.acts.error = BrokerUnreachable("nobody there")
    for _ in range(3):
        service.clock.advance(timedelta(hours=2))
        service.loop.step()
    assert len(service.acts.done) == 4

    board = Board(service.clock.now())
    board.in_force(("disks", "never"))
    remember_successes(service.log, board)

    assert board.facts().last_success == {"disks": START}


def test_once_closed_nothing_is_begun_and_the_intent_is_handed_over_to_whoever_comes_next(tmp_path: Path) -> None:
    service = Service(tmp_path / "schedules.yaml")
    service.fill_disk(0.9)
    service.scheduler.start = service.runs.start

    service.runs.close()
    with pytest.raises(Interrupted):
        service.loop.step()
    service.restart()
    service.loop.step()

    assert [(intent.attempt, intent.handed_over) for intent in service.acts.done] == [(2, 1)]


def test_lines_for_people_hold_the_same() -> None:
    lines: list[str] = []
    tell = Teller(lines.append, ManualClock(START), as_json=False)

    tell("run-ended", run="disks-1", summary="3 moved", exit_code=0, error="", left=None)

    assert lines == ['00:00:00 run-ended run=disks-1 summary="3 moved" exit_code=0']
