"""One process at a time: while it lives, and not a moment longer."""

import subprocess
import sys
from pathlib import Path

import pytest

from offloadctl.adapters.only_one import only_one
from offloadctl.errors import LeaseHeld, StateUnwritable
from offloadctl.exitcodes import ExitCode

HOLDER = """
import sys, time
from pathlib import Path
from offloadctl.adapters.only_one import only_one
with only_one(Path(sys.argv[1]), what="works"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_one_is_told_at_once_and_may_begin_after_the_first(tmp_path: Path) -> None:
    path = tmp_path / "state" / "scheduler.lock"

    first, second = only_one(path, what="works", who="ann@ops, process 7"), only_one(path, what="works")
    with first, pytest.raises(LeaseHeld) as held, second:
        pytest.fail("two hold it")
    assert str(held.value) == f"{path}: another process works: ann@ops, process 7"

    with only_one(path, what="works"):
        assert held.value.exit_code is ExitCode.LEASE_HELD


def test_what_was_left_by_somebody_else_is_not_told_of_whoever_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.lock"
    path.write_text("bob@old-host-with-a-long-name, process 4711")

    with only_one(path, what="works"), pytest.raises(LeaseHeld) as held, only_one(path, what="works"):
        pytest.fail("two hold it")

    assert str(held.value) == f"{path}: another process works"


def test_a_process_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(LeaseHeld), only_one(path, what="works"):
        pytest.fail("two hold it")

    holder.kill()
    holder.wait(10)
    holder.stdout.close()

    with only_one(path, what="works"):
        pass


def test_a_place_that_cannot_be_written_is_an_error_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StateUnwritable), only_one(tmp_path / "file" / "scheduler.lock", what="works"):
        pytest.fail("it is held")
