"""Every entry of a block verified and counted, quickly, from bytes that may come in pieces.

What is usual goes by in runs (entry_run.py); what is not is looked at one entry at a time, here. Where an entry is
damaged so that its length cannot be believed, the next one is looked for by its id: one damaged field is one problem
and costs one entry. What could not be walked is counted as unread, and is never taken for sound.
"""

import struct
from dataclasses import dataclass
from typing import Final

from offloadctl.format.data_block import (
    ENTRY_HEADER,
    ENTRY_HEADER_LENGTH,
    ENTRY_LENGTH,
    PADDING,
    DataBlockHeader,
    padding_mismatch,
)
from offloadctl.format.entry_run import MAX_ENTRIES, take_run
from offloadctl.format.entry_verdict import UNREADABLE, Fault, ProblemCode, Verdict, examine
from offloadctl.model.entry_counts import EntryCounts

MAX_PROBLEMS: Final = 100
"""Of one block: after so many the walk is given up, as it would learn nothing more."""

SEARCH_WINDOW: Final = 8 * 1024 * 1024
"""How far the next entry is looked for behind the beginning of a damaged one; by default entries are 5 MiB at most."""

_MAX_CANDIDATES: Final = 256  # of one block: places that are looked at since they could be the next entry

_ENTRY_ID: Final = struct.Struct(">q")


@dataclass(frozen=True, slots=True)
class EntryProblem:
    """One thing that is not as Pulsar writes it, at object offset `at`."""

    code: ProblemCode
    at: int
    entry_id: int
    """The entry that should stand there, or that would come next."""
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class BlockScan:
    """What is in a block."""

    totals: EntryCounts
    next_entry_id: int
    """What the next block must begin with."""
    padding_length: int
    unread_bytes: int
    """Bytes that the walk did not get to: behind damage, or missing."""
    problems: tuple[EntryProblem, ...]


def scan_block(data: bytes | memoryview, header: DataBlockHeader, *, at: int) -> BlockScan:
    """Scan the block `data`, which stands at object offset `at`; what lies behind the block is not looked at."""
    scanner = EntryScanner(header, at=at)
    scanner.feed(data, header.header_length)
    return scanner.close()


