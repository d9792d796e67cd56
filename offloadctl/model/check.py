"""What a check looks at, how deep, what it finds, and what it could not look at."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from offloadctl.exitcodes import ExitCode, combine
from offloadctl.model.bucket import BucketCheck
from offloadctl.model.check_words import CheckStatus, Level, Verdict
from offloadctl.model.cursor_place import CursorPlace
from offloadctl.model.entry_counts import EntryCounts
from offloadctl.model.finding import Finding, Severity, unacknowledged
from offloadctl.model.ledger import Ledger
from offloadctl.model.ledger_times import NO_TIMES, Times
from offloadctl.model.names import TopicName
from offloadctl.model.readback import ReadBack
from offloadctl.model.sample import ByteSample, Sample, Window
from offloadctl.model.scope import ScopeRead
from offloadctl.model.status import UnreadTopic
from offloadctl.model.verified import NO_EARLIER, Earlier, SeenObjects

__all__ = [
    "ALWAYS_TOLD",
    "CheckReport",
    "CheckStatus",
    "CheckedGroup",
    "Coverage",
    "Inspection",
    "LedgerCheck",
    "Level",
    "SoundLedgers",
    "TopicCheck",
    "Verdict",
    "sum_up",
]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a look at one ledger's two objects brought."""

    level: Level
    findings: tuple[Finding, ...] = ()
    more_findings: int = 0
    """So many more there were than are kept."""
    not_covered: tuple[str, ...] = ()
    """What of them could not be looked at, and why."""
    looked_at: bool = True
    """Whether anything could be looked at at all."""
    object_bytes: int = 0
    """The size of both objects, as far as they are there."""
    bytes_read: int = 0
    blocks: int | None = None
    counts: EntryCounts | None = None
    """Of the entries, if they were looked at."""
    times: Times = NO_TIMES

    @property
    def status(self) -> CheckStatus:
        """How much was looked at."""
        if not self.looked_at:
            return CheckStatus.FAILED
        return CheckStatus.PARTIAL if self.not_covered else CheckStatus.FULL

    @property
    def is_damaged(self) -> bool:
        """Whether one of the findings is damage."""
        return any(one.severity is Severity.DAMAGE for one in self.findings)

    @property
    def exit_code(self) -> ExitCode:
        """What this ledger alone makes a command exit with."""
        return combine(self.exit_codes)

    @property
    def exit_codes(self) -> tuple[ExitCode, ...]:
        """Each cause for itself; what is acknowledged is none."""
        counting = self.findings if self.more_findings else unacknowledged(self.findings)
        met = [ExitCode.DAMAGE if one.severity is Severity.DAMAGE else ExitCode.WARNINGS for one in counting]
        return (*met, ExitCode.NOT_COVERED) if self.not_covered else tuple(met)


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """One ledger that is in S3, or may be, after the look at its objects."""

    topic: TopicName
    ledger: Ledger
    inspection: Inspection
    bucket: str = ""
    """Where its objects were found."""
    trimmed: bool = False
    objects: SeenObjects | None = None
    """Both, if they were there: by these it is known later whether they are still the same."""
    earlier: datetime | None = None
    """When an earlier check looked, which is why this one did not."""

    @property
    def verdict(self) -> Verdict:
        """What to say of it."""
        if self.trimmed:
            return Verdict.TRIMMED
        if self.inspection.is_damaged:
            return Verdict.DAMAGED
        if self.inspection.not_covered:
            return Verdict.NOT_COVERED
        if self.inspection.findings:
            return Verdict.WARNING
        return Verdict.SOUND if self.earlier is None else Verdict.EARLIER


@dataclass(frozen=True, slots=True)
class SoundLedgers:
    """Ledgers of which there is nothing to tell: in wide scopes they are counted and not kept."""

    ledgers: int = 0
    object_bytes: int = 0
    bytes_read: int = 0
    blocks: int = 0
    counts: EntryCounts | None = None
    earlier: Earlier = NO_EARLIER
    """Those among them that an earlier check has looked at."""

    def with_one(self, check: LedgerCheck) -> "SoundLedgers":
        """One more."""
        one = check.inspection
        counts = self.counts if one.counts is None else (self.counts or EntryCounts()) + one.counts
        return SoundLedgers(
            self.ledgers + 1,
            self.object_bytes + one.object_bytes,
            self.bytes_read + one.bytes_read,
            self.blocks + (one.blocks or 0),
            counts,
            self.earlier + _earlier([check]),
        )


