"""Index objects of both kinds: their bytes, and where a damaged one stops making sense."""

import struct

import pytest

from offloadctl.format.errors import BadField, BadMagic, FormatError, Truncated
from offloadctl.format.index_object import (
    IndexEntry,
    IndexObject,
    StreamingIndexObject,
    StreamingLedger,
    parse_index,
)
from offloadctl.format.ledger_metadata import LedgerMetadata

METADATA = LedgerMetadata(length=100, last_entry_id=9)
INDEX = IndexObject(5000, 128, METADATA, (IndexEntry(0, 1, 0), IndexEntry(7, 2, 4000)))
STREAMING = StreamingIndexObject(
    5000, 128, (StreamingLedger(3, b"info", (IndexEntry(0, 1, 0),)), StreamingLedger(4, b"", ()))
)


def with_counts(
    *, length: int | None = None, entries: int = 2, metadata_length: int | None = None, magic: int = 0xDE47DE47
) -> bytes:
    built = INDEX.build()
    size = len(METADATA.build()) if metadata_length is None else metadata_length
    header = struct.pack(">Iiqqii", magic, len(built) if length is None else length, 5000, 128, entries, size)
    return header + built[32:]


def test_the_bytes_of_an_index_are_pinned() -> None:
    metadata = METADATA.build().hex()

    assert metadata == "08011001186420092803" + "3803" + "4801"
    assert INDEX.build().hex() == (
        "de47de47" + "00000056" + "0000000000001388" + "0000000000000080" + "00000002" + "0000000e" + metadata
        + "0000000000000000" + "00000001" + "0000000000000000"
        + "0000000000000007" + "00000002" + "0000000000000fa0"
    )  # fmt: skip


def test_the_bytes_of_a_streaming_index_are_pinned() -> None:
    assert STREAMING.build().hex() == (
        "3d1fb0bc" + "00000050" + "0000000000001388" + "0000000000000080"
        + "0000000000000003" + "00000001" + "00000004" + b"info".hex()
        + "0000000000000000" + "00000001" + "0000000000000000"
        + "0000000000000004" + "00000000" + "00000000"
    )  # fmt: skip


def test_the_magic_decides_which_kind_it_is() -> None:
    assert parse_index(INDEX.build()) == INDEX
    assert parse_index(STREAMING.build()) == STREAMING


@pytest.mark.parametrize("index", [INDEX, STREAMING], ids=["of one ledger", "streaming"])
def test_each_truncation_is_told_as_such(index: IndexObject | StreamingIndexObject) -> None:
    built = index.build()

    for length in range(len(built)):
        with pytest.raises(Truncated if length >= 24 or length < 4 else FormatError):
            parse_index(built[:length])


@pytest.mark.parametrize(
    ("data", "error", "at"),
    [
        (with_counts(magic=0xDE47DE46), BadMagic, 0),
        (with_counts(length=85), BadField, 4),
        (with_counts(length=87), Truncated, 0),
        (with_counts(length=-1), BadField, 4),
        (with_counts(entries=-1), BadField, 24),
        (with_counts(metadata_length=-1), BadField, 28),
        (with_counts(entries=1), BadField, 4),
        (with_counts(entries=3), Truncated, 46),
        (with_counts(metadata_length=13), BadField, 4),
        (with_counts(entries=1, metadata_length=34), BadField, 32),
        (with_counts(metadata_length=2**31 - 1), Truncated, 32),
    ],
)
def test_counts_that_do_not_fit_are_refused_at_their_offset(data: bytes, error: type[FormatError], at: int) -> None:
    with pytest.raises(error) as refusal:
        parse_index(data)

    assert refusal.value.at == at


def test_each_kind_is_named_when_the_other_was_wanted() -> None:
    with pytest.raises(BadMagic, match="streaming offload"):
        IndexObject.parse(STREAMING.build())
    with pytest.raises(BadMagic, match="of one ledger"):
        StreamingIndexObject.parse(INDEX.build())
