"""What schedules look at: numbers with their source, how exact they are, and why some cannot be had."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.status import Bound


class Unit(StrEnum):
    """What a number counts."""

    BYTES = "bytes"
    SHARE = "share"
    """1.0 is all of it."""
    SECONDS = "seconds"
    MESSAGES = "messages"
    BYTES_A_SECOND = "bytes a second"
    A_MINUTE = "a minute"
    NUMBER = "number"


class Measure(StrEnum):
    """What is measured."""

    LOCAL_BYTES = "local-bytes"
    """In BookKeeper and not yet offloaded, replication left out."""
    OLDEST_ELIGIBLE = "oldest-eligible"
    """How long ago the oldest ledger was closed that an offload would move."""
    BACKLOG_BYTES = "backlog-bytes"
    BACKLOG_MESSAGES = "backlog-messages"
    """Messages that some subscription has not acknowledged."""
    UNREAD_FOR = "unread-for"
    """How long nobody has read anything."""
    COLD_READS = "cold-reads"
    """What brokers fetch from the bucket for readers."""
    BROKER_CPU = "broker-cpu"
    BROKER_MEMORY = "broker-memory"
    """Heap in use, of the largest heap allowed."""
    BROKER_DIRECT_MEMORY = "broker-direct-memory"
    BOOKIE_DISK = "bookie-disk"
    """Of a ledger directory's disk, so much is in use."""
    S3_ERRORS = "s3-errors"
    """Writes of offloaded data that failed."""
    PROMQL = "promql"

    @property
    def unit(self) -> Unit:
        """What its numbers count."""
        return _UNITS[self]

    @property
    def is_of_topics(self) -> bool:
        """Whether each topic has its own number; else each broker, bookie or series has."""
        return self in _OF_TOPICS


_UNITS: Final[Mapping[Measure, Unit]] = {
    Measure.LOCAL_BYTES: Unit.BYTES,
    Measure.OLDEST_ELIGIBLE: Unit.SECONDS,
    Measure.BACKLOG_BYTES: Unit.BYTES,
    Measure.BACKLOG_MESSAGES: Unit.MESSAGES,
    Measure.UNREAD_FOR: Unit.SECONDS,
    Measure.COLD_READS: Unit.BYTES_A_SECOND,
    Measure.BROKER_CPU: Unit.SHARE,
    Measure.BROKER_MEMORY: Unit.SHARE,
    Measure.BROKER_DIRECT_MEMORY: Unit.SHARE,
    Measure.BOOKIE_DISK: Unit.SHARE,
    Measure.S3_ERRORS: Unit.A_MINUTE,
    Measure.PROMQL: Unit.NUMBER,
}

_OF_TOPICS: Final = frozenset(
    {
        Measure.LOCAL_BYTES,
        Measure.OLDEST_ELIGIBLE,
        Measure.BACKLOG_BYTES,
        Measure.BACKLOG_MESSAGES,
        Measure.UNREAD_FOR,
        Measure.COLD_READS,
    }
)


@dataclass(frozen=True, slots=True)
class Number:
    """One number, or why it cannot be had."""

    source: str
    """Where it comes from, or would come from: a metric, a call."""
    value: float | None = None
    """None: unknown."""
    at: datetime | None = None
    """When it was measured."""
    bound: Bound = Bound.EXACT
    why: str = ""
    """Why it is unknown."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What a number is like at this hour, as far as there is enough to go by."""

    centre: float
    spread: float
    """Of one robust standard deviation."""


class Learning(StrEnum):
    """What came of learning from a recording."""

    LEARNT = "learnt"
    KEPT = "kept"
    """More was known already."""
    NOTHING = "nothing"


class UsualKey(NamedTuple):
    """What something usual is known by: in another zone other hours are alike, so nothing is shared between zones."""

    measure: str
    """Or the expression."""
    subject: str
    """Whose number it is."""
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All numbers that one evaluation goes by. What is in no mapping is unknown."""

    at: datetime
    topics: Mapping[Measure, Mapping[TopicName, Number]] = field(default_factory=dict)
    instances: Mapping[Measure, Mapping[str, Number]] = field(default_factory=dict)
    """By broker or bookie."""
    queries: Mapping[str, Mapping[str, Number]] = field(default_factory=dict)
    """By PromQL expression, then by series."""
    missing: Mapping[str, Number] = field(default_factory=dict)
    """By measure or expression: why there is no number of it at all."""
    usual: Mapping[UsualKey, Usual | str] = field(default_factory=dict)
    """A text says why nothing usual is known."""
    labels: Mapping[NamespaceName, Mapping[str, str]] = field(default_factory=dict)
    """The namespaces' properties, of those that could be asked."""


@dataclass(frozen=True, slots=True)
class Series:
    """The numbers of one subject over time."""

    labels: Mapping[str, str]
    points: tuple[tuple[datetime, float], ...]

    @property
    def name(self) -> str:
        """Its labels as Prometheus writes them; without any `{}`."""
        return series_name(self.labels)


def series_name(labels: Mapping[str, str]) -> str:
    """`up{job="broker"}`; labels in the order of their names."""
    given = ", ".join(f'{name}="{labels[name]}"' for name in sorted(labels) if name != "__name__")
    return f"{labels.get('__name__', '')}{{{given}}}"
