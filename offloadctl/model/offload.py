"""What an offload run wants, plans, meets and brings about."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from offloadctl.exitcodes import ExitCode, combine
from offloadctl.model.finding import Finding
from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadPolicies, OffloadStatus, Position
from offloadctl.model.names import TopicName
from offloadctl.units import ByteSize

if TYPE_CHECKING:
    from offloadctl.model.scope import ScopeRead


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is decided as it is: a stable word for programs and a sentence for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class OffloadWish:
    """Which ledgers should move: those beyond a size kept in BookKeeper, those closed long enough ago, or either."""

    size_threshold: ByteSize | None = None
    older_than: timedelta | None = None


@dataclass(frozen=True, slots=True)
class OffloadLimits:
    """How much one run may take on; None has no limit."""

    free: ByteSize | None = None
    """Planning stops once so much is planned; the topic that reaches it is in."""
    at_most: ByteSize | None = None
    """A topic that would make it more than this is left out."""


class Fate(StrEnum):
    """What a plan has in store for one ledger."""

    MOVES = "moves"
    ALREADY_OFFLOADED = "already-offloaded"
    KEPT = "kept"
    """Neither the size nor the age that was asked for is reached."""
    OPEN = "open"
    """Being written to; never offloaded."""
    LAST = "last"
    """The last ledger of the list is never offloaded by hand, not even that of a terminated topic."""
    EMPTY = "empty"
    NO_LENGTH = "no-length"
    """Has entries and a recorded length of 0; the broker leaves such ledgers out."""
    UNKNOWN = "unknown"
    """Begun earlier; whether it is complete is unknown until the topic is loaded."""


@dataclass(frozen=True, slots=True)
class PlannedLedger:
    """One ledger and its fate."""

    ledger: Ledger
    fate: Fate


@dataclass(frozen=True)
class OffloadPlan:
    """What would be asked of the broker for one topic or partition, and why."""

    managed_ledger: ManagedLedger
    before: Position | None
    """The message id that is sent: everything closed before it moves. None: nothing is sent."""
    ledgers: tuple[PlannedLedger, ...]
    reasons: tuple[Reason, ...]
    policies: OffloadPolicies | None = None

    @property
    def topic(self) -> TopicName:
        """The topic or partition."""
        return self.managed_ledger.topic

    @cached_property
    def moves(self) -> tuple[Ledger, ...]:
        """The ledgers that the broker would offload, oldest first."""
        return tuple(planned.ledger for planned in self.ledgers if planned.fate is Fate.MOVES)

    @property
    def unknown(self) -> tuple[Ledger, ...]:
        """The ledgers of which only a loaded topic would tell whether they move."""
        return tuple(planned.ledger for planned in self.ledgers if planned.fate is Fate.UNKNOWN)

    @property
    def is_known(self) -> bool:
        """Whether the fate of every ledger is known."""
        return not self.unknown

    @cached_property
    def bytes_to_move(self) -> ByteSize:
        """The size of all of them, in BookKeeper's bytes without replication."""
        return ByteSize(sum(ledger.size for ledger in self.moves))


class Outcome(StrEnum):
    """How the run of one topic or partition ended."""

    PLANNED = "planned"
    NOTHING_TO_DO = "nothing-to-do"
    UNKNOWN = "not-known"
    LEFT = "left-for-later"
    ACCEPTED = "accepted"
    BUSY = "busy"
    CONFIRMED = "confirmed"
    UNCONFIRMED = "done-not-confirmed"
    FEWER = "fewer-than-planned"
    TRIMMED = "trimmed"
    AUTOMATIC_RUN = "automatic-run"
    UNLOADED = "unloaded"
    DELETED = "deleted"
    FAILED = "failed"
    TIMED_OUT = "timed-out"
    STALLED = "stalled"
    DAMAGED = "damaged"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"
    NOT_STARTED = "not-started"
    ABANDONED = "abandoned"

    @property
    def exit_code(self) -> ExitCode:
        """What this outcome alone makes the command exit with."""
        return _OUTCOMES[self][0]

    @property
    def meaning(self) -> str:
        """One sentence for people."""
        return _OUTCOMES[self][1]


