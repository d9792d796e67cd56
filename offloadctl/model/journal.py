"""What the journal keeps of runs: who did what, when and why, what was about to be sent, and how it ended."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from offloadctl.exitcodes import ExitCode
from offloadctl.model.ledger import Ledger, Position
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Confirmation, OffloadPlan, OffloadResult, OffloadWish, Outcome, Reason
from offloadctl.units import ByteSize


@dataclass(frozen=True, slots=True)
class Actor:
    """Who runs a process, and which one it is."""

    user: str
    host: str
    pid: int

    def __str__(self) -> str:
        return f"{self.user}@{self.host}"

    @property
    def words(self) -> str:
        """With the process, where it matters which of several it is."""
        return f"{self}, process {self.pid}"


@dataclass(frozen=True, slots=True)
class RunStart:
    """What is known of a run before it looks at anything."""

    context: str
    cluster: str
    """Its name; where nobody tells it, the addresses of its brokers. Runs of one cluster give way to each other."""
    actor: Actor
    command: str
    """As it was given, without secrets."""
    wish: OffloadWish = field(default_factory=OffloadWish)
    reason: str = ""
    plan_hash: str = ""
    """Of the approved plan, if one is applied."""


@dataclass(frozen=True, slots=True)
class StepLedger:
    """A ledger of a step: as it was when that was planned, or as it is afterwards."""

    ledger_id: int
    entries: int
    size: ByteSize
    uuid: UUID | None = None
    """Of the last attempt to offload it that the metadata named."""
    confirmation: Confirmation | None = None
    """None before the end."""
    object_bytes: int = 0

    @classmethod
    def of(cls, ledger: Ledger, confirmation: Confirmation | None = None, object_bytes: int = 0) -> "StepLedger":
        """What is kept of a ledger."""
        size = ByteSize(ledger.size)
        return cls(ledger.ledger_id, ledger.entries, size, ledger.context_uuid, confirmation, object_bytes)

    @property
    def is_moved(self) -> bool:
        """Whether its offload is complete in the metadata."""
        return self.confirmation in (Confirmation.CONFIRMED, Confirmation.UNCONFIRMED, Confirmation.DAMAGED)


@dataclass(frozen=True, slots=True)
class StepPlan:
    """What is to be asked of the broker for one topic or partition."""

    topic: TopicName
    before: Position
    ledgers: tuple[StepLedger, ...]

    @classmethod
    def of(cls, plan: OffloadPlan) -> "StepPlan":
        """What is kept of a plan that moves something."""
        assert plan.before is not None  # noqa: S101 - nothing is sent for other plans
        return cls(plan.topic, plan.before, tuple(StepLedger.of(ledger) for ledger in plan.moves))

    @property
    def size(self) -> ByteSize:
        """The bytes of all its ledgers."""
        return _sum(self.ledgers)


@dataclass(frozen=True, slots=True)
class StepEnd:
    """How a step ended."""

    outcome: Outcome
    exit_code: ExitCode
    reasons: tuple[Reason, ...] = ()
    ledgers: tuple[StepLedger, ...] = ()
    joined: bool = False
    seconds: float = 0.0
    judged_by: str = ""
    """The run that found out, where it was not the step's own."""

    @classmethod
    def of(cls, result: OffloadResult, *, judged_by: str = "") -> "StepEnd":
        """What is kept of a result."""
        return cls(
            outcome=result.outcome,
            exit_code=result.exit_code,
            reasons=result.reasons,
            ledgers=tuple(StepLedger.of(one.ledger, one.confirmation, one.object_bytes) for one in result.ledgers),
            joined=result.joined,
            seconds=result.seconds,
            judged_by=judged_by,
        )

    @property
    def moved(self) -> tuple[StepLedger, ...]:
        """The ledgers whose offload is complete."""
        return tuple(one for one in self.ledgers if one.is_moved)

    @property
    def moved_size(self) -> ByteSize:
        """Their bytes."""
        return _sum(self.moved)

    @property
    def object_bytes(self) -> int:
        """The bytes of their objects, as far as these were looked at."""
        return sum(one.object_bytes for one in self.ledgers)


