"""Where each block begins and ends: by the index, and by the blocks' own headers.

Either may be damaged, so neither is believed alone. Where they disagree, what stands at the place that the index names
decides: a block's header there means that the length in the header before is wrong, anything else that the index is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Self

from offloadctl.check.index import line_offset
from offloadctl.check.subject import Subject
from offloadctl.format.data_block import (
    BLOCK_HEADER_LENGTH,
    ENTRY_HEADER,
    ENTRY_HEADER_LENGTH,
    PADDING,
    DataBlockHeader,
)
from offloadctl.format.errors import FormatError
from offloadctl.format.index_object import IndexEntry, IndexObject
from offloadctl.format.keys import ObjectRole
from offloadctl.model.finding import Finding

HEAD_LENGTH: Final = 4096
"""What is read of a block to know its beginning: the header, and the first entry as far as its metadata goes."""

_LENGTH_AT: Final = 12
_FIRST_ENTRY_AT: Final = 20


@dataclass(frozen=True, slots=True)
class Head:
    """A block's first bytes taken apart: a header, or the reason why there is none."""

    at: int
    header: DataBlockHeader | FormatError
    start: bytes = b""
    """The first entry's first bytes, with its own header."""

    @classmethod
    def of(cls, data: bytes, at: int) -> "Head":
        """Take the bytes apart that stand at object offset `at`."""
        try:
            return cls(at, DataBlockHeader.parse(data, at=at), bytes(data[BLOCK_HEADER_LENGTH:HEAD_LENGTH]))
        except FormatError as error:
            return cls(at, error)

    @property
    def is_block(self) -> bool:
        """Whether a block begins here."""
        return isinstance(self.header, DataBlockHeader)


