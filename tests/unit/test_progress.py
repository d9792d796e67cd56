"""Progress of a run: plain lines in a log, and a word when nothing moves."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from offloadctl.adapters.memory import ManualClock
from offloadctl.cli import progress
from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadProgress, OffloadState, OffloadStatus
from offloadctl.model.names import TopicName
from offloadctl.model.offload import OffloadPlan, OffloadWish
from offloadctl.model.standing import Movement, Standing
from offloadctl.operations.offload import Watcher
from offloadctl.plan.offload import plan_offload
from offloadctl.units import ByteSize

RUNNING = OffloadStatus(OffloadState.RUNNING)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def plan() -> OffloadPlan:
    ledgers = [
        Ledger(number, 10, ByteSize(1000), is_open=False, progress=OffloadProgress.LOCAL, closed_at=NOW)
        for number in (1, 2)
    ]
    ledgers.append(Ledger(3, 1, ByteSize(1), is_open=True, progress=OffloadProgress.LOCAL))
    managed = ManagedLedger(TopicName("acme", "shop", "orders"), tuple(ledgers), NOW, served=True)
    return plan_offload(managed, OffloadWish(ByteSize(0)), NOW)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is written to stderr, which is no terminal."""
    written = io.StringIO()
    monkeypatch.setattr(progress, "console", lambda **_: Console(file=written, width=1000, force_terminal=False))
    return written


def run_for(seconds: int, *, moved_at: int | None = None, movement: Movement = Movement.MOVING) -> None:
    clock = ManualClock()
    made = plan()
    with progress.watching(clock) as watcher:
        assert isinstance(watcher, Watcher)
        watcher.triggered(made, joined=False)
        for second in range(seconds):
            clock.sleep(1)
            complete = {1} if moved_at is not None and second >= moved_at else set[int]()
            watcher.progressed(made, RUNNING, frozenset(complete))
            watcher.stands(made, Standing(movement, float(second)))


def test_a_log_gets_a_line_now_and_then(screen: io.StringIO) -> None:
    run_for(59)

    assert len(screen.getvalue().splitlines()) == 2
    assert "RUNNING, 0 of 2 ledgers" in screen.getvalue()


def test_a_run_of_which_nothing_moves_is_called_a_claim_once(screen: io.StringIO) -> None:
    run_for(300, movement=Movement.STANDING_STILL)

    assert screen.getvalue().count("RUNNING is only a claim") == 1
    assert "nothing of it has moved for" in screen.getvalue()


def test_a_run_that_waits_for_its_broker_is_said_to_once_and_is_no_mere_claim(screen: io.StringIO) -> None:
    run_for(300, movement=Movement.QUEUED)

    assert screen.getvalue().count("waits for an offload thread") == 1
    assert "claim" not in screen.getvalue()


def test_an_automatic_run_in_the_way_is_told_with_the_attempt(screen: io.StringIO) -> None:
    with progress.watching(ManualClock()) as watcher:
        watcher.delayed(plan(), 3, 8.0)

    assert "an automatic run is in the way, attempt 3; asked again in 8s" in screen.getvalue()


def test_a_run_that_moves_is_left_alone(screen: io.StringIO) -> None:
    run_for(100, moved_at=50)

    assert "claim" not in screen.getvalue()
