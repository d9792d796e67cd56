"""A SQLite file of ours: made when it is needed, brought to its newest shape, shared by processes and threads.

What an operator can meet is told in words: a file that cannot be written, is full, damaged, locked, somebody else's,
or of a newer offloadctl. Nothing is repaired and nothing is thrown away here.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Final
from urllib.parse import quote

from offloadctl.errors import StateBusy, StateDamaged, StateError, StateNewer, StateUnwritable

BUSY_TIMEOUT_S: Final = 30.0
"""How long a change waits for another process's; ours take milliseconds."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a file holds: whose it is, and the steps that made its tables, oldest first. Steps are only ever added."""

    application_id: int
    """Written into the file's header (`PRAGMA application_id`), so that a file of another kind is refused."""
    steps: tuple[tuple[str, ...], ...]
    """Each a few SQL statements; a file of version n has been through the first n steps (`PRAGMA user_version`)."""


class SqliteFile:
    """One file, opened when it is first used. May be used from several threads; they take turns."""

    def __init__(self, path: Path, shape: Shape, *, what: str, read_only: bool = False) -> None:
        """`what` names it for people, as in `the journal`; a `read_only` one must exist and be of the newest shape."""
        self.path = path
        self._shape = shape
        self._what = what
        self._read_only = read_only
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def changing(self, *, durably: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction that is on disk when the block ends, and undone if it raises; StateError if it cannot be.

        Without `durably` it outlives the process, but perhaps not the power; and it costs no wait for the disk.
        """
        with self._lock, self._told():
            connection = self._opened()
            connection.execute(f"PRAGMA synchronous = {'FULL' if durably else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # A full disk has rolled it back already.
                if connection.in_transaction:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent view of everything that was committed; StateError if there is none."""
        with self._lock, self._told():
            connection = self._opened()
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close it; using it again opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        if not self._read_only:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = self._connect()
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            if not self._read_only:
                # One write to disk for a commit, and readers need not wait; FULL: what is committed outlives the power.
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
            self._bring_up(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self) -> sqlite3.Connection:
        if not self._read_only:
            existed = self.path.exists()
            connection = self._connect_to("rwc")
            if not existed:
                self.path.chmod(0o600)
            return connection
        # On a read-only medium SQLite cannot make the files by which processes share a WAL; without them nobody writes.
        shared = any(self.path.with_name(self.path.name + end).exists() for end in ("-wal", "-shm"))
        return self._connect_to("ro" if shared else "ro&immutable=1")

    def _connect_to(self, mode: str) -> sqlite3.Connection:
        # isolation_level=None: transactions begin and end where this class says so.
        return sqlite3.connect(
            f"file:{quote(str(self.path))}?mode={mode}",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )

    def _bring_up(self, connection: sqlite3.Connection) -> None:
        """All steps that are missing, in one transaction: a process that dies in it leaves the old shape."""
        newest = len(self._shape.steps)
        if self._version(connection) == newest:
            return
        if self._read_only:
            raise StateError(
                f"{self.path}: {self._what} has an older shape, and may not be changed here",
                hint="run a command that writes it once, with this version of offloadctl",
            )
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have been faster.
            for step in self._shape.steps[self._version(connection) :]:
                for statement in step:
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {self._shape.application_id}")
            connection.execute(f"PRAGMA user_version = {newest}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise

    def _version(self, connection: sqlite3.Connection) -> int:
        """How many steps the file has been through; refuses what this program must not touch."""
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application_id,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if (tables or version) and application_id != self._shape.application_id:
            raise StateDamaged(
                f"{self.path}: this is not {self._what}, but another SQLite file",
                hint="give another directory: --state",
            )
        if version > len(self._shape.steps):
            raise StateNewer(
                f"{self.path}: {self._what} was written by a newer offloadctl (shape {version}, this one knows"
                f" {len(self._shape.steps)})",
                hint="use that version, or another directory: --state",
            )
        return int(version)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's errors and the file system's in our words."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._in_words(error) from error
        except OSError as error:
            raise self._unwritable(error.strerror or str(error)) from error

    def _in_words(self, error: sqlite3.Error) -> StateError:
        # The low byte is the primary code: https://sqlite.org/rescode.html
        primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return StateDamaged(
                f"{self.path}: {self._what} is damaged: {error}",
                hint=f"keep it for whoever can mend it: mv {self.path} {self.path}.damaged; a new one is made then",
            )
        if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StateBusy(
                f"{self.path}: another process has held {self._what} for {BUSY_TIMEOUT_S:g} s",
                hint=f"see who has it: fuser {self.path}",
            )
        if primary in (
            sqlite3.SQLITE_FULL,
            sqlite3.SQLITE_IOERR,
            sqlite3.SQLITE_READONLY,
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_PERM,
        ):
            return self._unwritable(str(error))
        return StateError(f"{self.path}: {self._what} cannot be used: {error}")

    def _unwritable(self, why: str) -> StateError:
        done, hint = "written", "make room or give write access there, or give another directory: --state"
        if self._read_only:
            done, hint = "read", "give the directory that it is in: --state"
        return StateUnwritable(f"{self.path}: {self._what} cannot be {done}: {why}", hint=hint)
