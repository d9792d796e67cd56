"""The lease of a single machine: a locked file, which the kernel unlocks however its holder ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from offloadctl.errors import LeaseHeld, StateUnwritable


@contextmanager
def hold_file(path: Path) -> Iterator[None]:
    """Be the only one until the end of the block, or of the process; LeaseHeld at once if somebody else is."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateUnwritable(
            f"{path}: cannot be opened: {error.strerror}", hint="give access there, or give another directory: --state"
        ) from error
    try:
        _lock(descriptor, path)
        # For people: who it is. The file stays, as another one may have opened it by now.
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip() or "another process"
        raise LeaseHeld(
            f"{holder} runs the schedules of this state directory: it holds {path}",
            hint="end it first, or give another directory: --state",
        ) from error
    except OSError as error:
        raise StateUnwritable(
            f"{path}: cannot be locked: {error.strerror}", hint="give a directory on a local disk: --state"
        ) from error
