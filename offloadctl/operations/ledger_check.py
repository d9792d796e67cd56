"""Look at the two objects of one ledger, as deep as is asked: ranged reads of its two keys, nothing else."""

import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from offloadctl.check.blocks import HEAD_LENGTH, BlockRules, Head, check_first_entry, looks_like_padding
from offloadctl.check.entries import DataScan
from offloadctl.check.index import check_block_list, check_metadata, created_at, read_index, streaming_index
from offloadctl.check.precedence import settle
from offloadctl.check.presence import ARCHIVED, archived
from offloadctl.check.sizes import (
    check_data_size,
    check_implied_size,
    check_part_count,
    fits_the_ledger,
    part_count,
)
from offloadctl.check.subject import Subject
from offloadctl.check.times import first_message
from offloadctl.check.user_metadata import check_user_metadata
from offloadctl.errors import Interrupted, ObjectArchived, StoreError, StoreFailed
from offloadctl.format.index_object import IndexObject, StreamingIndexObject
from offloadctl.format.keys import ObjectRole
from offloadctl.model.check import Inspection, Level
from offloadctl.model.entry_counts import EntryCounts
from offloadctl.model.finding import Finding
from offloadctl.model.ledger_times import FirstMessage, Times
from offloadctl.operations.ahead import one_ahead
from offloadctl.operations.ledger_objects import LedgerObjects
from offloadctl.ports import CHUNK_SIZE

PIECE: Final = 4 * 1024 * 1024
"""What is walked while the next one comes: of larger ones too little stays in the processor's cache."""

_TAIL: Final = 16
"""Enough to suspect that an object ends in padding."""

_AT_ONCE: Final = {
    Level.LISTING: 4 * 1024,
    Level.INDEX: 4 * 1024,
    Level.BLOCKS: 64 * 1024,
    Level.ENTRIES: CHUNK_SIZE,
} | {Level.READBACK: CHUNK_SIZE}
"""Data objects up to this size are read in one request, which costs less than several small ones."""

MAX_INDEX: Final = 16 * 1024 * 1024
"""No index is so long: 10,000 blocks, S3's limit, need 200 kB, and ensembles that change by the hour a few MB."""

_MAX_BLOCKS: Final = 10_000
"""S3's limit of parts, and so of blocks."""


def look_at_ledger(
    objects: LedgerObjects, subject: Subject, level: Level, *, stop: threading.Event | None = None
) -> Inspection:
    """What is wrong with them, and what could not be looked at; raises Interrupted once `stop` is set."""
    return _Look(objects, subject, level, stop or threading.Event()).run()


