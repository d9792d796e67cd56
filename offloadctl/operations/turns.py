"""Whose turn it is: many topics in order, so that no broker gets more runs than it has threads for."""

import heapq
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from offloadctl.errors import Interrupted
from offloadctl.model.names import TopicName
from offloadctl.model.offload import OffloadPlan

AT_ONCE: Final = 16
PER_BROKER: Final = 2
"""managedLedgerOffloadMaxThreads is 2 on each broker: more runs would only queue there, without a word about it."""

_UNTOLD: Final = "?"
"""Topics whose owner nobody tells, even now that they are loaded, are treated as if they had one and the same."""

_SLICE_S: Final = 0.2


@dataclass(frozen=True, slots=True, order=True)
class Turn:
    """One plan, its place in the order, and the broker that owns its topic; empty: not known before it is loaded."""

    rank: int
    plan: OffloadPlan = field(compare=False)
    owner: str = field(compare=False)


class Turns:
    """Hands out each plan once. Safe to share between threads.

    An idle topic's owner is known only once the topic is loaded, since asking for it by a lookup would assign its
    bundle. So such a topic is handed out without an owner, loaded by whoever took it, and given back if its broker is
    busy. At most `AT_ONCE` of these are loaded and wait; the others stay idle until it is their turn.
    """

    def __init__(
        self,
        plans: Sequence[OffloadPlan],
        owner_of: Callable[[TopicName], str],
        stop: threading.Event,
        *,
        per_broker: int = PER_BROKER,
    ) -> None:
        self._owner_of = owner_of
        self._per_broker = per_broker
        self._stop = stop
        self._waiting: dict[str, list[Turn]] = {}
        self._busy: Counter[str] = Counter()
        self._loaded: set[int] = set()
        self._changed = threading.Condition()
        self.begun: set[TopicName] = set()
        """The topics that somebody acts on, or did."""
        for rank, plan in enumerate(plans):
            owner = (owner_of(plan.topic) or _UNTOLD) if plan.managed_ledger.served else ""
            heapq.heappush(self._waiting.setdefault(owner, []), Turn(rank, plan, owner))

    def take(self) -> Turn:
        """The next one whose broker has a thread to spare, or whose broker is not known; waits for it.

        Raises Interrupted once the run is to stop. There must be one for each that asks.
        """
        with self._changed:
            while True:
                if self._stop.is_set():
                    raise Interrupted("interrupted")
                if (turn := self._next()) is not None:
                    return turn
                self._changed.wait(_SLICE_S)

    def settle(self, turn: Turn, loaded: OffloadPlan) -> Turn | None:
        """The turn of a topic that is loaded by now; None if its broker is busy: then it waits like the others."""
        with self._changed:
            owner = self._owner_of(turn.plan.topic) or _UNTOLD
            settled = replace(turn, plan=loaded, owner=owner)
            if self._busy[owner] < self._per_broker:
                return self._begin(settled)
            heapq.heappush(self._waiting.setdefault(owner, []), settled)
            self._loaded.add(turn.rank)
            return None

    def end(self, turn: Turn) -> None:
        """Its broker has a thread to spare again."""
        with self._changed:
            self._busy[turn.owner] -= 1
            self._changed.notify_all()

    def _next(self) -> Turn | None:
        heads = [waiting[0] for owner, waiting in self._waiting.items() if waiting and self._may_begin(owner)]
        if not heads:
            return None
        turn = heapq.heappop(self._waiting[min(heads, key=lambda one: one.rank).owner])
        return self._begin(turn) if turn.owner else turn

    def _may_begin(self, owner: str) -> bool:
        return self._busy[owner] < self._per_broker if owner else len(self._loaded) < AT_ONCE

    def _begin(self, turn: Turn) -> Turn:
        self._loaded.discard(turn.rank)
        self._busy[turn.owner] += 1
        self.begun.add(turn.plan.topic)
        return turn