Peek = Callable[[int], Head]
"""Reads the head at an object offset; called only where index and header disagree."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Where a block lies, as far as can be known, and the entries that must be in it."""

    number: int
    """Of the block, the first being 0."""
    start: int
    end: int
    first_entry_id: int
    last_entry_id: int | None
    """None if that cannot be told."""
    is_walkable: bool = True
    """Whether a block begins there at all."""
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class BlockRules:
    """The rules for one data object's blocks; without `lines` the blocks are found by their own lengths alone."""

    subject: Subject
    data_size: int
    lines: tuple[IndexEntry, ...] | None = None
    """The index's list of blocks, if there is one that can be believed."""
    index_size: int = 0
    sizes_agree: bool = True
    """Whether the object is as long as its index says; if not, that is a finding of its own."""
    entries: int | None = None
    """How many entries the ledger has, and how many bytes they have together."""
    entry_bytes: int | None = None

    @classmethod
    def of(
        cls, subject: Subject, data_size: int, index: IndexObject | None, *, index_size: int, list_is_right: bool
    ) -> Self:
        """The rules that follow from the ledger as the broker knows it, or else as the index does."""
        if index is None:
            return cls(subject, data_size, entries=subject.entries, entry_bytes=subject.size)
        written = index.ledger_metadata
        last = written.last_entry_id
        return cls(
            subject,
            data_size,
            index.entries if list_is_right else None,
            index_size,
            index.data_object_length == data_size,
            subject.entries if subject.entries is not None else None if last is None else last + 1,
            subject.size if subject.size is not None else written.length,
        )

    @property
    def count(self) -> int | None:
        """How many blocks there are by the index."""
        return None if self.lines is None else len(self.lines)

    def start(self, number: int) -> int:
        """Where a block begins by the index."""
        return self._line(number)[1]

    def judge(self, number: int, head: Head, peek: Peek) -> tuple[Extent, tuple[Finding, ...]]:
        """Where block `number` lies whose first bytes are `head`, and what is wrong with its header."""
        if not isinstance(head.header, DataBlockHeader):
            return self._without_header(number, head.at, head.header)
        header = head.header
        findings = list(self._first_entry(number, head.at, header))
        by_header, by_index = head.at + header.block_length, self._end_by_index(number)
        end = by_header
        if by_index is not None and by_header != by_index:
            end, finding = self._settle_end(number, head.at, by_header, by_index, peek)
            findings += [finding] if finding is not None else []
        if end > self.data_size and self.lines is None:
            findings.append(self._length(head.at, self.data_size - head.at, header.block_length, "the object"))
        return self._extent(number, head.at, end, self._first_id(number, header)), tuple(findings)

    def _without_header(self, number: int, at: int, error: FormatError) -> tuple[Extent, tuple[Finding, ...]]:
        end = self._end_by_index(number) or self.data_size
        first = self._line(number)[0] if self.lines is not None else 0
        # An object of another length has its blocks elsewhere.
        walkable = self.lines is not None and self.sizes_agree
        finding = self.subject.finding(
            "block-header",
            f"the header of block {number + 1} is damaged: {error.what}",
            offset=error.at,
            expected=error.expected,
            found=error.found,
        )
        return self._extent(number, at, end, first, is_walkable=walkable), (finding,)

    def _first_id(self, number: int, header: DataBlockHeader) -> int:
        """The entry that a block begins with: what the index says, as a header is damaged more easily."""
        if self.lines is not None:
            return self._line(number)[0]
        return header.first_entry_id if number else 0

    def _first_entry(self, number: int, at: int, header: DataBlockHeader) -> Iterator[Finding]:
        if self.lines is None:
            return
        expected = self._line(number)[0]
        if header.first_entry_id != expected:
            yield self.subject.finding(
                "block-mismatch",
                f"the index and the header of block {number + 1} disagree on the entry that it begins with",
                offset=at + _FIRST_ENTRY_AT,
                expected=f"{expected}, by the index",
                found=header.first_entry_id,
            )

    def _settle_end(
        self, number: int, at: int, by_header: int, by_index: int, peek: Peek
    ) -> tuple[int, Finding | None]:
        if self._is_last(number):
            if not self.sizes_agree:
                # The object was cut, or something was put behind it: that is a finding of its own.
                return by_header, None
            return by_index, self._length(at, by_index - at, by_header - at, "the index")
        if by_index >= self.data_size and not self.sizes_agree:
            return by_header, None
        if peek(by_index).is_block or not self._is_block_at(by_header, peek):
            return by_index, self._length(at, by_index - at, by_header - at, "the index")
        return by_header, self.subject.finding(
            "block-mismatch",
            f"the index and the blocks disagree on where block {number + 2} begins",
            role=ObjectRole.INDEX,
            offset=line_offset(self.lines or (), number + 1, index_size=self.index_size),
            expected=f"{by_header}, where a block begins",
            found=by_index,
        )

    def _is_block_at(self, at: int, peek: Peek) -> bool:
        return at < self.data_size and peek(at).is_block

    def _length(self, at: int, expected: int, found: int, by: str) -> Finding:
        return self.subject.finding(
            "block-mismatch",
            "the length in a block's header is wrong",
            offset=at + _LENGTH_AT,
            expected=f"{expected}, by {by}",
            found=found,
        )

    def _extent(self, number: int, start: int, end: int, first: int, *, is_walkable: bool = True) -> Extent:
        is_last = self._is_last(number) if self.lines is not None else end >= self.data_size
        if is_last:
            last = None if self.entries is None else self.entries - 1
        else:
            last = None if self.lines is None else self._line(number + 1)[0] - 1
        return Extent(number, start, end, first, last, is_walkable, is_last)

    def _end_by_index(self, number: int) -> int | None:
        if self.lines is None:
            return None
        return self.data_size if self._is_last(number) else self._line(number + 1)[1]

    def _is_last(self, number: int) -> bool:
        return self.lines is not None and number == len(self.lines) - 1

    def _line(self, number: int) -> tuple[int, int]:
        assert self.lines is not None  # noqa: S101 - callers look first
        line = self.lines[number]
        return line.first_entry_id, line.offset


def check_first_entry(rules: BlockRules, extent: Extent, head: Head) -> Iterator[Finding]:
    """The first entry of a block must have the id that the block's header names; for checks that read no further."""
    start = head.start
    if not isinstance(head.header, DataBlockHeader) or len(start) < ENTRY_HEADER_LENGTH:
        return
    length, entry_id = ENTRY_HEADER.unpack_from(start)
    if length < 0:
        # Padding: a block without entries ends a ledger that was cut short, and only its end tells.
        return
    room = extent.end - extent.start - BLOCK_HEADER_LENGTH - ENTRY_HEADER_LENGTH
    at = extent.start + BLOCK_HEADER_LENGTH
    if length > room:
        what = "the first entry of a block is longer than the block"
        limit = f"at most {room}, to the end of the block"
        yield rules.subject.finding("entry-length", what, offset=at, expected=limit, found=length)
    elif entry_id != extent.first_entry_id == head.header.first_entry_id:
        what = "the first entry of a block has not the id that the block's header names"
        wanted = head.header.first_entry_id
        yield rules.subject.finding("entry-id", what, offset=at + 4, expected=wanted, found=entry_id)


def looks_like_padding(tail: bytes) -> bool:
    """Whether an object's last bytes could be padding; a payload may end so too, so this is only a suspicion.

    The pattern may be cut anywhere at the object's end, so every phase of it counts.
    """
    return len(tail) >= len(PADDING) and tail[-len(PADDING) :] in PADDING * 2
