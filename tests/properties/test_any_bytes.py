"""Whatever bytes are read, there comes a value or a FormatError: no other exception, no hang, little memory."""

import random
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from offloadctl.format.data_block import BLOCK_HEADER_LENGTH, ENTRY_HEADER, DataBlockHeader, walk_block
from offloadctl.format.data_object import DataObjectReader, EntryRead, Event
from offloadctl.format.entry import BrokerEntryMetadata, Entry, checksum_state
from offloadctl.format.errors import FormatError
from offloadctl.format.index_object import IndexObject, StreamingIndexObject, parse_index
from offloadctl.format.ledger_metadata import LedgerMetadata
from offloadctl.format.message import MessageMetadata, SingleMessageMetadata, build_batch, iterate_batch
from tests import strategies
from tests.builders import Ledger, entry, published
from tests.golden_objects import GoldenObject, offloaded_objects, truncated_objects
from tests.strategies import varint

Parse = Callable[[bytes], Any]


def read_object(data: bytes) -> list[Event]:
    reader = DataObjectReader()
    return [*reader.feed(data), *reader.close()]


def walk_first_block(data: bytes) -> object:
    return walk_block(data, DataBlockHeader.parse(data, at=0), at=0)


def take_apart(data: bytes) -> object:
    found = Entry.parse(data)
    metadata = MessageMetadata.parse(found.metadata)
    return metadata, list(iterate_batch(found.payload))


PARSERS: Final[dict[str, tuple[Parse, SearchStrategy[bytes]]]] = {
    "block header": (
        lambda data: DataBlockHeader.parse(data, at=0),
        strategies.BLOCK_HEADERS.map(lambda it: it.build()),
    ),
    "block": (walk_first_block, strategies.ledgers().map(lambda it: it.blocks[0].data)),
    "data object": (read_object, strategies.ledgers().map(lambda it: it.data)),
    "entry": (Entry.parse, strategies.ENTRIES.map(lambda it: it.build())),
    "checksum": (checksum_state, strategies.ENTRIES.map(lambda it: it.build())),
    "whole entry": (take_apart, strategies.WHOLE_ENTRIES.map(lambda it: it.build())),
    "broker entry metadata": (BrokerEntryMetadata.parse, strategies.BROKER_METADATA.map(lambda it: it.build())),
    "message metadata": (MessageMetadata.parse, strategies.MESSAGE_METADATA.map(lambda it: it.build())),
    "single message metadata": (
        SingleMessageMetadata.parse,
        strategies.SINGLE_MESSAGE_METADATA.map(lambda it: it.build()),
    ),
    "batch": (lambda data: list(iterate_batch(data)), strategies.BATCHES.map(build_batch)),
    "ledger metadata": (LedgerMetadata.parse, strategies.LEDGER_METADATA.map(lambda it: it.build())),
    "index": (IndexObject.parse, strategies.INDEX_OBJECTS.map(lambda it: it.build())),
    "streaming index": (StreamingIndexObject.parse, strategies.STREAMING_INDEX_OBJECTS.map(lambda it: it.build())),
    "either index": (
        parse_index,
        (strategies.INDEX_OBJECTS | strategies.STREAMING_INDEX_OBJECTS).map(lambda it: it.build()),
    ),
}

each_parser = pytest.mark.parametrize("name", PARSERS)


def is_understood(parse: Parse, data: bytes) -> bool:
    error = error_of(parse, data)
    if error is None:
        return True
    # It is for people to read: what, where, expected, found.
    assert error.what in str(error)
    assert error.expected
    assert error.found
    assert error.at >= 0
    return False


def error_of(parse: Parse, data: bytes) -> FormatError | None:
    try:
        parse(data)
    except FormatError as error:
        return error
    return None


@each_parser
@given(noise=st.binary(max_size=200))
def test_noise_is_read_or_refused(name: str, noise: bytes) -> None:
    parse, _ = PARSERS[name]

    is_understood(parse, noise)


@each_parser
@given(data=st.data())
def test_what_was_built_and_then_damaged_is_read_or_refused(name: str, data: st.DataObject) -> None:
    parse, built = PARSERS[name]

    is_understood(parse, data.draw(built.flatmap(strategies.mutations)))


@pytest.mark.slow
@each_parser
@given(data=st.data())
def test_what_was_built_and_then_damaged_a_lot_is_read_or_refused(name: str, data: st.DataObject) -> None:
    parse, built = PARSERS[name]

    is_understood(parse, data.draw(built.flatmap(lambda whole: strategies.mutations(whole, at_most=20))))


