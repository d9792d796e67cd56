"""What a check can find: damage and warnings, as values."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from offloadctl.model.names import TopicName

_ID_LENGTH: Final = 12
"""Hex digits: enough that a million findings share none."""


class Severity(StrEnum):
    """How bad a finding is."""

    WARNING = "warning"
    DAMAGE = "damage"


@dataclass(frozen=True, slots=True)
class Readers:
    """Which subscriptions have a ledger still before them, in it or ahead of it."""

    before: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    """Their place is known as a lower bound only: they may have passed it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as Pulsar writes it: what, where, expected and found, and what it means for readers."""

    code: str
    severity: Severity
    what: str
    topic: TopicName | None = None
    ledger_id: int | None = None
    key: str | None = None
    offset: int | None = None
    expected: str = ""
    found: str = ""
    meaning: str = ""
    next_step: str = ""
    readers: Readers | None = None
    """Whom it will hit; None if that is not known."""

    @property
    def id(self) -> str:
        """The same whenever the same is found in the same place, so that runs can be compared."""
        place = (self.code, str(self.topic), str(self.ledger_id), str(self.key), str(self.offset))
        return sha256("\n".join(place).encode()).hexdigest()[:_ID_LENGTH]
