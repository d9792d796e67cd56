"""Index objects: which entry starts which block of the data object, and the ledger's metadata.

    at 0 magic DE47DE47 (4), 4 index length (4), 8 data object length (8), 16 data header length (8),
    24 entry count n (4), 28 metadata length m (4), 32 LedgerMetadataFormat (m),
    32+m n times: first entry id (8), part id (4), block offset (8)

Pulsar's OffloadIndexBlockImpl.java is the authority, OffloadIndexBlockV2Impl.java that for streaming offloads, which no
released broker makes. Everything is big-endian.
"""

import struct
from dataclasses import dataclass
from typing import Final, Self

from offloadctl.format.errors import BadField, BadMagic, Truncated
from offloadctl.format.ledger_metadata import LedgerMetadata

INDEX_MAGIC: Final = 0xDE47DE47
"""OffloadIndexBlockImpl.java, INDEX_MAGIC_WORD."""

STREAMING_INDEX_MAGIC: Final = 0x3D1FB0BC
"""OffloadIndexBlockV2Impl.java, INDEX_MAGIC_WORD."""

INDEX_HEADER_LENGTH: Final = 32
INDEX_ENTRY_LENGTH: Final = 20

_HEADER: Final = struct.Struct(">Iiqqii")
_STREAMING_HEADER: Final = struct.Struct(">Iiqq")
_STREAMING_LEDGER: Final = struct.Struct(">qii")
_ENTRY: Final = struct.Struct(">qiq")
_MAGIC: Final = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One block: the entry that it starts with, its number as an upload part, its offset in the data object."""

    first_entry_id: int
    part_id: int
    offset: int


@dataclass(frozen=True, slots=True)
class IndexObject:
    """The index of one ledger; written last, so that it marks the offload as done."""

    data_object_length: int
    """What readers take for the data object's length, whatever its length in S3."""
    data_header_length: int
    ledger_metadata: LedgerMetadata
    entries: tuple[IndexEntry, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a whole index object."""
        _check_magic(data, INDEX_MAGIC, other=STREAMING_INDEX_MAGIC, other_name="the index of a streaming offload")
        _require(data, 0, _HEADER.size, what="index header")
        _, length, data_length, header_length, entry_count, metadata_length = _HEADER.unpack_from(data)
        _check_length(length, data)
        body = _require_body(data, _HEADER.size, metadata_length, entry_count, counts_at=24)
        if body != len(data):
            raise BadField("index length", at=4, expected=f"{body}, by its own counts", found=length)
        entries_at = _HEADER.size + metadata_length
        metadata = LedgerMetadata.parse(data[_HEADER.size : entries_at], at=_HEADER.size)
        return cls(data_length, header_length, metadata, _parse_entries(data[entries_at:]))

    def build(self) -> bytes:
        """The whole index object."""
        metadata = self.ledger_metadata.build()
        length = _HEADER.size + len(metadata) + _ENTRY.size * len(self.entries)
        counts = (len(self.entries), len(metadata))
        header = _HEADER.pack(INDEX_MAGIC, length, self.data_object_length, self.data_header_length, *counts)
        return header + metadata + _build_entries(self.entries)


@dataclass(frozen=True, slots=True)
class StreamingLedger:
    """One ledger's part of a streaming offload; its metadata is Pulsar's LedgerInfo, left encoded."""

    ledger_id: int
    ledger_info: bytes
    entries: tuple[IndexEntry, ...]


@dataclass(frozen=True, slots=True)
class StreamingIndexObject:
    """The index of a streaming offload (V2): recognised, so that it is not taken for damage."""

    data_object_length: int
    data_header_length: int
    ledgers: tuple[StreamingLedger, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a whole index object of a streaming offload."""
        _check_magic(data, STREAMING_INDEX_MAGIC, other=INDEX_MAGIC, other_name="the index of one ledger")
        _require(data, 0, _STREAMING_HEADER.size, what="index header")
        _, length, data_length, header_length = _STREAMING_HEADER.unpack_from(data)
        _check_length(length, data)
        ledgers, position = [], _STREAMING_HEADER.size
        while position < len(data):
            ledger, position = _parse_streaming_ledger(data, position)
            ledgers.append(ledger)
        return cls(data_length, header_length, tuple(ledgers))

    def build(self) -> bytes:
        """The whole index object."""
        body = b"".join(
            _STREAMING_LEDGER.pack(ledger.ledger_id, len(ledger.entries), len(ledger.ledger_info))
            + ledger.ledger_info
            + _build_entries(ledger.entries)
            for ledger in self.ledgers
        )
        length = _STREAMING_HEADER.size + len(body)
        return (
            _STREAMING_HEADER.pack(STREAMING_INDEX_MAGIC, length, self.data_object_length, self.data_header_length)
            + body
        )


def parse_index(data: bytes) -> IndexObject | StreamingIndexObject:
    """Read an index object of either kind."""
    if data[: _MAGIC.size] == _MAGIC.pack(STREAMING_INDEX_MAGIC):
        return StreamingIndexObject.parse(data)
    return IndexObject.parse(data)


def _check_magic(data: bytes, magic: int, *, other: int, other_name: str) -> None:
    _require(data, 0, _MAGIC.size, what="index header")
    (found,) = _MAGIC.unpack_from(data)
    if found != magic:
        described = f"{found:08X}, {other_name}" if found == other else f"{found:08X}"
        raise BadMagic("index header", at=0, expected=f"{magic:08X}", found=described)


def _check_length(length: int, data: bytes) -> None:
    if length > len(data):
        raise Truncated("index object", at=0, expected=f"{length} bytes", found=f"{len(data)} bytes")
    if length != len(data):
        raise BadField("index length", at=4, expected=len(data), found=length)


def _require(data: bytes, at: int, length: int, *, what: str) -> None:
    if len(data) - at < length:
        raise Truncated(what, at=at, expected=f"{length} bytes", found=f"{len(data) - at} bytes")


def _require_body(data: bytes, at: int, metadata_length: int, entry_count: int, *, counts_at: int) -> int:
    # Returns where the metadata and the entries that start at `at` end, once it is sure that they fit.
    if entry_count < 0:
        raise BadField("index entry count", at=counts_at, expected="0 or more", found=entry_count)
    if metadata_length < 0:
        raise BadField("ledger metadata length", at=counts_at + 4, expected="0 or more", found=metadata_length)
    _require(data, at, metadata_length, what="ledger metadata")
    entries_at = at + metadata_length
    _require(data, entries_at, entry_count * _ENTRY.size, what="index entries")
    return entries_at + entry_count * _ENTRY.size


def _parse_streaming_ledger(data: bytes, at: int) -> tuple[StreamingLedger, int]:
    _require(data, at, _STREAMING_LEDGER.size, what="ledger of the index")
    ledger_id, entry_count, info_length = _STREAMING_LEDGER.unpack_from(data, at)
    info_at = at + _STREAMING_LEDGER.size
    end = _require_body(data, info_at, info_length, entry_count, counts_at=at + 8)
    entries_at = info_at + info_length
    return StreamingLedger(ledger_id, data[info_at:entries_at], _parse_entries(data[entries_at:end])), end


def _parse_entries(data: bytes) -> tuple[IndexEntry, ...]:
    return tuple(IndexEntry(*fields) for fields in _ENTRY.iter_unpack(data))


def _build_entries(entries: tuple[IndexEntry, ...]) -> bytes:
    return b"".join(_ENTRY.pack(entry.first_entry_id, entry.part_id, entry.offset) for entry in entries)
