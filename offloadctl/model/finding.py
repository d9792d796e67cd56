"""What a check can find: damage and warnings, as values."""

from dataclasses import dataclass
from enum import StrEnum

from offloadctl.model.names import TopicName


class Severity(StrEnum):
    """How bad a finding is."""

    WARNING = "warning"
    DAMAGE = "damage"


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
