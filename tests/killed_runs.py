"""Commands that die between two effects, on a simulated cluster, with a journal that outlives them."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, cast

from offloadctl.adapters.memory_journal import JournalStore, MemoryJournal
from offloadctl.adapters.sqlite_journal import SqliteJournal
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.messages import Producer
from offloadctl.demo.tuning import Tuning
from offloadctl.errors import Busy
from offloadctl.model.journal import Actor, RunStart
from offloadctl.model.ledger import OffloadState, Position
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.offload import OffloadRun, OffloadWish
from offloadctl.model.scope import Scope
from offloadctl.operations.confirm import ObjectsInStores
from offloadctl.operations.offload import Offload
from offloadctl.operations.offload_run import OffloadTopics
from offloadctl.operations.run_record import recording
from offloadctl.ports import BrokerAdmin, Clock
from offloadctl.ports.journal import Journal
from offloadctl.units import ByteSize

SHOP: Final = NamespaceName("acme", "shop")
LEDGERS: Final = 2
"""So many of each topic can move."""
START: Final = RunStart("test", "demo", Actor("ann", "here", 1), "offload namespace acme/shop -s 0")

_EFFECTS: Final = frozenset(
    {"begin_run", "plan_steps", "begin_step", "end_step", "end_run", "trigger_offload", "offload_status"}
)
"""The broker's status is none, but each poll of it is another moment to die at."""


class Killed(BaseException):
    """kill -9: nothing of the process runs any more."""


@dataclass
class Life:
    """A process that dies right before or after an effect, by its number; it counts those that it has lived to see."""

    ends_at: int | None = None
    effects: int = 0
    is_over: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def goes_on(self) -> None:
        """Die here, if it is time."""
        with self._lock:
            self.effects += not self.is_over
            self.is_over = self.is_over or self.effects == self.ends_at
            if self.is_over:
                raise Killed

    def around(self, port: object) -> Any:
        """The port, whose effects are moments to die at."""
        return _Mortal(port, self)


class _Mortal:
    def __init__(self, port: object, life: Life) -> None:
        self._port = port
        self._life = life

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name not in _EFFECTS:
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            self._life.goes_on()
            answer = found(*arguments, **named)
            self._life.goes_on()
            return answer

        return call


@dataclass
class Request:
    """A request to offload, and what the broker made of it."""

    topic: TopicName
    before: Position
    state: OffloadState
    """What the broker would have said of the topic just before."""
    refused: bool = False


@dataclass
class Stage:
    """A cluster with topics of a few closed ledgers each, a journal, and every request that was sent."""

    topics: int = 1
    directory: Path | None = None
    """For a journal in SQLite; in memory without it."""
    requests: list[Request] = field(default_factory=list)
    store: JournalStore = field(default_factory=JournalStore)

    def __post_init__(self) -> None:
        # An upload takes longer than the first few polls.
        tuning = Tuning(upload_rate=1e9, upload_overhead=1.0, max_entries_per_ledger=10)
        self.world = InMemoryCluster(tuning=tuning, brokers=("broker-1:8080",))
        for topic in self.names:
            self.world.cluster.create_topic(topic)
            entries = Producer("tests", self.clock.now(), payload_size=100).entries(10 * LEDGERS + 5)
            self.world.cluster.publish(topic, entries)
        self.world.cluster.refresh_stats()

    @property
    def names(self) -> list[TopicName]:
        """All topics."""
        return [TopicName("acme", "shop", f"t{number}") for number in range(self.topics)]

    @property
    def clock(self) -> Clock:
        """The cluster's."""
        return self.world.clock

    def open_journal(self) -> MemoryJournal | SqliteJournal:
        """As the next process opens it."""
        if self.directory is not None:
            return SqliteJournal(self.directory, self.clock)
        return MemoryJournal(self.clock, self.store)

    def command(self, life: Life | None = None, *, wait: bool = True) -> OffloadRun | None:
        """`offload namespace acme/shop -s 0`; None if it was killed."""
        lived = life or Life()
        journal = self.open_journal()
        try:
            with suppress(Killed):
                return self._run(cast("Journal", lived.around(journal)), lived, wait=wait)
            return None
        finally:
            # The process is gone, and what it had locked is free.
            journal.close()

    def moved(self, topic: TopicName) -> int:
        """How many of its ledgers are complete."""
        with self.world.cluster.lock:
            return sum(ledger.is_offloaded for ledger in self.world.cluster.metadata[topic].ascending)

    def unload(self) -> None:
        """All topics, as brokers do with what nobody uses."""
        with self.world.cluster.lock:
            for topic in self.names:
                self.world.cluster.unload(topic)

    def work(self, admin: BrokerAdmin) -> OffloadTopics:
        """The operation."""
        ports = replace(self.world.ports(), admin=admin)
        return OffloadTopics(Offload(ports, OffloadWish(ByteSize(0)), 600, ObjectsInStores(ports.stores)))

    def _run(self, journal: Journal, life: Life, *, wait: bool) -> OffloadRun:
        with self.world.admin() as admin:
            work = self.work(cast("BrokerAdmin", life.around(_Watched(admin, self._sent))))
            with recording(journal, START) as record:
                work = replace(work, record=record)
                return record.close(work.act(work.plan(Scope.of(namespaces=[SHOP])), wait=wait))

    def _sent(self, topic: TopicName, before: Position, send: Callable[[TopicName, Position], None]) -> None:
        with self.world.cluster.lock:
            loaded = self.world.cluster.loaded_topic(topic)
            request = Request(topic, before, loaded.status.state if loaded is not None else OffloadState.NOT_RUN)
        self.requests.append(request)
        try:
            send(topic, before)
        except Busy:
            request.refused = True
            raise


class _Watched:
    def __init__(self, admin: BrokerAdmin, on_trigger: Callable[..., None]) -> None:
        self._admin = admin
        self._on_trigger = on_trigger

    def trigger_offload(self, topic: TopicName, before: Position) -> None:
        self._on_trigger(topic, before, self._admin.trigger_offload)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._admin, name)
