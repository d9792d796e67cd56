"""The fast scan says what the slow readers say, on whole blocks and on damaged ones, however the bytes come."""

import random
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.format.checksum_state import ChecksumState
from offloadctl.format.data_block import BLOCK_HEADER_LENGTH, DataBlockHeader, iterate_block, padding, walk_block
from offloadctl.format.entry import Entry, checksum_state
from offloadctl.format.entry_scan import SEARCH_WINDOW, BlockScan, EntryScanner, scan_block
from offloadctl.format.entry_totals import count_encoded, count_messages
from offloadctl.format.entry_verdict import ProblemCode
from offloadctl.format.errors import FormatError
from offloadctl.format.message import MessageMetadata, message_count
from offloadctl.format.proto import pulsar_pb2 as pb
from offloadctl.format.protobuf_support import parse_into
from offloadctl.model.entry_counts import EntryCounts
from tests import strategies
from tests.builders import block_of, entry
from tests.golden_objects import offloaded_ledgers
from tests.strategies import varint

AT = 10_000

# Mostly what brokers store, some of it without a checksum or with the broker's own metadata; now and then just bytes.
STORED = strategies.WHOLE_ENTRIES.map(lambda whole: whole.build())
COVERED = strategies.WHOLE_ENTRIES.filter(lambda whole: whole.checksum is not None).map(lambda whole: whole.build())
BLOCKS = st.builds(
    lambda entries, first, fill: block_of(entries, first=first, fill=padding(fill)),
    st.lists(STORED, max_size=12) | st.lists(STORED | strategies.ENTRY_BYTES, max_size=8),
    st.integers(0, 2**62),
    st.sampled_from([0, 0, 1, 2, 3, 4, 11, 12, 13, 40]),
)


@dataclass
class SlowWalk:
    """A block read by the readers that take their time, up to the first thing that makes them stop."""

    entries: int = 0
    entry_bytes: int = 0
    ok: int = 0
    absent: int = 0
    messages: int = 0
    first_problem_at: int | None = None
    """The beginning of the first entry that is not as it should be, or of the padding."""


def walk_slowly(block: bytes, header: DataBlockHeader) -> SlowWalk:
    walk, position = SlowWalk(), header.header_length
    try:
        for expected, place in enumerate(iterate_block(block, header, at=AT), start=header.first_entry_id):
            position = place.start - 12
            if place.entry_id != expected or not count_slowly(block[place.start : place.end], walk):
                walk.first_problem_at = AT + position
                return walk
            position = place.end
        if walk_block(block, header, at=AT).padding_damaged_at is not None:
            walk.first_problem_at = AT + position
    except FormatError:
        walk.first_problem_at = AT + position
    return walk


def count_slowly(data: bytes, walk: SlowWalk) -> bool:
    """Count an entry, unless there is something wrong with it."""
    try:
        state = checksum_state(data)
        metadata = parse_into(pb.MessageMetadata(), Entry.parse(data).metadata, what="message metadata", at=0)
    except FormatError:
        return False
    if state is ChecksumState.BAD:
        return False
    walk.ok += state is ChecksumState.OK
    walk.absent += state is ChecksumState.ABSENT
    walk.messages += count_messages([metadata]).messages
    walk.entries += 1
    walk.entry_bytes += len(data)
    return True


def scan(block: bytes) -> BlockScan:
    return scan_block(block, DataBlockHeader.parse(block, at=AT), at=AT)


def scan_in_pieces(header: DataBlockHeader, pieces: Sequence[bytes]) -> BlockScan:
    scanner = EntryScanner(header, at=AT)
    for piece in pieces:
        assert scanner.feed(piece) == len(piece)
    return scanner.close()


def assert_agrees(block: bytes) -> None:
    header = DataBlockHeader.parse(block, at=AT)
    slow, fast = walk_slowly(block, header), scan_block(block, header, at=AT)

    totals = fast.totals
    assert totals.entries == (totals.checksums_ok + totals.checksums_absent + totals.checksums_bad + totals.unreadable)
    walked = 12 * totals.entries + totals.entry_bytes
    assert BLOCK_HEADER_LENGTH + walked + fast.padding_length + fast.unread_bytes == header.block_length
    if slow.first_problem_at is None:
        assert fast.problems == ()
        assert fast.unread_bytes == 0
        assert (totals.entries, totals.entry_bytes, totals.messages) == (slow.entries, slow.entry_bytes, slow.messages)
        assert (totals.checksums_ok, totals.checksums_absent) == (slow.ok, slow.absent)
        assert fast.next_entry_id == header.first_entry_id + slow.entries
    else:
        assert min(problem.at for problem in fast.problems) >= slow.first_problem_at
        assert fast.problems[0].entry_id == header.first_entry_id + slow.entries
        assert totals.entries >= slow.entries
        assert totals.checksums_ok >= slow.ok


