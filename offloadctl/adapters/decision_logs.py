"""Decision logs: the journal of one machine, and one in memory."""

import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from offloadctl.model.decision import EntryKind, LogEntry
from offloadctl.model.journal import Note
from offloadctl.ports.journal import History, Journal

_SCHEDULE: Final = "schedule"
_PAYLOAD: Final = "payload"
_KINDS: Final = frozenset(kind.value for kind in EntryKind)


class MemoryDecisionLog:
    """Entries in memory; safe to use from several threads."""

    def __init__(self, entries: Sequence[LogEntry] = ()) -> None:
        self._entries = list(entries)
        self._lock = threading.Lock()

    def append(self, entry: LogEntry) -> None:
        """Keep it."""
        with self._lock:
            self._entries.append(entry)

    def newest(self, kinds: Sequence[EntryKind], schedule: str) -> LogEntry | None:
        """The last entry of these kinds of a schedule, or None."""
        with self._lock:
            found = (one for one in reversed(self._entries) if one.kind in kinds and one.schedule == schedule)
            return next(found, None)

    def entries(self, *, schedule: str | None = None, since: datetime | None = None) -> Sequence[LogEntry]:
        """All of them, the newest first."""
        with self._lock:
            return [
                one
                for one in reversed(self._entries)
                if schedule in (None, one.schedule) and (since is None or one.at >= since)
            ]


class JournalDecisionHistory:
    """The notes of the journal, for reading."""

    def __init__(self, history: History) -> None:
        self._history = history

    def newest(self, kinds: Sequence[EntryKind], schedule: str) -> LogEntry | None:
        """The last entry of these kinds of a schedule, or None."""
        found = self._history.newest_note([kind.value for kind in kinds], schedule)
        return _entry(found) if found is not None else None

    def entries(self, *, schedule: str | None = None, since: datetime | None = None) -> Sequence[LogEntry]:
        """All that are kept, the newest first."""
        every = (_entry(one) for one in self._history.notes(since=since) if one.kind in _KINDS)
        return [one for one in every if schedule in (None, one.schedule)]


class JournalDecisionLog(JournalDecisionHistory):
    """The notes of the journal."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal)
        self._journal = journal

    def append(self, entry: LogEntry) -> None:
        """Write a note, on disk for good; its time is the journal's."""
        facts = {_SCHEDULE: entry.schedule, _PAYLOAD: entry.payload}
        self._journal.note(entry.kind, entry.text, facts, run_id=entry.run_id)


def _entry(note: Note) -> LogEntry:
    return LogEntry(
        note.at,
        EntryKind(note.kind),
        note.facts.get(_SCHEDULE, ""),
        note.text,
        note.run_id,
        note.facts.get(_PAYLOAD, ""),
    )
