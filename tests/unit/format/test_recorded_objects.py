"""The objects of a real broker: taken apart into values, counted, and written anew from the values alone."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import cramjam
import pytest

from offloadctl.format.checksum_state import ChecksumState
from offloadctl.format.data_block import PADDING, DataBlockHeader, walk_block
from offloadctl.format.data_object import BlockEnded, BlockStarted, DataObjectReader, EntryRead, Event, PaddingRead
from offloadctl.format.entry import BrokerEntryMetadata, Entry, checksum_state
from offloadctl.format.index_object import IndexEntry, IndexObject, parse_index
from offloadctl.format.keys import ObjectKey, ObjectRole
from offloadctl.format.ledger_metadata import DigestType, LedgerMetadata, LedgerState
from offloadctl.format.message import (
    Compression,
    MessageMetadata,
    SingleMessageMetadata,
    build_batch,
    iterate_batch,
    message_count,
)
from offloadctl.format.writer import Block, build_index, write_blocks
from offloadctl.model.names import TopicName
from tests.golden_objects import (
    MAX_BLOCK_SIZE,
    GoldenLedger,
    GoldenObject,
    offloaded_ledgers,
    offloaded_objects,
    topics,
    truncated_ledger,
    truncated_rest,
)

WHOLE_LEDGERS_ENTRIES: Final = 200
"""By the broker's own count in topics.json, over all whole ledgers."""

Batch = tuple[tuple[SingleMessageMetadata, bytes], ...]


@dataclass(frozen=True, slots=True)
class DecodedEntry:
    """An entry without a byte that could be worked out: no lengths, no checksum."""

    broker_metadata: BrokerEntryMetadata | None
    metadata: MessageMetadata
    payload: bytes | Batch
    """A batch as its messages, unless it is compressed: each compressor finds bytes of its own."""

    @classmethod
    def parse(cls, data: bytes) -> "DecodedEntry":
        entry = Entry.parse(data)
        metadata = MessageMetadata.parse(entry.metadata)
        is_open_batch = metadata.num_messages_in_batch is not None and metadata.compression is None
        payload = tuple(iterate_batch(entry.payload)) if is_open_batch else entry.payload
        return cls(entry.broker_metadata, metadata, payload)

    def build(self) -> bytes:
        payload = self.payload if isinstance(self.payload, bytes) else build_batch(self.payload)
        return Entry.with_checksum(self.metadata.build(), payload, broker_metadata=self.broker_metadata).build()


def events_of(body: bytes) -> Iterator[Event]:
    reader = DataObjectReader(object_length=len(body))
    yield from reader.feed(body)
    yield from reader.close()


def entries_of(ledger: GoldenLedger) -> tuple[bytes, ...]:
    return tuple(event.data for event in events_of(ledger.data.body) if isinstance(event, EntryRead))


def write_anew(entries: list[bytes], metadata: LedgerMetadata) -> tuple[bytes, bytes]:
    assert metadata.last_entry_id is not None
    blocks: list[Block] = list(
        write_blocks(
            entries,
            ledger_length=metadata.length,
            entry_count=metadata.last_entry_id + 1,
            max_block_size=MAX_BLOCK_SIZE,
        )
    )
    index = build_index([block.extent for block in blocks], metadata=metadata)
    return b"".join(block.data for block in blocks), index.build()


def decompress(payload: bytes, metadata: MessageMetadata) -> bytes:
    match metadata.compression:
        case None | Compression.NONE:
            return payload
        case Compression.LZ4:
            return bytes(cramjam.lz4.decompress_block(payload, output_len=metadata.uncompressed_size))
        case Compression.ZLIB:
            return zlib.decompress(payload)
        case Compression.ZSTD:
            return bytes(cramjam.zstd.decompress(payload))
        case Compression.SNAPPY:
            return bytes(cramjam.snappy.decompress_raw(payload))


def payloads_of(data: bytes) -> Iterator[bytes]:
    """What a consumer is given for one entry."""
    entry = Entry.parse(data)
    metadata = MessageMetadata.parse(entry.metadata)
    payload = decompress(entry.payload, metadata)
    if metadata.uncompressed_size is not None:
        assert len(payload) == metadata.uncompressed_size
    if metadata.num_messages_in_batch is None:
        yield payload
    else:
        yield from (message for _, message in iterate_batch(payload))


def topic_of(ledger: GoldenLedger) -> dict[str, Any]:
    name = TopicName.from_managed_ledger_name(ledger.managed_ledger_name).local_name
    return dict(topics()[name])


def read_back(ledger: GoldenLedger) -> dict[str, Any]:
    return dict(topic_of(ledger)["messages_read_back"][str(ledger.ledger_id)])