@given(BLOCKS)
def test_the_scan_agrees_with_the_slow_walk(block: bytes) -> None:
    assert_agrees(block)


@given(BLOCKS, st.data())
def test_the_scan_agrees_with_the_slow_walk_about_damage(block: bytes, data: st.DataObject) -> None:
    body = data.draw(strategies.mutations(block[BLOCK_HEADER_LENGTH:]))
    header = DataBlockHeader(BLOCK_HEADER_LENGTH, BLOCK_HEADER_LENGTH + len(body), data.draw(st.integers(0, 3)))

    assert_agrees(header.build() + body)


@given(st.binary(max_size=300))
def test_the_scan_agrees_with_the_slow_walk_about_noise(noise: bytes) -> None:
    assert_agrees(DataBlockHeader(BLOCK_HEADER_LENGTH, BLOCK_HEADER_LENGTH + len(noise), 0).build() + noise)


@pytest.mark.slow
@given(BLOCKS, st.data())
def test_the_scan_agrees_with_the_slow_walk_about_much_damage(block: bytes, data: st.DataObject) -> None:
    body = data.draw(strategies.mutations(block[BLOCK_HEADER_LENGTH:], at_most=20))
    header = DataBlockHeader(BLOCK_HEADER_LENGTH, BLOCK_HEADER_LENGTH + len(body), data.draw(st.integers(0, 3)))

    assert_agrees(header.build() + body)


@given(BLOCKS, st.data())
def test_pieces_of_any_size_give_the_same_scan(block: bytes, data: st.DataObject) -> None:
    body = data.draw(st.just(block[BLOCK_HEADER_LENGTH:]) | strategies.mutations(block[BLOCK_HEADER_LENGTH:]))
    header = DataBlockHeader(BLOCK_HEADER_LENGTH, BLOCK_HEADER_LENGTH + len(body), 0)
    whole = scan_block(header.build() + body, header, at=AT)

    assert scan_in_pieces(header, data.draw(strategies.splits(body))) == whole
    assert scan_in_pieces(header, [body[at : at + 1] for at in range(len(body))]) == whole
    assert scan_block(memoryview(bytearray(header.build() + body)), header, at=AT) == whole


@given(BLOCKS, st.data())
def test_a_block_that_stops_anywhere_is_truncated_however_its_bytes_came(block: bytes, data: st.DataObject) -> None:
    header = DataBlockHeader.parse(block, at=AT)
    body = block[BLOCK_HEADER_LENGTH:]
    cut = body[: data.draw(st.integers(0, len(body)))]

    found = scan_in_pieces(header, data.draw(strategies.splits(cut)))

    assert found == scan_in_pieces(header, [cut])
    assert (ProblemCode.BLOCK_TRUNCATED in {problem.code for problem in found.problems}) == (len(cut) < len(body))


