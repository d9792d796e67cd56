"""Reading a data object as it arrives: chunks of any size in, the same events out.

The reader keeps at most the chunk that it was fed and one entry that is not complete yet. It believes no length before
the bytes are there: an entry that would leave its block is an error at once, and padding is compared and dropped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from offloadctl.format.data_block import (
    BLOCK_HEADER_LENGTH,
    ENTRY_HEADER,
    ENTRY_HEADER_LENGTH,
    ENTRY_LENGTH,
    DataBlockHeader,
    entry_length_error,
    padding_mismatch,
)
from offloadctl.format.errors import BadField, FormatError, Truncated

# Bytes that were read are dropped from the buffer in portions, as each time costs a move of what is left.
_DROP_AT: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BlockStarted:
    """A block's header, at object offset `at`."""

    header: DataBlockHeader
    at: int


@dataclass(frozen=True, slots=True)
class EntryRead:
    """An entry, complete; `at` is the object offset of its length, 12 bytes before `data`."""

    entry_id: int
    data: bytes
    at: int


@dataclass(frozen=True, slots=True)
class PaddingRead:
    """All padding of a block, from object offset `at` to the block's end."""

    at: int
    length: int
    damaged_at: int | None = None
    """Object offset of the first byte that Pulsar would not have written; Pulsar's own reader does not look."""


@dataclass(frozen=True, slots=True)
class BlockEnded:
    """A block is complete; `at` is the object offset after its last byte."""

    at: int
    entries: int
    entry_bytes: int
    """The entries' own bytes, without their headers."""


Event = BlockStarted | EntryRead | PaddingRead | BlockEnded


class DataObjectReader:
    """Turns a data object's bytes, in chunks of any size, into events; raises FormatError where no way on is known.

    `at` is the object offset of the first byte fed, which must begin a block. With `object_length` a block that leaves
    the object is an error at its header, and bytes after the object's end are an error too.
    """

    __slots__ = (
        "_at",
        "_block_end",
        "_buffer",
        "_damaged_at",
        "_entries",
        "_entry_bytes",
        "_error",
        "_object_length",
        "_padding_at",
        "_position",
    )

    def __init__(self, *, at: int = 0, object_length: int | None = None) -> None:
        self._object_length = object_length
        self._buffer = bytearray()
        self._position = 0  # in the buffer: what lies before it was read
        self._at = at  # in the object: where that position is
        self._block_end: int | None = None
        self._padding_at: int | None = None
        self._damaged_at: int | None = None
        self._entries = 0
        self._entry_bytes = 0
        self._error: FormatError | None = None

    @property
    def at(self) -> int:
        """Object offset of the first byte that no event has covered yet."""
        return self._at

    def feed(self, chunk: bytes | bytearray | memoryview) -> Iterator[Event]:
        """The events that `chunk` completes, made while they are taken; the others come with later chunks."""
        if self._error is None:
            self._buffer += chunk
        return self._events()

    def close(self) -> Iterator[Event]:
        """Say that nothing follows: gives events that were not taken yet, and raises Truncated within a block."""
        events = tuple(self._events())
        whole = self._block_end is None and self._available() == 0
        if not whole or self._is_short():
            self._error = self._truncation()
            raise self._error
        return iter(events)

    def _events(self) -> Iterator[Event]:
        while (event := self._next_event()) is not None:
            yield event
        self._drop()

    def _next_event(self) -> Event | None:
        if self._error is not None:
            raise self._error
        try:
            return self._step()
        except FormatError as exc:
            self._error = exc
            self._buffer.clear()
            self._position = 0
            raise

    def _step(self) -> Event | None:
        if self._block_end is None:
            return self._start_block()
        if self._padding_at is not None:
            return self._read_padding(self._padding_at, self._block_end)
        left = self._block_end - self._at
        if left == 0:
            return self._end_block()
        if left < ENTRY_LENGTH.size:
            return self._read_padding(self._at, self._block_end)
        return self._read_entry(left)

    def _start_block(self) -> BlockStarted | None:
        if self._available() and self._object_length is not None and self._at >= self._object_length:
            raise BadField("data object length", at=self._at, expected=self._object_length, found="more bytes")
        if self._available() < BLOCK_HEADER_LENGTH:
            return None
        end = self._position + BLOCK_HEADER_LENGTH
        header, at = DataBlockHeader.parse(self._buffer[self._position : end], at=self._at), self._at
        block_end = at + header.block_length
        if self._object_length is not None and block_end > self._object_length:
            expected = f"at most {self._object_length - at}, to the end of the object"
            raise BadField("block length", at=at + 12, expected=expected, found=header.block_length)
        self._advance(BLOCK_HEADER_LENGTH)
        self._block_end, self._entries, self._entry_bytes = block_end, 0, 0
        return BlockStarted(header, at)

    def _read_entry(self, left: int) -> EntryRead | PaddingRead | None:
        available, at = self._available(), self._at
        if available < ENTRY_LENGTH.size:
            return None
        (length,) = ENTRY_LENGTH.unpack_from(self._buffer, self._position)
        if length < 0:
            return self._read_padding(at, at + left)
        if length > left - ENTRY_HEADER_LENGTH:
            raise entry_length_error(length, at=at, left=left)
        whole = ENTRY_HEADER_LENGTH + length
        if available < whole:
            return None
        _, entry_id = ENTRY_HEADER.unpack_from(self._buffer, self._position)
        data = bytes(self._buffer[self._position + ENTRY_HEADER_LENGTH : self._position + whole])
        self._advance(whole)
        self._entries += 1
        self._entry_bytes += length
        return EntryRead(entry_id, data, at)

    def _read_padding(self, padding_at: int, block_end: int) -> PaddingRead | None:
        length = min(self._available(), block_end - self._at)
        if self._damaged_at is None and length:
            self._compare_padding(length, padding_at)
        self._advance(length)
        if self._at < block_end:
            self._padding_at = padding_at
            return None
        event = PaddingRead(padding_at, block_end - padding_at, self._damaged_at)
        self._padding_at = self._damaged_at = None
        return event

    def _compare_padding(self, length: int, padding_at: int) -> None:
        with memoryview(self._buffer) as view, view[self._position : self._position + length] as piece:
            mismatch = padding_mismatch(piece, phase=self._at - padding_at)
        if mismatch is not None:
            self._damaged_at = self._at + mismatch

    def _end_block(self) -> BlockEnded:
        self._block_end = None
        return BlockEnded(self._at, self._entries, self._entry_bytes)

    def _available(self) -> int:
        return len(self._buffer) - self._position

    def _advance(self, length: int) -> None:
        self._position += length
        self._at += length
        if self._position >= _DROP_AT:
            self._drop()

    def _drop(self) -> None:
        del self._buffer[: self._position]
        self._position = 0

    def _is_short(self) -> bool:
        # An object without any block is short too: Pulsar never offloads an empty ledger.
        return self._at < self._object_length if self._object_length is not None else self._at == 0

    def _truncation(self) -> Truncated:
        found = self._at + self._available()
        if self._block_end is not None:
            return Truncated(
                "data object", at=found, expected=f"{self._block_end} bytes or more", found=f"{found} bytes"
            )
        if self._object_length is not None and not self._available():
            expected = f"{self._object_length} bytes"
        else:
            expected = f"{self._at + BLOCK_HEADER_LENGTH} bytes or more"
        return Truncated("data object", at=found, expected=expected, found=f"{found} bytes")