def as_broker_sees(ledger: GoldenLedger) -> dict[str, Any]:
    (seen,) = [
        found for found in topic_of(ledger)["managed_ledger_info"]["ledgers"] if found["ledgerId"] == ledger.ledger_id
    ]
    return dict(seen)


def name(ledger: GoldenLedger) -> str:
    return f"{ledger.managed_ledger_name.rpartition('/')[2]}-{ledger.ledger_id}"


def ledger_named(local_name: str) -> GoldenLedger:
    return next(ledger for ledger in offloaded_ledgers() if ledger.managed_ledger_name.endswith(f"/{local_name}"))


each_ledger = pytest.mark.parametrize("ledger", offloaded_ledgers(), ids=name)
each_object = pytest.mark.parametrize("recorded", offloaded_objects(), ids=lambda found: found.key[9:])


@each_ledger
def test_a_ledger_decoded_into_values_is_written_anew_with_the_same_bytes(ledger: GoldenLedger) -> None:
    values = [DecodedEntry.parse(data) for data in entries_of(ledger)]
    metadata = IndexObject.parse(ledger.index.body).ledger_metadata

    data, index = write_anew([value.build() for value in values], metadata)

    assert sha256(data).hexdigest() == ledger.data.sha256
    assert index == ledger.index.body


@each_ledger
def test_the_index_says_of_the_ledger_what_the_broker_says(ledger: GoldenLedger) -> None:
    seen = as_broker_sees(ledger)

    index = parse_index(ledger.index.body)

    assert isinstance(index, IndexObject)
    metadata = index.ledger_metadata
    assert (metadata.length, metadata.last_entry_id) == (seen["size"], seen["entries"] - 1)
    assert metadata.state is LedgerState.CLOSED
    assert metadata.managed_ledger_name == ledger.managed_ledger_name
    assert metadata.unknown_fields == b""
    assert index.data_object_length == ledger.data.size


@each_ledger
def test_the_index_names_the_blocks_that_are_there(ledger: GoldenLedger) -> None:
    index = IndexObject.parse(ledger.index.body)

    starts = [event for event in events_of(ledger.data.body) if isinstance(event, BlockStarted)]

    assert index.entries == tuple(
        IndexEntry(start.header.first_entry_id, part_id, start.at) for part_id, start in enumerate(starts, start=1)
    )
    assert ledger.data.etag.endswith(f"-{len(starts)}")


@each_ledger
def test_entries_and_messages_are_as_many_as_the_broker_and_a_reader_counted(ledger: GoldenLedger) -> None:
    seen, back = as_broker_sees(ledger), read_back(ledger)

    entries = entries_of(ledger)

    metadata = [MessageMetadata.parse(Entry.parse(entry).metadata) for entry in entries]
    assert (len(entries), sum(map(len, entries))) == (seen["entries"], seen["size"])
    assert sum(map(message_count, metadata)) == back["messages"]
    assert len(entries) == back["distinct_entry_ids"]


@each_ledger
def test_the_payloads_are_what_a_reader_got(ledger: GoldenLedger) -> None:
    digest, count = sha256(), 0

    for entry in entries_of(ledger):
        for payload in payloads_of(entry):
            digest.update(payload)
            count += 1

    assert (count, digest.hexdigest()) == (read_back(ledger)["messages"], read_back(ledger)["payload_sha256"])


@each_ledger
def test_entry_ids_count_up_from_zero_through_all_blocks(ledger: GoldenLedger) -> None:
    ids = [event.entry_id for event in events_of(ledger.data.body) if isinstance(event, EntryRead)]

    assert ids == list(range(as_broker_sees(ledger)["entries"]))


def test_every_recorded_checksum_verifies() -> None:
    whole = [entry for ledger in offloaded_ledgers() for entry in entries_of(ledger)]
    cut_short = entries_of(truncated_ledger())

    states = {checksum_state(entry) for entry in (*whole, *cut_short)}

    assert states == {ChecksumState.OK}
    assert (
        len(whole) == sum(as_broker_sees(ledger)["entries"] for ledger in offloaded_ledgers()) == WHOLE_LEDGERS_ENTRIES
    )
    assert len(cut_short) == 3


@each_object
def test_a_recorded_key_parses_to_what_printed_it_and_names_its_role(recorded: GoldenObject) -> None:
    key = ObjectKey.parse(recorded.key)

    assert key is not None
    assert str(key) == recorded.key
    assert key.role == recorded.metadata["role"]


def test_one_pair_is_for_the_uuid_that_the_metadata_names() -> None:
    for ledger in offloaded_ledgers():
        data, index = ObjectKey.parse(ledger.data.key), ObjectKey.parse(ledger.index.key)

        assert data is not None
        assert index is not None
        assert (data.role, index.role) == (ObjectRole.DATA, ObjectRole.INDEX)
        assert str(data.uuid) == str(index.uuid) == as_broker_sees(ledger)["offloadedContextUuid"]


