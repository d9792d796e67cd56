"""Doing several things at once so that an interruption ends them in order, with what is finished kept."""

import math
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
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

PATIENCE_S: Final = 1.0
"""So long is a request waited for that changes nothing, once somebody else has stopped the work."""

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
        """INTERRUPTED or TERMINATED, if the work was stopped."""
        return _code_told_by(self.stop) if self.stop.is_set() else None

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
    items: Sequence[T],
    work: Callable[[T], R],
    *,
    at_once: int,
    stop: threading.Event,
    done: Callable[[R], None],
    patience: float | None = None,
) -> Finished[R]:
    """Call `work` for each item, up to `at_once` at a time; `done` is called here, with each result as it comes.

    KeyboardInterrupt sets `stop`, lets the workers end what they can in a few seconds, and is told in the result; so is
    a `stop` that somebody else sets, after which workers are waited for to their end, or with `patience` so long at
    most: for work that changes nothing. An exception of `work` is raised here, after `stop` is set.
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
        code = collection.take_all(len(items), patience)
    except KeyboardInterrupt as signal:
        _stop(stop, signal)
        code = code_of(signal)
        collection.take_rest()
    return Finished(collection.results, frozenset(begun), code)


def one_answer(ask: Callable[[], R], stop: threading.Event) -> R:
    """What `ask` gives or raises, on a thread of its own: once `stop` is set, whoever does not answer is left alone.

    Raises Interrupted or Terminated then; only for what changes nothing.
    """

    def attempt(_number: int) -> R | Exception:
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 - raised again where it can be told, and ends nothing else
            return error

    finished = work_through((0,), attempt, at_once=1, stop=stop, done=lambda _answer: None, patience=PATIENCE_S)
    if 0 not in finished.results:
        raise (Terminated if finished.code is ExitCode.TERMINATED else Interrupted)("interrupted")
    answer = finished.results[0]
    if isinstance(answer, Exception):
        raise answer
    return answer


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

    def take_all(self, total: int, patience: float | None) -> ExitCode | None:
        """Until each has answered; or, where somebody else has stopped them, until none is left who could or should."""
        left = math.inf if patience is None else patience
        for one in self.workers:
            one.start()
        while self.answered < total:
            # Whoever has ended has answered before: so answers are looked for last.
            if self.stop.is_set() and (left <= 0 or not self._is_anybody_there) and self.answers.empty():
                return _code_told_by(self.stop)
            try:
                self._take(_SLICE_S)
            except queue.Empty:
                left -= _SLICE_S if self.stop.is_set() else 0.0
        return None

    @property
    def _is_anybody_there(self) -> bool:
        return any(one.is_alive() for one in self.workers)

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
