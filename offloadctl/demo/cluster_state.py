"""A simulated Pulsar cluster: brokers, topics, ledgers and their offload, as a state machine driven by a clock.

There are no threads in here and no HTTP. `advance` does whatever has become due by the clock's time; whoever serves
requests calls it before each of them. What changes the cluster holds its `lock`; who reads more than once takes it too.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import wraps
from typing import Concatenate, Final, ParamSpec, TypeVar
from uuid import UUID

from offloadctl.demo.bundles import bundle_number, bundles
from offloadctl.demo.faults import Faults
from offloadctl.demo.ledgers import ManagedLedgerMetadata, SimulatedLedger, repeated
from offloadctl.demo.messages import size_without_broker_metadata
from offloadctl.demo.object_writer import delete_objects
from offloadctl.demo.offloading import LoadedTopic, Offloading
from offloadctl.demo.policies import EffectivePolicy, JsonValue, NamespacePolicies, TopicPolicies, merged
from offloadctl.demo.trimming import Retention, delete_from_bookkeeper, expired
from offloadctl.demo.tuning import Tuning, broker_properties
from offloadctl.errors import StoreError
from offloadctl.model.ledger import Position
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.ports import Clock, WritableObjectStore
from offloadctl.units import finite_duration


class NoSuchTopic(LookupError):
    """The topic is not in the metadata."""


class TopicTerminated(Exception):
    """The topic takes no messages any more."""


_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def _locked(
    method: "Callable[Concatenate[SimulatedCluster, _Parameters], _Result]",
) -> "Callable[Concatenate[SimulatedCluster, _Parameters], _Result]":
    """The method, one thread at a time."""

    @wraps(method)
    def locked(self: "SimulatedCluster", /, *args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        with self.lock:
            return method(self, *args, **kwargs)

    return locked


class SimulatedCluster:
    """Everything that the brokers of one cluster share, and what each has in memory."""

    def __init__(
        self,
        clock: Clock,
        stores: Iterable[WritableObjectStore] = (),
        *,
        name: str = "standalone",
        version: str = "4.0.7",
        brokers: tuple[str, ...] = ("broker-1:8080", "broker-2:8080"),
        properties: Mapping[str, JsonValue] | None = None,
        tuning: Tuning | None = None,
        first_ledger_id: int = 3,
        seed: int | None = None,
    ) -> None:
        self.clock = clock
        self.name = name
        self.version = version
        self.brokers = brokers
        """`host:port` of each one's admin service; the first is the leader."""
        self.tuning = tuning or Tuning()
        self.lock = threading.RLock()
        self.faults = Faults()
        self.started_at = clock.now()
        self.dynamic_configuration: dict[str, str] = {}
        self.stores = {store.bucket: store for store in stores}
        default = next(map(broker_properties, self.stores), {})
        self.properties: dict[str, JsonValue] = dict(default if properties is None else properties)
        self.tenants: dict[str, tuple[str, ...]] = {"public": (), "pulsar": ()}
        """Each with its admin roles."""
        self.namespaces: dict[NamespaceName, NamespacePolicies] = {
            NamespaceName("public", "default"): NamespacePolicies()
        }
        self.partitioned: dict[TopicName, int] = {}
        self.topic_policies = TopicPolicies()
        self.topic_retention: dict[TopicName, dict[str, int]] = {}
        self.metadata: dict[TopicName, ManagedLedgerMetadata] = {}
        self.loaded: dict[TopicName, LoadedTopic] = {}
        self.topics_loaded: Counter[str] = Counter()
        """How often each broker had to load a topic."""
        self.reclaimed_bytes = 0
        """What trimming has freed on each bookie that had a copy."""
        self.served_at_last_stats: dict[TopicName, str] = {}
        self.next_ledger_id = first_ledger_id
        self._random = random.Random(seed)  # noqa: S311 - uuids of a simulation
        self._bundle_owners: dict[tuple[NamespaceName, int], str] = {}
        self._next_trim = clock.now() + self.tuning.trim_interval
        self._next_stats = clock.now() + self.tuning.stats_interval
        self.offloading = Offloading(self, brokers, self.tuning)

    # -- what there is

    @_locked
    def create_namespace(self, namespace: NamespaceName) -> NamespacePolicies:
        """A namespace, and its tenant if need be."""
        self.tenants.setdefault(namespace.tenant, ())
        return self.namespaces.setdefault(namespace, NamespacePolicies())

    @_locked
    def create_topic(self, topic: TopicName) -> ManagedLedgerMetadata:
        """A topic without a ledger; it is not loaded yet."""
        self.create_namespace(topic.namespace_name)
        now = self.clock.now()
        return self.metadata.setdefault(topic, ManagedLedgerMetadata(topic, now, now))

    @_locked
    def create_partitioned_topic(self, topic: TopicName, partitions: int) -> None:
        """A partitioned topic with all its partitions, or more partitions for one that exists."""
        self.partitioned[topic] = partitions
        for number in range(partitions):
            self.create_topic(topic.with_partition(number))

    def metadata_of(self, topic: TopicName) -> ManagedLedgerMetadata | None:
        """The topic's ledgers, or None if there is no such topic."""
        return self.metadata.get(topic)

    def loaded_topic(self, topic: TopicName) -> LoadedTopic | None:
        """What the serving broker has in memory, or None if none serves the topic."""
        return self.loaded.get(topic)

    def existing(self, topic: TopicName) -> ManagedLedgerMetadata:
        """The topic's ledgers; raises NoSuchTopic."""
        metadata = self.metadata.get(topic)
        if metadata is None:
            raise NoSuchTopic(str(topic))
        return metadata

    # -- who serves what

    def bundle_of(self, topic: TopicName) -> str:
        """The namespace bundle that the topic is in."""
        return bundles(self._bundle_count(topic))[bundle_number(topic, self._bundle_count(topic))]

    def owner_of(self, topic: TopicName) -> str:
        """The broker that serves the topic, or would if it were loaded."""
        number = bundle_number(topic, self._bundle_count(topic))
        default = self.brokers[number % len(self.brokers)]
        return self._bundle_owners.get((topic.namespace_name, number), default)

    @_locked
    def move_bundle(self, topic: TopicName, broker: str) -> None:
        """Give the topic's bundle to a broker; its topics are unloaded from where they are."""
        if broker not in self.brokers:
            raise ValueError(f"no broker {broker}; there are {', '.join(self.brokers)}")
        if self.owner_of(topic) != broker:
            self.unload_bundle(topic.namespace_name, self.bundle_of(topic))
        self._bundle_owners[topic.namespace_name, bundle_number(topic, self._bundle_count(topic))] = broker

    @_locked
    def unload_bundle(self, namespace: NamespaceName, bundle: str | None = None) -> None:
        """Unload all topics of a bundle, or of the whole namespace."""
        for topic in list(self.loaded):
            if topic.namespace_name == namespace and bundle in (None, self.bundle_of(topic)):
                self.unload(topic)

    @_locked
    def serve(self, topic: TopicName) -> LoadedTopic:
        """The topic in its broker's memory; an idle one is loaded, which is counted and changes its ledgers."""
        loaded = self.loaded.get(topic)
        if loaded is not None:
            return loaded
        metadata, now = self.existing(topic), self.clock.now()
        if self.tuning.broker_entry_index and metadata.last_index is None:
            metadata.last_index = -1
        for_reading = metadata.terminated_at is not None
        if not for_reading:
            self._recover(metadata, now)
        loaded = LoadedTopic(self.owner_of(topic), last_confirmed=metadata.last_position, for_reading=for_reading)
        self.loaded[topic] = loaded
        self.topics_loaded[loaded.broker] += 1
        if self.tuning.offload_on_topic_load:
            self.offloading.start_automatic(topic, loaded, now)
        return loaded

    @_locked
    def unload(self, topic: TopicName) -> None:
        """The broker forgets the topic; what its metadata says stays."""
        loaded = self._forget(topic)
        if loaded is not None:
            self.existing(topic).close_cursors(self.clock.now())

    def _forget(self, topic: TopicName) -> LoadedTopic | None:
        loaded = self.loaded.pop(topic, None)
        if loaded is not None and loaded.run is not None:
            loaded.run.detached = True
        return loaded

    @_locked
    def crash_broker(self, broker: str) -> None:
        """The broker dies and comes back: no upload of it ends, and it serves nothing until it is asked."""
        self.offloading.forget(broker)
        for topic in [topic for topic, loaded in self.loaded.items() if loaded.broker == broker]:
            self._forget(topic)

    # -- writing and deleting

    @_locked
    def publish(self, topic: TopicName, entries: Iterable[bytes], *, messages_per_entry: int = 1) -> None:
        """Store entries; a full ledger is closed and the next one opened."""
        loaded, metadata = self.serve(topic), self.existing(topic)
        if metadata.terminated_at is not None:
            raise TopicTerminated(str(topic))
        for entry in entries:
            ledger = metadata.last
            ledger.append(entry)
            loaded.entries_added += 1
            loaded.messages_in += messages_per_entry
            loaded.bytes_in += size_without_broker_metadata(entry)
            loaded.last_confirmed = Position(ledger.ledger_id, ledger.entry_count - 1)
            if metadata.last_index is not None:
                metadata.last_index += messages_per_entry
            if ledger.entry_count >= self.tuning.max_entries_per_ledger:
                self.roll_over(topic)

    @_locked
    def roll_over(self, topic: TopicName) -> None:
        """Close the open ledger and open the next one; then trim, then offload automatically, as the broker does."""
        loaded, metadata, now = self.serve(topic), self.existing(topic), self.clock.now()
        if metadata.terminated_at is not None or not metadata.last.entry_count:
            return
        metadata.last.closed_at = now
        metadata.opened(self._new_ledger(now), now)
        self.trim(topic)
        self.offloading.start_automatic(topic, loaded, now)

    @_locked
    def add_closed_ledgers(
        self, topic: TopicName, count: int, *, entries: int, entry: bytes, every: timedelta = timedelta(minutes=10)
    ) -> None:
        """Closed ledgers that hold the same entry over and over, the newest closed now: many, fast, in no memory.

        The topic stays idle, and its metadata is as if a broker had written them one after the other.
        """
        if topic in self.loaded:
            raise ValueError(f"{topic} is loaded: unload it first")
        metadata, now = self.create_topic(topic), self.clock.now()
        if metadata.terminated_at is not None:
            raise TopicTerminated(str(topic))
        metadata.close_last(now - count * every)
        source, length = repeated(entry, entries), entries * len(entry)
        for left in range(count - 1, -1, -1):
            closed_at = now - left * every
            ledger = SimulatedLedger(
                self.next_ledger_id, closed_at - every, entries, length, closed_at=closed_at, source=source
            )
            self.next_ledger_id += 1
            metadata.opened(ledger, closed_at)
        metadata.created_at = min(metadata.created_at, now - count * every)

    @_locked
    def terminate(self, topic: TopicName) -> Position:
        """Close the topic for good; its last ledger never gets its counts into the metadata."""
        loaded, metadata = self.serve(topic), self.existing(topic)
        if metadata.terminated_at is None:
            last = metadata.last
            metadata.terminated_at = loaded.last_confirmed = Position(last.ledger_id, last.entry_count - 1)
            metadata.written(self.clock.now())
        return metadata.terminated_at

    @_locked
    def truncate(self, topic: TopicName) -> None:
        """Delete all closed ledgers, offloaded ones with their objects."""
        self.serve(topic)
        metadata = self.existing(topic)
        self._drop(metadata, [ledger for ledger in metadata.ascending if ledger.closed_at is not None])

    @_locked
    def delete_topic(self, topic: TopicName) -> None:
        """The topic with all its objects."""
        metadata = self.existing(topic)
        self.unload(topic)
        del self.metadata[topic]
        self.topic_policies.forget(topic)
        self.topic_retention.pop(topic, None)
        for ledger in metadata.ledgers.values():
            self._delete_objects(ledger)

    @_locked
    def delete_partitioned_topic(self, topic: TopicName) -> None:
        """A partitioned topic with all its partitions."""
        for number in range(self.partitioned.pop(topic)):
            if topic.with_partition(number) in self.metadata:
                self.delete_topic(topic.with_partition(number))
        self.topic_policies.forget(topic)
        self.topic_retention.pop(topic, None)

    @_locked
    def trim(self, topic: TopicName) -> None:
        """Delete what retention lets go, and BookKeeper's copies of what was offloaded long enough ago."""
        metadata, now = self.existing(topic), self.clock.now()
        freed = self._drop(metadata, expired(metadata, self.retention_of(topic), now))
        policy = self.policy_of(topic)
        lag = finite_duration(policy.deletion_lag_ms)
        if self.has_offloader(policy) and lag is not None:
            freed += delete_from_bookkeeper(metadata, lag, now)
        self.reclaimed_bytes += freed

    # -- settings

    def retention_of(self, topic: TopicName) -> Retention:
        """How long and how much is kept of what is consumed: the topic's own wish, the namespace's, the default."""
        of_topic = self.topic_retention.get(topic.parent) or self.topic_policies.retention_everywhere.get(topic.parent)
        policy = of_topic or self.namespaces[topic.namespace_name].retention
        if policy is None:
            return Retention(self.tuning.retention_minutes, self.tuning.retention_mebibytes)
        return Retention(policy["retentionTimeInMinutes"], policy["retentionSizeInMB"])

    def policy_of(self, topic: TopicName) -> EffectivePolicy:
        """What the offloader makes of the merged policy; a partition has its parent's."""
        namespace = self.namespaces[topic.namespace_name].in_force
        return EffectivePolicy.of(merged(self.topic_policies.in_force(topic.parent), namespace, self.properties))

    def has_offloader(self, policy: EffectivePolicy) -> bool:
        """Whether the broker could create the offloader that the policy asks for."""
        return policy.driver is not None and policy.bucket in self.stores

    def store_of(self, bucket: str | None) -> WritableObjectStore | None:
        """The bucket of that name, or None."""
        return self.stores.get(bucket) if bucket is not None else None

    def new_uuid(self) -> UUID:
        """A random uuid."""
        return UUID(int=self._random.getrandbits(128), version=4)

    # -- time

    @_locked
    def advance(self) -> None:
        """Do everything that is due by now."""
        now = self.clock.now()
        while self.offloading.finish_next(now) is not None:
            pass
        self.offloading.grow(now)
        if now >= self._next_trim:
            self._next_trim = now + self.tuning.trim_interval
            for topic in list(self.loaded):
                self.trim(topic)
        if now >= self._next_stats:
            self.refresh_stats()

    @_locked
    def refresh_stats(self) -> None:
        """Let broker-stats see the topics that are loaded now, as a broker does once a minute."""
        self._next_stats = self.clock.now() + self.tuning.stats_interval
        self.served_at_last_stats = {topic: loaded.broker for topic, loaded in self.loaded.items()}

    # -- helpers

    def _bundle_count(self, topic: TopicName) -> int:
        return self.namespaces.get(topic.namespace_name, _UNKNOWN_NAMESPACE).bundle_count

    def _new_ledger(self, now: datetime) -> SimulatedLedger:
        ledger = SimulatedLedger(self.next_ledger_id, now)
        self.next_ledger_id += 1
        return ledger

    def _recover(self, metadata: ManagedLedgerMetadata, now: datetime) -> None:
        """Loading closes the ledger that was open, or drops it if it is empty, and opens a new one."""
        metadata.close_last(now)
        metadata.opened(self._new_ledger(now), now)

    def _drop(self, metadata: ManagedLedgerMetadata, gone: list[SimulatedLedger]) -> int:
        """Take ledgers out of the metadata first, then delete their objects; tells BookKeeper's bytes."""
        if not gone:
            return 0
        for ledger in gone:
            del metadata.ledgers[ledger.ledger_id]
        metadata.written(self.clock.now())
        for ledger in gone:
            self._delete_objects(ledger)
        return sum(ledger.bookkeeper_bytes for ledger in gone)

    def _delete_objects(self, ledger: SimulatedLedger) -> None:
        store = self.store_of(ledger.context.bucket) if ledger.context is not None else None
        if ledger.context is not None and store is not None:
            # The metadata is written first, so what cannot be deleted now is an orphan for ever.
            with suppress(StoreError):
                delete_objects(store, ledger.context.uuid, ledger.ledger_id)


_UNKNOWN_NAMESPACE: Final = NamespacePolicies()
