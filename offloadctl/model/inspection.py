"""What looking into objects brings: blocks, entries and places, as values."""

from dataclasses import dataclass
from datetime import datetime

from offloadctl.model.check import Inspection
from offloadctl.model.finding import Finding
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName


@dataclass(frozen=True, slots=True)
class Verification:
    """A look at two objects by name, whoever they belong to."""

    data: str
    index: str
    inspection: Inspection
    ledger_id: int | None = None


@dataclass(frozen=True, slots=True)
class BlockLine:
    """One block by the index, and by its own header."""

    number: int
    """The first is 1, as the upload's parts are."""
    offset: int
    first_entry_id: int
    last_entry_id: int | None
    length: int | None
    """By its header; None if that cannot be read."""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLine:
    """One entry; None for what cannot be read or is not there."""

    entry_id: int
    block: int
    block_offset: int
    offset: int
    """Of its length in the data object."""
    length: int
    checksum: str
    messages: int | None = None
    published_at: datetime | None = None
    producer: str | None = None
    sequence_id: int | None = None
    key: str | None = None
    compression: str | None = None
    encrypted: bool = False
    chunk: str | None = None
    """`2 of 3`."""
    marker: int | None = None
    properties: tuple[tuple[str, str], ...] = ()
    broker_index: int | None = None
    payload_length: int | None = None
    payload: bytes | None = None
    """As it is stored: perhaps a batch, compressed, encrypted. Only if it was asked for."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class BlockListing:
    """The blocks of a data object, or why there is no list of them."""

    blocks: tuple[BlockLine, ...] = ()
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class EntryListing:
    """Entries in order, and why there are no more if that was not the number that was asked for."""

    entries: tuple[EntryLine, ...] = ()
    finding: Finding | None = None
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class MessagePlace:
    """Where a message lies."""

    topic: TopicName
    position: Position
    bucket: str
    data_key: str
    block: int
    block_offset: int
    entry_offset: int
    entry_length: int
