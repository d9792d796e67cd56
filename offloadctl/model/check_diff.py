"""Two reports of checks beside each other: what is new, what is gone, and what the second one did not look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from offloadctl.exitcodes import ExitCode, combine
from offloadctl.model.check import Level
from offloadctl.model.finding import Severity


@dataclass(frozen=True, slots=True)
class ReportedFinding:
    """A finding as a report tells it."""

    id: str
    code: str
    severity: Severity
    what: str
    topic: str = ""
    ledger_id: int | None = None
    place: str = ""
    """For people."""
    bucket: str = ""
    """Of what is no ledger's of a topic that was read: the bucket where it lies."""
    expected: str = ""
    found: str = ""
    etag: str = ""
    acknowledged: bool = False

    def is_like(self, other: "ReportedFinding") -> bool:
        """Whether the same is found in the same object; an ETag that one report does not tell makes no difference."""
        same = (self.severity, self.expected, self.found) == (other.severity, other.expected, other.found)
        return same and (self.etag == other.etag or not self.etag or not other.etag)


@dataclass(frozen=True, slots=True)
class ReportedLedger:
    """A ledger that a report tells by itself."""

    is_covered: bool
    """As deep as was asked."""
    is_trimmed: bool = False
    has_more: bool = False
    """Findings that are counted and not kept."""
    not_covered: str = ""


@dataclass(frozen=True, slots=True)
class ReportedTopic:
    """A topic or partition of a report."""

    error: str = ""
    """Why it could not be read."""
    ledgers: Mapping[int, ReportedLedger] | None = None
    """Of wide scopes only those of which there is something to tell; the others are sound."""
    not_begun: int = 0


@dataclass(frozen=True, slots=True)
class ReportedBucket:
    """A bucket of a report."""

    is_whole: bool
    """Listed, and nothing of it was left out."""
    has_more: bool = False
    not_covered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportedCheck:
    """What a report says, as far as two of them can be compared."""

    level: Level
    finished_at: datetime
    scope: str
    is_everything: bool
    """Whether it knows every topic there was."""
    sample: str = ""
    findings: tuple[ReportedFinding, ...] = ()
    topics: Mapping[str, ReportedTopic] | None = None
    buckets: Mapping[str, ReportedBucket] | None = None
    cluster: str = ""


class Change(StrEnum):
    """What became of a finding from one report to the next."""

    NEW = "new"
    CHANGED = "changed"
    STILL_THERE = "still-there"
    GONE = "gone"
    NOT_LOOKED_AT = "not-looked-at"

    @property
    def meaning(self) -> str:
        """One sentence for people."""
        return _MEANINGS[self]


_MEANINGS: Final = {
    Change.NEW: "The second report has it, and the first one has not.",
    Change.CHANGED: "Both have it, and something else is expected or found, or the object is another one.",
    Change.STILL_THERE: "Both have it, and it is the same.",
    Change.GONE: "The second report looked there as deep as it takes, and has it no more.",
    Change.NOT_LOOKED_AT: "The second report did not look there, or not deep enough: it may still be so.",
}


@dataclass(frozen=True, slots=True)
class ComparedFinding:
    """One finding of either report; `before` and `after` are None where a report has it not."""

    change: Change
    before: ReportedFinding | None
    after: ReportedFinding | None
    why: str = ""
    """Why it is not known to be gone."""

    @property
    def finding(self) -> ReportedFinding:
        """As it was told last."""
        found = self.after or self.before
        assert found is not None  # noqa: S101 - one report has it
        return found


@dataclass(frozen=True, slots=True)
class CheckDiff:
    """The second report beside the first one."""

    before: ReportedCheck
    after: ReportedCheck
    findings: tuple[ComparedFinding, ...]
    lost: tuple[str, ...] = ()
    """What the first report looked at and the second one did not."""
    gained: tuple[str, ...] = ()

    def of(self, change: Change) -> tuple[ComparedFinding, ...]:
        """Those that this became of."""
        return tuple(one for one in self.findings if one.change is change)

    @property
    def exit_code(self) -> ExitCode:
        """By what is new or other than it was, and not acknowledged; 5 if less was looked at than before."""
        met = [
            ExitCode.DAMAGE if one.finding.severity is Severity.DAMAGE else ExitCode.WARNINGS
            for one in (*self.of(Change.NEW), *self.of(Change.CHANGED))
            if not one.finding.acknowledged
        ]
        return combine([*met, ExitCode.NOT_COVERED] if self.lost or self.of(Change.NOT_LOOKED_AT) else met)
