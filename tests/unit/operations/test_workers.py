"""Several things at once: results as they come, an interruption that keeps what is finished, errors that are told."""

import queue
import threading

import pytest

from offloadctl.adapters.memory import ManualClock
from offloadctl.errors import Interrupted, StoreFailed, Terminated
from offloadctl.exitcodes import ExitCode
from offloadctl.operations import workers
from offloadctl.operations.workers import Stop, StoppableClock, one_answer, work_through


def nothing(_: object) -> None:
    """Done."""


def test_every_item_is_worked_on_once_and_told_as_it_comes() -> None:
    told: list[int] = []

    finished = work_through(range(50), lambda number: number * 2, at_once=4, stop=threading.Event(), done=told.append)

    assert finished.results == {number: number * 2 for number in range(50)}
    assert sorted(told) == sorted(finished.results.values())
    assert not finished.interrupted


def test_no_more_than_allowed_run_at_once() -> None:
    running, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(3)

    def work(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        # Passes only while three are here at the same time.
        together.wait(timeout=30)
        with lock:
            running -= 1

    work_through(range(9), work, at_once=3, stop=threading.Event(), done=nothing)

    assert most == 3


def test_without_items_there_is_nothing_to_wait_for() -> None:
    assert work_through((), nothing, at_once=2, stop=threading.Event(), done=nothing).results == {}


def test_an_interruption_keeps_what_is_finished_and_begins_nothing_more() -> None:
    stop = threading.Event()

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    def work(number: int) -> int:
        if number:
            stop.wait(30)
        return number

    finished = work_through(range(10), work, at_once=2, stop=stop, done=interrupt)

    assert finished.interrupted
    assert stop.is_set()
    assert 0 in finished.results
    assert len(finished.begun) <= 3


def test_an_exception_of_the_work_is_raised_to_the_caller() -> None:
    stop = threading.Event()

    with pytest.raises(ZeroDivisionError):
        work_through((1, 0), lambda number: 1 // number, at_once=1, stop=stop, done=nothing)

    assert stop.is_set()


def test_a_stoppable_clock_sleeps_as_long_as_it_should() -> None:
    clock = StoppableClock(ManualClock())

    clock.sleep(1.1)

    assert clock.monotonic() == pytest.approx(1.1)


def test_a_stopped_clock_wakes_its_sleepers() -> None:
    stop = threading.Event()
    behind = ManualClock(on_sleep=lambda _seconds: stop.set())

    with pytest.raises(Interrupted):
        StoppableClock(behind, stop).sleep(3600)

    assert behind.monotonic() < 1


def test_even_no_sleep_at_all_notices_a_stop() -> None:
    clock = StoppableClock(ManualClock())
    clock.stop.set()

    with pytest.raises(Interrupted):
        clock.sleep(0)


def test_a_stop_that_somebody_else_sets_ends_the_work_with_what_is_finished() -> None:
    stop = Stop()

    def work(number: int) -> int:
        if number == 3:
            stop.by(Terminated("enough"))
        return number

    finished = work_through(range(10), work, at_once=1, stop=stop, done=nothing)

    assert finished.results == {0: 0, 1: 1, 2: 2, 3: 3}
    assert finished.code is ExitCode.TERMINATED


class EndsWhileItIsLookedAt(threading.Thread):
    """A worker whose answer comes, and which ends, just when somebody asks whether it is alive."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: queue.SimpleQueue[tuple[int, str | None, BaseException | None]] = queue.SimpleQueue()

    def is_alive(self) -> bool:
        if self.answers.empty():
            self.answers.put((0, "done", None))
        return False


def test_the_answer_of_whoever_ends_just_when_the_work_is_stopped_is_kept() -> None:
    worker, stop = EndsWhileItIsLookedAt(), Stop()
    stop.set()
    collection = workers._Collection([worker], worker.answers, {0}, stop, nothing)

    collection.take_all(1, None)

    assert collection.results == {0: "done"}


def test_whoever_may_be_left_is_not_waited_for_to_its_end() -> None:
    stop, never, begun = Stop(), threading.Event(), threading.Event()

    def work(number: int) -> int:
        if number:
            begun.set()
            never.wait(60)
        else:
            begun.wait(60)
            stop.by(Terminated("enough"))
        return number

    finished = work_through((0, 1), work, at_once=2, stop=stop, done=nothing, patience=0.2)

    assert (finished.results, sorted(finished.begun), finished.code) == ({0: 0}, [0, 1], ExitCode.TERMINATED)
    assert not never.is_set()
    never.set()


def test_one_answer_is_given_or_raised_and_stops_nothing_else() -> None:
    stop = Stop()

    def fail() -> int:
        raise StoreFailed("no answer")

    assert one_answer(lambda: 7, stop) == 7
    with pytest.raises(StoreFailed):
        one_answer(fail, stop)
    assert not stop.is_set()


def test_one_answer_that_does_not_come_is_left_alone_once_it_is_stopped() -> None:
    stop, never = Stop(), threading.Event()

    def ask() -> bool:
        stop.by(Terminated("enough"))
        return never.wait(60)

    with pytest.raises(Terminated):
        one_answer(ask, stop)
    never.set()


def test_a_clock_that_was_stopped_without_a_signal_says_that_it_was() -> None:
    clock = StoppableClock(ManualClock())
    assert clock.code is None

    clock.stop.set()

    assert clock.code is ExitCode.INTERRUPTED
