"""The cluster of the soak, with topics that live for weeks, and the truth about it: what was written, what failed."""

import hashlib
import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from offloadctl.adapters.memory_lease import SharedLease
from offloadctl.demo.broker import Broker, Request, Response
from offloadctl.demo.faults import Fault
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.ledgers import ManagedLedgerMetadata, SimulatedLedger
from offloadctl.demo.messages import Producer
from offloadctl.demo.object_writer import LedgerObjects
from offloadctl.demo.policies import DELETION_LAG, THRESHOLD
from offloadctl.demo.tuning import Tuning
from offloadctl.errors import BrokerError
from offloadctl.format.keys import data_key
from offloadctl.model.decision import Intent
from offloadctl.model.ledger import OffloadState, Position
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.schedule import Schedule
from tests.soak.bucket import Cause, SoakBucket
from tests.soak.timeline import Timeline

if TYPE_CHECKING:
    from hashlib import _Hash

SHOP: Final = NamespaceName("acme", "shop")
"""Offloaded by our schedules."""
AUTO: Final = NamespaceName("acme", "auto")
"""Offloaded by brokers when a ledger is closed, and by our schedules."""
BRIEF: Final = NamespaceName("acme", "brief")
"""Whose topics come and go, and whose ledgers are kept for four days."""

CLICKS: Final = TopicName("acme", "shop", "clicks")
STEADY: Final = (
    *(TopicName("acme", "shop", name) for name in ("orders", "returns")),
    *(CLICKS.with_partition(number) for number in range(2)),
    *(TopicName("acme", "auto", name) for name in ("audit", "events")),
)
BRIEF_NAMES: Final = tuple(TopicName("acme", "brief", f"job-{number}") for number in range(3))

TOKEN: Final = "tok-7c1f9be0d2a84e55b3d6"
"""Of our processes: whatever they print or keep must not hold it."""

_HOUR: Final = 3600.0
_RETENTION_DAYS: Final = 4
_BLOCK: Final = 8 * 1024
_TUNING: Final = Tuning(
    max_entries_per_ledger=12, upload_rate=100.0, upload_overhead=10.0, trim_interval=timedelta(minutes=30)
)


class HttpTrouble:
    """What stands between our processes and the brokers, and for a while does harm."""

    ERRORS: Final = "http-500"
    AFTER: Final = "http-500-after-it-was-done"
    DENIED: Final = "http-403"

    def __init__(self, world: "World") -> None:
        self._world = world
        self.going_on: dict[str, datetime] = {}
        self.happened: Counter[str] = Counter()

    def take(self, trouble: str) -> bool:
        """Whether it happens to this request: to every second one, while it goes on."""
        now = self._world.clock.now()
        if now >= self.going_on.get(trouble, now) or self._world.random.random() < 1 / 2:
            return False
        self.happened[trouble] += 1
        return True


class _SoakBroker(Broker):
    def __init__(self, world: "World", name: str) -> None:
        super().__init__(world.cluster, name)
        self._world = world

    def meets(self, fault: Fault, request: Request) -> bool:
        """The same, and faster where there is none: each request is asked for twice."""
        return bool(self.cluster.faults._planted) and super().meets(fault, request)

    def answer(self, request: Request) -> Response:
        trouble = self._world.http
        # As proxies do that mean well: the whole request stands in the page of the error.
        page = f"<h1>it failed</h1>{request.method} {request.path} {dict(request.headers)}".encode()
        if trouble.take(trouble.ERRORS):
            return Response(500, page, "text/html")
        if trouble.take(trouble.DENIED):
            return Response(403, page, "text/html")
        answered = super().answer(request)
        return Response(500, page, "text/html") if trouble.take(trouble.AFTER) else answered


Objects = tuple[UUID, int]
"""An attempt to offload a ledger: the uuid of its two objects, and the ledger's id."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A request to offload, as it was sent."""

    process: str
    term: int
    newest_term: int
    """That anybody had when it was sent: if it is a later one, the request was late."""
    topic: TopicName
    before: Position
    at: datetime
    state: OffloadState
    """What the broker would have said of the topic just before."""
    to_move: int
    """So many ledgers it asked for that were not complete."""
    refused: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """That a process looked at schedules, and whether it lived to decide."""

    process: str
    at: datetime
    schedules: tuple[Schedule, ...]
    place: int
    """So many entries the log had then."""
    is_late: bool
    """Somebody else had the lease by then."""
    is_whole: bool = False


