"""How the topics of a run that goes on stand: at work, waiting for their turn or for a thread, standing still."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from offloadctl.model.names import TopicName
from offloadctl.model.offload import OffloadPlan, OffloadResult
from offloadctl.model.standing import Movement, Standing
from offloadctl.operations.follow import Watcher


class AtWork(NamedTuple):
    """Topics and partitions."""

    in_flight: int = 0
    """Somebody works on them; those that stand still are among them, and those that wait for their broker."""
    queued: int = 0
    """Their turn has not come, or they wait for one of their broker's offload threads."""
    stalled: int = 0
    """Nothing of them moves."""


@dataclass(slots=True, eq=False)
class RunProgress(Watcher):
    """Counts what a watcher is told. Safe to share between threads."""

    _waiting: set[TopicName] = field(default_factory=set)
    _at_work: dict[TopicName, Movement] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def chosen(self, plans: Sequence[OffloadPlan]) -> None:
        """Each of them has its turn."""
        with self._lock:
            self._waiting = {plan.topic for plan in plans}

    def planned(self, plan: OffloadPlan) -> None:
        """Its turn has come."""
        self._moves(plan.topic, Movement.UNCLEAR)

    def triggered(self, plan: OffloadPlan, *, joined: bool) -> None:  # noqa: ARG002 - whoever began it
        """The same."""
        self._moves(plan.topic, Movement.UNCLEAR)

    def stands(self, plan: OffloadPlan, standing: Standing) -> None:
        """Looked at again."""
        self._moves(plan.topic, standing.movement)

    def finished(self, result: OffloadResult) -> None:
        """Done with, whatever came of it."""
        with self._lock:
            self._waiting.discard(result.topic)
            self._at_work.pop(result.topic, None)

    def counts(self) -> AtWork:
        """As it stands now."""
        with self._lock:
            movements = list(self._at_work.values())
            queued = len(self._waiting) + movements.count(Movement.QUEUED)
            return AtWork(len(movements), queued, movements.count(Movement.STANDING_STILL))

    def _moves(self, topic: TopicName, movement: Movement) -> None:
        with self._lock:
            self._waiting.discard(topic)
            self._at_work[topic] = movement
