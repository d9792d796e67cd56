"""The numbers of schedules from a cluster: bulk reads for all topics, details only where these leave something open.

    topics      listed by namespace; labels are the namespaces' properties
    bulk        `/metrics` of brokers and bookies, broker-stats, load reports, PromQL: only what some schedule asks for
    details     internal-info of single topics, so many at an evaluation (`collect_details.py`)

What fails is unknown, with the reason; nothing is raised but an interruption. No topic is loaded.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeVar

from offloadctl.errors import Interrupted, NotFound, OffloadctlError
from offloadctl.model.measures import Measure, Number, Snapshot
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.schedule import Comparison, Extent, OffloadAction, Schedule, TrimAction
from offloadctl.model.scope import Scope
from offloadctl.model.status import Bound
from offloadctl.operations import collect_bulk as bulk
from offloadctl.operations.collect_details import BulkSizes, Details, Wanted, left_open
from offloadctl.operations.collect_observed import Errors, Reads
from offloadctl.operations.scope import expand
from offloadctl.operations.topics import find_target
from offloadctl.operations.workers import Stop, StoppableClock
from offloadctl.plan.schedule_scope import members
from offloadctl.ports import BrokerAdmin, Clock
from offloadctl.ports.schedule import ClusterNumbers, Collected, LoadReport, Queries, Scrape, TopicLoad

Answer = TypeVar("Answer")

_OF_METRICS: Final = frozenset(
    {
        Measure.LOCAL_BYTES,
        Measure.OLDEST_ELIGIBLE,
        Measure.COLD_READS,
        Measure.UNREAD_FOR,
        Measure.BROKER_MEMORY,
        Measure.BROKER_DIRECT_MEMORY,
        Measure.S3_ERRORS,
    }
)
_OF_STATS: Final = frozenset({Measure.BACKLOG_BYTES, Measure.BACKLOG_MESSAGES, Measure.UNREAD_FOR})
_NOT_SERVED: Final = "no broker tells of it: it is not loaded, or single topics are not exposed"
_NOT_ASKED: Final = "its ledgers were not asked for: whatever they tell, nothing else would be decided now"
_NO_QUERIES: Final = "nobody answers PromQL: set prometheus_url"


@dataclass(slots=True)
class BulkCollector:
    """Keeps the promises of `ports.schedule.Collector`. Remembers what one look does not tell: rates, and reads."""

    admin: BrokerAdmin
    numbers: ClusterNumbers
    clock: Clock
    queries: Queries | None = None
    stop: Stop = field(default_factory=Stop)
    details: Details = field(init=False)
    _errors: Errors = field(default_factory=Errors)
    _reads: Reads = field(default_factory=Reads)

    def __post_init__(self) -> None:
        self.details = Details(self.admin, self.clock, stop=self.stop)

    def collect(self, schedules: Sequence[Schedule], now: datetime) -> Collected:
        """All numbers that these schedules ask for; raises Interrupted only."""
        labels, unlabelled = self._labels(schedules)
        topics, unlisted = self._topics(schedules, labels, unlabelled)
        every = frozenset(topic for found in topics.values() for topic in found)
        asked = [one for schedule in schedules for one in schedule.comparisons]
        # What is offloaded first is told by local bytes, whatever the conditions look at.
        ranked = any(isinstance(one.action, OffloadAction) and topics.get(one.name) for one in schedules)
        snapshot, sizes = self._bulk(asked, every, now, {Measure.LOCAL_BYTES} if ranked else set())
        snapshot = self._with_details(schedules, topics, sizes, snapshot)
        return Collected(replace(snapshot, labels=labels), topics, unlisted)

    # -- which topics

    def _labels(self, schedules: Sequence[Schedule]) -> tuple[dict[NamespaceName, Mapping[str, str]], dict[str, str]]:
        """Properties of the namespaces of schedules that ask for labels, and which schedules lack some."""
        found: dict[NamespaceName, Mapping[str, str]] = {}
        lacking: dict[str, str] = {}
        for schedule in (one for one in schedules if one.scope.labels):
            try:
                namespaces = self._namespaces(schedule.scope.scope)
                for namespace in namespaces:
                    if namespace not in found:
                        found[namespace] = self.numbers.namespace_properties(namespace)
            except Interrupted:
                raise
            except OffloadctlError as error:
                lacking[schedule.name] = f"labels of namespaces: {error.message}"
        return found, lacking

    def _namespaces(self, scope: Scope) -> Iterable[NamespaceName]:
        if scope.topics:
            return dict.fromkeys(topic.namespace_name for topic in scope.topics)
        if scope.namespaces:
            return scope.namespaces
        tenants = self.admin.tenants() if scope.everything else scope.tenants
        return [one for tenant in tenants for one in self.admin.namespaces(tenant).names if not one.is_system]

    def _topics(
        self,
        schedules: Sequence[Schedule],
        labels: Mapping[NamespaceName, Mapping[str, str]],
        unlabelled: Mapping[str, str],
    ) -> tuple[dict[str, tuple[TopicName, ...]], dict[str, str]]:
        """By schedule; one that lacks some is left out if it needs all of them."""
        listed: dict[Scope, tuple[tuple[TopicName, ...], str]] = {}
        found: dict[str, tuple[TopicName, ...]] = {}
        lacking: dict[str, str] = {}
        for schedule in schedules:
            if not _needs_topics(schedule):
                found[schedule.name] = ()
                continue
            scope = schedule.scope.scope
            if scope not in listed:
                listed[scope] = self._list(scope)
            topics, unlisted = listed[scope]
            why = "; ".join(one for one in (unlabelled.get(schedule.name), unlisted) if one)
            if why:
                lacking[schedule.name] = why
            if not why or (topics and not _needs_all(schedule)):
                found[schedule.name] = members(schedule.scope, topics, labels)
        return found, lacking

    def _list(self, scope: Scope) -> tuple[tuple[TopicName, ...], str]:
        """All that could be listed, and what could not."""
        try:
            if not scope.is_wide:
                return self._named(scope.topics)
            expanded = expand(self.admin, scope, StoppableClock(self.clock, self.stop))
        except Interrupted:
            raise
        except OffloadctlError as error:
            return (), error.message
        why = "; ".join(f"{one.name}: {one.reason.text}" for one in expanded.read.unread)
        return expanded.parts, why

    def _named(self, topics: Sequence[TopicName]) -> tuple[tuple[TopicName, ...], str]:
        """Their partitions; one that is not there stops no other one."""
        found: list[TopicName] = []
        gone: list[str] = []
        for topic in topics:
            try:
                found += find_target(self.admin, topic).parts
            except NotFound as error:
                gone.append(error.message)
        return tuple(found), "; ".join(gone)

    # -- their numbers

    def _bulk(
        self, asked: Sequence[Comparison], topics: frozenset[TopicName], now: datetime, more: AbstractSet[Measure]
    ) -> tuple[Snapshot, dict[TopicName, BulkSizes]]:
        compared = frozenset(one.measure for one in asked)
        wanted = compared | more
        scrapes, no_metrics = _attempt(self.numbers.broker_metrics, wanted & _OF_METRICS)
        scrapes = scrapes or ()
        totals = bulk.sizes(scrapes, bulk.TOTAL)
        is_lacking = Measure.LOCAL_BYTES in compared and not topics <= totals.keys()
        loads, no_loads = _attempt(self.numbers.topic_loads, is_lacking or wanted & _OF_STATS)
        bookies, no_bookies = _attempt(self.numbers.bookie_metrics, wanted & {Measure.BOOKIE_DISK})
        reports, no_reports = _attempt(self.numbers.load_reports, wanted & {Measure.BROKER_CPU})
        reads = _Reads(scrapes, loads or {}, bookies or (), reports or ())
        silent = "; ".join(f"{one.instance}: {one.why}" for one in scrapes if one.why)
        missing = {
            one.value: Number(bulk.SOURCES[one], why=_why(one, no_metrics or silent, no_loads, no_bookies, no_reports))
            for one in wanted
            if one is not Measure.PROMQL
        }
        queries, unanswered = self._queries(asked, now)
        found = {one: self._of_topics(one, reads, topics, asked, now) for one in wanted if one.is_of_topics}
        instances = {one: self._of_instances(one, reads) for one in wanted if not one.is_of_topics}
        snapshot = Snapshot(
            now,
            topics=found,
            instances={one: numbers for one, numbers in instances.items() if numbers},
            queries=queries,
            missing=missing | unanswered,
        )
        offloaded = bulk.sizes(scrapes, bulk.OFFLOADED)
        sizes = {topic: BulkSizes(totals[topic], offloaded.get(topic)) for topic in totals}
        if bulk.tell_of_every_topic(scrapes):
            idle = topics - totals.keys() - reads.loads.keys()
            sizes |= dict.fromkeys(idle, BulkSizes(is_idle=True))
        return snapshot, sizes

    def _of_topics(
        self,
        measure: Measure,
        reads: "_Reads",
        topics: frozenset[TopicName],
        asked: Sequence[Comparison],
        now: datetime,
    ) -> Mapping[TopicName, Number]:
        match measure:
            case Measure.LOCAL_BYTES:
                return bulk.local_bytes(reads.scrapes, reads.loads)
            case Measure.OLDEST_ELIGIBLE:
                # Nothing is stored that is not offloaded, so nothing can wait.
                local = bulk.local_bytes(reads.scrapes, {})
                return {topic: replace(one, value=0.0) for topic, one in local.items() if one.value == 0}
            case Measure.BACKLOG_BYTES | Measure.BACKLOG_MESSAGES:
                return bulk.backlogs(reads.loads, measure)
            case Measure.COLD_READS:
                return bulk.cold_reads(reads.scrapes)
            case _:
                if not reads.loads:
                    return {}
                telling = min(min(one.threshold, one.until) for one in asked if one.measure is measure)
                return self._reads.unread_for(topics, reads.loads, bulk.last_reads(reads.scrapes), now, telling)

    def _of_instances(self, measure: Measure, reads: "_Reads") -> Mapping[str, Number]:
        match measure:
            case Measure.BROKER_CPU:
                return bulk.processors(reads.reports)
            case Measure.BROKER_MEMORY | Measure.BROKER_DIRECT_MEMORY:
                return bulk.memory(reads.scrapes, measure)
            case Measure.BOOKIE_DISK:
                return bulk.disks(reads.bookies)
            case Measure.S3_ERRORS:
                return self._errors.rates(reads.scrapes)
            case _:
                return {}

    def _queries(
        self, asked: Sequence[Comparison], now: datetime
    ) -> tuple[dict[str, Mapping[str, Number]], dict[str, Number]]:
        found: dict[str, Mapping[str, Number]] = {}
        missing: dict[str, Number] = {}
        for query in dict.fromkeys(one.query for one in asked if one.query):
            if self.queries is None:
                missing[query] = Number("PromQL", why=_NO_QUERIES)
                continue
            try:
                answer = self.queries.instant(query, now)
            except Interrupted:
                raise
            except OffloadctlError as error:
                missing[query] = Number("PromQL", why=error.message)
                continue
            if answer:
                found[query] = answer
            else:
                missing[query] = Number("PromQL", why="the expression gives no series")
        return found, missing

    def _with_details(
        self,
        schedules: Sequence[Schedule],
        topics: Mapping[str, tuple[TopicName, ...]],
        sizes: Mapping[TopicName, BulkSizes],
        snapshot: Snapshot,
    ) -> Snapshot:
        candidates = dict.fromkeys(
            topic for one in schedules for topic in left_open(one, topics.get(one.name, ()), snapshot)
        )
        self.details.forget_others(frozenset(candidates))
        if not candidates:
            return snapshot
        wanted = Wanted.by(schedules, candidates, snapshot)
        self.details.read(candidates, sizes, snapshot.at, wanted)
        known = self.details.numbers(candidates, snapshot.at, wanted)
        waiting = Number(
            bulk.SOURCES[Measure.OLDEST_ELIGIBLE],
            why=f"not looked at this time: {self.details.left:,} topics wait to be asked for their ledgers, for "
            f"{self.details.seconds:g} s at an evaluation; its turn comes",
        )
        found = dict(snapshot.topics)
        for measure in (Measure.LOCAL_BYTES, Measure.OLDEST_ELIGIBLE):
            if measure in found:
                more = {topic: known[measure].get(topic, waiting) for topic in candidates}
                found[measure] = _better(found[measure], more)
        return replace(snapshot, topics=found)


@dataclass(frozen=True, slots=True)
class _Reads:
    """What bulk reads told."""

    scrapes: Sequence[Scrape] = ()
    loads: Mapping[TopicName, TopicLoad] = field(default_factory=dict)
    bookies: Sequence[Scrape] = ()
    reports: Sequence[LoadReport] = ()


def _attempt(read: Callable[[], Answer], wanted: object) -> tuple[Answer | None, str]:
    """The answer, or why there is none."""
    if not wanted:
        return None, ""
    try:
        return read(), ""
    except Interrupted:
        raise
    except OffloadctlError as error:
        return None, error.message


def _why(measure: Measure, metrics: str, loads: str, bookies: str, reports: str) -> str:
    match measure:
        case Measure.BOOKIE_DISK:
            return bookies or "no bookie is known: set bookie_urls"
        case Measure.BROKER_CPU:
            return reports or "no broker has told it"
        case Measure.OLDEST_ELIGIBLE:
            return _NOT_ASKED
        case Measure.BACKLOG_BYTES | Measure.BACKLOG_MESSAGES | Measure.UNREAD_FOR:
            return loads or _NOT_SERVED
        case _:
            return metrics or _NOT_SERVED


def _better(known: Mapping[TopicName, Number], more: Mapping[TopicName, Number]) -> dict[TopicName, Number]:
    """Details count where bulk numbers are no exact ones."""
    found = dict(known)
    for topic, number in more.items():
        old = known.get(topic)
        if old is None or old.value is None or (number.value is not None and old.bound is not Bound.EXACT):
            found[topic] = number
    return found


def _needs_topics(schedule: Schedule) -> bool:
    return not schedule.scope.is_plain or any(one.measure.is_of_topics for one in schedule.comparisons)


def _needs_all(schedule: Schedule) -> bool:
    """Whether nothing is decided by a part of its topics: sums would be wrong, and a trim needs the whole view."""
    if isinstance(schedule.action, TrimAction) and schedule.scope.scope.is_wide:
        return True
    return any(one.measure.is_of_topics and one.extent is not Extent.TOPIC for one in schedule.comparisons)
