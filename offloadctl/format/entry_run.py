"""The fast way through a block: whole entries, one after another, for as long as nothing is unusual.

A run ends before the first entry that is not exactly as expected, and says nothing about that one: it must be looked at
in the slow way. An entry of a run is whole: its id is the next one, it lies within the block, its checksum verifies if
it has one, its metadata parses.
"""

import struct
from dataclasses import dataclass
from typing import Final

from google_crc32c import value as crc32c

from offloadctl.format.data_block import ENTRY_HEADER_LENGTH
from offloadctl.format.entry import BROKER_METADATA_MAGIC, CHECKSUM_MAGIC
from offloadctl.format.entry_totals import are_broker_metadata, count_encoded
from offloadctl.model.entry_counts import EntryCounts

MAX_ENTRIES: Final = 1024
"""Of one run: enough to make calls rare, few enough to stay in the processor's cache."""

_CHECKSUM_MAGIC: Final = int.from_bytes(CHECKSUM_MAGIC)
_BROKER_METADATA_MAGIC: Final = int.from_bytes(BROKER_METADATA_MAGIC)

# Entry length and id, magic, checksum, metadata size: read in one go, as each call costs more than what it reads.
_PLAIN: Final = struct.Struct(">iqHII")
# Entry length and id, magic, size of the broker's metadata; after that metadata: magic, checksum, metadata size.
_WITH_BROKER_METADATA: Final = struct.Struct(">iqHI")
_AFTER_BROKER_METADATA: Final = struct.Struct(">HII")

# Entry length and id, metadata size.
_WITHOUT_CHECKSUM: Final = struct.Struct(">iqI")

_ONE_BYTE: Final = 0x80  # varints under this are one byte long


@dataclass(frozen=True, slots=True)
class Run:
    """Whole entries, and the position after them."""

    position: int
    totals: EntryCounts


def take_run(data: bytes, position: int, end: int, *, entry_id: int, limit: int = MAX_ENTRIES) -> Run | None:
    """At most `limit` entries, whole, from the one at `position` on, which must be `entry_id`.

    None if there is none, or if the metadata of one among them does not parse: ask for fewer then.
    """
    ids, magic = range(entry_id, entry_id + limit), data[position + 12 : position + 14]
    if magic == CHECKSUM_MAGIC:
        stop, metadata = _take_plain(data, position, end, ids)
    elif magic == BROKER_METADATA_MAGIC:
        stop, metadata, broker_metadata = _take_with_broker_metadata(data, position, end, ids)
        if not are_broker_metadata(broker_metadata):
            return None
    else:
        stop, metadata = _take_without_checksum(data, position, end, ids)
    counted = count_encoded(metadata) if metadata else None
    if counted is None:
        return None
    entries = len(metadata)
    entry_bytes = stop - position - entries * ENTRY_HEADER_LENGTH
    has_checksums = magic in (CHECKSUM_MAGIC, BROKER_METADATA_MAGIC)
    states = EntryCounts(checksums_ok=entries) if has_checksums else EntryCounts(checksums_absent=entries)
    return Run(stop, counted + states + EntryCounts(entries=entries, entry_bytes=entry_bytes))


def _take_plain(data: bytes, position: int, end: int, ids: range) -> tuple[int, list[bytes]]:
    # This loop decides how fast a check is: all names in it are local, and nothing is done that need not be.
    metadata: list[bytes] = []
    unpack, verify, append, magic = _PLAIN.unpack_from, crc32c, metadata.append, _CHECKSUM_MAGIC
    last = end - _PLAIN.size
    for expected_id in ids:
        if position > last:
            break
        length, found_id, found_magic, checksum, size = unpack(data, position)
        stop = position + 12 + length
        if (
            found_magic != magic
            or found_id != expected_id
            or stop > end
            or size > length - 10
            or verify(covered := data[position + 18 : stop]) != checksum
        ):
            break
        append(covered[3 : 4 + size] if size < 0x80 else _delimited(covered, 4, size))
        position = stop
    return position, metadata


def _take_with_broker_metadata(
    data: bytes, position: int, end: int, ids: range
) -> tuple[int, list[bytes], list[bytes]]:
    metadata: list[bytes] = []
    broker_metadata: list[bytes] = []
    last = end - _WITH_BROKER_METADATA.size - _AFTER_BROKER_METADATA.size
    for expected_id in ids:
        if position > last:
            break
        length, found_id, magic, broker_size = _WITH_BROKER_METADATA.unpack_from(data, position)
        at = position + 18 + broker_size
        stop = position + 12 + length
        if magic != _BROKER_METADATA_MAGIC or found_id != expected_id or stop > end or broker_size > length - 16:
            break
        magic, checksum, size = _AFTER_BROKER_METADATA.unpack_from(data, at)
        if magic != _CHECKSUM_MAGIC or size > stop - at - 10 or crc32c(data[at + 6 : stop]) != checksum:
            break
        broker_metadata.append(_delimited(data, position + 18, broker_size))
        metadata.append(_delimited(data, at + 10, size))
        position = stop
    return position, metadata, broker_metadata


def _take_without_checksum(data: bytes, position: int, end: int, ids: range) -> tuple[int, list[bytes]]:
    # A magic, read as a part of the size, makes it larger than the entry: 234 MB.
    metadata: list[bytes] = []
    last = end - _WITHOUT_CHECKSUM.size
    for expected_id in ids:
        if position > last:
            break
        length, found_id, size = _WITHOUT_CHECKSUM.unpack_from(data, position)
        stop = position + 12 + length
        if found_id != expected_id or stop > end or size > length - 4:
            break
        metadata.append(_delimited(data, position + 16, size))
        position = stop
    return position, metadata


def _delimited(data: bytes, at: int, size: int) -> bytes:
    # The `size` bytes at `at`, led by their number as a varint. In the entry they are led by it as four bytes, the last
    # of which is the whole varint when the number is small.
    if size < _ONE_BYTE:
        return data[at - 1 : at + size]
    return _varint(size) + data[at : at + size]


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= _ONE_BYTE:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
