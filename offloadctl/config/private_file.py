"""A file of ours that may hold secrets: changed all or nothing, by one process at a time, for its owner's eyes."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from offloadctl.errors import SettingsError


def read_text(path: Path) -> str:
    """The file's text with its own line ends; empty if there is no file."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{path}: the context file cannot be read: {reason}") from error


def change_text(path: Path, change: Callable[[str], str]) -> None:
    """Give the file the text that `change` makes of the one it has; other processes that do so wait."""
    # Behind a symbolic link is where the person keeps it.
    target = path.resolve()
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(target.parent):
            before = read_text(target)
            after = change(before)
            if after != before:
                _replace(target, after)
    except OSError as error:
        raise SettingsError(f"{path}: the context file cannot be written: {error.strerror}") from error


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    # The file itself is replaced, so a lock on it would hold nobody; and a file for the lock would stay behind.
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        # Some network file systems lock no directories; there the last one wins, with a whole file.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(target: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp made it 0600, and the rename keeps that.
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
