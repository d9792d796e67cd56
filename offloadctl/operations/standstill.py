"""Watching a run that goes on: whether it moves, waits for its broker, or has stood still for too long."""

import threading
from dataclasses import dataclass, field
from typing import Final

from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.offload import OffloadPlan, Reason
from offloadctl.model.standing import Movement, Neighbours, Standing, Writing
from offloadctl.operations.writing import WritingLook
from offloadctl.plan.standing import assess
from offloadctl.ports import Ports

_FIRST_LOOK_S: Final = 15.0
_ENOUGH: Final = 2
"""So many topics of a namespace may be given up on one broker before the others are left alone there."""

_BETWEEN_LOOKS_S: Final = 30.0
"""Metadata and bucket are looked at only while no ledger is completed, and so seldom."""


class Activity:
    """What moves on which broker, as far as one command sees it. Safe to share between threads."""

    def __init__(self) -> None:
        self._at_work: dict[TopicName, str] = {}
        self._moved: dict[str, dict[TopicName, float]] = {}
        self._given_up: dict[tuple[str, NamespaceName], set[TopicName]] = {}
        self._lock = threading.Lock()

    def works(self, topic: TopicName, broker: str) -> None:
        """A run of the topic goes on there."""
        with self._lock:
            self._at_work[topic] = broker

    def moved(self, topic: TopicName, broker: str, at: float) -> None:
        """Something of the topic moved: a ledger was begun or completed, or its upload grew."""
        with self._lock:
            self._moved.setdefault(broker, {})[topic] = at
            self._given_up.pop((broker, topic.namespace_name), None)

    def given_up(self, topic: TopicName, broker: str) -> None:
        """It has stood still for too long."""
        with self._lock:
            self._given_up.setdefault((broker, topic.namespace_name), set()).add(topic)

    def why_not(self, topic: TopicName, broker: str) -> Reason | None:
        """Why no request for the topic is sent: others of its namespace stand still there, and nothing else has moved.

        A driver without credentials is the whole namespace's, and each request would leave one more dead task behind.
        """
        with self._lock:
            given_up = sorted(map(str, self._given_up.get((broker, topic.namespace_name), ())))
        if len(given_up) < _ENOUGH:
            return None
        text = f"left alone: on {broker or 'its broker'} {', '.join(given_up[:_ENOUGH])} stand still, and nothing moves"
        return Reason("neighbours-stand-still", text)

    def ended(self, topic: TopicName) -> None:
        """Its run is over, or not waited for any more."""
        with self._lock:
            self._at_work.pop(topic, None)

    def neighbours(self, topic: TopicName, broker: str, now: float) -> Neighbours:
        """The others on its broker."""
        with self._lock:
            at_work = sum(where == broker for other, where in self._at_work.items() if other != topic)
            moves = [at for other, at in self._moved.get(broker, {}).items() if other != topic]
        return Neighbours(broker, at_work, now - max(moves) if moves else None)


@dataclass(slots=True)
class Standstill:
    """One run under watch."""

    ports: Ports
    plan: OffloadPlan
    activity: Activity
    limit_s: float | None
    """How long nothing may move; None: as long as it likes."""
    queued_s: float = 0.0
    """How long it was seen waiting for a thread."""
    standing: Standing = field(default_factory=lambda: Standing(Movement.MOVING))
    """As it was at the last look."""
    _complete: frozenset[int] = frozenset()
    _begun_at: float | None = None
    _moved_at: float = 0.0
    _looked_at: float = 0.0
    _watched_at: float = 0.0
    _look: WritingLook | None = None
    _writing: Writing | None = None

    def watch(self, complete: frozenset[int], *, at_end: bool = False) -> Standing:
        """How it stands now that these of its ledgers are complete; `at_end` looks whenever the last look was."""
        now = self.ports.clock.monotonic()
        broker = self.ports.admin.owner_of(self.plan.topic)
        if self._begun_at is None:
            self._begun_at = self._moved_at = self._looked_at = self._watched_at = now
        self.activity.works(self.plan.topic, broker)
        if complete - self._complete:
            self._complete |= complete
            # What was seen was of a ledger that is done with.
            self._writing, self._looked_at = None, now
            self._note_move(broker, now)
        elif at_end or now - self._looked_at >= self._pause():
            self._look_again(broker, now)
        self.standing = assess(
            now - self._moved_at,
            self._writing,
            self.activity.neighbours(self.plan.topic, broker, now),
            self.limit_s,
        )
        if self.standing.is_stalled and self._looked_at < now:
            return self.watch(complete, at_end=True)
        if self.standing.is_stalled:
            self.activity.given_up(self.plan.topic, broker)
        if self.standing.movement is Movement.QUEUED:
            self.queued_s += now - self._watched_at
        self._watched_at = now
        return self.standing

    def end(self) -> None:
        """Nobody waits for it any more."""
        self.activity.ended(self.plan.topic)

    def _pause(self) -> float:
        pause = _FIRST_LOOK_S if self._looked_at == self._moved_at else _BETWEEN_LOOKS_S
        return pause if self.limit_s is None else min(pause, self.limit_s / 4)

    def _look_again(self, broker: str, now: float) -> None:
        if self._look is None:
            self._look = WritingLook(self.ports, self.plan.topic, self.plan.moves, self.plan.policies)
        before, self._writing, self._looked_at = self._writing, self._look.look(self._complete), now
        if before is not None and before != self._writing and not self._writing.not_seen:
            self._note_move(broker, now)

    def _note_move(self, broker: str, now: float) -> None:
        self._moved_at = now
        self.activity.moved(self.plan.topic, broker, now)