# The numbers of the facts about two recorded objects, to be read beside a hex dump.
def test_a_small_object_has_these_bytes_at_these_places() -> None:
    ledger = next(found for found in offloaded_ledgers() if found.ledger_id == 45)
    data, index = ledger.data.body, ledger.index.body

    assert len(data) == 128 + 12 * 20 + 4720 == 5088
    assert data[:4].hex() == "fbdbabcb"
    assert data[4:12].hex() == "0000000000000080"
    assert data[12:20].hex() == "00000000000013e0"
    assert data[20:128] == bytes(108)
    assert data[128:140].hex() == "000000ec" + "0000000000000000"
    assert data[140:146].hex() == "0e01" + "c3e00fcc"
    assert data[146:150].hex() == "0000001a"
    assert data[150:154].hex() == "0a0f7374"
    assert len(index) == 32 + 152 + 20 == 204
    assert index[:8].hex() == "de47de47" + "000000cc"
    assert index[8:24].hex() == "00000000000013e0" + "0000000000000080"
    assert index[24:32].hex() == "00000001" + "00000098"
    assert index[184:].hex() == "0000000000000000" + "00000001" + "0000000000000000"


def test_the_small_object_decodes_to_these_values() -> None:
    ledger = next(found for found in offloaded_ledgers() if found.ledger_id == 45)

    header = DataBlockHeader.parse(ledger.data.body, at=0)
    entry = Entry.parse(entries_of(ledger)[0])
    metadata = IndexObject.parse(ledger.index.body).ledger_metadata

    assert header == DataBlockHeader(header_length=128, block_length=5088, first_entry_id=0)
    assert (entry.broker_metadata, entry.checksum, len(entry.metadata)) == (None, 0xC3E00FCC, 26)
    assert (metadata.quorum_size, metadata.ensemble_size, metadata.ack_quorum_size) == (1, 1, 1)
    assert metadata.segments[0].ensemble_members == ("127.0.0.1:41897",)
    assert (metadata.digest_type, metadata.password) == (DigestType.CRC32C, None)
    assert dict(metadata.custom_metadata) == {
        "component": b"managed-ledger",
        "pulsar/managed-ledger": b"public/corpus/persistent/plain",
        "application": b"pulsar",
    }


@pytest.mark.parametrize(
    ("local_name", "blocks"),
    [
        ("chunked", [(0, 1, 5242880, 2242703), (5242880, 1, 3000177, 0)]),
        ("multi-block", [(0, 5, 5242880, 742507), (5242880, 5, 5242880, 742507), (10485760, 4, 3600324, 0)]),
    ],
)
def test_blocks_end_and_are_padded_where_the_broker_did_it(
    local_name: str, blocks: list[tuple[int, int, int, int]]
) -> None:
    body = ledger_named(local_name).data.body

    found = []
    for event in events_of(body):
        if isinstance(event, BlockStarted):
            block = memoryview(body)[event.at : event.at + event.header.block_length]
            walk = walk_block(block, event.header, at=event.at)
            assert walk.padding_damaged_at is None
            found.append((event.at, walk.entries, event.header.block_length, walk.padding_length))

    assert found == blocks


def test_the_truncated_ledger_ends_in_a_block_of_nothing_but_padding() -> None:
    body = truncated_ledger().data.body

    events = list(events_of(body))

    ended = [event for event in events if isinstance(event, BlockEnded)]
    assert [(event.at, event.entries) for event in ended] == [(MAX_BLOCK_SIZE, 3), (2 * MAX_BLOCK_SIZE, 0)]
    assert isinstance(events[-2], PaddingRead)
    assert events[-2].length == MAX_BLOCK_SIZE - 128
    assert body.endswith(PADDING[: (MAX_BLOCK_SIZE - 128) % 4] or PADDING)


def test_the_writer_falls_into_the_brokers_trap_and_leaves_the_same_bytes() -> None:
    ledger = truncated_ledger()
    metadata = IndexObject.parse(ledger.index.body).ledger_metadata
    too_large = bytes(MAX_BLOCK_SIZE)

    data, index = write_anew([*entries_of(ledger), too_large], metadata)

    assert metadata.last_entry_id == 6
    assert sha256(data).hexdigest() == ledger.data.sha256
    assert index == ledger.index.body


def test_the_broker_called_the_truncated_ledger_offloaded() -> None:
    (stats, *_) = [
        call["response"]["body"]["ledgers"]
        for call in reversed(truncated_rest())
        if call["request"]["path"].endswith("internalStats") and call["response"]["status"] == 200
    ]

    (seen,) = [found for found in stats if found["ledgerId"] == truncated_ledger().ledger_id]

    assert seen["offloaded"] is True
    assert seen["entries"] == 7 != len(entries_of(truncated_ledger()))