@dataclass(frozen=True, slots=True)
class TopicCheck:
    """One topic or partition: its ledgers that are in S3 or may be, and how many of the others there are."""

    topic: TopicName
    served: bool
    """Whether a broker was asked, so that it is known which offloads are complete."""
    ledgers: tuple[LedgerCheck, ...] = ()
    in_flight: int = 0
    """Begun and not complete: readers do not use these objects, and so they were not looked at."""
    local: int = 0
    """In BookKeeper only, the open ledger counted too."""
    not_begun: int = 0
    """In S3 or maybe so, and their turn never came: the check was interrupted."""
    sound: SoundLedgers = SoundLedgers()
    """Those that are not in `ledgers`."""
    not_sampled: int = 0
    """Left to other seeds."""
    gone: int = 0
    """The run that is gone on with had looked at them, and the topic has them no longer."""
    readback: ReadBack | None = None
    place: CursorPlace | None = None
    """Where the subscription stands that was asked for."""

    @property
    def completeness_unknown(self) -> int:
        """Ledgers of which only the broker that serves the topic would know whether their offload is complete."""
        return 0 if self.served else len(self.ledgers) + self.sound.ledgers + self.not_begun

    @property
    def not_covered(self) -> tuple[str, ...]:
        """What beside its objects was asked, and is not known."""
        return tuple(reason for one in (self.place, self.readback) if one is not None for reason in one.not_covered)

    def folded(self) -> "TopicCheck":
        """The same with sound ledgers counted instead of kept."""
        sound, kept = self.sound, []
        for one in self.ledgers:
            if one.verdict in (Verdict.SOUND, Verdict.EARLIER):
                sound = sound.with_one(one)
            else:
                kept.append(one)
        return replace(self, ledgers=tuple(kept), sound=sound)


