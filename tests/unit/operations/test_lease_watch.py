"""Work is stopped once the lease is lost, and not when it is kept or handed back."""

import pytest

from offloadctl.adapters.memory_lease import MemoryLease, MemoryTerm, SharedLease
from offloadctl.adapters.system import SystemClock
from offloadctl.exitcodes import ExitCode
from offloadctl.operations import lease_watch
from offloadctl.operations.lease_watch import stopped_when_lost
from offloadctl.operations.workers import Stop


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> SharedLease:
    monkeypatch.setattr(lease_watch, "LOOK_S", 0.01)
    return SharedLease(SystemClock())


def term_of(shared: SharedLease) -> MemoryTerm:
    term = MemoryLease(shared, "one").wait(0)
    assert term is not None
    return term


def test_a_lost_term_stops_the_work_as_sigterm_does(shared: SharedLease) -> None:
    stop = Stop()

    with stopped_when_lost(term_of(shared), stop):
        shared.depose(why="another one has it")
        stopped = stop.wait(30)

    assert stopped
    assert stop.code is ExitCode.TERMINATED


def test_a_term_that_is_kept_or_handed_back_stops_nothing(shared: SharedLease) -> None:
    stop, term = Stop(), term_of(shared)

    with stopped_when_lost(term, stop):
        assert not stop.wait(0.1)
        term.hand_back()
        assert not stop.wait(0.1)
