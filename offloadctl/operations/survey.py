"""What `/metrics` tells beside the numbers of schedules: what could move, and what is stored twice.

Sizes come from bulk reads; what could move is told by `internal-info`, which is asked for so many topics at an
evaluation, those of which nothing is known first, the largest of them before the others. Nothing is loaded.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Final, TypeVar

from offloadctl.errors import BrokerError, BrokerUnreachable, Interrupted
from offloadctl.model.ledger import StoredLedgers
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.operations.workers import Stop, work_through
from offloadctl.plan.storage import deletion_lag
from offloadctl.plan.stored_twice import FOR_EVER, Twice, TwiceWatch
from offloadctl.ports import BrokerAdmin

Answer = TypeVar("Answer")

AT_AN_EVALUATION: Final = 100
"""So many topics are asked for their ledgers; at the usual 50 requests a second, two seconds."""
_HOLDS: Final = timedelta(minutes=15)
"""So long nobody is asked again."""
_LAGS: Final = 20
"""So many namespaces are asked for their deletion lag, by one of their topics."""
_LAG_HOLDS: Final = timedelta(hours=1)
_AT_ONCE: Final = 8
_ENOUGH: Final = 3
"""After so many requests without an answer nobody else is asked."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What an offload with threshold 0 would move of a topic, by its ledgers."""

    at: datetime
    untouched: int
    """Bytes of closed ledgers of which no offload was begun."""
    begun: int
    """Bytes of those of which one was; complete is what the broker counts as offloaded."""
    oldest: datetime | None
    """When the oldest of the untouched was closed."""

    def eligible(self, offloaded: int | None) -> int:
        """What was begun and is not complete would be moved, too; unknown is left out."""
        return self.untouched + (max(0, self.begun - offloaded) if offloaded is not None else 0)


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What is known after an evaluation; of single topics."""

    waiting: Mapping[TopicName, Waiting] = field(default_factory=dict)
    twice: Mapping[TopicName, Twice] = field(default_factory=dict)


@dataclass(slots=True)
class Survey:
    """Looks at a part of the topics each time, and remembers the others."""

    admin: BrokerAdmin
    stop: Stop = field(default_factory=Stop)
    most: int = AT_AN_EVALUATION
    _waiting: dict[TopicName, Waiting] = field(default_factory=dict)
    _asked_at: dict[TopicName, datetime] = field(default_factory=dict)
    _lags: dict[NamespaceName, tuple[datetime, timedelta | None]] = field(default_factory=dict)
    _watch: TwiceWatch = field(default_factory=TwiceWatch)

    def look(self, local: Mapping[TopicName, float], offloaded: Mapping[TopicName, int], now: datetime) -> Surveyed:
        """Of topics with so many bytes in BookKeeper alone, and so many offloaded; raises Interrupted only."""
        self._forget_others(local.keys() | offloaded.keys())
        self._ask_ledgers(local, now)
        self._ask_lags([topic for topic, size in offloaded.items() if size], now)
        self._watch.look(offloaded, now)
        twice = {topic: self._watch.twice(topic, self._lag(topic)) for topic, size in offloaded.items() if size}
        return Surveyed(dict(self._waiting), twice)

    def _forget_others(self, wanted: AbstractSet[TopicName]) -> None:
        for known in (self._waiting, self._asked_at):
            for topic in known.keys() - wanted:
                del known[topic]
        for namespace in self._lags.keys() - {topic.namespace_name for topic in wanted}:
            del self._lags[namespace]

    def _ask_ledgers(self, local: Mapping[TopicName, float], now: datetime) -> None:
        never = sorted((topic for topic in local if topic not in self._asked_at), key=local.__getitem__, reverse=True)
        again = sorted(
            (topic for topic, at in self._asked_at.items() if not timedelta(0) <= now - at < _HOLDS),
            key=self._asked_at.__getitem__,
        )
        chosen = list(islice((one for one in chain(never, again) if not one.is_system), self.most))
        for topic, stored in self._answers(chosen, self.admin.stored_ledgers):
            self._asked_at[topic] = now
            self._waiting.pop(topic, None)
            if stored is not None:
                self._waiting[topic] = waiting_of(stored, now)

    def _ask_lags(self, topics: Iterable[TopicName], now: datetime) -> None:
        """By one topic of each namespace: seldom has a single topic another lag, and it would be a request for each."""
        one_of = {topic.namespace_name: topic for topic in topics}
        due = [name for name in sorted(one_of) if name not in self._lags or now - self._lags[name][0] >= _LAG_HOLDS]
        for topic, policies in self._answers([one_of[name] for name in due[:_LAGS]], self.admin.offload_policies):
            lag = None
            if policies is not None:
                finite = deletion_lag(policies)
                lag = FOR_EVER if finite is None else finite
            self._lags[topic.namespace_name] = now, lag

    def _answers(
        self, topics: Sequence[TopicName], ask: Callable[[TopicName], Answer]
    ) -> Iterator[tuple[TopicName, Answer | None]]:
        """None: it cannot be told. Where nobody answers at all the others keep their turn."""
        unreachable: list[TopicName] = []

        def attempt(topic: TopicName) -> Answer | None:
            if len(unreachable) >= _ENOUGH:
                unreachable.append(topic)
                return None
            try:
                return ask(topic)
            except BrokerUnreachable:
                unreachable.append(topic)
                return None
            except BrokerError:
                return None

        finished = work_through(topics, attempt, at_once=_AT_ONCE, stop=self.stop, done=lambda _answer: None)
        if finished.interrupted:
            raise Interrupted("interrupted while topics were asked for what metrics tell")
        for index, answer in finished.results.items():
            if topics[index] not in unreachable:
                yield topics[index], answer

    def _lag(self, topic: TopicName) -> timedelta | None:
        return self._lags.get(topic.namespace_name, (None, None))[1]


def waiting_of(stored: StoredLedgers, now: datetime) -> Waiting:
    """The last ledger of the list is never offloaded by hand."""
    closed = [one for one in stored.ledgers if one.closed_at is not None and one.size]
    last = stored.ledgers[-1:]
    untouched = [one for one in closed if one.context_uuid is None and one not in last]
    begun = [one for one in closed if one.context_uuid is not None]
    return Waiting(
        now,
        sum(one.size or 0 for one in untouched),
        sum(one.size or 0 for one in begun),
        min((one.closed_at for one in untouched if one.closed_at is not None), default=None),
    )
