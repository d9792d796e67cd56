"""The process: signals on the main thread, the loop on its own, and an end in order.

    SIGTERM, SIGINT   nothing new begins; runs may end within the grace time, then they are handed over
    the same again    they are handed over now
    SIGHUP            the file of schedules is read again

A run that is handed over has its intent in the decision log and no result: whoever comes next goes on with it. So it is
after kill -9, too.
"""

import contextvars
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from types import FrameType
from typing import Final, Protocol

from offloadctl.errors import TerminationSignal
from offloadctl.ports import Clock
from offloadctl.service.board import Board
from offloadctl.service.runs import Runs
from offloadctl.service.telling import LogLevel, Teller

HAND_OVER_S: Final = 10.0
"""So long may a run take to notice that it is handed over; after that the process ends under it."""
_SLICE_S: Final = 0.2
_AWAKE_S: Final = 1.0


class Work(Protocol):
    """What the process is for: a loop, or the terms of one."""

    def run(self) -> None:
        """Until `end`; raises what is a bug."""
        ...

    def reload(self) -> None:
        """Read the file of schedules again."""
        ...

    def end(self) -> None:
        """Begin nothing more."""
        ...


class Stoppable(Protocol):
    """Something that goes on."""

    def by(self, signal: BaseException, /) -> None:
        """That signal ends it."""
        ...


def nothing_to_let_go() -> None:
    """Nothing is held that another one waits for."""


@dataclass(slots=True)
class Daemon:
    """Runs the loop until a signal comes."""

    loop: Work
    runs: Runs
    board: Board
    clock: Clock
    tell: Teller
    grace: timedelta
    stop_looking: Stoppable
    """Ends an evaluation that is on its way."""
    stop_acting: Stoppable
    """Ends runs."""
    let_go: Callable[[], None] = nothing_to_let_go
    """Hands the lease back, once nothing goes on any more."""
    _heard: "queue.SimpleQueue[int]" = field(default_factory=queue.SimpleQueue)
    """Signals; 0: the loop has ended. A SimpleQueue may be filled by a handler whatever it interrupts."""
    _failure: list[BaseException] = field(default_factory=list)

    def run(self) -> None:
        """Until a signal ends it; raises what has ended the loop if that was a bug."""
        context = contextvars.copy_context()
        looping = threading.Thread(target=context.run, args=(self._loop,), name="schedules", daemon=True)
        with _heard_by(self._heard.put):
            looping.start()
            while (number := self._next()) == signal.SIGHUP:
                self.tell("signal", signal=signal.Signals(number).name)
                self.loop.reload()
            self._end(looping, number)
        if self._failure:
            raise self._failure[0]

    def _next(self) -> int:
        """What is heard next. It wakes up by itself: a signal that the kernel gave another thread wakes nobody here."""
        while True:
            with suppress(queue.Empty):
                return self._heard.get(timeout=_AWAKE_S)

    def _loop(self) -> None:
        try:
            self.loop.run()
        except BaseException as error:  # noqa: BLE001 - raised again on the main thread
            self._failure.append(error)
        self._heard.put(0)

    def _end(self, looping: threading.Thread, number: int) -> None:
        self.board.ending()
        self.runs.close()
        self.loop.end()
        self.stop_looking.by(TerminationSignal())
        why = signal.Signals(number).name if number else "the loop has failed"
        grace = self.grace.total_seconds()
        self.tell("ending", why=why, grace_seconds=grace, runs_going_on=self.runs.going_on)
        self._wait(grace, lambda: not self.runs.going_on, may_be_hurried=True)
        self.stop_acting.by(TerminationSignal())
        self._wait(HAND_OVER_S, lambda: not self.runs.going_on and not looping.is_alive())
        self.let_go()
        left = self.runs.going_on
        level = LogLevel.WARNING if left else LogLevel.INFO
        self.tell("ended", level=level, runs_cut_off=left or None)

    def _wait(self, seconds: float, is_over: Callable[[], bool], *, may_be_hurried: bool = False) -> None:
        """Until it is over, the time is, or somebody cannot wait."""
        until = self.clock.monotonic() + seconds
        while not is_over() and (left := until - self.clock.monotonic()) > 0:
            try:
                number = self._heard.get(timeout=min(left, _SLICE_S))
            except queue.Empty:
                continue
            if may_be_hurried and number in (signal.SIGTERM, signal.SIGINT):
                return


@contextmanager
def _heard_by(hear: Callable[[int], None]) -> Iterator[None]:
    """Signals go there until the end of the block."""

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's signature
        hear(number)

    before = {one: signal.signal(one, handle) for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
