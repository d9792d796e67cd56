"""When a ledger was begun, by what its objects tell."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final


@dataclass(frozen=True, slots=True)
class FirstMessage:
    """Who published a ledger's first entry, and when by that producer's clock."""

    producer: str
    sequence_id: int
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Times:
    """The times that a ledger's objects tell; None for what they do not, or what was not looked at."""

    created_at: datetime | None = None
    """When the ledger was made, by its index."""
    first: FirstMessage | None = None


NO_TIMES: Final = Times()
