"""What checks remember of objects and of their runs, in `checks.sqlite`."""

import fcntl
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import msgspec

from offloadctl.adapters.decoding import decoded
from offloadctl.adapters.sqlite_file import SqliteFile
from offloadctl.adapters.sqlite_rows import COLUMNS, look_of, time_of, time_value, values_of
from offloadctl.errors import StateDamaged, StateUnwritable
from offloadctl.model.check import Level
from offloadctl.model.check_run import CheckRun, RunAsked
from offloadctl.model.names import TopicName
from offloadctl.model.verified import OffloadedLedger, Place, Verified, newest_clean

KEPT: Final = timedelta(days=400)
"""What was looked at longer ago is forgotten: no age that anybody asks for is so great, and what is gone must go."""

_FROM: Final = "FROM topic JOIN verified USING (topic_id) JOIN place USING (place_id)"

_KEY: Final = "topic_id = :topic_id AND ledger_id = :ledger_id AND uuid = :uuid AND place_id = :place_id"
_SAME: Final = (
    "data_etag = :data_etag AND data_size = :data_size AND index_etag = :index_etag AND index_size = :index_size"
)

# Both together are `model.verified.merged`.
_DELETE_OUTDATED: Final = (
    f"DELETE FROM verified WHERE {_KEY} AND verified_at <= :verified_at"  # noqa: S608 - constants
    f" AND NOT (:is_clean AND level > :level AND {_SAME})"
)
_INSERT: Final = (
    "INSERT INTO verified SELECT :topic_id, :ledger_id, :uuid, :place_id, :level, :data_etag, :data_size,"  # noqa: S608
    " :index_etag, :index_size, :verified_at, :run_id, :is_clean, :rules, :figures"
    f" WHERE NOT EXISTS (SELECT 1 FROM verified WHERE {_KEY} AND verified_at > :verified_at"
    f" AND (level = :level OR NOT is_clean OR NOT ({_SAME})))"
)


