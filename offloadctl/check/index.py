"""The index by itself, against the ledger, and its list of blocks.

The rules follow from OffloadIndexBlockImpl.java and BlobStoreManagedLedgerOffloader.java: one line for each block,
which is one part of the upload; all blocks but the last are of the configured block size.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from offloadctl.check.subject import Subject
from offloadctl.check.user_metadata import is_owner
from offloadctl.format.data_block import BLOCK_HEADER_LENGTH
from offloadctl.format.errors import BadField, FormatError
from offloadctl.format.index_object import (
    INDEX_ENTRY_LENGTH,
    INDEX_HEADER_LENGTH,
    IndexEntry,
    IndexObject,
    StreamingIndexObject,
    parse_index,
)
from offloadctl.format.keys import ObjectRole
from offloadctl.format.ledger_metadata import LedgerState
from offloadctl.model.finding import Finding

_HEADER_LENGTH_AT: Final = 16


def read_index(subject: Subject, data: bytes) -> IndexObject | StreamingIndexObject | Finding:
    """The index, or the finding that says why it is none."""
    try:
        index = parse_index(data)
        if index.data_header_length != BLOCK_HEADER_LENGTH:
            expected, found = BLOCK_HEADER_LENGTH, index.data_header_length
            raise BadField("block header length", at=_HEADER_LENGTH_AT, expected=expected, found=found)
    except FormatError as error:
        what = f"the index object cannot be read: {error.what}"
        return subject.finding(
            "index-corrupt",
            what,
            role=ObjectRole.INDEX,
            offset=error.at,
            expected=error.expected,
            found=error.found,
        )
    return index


def streaming_index(subject: Subject) -> Finding:
    """The finding for an index of the second kind."""
    what = "the index is that of a streaming offload"
    return subject.finding(
        "index-streaming", what, role=ObjectRole.INDEX, offset=0, expected="the index of one ledger", found="another"
    )


def check_metadata(subject: Subject, index: IndexObject) -> Iterator[Finding]:
    """One finding that names each thing in which the index's ledger is not this one."""
    differing = tuple(_differences(subject, index))
    if differing:
        yield subject.finding(
            "index-metadata",
            "the index carries the metadata of another ledger or of another moment",
            role=ObjectRole.INDEX,
            offset=INDEX_HEADER_LENGTH,
            expected=", ".join(f"{name} {expected}" for name, expected, _ in differing),
            found=", ".join(f"{name} {found}" for name, _, found in differing),
        )


def check_block_list(subject: Subject, index: IndexObject, *, index_size: int, data_size: int) -> Iterator[Finding]:
    """One finding for the first line that Pulsar would not have written."""
    lines = index.entries
    if not lines:
        what, at = "the index names no block", INDEX_HEADER_LENGTH - 8
        yield subject.finding("index-blocks", what, role=ObjectRole.INDEX, offset=at, expected="1 or more", found=0)
        return
    whole_size = data_size if index.data_object_length == data_size else None
    for number in range(len(lines)):
        wrong = _wrong_line(subject, lines, number, whole_size)
        if wrong is not None:
            what, expected, found = wrong
            yield subject.finding(
                "index-blocks",
                f"the index's line for block {number + 1} of {len(lines)}: {what}",
                role=ObjectRole.INDEX,
                offset=line_offset(lines, number, index_size=index_size),
                expected=expected,
                found=found,
            )
            return


def line_offset(lines: Sequence[IndexEntry], number: int, *, index_size: int) -> int:
    """Where in the index object the line of a block stands, the first being 0: the lines are its end."""
    return index_size - (len(lines) - number) * INDEX_ENTRY_LENGTH


def created_at(index: IndexObject) -> datetime | None:
    """When the ledger was made, by the index; None if it does not say, or nothing that could be a time."""
    ctime = index.ledger_metadata.ctime
    if ctime is None or ctime <= 0:
        return None
    try:
        return datetime.fromtimestamp(ctime / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _differences(subject: Subject, index: IndexObject) -> Iterator[tuple[str, object, object]]:
    written = index.ledger_metadata
    if subject.size is not None and written.length != subject.size:
        yield "length", subject.size, written.length
    elif written.length < 0:
        yield "length", "0 or more", written.length
    if subject.entries is not None and written.last_entry_id != subject.entries - 1:
        yield "last entry", subject.entries - 1, written.last_entry_id
    elif written.last_entry_id is None or written.last_entry_id < 0:
        yield "last entry", "0 or more", written.last_entry_id
    if written.state is not LedgerState.CLOSED:
        yield "state", LedgerState.CLOSED, written.state
    owner = written.managed_ledger_name
    if owner is not None and not is_owner(subject, owner):
        yield "topic", subject.topic, owner


def _wrong_line(
    subject: Subject, lines: Sequence[IndexEntry], number: int, whole_size: int | None
) -> tuple[str, object, object] | None:
    # What is wrong, expected, found.
    line = lines[number]
    if line.part_id != number + 1:
        return "part number", number + 1, line.part_id
    if number == 0:
        if line.first_entry_id != 0:
            return "first entry", 0, line.first_entry_id
        return ("offset", 0, line.offset) if line.offset != 0 else None
    before = lines[number - 1]
    if line.first_entry_id <= before.first_entry_id:
        return "first entry", f"more than {before.first_entry_id}", line.first_entry_id
    if subject.entries is not None and line.first_entry_id >= subject.entries:
        return "first entry", f"at most {subject.entries - 1}", line.first_entry_id
    return _wrong_offset(lines, number, whole_size)


def _wrong_offset(
    lines: Sequence[IndexEntry], number: int, whole_size: int | None
) -> tuple[str, object, object] | None:
    offset, is_last = lines[number].offset, number == len(lines) - 1
    block_size = lines[1].offset
    if number == 1 and block_size <= BLOCK_HEADER_LENGTH:
        return "offset", f"more than {BLOCK_HEADER_LENGTH}", offset
    if offset != number * block_size:
        return "offset", f"{number * block_size}, as all blocks but the last are equally long", offset
    if is_last and whole_size is not None and not BLOCK_HEADER_LENGTH < whole_size - offset <= block_size:
        expected = f"{max(whole_size - block_size, 0)} to {whole_size - BLOCK_HEADER_LENGTH - 1}"
        return "offset", f"{expected}, as the last block is no longer than the others", offset
    return None
