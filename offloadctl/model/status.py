"""What a broker claims of a topic's offload, beside what its ledgers and objects show."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from offloadctl.errors import Interrupted
from offloadctl.exitcodes import ExitCode, combine
from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadPolicies, OffloadProgress, OffloadStatus
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Reason
from offloadctl.model.scope import ScopeRead
from offloadctl.model.standing import Standing
from offloadctl.units import ByteSize


class Bound(StrEnum):
    """How a number is meant that nobody can know exactly."""

    EXACT = "exact"
    AT_LEAST = "at-least"
    AT_MOST = "at-most"


class SortKey(StrEnum):
    """By what the topics of a report are put in order: the most first, by name from a to z."""

    NAME = "name"
    ELIGIBLE = "eligible"
    LOCAL = "local"
    OFFLOADED = "offloaded"
    CLOSED = "closed"
    UNFINISHED = "unfinished"
    AGE = "age"
    """Of the oldest ledger that can move."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Bytes, and whether they are exact."""

    size: ByteSize
    bound: Bound = Bound.EXACT


@dataclass(frozen=True, slots=True)
class DataObject:
    """The data object of one ledger that the metadata calls complete; its size is None if it is not there."""

    ledger_id: int
    size: int | None
    written_at: datetime | None = None
    has_index: bool = True


@dataclass(frozen=True, slots=True)
class TopicStatus:
    """One topic or partition at one moment."""

    managed_ledger: ManagedLedger
    claim: OffloadStatus | None
    """What the broker says of the last manual run; None if no broker was asked, since asking loads the topic."""
    policies: OffloadPolicies | None = None
    objects: tuple[DataObject, ...] | None = None
    """Of each offloaded ledger, and of those begun whose data object is there; None if no bucket was looked at."""
    odd_sizes: tuple[DataObject, ...] = ()
    """Data objects that are not as large as their ledgers imply."""
    not_covered: tuple[str, ...] = ()
    standing: Standing | None = None
    """Of a run that goes on: whether it moves, waits or stands still."""

    @property
    def topic(self) -> TopicName:
        """The topic or partition."""
        return self.managed_ledger.topic

    @property
    def closed(self) -> tuple[Ledger, ...]:
        """Everything that no longer grows."""
        return self.managed_ledger.closed

    @property
    def open_size(self) -> ByteSize | None:
        """The bytes of the ledger that is being written to; None if only a loaded topic would tell."""
        ledger = self.managed_ledger.open
        return ledger.size if ledger is not None and self.managed_ledger.served else None

    @property
    def offloaded(self) -> tuple[Ledger, ...]:
        """Complete, says the serving broker; or so judged by their objects where none serves the topic."""
        return tuple(ledger for ledger in self.closed if ledger.counts_as_offloaded)

    @property
    def judged(self) -> tuple[Ledger, ...]:
        """Those of the offloaded ones that only their objects speak for."""
        return self._with(OffloadProgress.JUDGED)

    @property
    def in_flight(self) -> tuple[Ledger, ...]:
        """Begun and not complete: running, failed or left by a crash."""
        return self._with(OffloadProgress.IN_FLIGHT)

    @property
    def begun(self) -> tuple[Ledger, ...]:
        """Begun; complete or not is unknown while the topic is not loaded."""
        return self._with(OffloadProgress.BEGUN)

    @property
    def local(self) -> tuple[Ledger, ...]:
        """In BookKeeper only, the open ledger left out."""
        return self._with(OffloadProgress.LOCAL)

    @property
    def eligible(self) -> tuple[Ledger, ...]:
        """What an offload with threshold 0 would move: closed, not complete, not empty, not the last of the list."""
        waiting = {OffloadProgress.LOCAL, OffloadProgress.IN_FLIGHT}
        last = self.managed_ledger.ledgers[-1:]
        return tuple(one for one in self.closed if one.progress in waiting and one.size > 0 and one not in last)

    @property
    def missing_objects(self) -> tuple[DataObject, ...]:
        """Complete ledgers of which no configured bucket has both objects."""
        begun = {ledger.ledger_id for ledger in self.begun}
        return tuple(
            one for one in self.objects or () if one.ledger_id not in begun and (one.size is None or not one.has_index)
        )

    @property
    def exit_code(self) -> ExitCode:
        """Whatever the status says is no failure; what is missing, or could not be looked at, is told by the code."""
        missing = [ExitCode.WARNINGS] if self.missing_objects or self.odd_sizes else []
        return combine([*missing, ExitCode.NOT_COVERED] if self.not_covered else missing)

    @property
    def oldest_eligible(self) -> Ledger | None:
        """The one that has waited longest."""
        return next(iter(self.eligible), None)

    def _with(self, progress: OffloadProgress) -> tuple[Ledger, ...]:
        return tuple(ledger for ledger in self.closed if ledger.progress is progress)


@dataclass(frozen=True, slots=True)
class UnreadTopic:
    """A topic whose status could not be had, and why."""

    topic: TopicName
    reason: Reason
    hint: str = ""

    @property
    def exit_code(self) -> ExitCode:
        """Failed, or never begun."""
        return ExitCode.INTERRUPTED if self.reason.code == Interrupted.code else ExitCode.FAILED


@dataclass(frozen=True, slots=True)
class StatusGroup:
    """One topic that was asked for: its own status, or that of each partition."""

    topic: TopicName
    partitions: int
    parts: tuple[TopicStatus | UnreadTopic, ...]


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Everything that one command looked at."""

    groups: tuple[StatusGroup, ...]
    observed_at: datetime
    interrupted: ExitCode | None = None
    scope: ScopeRead | None = None
    """How far it is known which topics the scope has."""
    waited: ExitCode = ExitCode.OK
    """How the wait for running offloads ended, if there was one: timed out, failed, interrupted."""
    sort: SortKey | None = None
    top: int | None = None
    """So many topics are shown; totals and exit code are of all of them."""

    @property
    def parts(self) -> tuple[TopicStatus | UnreadTopic, ...]:
        """All of them, one after the other."""
        return tuple(part for group in self.groups for part in group.parts)

    @property
    def exit_code(self) -> ExitCode:
        """One code for all of them."""
        met = [*(part.exit_code for part in self.parts), self.waited]
        if self.scope is not None and self.scope.unread:
            met.append(ExitCode.FAILED)
        return combine(met if self.interrupted is None else [*met, self.interrupted])


def total_size(ledgers: Iterable[Ledger]) -> ByteSize:
    """BookKeeper's bytes of all of them, replication left out."""
    return ByteSize(sum(ledger.size for ledger in ledgers))
