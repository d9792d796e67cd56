"""A plan that somebody has looked at: what may be sent, to which cluster, and until when."""

from dataclasses import dataclass
from datetime import datetime

from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.model.offload import OffloadWish


@dataclass(frozen=True, slots=True)
class ApprovedLedger:
    """A ledger that is to move, as it was when the plan was made."""

    ledger_id: int
    entries: int
    size: int


@dataclass(frozen=True, slots=True)
class ApprovedPart:
    """What may be sent for one topic or partition, and the ledgers that move by it."""

    topic: TopicName
    before: Position
    ledgers: tuple[ApprovedLedger, ...]


@dataclass(frozen=True, slots=True)
class ApprovedTopic:
    """One topic with those of its parts that have something to move."""

    topic: TopicName
    partitions: int
    parts: tuple[ApprovedPart, ...]


@dataclass(frozen=True, slots=True)
class ApprovedRun:
    """A whole plan, as its document has it."""

    wish: OffloadWish
    topics: tuple[ApprovedTopic, ...]
    cluster: str | None
    expires_at: datetime
    content_hash: str
    reason: str = ""

    @property
    def parts(self) -> tuple[ApprovedPart, ...]:
        """Everything that may be sent."""
        return tuple(part for topic in self.topics for part in topic.parts)