@dataclass
class Truth:
    """What really happened, told by nobody of those who are tested."""

    entries: "dict[int, _Hash]" = field(default_factory=dict)
    """What was published into each ledger."""
    counts: Counter[int] = field(default_factory=Counter)
    topics: dict[int, TopicName] = field(default_factory=dict)
    spoilt: dict[Objects, set[Fault]] = field(default_factory=dict)
    """What faults did to objects of complete offloads."""
    completed: dict[int, list[UUID]] = field(default_factory=dict)
    """The attempts of each ledger that came to their end."""
    triggers: list[Trigger] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    begun: list[tuple[str, int, Intent]] = field(default_factory=list)
    """Runs that really began, by process and term."""
    faults: Counter[str] = field(default_factory=Counter)
    """How often each was planted."""


class World:
    """Brokers, bucket, lease and producers, on one timeline."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(f"world {seed}")
        properties = {
            DELETION_LAG: 12 * 3600 * 1000,
            "s3ManagedLedgerOffloadMaxBlockSizeInBytes": _BLOCK,
            "managedLedgerOffloadMaxBlockSizeInBytes": _BLOCK,
        }
        self.memory = InMemoryCluster(tuning=_TUNING, seed=seed, properties=properties)
        self.clock, self.cluster = self.memory.clock, self.memory.cluster
        self.bucket = SoakBucket(self.memory.bucket, now=self.clock.now, random=random.Random(f"bucket {seed}"))
        self.memory.store = self.bucket
        self.cluster.stores = {self.bucket.bucket: self.bucket}
        self.timeline = Timeline(self.clock)
        self.truth = Truth()
        self.http = HttpTrouble(self)
        self.memory.brokers = {name: _SoakBroker(self, name) for name in self.memory.brokers}
        self.lease = SharedLease(self.clock)
        self.producers: dict[TopicName, Producer] = {}
        self._watch_faults()
        self._watch_crashes()
        self._make_topics()
        self._publish_hourly()

    # -- what brokers do wrong is remembered

    def _watch_faults(self) -> None:
        faults, offloading = self.cluster.faults, self.cluster.offloading
        take, lose, objects_of = faults.take, offloading._lose, offloading._objects
        met: list[Fault] = []

        def watched_take(fault: Fault, topic: TopicName | None) -> bool:
            happens = take(fault, topic)
            if happens:
                met.append(fault)
                self.truth.faults[fault] += 1
            return happens

        def watched_lose(store: Any, ledger: SimulatedLedger, topic: TopicName) -> None:
            if ledger.context is not None:
                self.truth.completed.setdefault(ledger.ledger_id, []).append(ledger.context.uuid)
            met.clear()
            lose(store, ledger, topic)
            if met and ledger.context is not None:
                self.truth.spoilt.setdefault((ledger.context.uuid, ledger.ledger_id), set()).update(met)

        def watched_objects(metadata: ManagedLedgerMetadata, ledger: SimulatedLedger, uuid: UUID) -> LedgerObjects:
            made = objects_of(metadata, ledger, uuid)
            if made.truncated:
                self.truth.spoilt.setdefault((uuid, ledger.ledger_id), set()).add(Fault.TRUNCATED_LEDGER)
            return made

        faults.take = watched_take  # type: ignore[method-assign]
        offloading._lose = watched_lose  # type: ignore[method-assign]
        offloading._objects = watched_objects  # type: ignore[method-assign]

    def _watch_crashes(self) -> None:
        crash = self.cluster.crash_broker

        def watched(broker: str) -> None:
            # Those under way are left open; a bucket that shows parts has them as open uploads already.
            for upload in self.cluster.offloading._threads[broker].running:
                key = data_key(upload.uuid, upload.ledger_id)
                self.bucket.left_open[key] = Cause("broker-killed-mid-upload", self.clock.now())
            crash(broker)

        self.cluster.crash_broker = watched  # type: ignore[method-assign]

    # -- topics and those who write to them

    def _make_topics(self) -> None:
        self.cluster.create_partitioned_topic(CLICKS, 2)
        for namespace in (SHOP, AUTO, BRIEF):
            self.cluster.create_namespace(namespace)
        self.cluster.namespaces[AUTO].set_field(THRESHOLD, 0)
        # Policies of namespaces hold defaults of their own.
        self.cluster.namespaces[AUTO].set_field("s3ManagedLedgerOffloadMaxBlockSizeInBytes", _BLOCK)
        keep = {"retentionTimeInMinutes": _RETENTION_DAYS * 24 * 60, "retentionSizeInMB": -1}
        self.cluster.namespaces[BRIEF].retention = keep
        for topic in (*STEADY, *BRIEF_NAMES):
            self.create(topic)
        self.cluster.refresh_stats()

    def create(self, topic: TopicName) -> None:
        """A topic, or one of that name anew."""
        self.cluster.create_topic(topic)
        number = self.cluster.next_ledger_id
        self.producers[topic] = Producer(f"p-{number}", self.clock.now(), payload_size=120, seed=number)

    def delete(self, topic: TopicName) -> None:
        """It is gone, and its producer."""
        self.cluster.delete_topic(topic)
        del self.producers[topic]

    def _publish_hourly(self) -> None:
        hour = self.clock.now().hour
        load = 1.0 + math.sin((hour - 8) / 24 * 2 * math.pi)
        for topic in list(self.producers):
            self.publish(topic, int(self.random.uniform(0, 7 * load)))
        self.timeline.after(_HOUR, self._publish_hourly)

    def publish(self, topic: TopicName, count: int) -> None:
        """So many entries; the truth knows in which ledger each is."""
        metadata = self.cluster.metadata.get(topic)
        if metadata is None:
            return
        self.cluster.advance()
        self.cluster.serve(topic)
        for entry in self.producers[topic].entries(count):
            ledger_id = metadata.last.ledger_id
            self.truth.entries.setdefault(ledger_id, hashlib.sha256()).update(entry)
            self.truth.counts[ledger_id] += 1
            self.truth.topics[ledger_id] = topic
            self.cluster.publish(topic, [entry])

    # -- what is asked of it

    def watched_trigger(
        self, process: str, term: int, topic: TopicName, before: Position, send: Callable[[TopicName, Position], None]
    ) -> None:
        """Send it, and remember that it was, and what came of it."""
        self.cluster.advance()
        loaded, metadata = self.cluster.loaded_topic(topic), self.cluster.metadata_of(topic)
        state = loaded.status.state if loaded is not None else OffloadState.NOT_RUN
        ledgers = metadata.ascending[:-1] if metadata is not None else ()
        to_move = sum(one.ledger_id < before.ledger_id and not one.is_offloaded for one in ledgers)
        where = (process, term, self.lease.epoch, topic, before, self.clock.now(), state, to_move)
        try:
            send(topic, before)
        except BrokerError as error:
            self.truth.triggers.append(Trigger(*where, refused=error.status == 409, error=error.code))
            raise
        except BaseException:
            self.truth.triggers.append(Trigger(*where, error="killed"))
            raise
        self.truth.triggers.append(Trigger(*where))

    def is_stuck(self, topic: TopicName) -> bool:
        """Whether its status says RUNNING, and no thread has anything of it."""
        loaded = self.cluster.loaded_topic(topic)
        if loaded is None or loaded.run is None:
            return False
        threads = self.cluster.offloading._threads.values()
        return not any(one.run is loaded.run for each in threads for one in (*each.running, *each.waiting))

    def stalled_brokers(self) -> tuple[str, ...]:
        """Those with a thread that waits for ever."""
        threads = self.cluster.offloading._threads
        return tuple(name for name, one in threads.items() if any(upload.stalls for upload in one.running))

    @property
    def uploads_under_way(self) -> frozenset[str]:
        """The keys of those that go on."""
        threads = self.cluster.offloading._threads.values()
        return frozenset(data_key(one.uuid, one.ledger_id) for each in threads for one in each.running)