@dataclass(frozen=True, slots=True)
class CheckedGroup:
    """One topic that was asked for: itself, or each of its partitions."""

    topic: TopicName
    partitions: int
    parts: tuple[TopicCheck | UnreadTopic, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was looked at, beside all that was asked for."""

    topics: int = 0
    topics_read: int = 0
    ledgers: int = 0
    """In S3, or maybe so, of the topics that could be read."""
    ledgers_covered: int = 0
    """Looked at as deep as was asked, now or by an earlier check."""
    earlier: Earlier = NO_EARLIER
    """Those that an earlier check has looked at; the bytes, blocks and entries below are not theirs."""
    ledgers_trimmed: int = 0
    completeness_unknown: int = 0
    not_sampled: int = 0
    """Left to other seeds; not among `ledgers`."""
    in_flight: int = 0
    object_bytes: int = 0
    bytes_read: int = 0
    blocks: int = 0
    counts: EntryCounts | None = None
    """Of all entries that were looked at; None if none was to be."""
    reasons: tuple[str, ...] = ()
    """Why something was not covered, each once."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Everything that one command looked at."""

    level: Level
    groups: tuple[CheckedGroup, ...]
    started_at: datetime
    finished_at: datetime
    fail_on: frozenset[ExitCode]
    """Which of damage, warnings and what is not covered make the command fail."""
    interrupted: ExitCode | None = None
    scope: ScopeRead | None = None
    """How far it is known which topics the scope has."""
    buckets: tuple[BucketCheck, ...] = ()
    """Those that were listed."""
    sample: Sample | Window | ByteSample | None = None
    """Which ledgers were asked for, if not all of them."""
    spent: str = ""
    """Why it ended early, if a budget was used up."""
    is_resumable: bool = False
    """Whether it ended early, and another run can go on with it."""
    not_remembered: str = ""
    """Why what was looked at could not be remembered, or what was remembered could not be used."""

    @property
    def parts(self) -> tuple[TopicCheck | UnreadTopic, ...]:
        """All topics and partitions, one after the other."""
        return tuple(part for group in self.groups for part in group.parts)

    @property
    def ledgers(self) -> tuple[LedgerCheck, ...]:
        """All ledgers that were looked at, one after the other."""
        return tuple(one for part in self.parts if isinstance(part, TopicCheck) for one in part.ledgers)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of them."""
        of_ledgers = (finding for one in self.ledgers for finding in one.inspection.findings)
        return (*of_ledgers, *(finding for bucket in self.buckets for finding in bucket.findings))

    @property
    def coverage(self) -> Coverage:
        """The sum of what was looked at."""
        total = sum_up(self.parts)
        unread = self.scope.unread if self.scope is not None else ()
        reasons = (
            *total.reasons,
            *(f"{one.name}: {one.reason.text}" for one in unread),
            *(reason for bucket in self.buckets for reason in bucket.not_covered),
            *([self.spent] if self.spent else []),
        )
        return replace(total, reasons=tuple(dict.fromkeys(reasons)))

    @property
    def status(self) -> CheckStatus:
        """How much of what was asked for was looked at."""
        coverage = self.coverage
        unread = self.scope.unread if self.scope is not None else ()
        if coverage.topics_read == 0 and (coverage.topics or unread):
            return CheckStatus.FAILED
        if self.ledgers and not any(one.inspection.looked_at for one in self.ledgers) and not self._sound_ledgers:
            return CheckStatus.FAILED
        covered = coverage.topics_read == coverage.topics and coverage.ledgers_covered == coverage.ledgers
        covered = covered and not any(isinstance(one, TopicCheck) and one.not_covered for one in self.parts)
        covered = covered and not unread and not any(bucket.not_covered for bucket in self.buckets)
        return CheckStatus.FULL if covered and self.interrupted is None else CheckStatus.PARTIAL

    @property
    def _sound_ledgers(self) -> int:
        return sum(part.sound.ledgers for part in self.parts if isinstance(part, TopicCheck))

    @property
    def exit_code(self) -> ExitCode:
        """One code for everything: 0 only if all that was asked for was looked at and nothing was found."""
        met = {code for one in self.ledgers if not one.trimmed for code in one.inspection.exit_codes}
        met |= {code for bucket in self.buckets for code in bucket.exit_codes}
        if self.status is not CheckStatus.FULL:
            met.add(ExitCode.FAILED if self.status is CheckStatus.FAILED else ExitCode.NOT_COVERED)
        wanted = {code for code in met if code is ExitCode.FAILED or code in self.fail_on}
        return combine(wanted if self.interrupted is None else {*wanted, self.interrupted})


ALWAYS_TOLD: Final = frozenset({ExitCode.DAMAGE, ExitCode.WARNINGS, ExitCode.NOT_COVERED})
"""What makes a check fail unless it is asked otherwise."""


def sum_up(parts: Iterable[TopicCheck | UnreadTopic]) -> Coverage:
    """What was looked at of all these."""
    total = Coverage()
    for part in parts:
        total = replace(total, topics=total.topics + 1)
        if isinstance(part, UnreadTopic):
            reason = f"{part.topic}: {part.reason.text}"
            total = replace(total, reasons=(*total.reasons, reason))
        else:
            total = _with_topic(total, part)
    return replace(total, reasons=tuple(dict.fromkeys(total.reasons)))


def _with_topic(total: Coverage, part: TopicCheck) -> Coverage:
    kept = [one for one in part.ledgers if not one.trimmed]
    looks = [one.inspection for one in kept]
    sound = part.sound
    counts = [one for one in (*(look.counts for look in looks), sound.counts) if one is not None]
    return replace(
        total,
        topics_read=total.topics_read + 1,
        ledgers=total.ledgers + len(kept) + sound.ledgers + part.not_begun,
        ledgers_covered=total.ledgers_covered + sound.ledgers + sum(look.status is CheckStatus.FULL for look in looks),
        earlier=total.earlier + _earlier(kept) + sound.earlier,
        ledgers_trimmed=total.ledgers_trimmed + len(part.ledgers) - len(kept) + part.gone,
        completeness_unknown=total.completeness_unknown + part.completeness_unknown,
        not_sampled=total.not_sampled + part.not_sampled,
        in_flight=total.in_flight + part.in_flight,
        object_bytes=total.object_bytes + sound.object_bytes + sum(look.object_bytes for look in looks),
        bytes_read=total.bytes_read + sound.bytes_read + sum(look.bytes_read for look in looks),
        blocks=total.blocks + sound.blocks + sum(look.blocks or 0 for look in looks),
        counts=sum(counts, total.counts or EntryCounts()) if counts else total.counts,
        reasons=(
            *total.reasons,
            *(reason for look in looks for reason in look.not_covered),
            *part.not_covered,
        ),
    )


def _earlier(checks: Iterable[LedgerCheck]) -> Earlier:
    looks = (Earlier(1, one.earlier, one.inspection.object_bytes) for one in checks if one.earlier is not None)
    return sum(looks, NO_EARLIER)