class EntryScanner:
    """Scans one block that comes in pieces of any size; keeps one entry at most, or a search window after damage."""

    def __init__(self, header: DataBlockHeader, *, at: int) -> None:
        self._at = self._fed = at + header.header_length  # object offsets: what is dealt with, and what came
        self._end = at + header.block_length
        self._held = bytearray()  # what came and waits for more
        self._wanted = 0  # how much of that there must be to go on
        self._run_limit = MAX_ENTRIES  # short after something unusual, as a run is lost when that is within it
        self._expected_id = header.first_entry_id
        self._other_id: int | None = None  # right too, if the entry before was right and the count was wrong
        self._totals = EntryCounts()
        self._padding_at: int | None = None
        self._padding_is_damaged = False
        self._unread_from: int | None = None  # where the walk was given up
        self._candidates_left = _MAX_CANDIDATES
        self._problems: list[EntryProblem] = []

    @property
    def missing(self) -> int:
        """How many of the block's bytes did not come yet."""
        return self._end - self._fed

    def feed(self, data: bytes | memoryview, start: int = 0) -> int:
        """Take what belongs to the block from `data[start:]`; returns where in `data` the rest begins."""
        stop = min(len(data), start + self.missing)
        self._fed += stop - start
        if isinstance(data, bytes):
            self._take(data, start, stop)
        else:
            self._take(bytes(data[start:stop]), 0, stop - start)
        return stop

    def close(self) -> BlockScan:
        """Say that nothing follows."""
        if self.missing:
            self._note(ProblemCode.BLOCK_TRUNCATED, self._fed, f"{self.missing} bytes more", "nothing")
        padding_length = 0 if self._padding_at is None else self._at - self._padding_at
        unread_bytes = self._end - (self._at if self._unread_from is None else self._unread_from)
        return BlockScan(self._totals, self._expected_id, padding_length, unread_bytes, tuple(self._problems))

    def _take(self, data: bytes, position: int, stop: int) -> None:
        while position < stop:
            if not self._held:
                position = self._walk(data, position, stop)
                self._held += data[position:stop]
                return
            lacking = min(self._wanted - len(self._held), stop - position)
            self._held += data[position : position + lacking]
            position += lacking
            if len(self._held) >= self._wanted:
                held = bytes(self._held)
                del self._held[: self._walk(held, 0, len(held))]

    def _walk(self, data: bytes, position: int, end: int) -> int:
        # As far as `data` reaches. What is left must be brought again, at least `_wanted` bytes of it.
        while position < end:
            if self._padding_at is None and len(self._problems) >= MAX_PROBLEMS:
                self._give_up(self._at)
            if self._padding_at is not None or self._unread_from is not None:
                self._pass_over(data, position, end)
                return end
            run = take_run(data, position, end, entry_id=self._expected_id, limit=self._run_limit)
            if run is None:
                self._run_limit = 1
                advance = self._step(data, position, end)
                if advance is None:
                    return position
            else:
                self._run_limit = min(2 * self._run_limit, MAX_ENTRIES)
                self._totals += run.totals
                self._expected_id += run.totals.entries
                self._other_id = None
                advance = run.position - position
            position += advance
            self._at += advance
        return position

    # -- one entry; each of these returns by how many bytes it went on, or None when it wants more of them first

    def _step(self, data: bytes, position: int, end: int) -> int | None:
        length: int
        left, available = self._end - self._at, end - position
        if available < min(left, ENTRY_HEADER_LENGTH):
            return self._want(min(left, ENTRY_HEADER_LENGTH))
        if left < ENTRY_LENGTH.size or data[position : position + len(PADDING)] == PADDING:
            return self._begin_padding()
        (length,) = ENTRY_LENGTH.unpack_from(data, position)
        room = left - ENTRY_HEADER_LENGTH
        if not 0 <= length <= room:
            fault = _length_fault(f"at most {max(room, 0)}, to the end of the block", length)
            return self._step_over_damage(data, position, end, length, Verdict(UNREADABLE, fault))
        if available < ENTRY_HEADER_LENGTH + length:
            return self._want(ENTRY_HEADER_LENGTH + length)
        return self._step_over_entry(data, position, end, length)

    def _step_over_entry(self, data: bytes, position: int, end: int, length: int) -> int | None:
        left, whole = self._end - self._at, ENTRY_HEADER_LENGTH + length
        verdict = examine(data[position + ENTRY_HEADER_LENGTH : position + whole])
        if verdict.is_doubtful:
            with_next = min(left, whole + ENTRY_HEADER_LENGTH)
            if end - position < with_next:
                return self._want(with_next)
            if not self._is_next_header(data, position + whole, left - whole):
                return self._step_over_damage(data, position, end, length, verdict)
        (entry_id,) = _ENTRY_ID.unpack_from(data, position + ENTRY_LENGTH.size)
        self._count(verdict, entry_id, length)
        return whole

    def _step_over_damage(self, data: bytes, position: int, end: int, length: int, verdict: Verdict) -> int | None:
        # It may be the length that is damaged: look for the next entry, wherever it is.
        left = self._end - self._at
        window = min(left, SEARCH_WINDOW)
        if end - position < window:
            return self._want(window)
        advance = self._find_next(data, position, position + window)
        if advance is None:
            return self._stop_at_damage(data, position, length, verdict)
        right_length = advance - ENTRY_HEADER_LENGTH
        if examine(data[position + ENTRY_HEADER_LENGTH : position + advance]).fault is None:
            verdict = Verdict(UNREADABLE, _length_fault(str(right_length), length))
        elif self._is_end(data, position, length):
            # What was found lies within this entry, which is the last one.
            return self._stop_at_damage(data, position, length, verdict)
        self._count(verdict, self._expected_id, right_length)
        return advance

    def _stop_at_damage(self, data: bytes, position: int, length: int, verdict: Verdict) -> int:
        if length < 0:
            # Pulsar's reader takes it for padding, and so it is compared with that.
            return self._begin_padding()
        whole = ENTRY_HEADER_LENGTH + length
        if whole > self._end - self._at:
            self._report(verdict.fault)
            self._give_up(self._at)
            return 0
        self._count(verdict, self._expected_id, length)
        if not self._is_end(data, position, length):
            self._give_up(self._at + whole)
        return whole

    def _is_end(self, data: bytes, position: int, length: int) -> bool:
        # Does the block end behind the entry at `position`, or does padding begin there?
        left = self._end - self._at - ENTRY_HEADER_LENGTH - length
        at = position + ENTRY_HEADER_LENGTH + length
        beginning = PADDING[: max(left, 0)]
        return length >= 0 and left >= 0 and data[at : at + len(beginning)] == beginning

    def _is_next_header(self, data: bytes, position: int, left: int) -> bool:
        if left < ENTRY_HEADER_LENGTH:
            return False
        length, entry_id = ENTRY_HEADER.unpack_from(data, position)
        return bool(0 <= length <= left - ENTRY_HEADER_LENGTH and entry_id == self._expected_id + 1)

    def _find_next(self, data: bytes, position: int, limit: int) -> int | None:
        # How far from `position` the entry begins that follows the one there.
        wanted = (self._expected_id + 1).to_bytes(_ENTRY_ID.size)
        found = data.find(wanted, position + ENTRY_HEADER_LENGTH + ENTRY_LENGTH.size, limit)
        while found >= 0 and self._candidates_left:
            self._candidates_left -= 1
            header_at, body_at = found - ENTRY_LENGTH.size, found + _ENTRY_ID.size
            (length,) = ENTRY_LENGTH.unpack_from(data, header_at)
            if 0 <= length <= limit - body_at and examine(data[body_at : body_at + length]).fault is None:
                return header_at - position
            found = data.find(wanted, found + 1, limit)
        return None

    def _count(self, verdict: Verdict, entry_id: int, length: int) -> None:
        self._totals += verdict.totals + EntryCounts(entries=1, entry_bytes=length)
        self._report(verdict.fault)
        if entry_id == self._other_id:
            self._expected_id = entry_id
        elif entry_id != self._expected_id and not verdict.is_doubtful:
            fault = Fault(ProblemCode.ENTRY_ID, -_ENTRY_ID.size, str(self._expected_id), str(entry_id))
            self._report(fault)
        self._other_id = entry_id + 1
        self._expected_id += 1

    # -- what is not walked

    def _begin_padding(self) -> int:
        self._padding_at = self._at
        return 0

    def _give_up(self, at: int) -> None:
        self._unread_from = at

    def _pass_over(self, data: bytes, position: int, end: int) -> None:
        if self._padding_at is not None and not self._padding_is_damaged:
            with memoryview(data) as view, view[position:end] as piece:
                mismatch = padding_mismatch(piece, phase=self._at - self._padding_at)
            if mismatch is not None:
                self._padding_is_damaged = True
                at, found = self._at + mismatch, data[position + mismatch]
                expected = PADDING[(at - self._padding_at) % len(PADDING)]
                self._note(ProblemCode.PADDING, at, f"{expected:02X}", f"{found:02X}")
        self._at += end - position

    def _want(self, length: int) -> int | None:
        self._wanted = length
        return None

    def _report(self, fault: Fault | None) -> None:
        if fault is not None:
            self._note(fault.code, self._at + ENTRY_HEADER_LENGTH + fault.offset, fault.expected, fault.found)

    def _note(self, code: ProblemCode, at: int, expected: str, found: str) -> None:
        self._problems.append(EntryProblem(code, at, self._expected_id, expected, found))


def _length_fault(expected: str, found: int) -> Fault:
    return Fault(ProblemCode.ENTRY_LENGTH, -ENTRY_HEADER_LENGTH, expected, str(found))
