"""A simulated Pulsar cluster: brokers, topics, ledgers and their offload, as a state machine driven by a clock.

There are no threads in here and no HTTP. `advance` does whatever has become due by the clock's time; whoever serves
requests calls it before each of them, under `lock`.
"""

import random
import threading
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from offloadctl.demo.faults import Faults
from offloadctl.demo.ledgers import ManagedLedgerMetadata, SimulatedLedger
from offloadctl.demo.object_writer import delete_objects
from offloadctl.demo.offloading import LoadedTopic, Offloading
from offloadctl.demo.policies import EffectivePolicy, JsonValue, NamespacePolicies, PolicyJson, merged
from offloadctl.errors import StoreError
from offloadctl.model.ledger import Position
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.ports import Clock, WritableObjectStore

BUNDLES: Final = ("0x00000000_0x40000000", "0x40000000_0x80000000", "0x80000000_0xc0000000", "0xc0000000_0xffffffff")
"""What a namespace has by default (defaultNumberOfNamespaceBundles=4)."""

DEFAULT_BLOCK_SIZE: Final = 6 * 1024 * 1024
"""Above maxMessageSize + 10 KiB + 140, so that every message fits, and small enough to see several blocks."""


class NoSuchTopic(LookupError):
    """The topic is not in the metadata."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """How the cluster behaves in time and size."""

    upload_rate: float = 32 * 1024 * 1024
    """Bytes a second that one offload thread uploads."""
    upload_overhead: float = 0.05
    """Seconds that each ledger takes beside its bytes."""
    offload_threads: int = 2
    max_entries_per_ledger: int = 1000
    trim_interval: timedelta = timedelta(seconds=120)
    """retentionCheckIntervalInSeconds."""
    stats_interval: timedelta = timedelta(seconds=60)
    """statsUpdateFrequencyInSecs: so old may be what broker-stats says about loaded topics."""
    retention_minutes: int = -1
    """Broker default. Pulsar's own is 0: topics without a subscription would lose each closed ledger at once."""
    offload_on_topic_load: bool = False
    broker_entry_index: bool = False
    """Whether entries begin with broker entry metadata, as with Pulsar's index interceptor."""


def broker_properties(
    bucket: str,
    *,
    endpoint: str = "http://127.0.0.1:9000",
    region: str = "us-east-1",
    driver: str = "aws-s3",
    max_block_size: int = DEFAULT_BLOCK_SIZE,
    deletion_lag_ms: int = 4 * 3600 * 1000,
) -> dict[str, JsonValue]:
    """What a sound broker.conf says about offload: both families of keys, equal."""
    both: dict[str, JsonValue] = {
        "Bucket": bucket,
        "Region": region,
        "ServiceEndpoint": endpoint,
        "MaxBlockSizeInBytes": max_block_size,
    }
    properties: dict[str, JsonValue] = {
        "offloadersDirectory": "/pulsar/offloaders",
        "managedLedgerOffloadDriver": driver,
        "managedLedgerOffloadDeletionLagInMillis": deletion_lag_ms,
    }
    for name, value in both.items():
        properties[f"s3ManagedLedgerOffload{name}"] = value
        properties[f"managedLedgerOffload{name}"] = value
    return properties


