"""Details of single topics, from `internal-info`: only where bulk numbers leave a condition open, for so long at most.

    asked     nobody was asked before: the most local bytes first; else whoever was asked longest ago
    holds     what brokers tell of the topic is what it was when it was asked, so its ledgers are, too: for a while
    at most   no ledger waits longer than the oldest that waited then, and none that was closed since waits longer
              than since then; so most topics far below a threshold need not be asked again before they can be above it

Whoever is not asked in time is unknown, and that is said.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from offloadctl.errors import BrokerError, Interrupted
from offloadctl.model.decision import Truth
from offloadctl.model.ledger import StoredLedger, StoredLedgers
from offloadctl.model.measures import Measure, Number, Snapshot
from offloadctl.model.names import TopicName
from offloadctl.model.schedule import AllOf, AnyOf, Comparison, Condition, Cron, Extent, Schedule
from offloadctl.model.status import Bound
from offloadctl.operations.collect_bulk import SOURCES
from offloadctl.operations.workers import PATIENCE_S, Stop, work_through
from offloadctl.plan.comparing import STALE
from offloadctl.plan.judging import View, judge
from offloadctl.ports import BrokerAdmin, Clock
from offloadctl.units import format_duration

DETAILS: Final = 500
"""So many topics at most are asked for at one evaluation."""
SECONDS: Final = 5.0
"""So long at most: at the usual 50 requests a second 250 topics, and 10,000 topics are evaluated within ten seconds."""
_AT_ONCE: Final = 8
_FRESH: Final = timedelta(minutes=4)
_HOLDS: Final = timedelta(hours=6)
"""So long what was seen holds at most while brokers tell the very same of the topic, or while none of them serves it:
it may have been loaded and unloaded between two looks."""
_HOLDS_GROWING: Final = timedelta(hours=1)
"""The same while it only grew: what was trimmed meanwhile may hide behind what was written."""
_OF_DETAILS: Final = (Measure.LOCAL_BYTES, Measure.OLDEST_ELIGIBLE)


@dataclass(frozen=True, slots=True)
class BulkSizes:
    """What brokers tell of a topic's storage; None if it is not loaded, or they do not tell of single topics."""

    total: int | None = None
    offloaded: int | None = None
    is_idle: bool = False
    """Whether no broker serves it, by the words of all of them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be known of topics."""

    below: float = 0.0
    """Of a topic whose oldest ledger waits less long, in seconds, no more need be known."""
    local: AbstractSet[TopicName] = frozenset()
    """The topics of which only their ledgers tell the local bytes."""

    @classmethod
    def by(cls, schedules: Iterable[Schedule], topics: Iterable[TopicName], snapshot: Snapshot) -> "Wanted":
        """What these schedules compare."""
        asked = [one for schedule in schedules for one in schedule.comparisons]
        ages = [one for one in asked if one.measure is Measure.OLDEST_ELIGIBLE]
        # A sum takes them all, and what is usual is learnt from the numbers themselves.
        takes_all = any(one.unusual or one.extent is not Extent.TOPIC for one in ages)
        below = min((min(one.threshold, one.until) for one in ages), default=0.0)
        compared = any(one.measure is Measure.LOCAL_BYTES for one in asked)
        vague = (one for one in topics if compared and _is_vague(snapshot, Measure.LOCAL_BYTES, one))
        return cls(0.0 if takes_all else below, frozenset(vague))


@dataclass(frozen=True, slots=True)
class _Ledgers:
    """What matters of a topic's ledgers; so much for each topic, however many it has."""

    local: int
    """Bytes of those without an offload."""
    is_local_whole: bool
    """Whether there are no others: none open, none that was begun."""
    waiting: datetime | None
    """When the oldest was closed that can move and that no offload was begun of."""
    begun: int
    """Bytes of those of which an offload was begun, complete or not."""
    begun_older: int
    """So many of them are older than the one that waits."""
    oldest_free: datetime | None
    """When the oldest was closed that no offload was begun of, though it cannot move yet."""
    oldest_begun: datetime | None

    @classmethod
    def of(cls, stored: StoredLedgers) -> "_Ledgers":
        closed, last = [one for one in stored.ledgers if one.closed_at is not None and one.size], stored.ledgers[-1:]
        free = [one for one in closed if one.context_uuid is None]
        begun = [one for one in closed if one.context_uuid is not None]
        # The last one of the list never moves.
        waiting = _oldest_of(one for one in free if one not in last)
        return cls(
            local=sum(one.size or 0 for one in free),
            is_local_whole=not begun and all(one.closed_at is not None for one in stored.ledgers),
            waiting=waiting,
            begun=sum(one.size or 0 for one in begun),
            begun_older=sum(
                waiting is None or (one.closed_at is not None and one.closed_at < waiting) for one in begun
            ),
            oldest_free=_oldest_of(free),
            oldest_begun=_oldest_of(begun),
        )


