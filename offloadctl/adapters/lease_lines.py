"""What the lines of a lease topic come to, read in their order: whose count, which are the newest, which may go."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from offloadctl.adapters.lease_wire import Line
from offloadctl.model.decision import EntryKind, LogEntry

PAUSE_KINDS: Final = (EntryKind.PAUSED, EntryKind.RESUMED)
"""What people say; it stands in a topic of its own, as nobody else can write where one instance holds the lease."""

KEPT_FOR: Final = timedelta(days=30)
KEPT_BYTES: Final = 32 * 1024**2
"""What is older, or more, is forgotten; never the newest line of a kind of a schedule."""


class Read(NamedTuple):
    """A line that was read, and where."""

    line: Line
    place: Any
    """The message's id, for whoever acknowledges it."""
    size: int


class Outdated(NamedTuple):
    """What may be forgotten: all up to a place, once some lines of it have been written again."""

    carry: tuple[Line, ...]
    up_to: Any


@dataclass(slots=True)
class LeaseLines:
    """The lines of one lease topic."""

    keeps_all: bool = False
    """Whether all entries are remembered, or the newest ones alone."""
    term: str = ""
    """The last one that has begun."""
    number: int = 0
    """The last one that counts."""
    _is_begun: bool = False
    """Whether a beginning was read; what stands in front of the first one may be forgotten."""
    _newest: dict[tuple[str, EntryKind], Line] = field(default_factory=dict)
    _held: deque[tuple[int, datetime, int, Any]] = field(default_factory=deque)
    """Number, time, size and place of each that is not forgotten; 0 for what never counts again."""
    _bytes: int = 0
    _all: dict[int, LogEntry] = field(default_factory=dict)

    def read(self, one: Read) -> bool:
        """The next one; False if it does not count, as its term was over."""
        line = one.line
        if line.entry.kind is EntryKind.TAKEN:
            self.term, self._is_begun = line.term, True
        elif not self._is_begun and self._is_later(line):
            # What stood in front of it was too late for the term whose beginning is forgotten.
            self.term = line.term
            self._newest.clear()
            self._all.clear()
        counts = line.term == self.term
        self._held.append((line.number if counts else 0, line.entry.at, one.size, one.place))
        self._bytes += one.size
        if not counts:
            return False
        self.number = max(self.number, line.number)
        key = (line.entry.schedule, line.entry.kind)
        if key not in self._newest or self._newest[key].number <= line.number:
            self._newest[key] = line
        if self.keeps_all:
            self._all[line.number] = line.entry
        return True

    def _is_later(self, line: Line) -> bool:
        """Whether it is of a later term than what was read, by its number: that of a line too late is a lower one."""
        return line.term != self.term and (not self.term or (line.number > self.number and not line.carried))

    def newest(self, kinds: Sequence[EntryKind], schedule: str) -> LogEntry | None:
        """The last one of these kinds of a schedule, or None."""
        found = [line for kind in kinds if (line := self._newest.get((schedule, kind))) is not None]
        return max(found, key=lambda line: line.number).entry if found else None

    def entries(self) -> list[LogEntry]:
        """Those that count, the oldest first; with `keeps_all`."""
        return [self._all[number] for number in sorted(self._all)]

    def outdated(self, now: datetime) -> Outdated | None:
        """What may be forgotten now; it is, once `forget` is called."""
        dropped, left = 0, self._bytes
        for _, at, size, _ in self._held:
            if now - at <= KEPT_FOR and left <= KEPT_BYTES:
                break
            dropped, left = dropped + 1, left - size
        if not dropped:
            return None
        kept = {number for index, (number, *_) in enumerate(self._held) if index >= dropped}
        carry = [one for one in self._newest.values() if one.number not in kept and one.entry.schedule]
        carry.sort(key=lambda one: one.number)
        return Outdated(tuple(carry), self._held[dropped - 1][3])

    def forget(self, outdated: Outdated) -> None:
        """It is acknowledged."""
        while self._held:
            _, _, size, place = self._held.popleft()
            self._bytes -= size
            if place is outdated.up_to:
                return


@dataclass(slots=True)
class PauseLines:
    """The lines of the topic of pauses: what was written last counts, whatever the clocks of people say."""

    _held: deque[tuple[LogEntry, Any]] = field(default_factory=deque)

    def read(self, one: Read) -> None:
        """The next one."""
        self._held.append((one.line.entry, one.place))

    def newest(self, kinds: Sequence[EntryKind], schedule: str) -> LogEntry | None:
        """The last one of these kinds of a schedule, or of all schedules, or None."""
        found = (one for one, _ in reversed(self._held) if one.kind in kinds and one.schedule == schedule)
        return next(found, None)

    def entries(self) -> list[LogEntry]:
        """All of them, the oldest first."""
        return [one for one, _ in self._held]

    def forget_outdated(self, now: datetime) -> Any:
        """Forget what is in front of every pause that counts, and not young; its last place, or None."""
        newest = {one.schedule: one for one, _ in self._held}
        last = None
        while self._held:
            entry, place = self._held[0]
            pauses = entry.kind is EntryKind.PAUSED and newest[entry.schedule] is entry
            if pauses or now - entry.at <= KEPT_FOR:
                break
            last = place
            self._held.popleft()
        return last
