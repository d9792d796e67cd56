"""Managed ledgers as a metadata store and BookKeeper hold them: what survives the death of every broker."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName


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
    entries: list[bytes] = field(default_factory=list)
    entry_count: int = 0
    length: int = 0
    closed_at: datetime | None = None
    context: OffloadContext | None = None

    def append(self, entry: bytes) -> None:
        """Add one entry."""
        self.entries.append(entry)
        self.entry_count += 1
        self.length += len(entry)

    def delete_from_bookkeeper(self) -> int:
        """Remove BookKeeper's copy and tell how many bytes that frees on each bookie that has it."""
        freed = self.bookkeeper_bytes
        self.entries.clear()
        return freed

    @property
    def is_offloaded(self) -> bool:
        """Whether an offload is complete."""
        return self.context is not None and self.context.complete

    @property
    def bookkeeper_bytes(self) -> int:
        """What BookKeeper still holds."""
        return self.length if self.entries else 0


@dataclass(slots=True)
class ManagedLedgerMetadata:
    """The ledgers of one topic or partition, with the version that each write raises."""

    topic: TopicName
    created_at: datetime
    modified_at: datetime
    version: int = 0
    ledgers: dict[int, SimulatedLedger] = field(default_factory=dict)
    terminated_at: Position | None = None
    properties: dict[str, str] = field(default_factory=dict)
    stored_order: tuple[int, ...] = ()
    """The order in which `internal-info` lists the ledgers."""

    def opened(self, ledger: SimulatedLedger, at: datetime) -> None:
        """Write a new open ledger into the metadata."""
        self.ledgers[ledger.ledger_id] = ledger
        self.written(at)

    def written(self, at: datetime, *, in_hash_order: bool = False) -> None:
        """One write of the metadata; those of an offload leave the ledgers in a HashMap's order."""
        self.version += 1
        self.modified_at = at
        self.stored_order = _hash_map_order(self.ledgers) if in_hash_order else tuple(sorted(self.ledgers))

    @property
    def last(self) -> SimulatedLedger:
        """The newest ledger."""
        return self.ledgers[max(self.ledgers)]

    @property
    def ascending(self) -> tuple[SimulatedLedger, ...]:
        """All ledgers by id."""
        return tuple(self.ledgers[ledger_id] for ledger_id in sorted(self.ledgers))

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


def _hash_map_order(ledger_ids: Iterable[int]) -> tuple[int, ...]:
    """The iteration order of `new HashMap<>(ledgers)` (ManagedLedgerImpl.java, transformLedgerInfo; java.util.HashMap).

    The table gets the power of two that follows n / 0.75; a ledger's slot is its low bits, as ids are below 65536
    here and HashMap's spreading of the high half changes nothing.
    """
    ids = sorted(ledger_ids)
    capacity = 1
    while capacity < int(len(ids) / 0.75 + 1):
        capacity *= 2
    return tuple(sorted(ids, key=lambda ledger_id: ledger_id % capacity))