class _Look:
    """One look; what it brings is collected here, so that a store that fails half-way takes nothing of it away."""

    def __init__(self, objects: LedgerObjects, subject: Subject, level: Level, stop: threading.Event) -> None:
        self._objects = objects
        self._subject = subject
        self._level = level
        self._stop = stop
        self._findings: list[Finding] = []
        self._more = 0
        self._not_covered: list[str] = []
        self._looked_at = False
        self._bytes_read = 0
        self._blocks: int | None = None
        self._counts: EntryCounts | None = None
        self._created_at: datetime | None = None
        self._first: FirstMessage | None = None
        self._whole: bytes | None = None
        self._reading = ObjectRole.INDEX

    def run(self) -> Inspection:
        try:
            self._run()
        except ObjectArchived as error:
            # Of a class that HEAD does not call an archive: intelligent tiering has archives of its own.
            what, found = f"the {self._reading.value} object is archived", error.message
            self._add(self._subject.finding("archived", what, role=self._reading, expected="bytes", found=found))
            self._not_covered.append(error.message)
        except StoreError as error:
            self._not_covered.append(error.message)
        return Inspection(
            level=self._level,
            findings=settle(self._findings),
            more_findings=self._more,
            not_covered=tuple(self._not_covered),
            looked_at=self._looked_at,
            object_bytes=self._objects.data.size + self._objects.index.size,
            bytes_read=self._bytes_read,
            blocks=self._blocks,
            counts=self._counts,
            times=Times(self._created_at, self._first),
        )

    def _run(self) -> None:
        if self._level is Level.LISTING and self._is_settled_by_sizes():
            self._looked_at = True
            return
        self._check_facts()
        if self._objects.index.storage_class in ARCHIVED:
            self._not_covered.append("nothing but the facts of an archived index can be looked at")
            return
        index_bytes = self._read_index()
        index = read_index(self._subject, index_bytes)
        self._looked_at = True
        if isinstance(index, StreamingIndexObject):
            self._add(streaming_index(self._subject))
            self._not_covered.append("the data of a streaming offload is not looked at")
            return
        if isinstance(index, Finding):
            self._add(index)
            rules = self._rules(None, index_bytes)
        else:
            rules = self._check_index(index, index_bytes)
        if self._objects.data.storage_class in ARCHIVED:
            self._not_covered.append("an archived data object cannot be read")
            return
        self._reading = ObjectRole.DATA
        self._check_data(rules)

    # -- index

    def _is_settled_by_sizes(self) -> bool:
        """Whether there is no need to read anything; what is suspicious is looked at as at the index level."""
        data, index, subject = self._objects.data, self._objects.index, self._subject
        if data.storage_class in ARCHIVED or index.storage_class in ARCHIVED:
            self._add(*archived(subject, ObjectRole.DATA, data.storage_class))
            self._add(*archived(subject, ObjectRole.INDEX, index.storage_class))
            return True
        if subject.entries is None or subject.size is None:
            return False
        parts = part_count(data.etag)
        return fits_the_ledger(data.size, index.size, parts=parts, entries=subject.entries, size=subject.size)

    def _check_facts(self) -> None:
        for role, info in ((ObjectRole.DATA, self._objects.data), (ObjectRole.INDEX, self._objects.index)):
            self._add(*archived(self._subject, role, info.storage_class))
            if not self._objects.are_files:
                self._add(*check_user_metadata(self._subject, role, info.user_metadata))

    def _check_index(self, index: IndexObject, index_bytes: bytes) -> BlockRules:
        subject, data = self._subject, self._objects.data
        self._blocks = len(index.entries)
        of_another = tuple(check_metadata(subject, index))
        self._add(*of_another)
        self._created_at = created_at(index)
        self._add(*check_data_size(subject, index, data.size), *check_implied_size(subject, index, data.size))
        if not self._objects.are_files:
            self._add(*check_part_count(subject, index, data.etag))
        wrong_list = tuple(check_block_list(subject, index, index_size=len(index_bytes), data_size=data.size))
        self._add(*wrong_list)
        # Another ledger's index, of data of another length, lists the blocks of another object.
        foreign = bool(of_another) and index.data_object_length != data.size
        return self._rules(index, index_bytes, list_is_right=not wrong_list and not foreign)

    def _rules(self, index: IndexObject | None, index_bytes: bytes, *, list_is_right: bool = True) -> BlockRules:
        return BlockRules.of(
            self._subject,
            self._objects.data.size,
            index,
            index_size=len(index_bytes),
            list_is_right=list_is_right,
        )

    # -- data

    def _check_data(self, rules: BlockRules) -> None:
        if self._objects.data.size <= _AT_ONCE[self._level]:
            self._whole = self._read(0, None)
        if self._level.includes(Level.ENTRIES):
            self._check_entries(rules)
            return
        if self._level is Level.BLOCKS:
            self._check_heads(rules)
        self._check_end(rules)

    def _check_heads(self, rules: BlockRules) -> None:
        number = at = seen = 0
        while at < rules.data_size and (rules.count is None or number < rules.count):
            self._go_on()
            if number == _MAX_BLOCKS:
                self._not_covered.append(f"more than {_MAX_BLOCKS} blocks, which no upload has, are not looked at")
                break
            head = self._head(at)
            extent, findings = rules.judge(number, head, self._head)
            self._add(*findings, *check_first_entry(rules, extent, head))
            if number == 0:
                self._first = first_message(head.start)
            number, seen = number + 1, seen + head.is_block
            at = max(extent.end, at + 1)
        self._blocks = seen

    def _check_end(self, rules: BlockRules) -> None:
        """The last block must not end in padding; whether it does is settled by walking it."""
        if rules.count is None or rules.start(rules.count - 1) >= rules.data_size:
            return
        if not looks_like_padding(self._read(max(0, rules.data_size - _TAIL), None)):
            return
        scan = DataScan(rules, self._head, first_block=rules.count - 1)
        for piece in self._pieces(rules.start(rules.count - 1)):
            scan.feed(piece)
        self._add(*scan.close().findings)

    def _check_entries(self, rules: BlockRules) -> None:
        scan = DataScan(rules, self._head)
        for piece in self._pieces(0):
            scan.feed(piece)
        seen = scan.close()
        self._add(*seen.findings)
        self._more += seen.more_findings
        self._blocks = seen.blocks
        self._counts = seen.totals
        if seen.unread_bytes:
            self._not_covered.append(
                f"{seen.unread_bytes} bytes of the data object could not be walked: damage hides what they are"
            )
        self._first = seen.first

    # -- reading

    def _head(self, at: int) -> Head:
        return Head.of(self._read(at, HEAD_LENGTH), at)

    def _read_index(self) -> bytes:
        key = self._subject.index_key
        data = self._objects.store.read(key, start=0, length=MAX_INDEX)
        if data is None:
            raise self._vanished(key)
        self._bytes_read += len(data)
        return data

    def _read(self, start: int, length: int | None) -> bytes:
        if self._whole is not None:
            return self._whole[start : None if length is None else start + length]
        data = self._objects.store.read(self._subject.data_key, start=start, length=length)
        if data is None:
            raise self._vanished(self._subject.data_key)
        self._bytes_read += len(data)
        return data

    def _pieces(self, start: int) -> Iterator[bytes]:
        if self._whole is not None:
            yield self._whole[start:]
            return
        chunks = self._objects.store.read_chunks(self._subject.data_key, start=start, chunk_size=PIECE)
        if chunks is None:
            raise self._vanished(self._subject.data_key)
        for chunk in one_ahead(chunks, self._stop):
            self._bytes_read += len(chunk)
            yield chunk

    def _vanished(self, key: str) -> StoreError:
        return StoreFailed(f"{key} in {self._objects.store.location} vanished while it was looked at")

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise Interrupted("interrupted")

    def _add(self, *findings: Finding) -> None:
        self._findings += findings
