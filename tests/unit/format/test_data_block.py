"""Block headers, entries and padding: where one block's parts begin and end, and what is wrong with damaged ones."""

import struct

import pytest

from offloadctl.format.data_block import (
    ENTRY_HEADER,
    PADDING,
    DataBlockHeader,
    EntryPlace,
    iterate_block,
    padding,
    padding_mismatch,
    walk_block,
)
from offloadctl.format.errors import BadField, BadMagic, FormatError, Truncated


def header(*, magic: int = 0xFBDBABCB, header_length: int = 128, length: int = 128, first: int = 0) -> bytes:
    return struct.pack(">Iqqq", magic, header_length, length, first).ljust(128, b"\0")


def block(*entries: bytes, fill: bytes = b"", first: int = 0) -> bytes:
    """A block with these entries and then `fill`."""
    body = b"".join(ENTRY_HEADER.pack(len(entry), first + n) + entry for n, entry in enumerate(entries)) + fill
    return header(length=128 + len(body), first=first) + body


def test_a_headers_bytes_are_pinned() -> None:
    built = DataBlockHeader(header_length=128, block_length=5242880, first_entry_id=7).build()

    assert built.hex() == "fbdbabcb" + "0000000000000080" + "0000000000500000" + "0000000000000007" + "00" * 100


@pytest.mark.parametrize(
    ("data", "error", "at"),
    [
        (b"", Truncated, 1000),
        (header()[:127], Truncated, 1000),
        (header(magic=0xFBDBABCA), BadMagic, 1000),
        (header(magic=0x26A66D32), BadMagic, 1000),
        (header(header_length=129), BadField, 1004),
        (header(length=127), BadField, 1012),
        (header(length=-1), BadField, 1012),
        (header(first=-1), BadField, 1020),
        (header()[:127] + b"\1", BadField, 1028),
    ],
)
def test_a_header_that_pulsar_never_writes_is_refused_at_its_offset(
    data: bytes, error: type[FormatError], at: int
) -> None:
    with pytest.raises(error) as refusal:
        DataBlockHeader.parse(data, at=1000)

    assert refusal.value.at == at


def test_a_block_of_a_streaming_offload_is_named_as_such() -> None:
    with pytest.raises(BadMagic, match="streaming offload"):
        DataBlockHeader.parse(header(magic=0x26A66D32), at=0)


@pytest.mark.parametrize("length", range(10))
def test_padding_is_the_pattern_cut_at_the_end(length: int) -> None:
    assert padding(length) == bytes.fromhex("fedcdeadfedcdeadfedcdead")[:length]


@pytest.mark.parametrize("at", [0, 1, 2, 3, 4, 65_535, 65_536, 65_537, 131_073])
@pytest.mark.parametrize("phase", [0, 1, 2, 3, 7])
def test_the_first_byte_that_is_not_padding_is_found(at: int, phase: int) -> None:
    whole = padding(phase + 200_000)[phase:]
    damaged = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]

    assert padding_mismatch(whole, phase=phase) is None
    assert padding_mismatch(damaged, phase=phase) == at


@pytest.mark.parametrize("length", range(14))
def test_any_length_of_padding_ends_a_block(length: int) -> None:
    data = block(b"first", b"", fill=padding(length))

    walk = walk_block(data, DataBlockHeader.parse(data, at=0), at=0)

    assert (walk.entries, walk.last_entry_id, walk.entry_bytes) == (2, 1, 5)
    assert (walk.padding_length, walk.padding_damaged_at) == (length, None)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 12, 100])
def test_a_flip_in_the_last_byte_of_padding_is_found_where_it_is(length: int) -> None:
    data = block(b"first", fill=padding(length))
    damaged = data[:-1] + bytes([data[-1] ^ 1])

    walk = walk_block(damaged, DataBlockHeader.parse(data, at=0), at=5000)

    assert walk.padding_damaged_at == 5000 + len(data) - 1
    assert walk.padding_length == length


def test_an_entry_that_ends_in_the_padding_pattern_is_an_entry() -> None:
    data = block(b"payload" + PADDING * 3)

    walk = walk_block(data, DataBlockHeader.parse(data, at=0), at=0)

    assert (walk.entries, walk.entry_bytes, walk.padding_length) == (1, 19, 0)


def test_a_block_without_entries_says_so() -> None:
    data = block(fill=padding(50))

    walk = walk_block(data, DataBlockHeader.parse(data, at=0), at=0)

    assert (walk.entries, walk.last_entry_id, walk.padding_length) == (0, None, 50)


def test_places_are_counted_from_the_blocks_start() -> None:
    data = block(b"abc", b"de", first=40) + b"the next block"

    places = list(iterate_block(data, DataBlockHeader.parse(data, at=0), at=0))

    assert places == [EntryPlace(40, 140, 143), EntryPlace(41, 155, 157)]
    assert data[155:157] == b"de"


@pytest.mark.parametrize(
    ("fill", "at"),
    [
        (ENTRY_HEADER.pack(1, 1), 145),
        (ENTRY_HEADER.pack(2**31 - 1, 1) + b"some", 145),
        (ENTRY_HEADER.pack(0, 1)[:11], 145),
        (bytes(4), 145),
    ],
)
def test_an_entry_that_would_leave_its_block_is_refused(fill: bytes, at: int) -> None:
    data = block(b"first", fill=fill)

    with pytest.raises(BadField, match="entry length") as refusal:
        list(iterate_block(data, DataBlockHeader.parse(data, at=0), at=0))

    assert refusal.value.at == at


def test_a_block_that_is_not_all_there_is_refused() -> None:
    data = block(b"first")

    with pytest.raises(Truncated):
        walk_block(data[:-1], DataBlockHeader.parse(data, at=0), at=0)
