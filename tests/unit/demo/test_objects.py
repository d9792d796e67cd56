"""The objects that the simulated broker writes, held to those that a real one wrote."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from offloadctl.adapters.memory import MemoryObjectStore
from offloadctl.demo.faults import Fault
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.ledgers import SimulatedLedger
from offloadctl.demo.messages import Producer
from offloadctl.demo.object_writer import LedgerObjects, write_objects
from offloadctl.demo.policies import JsonValue
from offloadctl.demo.tuning import Tuning
from offloadctl.format.data_block import BLOCK_HEADER_LENGTH, DataBlockHeader, iterate_block, walk_block
from offloadctl.format.index_object import IndexObject
from offloadctl.format.keys import data_key, index_key
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Confirmation, MovedLedger
from offloadctl.operations.confirm import ObjectsInStores
from offloadctl.operations.facts import read_served
from tests.golden_objects import MAX_BLOCK_SIZE, GoldenLedger, offloaded_ledgers, truncated_ledger
from tests.unit.demo.worlds import both_keys

TOPIC = TopicName("acme", "shop", "orders")


@pytest.mark.parametrize("golden", [pytest.param(one, id=str(one.ledger_id)) for one in offloaded_ledgers()])
def test_the_entries_of_a_recorded_ledger_become_the_recorded_objects(golden: GoldenLedger) -> None:
    ledger = SimulatedLedger(golden.ledger_id, datetime(2026, 11, 24, tzinfo=UTC))
    for entry in entries_of(golden):
        ledger.append(entry)

    store = written(golden, ledger)

    assert store.read(golden.data.key) == golden.data.body
    index, recorded = IndexObject.parse(read(store, golden.index.key)), IndexObject.parse(golden.index.body)
    assert (index.entries, index.data_object_length) == (recorded.entries, recorded.data_object_length)
    assert index.ledger_metadata.length == recorded.ledger_metadata.length
    assert index.ledger_metadata.last_entry_id == recorded.ledger_metadata.last_entry_id
    assert index.ledger_metadata.custom_metadata == recorded.ledger_metadata.custom_metadata


@pytest.mark.parametrize("golden", [pytest.param(one, id=str(one.ledger_id)) for one in offloaded_ledgers()[:3]])
def test_what_is_told_beside_the_bytes_is_the_same_too(golden: GoldenLedger) -> None:
    ledger = SimulatedLedger(golden.ledger_id, datetime(2026, 11, 24, tzinfo=UTC))
    for entry in entries_of(golden):
        ledger.append(entry)

    store = written(golden, ledger)

    for recorded in (golden.data, golden.index):
        info = store.head(recorded.key)
        assert info is not None
        assert dict(info.user_metadata) == recorded.metadata
        assert store.content_type(recorded.key) == recorded.content_type
    data = store.head(golden.data.key)
    assert data is not None
    # The MD5 of the parts' MD5s and their number: so the parts were the same ones.
    assert data.etag == golden.data.etag.strip('"')


def test_an_entry_that_does_not_fit_into_a_block_truncates_as_it_did_in_the_recording() -> None:
    golden = truncated_ledger()
    recorded = IndexObject.parse(golden.index.body)
    ledger = SimulatedLedger(golden.ledger_id, datetime(2026, 11, 24, tzinfo=UTC))
    kept = list(entries_of(golden))
    left = recorded.ledger_metadata.length - sum(map(len, kept))
    missing = (recorded.ledger_metadata.last_entry_id or 0) + 1 - len(kept)
    for entry in [*kept, bytes(left - 58 * (missing - 1)), *[bytes(58)] * (missing - 1)]:
        ledger.append(entry)

    store = written(golden, ledger)

    assert store.read(golden.data.key) == golden.data.body
    assert IndexObject.parse(read(store, golden.index.key)).entries == recorded.entries
    assert IndexObject.parse(read(store, golden.index.key)).data_object_length == recorded.data_object_length


@pytest.mark.parametrize("max_block_size", [16 * 1024, 6 * 1024 * 1024])
def test_the_planted_truncation_has_the_recorded_signature(max_block_size: int) -> None:
    properties: dict[str, JsonValue] = {"s3ManagedLedgerOffloadMaxBlockSizeInBytes": max_block_size}
    world = InMemoryCluster(properties=properties, tuning=Tuning(max_entries_per_ledger=100))
    world.cluster.create_topic(TOPIC)
    world.cluster.publish(TOPIC, Producer("p", world.clock.now()).entries(101))
    world.cluster.faults.plant(Fault.TRUNCATED_LEDGER, count=1)

    ledger = offloaded(world)

    data, index = objects_of(world.store, ledger)
    last = index.entries[-1]
    header = DataBlockHeader.parse(data[last.offset :], at=last.offset)
    assert len(data) == index.data_object_length + header.block_length
    assert walk_block(data[last.offset :], header, at=last.offset).entries == 0
    assert {header_at(data, line.offset).block_length for line in index.entries} == {header.block_length}
    assert last.first_entry_id < ledger.entry_count == (index.ledger_metadata.last_entry_id or 0) + 1
    assert ledger.is_offloaded


def test_a_large_ledger_becomes_several_blocks_and_holds_every_entry() -> None:
    properties: dict[str, JsonValue] = {"s3ManagedLedgerOffloadMaxBlockSizeInBytes": 32 * 1024}
    world = InMemoryCluster(properties=properties, tuning=Tuning(max_entries_per_ledger=100))
    world.cluster.create_topic(TOPIC)
    published = list(Producer("p", world.clock.now(), batch_size=3).entries(100))
    world.cluster.publish(TOPIC, published, messages_per_entry=3)

    ledger = offloaded(world)

    data, index = objects_of(world.store, ledger)
    assert len(index.entries) > 5
    assert index.data_object_length == len(data)
    assert list(entries_in(data, index)) == published


@pytest.mark.parametrize(
    ("fault", "confirmation"),
    [
        (None, Confirmation.CONFIRMED),
        (Fault.TRUNCATED_LEDGER, Confirmation.DAMAGED),
        (Fault.LOST_OBJECT, Confirmation.DAMAGED),
        (Fault.LOST_INDEX, Confirmation.DAMAGED),
    ],
)
def test_a_planted_fault_is_damage_for_whoever_looks_at_the_objects(
    fault: Fault | None, confirmation: Confirmation
) -> None:
    world = InMemoryCluster(tuning=Tuning(max_entries_per_ledger=100))
    world.cluster.create_topic(TOPIC)
    world.cluster.publish(TOPIC, Producer("p", world.clock.now()).entries(101))
    if fault is not None:
        world.cluster.faults.plant(fault, count=1)

    offloaded(world)

    ports = world.ports()
    moved = read_served(ports.admin, world.clock, TOPIC).ledgers[0]
    seen = ObjectsInStores(ports.stores)(TOPIC, MovedLedger(moved, Confirmation.UNCONFIRMED), None)
    assert moved.is_offloaded
    assert seen.confirmation is confirmation


def offloaded(world: InMemoryCluster) -> SimulatedLedger:
    """The topic's first ledger, after a manual run over all that is closed."""
    metadata = world.cluster.existing(TOPIC)
    with world.admin() as admin:
        admin.trigger_offload(TOPIC, Position(metadata.last.ledger_id, 0))
    world.clock.sleep(10)
    world.cluster.advance()
    return metadata.ascending[0]


