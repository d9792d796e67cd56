"""The lease of tests keeps what the lease's port promises: however it changes hands, one term at a time writes."""

from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, consumes, invariant, multiple, rule

from offloadctl.adapters.memory import ManualClock
from offloadctl.adapters.memory_lease import MemoryLease, MemoryTerm, SharedLease
from offloadctl.errors import LeaseLost
from offloadctl.model.decision import EntryKind, LogEntry
from offloadctl.operations.schedule_pauses import pause, pause_of
from tests.schedules import START

NAMES = ("one", "two", "three")


class Machine(RuleBasedStateMachine):
    """Instances that take the lease, lose it and do not know, and write whatever they like."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = SharedLease(ManualClock(START))
        self.valid: MemoryTerm | None = None
        self.written: list[str] = []

    terms: Bundle[MemoryTerm] = Bundle("terms")

    @rule(target=terms, name=st.sampled_from(NAMES))
    def take(self, name: str) -> "MemoryTerm | MultipleResults[MemoryTerm]":
        term = MemoryLease(self.shared, name).wait(0)

        assert (term is None) == (self.valid is not None)
        if term is None:
            return multiple()
        assert [one.text for one in term.log.entries() if one.kind is EntryKind.DECIDED] == self.written[::-1]
        self.valid = term
        return term

    @rule(term=terms)
    def append(self, term: MemoryTerm) -> None:
        text = f"{len(self.written)} by {term.number}"
        try:
            term.log.append(LogEntry(START, EntryKind.DECIDED, "nightly", text))
        except LeaseLost:
            assert term is not self.valid
            assert term.lost
            return
        assert term is self.valid
        assert not term.lost
        self.written.append(text)

    @rule(term=consumes(terms))
    def hand_back(self, term: MemoryTerm) -> None:
        term.hand_back()
        self.valid = None if term is self.valid else self.valid

    @rule()
    def depose(self) -> None:
        self.shared.depose()
        self.valid = None

    @invariant()
    def what_was_written_is_there_and_nothing_else(self) -> None:
        entries = [one for one in self.shared.log.entries() if one.kind is EntryKind.DECIDED]
        numbers = [int(one.text.rpartition(" ")[2]) for one in reversed(entries)]
        assert [one.text for one in reversed(entries)] == self.written
        assert numbers == sorted(numbers)
        assert self.shared.is_free == (self.valid is None)


TestMachine = Machine.TestCase


def test_a_pause_needs_no_lease_and_is_seen_by_whoever_has_it() -> None:
    shared = SharedLease(ManualClock(START))
    term = MemoryLease(shared, "one").wait(0)
    assert term is not None

    pause(shared.log, "nightly", START, until=START + timedelta(hours=1), reason="", by="ann")

    found = pause_of(term.log, "nightly")
    assert found is not None
    assert found.by == "ann"


def test_an_entry_after_the_end_of_the_term_says_whose_it_was() -> None:
    shared = SharedLease(ManualClock(START))
    term = MemoryLease(shared, "one").wait(0)
    assert term is not None
    shared.depose()

    with pytest.raises(LeaseLost, match="one"):
        term.log.append(LogEntry(START, EntryKind.INTENT, "nightly", "begins"))
    assert [one.kind for one in shared.log.entries()] == [EntryKind.TAKEN]