class SimulatedCluster:
    """Everything that the brokers of one cluster share, and what each has in memory."""

    def __init__(
        self,
        clock: Clock,
        stores: Iterable[WritableObjectStore] = (),
        *,
        name: str = "standalone",
        version: str = "4.0.7",
        brokers: tuple[str, ...] = ("broker-1", "broker-2"),
        properties: Mapping[str, JsonValue] | None = None,
        tuning: Tuning | None = None,
        first_ledger_id: int = 3,
        seed: int | None = None,
    ) -> None:
        self.clock = clock
        self.name = name
        self.version = version
        self.brokers = brokers
        self.tuning = tuning or Tuning()
        self.lock = threading.RLock()
        self.faults = Faults()
        self.stores = {store.bucket: store for store in stores}
        first_bucket = next(iter(self.stores), None)
        default = broker_properties(first_bucket) if first_bucket is not None else {}
        self.properties: dict[str, JsonValue] = dict(default if properties is None else properties)
        self.tenants: list[str] = ["public", "pulsar"]
        self.namespaces: dict[NamespaceName, NamespacePolicies] = {
            NamespaceName("public", "default"): NamespacePolicies()
        }
        self.partitioned: dict[TopicName, int] = {}
        self.topic_policies: dict[TopicName, PolicyJson] = {}
        self.metadata: dict[TopicName, ManagedLedgerMetadata] = {}
        self.loaded: dict[TopicName, LoadedTopic] = {}
        self.topics_loaded: Counter[str] = Counter()
        self.reclaimed_bytes = 0
        self.served_at_last_stats: dict[TopicName, str] = {}
        self.next_ledger_id = first_ledger_id
        self._random = random.Random(seed)  # noqa: S311 - uuids of a simulation
        self._bundle_owners: dict[tuple[NamespaceName, str], str] = {}
        self._next_trim = self._next_stats = clock.now()
        tuned = self.tuning
        self.offloading = Offloading(
            self, brokers, threads=tuned.offload_threads, rate=tuned.upload_rate, overhead=tuned.upload_overhead
        )

    # -- what there is

    def create_namespace(self, namespace: NamespaceName) -> NamespacePolicies:
        """A namespace, and its tenant if need be."""
        if namespace.tenant not in self.tenants:
            self.tenants.append(namespace.tenant)
        return self.namespaces.setdefault(namespace, NamespacePolicies())

    def create_topic(self, topic: TopicName) -> ManagedLedgerMetadata:
        """A topic without a message; it is not loaded yet."""
        self.create_namespace(topic.namespace_name)
        now = self.clock.now()
        return self.metadata.setdefault(topic, ManagedLedgerMetadata(topic, now, now))

    def create_partitioned_topic(self, topic: TopicName, partitions: int) -> None:
        """A partitioned topic with all its partitions."""
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
        """The namespace bundle: CRC-32 of the full name, as NamespaceBundleFactory.java computes it."""
        return BUNDLES[zlib.crc32(str(topic).encode()) * len(BUNDLES) >> 32]

    def owner_of(self, topic: TopicName) -> str:
        """The broker that serves the topic, or would if it were loaded."""
        bundle = self.bundle_of(topic)
        default = self.brokers[BUNDLES.index(bundle) % len(self.brokers)]
        return self._bundle_owners.get((topic.namespace_name, bundle), default)

    def move_bundle(self, topic: TopicName, broker: str) -> None:
        """Give the topic's bundle to a broker; its topics are unloaded from where they are."""
        if broker not in self.brokers:
            raise ValueError(f"no broker {broker}; there are {', '.join(self.brokers)}")
        bundle = (topic.namespace_name, self.bundle_of(topic))
        if self.owner_of(topic) != broker:
            for other in list(self.loaded):
                if (other.namespace_name, self.bundle_of(other)) == bundle:
                    self.unload(other)
        self._bundle_owners[bundle] = broker

    def serve(self, topic: TopicName) -> LoadedTopic:
        """The topic in its broker's memory; an idle one is loaded, which is counted and changes its ledgers."""
        loaded = self.loaded.get(topic)
        if loaded is not None:
            return loaded
        metadata, now = self.existing(topic), self.clock.now()
        loaded = self.loaded[topic] = LoadedTopic(self.owner_of(topic))
        self.topics_loaded[loaded.broker] += 1
        self._recover(metadata, now)
        self.trim(topic)
        if self.tuning.offload_on_topic_load:
            self.offloading.start_automatic(topic, loaded, now)
        return loaded

    def unload(self, topic: TopicName) -> None:
        """The broker forgets the topic; what its metadata says stays."""
        loaded = self.loaded.pop(topic, None)
        if loaded is not None and loaded.run is not None:
            loaded.run.detached = True

    def crash_broker(self, broker: str) -> None:
        """The broker dies and comes back: no upload of it ends, and it serves nothing until it is asked."""
        self.offloading.forget(broker)
        for topic in [topic for topic, loaded in self.loaded.items() if loaded.broker == broker]:
            self.unload(topic)

    # -- writing and deleting

    def publish(self, topic: TopicName, entries: Iterable[bytes], *, messages: int | None = None) -> None:
        """Store entries; a full ledger is closed and the next one opened. `messages` is their number if batched."""
        loaded, before = self.serve(topic), 0
        metadata = self.existing(topic)
        for before, entry in enumerate(entries, start=1):  # noqa: B007 - the count is read after the loop
            metadata.last.append(entry)
            loaded.bytes_in += len(entry)
            if metadata.last.entry_count >= self.tuning.max_entries_per_ledger:
                loaded.entries_added += 1
                self.roll_over(topic)
            else:
                loaded.entries_added += 1
        loaded.messages_in += before if messages is None else messages

    def roll_over(self, topic: TopicName) -> None:
        """Close the open ledger and open the next one; then trim, then offload automatically, as the broker does."""
        loaded, metadata, now = self.serve(topic), self.existing(topic), self.clock.now()
        metadata.last.closed_at = now
        metadata.opened(self._new_ledger(now), now)
        self.trim(topic)
        self.offloading.start_automatic(topic, loaded, now)

    def terminate(self, topic: TopicName) -> Position:
        """Close the topic for good; its last ledger is closed and no new one is opened."""
        self.serve(topic)
        metadata, now = self.existing(topic), self.clock.now()
        metadata.terminated_at = last_position(metadata)
        metadata.last.closed_at = now
        metadata.written(now)
        return metadata.terminated_at

    def delete_topic(self, topic: TopicName) -> None:
        """The topic with all its objects."""
        metadata = self.existing(topic)
        self.unload(topic)
        del self.metadata[topic]
        self.topic_policies.pop(topic, None)
        for ledger in metadata.ledgers.values():
            self._delete_objects(ledger)

    def delete_partitioned_topic(self, topic: TopicName) -> None:
        """A partitioned topic with all its partitions."""
        for number in range(self.partitioned.pop(topic)):
            if topic.with_partition(number) in self.metadata:
                self.delete_topic(topic.with_partition(number))
        self.topic_policies.pop(topic, None)

    def trim(self, topic: TopicName) -> None:
        """Delete what retention lets go, and BookKeeper's copies of what was offloaded long enough ago."""
        metadata, now = self.existing(topic), self.clock.now()
        gone = self._expired(metadata, now)
        for ledger in gone:
            del metadata.ledgers[ledger.ledger_id]
        freed = self._delete_from_bookkeeper(metadata, now)
        if gone or freed:
            metadata.written(now)
        for ledger in gone:
            freed += ledger.bookkeeper_bytes
            self._delete_objects(ledger)
        self.reclaimed_bytes += freed

    # -- settings

    def retention_of(self, topic: TopicName) -> tuple[int, int]:
        """Minutes and MiB that consumed ledgers are kept; negative: for ever."""
        policy = self.namespaces[topic.namespace_name].retention
        if policy is None:
            return self.tuning.retention_minutes, -1
        return policy["retentionTimeInMinutes"], policy["retentionSizeInMB"]

    def applied_policy(self, topic: TopicName) -> PolicyJson:
        """The merged offload policy; a partition has its parent's."""
        namespace = self.namespaces[topic.namespace_name].in_force
        return merged(self.topic_policies.get(topic.parent), namespace, self.properties)

    def policy_of(self, topic: TopicName) -> EffectivePolicy:
        """What the offloader makes of the merged policy."""
        return EffectivePolicy.of(self.applied_policy(topic))

    def store_of(self, bucket: str | None) -> WritableObjectStore | None:
        """The bucket of that name, or None."""
        return self.stores.get(bucket) if bucket is not None else None

    def new_uuid(self) -> UUID:
        """A random uuid."""
        return UUID(int=self._random.getrandbits(128), version=4)

    # -- time

    def advance(self) -> None:
        """Do everything that is due by now."""
        now = self.clock.now()
        while self.offloading.finish_next(now) is not None:
            pass
        if now >= self._next_trim:
            self._next_trim = now + self.tuning.trim_interval
            for topic in list(self.loaded):
                self.trim(topic)
        if now >= self._next_stats:
            self.refresh_stats()

    def refresh_stats(self) -> None:
        """Let broker-stats see the topics that are loaded now, as a broker does once a minute."""
        self._next_stats = self.clock.now() + self.tuning.stats_interval
        self.served_at_last_stats = {topic: loaded.broker for topic, loaded in self.loaded.items()}

    # -- helpers

    def _new_ledger(self, now: datetime) -> SimulatedLedger:
        ledger = SimulatedLedger(self.next_ledger_id, now)
        self.next_ledger_id += 1
        return ledger

    def _recover(self, metadata: ManagedLedgerMetadata, now: datetime) -> None:
        """Loading closes the ledger that was open, or drops it if it is empty, and opens a new one."""
        if metadata.terminated_at is not None:
            return
        if metadata.ledgers and metadata.last.closed_at is None:
            last = metadata.last
            if last.entry_count:
                last.closed_at = now
            else:
                del metadata.ledgers[last.ledger_id]
        metadata.opened(self._new_ledger(now), now)

    def _expired(self, metadata: ManagedLedgerMetadata, now: datetime) -> list[SimulatedLedger]:
        """The oldest ledgers that retention lets go; without subscriptions everything closed counts as consumed."""
        minutes, mebibytes = self.retention_of(metadata.topic)
        kept, gone = metadata.total_length, list[SimulatedLedger]()
        for ledger in metadata.ascending[:-1]:
            if ledger.closed_at is None:
                break
            too_old = minutes >= 0 and now - ledger.closed_at >= timedelta(minutes=minutes)
            too_much = mebibytes >= 0 and kept - ledger.length >= mebibytes * 1024 * 1024
            if not (too_old or too_much):
                break
            kept -= ledger.length
            gone.append(ledger)
        return gone

    def _delete_from_bookkeeper(self, metadata: ManagedLedgerMetadata, now: datetime) -> int:
        policy, freed = self.policy_of(metadata.topic), 0
        if policy.deletion_lag_ms is None or policy.deletion_lag_ms < 0 or policy.driver is None:
            return 0
        lag = timedelta(milliseconds=policy.deletion_lag_ms)
        for ledger in metadata.ledgers.values():
            context = ledger.context
            if context is None or context.completed_at is None or context.bookkeeper_deleted:
                continue
            if now - context.completed_at > lag:
                context.bookkeeper_deleted = True
                freed += ledger.delete_from_bookkeeper()
        return freed

    def _delete_objects(self, ledger: SimulatedLedger) -> None:
        store = self.store_of(ledger.context.bucket) if ledger.context is not None else None
        if ledger.context is None or store is None:
            return
        try:
            delete_objects(store, ledger.context.uuid, ledger.ledger_id)
        except StoreError:
            # The metadata is written first, so what cannot be deleted now is an orphan for ever.
            return


def last_position(metadata: ManagedLedgerMetadata) -> Position:
    """The last confirmed entry: of the newest ledger that has one."""
    for ledger in reversed(metadata.ascending):
        if ledger.entry_count:
            return Position(ledger.ledger_id, ledger.entry_count - 1)
    return Position(metadata.last.ledger_id, -1)