class StepState(StrEnum):
    """How far a step is."""

    PLANNED = "waits"
    """Nothing was sent so far."""
    NEVER_SENT = "never-sent"
    """Its run is dead, and had not come to it."""
    SENT = "sent"
    """The request was about to be sent, and its run is alive."""
    UNFINISHED = "unfinished"
    """The request was about to be sent, and its run is dead: nobody knows yet what came of it."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Step:
    """One topic or partition of a run."""

    run_id: str
    plan: StepPlan
    sent_at: datetime | None = None
    """When the request was about to be sent."""
    ended_at: datetime | None = None
    end: StepEnd | None = None

    @property
    def topic(self) -> TopicName:
        """The topic or partition."""
        return self.plan.topic

    @property
    def is_unfinished(self) -> bool:
        """Whether something may have been sent and nobody has said what came of it."""
        return self.sent_at is not None and self.end is None

    def state(self, *, is_alive: bool) -> StepState:
        """How far it is, if its run is alive or dead."""
        if self.end is not None:
            return StepState.ENDED
        if self.sent_at is None:
            return StepState.PLANNED if is_alive else StepState.NEVER_SENT
        return StepState.SENT if is_alive else StepState.UNFINISHED


class RunState(StrEnum):
    """How far a run is."""

    GOING_ON = "going-on"
    ENDED = "ended"
    BROKEN_OFF = "broken-off"
    """Its process is gone and has not said how the run ended: kill -9, or no power."""


@dataclass(frozen=True, slots=True)
class StepCounts:
    """The steps of a run in numbers."""

    steps: int = 0
    ended: int = 0
    unfinished: int = 0
    ledgers_planned: int = 0
    bytes_planned: int = 0
    ledgers_moved: int = 0
    bytes_moved: int = 0
    object_bytes: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    """How often each outcome was met."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run, as the journal has it."""

    run_id: str
    start: RunStart
    started_at: datetime
    ended_at: datetime | None
    exit_code: int | None
    is_alive: bool
    counts: StepCounts

    @property
    def state(self) -> RunState:
        """Whether it goes on, has ended, or was broken off."""
        if self.ended_at is not None:
            return RunState.ENDED
        return RunState.GOING_ON if self.is_alive else RunState.BROKEN_OFF


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth remembering that is no run: an override, a decision of a schedule."""

    at: datetime
    kind: str
    text: str
    facts: Mapping[str, str]
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to offload a ledger that was not seen to be complete: its multipart upload may still be open."""

    topic: TopicName
    ledger_id: int
    uuid: UUID


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """Which runs are asked for; those that meet all of it."""

    topic: TopicName | None = None
    """Runs with a step of the topic or of one of its partitions."""
    since: datetime | None = None
    context: str | None = None
    only_unfinished: bool = False
    """Runs that have unfinished steps."""
    limit: int | None = None
    """The newest so many."""


def attempts_before(plan: StepPlan) -> tuple[Attempt, ...]:
    """The attempts that a new one makes the metadata forget."""
    return tuple(Attempt(plan.topic, one.ledger_id, one.uuid) for one in plan.ledgers if one.uuid is not None)


def attempts_left(topic: TopicName, end: StepEnd) -> tuple[Attempt, ...]:
    """The attempts that the end of a step leaves incomplete."""
    left = (one for one in end.ledgers if one.confirmation is Confirmation.NOT_MOVED)
    return tuple(Attempt(topic, one.ledger_id, one.uuid) for one in left if one.uuid is not None)


def _sum(ledgers: Iterable[StepLedger]) -> ByteSize:
    return ByteSize(sum(one.size for one in ledgers))
