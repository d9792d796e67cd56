"""The writer does what the broker does, its trap included."""

from collections.abc import Iterator

import pytest

from offloadctl.format.data_block import BLOCK_HEADER_LENGTH, PADDING, DataBlockHeader, walk_block
from offloadctl.format.data_object import DataObjectReader, EntryRead
from offloadctl.format.writer import build_index, write_blocks
from tests.builders import Ledger, ledger_metadata


def written(*entries: bytes, max_block_size: int) -> Ledger:
    return Ledger(entries, max_block_size)


def test_one_block_is_as_long_as_what_is_in_it() -> None:
    ledger = written(b"a" * 10, b"", b"c", max_block_size=5000)

    assert len(ledger.data) == 128 + 3 * 12 + 11
    assert ledger.index.data_object_length == len(ledger.data)


def test_an_entry_that_exactly_fills_a_block_leaves_no_padding() -> None:
    ledger = written(b"a" * 60, b"b" * 60, max_block_size=200)

    assert [len(block.data) for block in ledger.blocks] == [200, 200]
    assert [block.data[140:] for block in ledger.blocks] == [b"a" * 60, b"b" * 60]


def test_a_block_that_the_next_entry_misses_by_one_byte_is_padded() -> None:
    ledger = written(b"a" * 30, b"b" * 19, b"c", max_block_size=200)

    first, second = ledger.blocks

    assert (
        first.data == DataBlockHeader(128, 200, 0).build() + b"\0\0\0\x1e" + bytes(8) + b"a" * 30 + (PADDING * 8)[:30]
    )
    assert second.first_entry_id == 1


@pytest.mark.parametrize("room", range(14))
def test_whatever_room_the_entries_leave_is_padding(room: int) -> None:
    # The next entry needs more than is left, so that the first block ends in `room` bytes of padding.
    first = b"a" * (60 - room)
    ledger = written(first, b"b" * 60, b"c" * 60, max_block_size=200)

    walk = walk_block(ledger.data, DataBlockHeader.parse(ledger.data, at=0), at=0)

    assert (walk.entries, walk.padding_length, walk.padding_damaged_at) == (1, room, None)
    reader = DataObjectReader(object_length=len(ledger.data))
    assert [e.data for e in reader.feed(ledger.data) if isinstance(e, EntryRead)] == [first, b"b" * 60, b"c" * 60]


def test_the_last_block_has_no_padding_even_if_its_entry_looks_like_it() -> None:
    ledger = written(b"a" * 50, b"b" + PADDING * 12, max_block_size=200)

    last = ledger.blocks[-1].data

    assert last.endswith(PADDING * 12)
    assert walk_block(last, DataBlockHeader.parse(last, at=200), at=200).padding_length == 0


def test_an_entry_too_large_for_a_block_ends_the_object_in_silence() -> None:
    entries = (b"a" * 10, b"b" * 61, b"c")
    ledger = written(*entries, max_block_size=200)

    padding_only = ledger.blocks[-1]

    assert [block.first_entry_id for block in ledger.blocks] == [0, 1]
    assert padding_only.data == DataBlockHeader(128, 200, 1).build() + PADDING * 18
    assert not padding_only.has_entries
    # The index counts it among the blocks, but not into the length.
    assert len(ledger.index.entries) == 2
    assert ledger.index.data_object_length == 200 == len(ledger.data) // 2


def test_a_first_entry_too_large_leaves_nothing_but_padding() -> None:
    ledger = written(b"a" * 100, max_block_size=200)

    assert [block.has_entries for block in ledger.blocks] == [False]
    assert ledger.index.data_object_length == 0


@pytest.mark.parametrize("length", range(BLOCK_HEADER_LENGTH + 1, BLOCK_HEADER_LENGTH + 12))
def test_a_block_without_room_for_an_empty_entry_holds_none(length: int) -> None:
    ledger = written(b"", b"", max_block_size=length)

    assert [(len(block.data), block.has_entries) for block in ledger.blocks] == [(length, False)]


@pytest.mark.parametrize(
    ("entries", "ledger_length", "entry_count", "max_block_size"),
    [
        ([], 0, 0, 1000),
        ([b"a"], 1, 1, 128),
        ([b"a"], 2, 2, 1000),
        ([b"a"], -1, 1, 1000),
    ],
    ids=["empty ledger", "no room for a header", "fewer entries than said", "negative length"],
)
def test_what_a_broker_would_not_have_written_is_refused(
    entries: list[bytes], ledger_length: int, entry_count: int, max_block_size: int
) -> None:
    with pytest.raises(ValueError, match=r"ledger|max_block_size"):
        list(write_blocks(entries, ledger_length=ledger_length, entry_count=entry_count, max_block_size=max_block_size))


def test_more_bytes_than_the_ledgers_length_end_in_the_trap() -> None:
    blocks = list(write_blocks([b"a" * 10, b""], ledger_length=5, entry_count=2, max_block_size=1000))

    assert [(len(block.data), block.has_entries) for block in blocks] == [(128 + 24 + 5, True), (128 + 12 - 5, False)]


def test_blocks_come_one_at_a_time() -> None:
    taken: list[int] = []

    def entries() -> Iterator[bytes]:
        for number in range(100):
            taken.append(number)
            yield bytes([number]) * 50

    blocks = write_blocks(entries(), ledger_length=5000, entry_count=100, max_block_size=200)
    next(blocks)

    assert taken == [0, 1]


def test_part_ids_count_from_one() -> None:
    blocks = [block.extent for block in written(b"a" * 60, b"b" * 60, max_block_size=200).blocks]

    index = build_index(blocks, metadata=ledger_metadata([b"a" * 60, b"b" * 60]))

    assert [(line.part_id, line.offset, line.first_entry_id) for line in index.entries] == [(1, 0, 0), (2, 200, 1)]
