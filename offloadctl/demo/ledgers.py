"""Managed ledgers as a metadata store and BookKeeper hold them: what survives the death of every broker."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice, repeat
from uuid import UUID

from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName

EntrySource = Callable[[], Iterator[bytes]]
"""Makes the entries of a ledger anew, each time the same ones."""


@dataclass(slots=True)
class OffloadContext:
    """What a ledger's metadata says about its offload (MLDataFormats.proto, OffloadContext)."""

    uuid: UUID
    bucket: str
    completed_at: datetime | None = None
    bookkeeper_deleted: bool = False

    @property
    def complete(self) -> bool:
        """Whether the last step was taken."""
        return self.completed_at is not None


@dataclass(slots=True)
class SimulatedLedger:
    """One ledger: its numbers in the metadata, and its entries as long as BookKeeper has them."""

    ledger_id: int
    created_at: datetime
    entry_count: int = 0
    length: int = 0
    closed_at: datetime | None = None
    """None as long as the metadata has no counts, which is so for the last ledger of a terminated topic too."""
    context: OffloadContext | None = None
    in_bookkeeper: bool = True
    source: EntrySource | None = None
    """Where the entries of a ledger come from that was made without storing any; only if it was."""
    _stored: list[bytes] = field(default_factory=list)

    def append(self, entry: bytes) -> None:
        """Add one entry."""
        self._stored.append(entry)
        self.entry_count += 1
        self.length += len(entry)

    def entries(self) -> Iterator[bytes]:
        """What BookKeeper has; nothing once its copy is deleted."""
        if not self.in_bookkeeper:
            return iter(())
        return self.source() if self.source is not None else iter(self._stored)

    def entry(self, number: int) -> bytes:
        """One of them, as long as BookKeeper has it."""
        return next(islice(self.entries(), number, None))

    def delete_from_bookkeeper(self) -> int:
        """Remove BookKeeper's copy and tell how many bytes that frees on each bookie that has it."""
        freed = self.bookkeeper_bytes
        self.in_bookkeeper = False
        self._stored = []
        return freed

    @property
    def is_offloaded(self) -> bool:
        """Whether an offload is complete."""
        return self.context is not None and self.context.complete

    @property
    def bookkeeper_bytes(self) -> int:
        """What BookKeeper still holds."""
        return self.length if self.in_bookkeeper else 0


@dataclass(slots=True)
class SimulatedCursor:
    """A durable subscription: where it is, and what of that the metadata store has (ManagedCursorImpl.java)."""

    created_at: datetime
    modified_at: datetime
    mark_delete: Position
    stored: Position
    """What the metadata says; as long as there is a ledger of its own, acknowledgements go there instead."""
    read: Position
    """What a reader would be given first; where a topic was empty at first, the beginning, which has no entry."""
    version: int = 0
    own_ledger: int | None = None
    own_entries: int = 0

    def acknowledged(self, up_to: Position) -> None:
        """Everything up to that entry."""
        self.mark_delete, self.read = up_to, Position(up_to.ledger_id, up_to.entry_id + 1)
        self.own_entries += 1

    def opened(self, ledger_id: int, at: datetime) -> None:
        """A ledger of its own takes the acknowledgements from now on."""
        self.own_ledger, self.own_entries = ledger_id, 2
        self._written(at)

    def closed(self, at: datetime) -> None:
        """The broker lets go of the topic: the position goes back into the metadata."""
        self.own_ledger = None
        self.read = Position(self.mark_delete.ledger_id, self.mark_delete.entry_id + 1)
        self._written(at)

    def _written(self, at: datetime) -> None:
        self.stored = self.mark_delete
        self.version += 1
        self.modified_at = at