class SqliteChecks:
    """Keeps the promises of `ports.checks.VerifiedStore` and `CheckRuns`; each method is one transaction."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._locks: dict[int, int] = {}

    # -- what was verified

    def clean_since(self, ledgers: Iterable[OffloadedLedger], level: Level, since: datetime) -> Sequence[Verified]:
        """The newest of each ledger and bucket."""
        by_topic = defaultdict[TopicName, set[OffloadedLedger]](set)
        for one in ledgers:
            by_topic[one.topic].add(one)
        found = []
        with self._file.reading() as connection:
            for topic, asked in by_topic.items():
                looks = self._of_topic(connection, topic, (one.ledger_id for one in asked))
                for (ledger, _), those in groupby(looks, key=lambda look: (look.ledger, look.objects.place)):
                    newest = newest_clean(those, level, since) if ledger in asked else None
                    if newest is not None:
                        found.append(newest)
        return found

    def remember(self, looks: Sequence[Verified]) -> None:
        """Keep these."""
        with self._file.changing() as connection:
            topics = {one: _topic_id(connection, one) for one in {look.ledger.topic for look in looks}}
            places = {one: _place_id(connection, one) for one in {look.objects.place for look in looks}}
            for one in looks:
                values = values_of(one, topic_id=topics[one.ledger.topic], place_id=places[one.objects.place])
                connection.execute(_DELETE_OUTDATED, values)
                connection.execute(_INSERT, values)

    def forget(self, ledgers: Iterable[OffloadedLedger]) -> None:
        """Nothing is known of these any more."""
        with self._file.changing() as connection:
            connection.executemany(
                "DELETE FROM verified WHERE topic_id = (SELECT topic_id FROM topic WHERE name = ?)"
                " AND ledger_id = ? AND uuid = ?",
                [(str(one.topic), one.ledger_id, one.uuid.bytes) for one in ledgers],
            )

    # -- runs

    def begin(self, asked: RunAsked, at: datetime) -> CheckRun:
        """A new run; the first one of a month clears up."""
        with self._file.changing() as connection:
            (last,) = connection.execute("SELECT max(began_at) FROM run").fetchone()
            if last is None or f"{time_of(last):%Y-%m}" != f"{at:%Y-%m}":
                self._clear_up(connection, at)
            cursor = connection.execute(
                "INSERT INTO run (asked, began_at) VALUES (?, ?)",
                (msgspec.json.encode(asdict(asked)).decode(), time_value(at)),
            )
            assert cursor.lastrowid is not None  # noqa: S101 - a row was inserted
            run = CheckRun(cursor.lastrowid, asked, at)
            # Nobody else sees the run before it is ours.
            self._lock(run)
            return run

    def unfinished(self) -> Sequence[CheckRun]:
        """The newest first."""
        with self._file.reading() as connection:
            return [_run(row) for row in connection.execute(f"{_RUNS} WHERE ended_at IS NULL ORDER BY run_id DESC")]

    def take_up(self, run: CheckRun) -> bool:
        """Make it ours."""
        if not self._lock(run):
            return False
        if any(one.number == run.number for one in self.unfinished()):
            return True
        self.release(run)
        return False

    def set_window(self, run: CheckRun, window: str) -> None:
        """Keep the window."""
        with self._file.changing() as connection:
            connection.execute("UPDATE run SET window = ? WHERE run_id = ?", (window, run.number))

    def clean_by(self, run: CheckRun, topics: Iterable[TopicName]) -> Sequence[Verified]:
        """What the run has found clean of these topics."""
        with self._file.reading() as connection:
            looks = (look for topic in sorted(set(topics)) for look in self._of_topic(connection, topic))
            return [one for one in looks if one.run == run.number and one.is_clean]

    def end(self, run: CheckRun, at: datetime) -> None:
        """It is finished."""
        with self._file.changing() as connection:
            connection.execute("UPDATE run SET ended_at = ? WHERE run_id = ?", (time_value(at), run.number))
        with suppress(OSError):
            self._lock_path(run).unlink(missing_ok=True)
        self.release(run)

    def release(self, run: CheckRun) -> None:
        """Not ours any more."""
        lock = self._locks.pop(run.number, None)
        if lock is not None:
            os.close(lock)

    def close(self) -> None:
        """Close the file; no run is ours any more."""
        for lock in self._locks.values():
            os.close(lock)
        self._locks.clear()
        self._file.close()

    # -- rows

    def _of_topic(
        self, connection: sqlite3.Connection, topic: TopicName, ledger_ids: Iterable[int] | None = None
    ) -> Iterator[Verified]:
        """All looks at a topic's ledgers, in the order of the key; some more than asked for."""
        asked = sorted(ledger_ids) if ledger_ids is not None else [0, 2**63 - 1]
        rows = connection.execute(
            f"SELECT {COLUMNS} {_FROM} WHERE name = ? AND ledger_id BETWEEN ? AND ?"
            " ORDER BY ledger_id, uuid, place_id, level",
            (str(topic), asked[0], asked[-1]),
        )
        try:
            for row in rows:
                yield look_of(tuple(row), topic)
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
            raise StateDamaged(
                f"{self._file.path}: a row of what was verified cannot be read: {error}",
                hint=f"it may be lost without harm: rm {self._file.path}",
            ) from error

    def _clear_up(self, connection: sqlite3.Connection, now: datetime) -> None:
        before = now - KEPT
        # A clock that was ahead once must not vouch for objects until it is right.
        connection.execute(
            "DELETE FROM verified WHERE verified_at NOT BETWEEN ? AND ?", (time_value(before), time_value(now))
        )
        connection.execute("DELETE FROM run WHERE began_at < ?", (time_value(before),))
        known = {number for (number,) in connection.execute("SELECT run_id FROM run WHERE ended_at IS NULL")}
        for path in self._file.path.parent.glob(_LOCK.format("*")):
            if path.stem.rpartition("-")[2] not in map(str, known):
                with suppress(OSError):
                    path.unlink()

    # -- whose a run is

    def _lock(self, run: CheckRun) -> bool:
        """The kernel gives it back when a process dies, however it does."""
        try:
            lock = os.open(self._lock_path(run), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BaseException:
                os.close(lock)
                raise
        except BlockingIOError:
            return False
        except OSError as error:
            raise StateUnwritable(f"{self._lock_path(run)}: it cannot be locked: {error.strerror}") from error
        self._locks[run.number] = lock
        return True

    def _lock_path(self, run: CheckRun) -> Path:
        return self._file.path.with_name(_LOCK.format(run.number))


_LOCK: Final = "checks-run-{}.lock"
_RUNS: Final = "SELECT run_id, asked, began_at, window FROM run"


def _run(row: Any) -> CheckRun:
    number, asked, began_at, window = row
    return CheckRun(number, decoded(asked, RunAsked), time_of(began_at), window)


def _topic_id(connection: sqlite3.Connection, topic: TopicName) -> int:
    connection.execute("INSERT INTO topic (name) VALUES (?) ON CONFLICT DO NOTHING", (str(topic),))
    (number,) = connection.execute("SELECT topic_id FROM topic WHERE name = ?", (str(topic),)).fetchone()
    return int(number)


def _place_id(connection: sqlite3.Connection, place: Place) -> int:
    connection.execute("INSERT INTO place (location, bucket) VALUES (?, ?) ON CONFLICT DO NOTHING", place)
    found = connection.execute("SELECT place_id FROM place WHERE (location, bucket) = (?, ?)", place)
    (number,) = found.fetchone()
    return int(number)
