"""Data blocks: a data object is nothing but blocks, and each block has this header, entries, and perhaps padding.

    header    at 0 magic FBDBABCB (4), 4 header length (8), 12 block length (8), 20 first entry id (8), 100 zeros
    entry     at 0 length (4), 4 entry id (8), 12 the entry
    padding   FEDCDEAD over and over, the first byte of it at the padding's first byte, cut at the block's end

Pulsar's DataBlockHeaderImpl.java and BlockAwareSegmentInputStreamImpl.java are the authorities; the former's Javadoc
gives other widths than its code, and the code wins. Everything is big-endian.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from offloadctl.format.errors import BadField, BadMagic, Truncated

BLOCK_MAGIC: Final = 0xFBDBABCB
"""DataBlockHeaderImpl.java, MAGIC_WORD."""

STREAMING_BLOCK_MAGIC: Final = 0x26A66D32
"""StreamingDataBlockHeaderImpl.java, MAGIC_WORD: no released broker writes such blocks."""

BLOCK_HEADER_LENGTH: Final = 128
"""DataBlockHeaderImpl.java, HEADER_MAX_SIZE."""

ENTRY_HEADER_LENGTH: Final = 12
"""BlockAwareSegmentInputStreamImpl.java, ENTRY_HEADER_SIZE: length (4) and entry id (8)."""

PADDING: Final = b"\xfe\xdc\xde\xad"
"""BlockAwareSegmentInputStreamImpl.java, BLOCK_END_PADDING. As a length it is negative: that is how readers see it."""

ENTRY_LENGTH: Final = struct.Struct(">i")
ENTRY_HEADER: Final = struct.Struct(">iq")

_LAYOUT: Final = struct.Struct(">Iqqq")
_RESERVED: Final = bytes(BLOCK_HEADER_LENGTH - _LAYOUT.size)

# How much padding is compared at once: enough to be fast, little enough to need no memory worth mentioning.
_PADDING_PIECE: Final = 64 * 1024
_PADDING_RUN: Final = PADDING * (_PADDING_PIECE // len(PADDING) + 1)


@dataclass(frozen=True, slots=True)
class DataBlockHeader:
    """How long a block is, and the entry that it starts with."""

    header_length: int
    block_length: int
    """Header, entries and padding."""
    first_entry_id: int

    @classmethod
    def parse(cls, data: bytes | bytearray | memoryview, *, at: int) -> Self:
        """Read the header that stands at object offset `at`; `data` begins there and may go on after it."""
        if len(data) < BLOCK_HEADER_LENGTH:
            raise Truncated("block header", at=at, expected=f"{BLOCK_HEADER_LENGTH} bytes", found=f"{len(data)} bytes")
        magic, *fields = _LAYOUT.unpack_from(data)
        if magic != BLOCK_MAGIC:
            raise BadMagic("block header", at=at, expected=f"{BLOCK_MAGIC:08X}", found=_describe(magic))
        header = cls(*fields)
        header._check(at)
        if bytes(data[_LAYOUT.size : BLOCK_HEADER_LENGTH]) != _RESERVED:
            raise BadField("rest of the block header", at=at + _LAYOUT.size, expected="zeros", found="other bytes")
        return header

    def build(self) -> bytes:
        """The header's 128 bytes."""
        return _LAYOUT.pack(BLOCK_MAGIC, self.header_length, self.block_length, self.first_entry_id) + _RESERVED

    def _check(self, at: int) -> None:
        if self.header_length != BLOCK_HEADER_LENGTH:
            raise BadField("block header length", at=at + 4, expected=BLOCK_HEADER_LENGTH, found=self.header_length)
        if self.block_length < BLOCK_HEADER_LENGTH:
            expected = f"at least {BLOCK_HEADER_LENGTH}"
            raise BadField("block length", at=at + 12, expected=expected, found=self.block_length)
        if self.first_entry_id < 0:
            raise BadField("first entry id of the block", at=at + 20, expected="0 or more", found=self.first_entry_id)


@dataclass(frozen=True, slots=True)
class EntryPlace:
    """Where one entry lies within a block: `block[start:end]`."""

    entry_id: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class BlockWalk:
    """What one block really holds, found by going from entry to entry."""

    entries: int
    last_entry_id: int | None
    """None for a block without entries."""
    entry_bytes: int
    """The entries' own bytes, without their headers."""
    padding_length: int
    padding_damaged_at: int | None
    """Object offset of the first padding byte that Pulsar would not have written."""


def padding(length: int) -> bytes:
    """That many bytes of padding, as they follow the last entry of a block."""
    return (PADDING * (length // len(PADDING) + 1))[:length]


def padding_mismatch(data: bytes | bytearray | memoryview, *, phase: int = 0) -> int | None:
    """Index of the first byte that is not padding, or None; `phase` padding bytes came before `data`."""
    with memoryview(data) as view:
        for start in range(0, len(view), _PADDING_PIECE):
            piece = view[start : start + _PADDING_PIECE].tobytes()
            shift = (phase + start) % len(PADDING)
            expected = _PADDING_RUN[shift : shift + len(piece)]
            if piece != expected:
                return start + next(i for i, pair in enumerate(zip(piece, expected, strict=True)) if pair[0] != pair[1])
    return None


def entry_length_error(length: int, *, at: int, left: int) -> BadField:
    """The error for an entry that would reach over the end of its block, `left` bytes after `at`."""
    expected = f"at most {max(left - ENTRY_HEADER_LENGTH, 0)}, to the end of the block"
    return BadField("entry length", at=at, expected=expected, found=length)


def iterate_block(data: bytes | memoryview, header: DataBlockHeader, *, at: int) -> Iterator[EntryPlace]:
    """Every entry of the whole block `data`, which stands at object offset `at`; ends at the padding."""
    end = header.block_length
    if len(data) < end:
        raise Truncated("block", at=at, expected=f"{end} bytes", found=f"{len(data)} bytes")
    position, last_header, unpack = header.header_length, end - ENTRY_HEADER_LENGTH, ENTRY_HEADER.unpack_from
    while position <= last_header:
        length, entry_id = unpack(data, position)
        if length < 0:
            return
        start = position + ENTRY_HEADER_LENGTH
        if length > end - start:
            raise entry_length_error(length, at=at + position, left=end - position)
        position = start + length
        yield EntryPlace(entry_id, start, position)
    if end - position >= ENTRY_LENGTH.size:
        (length,) = ENTRY_LENGTH.unpack_from(data, position)
        if length >= 0:
            raise entry_length_error(length, at=at + position, left=end - position)


def walk_block(data: bytes | memoryview, header: DataBlockHeader, *, at: int) -> BlockWalk:
    """Go through the whole block `data`, which stands at object offset `at`, and say what it holds.

    This settles whether a block that ends like padding does end in padding, or in an entry that looks like it.
    """
    entries, last_entry_id, entry_bytes, position = 0, None, 0, header.header_length
    for place in iterate_block(data, header, at=at):
        entries += 1
        last_entry_id = place.entry_id
        entry_bytes += place.end - place.start
        position = place.end
    mismatch = padding_mismatch(memoryview(data)[position : header.block_length])
    damaged_at = None if mismatch is None else at + position + mismatch
    return BlockWalk(entries, last_entry_id, entry_bytes, header.block_length - position, damaged_at)


def _describe(magic: int) -> str:
    if magic == STREAMING_BLOCK_MAGIC:
        return f"{magic:08X}, a block of a streaming offload"
    return f"{magic:08X}"
