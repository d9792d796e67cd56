"""Progress of many topics: what is counted, what a log gets of it, and what fits onto a terminal."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from offloadctl.adapters.memory import ManualClock
from offloadctl.cli import progress, progress_reading
from offloadctl.cli.progress_live import LiveTable
from offloadctl.cli.progress_tally import Tally
from offloadctl.cli.progress_text import bytes_text, topics_text
from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadProgress, OffloadState, OffloadStatus
from offloadctl.model.names import TopicName
from offloadctl.model.offload import (
    Confirmation,
    MovedLedger,
    OffloadPlan,
    OffloadResult,
    OffloadWish,
    Outcome,
    Reason,
)
from offloadctl.plan.offload import plan_offload
from offloadctl.units import ByteSize

RUNNING = OffloadStatus(OffloadState.RUNNING)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MIB = 1024 * 1024


def plan(number: int, *, ledgers: int = 2, name: str = "orders") -> OffloadPlan:
    """Ledgers of 1 MiB that are to move, and an open one."""
    closed = [
        Ledger(ledger_id, 10, ByteSize(MIB), is_open=False, progress=OffloadProgress.LOCAL, closed_at=NOW)
        for ledger_id in range(1, ledgers + 1)
    ]
    last = Ledger(ledgers + 1, 1, ByteSize(1), is_open=True, progress=OffloadProgress.LOCAL)
    topic = TopicName("acme", "shop", f"{name}-{number:05}")
    return plan_offload(ManagedLedger(topic, (*closed, last), NOW, served=True), OffloadWish(ByteSize(0)), NOW)


def ended(of: OffloadPlan, outcome: Outcome = Outcome.CONFIRMED, *, moved: int | None = None) -> OffloadResult:
    ledgers = tuple(
        MovedLedger(one, Confirmation.CONFIRMED if moved is None or at < moved else Confirmation.NOT_MOVED)
        for at, one in enumerate(of.moves)
    )
    return OffloadResult(of.topic, outcome, of, ledgers, reasons=of.reasons)


def failed(of: OffloadPlan) -> OffloadResult:
    result = ended(of, Outcome.FAILED, moved=0)
    return replace(result, reasons=(*of.reasons, Reason("server-error", "the broker says: Read timed out")))


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is written to stderr, which is no terminal."""
    written = io.StringIO()
    for module in (progress, progress_reading):
        monkeypatch.setattr(module, "console", lambda **_: Console(file=written, width=1000, force_terminal=False))
    return written


# -- what is counted


def test_what_has_moved_tells_the_rate_and_the_time_that_is_left() -> None:
    clock, plans = ManualClock(), [plan(number) for number in range(4)]
    tally = Tally(clock, plans)
    for one in plans[:2]:
        tally.begins(one)

    clock.advance(timedelta(seconds=10))
    tally.progressed(plans[0], frozenset({1}))
    tally.ends(ended(plans[1]))

    totals = tally.totals()
    assert (totals.topics, totals.done, totals.failed, totals.at_work) == (4, 1, 0, 1)
    assert (totals.size, totals.moved, totals.left) == (8 * MIB, 3 * MIB, 5 * MIB)
    assert topics_text(totals) == "1 of 4 topics done, 1 at work"
    assert bytes_text(totals) == "3 MiB of 8 MiB, 307.2 KiB/s, about 17s left"


def test_what_failed_is_not_waited_for_any_more() -> None:
    clock, plans = ManualClock(), [plan(number) for number in range(2)]
    tally = Tally(clock, plans)
    tally.begins(plans[0])

    clock.advance(timedelta(seconds=10))
    needs_a_look = tally.ends(ended(plans[0], Outcome.FEWER, moved=1))

    totals = tally.totals()
    assert needs_a_look
    assert (totals.done, totals.failed, totals.moved, totals.left) == (1, 1, MIB, 2 * MIB)


