"""Writing a ledger the way the broker does, truncation included.

Pulsar's BlobStoreManagedLedgerOffloader.java (offload) and BlockAwareSegmentInputStreamImpl.java (calculateBlockSize,
readEntries) are the authorities. Their trap is kept on purpose, since simulated clusters and tests need it: when the
next entry does not fit into an empty block, the broker writes a block of padding only, stops, and calls it a success.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from offloadctl.format.data_block import (
    BLOCK_HEADER_LENGTH,
    ENTRY_HEADER,
    ENTRY_HEADER_LENGTH,
    DataBlockHeader,
    padding,
)
from offloadctl.format.index_object import IndexEntry, IndexObject
from offloadctl.format.ledger_metadata import LedgerMetadata


@dataclass(frozen=True, slots=True)
class BlockExtent:
    """A block's place in the data object: what the index needs to know of it."""

    first_entry_id: int
    offset: int
    length: int
    has_entries: bool = True
    """False for the padding-only block that ends a truncated ledger; the index then counts its length out."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a data object, which is one part of the multipart upload."""

    first_entry_id: int
    offset: int
    data: bytes

    @property
    def has_entries(self) -> bool:
        """Whether there is anything but padding behind the header."""
        # An entry's length is never negative, padding read as one always is.
        return len(self.data) >= BLOCK_HEADER_LENGTH + ENTRY_HEADER_LENGTH and self.data[BLOCK_HEADER_LENGTH] < 0x80

    @property
    def extent(self) -> BlockExtent:
        """The block's place, without its bytes."""
        return BlockExtent(self.first_entry_id, self.offset, len(self.data), self.has_entries)


def write_blocks(
    entries: Iterable[bytes], *, ledger_length: int, entry_count: int, max_block_size: int
) -> Iterator[Block]:
    """The blocks of a data object, one at a time; together they may hold less than the ledger, as with the broker.

    `ledger_length` and `entry_count` are what the ledger's metadata says. Raises ValueError when the broker would not
    have begun or could not have gone on: an empty ledger, fewer entries than said, no room for a block's header.
    A length that is too small ends in the trap, as the entry that does not fit would.
    """
    if entry_count <= 0:
        raise ValueError("an empty ledger is never offloaded")
    if ledger_length < 0:
        raise ValueError(f"a ledger's length is never negative, not even {ledger_length}")
    if max_block_size <= BLOCK_HEADER_LENGTH:
        raise ValueError(f"max_block_size must be over {BLOCK_HEADER_LENGTH}, not {max_block_size}")
    return _write_blocks(_Entries(entries), ledger_length, entry_count, max_block_size)


def build_index(blocks: Sequence[BlockExtent], *, metadata: LedgerMetadata) -> IndexObject:
    """The index that the broker writes after those blocks; part ids count from 1."""
    return IndexObject(
        # The broker adds a block's length only after it has seen an entry in it, so the padding-only block that ends a
        # truncated ledger is in the object and among the entries, but not in this number.
        data_object_length=sum(block.length for block in blocks if block.has_entries),
        data_header_length=BLOCK_HEADER_LENGTH,
        ledger_metadata=metadata,
        entries=tuple(
            IndexEntry(block.first_entry_id, part_id, block.offset) for part_id, block in enumerate(blocks, start=1)
        ),
    )


class _Entries:
    """The ledger's entries in order, one of them put back when it did not fit."""

    def __init__(self, entries: Iterable[bytes]) -> None:
        self._entries = iter(entries)
        self._next: bytes | None = None

    def peek(self, entry_id: int) -> bytes:
        if self._next is None:
            self._next = next(self._entries, None)
        if self._next is None:
            raise ValueError(f"the ledger has no entry {entry_id}, which its metadata counts")
        return self._next

    def take(self) -> None:
        self._next = None


def _write_blocks(entries: _Entries, ledger_length: int, entry_count: int, max_block_size: int) -> Iterator[Block]:
    first_entry_id = offset = written = 0
    while first_entry_id < entry_count:
        remaining = entry_count - first_entry_id
        # BlockAwareSegmentInputStreamImpl.calculateBlockSize; never under a header's length, since no block takes more.
        length = min(max_block_size, remaining * ENTRY_HEADER_LENGTH + (ledger_length - written) + BLOCK_HEADER_LENGTH)
        block_entries = _fill(entries, first_entry_id, remaining, room=length - BLOCK_HEADER_LENGTH)
        yield Block(first_entry_id, offset, _build_block(first_entry_id, block_entries, length))
        if not block_entries:
            return
        offset += length
        first_entry_id += len(block_entries)
        written += sum(map(len, block_entries))


def _fill(entries: _Entries, first_entry_id: int, remaining: int, *, room: int) -> list[bytes]:
    filled: list[bytes] = []
    while room > 0 and len(filled) < remaining:
        entry = entries.peek(first_entry_id + len(filled))
        room -= ENTRY_HEADER_LENGTH + len(entry)
        if room < 0:
            break
        entries.take()
        filled.append(entry)
    return filled


def _build_block(first_entry_id: int, entries: list[bytes], length: int) -> bytes:
    parts = [DataBlockHeader(BLOCK_HEADER_LENGTH, length, first_entry_id).build()]
    for entry_id, entry in enumerate(entries, start=first_entry_id):
        parts += [ENTRY_HEADER.pack(len(entry), entry_id), entry]
    parts.append(padding(length - sum(map(len, parts))))
    return b"".join(parts)