@dataclass(slots=True)
class ManagedLedgerMetadata:
    """The ledgers of one topic or partition, with the version that each write raises."""

    topic: TopicName
    created_at: datetime
    modified_at: datetime
    version: int = 0
    ledgers: dict[int, SimulatedLedger] = field(default_factory=dict)
    """By id, and in this order: ids only ever grow."""
    terminated_at: Position | None = None
    last_index: int | None = None
    """Of the last message, if the broker's index interceptor has ever been on; each write takes it along."""
    properties: dict[str, str] = field(default_factory=dict)
    cursors: dict[str, SimulatedCursor] = field(default_factory=dict)
    """By subscription."""
    _written_by_offload: bool = False

    def opened(self, ledger: SimulatedLedger, at: datetime) -> None:
        """Write a new open ledger into the metadata."""
        self.ledgers[ledger.ledger_id] = ledger
        self.written(at)

    def written(self, at: datetime, *, by_offload: bool = False) -> None:
        """One write of the metadata; those of an offload leave the ledgers in a HashMap's order."""
        self.version += 1
        self.modified_at = at
        self._written_by_offload = by_offload
        if self.last_index is not None:
            self.properties["index"] = str(self.last_index)

    def close_last(self, at: datetime) -> None:
        """Close the ledger that a broker left open; an empty one is dropped. Not a write yet."""
        if self.ledgers and (last := self.last).closed_at is None:
            if last.entry_count:
                last.closed_at = max(at, last.created_at)
            else:
                del self.ledgers[last.ledger_id]

    def close_cursors(self, at: datetime) -> None:
        """What a broker does that lets go of the topic in order; no write of the ledgers."""
        for cursor in self.cursors.values():
            cursor.closed(at)

    @property
    def last_position(self) -> Position:
        """The last entry that a broker finds when it loads the topic."""
        if self.terminated_at is not None:
            return self.terminated_at
        stored = (ledger for ledger in reversed(self.ascending) if ledger.entry_count)
        ledger = next(stored, self.last)
        return Position(ledger.ledger_id, ledger.entry_count - 1)

    @property
    def stored_order(self) -> tuple[int, ...]:
        """The order in which `internal-info` lists the ledgers."""
        return hash_map_order(self.ledgers) if self._written_by_offload else tuple(self.ledgers)

    @property
    def last(self) -> SimulatedLedger:
        """The newest ledger."""
        return self.ledgers[next(reversed(self.ledgers))]

    @property
    def ascending(self) -> tuple[SimulatedLedger, ...]:
        """All ledgers by id."""
        return tuple(self.ledgers.values())

    @property
    def total_length(self) -> int:
        """The bytes of all ledgers, wherever they are."""
        return sum(ledger.length for ledger in self.ledgers.values())

    @property
    def bookkeeper_bytes(self) -> int:
        """What BookKeeper still holds of the topic, replication left out."""
        return sum(ledger.bookkeeper_bytes for ledger in self.ledgers.values())

    @property
    def offloaded_bytes(self) -> int:
        """The bytes of all ledgers whose offload is complete."""
        return sum(ledger.length for ledger in self.ledgers.values() if ledger.is_offloaded)


def repeated(entry: bytes, count: int) -> EntrySource:
    """A source of the same entry, over and over: a large ledger that takes no memory."""
    return lambda: repeat(entry, count)


def hash_map_order(ledger_ids: Iterable[int]) -> tuple[int, ...]:
    """The iteration order of `new HashMap<>(ledgers)` (ManagedLedgerImpl.java, transformLedgerInfo; java.util.HashMap).

    The table gets the power of two that follows n / 0.75. A ledger's slot is the low bits of its hash code, after the
    high half was folded into the low one; within a slot the order of insertion stays.
    """
    ids = tuple(ledger_ids)
    capacity = 1
    while capacity < int(len(ids) / 0.75 + 1):
        capacity *= 2

    def slot(ledger_id: int) -> int:
        code = (ledger_id ^ ledger_id >> 32) & 0xFFFFFFFF
        return (code ^ code >> 16) & (capacity - 1)

    return tuple(sorted(ids, key=slot))
