"""Whether each ledger's objects are of its own time, told from its neighbours.

Two ledgers of one topic can be alike in every number: then only times tell their objects apart. A broker makes a ledger
after it has closed the one before. Producers' clocks may be wrong, messages may wait or come from another cluster, so
one ledger's times alone prove nothing. What counts is that its times lie outside of its life and run backwards beside a
neighbour's; of messages also that they fit another ledger's life, or are those of one producer that counts backwards.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from offloadctl.check.subject import Subject
from offloadctl.format.checksum_state import ChecksumState
from offloadctl.format.data_block import ENTRY_HEADER_LENGTH, ENTRY_LENGTH
from offloadctl.format.entry import Entry, checksum_state
from offloadctl.format.errors import FormatError
from offloadctl.format.index_object import INDEX_HEADER_LENGTH
from offloadctl.format.keys import ObjectRole
from offloadctl.format.proto import pulsar_pb2 as pb
from offloadctl.format.protobuf_support import parse_into
from offloadctl.model.finding import Finding
from offloadctl.model.ledger_times import FirstMessage, Times

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timed:
    """A ledger, and the times that its objects tell."""

    subject: Subject
    times: Times

    @property
    def begun(self) -> datetime | None:
        """When the ledger began, at the earliest."""
        return self.subject.begun_after or self.times.created_at

    def lived_at(self, moment: datetime) -> bool:
        """Whether that is within the ledger's life, as far as both its ends are known."""
        closed = self.subject.closed_at
        return self.begun is not None and closed is not None and self.begun <= moment <= closed


def check_order(ledgers: Sequence[Timed]) -> Iterator[Finding]:
    """At most one finding for each of a topic's ledgers, which are ascending by id; some may be left out."""
    for place, one in enumerate(ledgers):
        before = ledgers[place - 1].times if place else None
        after = ledgers[place + 1].times if place + 1 < len(ledgers) else None
        finding = _of_index(one, before, after) or _of_messages(one, before, after, ledgers)
        if finding is not None:
            yield finding


def first_message(entry_with_header: bytes) -> FirstMessage | None:
    """Who published an entry and when, from its first bytes; None if they do not tell or it came from another cluster.

    An entry that is there as a whole must be so by its checksum too.
    """
    if len(entry_with_header) <= ENTRY_HEADER_LENGTH:
        return None
    (length,) = ENTRY_LENGTH.unpack_from(entry_with_header)
    entry = entry_with_header[ENTRY_HEADER_LENGTH : ENTRY_HEADER_LENGTH + max(length, 0)]
    try:
        if len(entry) == length and checksum_state(entry) is ChecksumState.BAD:
            return None
        metadata = parse_into(pb.MessageMetadata(), Entry.parse(entry).metadata, what="message metadata", at=0)
        if metadata.HasField("replicated_from"):
            return None
        published_at = datetime.fromtimestamp(metadata.publish_time / 1000, UTC)
    except (FormatError, ValueError, OverflowError, OSError):
        return None
    return FirstMessage(metadata.producer_name, metadata.sequence_id, published_at)


def _of_index(one: Timed, before: Times | None, after: Times | None) -> Finding | None:
    made = one.times.created_at
    expected = _outside_of_life(one.subject, made, begun=one.subject.begun_after)
    neighbours = (before.created_at if before else None, after.created_at if after else None)
    if made is None or not expected or not _is_out_of_order(made, neighbours, lambda earlier, later: earlier < later):
        return None
    what, role, at = "the index was made for a ledger of another time", ObjectRole.INDEX, INDEX_HEADER_LENGTH
    return one.subject.finding("ledger-time", what, role=role, offset=at, expected=expected, found=_text(made))


def _of_messages(one: Timed, before: Times | None, after: Times | None, ledgers: Sequence[Timed]) -> Finding | None:
    first = one.times.first
    neighbours = (before.first if before else None, after.first if after else None)
    if first is None or not _is_out_of_order(first, neighbours, _is_older):
        return None
    expected = _outside_of_life(one.subject, first.published_at, begun=one.begun)
    counts_backwards = _is_out_of_order(first, neighbours, _precedes)
    lived = (other for other in ledgers if other is not one and other.lived_at(first.published_at))
    if not expected or not (counts_backwards or any(lived)):
        return None
    what = "the messages are those of a ledger of another time"
    return one.subject.finding("ledger-time", what, expected=expected, found=_text(first.published_at))


def _is_older(earlier: FirstMessage, later: FirstMessage) -> bool:
    return earlier.published_at < later.published_at


def _precedes(earlier: FirstMessage, later: FirstMessage) -> bool:
    """Whether one producer sent them in this order, by its clock and by its count."""
    return (
        earlier.producer == later.producer
        and earlier.sequence_id < later.sequence_id
        and earlier.published_at < later.published_at
    )


def _is_out_of_order(one: T, neighbours: tuple[T | None, T | None], precedes: Callable[[T, T], bool]) -> bool:
    before, after = neighbours
    return (before is not None and precedes(one, before)) or (after is not None and precedes(after, one))


def _outside_of_life(subject: Subject, moment: datetime | None, *, begun: datetime | None) -> str:
    """When it should have been; empty if it is within the ledger's life."""
    if moment is None:
        return ""
    if subject.closed_at is not None and moment > subject.closed_at:
        return f"before {_text(subject.closed_at)}, when the ledger was closed"
    if begun is not None and moment < begun:
        return f"after {_text(begun)}, when the ledger began"
    return ""


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
