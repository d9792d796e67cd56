"""The lines of a lease topic: which count, which are the newest, and that nothing that counts is forgotten."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.adapters.lease_lines import KEPT_BYTES, KEPT_FOR, LeaseLines, PauseLines, Read
from offloadctl.adapters.lease_wire import Line, encoded, line_of
from offloadctl.errors import StateDamaged, StateNewer
from offloadctl.model.decision import EntryKind, LogEntry
from offloadctl.operations.schedule import STATE_KINDS
from tests.schedules import START

DAY = timedelta(days=1)
NAMES = ("nightly", "weekly")


def entry(kind: EntryKind = EntryKind.DECIDED, schedule: str = "nightly", text: str = "", day: int = 0) -> LogEntry:
    return LogEntry(START + day * DAY, kind, schedule, text)


def read(lines: LeaseLines, term: str, number: int, one: LogEntry, *, size: int = 100) -> bool:
    return lines.read(Read(Line(term, number, one), object(), size))


@given(
    st.builds(
        Line,
        st.text(max_size=5),
        st.integers(0, 10**9),
        st.builds(
            LogEntry,
            st.just(START),
            st.sampled_from(EntryKind),
            st.text(max_size=9),
            st.text(max_size=9),
            st.text(max_size=9),
            st.text(max_size=9),
        ),
        st.booleans(),
    )
)
def test_a_line_comes_back_as_it_was(line: Line) -> None:
    assert line_of(encoded(line), "here") == line


def test_a_line_of_a_newer_program_is_refused_whatever_else_it_holds() -> None:
    with pytest.raises(StateNewer, match=r"message 3:7 .* version 2"):
        line_of(b'{"version": 2, "at": "tomorrow"}', "message 3:7 of the topic")


@pytest.mark.parametrize("data", [b"", b"hello", b"{}", b'{"version": 1}', b'{"version": 1, "kind": "x", "at": 5}'])
def test_a_line_that_is_none_of_ours_is_told_with_its_place(data: bytes) -> None:
    with pytest.raises(StateDamaged, match="message 3:7"):
        line_of(data, "message 3:7 of the topic")


def test_a_kind_that_nobody_knows_is_none_of_ours() -> None:
    data = encoded(Line("a", 1, entry())).replace(EntryKind.DECIDED.value.encode(), b"schedule-dreamt")

    with pytest.raises(StateDamaged):
        line_of(data, "here")


def test_what_a_term_writes_behind_the_beginning_of_another_one_does_not_count() -> None:
    lines = LeaseLines(keeps_all=True)
    read(lines, "a", 1, entry(EntryKind.TAKEN, ""))
    read(lines, "a", 2, entry(text="in time"))
    read(lines, "b", 4, entry(EntryKind.TAKEN, ""))

    counts = read(lines, "a", 3, entry(text="too late"))
    read(lines, "b", 5, entry(EntryKind.RESULT, text="after"))

    assert not counts
    assert [one.text for one in lines.entries()] == ["", "in time", "", "after"]
    assert lines.newest([EntryKind.DECIDED], "nightly") == entry(text="in time")
    assert lines.number == 5


def test_a_log_whose_beginning_is_forgotten_counts_from_its_first_line() -> None:
    lines = LeaseLines()

    assert read(lines, "a", 7, entry(text="first"))
    assert lines.newest([EntryKind.DECIDED], "nightly") == entry(text="first")


def test_what_came_too_late_does_not_count_either_where_the_beginning_before_it_is_forgotten() -> None:
    lines = LeaseLines(keeps_all=True)
    read(lines, "a", 3, entry(text="too late"))

    counts = [read(lines, "b", 5, entry(text="in time")), read(lines, "b", 6, entry(EntryKind.RESULT, text="after"))]
    late = read(lines, "a", 4, entry(EntryKind.INTENT, text="too late, too"))
    carried = lines.read(Read(Line("b", 2, entry(EntryKind.INTENT, text="carried"), True), object(), 100))

    assert (counts, late, carried) == ([True, True], False, True)
    assert [one.text for one in lines.entries()] == ["carried", "in time", "after"]
    assert lines.newest([EntryKind.INTENT], "nightly") == entry(EntryKind.INTENT, text="carried")
    assert lines.newest([EntryKind.DECIDED], "nightly") == entry(text="in time")


@dataclass
class Topic:
    """A topic that is written by one term, read by it, and tidied by it."""

    lines: LeaseLines = field(default_factory=LeaseLines)
    kept: list[Read] = field(default_factory=list)

    def write(self, one: LogEntry, *, number: int | None = None, size: int = 100) -> None:
        line = Line("a", number or self.lines.number + 1, one, number is not None)
        self.kept.append(Read(line, object(), size))
        self.lines.read(self.kept[-1])

    def tidy(self, day: int) -> None:
        if (outdated := self.lines.outdated(START + day * DAY)) is None:
            return
        for line in outdated.carry:
            self.write(line.entry, number=line.number)
        self.lines.forget(outdated)
        places = [one.place for one in self.kept]
        del self.kept[: places.index(outdated.up_to) + 1]

    def read_again(self) -> LeaseLines:
        lines = LeaseLines(keeps_all=True)
        for one in self.kept:
            lines.read(one)
        return lines


@given(
    st.lists(
        st.tuples(
            st.integers(0, 12), st.sampled_from(STATE_KINDS), st.sampled_from(NAMES), st.sampled_from([1, KEPT_BYTES])
        ),
        max_size=25,
    )
)
def test_whatever_is_forgotten_the_newest_of_each_schedule_is_read_by_whoever_comes_next(
    steps: list[tuple[int, EntryKind, str, int]],
) -> None:
    topic, day = Topic(), 0
    told: list[LogEntry] = []
    for days, kind, name, size in steps:
        day += days
        told.append(entry(kind, name, f"{len(told)}", day))
        topic.write(told[-1], size=size)
        topic.tidy(day)

    next_one = topic.read_again()

    for name in NAMES:
        for kinds in (STATE_KINDS, (EntryKind.RESULT,), (EntryKind.DECIDED, EntryKind.INTENT)):
            expected = next((one for one in reversed(told) if one.schedule == name and one.kind in kinds), None)
            assert topic.lines.newest(kinds, name) == next_one.newest(kinds, name) == expected
    assert next_one.number == topic.lines.number
    assert len({one.text for one in next_one.entries()}) == len(next_one.entries())
    young = sum(START + day * DAY - one.line.entry.at <= KEPT_FOR for one in topic.kept)
    assert len(topic.kept) <= young + len(NAMES) * len(STATE_KINDS)


def test_a_pause_is_kept_for_as_long_as_it_counts() -> None:
    pauses = PauseLines()
    told = [
        entry(EntryKind.PAUSED, "weekly", "old"),
        entry(EntryKind.RESUMED, "weekly", "over"),
        entry(EntryKind.PAUSED, "nightly", "for good"),
        entry(EntryKind.RESUMED, "", "all"),
    ]
    for place, one in enumerate(told):
        pauses.read(Read(Line("", 0, one), place, 100))

    assert pauses.forget_outdated(START + KEPT_FOR) is None
    assert pauses.forget_outdated(START + 2 * KEPT_FOR) == 1
    assert pauses.entries() == told[2:]
    assert pauses.newest((EntryKind.PAUSED, EntryKind.RESUMED), "nightly") == told[2]
