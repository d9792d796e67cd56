"""Clusters in memory with topics that have closed ledgers, and the few things that tests do to them."""

from dataclasses import dataclass, field
from datetime import timedelta

from offloadctl.adapters.memory import ManualClock, MemoryObjectStore
from offloadctl.demo.cluster_state import SimulatedCluster
from offloadctl.demo.ledgers import ManagedLedgerMetadata, SimulatedLedger
from offloadctl.demo.messages import Producer
from offloadctl.demo.offloading import LoadedTopic
from offloadctl.demo.policies import DELETION_LAG, JsonValue
from offloadctl.demo.tuning import Tuning, broker_properties
from offloadctl.errors import StoreFailed
from offloadctl.format.keys import data_key, index_key
from offloadctl.model.ledger import OffloadState, Position
from offloadctl.model.names import TopicName

BUCKET = "ledgers"
TOPIC = TopicName("acme", "shop", "orders")
ENTRIES = 10


@dataclass
class World:
    """One broker, one bucket, ledgers of ten entries; an upload takes a second, give or take nothing."""

    tuning: Tuning = field(default_factory=lambda: Tuning(max_entries_per_ledger=ENTRIES, upload_overhead=1.0))
    properties: dict[str, JsonValue] = field(default_factory=dict)
    brokers: tuple[str, ...] = ("broker:8080",)

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self.store = FailingStore(BUCKET, now=self.clock.now)
        properties = broker_properties(BUCKET, deletion_lag_ms=60_000) | self.properties
        self.cluster = SimulatedCluster(
            self.clock, [self.store], brokers=self.brokers, properties=properties, tuning=self.tuning, seed=7
        )

    def topic(self, closed: int = 2, *, left_open: int = 3, name: TopicName = TOPIC) -> ManagedLedgerMetadata:
        """A topic with closed ledgers and an open one, loaded."""
        metadata = self.cluster.create_topic(name)
        producer = Producer("shop", self.clock.now(), payload_size=100)
        self.cluster.publish(name, producer.entries(closed * ENTRIES + left_open))
        return metadata

    def offload(self, name: TopicName = TOPIC, *, before: Position | None = None) -> None:
        """Trigger a manual run over everything that is closed."""
        last = Position(self.cluster.existing(name).last.ledger_id, 0)
        loaded = self.cluster.serve(name)
        self.cluster.offloading.start_manual(name, loaded, before or last, self.clock.now())

    def pass_time(self, seconds: float = 60) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.cluster.advance()

    def loaded(self, name: TopicName = TOPIC) -> LoadedTopic:
        loaded = self.cluster.loaded_topic(name)
        assert loaded is not None
        return loaded

    def state(self, name: TopicName = TOPIC) -> OffloadState:
        """What the serving broker would say; asking loads the topic."""
        return self.cluster.serve(name).status.state

    def keys(self) -> set[str]:
        return {info.key for info in self.store.list()}

    def set_lag(self, milliseconds: int | None) -> None:
        self.cluster.properties.pop(DELETION_LAG, None)
        if milliseconds is not None:
            self.cluster.properties[DELETION_LAG] = milliseconds


class FailingStore(MemoryObjectStore):
    """A bucket that refuses the keys it is told to."""

    refused: str = "nothing"

    def put(self, key: str, data: bytes, **rest: object) -> None:
        self._refuse(key)
        super().put(key, data, **rest)  # type: ignore[arg-type]

    def put_multipart(self, key: str, parts: object, **rest: object) -> None:
        self._refuse(key)
        super().put_multipart(key, parts, **rest)  # type: ignore[arg-type]

    def delete(self, key: str) -> None:
        if self.refused == "deletes":
            raise StoreFailed(f"{key} is not deleted")
        super().delete(key)

    def _refuse(self, key: str) -> None:
        if key.endswith(self.refused):
            raise StoreFailed(f"{key} is not taken")


def both_keys(ledger: SimulatedLedger) -> set[str]:
    assert ledger.context is not None
    return {data_key(ledger.context.uuid, ledger.ledger_id), index_key(ledger.context.uuid, ledger.ledger_id)}
