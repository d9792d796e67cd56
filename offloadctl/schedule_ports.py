"""The doors of the schedules: where their numbers come from, and where decisions are written down before they count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from offloadctl.model.decision import EntryKind, LogEntry
from offloadctl.model.measures import Snapshot
from offloadctl.model.names import TopicName
from offloadctl.model.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Collected:
    """What one evaluation of all schedules goes by."""

    snapshot: Snapshot
    topics: Mapping[str, tuple[TopicName, ...]] = field(default_factory=dict)
    """By schedule: its topics. One whose topics could not be listed is not here."""


class Collector(Protocol):
    """Reads numbers, in bulk as far as it goes; loads no topic."""

    def collect(self, schedules: Sequence[Schedule], now: datetime) -> Collected:
        """All numbers that these schedules ask for. Never raises for what cannot be had: it is unknown, and why."""
        ...


class DecisionLog(Protocol):
    """What was decided, in order; the journal of one machine, or a topic that several instances share."""

    def append(self, entry: LogEntry) -> None:
        """Write it. Returns once it is safe, and acknowledged by whoever keeps it.

        Any error means: it may be there or not. Nothing may be done then before `newest` was read again.
        """
        ...

    def newest(self, kinds: Sequence[EntryKind], schedule: str) -> LogEntry | None:
        """The last entry of these kinds of a schedule, or None."""
        ...

    def entries(self, *, schedule: str | None = None, since: datetime | None = None) -> Sequence[LogEntry]:
        """All that are kept, the newest first."""
        ...
