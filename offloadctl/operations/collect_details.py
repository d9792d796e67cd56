"""Details of single topics, from `internal-info`: only where bulk numbers leave a condition open, so many at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from offloadctl.errors import BrokerError, Interrupted
from offloadctl.model.decision import Truth
from offloadctl.model.ledger import StoredLedger, StoredLedgers
from offloadctl.model.measures import Measure, Number, Snapshot
from offloadctl.model.names import TopicName
from offloadctl.model.schedule import AllOf, AnyOf, Comparison, Condition, Cron, Schedule
from offloadctl.model.status import Bound
from offloadctl.operations.collect_bulk import SOURCES
from offloadctl.operations.workers import Stop, work_through
from offloadctl.plan.comparing import STALE
from offloadctl.plan.judging import View, judge
from offloadctl.ports import BrokerAdmin

DETAILS: Final = 500
"""So many topics are asked for at one evaluation; at the usual 50 requests a second, ten seconds."""
_AT_ONCE: Final = 8
_FRESH: Final = timedelta(minutes=4)
_OF_DETAILS: Final = (Measure.LOCAL_BYTES, Measure.OLDEST_ELIGIBLE)


@dataclass(frozen=True, slots=True)
class BulkSizes:
    """What brokers tell of a topic's storage; None if it is not loaded, or they do not tell of single topics."""

    total: int | None = None
    offloaded: int | None = None


@dataclass(frozen=True, slots=True)
class _Detail:
    at: datetime
    bulk: BulkSizes
    stored: StoredLedgers | None = None
    why: str = ""

    def holds_at(self, bulk: BulkSizes) -> bool:
        """Whether the oldest ledger that can move is still the same: nothing was offloaded, and nothing trimmed."""
        if self.stored is None or not _untouched(self.stored) or None in (self.bulk.offloaded, bulk.offloaded):
            return False
        return bulk.offloaded == self.bulk.offloaded and (bulk.total or 0) >= (self.bulk.total or 0)


@dataclass(slots=True)
class Details:
    """What is known of single topics; what was asked for longest ago is asked for first."""

    admin: BrokerAdmin
    most: int = DETAILS
    stop: Stop = field(default_factory=Stop)
    _known: dict[TopicName, _Detail] = field(default_factory=dict)

    def read(self, topics: Iterable[TopicName], sizes: Mapping[TopicName, BulkSizes], now: datetime) -> None:
        """Ask for those that are not known, or not for a while; raises Interrupted."""
        asked = []
        for topic in topics:
            known, bulk = self._known.get(topic), sizes.get(topic, BulkSizes())
            if known is not None and known.holds_at(bulk):
                self._known[topic] = replace(known, at=now, bulk=bulk)
            elif known is None or not timedelta(0) <= now - known.at < _FRESH:
                asked.append(topic)
        asked.sort(
            key=lambda topic: (
                self._known[topic].at if topic in self._known else datetime.min.replace(tzinfo=now.tzinfo),
                topic,
            )
        )
        asked = asked[: self.most]
        finished = work_through(asked, self._ask, at_once=_AT_ONCE, stop=self.stop, done=lambda _answer: None)
        if finished.interrupted:
            raise Interrupted("interrupted while topics were asked for their ledgers; nothing was decided")
        for index, (stored, why) in finished.results.items():
            self._known[asked[index]] = _Detail(now, sizes.get(asked[index], BulkSizes()), stored, why)

    def numbers(self, topics: Iterable[TopicName], now: datetime) -> dict[Measure, dict[TopicName, Number]]:
        """What they come to, of those that were asked for."""
        found: dict[Measure, dict[TopicName, Number]] = {one: {} for one in _OF_DETAILS}
        source = SOURCES[Measure.OLDEST_ELIGIBLE]
        for topic in topics:
            known = self._known.get(topic)
            if known is None or now - known.at > STALE:
                continue
            if known.stored is None:
                for one in _OF_DETAILS:
                    found[one][topic] = Number(source, why=known.why)
                continue
            found[Measure.LOCAL_BYTES][topic] = _local(known.stored, source, known.at)
            found[Measure.OLDEST_ELIGIBLE][topic] = _oldest(known, source, now)
        return found

    def forget_others(self, topics: frozenset[TopicName]) -> None:
        """What is not asked for any more."""
        for topic in self._known.keys() - topics:
            del self._known[topic]

    def _ask(self, topic: TopicName) -> tuple[StoredLedgers | None, str]:
        try:
            return self.admin.stored_ledgers(topic), ""
        except BrokerError as error:
            return None, error.message


