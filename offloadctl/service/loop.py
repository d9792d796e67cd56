"""The loop: look whether the file has changed, evaluate when it is time, wait; until somebody says that it ends.

It runs on a thread of its own, so that signals are heard while it waits for a cluster.
"""

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from offloadctl.errors import Interrupted, LeaseLost, OffloadctlError
from offloadctl.model.decision import Decision, Verdict
from offloadctl.operations.schedule import Scheduler, Tick
from offloadctl.ports import Clock
from offloadctl.service.board import Board
from offloadctl.service.runs import Runs
from offloadctl.service.schedule_source import ScheduleSource
from offloadctl.service.surveying import Beside
from offloadctl.service.telling import LogLevel, Teller

LOOK_S: Final = 2.0
"""So often it is looked whether the file has changed, and whether the clock has."""
GONE_S: Final = 60.0
"""A file that is gone for so long is not being put in its place by another one."""
RETRY: Final = timedelta(seconds=30)
"""After an evaluation that failed."""

_TOLD: Final = 300
"""So many characters of a decision's reasons stand in the log; the page has all of them."""


def nothing_beside(_tick: Tick) -> Beside:
    """Nobody tells more than schedules ask for."""
    return Beside()


def nothing_lost() -> str:
    """Nobody else could have the lease."""
    return ""


@dataclass(slots=True)
class Loop:
    """Evaluates the schedules again and again."""

    scheduler: Scheduler
    source: ScheduleSource
    runs: Runs
    board: Board
    clock: Clock
    tell: Teller
    every: timedelta
    beside: Callable[[Tick], Beside] = nothing_beside
    """What pages tell beside the numbers of schedules."""
    lost: Callable[[], str] = nothing_lost
    """Why the lease is not ours any more; empty while it is."""
    _wakes: "queue.SimpleQueue[None]" = field(default_factory=queue.SimpleQueue)
    _ended: threading.Event = field(default_factory=threading.Event)
    _reload: threading.Event = field(default_factory=threading.Event)
    _due: datetime | None = None
    _gone_since: float | None = None
    _told: dict[str, str] = field(default_factory=dict)
    """The last decision that was told of each schedule."""

    def run(self) -> None:
        """Until `end`, or until the lease is lost; raises what is a bug."""
        while not self._ended.is_set() and not self.lost():
            try:
                seconds = self.step()
            except Interrupted:
                # Only whoever ends us interrupts.
                return
            with suppress(queue.Empty):
                self._wakes.get(timeout=seconds)

    def end(self) -> None:
        """Evaluate no more; what is being evaluated ends by itself."""
        self._ended.set()
        self._wakes.put(None)

    def reload(self) -> None:
        """Read the file again, soon."""
        self._reload.set()
        self._wakes.put(None)

    def step(self) -> float:
        """Do what is to be done now, and tell how many seconds to wait before the next look."""
        if self._reload.is_set() or self.source.has_changed() or self._stays_away():
            self._reload.clear()
            self._read_again()
        now = self.clock.now()
        # Later than one interval ahead: the clock was put back.
        if self._due is None or now >= self._due or self._due - now > self.every:
            self._evaluate()
            now = self.clock.now()
        left = (self._due - now).total_seconds() if self._due is not None else 0.0
        return min(max(left, 0.0), LOOK_S)

    def _stays_away(self) -> bool:
        """Whether it is time to say that the file is gone: to read it in vain does so, and that once."""
        if not self.source.is_gone:
            self._gone_since = None
            return False
        now = self.clock.monotonic()
        if self._gone_since is None:
            self._gone_since = now
        return now - self._gone_since >= GONE_S

    def _read_again(self) -> None:
        """Go on with the file as it is now, or, where it cannot be used, with what there was."""
        kept = tuple(one.name for one in self.scheduler.schedules)
        try:
            schedules = self.source.read()
        except OffloadctlError as error:
            self.board.in_force(kept, problem=error.message)
            self.tell("reload-failed", level=LogLevel.ERROR, error=error.message, hint=error.hint, kept=len(kept))
            return
        self.scheduler.reload(schedules)
        names = tuple(one.name for one in schedules)
        self.board.in_force(names)
        self._told = {name: told for name, told in self._told.items() if name in names}
        self._due = None
        self.tell("reloaded", schedules=len(names), names=" ".join(names))

    def _evaluate(self) -> None:
        begun = self.clock.monotonic()
        try:
            if self.runs.take_failed():
                self.scheduler.recover()
            tick = self.scheduler.tick()
            self._due = self.scheduler.next_time(every=self.every)
        except Interrupted:
            raise
        except LeaseLost:
            # Whoever runs this loop tells it.
            self._due = self.clock.now() + min(RETRY, self.every)
            return
        except OffloadctlError as error:
            self._due = self.clock.now() + min(RETRY, self.every)
            self.board.not_evaluated(error.message)
            self.tell("evaluation-failed", level=LogLevel.ERROR, error=error.message, hint=error.hint)
            return
        seconds = self.clock.monotonic() - begun
        self.board.evaluated(tick, seconds, self.beside(tick))
        self._tell(tick)

    def _tell(self, tick: Tick) -> None:
        """What differs from the last time; that there is nothing new is told by metrics only."""
        for decision in tick.decisions:
            if decision.verdict is Verdict.FIRED or self._told.get(decision.schedule) != decision.gist:
                self._told[decision.schedule] = decision.gist
                self._tell_decision(decision)
        for name, why in tick.not_evaluated:
            if self._told.get(name) != why:
                self._told[name] = why
                self.tell("not-evaluated", level=LogLevel.WARNING, schedule=name, error=why)

    def _tell_decision(self, decision: Decision) -> None:
        why = "; ".join(one.text for one in decision.reasons)
        level = LogLevel.WARNING if decision.verdict is Verdict.UNKNOWN else LogLevel.INFO
        self.tell("decided", level=level, schedule=decision.schedule, decision=decision.verdict.value, why=why[:_TOLD])