_OUTCOMES = {
    Outcome.PLANNED: (ExitCode.OK, "Only planned (--dry-run); nothing was sent."),
    Outcome.NOTHING_TO_DO: (ExitCode.OK, "No closed ledger has to move; nothing was sent."),
    Outcome.UNKNOWN: (
        ExitCode.NOT_COVERED,
        "Whether anything would move is not known without loading the topic (--load-topics); nothing was sent.",
    ),
    Outcome.LEFT: (ExitCode.OK, "The limit of this run (--free, --max-bytes) leaves this topic out; nothing was sent."),
    Outcome.ACCEPTED: (ExitCode.OK, "The broker accepted the request (--no-wait); nothing more is known."),
    Outcome.BUSY: (
        ExitCode.FAILED,
        "An offload of this topic goes on already, and the broker took no other request (--no-wait); nothing was sent.",
    ),
    Outcome.CONFIRMED: (
        ExitCode.OK,
        "Every planned ledger is complete in the metadata, and both its objects are in S3 as they must be.",
    ),
    Outcome.UNCONFIRMED: (
        ExitCode.NOT_COVERED,
        "Every planned ledger is complete in the metadata, but its objects in S3 could not be looked at.",
    ),
    Outcome.FEWER: (ExitCode.FAILED, "The broker is done, but some planned ledgers are not complete."),
    Outcome.TRIMMED: (
        ExitCode.FAILED,
        "Retention deleted planned ledgers during the run, and their objects with them; the others are complete.",
    ),
    Outcome.AUTOMATIC_RUN: (
        ExitCode.FAILED,
        "An automatic offload of the same topic was in the way each time; the broker refused the manual one.",
    ),
    Outcome.UNLOADED: (
        ExitCode.FAILED,
        "The topic was unloaded during the wait, so the broker forgot the run, and not every ledger moved.",
    ),
    Outcome.DELETED: (ExitCode.FAILED, "The topic was deleted during the run."),
    Outcome.FAILED: (ExitCode.FAILED, "The offload failed, or the broker could not be asked."),
    Outcome.TIMED_OUT: (ExitCode.TIMED_OUT, "The wait ended before the offload did; it may still be running."),
    Outcome.STALLED: (
        ExitCode.TIMED_OUT,
        "Nothing has moved for --stall-timeout: no ledger completed, no upload grown, and no other topic to wait for.",
    ),
    Outcome.DAMAGED: (
        ExitCode.DAMAGE,
        "The broker reports success, but what is in S3 is not the whole ledger.",
    ),
    Outcome.REFUSED: (ExitCode.REFUSED, "A safety rule refused the offload; nothing was sent."),
    Outcome.INTERRUPTED: (ExitCode.INTERRUPTED, "The wait was interrupted; the offload may still be running."),
    Outcome.NOT_STARTED: (
        ExitCode.INTERRUPTED,
        "The command was interrupted before this topic's turn; nothing was sent.",
    ),
    Outcome.ABANDONED: (
        ExitCode.FAILED,
        "The command ended without a word (kill -9, no power) at its request or after it; not every ledger has moved.",
    ),
}


class Confirmation(StrEnum):
    """What is known of one planned ledger after the run."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "not-confirmed"
    """Complete in the metadata; its objects were not looked at."""
    DAMAGED = "damaged"
    NOT_MOVED = "not-moved"
    TRIMMED = "trimmed"
    """Gone from the topic: retention deleted it during the run, and its objects with it."""


@dataclass(frozen=True, slots=True)
class MovedLedger:
    """A planned ledger after the run."""

    ledger: Ledger
    confirmation: Confirmation
    object_bytes: int = 0
    """Size of both objects, as far as they were looked at."""


@dataclass(frozen=True, slots=True)
class OffloadResult:
    """The run of one topic or partition."""

    topic: TopicName
    outcome: Outcome
    plan: OffloadPlan | None = None
    ledgers: tuple[MovedLedger, ...] = ()
    status: OffloadStatus | None = None
    joined: bool = False
    """A run was going on already, and this one waited for it."""
    reasons: tuple[Reason, ...] = ()
    hint: str = ""
    findings: tuple[Finding, ...] = ()
    not_covered: tuple[str, ...] = ()
    """What could not be looked at, and why."""
    warnings: tuple[Reason, ...] = ()
    """What changed under the run, and did not keep it from its end."""
    attempts: int = 1
    """How often the request was sent; more than once where an automatic run was in the way."""
    seconds: float = 0.0

    @property
    def exit_code(self) -> ExitCode:
        """The outcome's code; warnings, and findings that are no more, make a success a finish with warnings."""
        code = self.outcome.exit_code
        return ExitCode.WARNINGS if code is ExitCode.OK and (self.findings or self.warnings) else code


@dataclass(frozen=True, slots=True)
class TopicResults:
    """One topic that was asked for: its own result, or one for each partition."""

    topic: TopicName
    partitions: int
    results: tuple[OffloadResult, ...]


@dataclass(frozen=True, slots=True)
class OffloadRun:
    """Everything that one command brought about."""

    wish: OffloadWish
    topics: tuple[TopicResults, ...]
    started_at: datetime
    finished_at: datetime
    dry_run: bool
    interrupted: ExitCode | None = None
    scope: "ScopeRead | None" = None
    limits: OffloadLimits = OffloadLimits()
    reason: str = ""
    """Why, as whoever gave the command says: a ticket's number, for example."""
    plan_hash: str = ""
    """Of the approved plan that was applied, if there was one."""
    run_id: str = ""
    """In the journal; empty for what is not written there."""
    journal_problem: str = ""
    """What could not be written there after the work was done."""
    remarks: tuple[str, ...] = ()
    """What else happened beside the topics' own outcomes."""
    has_found_damage: bool = False
    """Whether something that a dead run had left is damaged; the remarks tell what."""

    @property
    def exit_code(self) -> ExitCode:
        """One code for everything that the run met."""
        met = [result.exit_code for result in self.results]
        if self.scope is not None and self.scope.unread:
            met.append(ExitCode.FAILED)
        if self.journal_problem:
            met.append(ExitCode.FAILED)
        if self.has_found_damage:
            met.append(ExitCode.DAMAGE)
        return combine(met if self.interrupted is None else [*met, self.interrupted])

    @property
    def results(self) -> tuple[OffloadResult, ...]:
        """All results, one after the other; a partition that was named beside its topic counts once."""
        return tuple({result.topic: result for topic in self.topics for result in topic.results}.values())
