"""Ledgers as the metadata store has them, as the serving broker has them, and both joined."""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from offloadctl.model.names import TopicName
from offloadctl.units import ByteSize


class Position(NamedTuple):
    """`ledger:entry`; printed the way pulsar-admin does."""

    ledger_id: int
    entry_id: int

    def __str__(self) -> str:
        return f"{self.ledger_id}:{self.entry_id}"


@dataclass(frozen=True, slots=True)
class StoredLedger:
    """One ledger of `internal-info`: what the metadata store has, without loading the topic.

    `entries` and `size` are None for the open ledger. A `context_uuid` says only that an offload was begun.
    """

    ledger_id: int
    entries: int | None
    size: ByteSize | None
    closed_at: datetime | None
    context_uuid: UUID | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a subscription is: everything up to `mark_delete` is acknowledged, and what was acknowledged singly."""

    subscription: str
    mark_delete: Position
    is_current: bool = True
    """False: the subscription was there once and may be further on; where, only the serving broker can tell."""


@dataclass(frozen=True, slots=True)
class StoredLedgers:
    """A whole `internal-info`, its ledgers ascending by id."""

    version: int
    ledgers: tuple[StoredLedger, ...]
    terminated_at: Position | None = None
    modified_at: datetime | None = None
    """When the metadata was last written, by the clock of its store."""
    cursors: tuple[Cursor, ...] = ()
    """By name. Current are those that the last broker to serve the topic has closed."""


@dataclass(frozen=True, slots=True)
class ServedLedger:
    """One ledger of `internalStats`; `offloaded` means that the offload is complete."""

    ledger_id: int
    entries: int
    size: ByteSize
    offloaded: bool


@dataclass(frozen=True, slots=True)
class ServedLedgers:
    """What the serving broker has in memory, ledgers ascending by id.

    The last ledger's own numbers are 0 while it is open; `current_entries` and `current_size` are its real ones.
    """

    ledgers: tuple[ServedLedger, ...]
    current_entries: int
    current_size: ByteSize
    state: str
    last_confirmed: Position | None = None
    cursors: tuple[Cursor, ...] = ()
    """By name, all of them current."""


class OffloadProgress(StrEnum):
    """How far the offload of one ledger is."""

    LOCAL = "local"
    """Never begun: the ledger is in BookKeeper only."""
    IN_FLIGHT = "in-flight"
    """Begun and not complete: running, failed or left by a crash."""
    OFFLOADED = "offloaded"
    """Complete, says the serving broker."""
    BEGUN = "begun"
    """Begun; whether it is complete is unknown, since the topic is not loaded."""
    JUDGED = "judged-complete"
    """Begun, and the topic is not loaded; both objects are there, so it counts as complete."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """One ledger of a topic, from both sources."""

    ledger_id: int
    entries: int
    """For the open ledger of a topic that is not loaded this is 0 and says nothing."""
    size: ByteSize
    is_open: bool
    progress: OffloadProgress
    closed_at: datetime | None = None
    context_uuid: UUID | None = None

    @property
    def is_offloaded(self) -> bool:
        """Whether the broker says that the offload is complete."""
        return self.progress is OffloadProgress.OFFLOADED

    @property
    def counts_as_offloaded(self) -> bool:
        """The same, or so judged by its objects where no broker was asked: good enough for a plan, no proof."""
        return self.progress in (OffloadProgress.OFFLOADED, OffloadProgress.JUDGED)


@dataclass(frozen=True, slots=True)
class ManagedLedger:
    """All ledgers of one topic or partition at one moment, ascending by id."""

    topic: TopicName
    ledgers: tuple[Ledger, ...]
    observed_at: datetime
    served: bool
    """Whether a broker serves the topic, so that completeness and the open ledger's size are known."""
    terminated_at: Position | None = None
    cursors: tuple[Cursor, ...] = ()

    @property
    def closed(self) -> tuple[Ledger, ...]:
        """The ledgers that no longer grow."""
        return tuple(ledger for ledger in self.ledgers if not ledger.is_open)

    @property
    def open(self) -> Ledger | None:
        """The ledger that is being written to."""
        return next((ledger for ledger in reversed(self.ledgers) if ledger.is_open), None)

    def ledger(self, ledger_id: int) -> Ledger | None:
        """The ledger of that id, or None if the topic has none (any more)."""
        at = bisect_left(self.ledgers, ledger_id, key=_id_of)
        found = self.ledgers[at : at + 1]
        return found[0] if found and found[0].ledger_id == ledger_id else None


def _id_of(ledger: Ledger) -> int:
    return ledger.ledger_id


class OffloadState(StrEnum):
    """What `offload-status` can say (Pulsar's LongRunningProcessStatus)."""

    NOT_RUN = "NOT_RUN"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class OffloadStatus:
    """The broker's claim about the last manual offload since it loaded the topic."""

    state: OffloadState
    last_error: str = ""
    first_unoffloaded: Position | None = None


@dataclass(frozen=True, slots=True)
class OffloadPolicies:
    """The offload settings in force for a topic, without any secret: only what decisions need."""

    driver: str | None = None
    bucket: str | None = None
    region: str | None = None
    endpoint: str | None = None
    max_block_size: ByteSize | None = None
    deletion_lag_ms: int | None = None
    """Negative: BookKeeper's copy is never deleted. None: not set anywhere, which means never too."""
    size_threshold: int | None = None
    age_threshold_s: int | None = None
    read_priority: str | None = None
