"""Every byte of a data object, in pieces of any size: blocks judged, entries verified, everything counted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from offloadctl.check.blocks import BlockRules, Extent, Head, Peek
from offloadctl.check.times import first_message
from offloadctl.format.data_block import BLOCK_HEADER_LENGTH, DataBlockHeader
from offloadctl.format.entry_scan import BlockScan, EntryProblem, EntryScanner
from offloadctl.format.entry_verdict import ProblemCode
from offloadctl.model.entry_counts import EntryCounts
from offloadctl.model.finding import Finding
from offloadctl.model.ledger_times import FirstMessage

MAX_FINDINGS: Final = 100
"""Of one ledger: more would only say the same; how many more there were is counted."""

OPENING_LENGTH: Final = 4096
"""So much of the first entry is kept, to tell when it was published."""

_WHAT: Final = {
    ProblemCode.ENTRY_ID: "the entry has not the id that follows",
    ProblemCode.ENTRY_LENGTH: "the entry's length leads nowhere",
    ProblemCode.ENTRY_UNREADABLE: "the entry cannot be taken apart",
    ProblemCode.CHECKSUM: "the entry's bytes do not fit its checksum",
    ProblemCode.MESSAGE_METADATA: "the entry has no readable message metadata",
}
_PADDING: Final = "padding"


@dataclass(frozen=True, slots=True)
class DataSeen:
    """What a data object really holds."""

    findings: tuple[Finding, ...]
    more_findings: int
    totals: EntryCounts
    blocks: int
    unread_bytes: int
    """Bytes of the object that could not be walked, since damage hides where they belong."""
    first: FirstMessage | None
    """Of the first entry; None if that cannot be told."""


class DataScan:
    """Scans a data object from its first byte on, or from the first byte of a later block."""

    def __init__(self, rules: BlockRules, peek: Peek, *, first_block: int = 0) -> None:
        self._rules = rules
        self._peek = peek
        self._is_whole = first_block == 0
        self._number = first_block
        self._at = rules.start(first_block) if first_block else 0  # object offset of what comes next
        self._head = bytearray()
        self._extent: Extent | None = None
        self._scanner: EntryScanner | None = None
        self._next_id: int | None = None  # what the next block must begin with, if this one leaves no doubt
        self._findings: list[Finding] = []
        self._more = 0
        self._totals = EntryCounts()
        self._blocks = self._unread = 0
        self._opening = bytearray()

    def feed(self, piece: bytes) -> None:
        """The object's next bytes."""
        position = 0
        while position < len(piece) and not self._is_done():
            before = position
            if self._extent is None:
                position = self._take_head(piece, position)
            elif self._scanner is None:
                position = min(len(piece), position + self._extent.end - self._at)
            else:
                position = self._scanner.feed(piece, position)
                self._keep_opening(piece, before)
            self._at += position - before
            if self._extent is None and self._has_head():
                self._begin_block()
            elif self._extent is not None and self._at >= self._extent.end:
                self._end_block(self._extent)

    def close(self) -> DataSeen:
        """Say that nothing follows."""
        if self._extent is not None:
            self._end_block(self._extent)
        elif self._head:
            self._unread += len(self._head)
        if self._is_whole and not self._unread and not self._is_cut():
            self._add_all(self._wrong_totals())
        return DataSeen(
            tuple(self._findings),
            self._more,
            self._totals,
            self._blocks,
            self._unread,
            first_message(bytes(self._opening)),
        )

    # -- blocks

    def _is_done(self) -> bool:
        count = self._rules.count
        return self._at >= self._rules.data_size if count is None else self._number >= count

    def _is_cut(self) -> bool:
        """Whether the object ends within or before a block that the index names."""
        return not self._rules.sizes_agree

    def _take_head(self, piece: bytes, position: int) -> int:
        stop = min(len(piece), position + BLOCK_HEADER_LENGTH - len(self._head))
        self._head += piece[position:stop]
        return stop

    def _has_head(self) -> bool:
        return len(self._head) == BLOCK_HEADER_LENGTH or (bool(self._head) and self._at >= self._rules.data_size)

    def _begin_block(self) -> None:
        head = Head.of(bytes(self._head), self._at - len(self._head))
        self._head.clear()
        extent, findings = self._rules.judge(self._number, head, self._peek)
        self._add_all(findings)
        self._extent = extent
        self._blocks += head.is_block
        if extent.is_walkable:
            first = extent.first_entry_id if self._next_id is None else self._next_id
            header = DataBlockHeader(BLOCK_HEADER_LENGTH, extent.end - extent.start, first)
            self._scanner = EntryScanner(header, at=extent.start)

    def _end_block(self, extent: Extent) -> None:
        scanner, self._scanner, self._extent = self._scanner, None, None
        self._number += 1
        if scanner is None:
            self._next_id = None
            self._unread += min(self._at, extent.end) - extent.start
            return
        scan = scanner.close()
        self._totals += scan.totals
        self._unread += max(0, scan.unread_bytes - (extent.end - self._at))
        # Without problems the next entry's id is certain; with some, the next block's own header knows better.
        self._next_id = scan.next_entry_id if not scan.problems else None
        self._add_all(self._judge_scan(extent, scan))

    def _keep_opening(self, piece: bytes, position: int) -> None:
        if self._number == 0 and self._is_whole and len(self._opening) < OPENING_LENGTH:
            self._opening += piece[position : position + OPENING_LENGTH - len(self._opening)]

    # -- findings

    def _add_all(self, findings: "Iterator[Finding] | tuple[Finding, ...]") -> None:
        for finding in findings:
            if len(self._findings) < MAX_FINDINGS:
                self._findings.append(finding)
            else:
                self._more += 1

    def _judge_scan(self, extent: Extent, scan: BlockScan) -> Iterator[Finding]:
        last = extent.last_entry_id
        is_complete = last is not None and scan.next_entry_id > last
        for problem in scan.problems:
            finding = self._finding(extent, scan, problem, is_complete=is_complete)
            if finding is not None:
                yield finding
        padding_at = self._at - scan.padding_length
        is_clean = not any(one.code is ProblemCode.PADDING and one.at >= padding_at for one in scan.problems)
        if not extent.is_last or not scan.padding_length or last is None:
            return
        if is_complete:
            what, found = "something stands behind the ledger's last entry", f"{scan.padding_length} bytes more"
            yield self._rules.subject.finding(
                "ledger-totals", what, offset=padding_at, expected="the object's end", found=found
            )
        elif is_clean:
            yield self._rules.subject.finding(
                "truncated",
                "the data object ends before the ledger does",
                offset=extent.start,
                expected=f"entry {last} at its end",
                found=f"{scan.totals.entries:,} entries and {scan.padding_length:,} bytes of padding in the last block",
            )

    def _finding(self, extent: Extent, scan: BlockScan, problem: EntryProblem, *, is_complete: bool) -> Finding | None:
        code, at = problem.code, problem.at
        if code is ProblemCode.BLOCK_TRUNCATED:
            # The object ends within the block: that is a finding about the object's length.
            return None
        behind_last = extent.last_entry_id is not None and problem.entry_id == extent.last_entry_id + 1
        if code is ProblemCode.ENTRY_LENGTH and behind_last:
            # All entries were there: what stands behind them is padding, whatever its first byte has become.
            return self._padding(at, problem.expected, problem.found)
        if code is ProblemCode.PADDING:
            if is_complete or extent.last_entry_id is None:
                return self._padding(at, problem.expected, problem.found)
            # An entry is missing where this begins: it is an entry whose length has become negative.
            code, at = ProblemCode.ENTRY_LENGTH, self._at - scan.padding_length
            expected, found = f"entry {problem.entry_id}", "neither an entry nor padding"
            return self._rules.subject.finding(code.value, _WHAT[code], offset=at, expected=expected, found=found)
        what = f"entry {problem.entry_id}: {_WHAT[code]}"
        return self._rules.subject.finding(code.value, what, offset=at, expected=problem.expected, found=problem.found)

    def _padding(self, at: int, expected: str, found: str) -> Finding:
        what = "the padding of a block is damaged"
        return self._rules.subject.finding(_PADDING, what, offset=at, expected=expected, found=found)

    def _wrong_totals(self) -> Iterator[Finding]:
        rules, totals = self._rules, self._totals
        length = rules.entry_bytes
        wrong = (rules.entries is not None and totals.entries != rules.entries) or (
            length is not None and totals.entry_bytes != length
        )
        if wrong:
            yield rules.subject.finding(
                "ledger-totals",
                "the data object does not hold what the ledger has",
                expected=f"{_known(rules.entries)} entries, {_known(length)} bytes",
                found=f"{totals.entries:,} entries, {totals.entry_bytes:,} bytes",
            )


def _known(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"
