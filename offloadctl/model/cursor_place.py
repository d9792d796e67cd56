"""Where a subscription stands in a topic, and whether what it reads next can be read."""

from dataclasses import dataclass
from enum import StrEnum

from offloadctl.model.ledger import Position


class Readable(StrEnum):
    """What a check can say of the ledger that a subscription reads next."""

    YES = "yes"
    """It is in S3, and as deep as was looked nothing is wrong with it."""
    NO = "no"
    """It is in S3, and damaged."""
    UNKNOWN = "unknown"
    """It could not be looked at, or not enough of it."""
    NOT_IN_S3 = "not-in-s3"
    """BookKeeper has it, and a check does not look there."""
    AT_THE_END = "at-the-end"
    """Everything is acknowledged."""


@dataclass(frozen=True, slots=True)
class CursorPlace:
    """One subscription of one topic or partition."""

    subscription: str
    readable: Readable
    next_entry: Position | None = None
    """The first entry that is not acknowledged, or the place of the next one to be published."""
    is_exact: bool = True
    """False: it may be further on."""
    key: str | None = None
    """The data object that has the entry."""
    bucket: str = ""
    damaged_ahead: tuple[int, ...] = ()
    """Ledgers that it has not passed yet, the one it stands in included."""
    not_covered: tuple[str, ...] = ()