def test_the_rate_is_that_of_the_last_minutes() -> None:
    clock, one = ManualClock(), plan(0, ledgers=700)
    tally = Tally(clock, [one])
    tally.begins(one)
    for moved in range(1, 601):
        clock.advance(timedelta(seconds=1))
        tally.progressed(one, frozenset(range(1, moved + 1)))
    for _ in range(600):
        clock.advance(timedelta(seconds=1))
        tally.progressed(one, frozenset(range(1, 601)))

    totals = tally.totals()

    assert totals.rate is None
    assert totals.time_left is None
    assert bytes_text(totals) == "600 MiB of 700 MiB"


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["begin", "move", "confirm", "fail", "leave"])), max_size=60)
)
def test_nothing_moves_twice_and_nothing_is_lost(steps: list[tuple[int, str]]) -> None:
    clock, plans = ManualClock(), [plan(number, ledgers=3) for number in range(10)]
    tally, over = Tally(clock, plans), set[int]()

    for number, what in steps:
        clock.advance(timedelta(seconds=1))
        if number in over:
            continue
        if what == "begin":
            tally.begins(plans[number])
        elif what == "move":
            tally.progressed(plans[number], frozenset({1, 2}))
        elif what == "leave":
            tally.ends(OffloadResult(plans[number].topic, Outcome.NOT_STARTED, plans[number]))
        else:
            over.add(number)
            tally.ends(ended(plans[number]) if what == "confirm" else failed(plans[number]))
        totals = tally.totals()
        assert 0 <= totals.moved <= totals.moved + totals.left <= totals.size == 30 * MIB
        assert totals.done + totals.at_work <= totals.topics == 10
        assert totals.done == len(over)


# -- in a log


def test_a_log_of_a_thousand_topics_grows_with_the_time_and_not_with_the_topics(log: io.StringIO) -> None:
    clock, plans = ManualClock(), [plan(number) for number in range(1000)]

    with progress.watching(clock, plans) as watcher:
        for one in plans:
            watcher.planned(one)
            watcher.triggered(one, joined=False)
            clock.advance(timedelta(seconds=0.6))
            watcher.progressed(one, RUNNING, frozenset({1}))
            watcher.finished(ended(one))

    lines = log.getvalue().splitlines()
    assert 19 <= len(lines) <= 21
    assert "about" in lines[0]
    assert lines[-1].startswith("1,000 of 1,000 topics done; 2 GiB of 2 GiB, ")


def test_a_failure_is_told_at_once_and_a_flood_of_them_in_numbers(log: io.StringIO) -> None:
    clock, plans = ManualClock(), [plan(number) for number in range(300)]

    with progress.watching(clock, plans) as watcher:
        watcher.planned(plans[0])
        watcher.finished(failed(plans[0]))
        assert log.getvalue() == ("persistent://acme/shop/orders-00000: failed: the broker says: Read timed out\n")
        for one in plans[1:]:
            watcher.planned(one)
            watcher.finished(failed(one))

    lines = log.getvalue().splitlines()
    assert len(lines) == 21
    assert lines[-1] == "300 of 300 topics done, 300 failed; 0 B of 600 MiB"


def test_few_topics_have_a_line_for_each_step(log: io.StringIO) -> None:
    one, other = plan(0), plan(1)

    with progress.watching(ManualClock(), [one, other]) as watcher:
        watcher.planned(one)
        watcher.triggered(one, joined=False)
        watcher.finished(ended(one))
        watcher.finished(failed(other))

    assert log.getvalue().splitlines() == [
        "persistent://acme/shop/orders-00000: accepted: 2 ledgers, 2 MiB, before 3:0",
        "persistent://acme/shop/orders-00000: confirmed",
        "persistent://acme/shop/orders-00001: failed: the broker says: Read timed out",
    ]


# -- on a terminal


def drawn(tally: Tally, *, width: int, height: int = 24) -> list[str]:
    screen = Console(
        file=io.StringIO(), width=width, height=height, force_terminal=True, no_color=True, color_system=None
    )
    with screen.capture() as captured:
        screen.print(LiveTable(tally))
    return captured.get().splitlines()