def left_open(schedule: Schedule, topics: Sequence[TopicName], snapshot: Snapshot) -> Iterator[TopicName]:
    """The topics for which bulk numbers do not decide, and details might."""
    conditions = [one for one in (_on_numbers(schedule.when), *_gates(schedule)) if one is not None]
    asked = {one.measure for one in schedule.comparisons} & set(_OF_DETAILS)
    if not asked or not conditions:
        return
    open_ones: set[TopicName] = set()
    for condition in (*conditions, *map(_loosened, conditions)):
        by_topic = judge(condition, View(snapshot, topics)).by_topic or {}
        open_ones |= {topic for topic, truth in by_topic.items() if truth is Truth.UNKNOWN}
    for topic in topics:
        if topic in open_ones and any(_is_vague(snapshot, one, topic) for one in asked):
            yield topic


def _is_vague(snapshot: Snapshot, measure: Measure, topic: TopicName) -> bool:
    known = snapshot.topics.get(measure, {}).get(topic)
    return known is None or known.value is None or known.bound is not Bound.EXACT


def _gates(schedule: Schedule) -> Iterator[Condition]:
    return (
        replace(one, lasting=timedelta(0), until=one.threshold)
        for one in schedule.gates
        if isinstance(one, Comparison) and one.measure.is_of_topics
    )


def _on_numbers(condition: Condition) -> Condition | None:
    """Without cron times, which may come, and without how long it must last; None if nothing is left."""
    match condition:
        case Cron():
            return None
        case Comparison():
            return replace(condition, lasting=timedelta(0))
        case AllOf(parts) | AnyOf(parts):
            left = tuple(one for part in parts if (one := _on_numbers(part)) is not None)
            return type(condition)(left) if left else None


def _loosened(condition: Condition) -> Condition:
    """As for what holds already."""
    match condition:
        case Comparison():
            return replace(condition, threshold=condition.until)
        case AllOf(parts) | AnyOf(parts):
            return type(condition)(tuple(map(_loosened, parts)))
        case Cron():
            return condition


def _closed(stored: StoredLedgers) -> list[StoredLedger]:
    return [one for one in stored.ledgers if one.closed_at is not None and one.size]


def _untouched(stored: StoredLedgers) -> list[StoredLedger]:
    """What an offload would move and none was begun of; the last of the list never moves."""
    last = stored.ledgers[-1:]
    return [one for one in _closed(stored) if one.context_uuid is None and one not in last]


def _local(stored: StoredLedgers, source: str, at: datetime) -> Number:
    closed = _closed(stored)
    is_whole = all(one.closed_at is not None for one in stored.ledgers)
    size = sum(one.size or 0 for one in closed if one.context_uuid is None)
    if is_whole and all(one.context_uuid is None for one in closed):
        return Number(f"{source}: the ledgers without an offload", size, at)
    why = "what is open, or was begun and may not be complete, is not counted"
    return Number(f"{source}: the ledgers without an offload", size, at, Bound.AT_LEAST, why)


def _oldest(detail: _Detail, source: str, now: datetime) -> Number:
    assert detail.stored is not None  # noqa: S101 - the caller has looked
    waiting = [one.closed_at for one in _untouched(detail.stored) if one.closed_at is not None]
    begun = [one for one in _closed(detail.stored) if one.context_uuid is not None]
    age = max(0.0, (now - min(waiting)).total_seconds()) if waiting else 0.0
    is_complete = detail.bulk.offloaded is not None and detail.bulk.offloaded >= sum(one.size or 0 for one in begun)
    may_be_older = [one for one in begun if not waiting or (one.closed_at or now) < min(waiting)]
    if is_complete or not may_be_older:
        return Number(source, age, detail.at)
    why = f"an offload of {len(may_be_older)} older ledgers was begun, and nobody tells whether it is complete"
    return Number(source, age, detail.at, Bound.AT_LEAST, why)
