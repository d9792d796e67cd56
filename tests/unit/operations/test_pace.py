"""How fast a store is asked that asks to be asked less."""

import threading

import pytest

from offloadctl.adapters.memory import ManualClock
from offloadctl.errors import Interrupted, StoreBusy, StoreFailed
from offloadctl.operations.pace import ANSWERS_FOR_ONE_MORE, MOST_REFUSALS, Pace
from offloadctl.operations.workers import StoppableClock


class Store:
    """Refuses as often as it is told to."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals

    def answer(self) -> str:
        if self.refusals:
            self.refusals -= 1
            raise StoreBusy("SlowDown")
        return "answer"


def new_pace(most: int = 8) -> tuple[Pace, list[float]]:
    """A pace, and how long was waited each time."""
    waited: list[float] = []
    return Pace(most, StoppableClock(Sleepless(waited))), waited


class Sleepless(ManualClock):
    def __init__(self, waited: list[float]) -> None:
        super().__init__()
        self.waited = waited

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)


def test_each_refusal_halves_what_is_asked_at_once_and_is_waited_out_longer() -> None:
    pace, waited = new_pace()

    assert pace.ask(Store(3).answer) == "answer"

    assert pace.at_once == 1
    assert sum(waited) == pytest.approx(1 + 2 + 4)


def test_what_was_on_its_way_when_the_store_refused_is_the_same_refusal() -> None:
    pace, _ = new_pace()
    together, answered = threading.Barrier(4), []

    def ask() -> None:
        refusals = iter([StoreBusy("SlowDown")])

        def request() -> str:
            for refusal in refusals:
                # All four are on their way before the first is refused.
                together.wait(timeout=30)
                raise refusal
            return "answer"

        answered.append(pace.ask(request))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert answered == ["answer"] * 4
    assert pace.at_once == 4


def test_one_more_at_once_is_asked_after_many_answers_and_never_more_than_at_first() -> None:
    pace, _ = new_pace(most=4)
    pace.ask(Store(1).answer)
    steady = Store(0)

    grown = []
    for _ in range(4 * ANSWERS_FOR_ONE_MORE):
        pace.ask(steady.answer)
        grown.append(pace.at_once)

    assert grown.count(2) == ANSWERS_FOR_ONE_MORE - 2
    assert grown.count(3) == ANSWERS_FOR_ONE_MORE
    assert grown[-1] == 4


def test_a_store_that_refuses_again_and_again_is_given_up() -> None:
    pace, _ = new_pace()
    store = Store(1000)

    with pytest.raises(StoreBusy):
        pace.ask(store.answer)

    assert store.refusals == 1000 - MOST_REFUSALS


def test_no_more_are_asked_at_once_than_that_and_another_error_gives_its_turn_back() -> None:
    pace, _ = new_pace(most=2)
    running, most, lock = 0, 0, threading.Lock()

    def request() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.002)
        with lock:
            running -= 1
        raise StoreFailed("no")

    def ask() -> None:
        with pytest.raises(StoreFailed):
            pace.ask(request)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert most == 2


def test_whoever_waits_for_a_turn_notices_an_interruption() -> None:
    stop = threading.Event()
    pace = Pace(1, StoppableClock(ManualClock(), stop))

    def interrupted() -> None:
        stop.set()
        pace.ask(lambda: None)

    with pytest.raises(Interrupted):
        pace.ask(interrupted)