def at_work(count: int, *, of: int = 1000, name: str = "orders") -> Tally:
    clock, plans = ManualClock(), [plan(number, name=name) for number in range(of)]
    tally = Tally(clock, plans)
    for one in plans[:count]:
        tally.begins(one)
        tally.says(one, "standing-still")
    clock.advance(timedelta(hours=3))
    tally.progressed(plans[0], frozenset({1}))
    return tally


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("height", [10, 24])
def test_the_table_is_never_larger_than_the_terminal(width: int, height: int) -> None:
    lines = drawn(at_work(16, name="a-name-that-is-far-too-long-for-any-terminal"), width=width, height=height)

    assert all(len(line) <= width for line in lines)
    assert len(lines) < height


def test_the_table_has_totals_and_the_topics_at_work() -> None:
    head, topics, titles, *rows = drawn(at_work(3), width=80)

    assert "0%  1 MiB of 2 GiB" in head
    assert topics.strip() == "0 of 1,000 topics done, 3 at work"
    assert titles.split() == ["TOPIC", "LEDGERS", "SIZE", "NOW", "TIME"]
    assert [row.split()[0] for row in rows] == [f"acme/shop/orders-{number:05}" for number in range(3)]
    assert rows[0].split()[1:] == ["1", "of", "2", "50%", "of", "2", "MiB", "standing-still", "3h"]


def test_of_a_long_name_the_end_stays() -> None:
    rows = drawn(at_work(2, name="one-of-those-names-that-tell-all-about-a-topic"), width=80)[3:]

    assert [row.split()[0][-6:] for row in rows] == ["-00000", "-00001"]
    assert all(row.startswith("…") for row in rows)


@pytest.mark.parametrize("width", [70, 80, 90])
def test_the_line_of_one_topic_gives_up_its_bar_before_its_words(width: int) -> None:
    (line,) = drawn(at_work(1, of=1), width=width)

    assert len(line) <= width
    assert "1 of 2 ledgers, 1 MiB of 2 MiB  standing-still  3h" in line
    assert line.startswith("acme/shop/orders-00000 ") == (width > 70)


def test_before_anything_is_begun_nothing_is_shown() -> None:
    assert drawn(Tally(ManualClock()), width=80) == []


def test_one_topic_has_one_line() -> None:
    (line,) = drawn(at_work(1, of=1), width=100)

    assert line.split()[0] == "acme/shop/orders-00000"
    assert "1 of 2 ledgers, 1 MiB of 2 MiB  standing-still  3h" in line


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is written to stderr, which is a terminal."""
    written = io.StringIO()
    screen = Console(file=written, width=80, height=24, force_terminal=True, highlight=False)
    for module in (progress, progress_reading):
        monkeypatch.setattr(module, "console", lambda **_: screen)
    return written


def test_on_a_terminal_failures_stand_above_the_table_and_stay(terminal: io.StringIO) -> None:
    plans = [plan(number) for number in range(10)]

    with progress.watching(ManualClock(), plans) as watcher:
        watcher.planned(plans[0])
        watcher.finished(failed(plans[0]))

    assert "orders-00000: failed" in terminal.getvalue()


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(
    terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    one = plan(0)

    with progress.watching(ManualClock(), [one]) as watcher:
        watcher.planned(one)
        watcher.finished(ended(one))

    assert terminal.getvalue() == "persistent://acme/shop/orders-00000: confirmed\n"


# -- reading many topics


def read(topics: int, *, seconds_each: float, clock: ManualClock) -> None:
    with progress_reading.reading_topics(clock) as reading:
        reading.begins(topics)
        for _ in range(topics):
            clock.advance(timedelta(seconds=seconds_each))
            reading.read()


def test_reading_ten_thousand_topics_says_how_far_it_is(log: io.StringIO) -> None:
    read(10_000, seconds_each=0.02, clock=ManualClock())

    lines = log.getvalue().splitlines()
    assert len(lines) == 6
    assert lines[0] == "1,500 of 10,000 topics read, about 2m 50s left"


def test_reading_a_few_topics_is_silent_however_long_it_takes(log: io.StringIO) -> None:
    read(50, seconds_each=10, clock=ManualClock())

    assert log.getvalue() == ""


def test_on_a_terminal_the_bar_goes_away_again(terminal: io.StringIO) -> None:
    read(60, seconds_each=0.01, clock=ManualClock())

    assert "reading topics" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K")
