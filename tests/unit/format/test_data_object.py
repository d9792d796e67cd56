"""What the reader of a data object says where the object is not what Pulsar writes."""

import pytest

from offloadctl.format.data_block import ENTRY_HEADER, DataBlockHeader, padding
from offloadctl.format.data_object import BlockEnded, BlockStarted, DataObjectReader, EntryRead, PaddingRead
from offloadctl.format.errors import BadField, BadMagic, FormatError, Truncated
from tests.builders import Ledger

# Two blocks of 200 bytes: one entry and 20 bytes of padding, two entries and 8; then a last one without padding.
LEDGER = Ledger((b"a" * 40, b"b" * 20, b"c" * 20, b"d" * 30), max_block_size=200)


def test_a_ledger_of_several_blocks_gives_these_events() -> None:
    reader = DataObjectReader(object_length=len(LEDGER.data))

    events = [*reader.feed(LEDGER.data), *reader.close()]

    assert events == [
        BlockStarted(DataBlockHeader(128, 200, 0), at=0),
        EntryRead(0, b"a" * 40, at=128),
        PaddingRead(at=180, length=20),
        BlockEnded(at=200, entries=1, entry_bytes=40),
        BlockStarted(DataBlockHeader(128, 200, 1), at=200),
        EntryRead(1, b"b" * 20, at=328),
        EntryRead(2, b"c" * 20, at=360),
        PaddingRead(at=392, length=8),
        BlockEnded(at=400, entries=2, entry_bytes=40),
        BlockStarted(DataBlockHeader(128, 170, 3), at=400),
        EntryRead(3, b"d" * 30, at=528),
        BlockEnded(at=570, entries=1, entry_bytes=30),
    ]
    assert reader.at == 570


def test_reading_may_begin_at_any_block() -> None:
    reader = DataObjectReader(at=200)

    events = list(reader.feed(LEDGER.data[200:]))

    assert events[0] == BlockStarted(DataBlockHeader(128, 200, 1), at=200)
    assert events[-1] == BlockEnded(at=570, entries=1, entry_bytes=30)


def test_a_damaged_byte_of_padding_is_told_and_reading_goes_on() -> None:
    damaged = LEDGER.data[:190] + b"\0" + LEDGER.data[191:]

    events = list(DataObjectReader().feed(damaged))

    assert PaddingRead(at=180, length=20, damaged_at=190) in events
    assert events[-1] == BlockEnded(at=570, entries=1, entry_bytes=30)


@pytest.mark.parametrize(
    ("at", "new", "error", "error_at"),
    [
        (0, b"\0", BadMagic, 0),
        (200, b"\0", BadMagic, 200),
        (4 + 7, b"\x7f", BadField, 4),
        (127, b"\1", BadField, 28),
        (128, b"\0\0\0\x3d", BadField, 128),
        (180, b"\0\0\0\x09", BadField, 180),
        (400 + 12, (171).to_bytes(8), BadField, 412),
    ],
)
def test_reading_stops_where_no_way_on_is_known(at: int, new: bytes, error: type[FormatError], error_at: int) -> None:
    damaged = LEDGER.data[:at] + new + LEDGER.data[at + len(new) :]
    reader = DataObjectReader(object_length=len(damaged))

    with pytest.raises(error) as refusal:
        list(reader.feed(damaged))

    assert refusal.value.at == error_at
    assert reader.at <= error_at


def test_an_error_stays_the_answer() -> None:
    reader = DataObjectReader()

    for feed in (b"no block, but as long as a header is" * 4, LEDGER.data):
        with pytest.raises(BadMagic):
            list(reader.feed(feed))
    with pytest.raises(BadMagic):
        reader.close()


@pytest.mark.parametrize("length", [0, 1, 127, 128, 140, 179, 180, 200, 569])
def test_an_object_cut_short_is_truncated_whether_or_not_its_length_was_known(length: int) -> None:
    for object_length in (None, 570):
        reader = DataObjectReader(object_length=object_length)
        list(reader.feed(LEDGER.data[:length]))
        if length == 200 and object_length is None:
            assert list(reader.close()) == []
            continue

        with pytest.raises(Truncated) as refusal:
            reader.close()

        assert refusal.value.at == length
        assert refusal.value.found == f"{length} bytes"


def test_bytes_after_the_object_are_refused() -> None:
    reader = DataObjectReader(object_length=570)

    with pytest.raises(BadField) as refusal:
        list(reader.feed(LEDGER.data + b"!"))

    assert refusal.value.at == 570


def test_a_block_of_padding_alone_has_no_entries() -> None:
    data = DataBlockHeader(128, 150, 3).build() + padding(22)

    events = list(DataObjectReader(object_length=150).feed(data))

    assert events[1:] == [PaddingRead(at=128, length=22), BlockEnded(at=150, entries=0, entry_bytes=0)]


def test_a_block_may_be_nothing_but_its_header() -> None:
    data = DataBlockHeader(128, 128, 0).build()

    events = list(DataObjectReader().feed(data))

    assert events == [BlockStarted(DataBlockHeader(128, 128, 0), at=0), BlockEnded(at=128, entries=0, entry_bytes=0)]


def test_an_entry_id_out_of_order_is_told_as_it_stands() -> None:
    data = DataBlockHeader(128, 140, 5).build() + ENTRY_HEADER.pack(0, -9)

    events = list(DataObjectReader().feed(data))

    assert events[1] == EntryRead(-9, b"", at=128)
