"""The lease of one machine: one holder, whoever else comes is told, and the kernel frees it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from offloadctl.adapters.file_lease import hold_file
from offloadctl.errors import LeaseHeld, StateUnwritable
from offloadctl.exitcodes import ExitCode


def test_a_second_holder_is_told_who_the_first_one_is(tmp_path: Path) -> None:
    lease = tmp_path / "state" / "serve.lock"

    with hold_file(lease), pytest.raises(LeaseHeld, match=f"process {os.getpid()} on ") as raised, hold_file(lease):
        pytest.fail("two hold it")

    assert raised.value.exit_code is ExitCode.LEASE_HELD


def test_a_lease_that_was_given_back_can_be_had_again(tmp_path: Path) -> None:
    lease = tmp_path / "serve.lock"
    with hold_file(lease):
        pass

    with hold_file(lease):
        assert lease.read_text().startswith(f"process {os.getpid()} ")


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    lease = tmp_path / "serve.lock"
    held = f"import fcntl, os; fd = os.open({str(lease)!r}, os.O_RDWR | os.O_CREAT); fcntl.flock(fd, fcntl.LOCK_EX)"
    with subprocess.Popen(
        [sys.executable, "-c", f"{held}; print('held', flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(LeaseHeld), hold_file(lease):
            pytest.fail("two hold it")

        other.kill()
        other.wait()

        with hold_file(lease):
            pass


def test_a_place_where_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StateUnwritable), hold_file(tmp_path / "file" / "serve.lock"):
        pytest.fail("held nowhere")
