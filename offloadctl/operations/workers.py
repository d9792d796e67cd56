"""Doing several things at once so that an interruption ends them in order, with what is finished kept."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Generic, TypeVar

from offloadctl.errors import Interrupted, Terminated, TerminationSignal
from offloadctl.exitcodes import ExitCode
from offloadctl.ports import Clock

T = TypeVar("T")
R = TypeVar("R")

_SLICE_S: Final = 0.2
"""So long may a sleeping worker take to notice that it must stop."""

_GRACE_S: Final = 3.0
"""So long is waited for workers after an interruption; one that waits for a broker's answer may take longer."""


class Stop(threading.Event):
    """Set once work must end; it knows which signal wanted that."""

    code: ExitCode | None = None
    """INTERRUPTED or TERMINATED; None if no signal came."""

    def by(self, signal: BaseException) -> None:
        """A signal came: the first one counts."""
        self.code = self.code or code_of(signal)
        self.set()


def code_of(signal: BaseException) -> ExitCode:
    """What a command exits with that was ended by this: TERMINATED by SIGTERM, INTERRUPTED otherwise."""
    is_termination = isinstance(signal, TerminationSignal | Terminated)
    return ExitCode.TERMINATED if is_termination else ExitCode.INTERRUPTED


@dataclass(frozen=True, slots=True)
class StoppableClock:
    """The clock behind it, whose sleepers raise Interrupted once `stop` is set."""

    clock: Clock
    stop: threading.Event = field(default_factory=Stop)

    def end_by(self, signal: BaseException) -> None:
        """A signal came: everything that looks at this clock must end."""
        _stop(self.stop, signal)

    @property
    def code(self) -> ExitCode | None:
        """INTERRUPTED or TERMINATED, if a signal has ended the work."""
        return self.stop.code if isinstance(self.stop, Stop) else None

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return self.clock.now()

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        return self.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait in slices."""
        left = seconds
        while left > 0 and not self.stop.is_set():
            self.clock.sleep(min(left, _SLICE_S))
            left -= _SLICE_S
        if self.stop.is_set():
            raise Interrupted("interrupted")


@dataclass(frozen=True, slots=True)
class Finished(Generic[R]):
    """What came of the items that were begun and ended, by their place; and whether that was cut short."""

    results: dict[int, R]
    begun: frozenset[int]
    code: ExitCode | None = None
    """INTERRUPTED or TERMINATED, by the signal that came; None if none did."""

    @property
    def interrupted(self) -> bool:
        """Whether a signal came."""
        return self.code is not None


def work_through(
    items: Sequence[T], work: Callable[[T], R], *, at_once: int, stop: threading.Event, done: Callable[[R], None]
) -> Finished[R]:
    """Call `work` for each item, up to `at_once` at a time; `done` is called here, with each result as it comes.

    KeyboardInterrupt sets `stop`, lets the workers end what they can in a few seconds, and is told in the result; so is
    a `stop` that somebody else sets. An exception of `work` is raised here, after `stop` is set.
    """
    waiting, begun = deque(enumerate(items)), set[int]()
    answers: queue.SimpleQueue[tuple[int, R | None, BaseException | None]] = queue.SimpleQueue()

    def worker() -> None:
        while not stop.is_set():
            try:
                index, item = waiting.popleft()
            except IndexError:
                return
            begun.add(index)
            try:
                answers.put((index, work(item), None))
            except BaseException as error:  # noqa: BLE001 - raised again where it can be told
                answers.put((index, None, error))

    # Daemons: whoever hangs in a socket must not keep the process.
    workers = [
        threading.Thread(target=worker, name=f"worker-{number}", daemon=True)
        for number in range(min(at_once, len(items)))
    ]
    collection = _Collection(workers, answers, begun, stop, done)
    try:
        code = collection.take_all(len(items))
    except KeyboardInterrupt as signal:
        _stop(stop, signal)
        code = code_of(signal)
        collection.take_rest()
    return Finished(collection.results, frozenset(begun), code)


@dataclass(slots=True)
class _Collection(Generic[R]):
    """The workers' answers, as they come."""

    workers: Sequence[threading.Thread]
    answers: "queue.SimpleQueue[tuple[int, R | None, BaseException | None]]"
    begun: set[int]
    stop: threading.Event
    done: Callable[[R], None]
    results: dict[int, R] = field(default_factory=dict)
    answered: int = 0

    def take_all(self, total: int) -> ExitCode | None:
        """Until each has answered; or, where somebody else has stopped them, until none is left who could."""
        for one in self.workers:
            one.start()
        while self.answered < total:
            if self.stop.is_set() and not any(one.is_alive() for one in self.workers) and self.answers.empty():
                return _code_told_by(self.stop)
            with suppress(queue.Empty):
                self._take(_SLICE_S)
        return None

    def take_rest(self) -> None:
        """What comes within a few seconds; whoever is not back by then counts as interrupted."""
        try:
            while self.answered < len(self.begun):
                self._take(_GRACE_S)
        except (queue.Empty, KeyboardInterrupt):
            while not self.answers.empty():
                index, result, _ = self.answers.get()
                if result is not None:
                    self.results[index] = result

    def _take(self, timeout: float) -> None:
        index, result, error = self.answers.get(timeout=timeout)
        self.answered += 1
        if isinstance(error, Interrupted):
            # It noticed the stop before it had a result.
            return
        if error is not None:
            self.stop.set()
            raise error
        self.results[index] = result  # type: ignore[assignment]  # there is a result where there is no error
        self.done(self.results[index])


def _code_told_by(stop: threading.Event) -> ExitCode:
    return (stop.code if isinstance(stop, Stop) else None) or ExitCode.INTERRUPTED


def _stop(stop: threading.Event, signal: BaseException) -> None:
    if isinstance(stop, Stop):
        stop.by(signal)
    else:
        stop.set()
