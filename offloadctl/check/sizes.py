"""Sizes that follow from each other: the object's, the index's, the ledger's, and the parts of the upload.

Every entry costs 12 bytes more than its length, every block 128, and only blocks before the last one end in padding
(BlockAwareSegmentInputStreamImpl.java, calculateBlockSize).
"""

import re
from collections.abc import Iterator
from typing import Final

from offloadctl.check.subject import Subject
from offloadctl.format.data_block import BLOCK_HEADER_LENGTH, ENTRY_HEADER_LENGTH
from offloadctl.format.index_object import INDEX_ENTRY_LENGTH, INDEX_HEADER_LENGTH, IndexObject
from offloadctl.model.finding import Finding

# The MD5 of the parts' MD5s and the number of parts: what S3, MinIO and Ceph make of a multipart upload.
_OF_PARTS: Final = re.compile(r"[0-9a-f]{32}-([0-9]{1,5})").fullmatch


def check_data_size(subject: Subject, index: IndexObject, data_size: int) -> Iterator[Finding]:
    """The data object must have the length that its index names, since readers believe the index."""
    if index.data_object_length != data_size:
        what = "the data object has not the length that its index names"
        yield subject.finding("data-size", what, expected=index.data_object_length, found=data_size)


def check_implied_size(subject: Subject, index: IndexObject, data_size: int) -> Iterator[Finding]:
    """The data object must have room for all entries; as one block it must have no more."""
    written, blocks = index.ledger_metadata, len(index.entries)
    entries = subject.entries if subject.entries is not None else (written.last_entry_id or 0) + 1
    size = subject.size if subject.size is not None else written.length
    smallest = least_data_size(blocks, entries, size)
    if data_size < smallest or (blocks == 1 and data_size != smallest):
        bound = "" if blocks == 1 else "at least "
        what = "the data object has not the size that the ledger's entries imply"
        yield subject.finding(
            "ledger-totals", what, expected=f"{bound}{smallest:,} bytes", found=f"{data_size:,} bytes"
        )


def least_data_size(blocks: int, entries: int, size: int) -> int:
    """The size of a data object without padding; a single block has none."""
    return blocks * BLOCK_HEADER_LENGTH + entries * ENTRY_HEADER_LENGTH + size


def check_part_count(subject: Subject, index: IndexObject, etag: str) -> Iterator[Finding]:
    """The upload must have had one part for each block; an ETag that does not tell the number is not judged."""
    parts = part_count(etag)
    if parts and parts != len(index.entries):
        what = "the data object was not uploaded block by block"
        yield subject.finding("part-count", what, expected=f"{len(index.entries):,} parts", found=f"{parts:,} parts")


def part_count(etag: str) -> int:
    """The number of parts of a multipart upload; 0 where the ETag does not tell it."""
    parts = _OF_PARTS(etag)
    return 0 if parts is None else int(parts[1])


def fits_the_ledger(data_size: int, index_size: int, *, parts: int, entries: int, size: int) -> bool:
    """Whether objects of these sizes can be those of such a ledger, if each block was uploaded as one part.

    A copy may have been uploaded in other parts, so what does not fit is suspicious, and only its index tells.
    """
    blocks = parts or 1
    padding = data_size - least_data_size(blocks, entries, size)
    fits = padding == 0 if parts == 1 else padding >= 0
    return fits and index_size >= INDEX_HEADER_LENGTH + INDEX_ENTRY_LENGTH * blocks
