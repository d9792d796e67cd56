"""How a run that goes on stands: it moves, it waits for a thread of its broker, or nothing moves; and what tells so."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

STALL_TIMEOUT: Final = timedelta(minutes=30)
"""How long nothing of a run may move, by default: a part of 64 MiB takes far less, even on a slow way to the store."""


class Movement(StrEnum):
    """What a run that the broker calls RUNNING does, as far as it can be seen."""

    MOVING = "moving"
    QUEUED = "queued"
    """It waits for one of its broker's offload threads, which other topics hold."""
    STANDING_STILL = "standing-still"
    UNCLEAR = "unclear"
    """Begun a short while ago, and no upload of it is open or could be looked at."""


@dataclass(frozen=True, slots=True)
class Writing:
    """What metadata and bucket show of the ledger that a run is at; equal looks mean that nothing has moved."""

    ledger_id: int | None = None
    """None: no ledger of the plan was begun."""
    uuid: UUID | None = None
    has_upload: bool = False
    parts: int = 0
    size: int = 0
    """Of the parts that have arrived."""
    last_part_at: datetime | None = None
    has_data: bool = False
    has_index: bool = False
    looked_in: str = ""
    """The bucket, for people."""
    not_seen: str = ""
    """Why the bucket was not looked at, if it was not."""
    changed_at: datetime | None = field(default=None, compare=False)
    """When the topic's list of ledgers was last written, by the clock of the metadata store; it may be for others."""

    @property
    def has_a_thread(self) -> bool:
        """Whether a thread of the broker has begun to upload the ledger; before that it may wait for one."""
        return self.has_upload or self.has_data


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The other topics at work on the same broker, as far as this command knows of them."""

    broker: str = ""
    """Empty: nobody tells which one it is."""
    at_work: int = 0
    still_s: float | None = None
    """How long ago something of one of them moved; None: nothing has."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands at one moment."""

    movement: Movement
    still_s: float = 0.0
    """How long nothing of it has moved."""
    writing: Writing | None = None
    """None: it was not looked at yet."""
    neighbours: Neighbours = Neighbours()
    is_stalled: bool = False
    """Whether it has stood still for so long that it is not waited for any more."""
