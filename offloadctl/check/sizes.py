"""Sizes that follow from each other: the object's, the index's, the ledger's, and the parts of the upload.

Every entry costs 12 bytes more than its length, every block 128, and only blocks before the last one end in padding
(BlockAwareSegmentInputStreamImpl.java, calculateBlockSize).
"""

import re
from collections.abc import Iterator
from typing import Final

from offloadctl.check.subject import Subject
from offloadctl.format.data_block import BLOCK_HEADER_LENGTH, ENTRY_HEADER_LENGTH
from offloadctl.format.index_object import IndexObject
from offloadctl.model.finding import Finding

# The MD5 of the parts' MD5s and the number of parts: what S3, MinIO and Ceph make of a multipart upload.
_OF_PARTS: Final = re.compile(r"[0-9a-f]{32}-(\d{1,5})")


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
        yield subject.finding("ledger-totals", what, expected=f"{bound}{smallest} bytes", found=f"{data_size} bytes")


def least_data_size(blocks: int, entries: int, size: int) -> int:
    """The size of a data object without padding; a single block has none."""
    return blocks * BLOCK_HEADER_LENGTH + entries * ENTRY_HEADER_LENGTH + size


def check_part_count(subject: Subject, index: IndexObject, etag: str) -> Iterator[Finding]:
    """The upload must have had one part for each block; an ETag that does not tell the number is not judged."""
    parts = _OF_PARTS.fullmatch(etag)
    if parts is not None and int(parts[1]) != len(index.entries):
        what = "the data object was not uploaded block by block"
        yield subject.finding("part-count", what, expected=f"{len(index.entries)} parts", found=f"{parts[1]} parts")
