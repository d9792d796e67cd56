"""What an evaluation of a schedule decided, with every number that it went by; and what is written down of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from offloadctl.exitcodes import ExitCode
from offloadctl.model.measures import Unit
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Reason
from offloadctl.model.status import Bound
from offloadctl.units import ByteSize

SHOWN: Final = 20
"""So many subjects of a comparison stand in a decision with their numbers; the others are counted."""


class Truth(StrEnum):
    """Whether something is the case; unknown is neither."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """What a schedule does now."""

    FIRED = "fired"
    """A run begins."""
    HELD = "held"
    """It would begin, and something stands in the way: a gate, a pause, a run, the cool-down, a limit."""
    UNKNOWN = "unknown"
    """Whether it should begin is unknown, and so it does not."""
    QUIET = "quiet"
    """Nothing is to be done."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One subject's number beside the threshold."""

    subject: str
    truth: Truth
    source: str
    value: float | None = None
    bound: Bound = Bound.EXACT
    at: datetime | None = None
    threshold: float | None = None
    """The one that counted: where a condition held already, the one that ends it."""
    since: datetime | None = None
    """Since when it has been so."""
    why: str = ""
    """What else there is to say: why it is unknown, what is usual, how long it must last."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A condition or gate and what came of it; for numbers of many subjects, the telling ones and counts of all."""

    words: str
    truth: Truth
    unit: Unit | None = None
    seen: tuple[Seen, ...] = ()
    counts: Mapping[Truth, int] = field(default_factory=dict)
    parts: "tuple[Judged, ...]" = ()
    why: str = ""
    unusual: bool = False
    """Whether thresholds are deviations from what is usual, and not in the unit."""


class Fate(StrEnum):
    """What became of a cron time. Each of them has exactly one fate."""

    SERVED = "served"
    """By a run, perhaps together with others."""
    NOT_NEEDED = "not-needed"
    """The other conditions did not hold."""
    MERGED = "merged"
    """A later one stands for it."""
    TOO_LATE = "too-late"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Settled:
    """Cron times in a row that had the same fate."""

    cron: str
    fate: Fate
    first: datetime
    last: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Decision:
    """One evaluation of one schedule."""

    schedule: str
    at: datetime
    verdict: Verdict
    reasons: tuple[Reason, ...]
    when: Judged
    gates: tuple[Judged, ...] = ()
    topics: tuple[TopicName, ...] = ()
    """What to act on, the most bytes first; empty with `whole_scope`."""
    whole_scope: bool = False
    """Nothing depends on single topics, so that the action itself finds them."""
    left: int = 0
    """So many more topics would be acted on, but for the limit."""
    at_most: ByteSize | None = None
    """What the limits leave for a run that begins now."""
    settled: tuple[Settled, ...] = ()

    @property
    def gist(self) -> str:
        """What must differ for a decision to be worth writing down: verdict, reasons, gates, and what is unknown."""
        unknown = sorted(one.words for one in _every((self.when, *self.gates)) if one.truth is Truth.UNKNOWN)
        shut = [one.words for one in self.gates if one.truth is not Truth.TRUE]
        return "; ".join([self.verdict, *(one.code for one in self.reasons), *shut, *unknown])


@dataclass(frozen=True, slots=True)
class Intent:
    """A run that was decided on: written down, and on disk, before anything is done."""

    run_id: str
    schedule: str
    at: datetime
    topics: tuple[TopicName, ...]
    whole_scope: bool
    at_most: ByteSize | None = None
    attempt: int = 1
    """Above 1: an instance died or lost its lease in the middle, and this one does it again."""
    asked_by: str = ""
    """Who asked for it by hand; empty if a condition did."""
    reasons: tuple[Reason, ...] = ()
    number: int = 1
    """The how-manieth run of its schedule it is."""
    handed_over: int = 0
    """So many attempts before ended since they were told to, and said so; the others died, or lost their lease."""

    @property
    def died(self) -> int:
        """So many attempts nobody has heard of any more, this one among them until its end is known."""
        return self.attempt - self.handed_over


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended."""

    run_id: str
    schedule: str
    began_at: datetime
    ended_at: datetime
    exit_code: ExitCode
    bytes_moved: int = 0
    summary: str = ""
    journal_runs: tuple[str, ...] = ()
    """The runs of the journal that it led to."""


class EntryKind(StrEnum):
    """What an entry of the decision log is about."""

    DECIDED = "schedule-decided"
    """A decision that differs from the last one, or that gives cron times their fates; nothing is done."""
    INTENT = "schedule-intent"
    """A run is about to begin, or to begin again."""
    RESULT = "schedule-result"
    HANDED_OVER = "schedule-handed-over"
    """A run was told to end before its work was done: whoever comes next begins it again."""
    PAUSED = "schedule-paused"
    RESUMED = "schedule-resumed"
    TAKEN = "lease-taken"
    """An instance took the lease: what stands behind this was decided by it."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of the decision log."""

    at: datetime
    kind: EntryKind
    schedule: str
    """Empty: all schedules, of a pause; or none, of the lease."""
    text: str
    """For people."""
    run_id: str = ""
    payload: str = ""
    """Decision, intent, result and the state behind them, as JSON."""


def _every(judged: tuple[Judged, ...]) -> tuple[Judged, ...]:
    return tuple(leaf for one in judged for leaf in ((one,) if not one.parts else _every(one.parts)))
