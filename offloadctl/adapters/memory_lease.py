"""A lease that several schedulers of one process share, for tests: with the log that all of them write."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from offloadctl.adapters.decision_logs import MemoryDecisionLog
from offloadctl.errors import LeaseLost
from offloadctl.model.decision import EntryKind, LogEntry
from offloadctl.ports import Clock


@dataclass
class SharedLease:
    """What a broker is to the instances: keeps the log, knows who has the lease, and takes it away."""

    clock: Clock
    log: MemoryDecisionLog = field(default_factory=MemoryDecisionLog)
    """All entries. People who pause a schedule append here: they need no lease."""
    epoch: int = 0
    """So many terms have begun."""
    _holder: "MemoryTerm | None" = None
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def is_free(self) -> bool:
        """Whether nobody has it."""
        with self._changed:
            return self._holder is None

    def depose(self, *, why: str = "") -> None:
        """Take it from whoever has it, who hears `why`, or learns it by its next append. The next one may have it."""
        with self._changed:
            if self._holder is not None and why:
                self._holder.lost = why
            self._holder = None
            self._changed.notify_all()

    def take(self, name: str, seconds: float) -> "MemoryTerm | None":
        """The next term is that instance's, as soon as the lease is free."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._holder is None, seconds):
                return None
            self.epoch += 1
            self._holder = term = MemoryTerm(self, name, self.epoch)
            text = f"the lease was taken by {name}"
            self.log.append(LogEntry(self.clock.now(), EntryKind.TAKEN, "", text))
            return term

    def append(self, term: "MemoryTerm", entry: LogEntry) -> None:
        """Keep it if that term goes on; LeaseLost otherwise."""
        with self._changed:
            if self._holder is not term:
                raise LeaseLost(f"the lease of {term.name} is over")
            self.log.append(entry)

    def hand_back(self, term: "MemoryTerm") -> None:
        """That term is over; nothing happens if it was already."""
        with self._changed:
            if self._holder is term:
                self._holder = None
                self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class MemoryLease:
    """One instance's way to a shared lease."""

    shared: SharedLease
    name: str

    @property
    def location(self) -> str:
        """Nowhere."""
        return "memory"

    def wait(self, seconds: float) -> "MemoryTerm | None":
        """As soon as it is free; no clock of a test is asked."""
        return self.shared.take(self.name, seconds)


@dataclass(eq=False)
class MemoryTerm:
    """A term, and its log at the same time."""

    shared: SharedLease
    name: str
    number: int
    lost: str = ""

    @property
    def log(self) -> "MemoryTerm":
        """The shared one, for as long as the term goes on."""
        return self

    def append(self, entry: LogEntry) -> None:
        """Keep it; LeaseLost once the term is over."""
        try:
            self.shared.append(self, entry)
        except LeaseLost as error:
            self.lost = self.lost or error.message
            raise

    def newest(self, kinds: Sequence[EntryKind], schedule: str) -> LogEntry | None:
        """The last entry of these kinds of a schedule, or None."""
        return self.shared.log.newest(kinds, schedule)

    def entries(self, *, schedule: str | None = None, since: datetime | None = None) -> Sequence[LogEntry]:
        """All of them, the newest first."""
        return self.shared.log.entries(schedule=schedule, since=since)

    def hand_back(self) -> None:
        """The next one may have it."""
        self.shared.hand_back(self)