@given(st.lists(COVERED, min_size=1, max_size=6), st.integers(0, 6), st.data())
def test_one_flipped_bit_of_covered_entries_is_at_most_one_problem(
    entries: list[bytes], fill: int, data: st.DataObject
) -> None:
    block = block_of(entries, fill=padding(fill))
    bit = data.draw(st.integers(8 * BLOCK_HEADER_LENGTH, 8 * len(block) - 1))
    flipped = bytearray(block)
    flipped[bit // 8] ^= 1 << bit % 8

    found = scan(bytes(flipped))

    # None: in the broker's own metadata, which no checksum covers.
    assert len(found.problems) <= 1
    assert found.totals.checksums_ok >= len(entries) - 1


# -- the metadata of many entries at once


def delimited(metadata: Sequence[bytes]) -> list[bytes]:
    return [varint(len(encoded)) + encoded for encoded in metadata]


def count_each(metadata: Sequence[bytes]) -> EntryCounts | None:
    """None if one of them does not parse."""
    try:
        return count_messages([parse_into(pb.MessageMetadata(), encoded, what="", at=0) for encoded in metadata])
    except FormatError:
        return None


def number_field(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def bytes_field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


ENCODED_METADATA = strategies.MESSAGE_METADATA.map(lambda metadata: metadata.build())

# Fields that are counted, well formed or not: repeated, packed as lists, with numbers that there are not.
COUNTED_FIELDS = st.sampled_from([8, 11, 13, 20, 27, 29])
ODD_FIELDS = st.builds(number_field, COUNTED_FIELDS, strategies.UINT64 | st.integers(0, 5)) | st.builds(
    bytes_field, COUNTED_FIELDS, st.binary(max_size=6)
)
ODD_METADATA = st.builds(
    lambda metadata, fields: metadata.build() + b"".join(fields),
    strategies.MESSAGE_METADATA,
    st.lists(ODD_FIELDS, max_size=4),
)


@given(st.lists(ENCODED_METADATA, min_size=1, max_size=6))
def test_many_entries_at_once_count_as_each_of_them_counts(metadata: list[bytes]) -> None:
    assert count_encoded(delimited(metadata)) == count_each(metadata)


@given(st.lists(ODD_METADATA | ENCODED_METADATA, min_size=1, max_size=6))
def test_many_odd_entries_at_once_count_as_each_of_them_counts_or_not_at_all(metadata: list[bytes]) -> None:
    assert count_encoded(delimited(metadata)) in (None, count_each(metadata))


@given(st.lists(ENCODED_METADATA, min_size=1, max_size=4), st.data())
def test_damage_to_one_of_many_is_not_counted_unless_it_parses(metadata: list[bytes], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(metadata) - 1))
    metadata[number] = data.draw(strategies.mutations(metadata[number]))

    assert count_encoded(delimited(metadata)) in (None, count_each(metadata))


@given(strategies.MESSAGE_METADATA)
def test_a_message_counts_as_message_count_says_unless_it_is_a_marker_or_a_chunk(metadata: MessageMetadata) -> None:
    counted = count_messages([parse_into(pb.MessageMetadata(), metadata.build(), what="metadata", at=0)])

    if metadata.marker_type is None and (metadata.num_chunks_from_msg or 0) <= 1:
        assert counted.messages == max(message_count(metadata), 0)


# -- large blocks


@pytest.mark.parametrize("size", [1, 100, 1000, 100_000])
def test_a_large_block_gives_the_same_scan_in_pieces(size: int) -> None:
    noise = random.Random(size)
    lengths = [noise.choice([0, 10, 200, 3000, 40_000]) for _ in range(60 if size == 1 else 400)]
    block = block_of([entry(noise.randbytes(length)) for length in lengths], fill=padding(1000))
    header, body = DataBlockHeader.parse(block, at=AT), block[BLOCK_HEADER_LENGTH:]
    damaged = bytearray(body)
    for _ in range(5):
        damaged[noise.randrange(len(damaged))] ^= 0xFF

    for data in (body, bytes(damaged)):
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        assert scan_in_pieces(header, pieces) == scan(header.build() + data)


@pytest.mark.parametrize("seed", range(3))
def test_a_recorded_block_that_was_damaged_gives_the_same_scan_in_pieces(seed: int) -> None:
    for ledger in offloaded_ledgers():
        noise = random.Random(f"{seed}/{ledger.ledger_id}")
        block = bytearray(ledger.data.body[: DataBlockHeader.parse(ledger.data.body, at=0).block_length])
        header = DataBlockHeader.parse(block, at=AT)
        at = noise.randrange(BLOCK_HEADER_LENGTH, len(block))
        block[at] ^= 1 << noise.randrange(8)

        whole = scan_block(memoryview(block), header, at=AT)

        body = bytes(block[BLOCK_HEADER_LENGTH:])
        size = max(len(body) // noise.randrange(2, 50), 1)
        assert scan_in_pieces(header, [body[at : at + size] for at in range(0, len(body), size)]) == whole
        assert len(whole.problems) == 1


MIB = 2**20

HOSTILE = {
    "zeros": bytes(3 * MIB),
    "ones": b"\xff" * 3 * MIB,
    "one enormous entry": b"\x00\x2f\xff\xf0" + bytes(3 * MIB),
    "ids everywhere": b"\0\0\0\x08\0\0\0\0" * (3 * MIB // 8),
    "entries that hold the next header": (b"\0\0\0\x20" + bytes(7) + b"\1") * (3 * MIB // 12),
    "no padding": b"\xfe\xdc\xde\xad" + bytes(3 * MIB),
}


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("size", [4096, 10 * MIB])
def test_a_hostile_block_takes_little_memory_and_no_time(hostile: str, size: int) -> None:
    body = HOSTILE[hostile]
    header = DataBlockHeader(BLOCK_HEADER_LENGTH, BLOCK_HEADER_LENGTH + len(body), 0)
    pieces = [body[at : at + size] for at in range(0, len(body), size)]

    tracemalloc.start()
    try:
        found = scan_in_pieces(header, pieces)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert found.problems
    assert peak <= 6 * len(body)


def test_a_length_that_lies_holds_back_no_more_than_the_search_window() -> None:
    piece = random.Random(1).randbytes(MIB)
    header = DataBlockHeader(BLOCK_HEADER_LENGTH, 2**40, 0)
    scanner = EntryScanner(header, at=AT)

    tracemalloc.start()
    try:
        scanner.feed(b"\x80\0\0\0" + bytes(8))
        for _ in range(24):
            scanner.feed(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak <= 4 * SEARCH_WINDOW