@dataclass(frozen=True, slots=True)
class _Detail:
    """What was seen of a topic's ledgers, and until when that held."""

    asked_at: datetime
    at: datetime
    bulk: BulkSizes
    ledgers: _Ledgers | None = None
    why: str = ""

    def holds_at(self, bulk: BulkSizes, now: datetime) -> bool:
        """Whether its ledgers are as they were, by all that brokers tell of it now."""
        age = now - self.asked_at
        if self.ledgers is None or not timedelta(0) <= age <= _HOLDS:
            return False
        if bulk.is_idle or self.bulk.is_idle:
            return bulk.is_idle and self.bulk.is_idle
        if bulk.offloaded is None or bulk.offloaded != self.bulk.offloaded or self.ledgers.waiting is None:
            # Where none waits, the next one to be closed does.
            return False
        total, before = bulk.total or 0, self.bulk.total or 0
        return total == before or (total > before and age <= _HOLDS_GROWING)

    def at_most(self, now: datetime) -> float | None:
        """So long, in seconds, the oldest ledger that can move has waited at most, whatever happened since."""
        if self.ledgers is None or self.asked_at > now:
            return None
        begun = None if self.is_complete else self.ledgers.oldest_begun
        first = min(one for one in (self.asked_at, self.ledgers.oldest_free, begun) if one is not None)
        return max(0.0, (now - first).total_seconds())

    @property
    def is_complete(self) -> bool:
        """Whether every offload that was begun is complete, since the broker's offloaded bytes cover them."""
        ledgers, offloaded = self.ledgers, self.bulk.offloaded
        return (
            ledgers is not None and (offloaded or 0) >= ledgers.begun and (offloaded is not None or not ledgers.begun)
        )


@dataclass(slots=True)
class Details:
    """What is known of single topics."""

    admin: BrokerAdmin
    clock: Clock
    most: int = DETAILS
    seconds: float = SECONDS
    stop: Stop = field(default_factory=Stop)
    left: int = 0
    """So many topics were not asked for in time at the last evaluation."""
    _known: dict[TopicName, _Detail] = field(default_factory=dict)

    def read(
        self, topics: Iterable[TopicName], sizes: Mapping[TopicName, BulkSizes], now: datetime, wanted: Wanted
    ) -> None:
        """Ask for those of which too little is known; raises Interrupted."""
        due = sorted(self._due(topics, sizes, now, wanted), key=lambda topic: self._turn(topic, sizes, now))
        asked, until = due[: self.most], self.clock.monotonic() + self.seconds
        finished = work_through(
            asked,
            lambda topic: self._ask(topic) if self.clock.monotonic() < until else None,
            at_once=_AT_ONCE,
            stop=self.stop,
            done=lambda _answer: None,
            patience=PATIENCE_S,
        )
        if finished.interrupted:
            raise Interrupted("interrupted while topics were asked for their ledgers; nothing was decided")
        answers = {asked[index]: answer for index, answer in finished.results.items() if answer is not None}
        for topic, (ledgers, why) in answers.items():
            self._known[topic] = _Detail(now, now, sizes.get(topic, BulkSizes()), ledgers, why)
        self.left = len(due) - len(answers)

    def numbers(
        self, topics: Iterable[TopicName], now: datetime, wanted: Wanted
    ) -> dict[Measure, dict[TopicName, Number]]:
        """What they come to, of those that were asked for."""
        found: dict[Measure, dict[TopicName, Number]] = {one: {} for one in _OF_DETAILS}
        source = SOURCES[Measure.OLDEST_ELIGIBLE]
        for topic in topics:
            known = self._known.get(topic)
            if known is None:
                continue
            if now - known.at <= STALE:
                for measure in _OF_DETAILS:
                    found[measure][topic] = _number(measure, known, source, now)
            elif (most := known.at_most(now)) is not None and most < wanted.below:
                why = f"it was asked {format_duration(now - known.asked_at)} ago: no ledger can wait longer"
                found[Measure.OLDEST_ELIGIBLE][topic] = Number(source, most, now, Bound.AT_MOST, why)
        return found

    def forget_others(self, topics: frozenset[TopicName]) -> None:
        """What is not asked for any more."""
        for topic in self._known.keys() - topics:
            del self._known[topic]

    def _due(
        self, topics: Iterable[TopicName], sizes: Mapping[TopicName, BulkSizes], now: datetime, wanted: Wanted
    ) -> Iterator[TopicName]:
        for topic in topics:
            known, bulk = self._known.get(topic), sizes.get(topic, BulkSizes())
            if known is None:
                yield topic
            elif known.holds_at(bulk, now):
                self._known[topic] = replace(known, at=now, bulk=bulk)
            elif not timedelta(0) <= now - known.asked_at < _FRESH:
                most = known.at_most(now)
                if most is None or most >= wanted.below or topic in wanted.local:
                    yield topic

    def _turn(
        self, topic: TopicName, sizes: Mapping[TopicName, BulkSizes], now: datetime
    ) -> tuple[datetime, int, TopicName]:
        known, bulk = self._known.get(topic), sizes.get(topic, BulkSizes())
        asked_at = known.asked_at if known is not None else datetime.min.replace(tzinfo=now.tzinfo)
        return asked_at, (bulk.offloaded or 0) - (bulk.total or 0), topic

    def _ask(self, topic: TopicName) -> tuple[_Ledgers | None, str]:
        try:
            return _Ledgers.of(self.admin.stored_ledgers(topic)), ""
        except BrokerError as error:
            return None, error.message


