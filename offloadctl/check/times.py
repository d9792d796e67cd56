"""Whether the objects' times lie within the ledger's life.

Two ledgers of one topic can be alike in every number: then only times tell their objects apart. A broker makes a ledger
after it has closed the one before. Producers' clocks set the times of messages, and messages may wait before they are
stored or come from another cluster; so only a first message after the end, and a last one before the beginning, count.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from offloadctl.check.index import created_at
from offloadctl.check.subject import Subject
from offloadctl.format.data_block import ENTRY_HEADER_LENGTH, ENTRY_LENGTH
from offloadctl.format.entry import ChecksumState, Entry, checksum_state
from offloadctl.format.errors import FormatError
from offloadctl.format.index_object import INDEX_HEADER_LENGTH, IndexObject
from offloadctl.format.keys import ObjectRole
from offloadctl.format.proto import pulsar_pb2 as pb
from offloadctl.format.protobuf_support import parse_into
from offloadctl.model.finding import Finding


def check_index_time(subject: Subject, index: IndexObject) -> Iterator[Finding]:
    """The index must say that the ledger was made after the one before it was closed, and before it was itself."""
    made = created_at(index)
    if made is None:
        return
    if subject.closed_at is not None and made > subject.closed_at:
        yield _of_index(subject, expected=f"before {_text(subject.closed_at)}, when it was closed", found=made)
    elif subject.begun_after is not None and made < subject.begun_after:
        yield _of_index(subject, expected=f"after {_text(subject.begun_after)}, when the one before ended", found=made)


def check_message_times(
    subject: Subject, index: IndexObject | None, *, first: datetime | None, last: datetime | None
) -> Iterator[Finding]:
    """The first message must not be younger than the ledger's end, nor the last one older than its beginning."""
    begun = (created_at(index) if index is not None else None) or subject.begun_after
    if first is not None and subject.closed_at is not None and first > subject.closed_at:
        expected = f"before {_text(subject.closed_at)}, when the ledger was closed"
        yield _of_messages(subject, "first", expected=expected, found=first)
    elif last is not None and begun is not None and last < begun:
        expected = f"after {_text(begun)}, when the ledger began"
        yield _of_messages(subject, "last", expected=expected, found=last)


def publish_time_of_entry(entry_with_header: bytes) -> datetime | None:
    """When an entry was published, from its first bytes; None if they do not tell or it came from another cluster.

    An entry that is there as a whole must be so by its checksum too.
    """
    if len(entry_with_header) <= ENTRY_HEADER_LENGTH:
        return None
    (length,) = ENTRY_LENGTH.unpack_from(entry_with_header)
    entry = entry_with_header[ENTRY_HEADER_LENGTH : ENTRY_HEADER_LENGTH + max(length, 0)]
    try:
        if len(entry) == length and checksum_state(entry) is ChecksumState.BAD:
            return None
        return publish_time(Entry.parse(entry).metadata)
    except FormatError:
        return None


def publish_time(encoded: bytes) -> datetime | None:
    """When a message was published, from its encoded metadata; None under the same conditions."""
    try:
        metadata = parse_into(pb.MessageMetadata(), encoded, what="message metadata", at=0)
        if metadata.HasField("replicated_from") or not metadata.publish_time:
            return None
        return datetime.fromtimestamp(metadata.publish_time / 1000, UTC)
    except (FormatError, ValueError, OverflowError, OSError):
        return None


def _of_index(subject: Subject, *, expected: str, found: datetime) -> Finding:
    what = "the index was made for a ledger of another time"
    role, at = ObjectRole.INDEX, INDEX_HEADER_LENGTH
    return subject.finding("ledger-time", what, role=role, offset=at, expected=expected, found=_text(found))


def _of_messages(subject: Subject, which: str, *, expected: str, found: datetime) -> Finding:
    what = f"the messages are of another time than the ledger: the {which} one was published"
    return subject.finding("ledger-time", what, expected=expected, found=_text(found))


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
