"""One entry looked at the slow way: what it counts as, and what is wrong with it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from offloadctl.format.checksum_state import ChecksumState
from offloadctl.format.entry import Entry, read_checksum
from offloadctl.format.entry_totals import count_messages
from offloadctl.format.errors import FormatError
from offloadctl.format.proto import pulsar_pb2 as pb
from offloadctl.format.protobuf_support import parse_into
from offloadctl.model.entry_counts import EntryCounts


class ProblemCode(StrEnum):
    """What is wrong at some place of a block."""

    ENTRY_ID = "entry-id"
    """Not the id that follows."""
    ENTRY_LENGTH = "entry-length"
    """A length that leaves the block, or behind which no next entry stands."""
    ENTRY_UNREADABLE = "entry-unreadable"
    """What stands in front of the message cannot be taken apart."""
    CHECKSUM = "checksum"
    MESSAGE_METADATA = "message-metadata"
    """No message metadata, though no checksum says that it is damaged."""
    PADDING = "padding"
    BLOCK_TRUNCATED = "block-truncated"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, `offset` bytes from where it was looked for."""

    code: ProblemCode
    offset: int
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an entry counts as, without its number and bytes, and its fault if it has one."""

    totals: EntryCounts
    fault: Fault | None = None

    @property
    def is_doubtful(self) -> bool:
        """Whether the entry may be damaged as a whole, so that not even its length is to be believed."""
        return self.fault is not None and not self.totals.checksums_ok


_STATES: Final = {
    ChecksumState.OK: EntryCounts(checksums_ok=1),
    ChecksumState.ABSENT: EntryCounts(checksums_absent=1),
    ChecksumState.BAD: EntryCounts(checksums_bad=1),
}

UNREADABLE: Final = EntryCounts(unreadable=1)


def examine(entry: bytes) -> Verdict:
    """Verify one entry; offsets count from its first byte.

    Text in the metadata need not be UTF-8, as Pulsar does not ask for that either: such an entry can be read.
    """
    try:
        checksum = read_checksum(entry)
    except FormatError as error:
        return Verdict(UNREADABLE, _fault(ProblemCode.ENTRY_UNREADABLE, error))
    if checksum.state is ChecksumState.BAD:
        fault = Fault(ProblemCode.CHECKSUM, checksum.at, f"{checksum.stored:08X}", f"{checksum.computed:08X}")
        return Verdict(_STATES[ChecksumState.BAD], fault)
    # Without a checksum only the metadata tells that this is an entry at all.
    otherwise = _STATES[ChecksumState.OK] if checksum.state is ChecksumState.OK else UNREADABLE
    try:
        parts = Entry.parse(entry)
    except FormatError as error:
        return Verdict(otherwise, _fault(ProblemCode.ENTRY_UNREADABLE, error))
    at = len(entry) - len(parts.payload) - len(parts.metadata)
    try:
        metadata = parse_into(pb.MessageMetadata(), parts.metadata, what="message metadata", at=at)
    except FormatError as error:
        return Verdict(otherwise, _fault(ProblemCode.MESSAGE_METADATA, error))
    return Verdict(_STATES[checksum.state] + count_messages([metadata]))


def _fault(code: ProblemCode, error: FormatError) -> Fault:
    return Fault(code, error.at, error.expected, error.found)