def left_open(schedule: Schedule, topics: Sequence[TopicName], snapshot: Snapshot) -> Iterator[TopicName]:
    """The topics for which bulk numbers do not decide, and details might, now or once what must last has lasted."""
    now = _that_need_not_last(schedule.when)
    whens = (_on_numbers(one) for one in (schedule.when, now) if one is not None)
    conditions = [one for one in (*whens, *_gates(schedule)) if one is not None]
    asked = {one.measure for one in schedule.comparisons} & set(_OF_DETAILS)
    if not asked or not conditions:
        return
    open_ones: set[TopicName] = set()
    # Most conditions have neither hysteresis nor a time to last, and are judged once.
    for condition in dict.fromkeys((*conditions, *map(_loosened, conditions))):
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


def _that_need_not_last(condition: Condition) -> Condition | None:
    """As if nothing that must last had begun to hold; None if it cannot hold then."""
    match condition:
        case Cron():
            return condition
        case Comparison():
            return None if condition.lasting else condition
        case AllOf(parts):
            left = tuple(map(_that_need_not_last, parts))
            return AllOf(tuple(one for one in left if one is not None)) if None not in left else None
        case AnyOf(parts):
            some = tuple(one for part in parts if (one := _that_need_not_last(part)) is not None)
            return AnyOf(some) if some else None


def _loosened(condition: Condition) -> Condition:
    """As for what holds already."""
    match condition:
        case Comparison():
            return replace(condition, threshold=condition.until)
        case AllOf(parts) | AnyOf(parts):
            return type(condition)(tuple(map(_loosened, parts)))
        case Cron():
            return condition


def _oldest_of(ledgers: Iterable[StoredLedger]) -> datetime | None:
    return min((one.closed_at for one in ledgers if one.closed_at is not None), default=None)


def _number(measure: Measure, detail: _Detail, source: str, now: datetime) -> Number:
    if detail.ledgers is None:
        return Number(source, why=detail.why)
    return _local(detail, source) if measure is Measure.LOCAL_BYTES else _oldest(detail, detail.ledgers, source, now)


def _local(detail: _Detail, source: str) -> Number:
    assert detail.ledgers is not None  # noqa: S101 - the caller has looked
    source = f"{source}: the ledgers without an offload"
    if detail.ledgers.is_local_whole:
        return Number(source, detail.ledgers.local, detail.at)
    why = "what is open, or was begun and may not be complete, is not counted"
    return Number(source, detail.ledgers.local, detail.at, Bound.AT_LEAST, why)


def _oldest(detail: _Detail, ledgers: _Ledgers, source: str, now: datetime) -> Number:
    age = max(0.0, (now - ledgers.waiting).total_seconds()) if ledgers.waiting is not None else 0.0
    if detail.is_complete or not ledgers.begun_older:
        return Number(source, age, detail.at)
    why = f"an offload of {ledgers.begun_older} older ledgers was begun, and nobody tells whether it is complete"
    return Number(source, age, detail.at, Bound.AT_LEAST, why)
