"""What a check can find: damage and warnings, as values; since when they are known, and who has taken note of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
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
class Acknowledgement:
    """Somebody has taken note of a finding as it was then; until it ends, the finding makes no command fail."""

    finding_id: str
    evidence: str
    """What was found, as `Finding.evidence`: of anything else nobody has taken note."""
    by: str
    at: datetime
    until: datetime
    reason: str

    def holds(self, finding: "Finding", now: datetime) -> bool:
        """Whether it is about this finding, with this evidence, and has not ended."""
        return (self.finding_id, self.evidence) == (finding.id, finding.evidence) and now < self.until


@dataclass(frozen=True, slots=True)
class Sighting:
    """Since when a finding is known."""

    first: datetime
    last: datetime
    times: int = 1
    """So many checks have found it."""
    acknowledgement: Acknowledgement | None = None
    """Only one that holds."""


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
    etag: str = ""
    """The object's, as it was looked at; empty if there is none."""
    copy: str = ""
    """What is known of BookKeeper's copy of the ledger, which may still save it."""
    restore: str = ""
    """How the object itself can be brought back."""
    seen: Sighting | None = None
    """None if nothing is remembered."""

    @property
    def id(self) -> str:
        """The same whenever the same is found in the same place, so that runs can be compared."""
        return _digest(self.code, str(self.topic), str(self.ledger_id), str(self.key), str(self.offset))

    @property
    def evidence(self) -> str:
        """The same as long as the same object shows the same: what an acknowledgement is about."""
        return _digest(self.severity.value, self.expected, self.found, self.etag)

    @property
    def place(self) -> str:
        """Topic, ledger, key and offset, for people."""
        ledger = f"ledger {self.ledger_id}" if self.ledger_id is not None else ""
        offset = f"offset {self.offset:,}" if self.offset is not None else ""
        topic = str(self.topic) if self.topic is not None else ""
        return ", ".join(part for part in (topic, ledger, self.key or "", offset) if part)

    @property
    def is_acknowledged(self) -> bool:
        """Whether somebody has taken note of it, so that it makes no command fail."""
        return self.seen is not None and self.seen.acknowledgement is not None


@dataclass(frozen=True, slots=True)
class KnownFinding:
    """A finding that a check once told, as it is remembered."""

    id: str
    evidence: str
    code: str
    severity: Severity
    what: str
    place: str
    """Topic, ledger, key and offset, for people."""
    first_seen: datetime
    last_seen: datetime
    times: int


def unacknowledged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that make a command fail."""
    return tuple(one for one in findings if not one.is_acknowledged)


def _digest(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:_ID_LENGTH]
