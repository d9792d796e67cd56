"""Whether the two objects of one ledger are what the broker says it wrote.

The rules follow from the byte layout (BlockAwareSegmentInputStreamImpl.java, OffloadIndexBlockImpl.java): every entry
costs 12 bytes more than its length, every block 128, and only blocks before the last one may end in padding.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from offloadctl.format.data_block import (
    BLOCK_HEADER_LENGTH,
    ENTRY_HEADER_LENGTH,
    PADDING,
    DataBlockHeader,
    walk_block,
)
from offloadctl.format.errors import FormatError
from offloadctl.format.index_object import IndexObject
from offloadctl.format.keys import data_key, index_key
from offloadctl.format.ledger_metadata import LedgerState
from offloadctl.model.finding import Finding, Severity
from offloadctl.model.ledger import Ledger
from offloadctl.model.names import TopicName

_HANGS = "readers of this ledger hang or fail once they reach it"
_KEEP_BOOKKEEPERS_COPY = "set the deletion lag of its namespace to -1 now, so that BookKeeper's copy is not deleted"


@dataclass(frozen=True, slots=True)
class OffloadedLedger:
    """A ledger that is complete in the metadata, and the names of its objects."""

    topic: TopicName
    ledger: Ledger
    uuid: UUID

    @property
    def data_key(self) -> str:
        """The data object's key."""
        return data_key(self.uuid, self.ledger.ledger_id)

    @property
    def index_key(self) -> str:
        """The index object's key."""
        return index_key(self.uuid, self.ledger.ledger_id)

    @property
    def smallest_data_size(self) -> int:
        """The data object's size if it is one block, and less than its size if it is more."""
        return BLOCK_HEADER_LENGTH + ENTRY_HEADER_LENGTH * self.ledger.entries + self.ledger.size

    def damage(
        self, code: str, what: str, *, key: str, expected: object, found: object, offset: int | None = None
    ) -> Finding:
        """A finding about one of the two objects."""
        return Finding(
            code,
            Severity.DAMAGE,
            what,
            topic=self.topic,
            ledger_id=self.ledger.ledger_id,
            key=key,
            offset=offset,
            expected=str(expected),
            found=str(found),
            meaning=_HANGS,
            next_step=_KEEP_BOOKKEEPERS_COPY,
        )


def missing_objects(subject: OffloadedLedger, *, data: bool, index: bool) -> Iterator[Finding]:
    """Findings for the objects that are not there."""
    if not data:
        key = subject.data_key
        yield subject.damage(
            "data-missing", "the data object is not there", key=key, expected="an object", found="none"
        )
    if not index:
        key = subject.index_key
        yield subject.damage(
            "index-missing", "the index object is not there", key=key, expected="an object", found="none"
        )


def read_index(subject: OffloadedLedger, data: bytes) -> IndexObject | Finding:
    """The index, or the finding that says why it cannot be read."""
    try:
        return IndexObject.parse(data)
    except FormatError as error:
        what = f"the index object cannot be read: {error.what}"
        key = subject.index_key
        return subject.damage(
            "index-corrupt", what, key=key, expected=error.expected, found=error.found, offset=error.at
        )


def check_index(subject: OffloadedLedger, index: IndexObject, data_size: int) -> Iterator[Finding]:
    """What the index says against the ledger's metadata and the data object's size."""
    ledger, key = subject.ledger, subject.data_key
    if index.data_object_length != data_size:
        what = "the data object has not the length that its index names"
        yield subject.damage("data-size", what, key=key, expected=index.data_object_length, found=data_size)
    smallest = subject.smallest_data_size
    if data_size < smallest or (len(index.entries) == 1 and data_size != smallest):
        bound = "" if len(index.entries) == 1 else "at least "
        what = "the data object has not the size that its entries imply"
        yield subject.damage("data-size-implied", what, key=key, expected=f"{bound}{smallest}", found=data_size)
    written, known = index.ledger_metadata, (ledger.size, ledger.entries - 1, LedgerState.CLOSED)
    if (written.length, written.last_entry_id, written.state) != known:
        yield subject.damage(
            "index-metadata",
            "the index carries the metadata of another ledger or of another moment",
            key=subject.index_key,
            expected=f"length {known[0]}, last entry {known[1]}, {known[2]}",
            found=f"length {written.length}, last entry {written.last_entry_id}, {written.state}",
        )


def looks_like_padding(tail: bytes) -> bool:
    """Whether an object's last bytes could be padding; a payload may end so too, so this is only a suspicion.

    The pattern may be cut anywhere at the object's end, so every phase of it counts.
    """
    return len(tail) >= len(PADDING) and tail[-len(PADDING) :] in PADDING * 2


def check_last_block(subject: OffloadedLedger, block: bytes, *, at: int) -> Iterator[Finding]:
    """Settle the suspicion: the last block must end with the ledger's last entry, and without padding."""
    last_entry_id = subject.ledger.entries - 1
    try:
        walk = walk_block(block, DataBlockHeader.parse(block, at=at), at=at)
    except FormatError as error:
        what = f"the last block cannot be read: {error.what}"
        key = subject.data_key
        yield subject.damage(
            "block-corrupt", what, key=key, expected=error.expected, found=error.found, offset=error.at
        )
        return
    if walk.padding_length or walk.last_entry_id != last_entry_id:
        yield subject.damage(
            "truncated",
            "the data object ends before the ledger does",
            key=subject.data_key,
            expected=f"entry {last_entry_id} at its end",
            found=f"{walk.entries} entries and {walk.padding_length} bytes of padding in the last block",
            offset=at,
        )
