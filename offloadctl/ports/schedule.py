"""The doors of the schedules: where their numbers come from, and where decisions are written down before they count."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from offloadctl.model.decision import EntryKind, LogEntry
from offloadctl.model.measures import Number, Series, Snapshot, UsualKey
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Collected:
    """What one evaluation of all schedules goes by."""

    snapshot: Snapshot
    topics: Mapping[str, tuple[TopicName, ...]] = field(default_factory=dict)
    """By schedule: its topics. One whose topics could not be listed is not here."""
    unlisted: Mapping[str, str] = field(default_factory=dict)
    """By schedule: why not, or what of its scope is left out."""


class Collector(Protocol):
    """Reads numbers, in bulk as far as it goes; loads no topic."""

    def collect(self, schedules: Sequence[Schedule], now: datetime) -> Collected:
        """All numbers that these schedules ask for. Never raises for what cannot be had: it is unknown, and why."""
        ...


@dataclass(frozen=True, slots=True)
class TopicLoad:
    """What the broker that serves a topic tells of it beside all others; as old as brokers' statistics are: a minute.

    Backlogs are counted in entries, as Pulsar does: a batch is one.
    """

    storage_bytes: int
    """All of it, what is offloaded too."""
    backlog_bytes: int
    backlog_entries: int
    """Of the subscription that has the most."""
    out_bytes: int
    """What went to readers since the broker has loaded the topic."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of metrics."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Scrape:
    """The metrics of one process, of those that were asked for."""

    instance: str
    """host:port"""
    at: datetime
    samples: tuple[Sample, ...] = ()
    families: frozenset[str] = frozenset()
    """The names that the process knows, also those of which there is no sample now."""
    why: str = ""
    """Why there are none; empty if there are."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a broker's load manager says of its host."""

    instance: str
    at: datetime
    cpu: float | None = None
    """A share; None if there is no report."""
    why: str = ""


class ClusterNumbers(Protocol):
    """Numbers in bulk. Every method may raise an OffloadctlError; one silent process of several is told in its place.

    Loads nothing.
    """

    def topic_loads(self) -> Mapping[TopicName, TopicLoad]:
        """Every topic that a broker serves (`broker-stats/topics`). NotAuthorised without super-user rights."""
        ...

    def broker_metrics(self) -> tuple[Scrape, ...]:
        """`/metrics` of each broker."""
        ...

    def bookie_metrics(self) -> tuple[Scrape, ...]:
        """`/metrics` of each bookie."""
        ...

    def load_reports(self) -> tuple[LoadReport, ...]:
        """The load report of each broker; a broker that is alone has none."""
        ...

    def namespace_properties(self, namespace: NamespaceName) -> Mapping[str, str]:
        """The labels that people have given a namespace."""
        ...


class Queries(Protocol):
    """Whoever answers PromQL. Every method may raise an OffloadctlError."""

    def instant(self, expression: str, at: datetime) -> Mapping[str, Number]:
        """What the expression gives at a time, by series."""
        ...

    def over_time(self, expression: str, start: datetime, end: datetime, step_seconds: float) -> Sequence[Series]:
        """What it gave between two times."""
        ...


class UsualStore(Protocol):
    """What was learnt of numbers, so that it outlives the process. It may be lost: then it is learnt anew."""

    def load(self) -> Mapping[UsualKey, bytes]:
        """All that is kept, by the key of `Snapshot.usual`. May raise a StateError."""
        ...

    def save(self, changed: Mapping[UsualKey, bytes], gone: Collection[UsualKey]) -> None:
        """Put these in the place of what is kept of them, and forget those. May raise a StateError."""
        ...


class DecisionHistory(Protocol):
    """What was decided, in order, for reading."""

    def newest(self, kinds: Sequence[EntryKind], schedule: str) -> LogEntry | None:
        """The last entry of these kinds of a schedule, or None."""
        ...

    def entries(self, *, schedule: str | None = None, since: datetime | None = None) -> Sequence[LogEntry]:
        """All that are kept, the newest first."""
        ...


class DecisionLog(DecisionHistory, Protocol):
    """What was decided, in order; the journal of one machine, or a topic that several instances share."""

    def append(self, entry: LogEntry) -> None:
        """Write it. Returns once it is safe, and acknowledged by whoever keeps it.

        Any error means: it may be there or not. Nothing may be done then before `newest` was read again.
        """
        ...
