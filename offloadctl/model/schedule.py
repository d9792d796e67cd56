"""Schedules: when something is to be done, what must not be the case then, how much at once, and what.

A schedule is level-based: its conditions say what is the case now. A number that cannot be had is unknown; then a
condition does not fire, and a gate is closed. Cron times are occurrences, which are used up: each of them is served by
exactly one run, or told as skipped, and none twice.
"""

from dataclasses import dataclass, field
from datetime import date, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from offloadctl.model.check import Level
from offloadctl.model.limits import Limits
from offloadctl.model.measures import Measure
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.offload import OffloadWish
from offloadctl.model.scope import Scope
from offloadctl.units import ByteSize

TOPICS_A_RUN: Final = 1000
"""An intent names its topics, so that whoever goes on with it does the same; what is left out has its turn next."""


class Extent(StrEnum):
    """What a topic's numbers are summed up over before they are compared."""

    TOPIC = "topic"
    NAMESPACE = "namespace"
    SCOPE = "scope"


class Direction(StrEnum):
    """On which side of the threshold a condition holds."""

    ABOVE = "above"
    BELOW = "below"


class Missed(StrEnum):
    """What becomes of cron times at which nothing could be done: no process, a closed gate, a run still going on."""

    SKIP = "skip"
    """Whatever is later than `start_within` is left out."""
    ONCE = "once"
    """One run, as soon as possible, for all of them."""
    CATCH_UP = "catch-up"
    """A run for each of them, one after the other, the oldest first."""


@dataclass(frozen=True, slots=True)
class Cron:
    """Times by the clock on the wall of a time zone."""

    expression: str
    """Minute, hour, day of month, month, day of week; 0 and 7 are Sunday, as in crontab(5)."""
    zone: str = "UTC"
    jitter: timedelta = timedelta()
    """Each time is put off by a part of this, the same part whoever works it out."""
    salt: str = ""
    """What else decides about that part: the schedule's name, so that two of the same time do not begin together."""

    @property
    def key(self) -> str:
        """What its state is kept by: another expression is another cron."""
        return f"cron {self.expression} {self.zone}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A number against a threshold."""

    measure: Measure
    direction: Direction
    threshold: float
    """In the measure's unit; with `unusual`, in robust standard deviations from what is usual at this hour."""
    until: float
    """Once it holds, it holds until the number is on the other side of this: the hysteresis."""
    extent: Extent = Extent.TOPIC
    unusual: bool = False
    lasting: timedelta = timedelta()
    """It must have been so for so long."""
    query: str = ""
    """The PromQL expression, of that measure."""
    zone: str = "UTC"
    """With `unusual`: by whose clock on the wall hours are the same."""

    @property
    def key(self) -> str:
        """What its state is kept by."""
        what = self.query or f"{self.measure} of {self.extent}"
        zone = f" in {self.zone}" if self.unusual and self.zone != "UTC" else ""
        return f"{what} {'unusually ' if self.unusual else ''}{self.direction} {self.threshold:g}{zone}"

    @property
    def subject_of(self) -> str:
        """The measure or the expression: by this its numbers are found."""
        return self.query or self.measure.value


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds where all of them do."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds where one of them does."""

    parts: "tuple[Condition, ...]"


Condition = Cron | Comparison | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class Hours:
    """Some hours of some days of the week; an end before the start is on the next day."""

    days: frozenset[int]
    """0 is Monday; the day on which the hours begin."""
    start: time
    end: time
    zone: ZoneInfo
    is_open: bool
    """Whether the gate is open then and closed at all other hours, or closed then."""


@dataclass(frozen=True, slots=True)
class Dates:
    """Closed from the first day to the last, both included."""

    first: date
    last: date
    zone: ZoneInfo


Gate = Comparison | Hours | Dates


@dataclass(frozen=True, slots=True)
class ScheduleLimits:
    """How much may be done; None has no limit but the operation's own."""

    topics_at_once: int | None = None
    per_broker: int | None = None
    bytes_an_hour: ByteSize | None = None
    bytes_a_run: ByteSize | None = None
    topics_a_run: int = TOPICS_A_RUN


@dataclass(frozen=True, slots=True)
class OffloadAction:
    """Offload those topics, as `offloadctl offload` does, the most reclaimable bytes first."""

    wish: OffloadWish
    timeout: timedelta = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class CheckAction:
    """Check those topics, as `offloadctl check` does."""

    level: Level
    budget: Limits = field(default_factory=Limits)
    sample: str = ""
    """The share of the ledgers that each run looks at, another one each time, until all had their turn: 5%, 1/7."""
    max_age: timedelta | None = None
    """What was looked at so deep within this time, and is unchanged, is not looked at again."""


@dataclass(frozen=True, slots=True)
class RollOverAction:
    """Close the last ledger of topics to which nobody writes any more, so that it can be offloaded, by an unload.

    Only by instances that are allowed to: it disconnects whoever is connected.
    """

    idle_for: timedelta
    """So long nobody has written."""
    while_connected: bool = False
    """Whether topics with clients are unloaded, too."""
    load_topics: bool = False
    """Whether topics are loaded that no broker serves, which is enough to close their ledger."""


@dataclass(frozen=True, slots=True)
class TrimAction:
    """Have brokers apply retention and the deletion lag now, where a check proves what is in the store to be whole.

    Only by instances that are allowed to: it lets data go.
    """

    load_topics: bool = False
    """Whether topics are loaded that no broker serves: nobody trims them before."""


Action = OffloadAction | CheckAction | RollOverAction | TrimAction


@dataclass(frozen=True, slots=True)
class ScheduleScope:
    """Which topics a schedule is about; system topics never are."""

    scope: Scope
    labels: tuple[tuple[str, str], ...] = ()
    """Properties that a topic's namespace must have."""
    not_namespaces: tuple[NamespaceName, ...] = ()
    not_topics: tuple[TopicName, ...] = ()
    not_match: str = ""
    """As the scope's `match`, for what is left out."""

    @property
    def is_plain(self) -> bool:
        """Whether the scope alone says it all, so that no topic need be listed to name it."""
        return not (self.labels or self.not_namespaces or self.not_topics or self.not_match)


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule."""

    name: str
    scope: ScheduleScope
    when: Condition
    action: Action
    gates: tuple[Gate, ...] = ()
    limits: ScheduleLimits = field(default_factory=ScheduleLimits)
    missed: Missed = Missed.SKIP
    start_within: timedelta = timedelta(minutes=10)
    """So late a cron time may be served, if what is missed is skipped."""
    cool_down: timedelta = timedelta(hours=1)
    """After a run, conditions on numbers alone start none for so long. Cron times are not held up by it."""
    enabled: bool = True
    description: str = ""

    @property
    def crons(self) -> tuple[Cron, ...]:
        """Every cron of the condition, each once."""
        return tuple(dict.fromkeys(one for one in leaves(self.when) if isinstance(one, Cron)))

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Every comparison of condition and gates, each once."""
        every = (*leaves(self.when), *self.gates)
        return tuple(dict.fromkeys(one for one in every if isinstance(one, Comparison)))


def leaves(condition: Condition) -> tuple[Cron | Comparison, ...]:
    """The crons and comparisons of a condition, in its order."""
    if isinstance(condition, Cron | Comparison):
        return (condition,)
    return tuple(leaf for part in condition.parts for leaf in leaves(part))