@given(strategies.ledgers(), st.data())
def test_every_truncation_of_a_data_object_is_noticed(ledger: Ledger, data: st.DataObject) -> None:
    cut = ledger.data[: data.draw(st.integers(0, len(ledger.data) - 1))]
    reader = DataObjectReader(object_length=len(ledger.data))

    events = list(reader.feed(cut))

    assert len(events) < len(read_object(ledger.data))
    with pytest.raises(FormatError):
        reader.close()


@given(strategies.INDEX_OBJECTS | strategies.STREAMING_INDEX_OBJECTS, st.data())
def test_every_truncation_of_an_index_is_noticed(
    index: IndexObject | StreamingIndexObject, data: st.DataObject
) -> None:
    built = index.build()

    assert not is_understood(parse_index, built[: data.draw(st.integers(0, len(built) - 1))])


@given(strategies.ledgers(), st.binary(min_size=1, max_size=200))
def test_bytes_after_the_end_of_a_data_object_are_noticed(ledger: Ledger, more: bytes) -> None:
    reader = DataObjectReader(object_length=len(ledger.data))

    with pytest.raises(FormatError):
        list(reader.feed(ledger.data + more))


# -- recorded objects, damaged by a seeded generator: Hypothesis would be slow on megabytes


def damaged(body: bytes, noise: random.Random) -> bytes:
    at, length = noise.randrange(len(body)), noise.randrange(1, 40)
    match noise.randrange(5):
        case 0:
            return body[:at]
        case 1:
            return body[:at] + noise.randbytes(length) + body[at:]
        case 2:
            return body[:at] + body[at + length :]
        case 3:
            return body[:at] + noise.randbytes(length) + body[at + length :]
        case _:
            return body[:at] + bytes([body[at] ^ 1 << noise.randrange(8)]) + body[at + 1 :]


def read_deeply(data: bytes) -> None:
    reader = DataObjectReader()
    for event in (*reader.feed(data), *reader.close()):
        if isinstance(event, EntryRead):
            checksum_state(event.data)
            take_apart(event.data)


def recorded(*, up_to: int) -> list[GoldenObject]:
    return [found for found in (*offloaded_objects(), *truncated_objects()) if found.size <= up_to]


def damage_again_and_again(found: GoldenObject, *, times: int, seed: int) -> None:
    parse = parse_index if found.metadata["role"] == "index" else read_deeply
    noise = random.Random(f"{seed}/{found.key}")
    for _ in range(times):
        is_understood(parse, damaged(found.body, noise))


