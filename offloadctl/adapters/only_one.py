"""One process at a time: a locked file, which the kernel unlocks however its process ends. It is never taken away."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from offloadctl.errors import LeaseHeld, StateUnwritable


@contextmanager
def only_one(path: Path, *, what: str) -> Iterator[None]:
    """Hold it until the end of the block; LeaseHeld, at once, if another process does."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateUnwritable(
            f"{path}: cannot be used: {error.strerror}", hint="give access there, or give another directory: --state"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LeaseHeld(
                f"{path}: another process {what}",
                hint="let it do the work, or wait for its end: offloadctl schedule history",
            ) from error
        except OSError as error:
            raise StateUnwritable(
                f"{path}: it cannot be locked: {error.strerror}",
                hint="give a directory on a local disk: --state",
            ) from error
        yield
    finally:
        os.close(descriptor)
