"""Turns: no broker has more runs than threads, no plan is lost, and idle topics stay idle until it is their turn."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from offloadctl.errors import Interrupted
from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadProgress
from offloadctl.model.names import TopicName
from offloadctl.model.offload import OffloadPlan, OffloadWish
from offloadctl.operations.turns import AT_ONCE, PER_BROKER, Turn, Turns
from offloadctl.plan.offload import plan_offload
from offloadctl.units import ByteSize

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def plan(number: int, *, served: bool) -> OffloadPlan:
    ledgers = (
        Ledger(1, 10, ByteSize(100), False, OffloadProgress.LOCAL, NOW),
        Ledger(2, 0, ByteSize(0), True, OffloadProgress.LOCAL),
    )
    managed = ManagedLedger(TopicName("a", "b", f"t{number}"), ledgers, NOW, served)
    return plan_offload(managed, OffloadWish(ByteSize(0)), NOW)


def as_served(one: OffloadPlan) -> OffloadPlan:
    return replace(one, managed_ledger=replace(one.managed_ledger, served=True))


def number_of(topic: TopicName) -> int:
    return int(topic.local_name[1:])


@dataclass
class Crew:
    """Threads that take turns; what runs at once on each broker is counted."""

    turns: Turns
    owner_of: Callable[[TopicName], str]
    loaded: list[TopicName] = field(default_factory=list)
    done: list[TopicName] = field(default_factory=list)
    running: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def work(self) -> None:
        turn = self._next()
        owner = self.owner_of(turn.plan.topic)
        with self.lock:
            self.running[owner] += 1
            self.most[owner] = max(self.most[owner], self.running[owner])
        threading.Event().wait(0.001)
        with self.lock:
            self.running[owner] -= 1
            self.done.append(turn.plan.topic)
        self.turns.end(turn)

    def _next(self) -> Turn:
        while not (turn := self.turns.take()).owner:
            with self.lock:
                self.loaded.append(turn.plan.topic)
            if (settled := self.turns.settle(turn, as_served(turn.plan))) is not None:
                return settled
        return turn


@pytest.mark.parametrize("served", [True, False])
def test_every_plan_has_its_turn_and_no_broker_has_more_than_it_works_on(served: bool) -> None:
    plans = [plan(number, served=served) for number in range(60)]

    def owner_of(topic: TopicName) -> str:
        return f"broker-{number_of(topic) % 3}"

    crew = Crew(Turns(plans, owner_of, threading.Event()), owner_of)
    left = list(range(len(plans)))

    def worker() -> None:
        while True:
            with crew.lock:
                if not left:
                    return
                left.pop()
            crew.work()

    threads = [threading.Thread(target=worker, daemon=True) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert Counter(crew.done) == Counter(one.topic for one in plans)
    assert max(crew.most.values()) <= PER_BROKER
    assert len(crew.most) == 3
    assert Counter(crew.loaded) == (Counter() if served else Counter(one.topic for one in plans))


def test_a_busy_broker_does_not_hold_up_another_one() -> None:
    plans = [plan(number, served=True) for number in range(4)]
    turns = Turns(plans, lambda topic: "free" if number_of(topic) == 3 else "busy", threading.Event())

    taken = [turns.take().plan.topic.local_name for _ in range(3)]

    assert taken == ["t0", "t1", "t3"]


def test_idle_topics_of_a_busy_broker_are_not_all_loaded_in_vain() -> None:
    plans = [plan(number, served=False) for number in range(100)]
    stop = threading.Event()
    turns = Turns(plans, lambda _topic: "the only one", stop)
    settled = [turns.settle(turn, as_served(turn.plan)) for turn in (turns.take() for _ in range(PER_BROKER))]
    assert None not in settled

    for _ in range(AT_ONCE):
        turn = turns.take()
        assert turns.settle(turn, as_served(turn.plan)) is None
    stop.set()

    # One more would have been handed out before the stop was looked at, if there had been one to have.
    with pytest.raises(Interrupted):
        turns.take()
    assert turns.begun == {one.topic for one in plans[:PER_BROKER]}


def test_who_waits_for_a_turn_is_told_when_the_run_is_to_stop() -> None:
    stop = threading.Event()
    turns = Turns([plan(number, served=True) for number in range(3)], lambda _topic: "one", stop)
    turns.take(), turns.take()
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            turns.take()
        except Interrupted as interrupted:
            ended.append(interrupted)

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    stop.set()
    waiting.join(5)

    assert [type(one) for one in ended] == [Interrupted]


def test_topics_whose_owner_nobody_tells_count_as_those_of_one_broker() -> None:
    turns = Turns([plan(number, served=True) for number in range(5)], lambda _topic: "", threading.Event())

    owners = {turns.take().owner for _ in range(PER_BROKER)}

    assert len(owners) == 1
    assert "" not in owners