@pytest.mark.parametrize("found", recorded(up_to=40_000), ids=lambda found: found.key[37:])
def test_a_recorded_object_that_was_damaged_is_read_or_refused(found: GoldenObject) -> None:
    damage_again_and_again(found, times=60, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
@pytest.mark.parametrize("found", recorded(up_to=2**30), ids=lambda found: found.key[37:])
def test_a_recorded_object_that_was_damaged_many_times_is_read_or_refused(found: GoldenObject, seed: int) -> None:
    damage_again_and_again(found, times=500 if found.size <= 40_000 else 10, seed=seed)


# -- memory


@contextmanager
def memory_limit(limit: int) -> Iterator[None]:
    """Fails when Python's memory grows over the limit meanwhile."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= limit, f"{peak} bytes at the peak"


def header_with(block_length: int) -> bytes:
    return DataBlockHeader(BLOCK_HEADER_LENGTH, block_length, 0).build()


LARGEST: Final = 2**31 - 1
FOREVER: Final = 2**63 - 1

# Everything that says how much follows, and lies.
LIARS: Final[dict[str, tuple[Parse, bytes]]] = {
    "block": (read_object, header_with(FOREVER)),
    "entry": (read_object, header_with(FOREVER) + ENTRY_HEADER.pack(LARGEST, 0) + bytes(1000)),
    "padding": (read_object, header_with(FOREVER) + ENTRY_HEADER.pack(-1, 0)),
    "walked block": (walk_first_block, header_with(FOREVER) + ENTRY_HEADER.pack(LARGEST, 0)),
    "broker metadata": (Entry.parse, b"\x0e\x02\xff\xff\xff\xff" + bytes(1000)),
    "metadata": (Entry.parse, b"\x0e\x01\x00\x00\x00\x00\xff\xff\xff\xff" + bytes(1000)),
    "producer name": (MessageMetadata.parse, b"\x0a" + varint(LARGEST) + b"name"),
    "unknown field": (LedgerMetadata.parse, b"\xaa\x7f" + varint(LARGEST) + b"name"),
    "message of a batch": (lambda data: list(iterate_batch(data)), b"\x7f\xff\xff\xff" + bytes(1000)),
    "payload of a batch": (
        lambda data: list(iterate_batch(data)),
        b"\x00\x00\x00\x06\x18" + varint(LARGEST) + bytes(1000),
    ),
    "index entries": (parse_index, struct.pack(">Iiqqii", 0xDE47DE47, 32, 0, 128, LARGEST, 0)),
    "index metadata": (parse_index, struct.pack(">Iiqqii", 0xDE47DE47, 32, 0, 128, 0, LARGEST)),
    "streaming index": (parse_index, struct.pack(">Iiqqqii", 0x3D1FB0BC, 40, 0, 128, 1, LARGEST, LARGEST)),
}


@pytest.mark.parametrize("liar", LIARS)
def test_a_length_that_lies_is_refused_and_costs_no_memory(liar: str) -> None:
    parse, data = LIARS[liar]

    with memory_limit(200_000), pytest.raises(FormatError):
        parse(data)


MIB: Final = 2**20

# What makes the most objects of the fewest bytes.
GREEDY: Final[dict[str, tuple[Parse, bytes]]] = {
    "zeros as a block": (walk_first_block, header_with(128 + 12 * 20_000) + bytes(12 * 20_000)),
    "index entries": (
        parse_index,
        struct.pack(">Iiqqii", 0xDE47DE47, 32 + 20 * 20_000 + 12, 0, 128, 20_000, 12)
        + bytes.fromhex("080110011800200028033800")
        + random.Random(1).randbytes(20 * 20_000),
    ),
    "ledgers of a streaming index": (
        parse_index,
        struct.pack(">Iiqq", 0x3D1FB0BC, 24 + 16 * 20_000, 0, 128) + struct.pack(">qii", 2**40, 0, 0) * 20_000,
    ),
    "properties": (MessageMetadata.parse, bytes.fromhex("0a0010001800") + bytes.fromhex("22040a001200") * 20_000),
    "encryption keys": (MessageMetadata.parse, bytes.fromhex("0a0010001800") + bytes.fromhex("6a040a001200") * 20_000),
    "replication": (MessageMetadata.parse, bytes.fromhex("0a0010001800") + bytes.fromhex("3a00") * 20_000),
    "segments": (LedgerMetadata.parse, bytes.fromhex("08011001180020002803") + bytes.fromhex("32021000") * 20_000),
    "custom metadata": (
        LedgerMetadata.parse,
        bytes.fromhex("08011001180020002803") + bytes.fromhex("5a040a001200") * 20_000,
    ),
    "messages of a batch": (lambda data: list(iterate_batch(data)), bytes.fromhex("000000021800") * 20_000),
    "one byte for a field": (MessageMetadata.parse, bytes.fromhex("0a0010001800") * 20_000),
}


@pytest.mark.parametrize("glutton", GREEDY)
def test_memory_stays_within_a_small_multiple_of_what_is_read(glutton: str) -> None:
    parse, data = GREEDY[glutton]

    with memory_limit(40 * len(data)):
        is_understood(parse, data)


def test_reading_an_object_keeps_no_more_than_a_chunk_and_an_entry() -> None:
    ledger = published([bytes(10_000)] * 400, max_block_size=MIB)
    body, chunk = ledger.data, 64 * 1024
    reader = DataObjectReader()

    with memory_limit(4 * chunk):
        for at in range(0, len(body), chunk):
            for _ in reader.feed(body[at : at + chunk]):
                pass

    assert reader.at == len(body)


def test_padding_is_dropped_as_it_comes() -> None:
    reader, zeros = DataObjectReader(), bytes(MIB)
    first = header_with(2**40) + ENTRY_HEADER.pack(-1, 0)

    with memory_limit(4 * MIB):
        list(reader.feed(first))
        for _ in range(40):
            list(reader.feed(zeros))

    assert reader.at == len(first) + 40 * MIB


def test_an_entry_is_the_whole_of_what_one_chunk_after_another_brought() -> None:
    whole = entry(bytes(3 * MIB))
    ledger = Ledger((whole,))
    reader = DataObjectReader()

    with memory_limit(5 * len(whole)):
        events = [
            event for at in range(0, len(ledger.data), 1000) for event in reader.feed(ledger.data[at : at + 1000])
        ]

    assert [event.data for event in events if isinstance(event, EntryRead)] == [whole]
