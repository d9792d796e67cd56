"""What a run over topics has done so far: who is at work, how much of what was planned has moved, and how fast."""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from offloadctl.exitcodes import ExitCode
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Confirmation, OffloadPlan, OffloadResult, Outcome
from offloadctl.ports import Clock

FAILURES: Final = frozenset({ExitCode.FAILED, ExitCode.DAMAGE, ExitCode.REFUSED, ExitCode.TIMED_OUT})
"""Exit codes of results that a person must look at."""

_WINDOW_S: Final = 300.0
"""The rate is that of so many seconds: a ledger counts when all of it has moved, so a short while tells nothing."""

_AT_LEAST_S: Final = 5.0
_BETWEEN_SAMPLES_S: Final = 1.0
_MOVED: Final = frozenset({Confirmation.CONFIRMED, Confirmation.UNCONFIRMED, Confirmation.DAMAGED})
_NOT_BEGUN: Final = frozenset({Outcome.NOT_STARTED, Outcome.PLANNED})


@dataclass(slots=True)
class Row:
    """One topic at work."""

    topic: TopicName
    ledgers: int
    size: int
    begun_at: float
    sizes: dict[int, int]
    """Of each ledger that is to move."""
    says: str = "planned"
    complete: int = 0
    moved: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """A run at one moment; sizes are BookKeeper's bytes."""

    topics: int
    done: int
    failed: int
    """Of those that are done."""
    at_work: int
    size: int
    moved: int
    left: int
    """What may still move: failed topics' ledgers that did not are in neither."""
    rate: float | None
    """Bytes a second; None as long as nothing tells."""

    @property
    def time_left(self) -> timedelta | None:
        """At this rate; None if nothing tells."""
        return timedelta(seconds=self.left / self.rate) if self.rate else None


@dataclass(slots=True, eq=False)
class Tally:
    """Counts what a watcher is told. Safe to share between threads."""

    clock: Clock
    plans: Iterable[OffloadPlan] = ()
    """All that are to be acted on."""
    _planned: dict[TopicName, int] = field(default_factory=dict)
    _rows: dict[TopicName, Row] = field(default_factory=dict)
    _samples: deque[tuple[float, int]] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _done: int = 0
    _failed: int = 0
    _moved: int = 0
    """By topics that are done."""
    _given_up: int = 0

    def __post_init__(self) -> None:
        self._planned = {plan.topic: plan.bytes_to_move for plan in self.plans if plan.before is not None}
        self._samples.append((self.clock.monotonic(), 0))

    def begins(self, plan: OffloadPlan) -> None:
        """Somebody acts on the plan; what is planned by now may be less than before."""
        moves = plan.moves
        sizes = {ledger.ledger_id: int(ledger.size) for ledger in moves}
        with self._lock:
            self._planned[plan.topic] = sum(sizes.values())
            if plan.topic not in self._rows:
                now = self.clock.monotonic()
                self._rows[plan.topic] = Row(plan.topic, len(moves), self._planned[plan.topic], now, sizes)

    def says(self, plan: OffloadPlan, text: str) -> None:
        """What goes on with it."""
        with self._lock:
            if (row := self._rows.get(plan.topic)) is not None:
                row.says = text

    def progressed(self, plan: OffloadPlan, complete: frozenset[int]) -> None:
        """These of its ledgers have moved."""
        with self._lock:
            if (row := self._rows.get(plan.topic)) is not None:
                row.complete = len(complete)
                row.moved = sum(size for ledger_id, size in row.sizes.items() if ledger_id in complete)
                self._sample()

    def ends(self, result: OffloadResult) -> bool:
        """The topic is done with; tells whether somebody must look at it."""
        failed = result.exit_code in FAILURES
        moved = sum(one.ledger.size for one in result.ledgers if one.confirmation in _MOVED)
        with self._lock:
            self._rows.pop(result.topic, None)
            if result.outcome in _NOT_BEGUN:
                return False
            self._done += 1
            self._failed += failed
            self._moved += moved
            self._given_up += max(0, self._planned.setdefault(result.topic, 0) - moved)
            self._sample()
        return failed

    def totals(self) -> Totals:
        """As it stands now."""
        with self._lock:
            size, moved = sum(self._planned.values()), self._moved_by_now()
            return Totals(
                topics=len(self._planned),
                done=self._done,
                failed=self._failed,
                at_work=len(self._rows),
                size=size,
                moved=moved,
                left=max(0, size - self._given_up - moved),
                rate=self._rate(moved),
            )

    def rows(self) -> tuple[Row, ...]:
        """The topics at work, in the order in which they were begun."""
        with self._lock:
            return tuple(self._rows.values())

    def _moved_by_now(self) -> int:
        return self._moved + sum(row.moved for row in self._rows.values())

    def _sample(self) -> None:
        now = self.clock.monotonic()
        if now - self._samples[-1][0] >= _BETWEEN_SAMPLES_S:
            self._samples.append((now, self._moved_by_now()))
        while len(self._samples) > 2 and now - self._samples[1][0] > _WINDOW_S:
            self._samples.popleft()

    def _rate(self, moved: int) -> float | None:
        since, before = self._samples[0]
        seconds = self.clock.monotonic() - since
        return (moved - before) / seconds if seconds >= _AT_LEAST_S and moved > before else None
