"""Whether another run is alive: a locked file for each run, which the kernel unlocks however its process ends.

Process ids would be given again, and say nothing across containers; a lock is seen by whoever sees the file.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from offloadctl.errors import StateError, StateUnwritable

_SUFFIX: Final = ".lock"


class RunLocks:
    """The lock files of one directory, and those of them that this process holds."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._held: dict[str, int] = {}

    def take(self, run_id: str) -> None:
        """Be alive: until `release`, or the end of the process."""
        path = self._path(run_id)
        with _told(path):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Under its own name it is never there unlocked, so whoever finds an unlocked file may take it away.
            draft = path.with_suffix(".new")
            descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                draft.rename(path)
            except BaseException:
                os.close(descriptor)
                raise
        self._held[run_id] = descriptor

    def release(self, run_id: str) -> None:
        """Be alive no more."""
        descriptor = self._held.pop(run_id, None)
        if descriptor is not None:
            with suppress(OSError):
                self._path(run_id).unlink(missing_ok=True)
            os.close(descriptor)

    def drop_all(self) -> None:
        """Unlock everything and leave the files: what the end of the process does."""
        while self._held:
            os.close(self._held.popitem()[1])

    def is_taken(self, run_id: str) -> bool:
        """Whether the run's process holds the lock, here or elsewhere."""
        return run_id in self._held or _is_locked(self._path(run_id))

    def sweep(self) -> None:
        """Take away the files of the dead."""
        with _told(self._directory):
            for path in self._directory.glob(f"*{_SUFFIX}"):
                if path.stem not in self._held and not _is_locked(path):
                    path.unlink(missing_ok=True)

    def _path(self, run_id: str) -> Path:
        return self._directory / f"{run_id}{_SUFFIX}"


def _is_locked(path: Path) -> bool:
    with _told(path):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            # Shared: two who look at the same time must not take each other for the owner.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise StateUnwritable(
            f"{path}: cannot be used: {error.strerror}", hint="give access there, or give another directory: --state"
        ) from error
    except BlockingIOError as error:
        raise StateError(f"{path}: is locked by another process", hint="give another directory: --state") from error
    except OSError as error:
        raise StateUnwritable(
            f"{path}: whether a run is alive is known by locking this file, and that fails: {error.strerror}",
            hint="make room, or give a directory on a local disk: --state",
        ) from error
