"""What works in a term: a scheduler that knows the log as it is at the beginning, and a loop around it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from offloadctl.model.schedule import Schedule
from offloadctl.operations.schedule import Act, Scheduler, Tick
from offloadctl.operations.workers import Stop
from offloadctl.ports import Clock
from offloadctl.ports.lease import Term
from offloadctl.ports.schedule import Collector
from offloadctl.service.board import Board
from offloadctl.service.loop import Loop, nothing_beside
from offloadctl.service.past import remember_successes
from offloadctl.service.runs import Runs
from offloadctl.service.schedule_source import ScheduleSource
from offloadctl.service.surveying import Beside
from offloadctl.service.telling import Teller


@dataclass(slots=True)
class Terms:
    """Makes the loop of each term; what was learnt of numbers, and the file of schedules, outlive it."""

    schedules: tuple[Schedule, ...]
    """In force: those of the file as it was read last without a mistake."""
    source: ScheduleSource
    collector: Collector
    act: Callable[[Stop], Act]
    """Does what schedules are for, until it is stopped."""
    runs: Runs
    board: Board
    clock: Clock
    tell: Teller
    every: timedelta
    beside: Callable[[Tick], Beside] = nothing_beside
    _scheduler: Scheduler | None = None

    def __call__(self, term: Term, acting: Stop) -> Loop:
        """The loop of this term; the file is read again if it is another one than before."""
        if self._scheduler is not None:
            self.schedules = self._scheduler.schedules
        act = self.act(acting)
        self._scheduler = Scheduler(self.schedules, term.log, self.collector, act, self.clock, start=self.runs.start)
        self.board.in_force(tuple(one.name for one in self.schedules))
        remember_successes(term.log, self.board)
        loop = Loop(
            self._scheduler,
            self.source,
            self.runs,
            self.board,
            self.clock,
            self.tell,
            self.every,
            self.beside,
            lambda: term.lost,
        )
        if self.source.is_another():
            loop.reload()
        return loop
