"""What a decision log promises, of those in memory and of the journal's."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from offloadctl.adapters.decision_logs import JournalDecisionLog, MemoryDecisionLog
from offloadctl.adapters.memory import ManualClock
from offloadctl.adapters.memory_lease import MemoryLease, SharedLease
from offloadctl.adapters.sqlite_journal import SqliteJournal
from offloadctl.model.decision import EntryKind, LogEntry
from offloadctl.ports.schedule import DecisionLog
from tests.schedules import START

INTENTS = (EntryKind.INTENT, EntryKind.RESULT)


@pytest.fixture(params=["memory", "memory-lease", "journal"])
def log(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[DecisionLog]:
    if request.param == "memory":
        yield MemoryDecisionLog()
        return
    if request.param == "memory-lease":
        term = MemoryLease(SharedLease(clock), "one").wait(0)
        assert term is not None
        yield term.log
        return
    journal = SqliteJournal(tmp_path, clock)
    yield JournalDecisionLog(journal)
    journal.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


def test_the_newest_entry_of_a_schedule_is_found_by_its_kind(log: DecisionLog, clock: ManualClock) -> None:
    entries = [
        LogEntry(START, EntryKind.INTENT, "nightly", "begins", "nightly-1", '{"a": 1}'),
        LogEntry(START, EntryKind.RESULT, "nightly", "ended", "nightly-1"),
        LogEntry(START, EntryKind.INTENT, "weekly", "begins", "weekly-1"),
        LogEntry(START, EntryKind.PAUSED, "", "paused"),
    ]
    for entry in entries:
        log.append(entry)

    assert log.newest(INTENTS, "nightly") == entries[1]
    assert log.newest((EntryKind.INTENT,), "nightly") == entries[0]
    assert log.newest((EntryKind.PAUSED,), "nightly") is None
    assert log.newest((EntryKind.PAUSED, EntryKind.RESUMED), "") == entries[3]
    assert [one for one in log.entries() if one.kind is not EntryKind.TAKEN] == entries[::-1]
    assert list(log.entries(schedule="nightly")) == entries[1::-1]


def test_entries_are_asked_for_by_their_time(log: DecisionLog, clock: ManualClock) -> None:
    for hour in range(3):
        log.append(LogEntry(clock.now(), EntryKind.DECIDED, "nightly", f"{hour}"))
        clock.advance(timedelta(hours=1))

    assert [one.text for one in log.entries(since=START + timedelta(hours=1))] == ["2", "1"]
    assert [one.text for one in log.entries(schedule="nightly")] == ["2", "1", "0"]