def objects_of(store: MemoryObjectStore, ledger: SimulatedLedger) -> tuple[bytes, IndexObject]:
    assert ledger.context is not None
    assert both_keys(ledger) == {info.key for info in store.list()}
    uuid = ledger.context.uuid
    index = IndexObject.parse(read(store, index_key(uuid, ledger.ledger_id)))
    return read(store, data_key(uuid, ledger.ledger_id)), index


def header_at(data: bytes, offset: int) -> DataBlockHeader:
    return DataBlockHeader.parse(data[offset : offset + BLOCK_HEADER_LENGTH], at=offset)


def read(store: MemoryObjectStore, key: str) -> bytes:
    data = store.read(key)
    assert data is not None
    return data


class Bucket(MemoryObjectStore):
    """A bucket that tells content types."""

    def content_type(self, key: str) -> str:
        return self._objects[key].content_type


def written(golden: GoldenLedger, ledger: SimulatedLedger) -> Bucket:
    """A bucket with what the simulated broker makes of the ledger."""
    store = Bucket("b")
    metadata = golden.data.metadata
    objects = LedgerObjects(
        TopicName.from_managed_ledger_name(golden.managed_ledger_name),
        ledger,
        UUID(golden.data.key[:36]),
        cluster=metadata["pulsarclustername"],
        version=metadata["s3managedledgeroffloadersoftwareversion"],
        max_block_size=MAX_BLOCK_SIZE,
    )
    write_objects(store, objects)
    return store


def entries_of(golden: GoldenLedger) -> Iterator[bytes]:
    return entries_in(golden.data.body, IndexObject.parse(golden.index.body))


def entries_in(data: bytes, index: IndexObject) -> Iterator[bytes]:
    for line in index.entries:
        block = data[line.offset :]
        header = DataBlockHeader.parse(block[:BLOCK_HEADER_LENGTH], at=line.offset)
        for place in iterate_block(block[: header.block_length], header, at=line.offset):
            yield block[place.start : place.end]
