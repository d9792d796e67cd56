"""The process: what signals do, and that it ends in order whatever ends it."""

import json
import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from offloadctl.adapters.decision_logs import MemoryDecisionLog
from offloadctl.adapters.system import SystemClock
from offloadctl.errors import Interrupted, Terminated
from offloadctl.exitcodes import ExitCode
from offloadctl.model.decision import EntryKind, Intent, RunResult
from offloadctl.model.schedule import Schedule
from offloadctl.operations.schedule import Scheduler
from offloadctl.operations.workers import Stop
from offloadctl.ports.schedule import Collected
from offloadctl.service.board import Board
from offloadctl.service.daemon import Daemon
from offloadctl.service.loop import Loop
from offloadctl.service.runs import Runs, Watched
from offloadctl.service.schedule_source import ScheduleSource
from offloadctl.service.telling import Teller
from tests.schedules import FULL_DISK, TOPICS, disks, snapshot


@dataclass
class Process:
    """A daemon of this very process; its runs last until they are stopped, or a test says that they may end."""

    directory: Path
    grace: timedelta = timedelta(hours=1)
    lines: list[dict[str, Any]] = field(default_factory=list)
    on_event: dict[str, Any] = field(default_factory=dict)
    """What to do once that was told."""
    bug: Exception | None = None
    looks_long: bool = False

    def __post_init__(self) -> None:
        file = self.directory / "schedules.yaml"
        file.write_text(FULL_DISK.format(name="disks"))
        clock = SystemClock()
        tell = Teller(self.write, clock)
        self.log = MemoryDecisionLog()
        self.board, runs = Board(clock.now()), Runs(tell)
        self.stop_looking, self.stop_acting, self.may_end = Stop(), Stop(), threading.Event()
        source = ScheduleSource(file)
        act = Watched(self.act, self.board, tell)
        scheduler = Scheduler(source.read(), self.log, self, act, clock, start=runs.start)
        loop = Loop(scheduler, source, runs, self.board, clock, tell, timedelta(minutes=5))
        self.daemon = Daemon(loop, runs, self.board, clock, tell, self.grace, self.stop_looking, self.stop_acting)

    def write(self, line: str) -> None:
        told = json.loads(line)
        self.lines.append(told)
        if (then := self.on_event.pop(told["event"], None)) is not None:
            then()

    def collect(self, schedules: Sequence[Schedule], now: datetime) -> Collected:
        if self.bug is not None:
            raise self.bug
        if self.looks_long:
            os.kill(os.getpid(), signal.SIGTERM)
            self.stop_looking.wait(60)
            raise Interrupted("interrupted")
        return Collected(snapshot(now, instances=disks(0.9)), {one.name: TOPICS for one in schedules})

    def act(self, schedule: Schedule, intent: Intent) -> RunResult:
        while not self.may_end.wait(0.01):
            if self.stop_acting.is_set():
                raise Terminated("stopped")
        return RunResult(intent.run_id, schedule.name, intent.at, intent.at, ExitCode.OK)

    def events(self) -> list[str]:
        return [one["event"] for one in self.lines]

    def kinds(self) -> list[EntryKind]:
        return [one.kind for one in reversed(self.log.entries())]


def sends(number: int) -> Any:
    return lambda: os.kill(os.getpid(), number)


def test_within_the_grace_time_a_run_may_end(tmp_path: Path) -> None:
    process = Process(tmp_path)
    process.on_event = {"run-begun": sends(signal.SIGTERM), "ending": process.may_end.set}

    process.daemon.run()

    assert process.kinds() == [EntryKind.INTENT, EntryKind.RESULT]
    assert process.events()[-1] == "ended"
    assert process.board.facts().ending


def test_after_the_grace_time_it_is_handed_over(tmp_path: Path) -> None:
    process = Process(tmp_path, timedelta(seconds=0.1))
    process.on_event = {"run-begun": sends(signal.SIGTERM)}

    process.daemon.run()

    assert process.kinds() == [EntryKind.INTENT, EntryKind.HANDED_OVER]
    # Between them may stand what was decided: the run begins before that is told.
    assert [event for event in process.events() if event != "decided"][-2:] == ["run-handed-over", "ended"]


def test_whoever_cannot_wait_asks_twice(tmp_path: Path) -> None:
    process = Process(tmp_path)
    process.on_event = {"run-begun": sends(signal.SIGINT), "ending": sends(signal.SIGINT)}

    process.daemon.run()

    assert process.kinds() == [EntryKind.INTENT, EntryKind.HANDED_OVER]
    # Between them may stand what was decided: the run begins before that is told.
    assert [event for event in process.events() if event != "decided"][-2:] == ["run-handed-over", "ended"]


def test_sighup_reads_the_file_again_and_the_run_goes_on(tmp_path: Path) -> None:
    process = Process(tmp_path)
    process.on_event = {
        "run-begun": sends(signal.SIGHUP),
        "reloaded": sends(signal.SIGTERM),
        "ending": process.may_end.set,
    }

    process.daemon.run()

    # Before the result or behind it stands, perhaps, that it is held: there is, or was, a run.
    assert [kind for kind in process.kinds() if kind is not EntryKind.DECIDED] == [EntryKind.INTENT, EntryKind.RESULT]


def test_an_evaluation_that_waits_for_a_cluster_is_interrupted(tmp_path: Path) -> None:
    process = Process(tmp_path, looks_long=True)

    process.daemon.run()

    assert process.events() == ["ending", "ended"]


def test_a_bug_in_the_loop_ends_the_process_and_is_told(tmp_path: Path) -> None:
    process = Process(tmp_path, bug=ZeroDivisionError("a bug"))
    before = signal.getsignal(signal.SIGTERM)

    with pytest.raises(ZeroDivisionError, match="a bug"):
        process.daemon.run()

    assert process.events() == ["ending", "ended"]
    assert signal.getsignal(signal.SIGTERM) is before
