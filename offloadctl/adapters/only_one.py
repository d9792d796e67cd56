"""One process at a time: a locked file, which the kernel unlocks however its process ends. It is never taken away."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from offloadctl.errors import LeaseHeld, StateUnwritable

_LONGEST: Final = 400


@contextmanager
def only_one(path: Path, *, what: str, who: str = "") -> Iterator[None]:
    """Hold it until the end of the block; LeaseHeld, at once, if another process does, with what that says of itself.

    The file's text is for people alone: who holds it only the kernel knows.
    """
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
                f"{path}: another process {what}{_holder(descriptor)}",
                hint="let it do the work, or wait for its end: offloadctl schedule history",
            ) from error
        except OSError as error:
            raise StateUnwritable(
                f"{path}: it cannot be locked: {error.strerror}",
                hint="give a directory on a local disk: --state",
            ) from error
        _tell(descriptor, who)
        try:
            yield
        finally:
            _tell(descriptor, "")
    finally:
        os.close(descriptor)


def _tell(descriptor: int, who: str) -> None:
    # A full disk must not end who has the lock: it is but for people.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, who.encode(), 0)


def _holder(descriptor: int) -> str:
    try:
        found = os.pread(descriptor, _LONGEST, 0).decode(errors="replace").strip()
    except OSError:
        return ""
    return f": {found}" if found and found.isprintable() else ""
