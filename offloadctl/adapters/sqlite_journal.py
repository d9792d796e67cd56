"""The journal in `journal.sqlite`, with a locked file beside it for each run that is alive."""

import json
import secrets
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from offloadctl.adapters.journal_rows import (
    Value,
    end_row,
    micros,
    note_of,
    note_row,
    plan_row,
    run_of,
    run_row,
    step_of,
)
from offloadctl.adapters.journal_shape import JOURNAL
from offloadctl.adapters.run_locks import RunLocks
from offloadctl.adapters.sqlite_file import SqliteFile
from offloadctl.errors import StateNewer
from offloadctl.exitcodes import ExitCode
from offloadctl.model.journal import (
    Attempt,
    HistoryFilter,
    Note,
    Run,
    RunStart,
    RunState,
    Step,
    StepCounts,
    StepEnd,
    StepPlan,
    attempts_before,
    attempts_left,
)
from offloadctl.model.names import TopicName
from offloadctl.ports import Clock

KEPT_FOR: Final = timedelta(days=90)
KEPT_BYTES: Final = 1024**3
"""Of what is older, or more, the oldest runs are forgotten; never one that has unfinished steps."""

_FORGOTTEN_AT_ONCE: Final = 10
_UNFINISHED: Final = "sent_at IS NOT NULL AND outcome IS NULL"


class SqliteHistory:
    """Keeps the promises of `ports.journal.History`; of a journal that is not there, nothing was ever written."""

    def __init__(self, directory: Path, *, read_only: bool = True) -> None:
        self.path = directory / "journal.sqlite"
        self._is_there = not read_only or self.path.exists()
        self._file = SqliteFile(self.path, JOURNAL, what="the journal", read_only=read_only)
        self._locks = RunLocks(directory / "runs")

    @property
    def location(self) -> str:
        """The file."""
        return str(self.path)

    def runs(self, asked: HistoryFilter) -> tuple[Run, ...]:
        """By the index of times; steps are looked at only if they are asked for."""
        where, values = _conditions(asked)
        query = f"SELECT * FROM run WHERE {where} ORDER BY started_at DESC, id DESC LIMIT ?"  # noqa: S608 - our own text
        with self._reading() as connection:
            rows = connection.execute(query, (*values, -1 if asked.limit is None else asked.limit)).fetchall()
            found = [self._run(connection, row) for row in rows]
        return tuple(self._sure(run) for run in found)

    def run(self, run_id: str) -> Run | None:
        """One row."""
        found = self._read_run(run_id)
        return self._sure(found) if found is not None else None

    def ids_like(self, text: str) -> tuple[str, ...]:
        """Compared as text, so that no sign means more than itself."""
        query = "SELECT id FROM run WHERE substr(id, 1, ?1) = ?2 OR substr(id, -?1) = ?2 ORDER BY id"
        with self._reading() as connection:
            return tuple(row["id"] for row in connection.execute(query, (len(text), text))) if text else ()

    def steps(self, run_id: str, *, topic: TopicName | None = None, only_unfinished: bool = False) -> tuple[Step, ...]:
        """By the key, which is run and topic."""
        where, values = ["run_id = ?"], list[Value]([run_id])
        if topic is not None:
            where.append(_OF_TOPIC)
            values += _of_topic(topic)
        if only_unfinished:
            where.append(_UNFINISHED)
        query = f"SELECT * FROM step WHERE {' AND '.join(where)} ORDER BY topic"  # noqa: S608 - our own text
        with self._reading() as connection:
            return tuple(step_of(row) for row in connection.execute(query, values))

    def step(self, run_id: str, topic: TopicName) -> Step | None:
        """By its key."""
        with self._reading() as connection:
            query = "SELECT * FROM step WHERE run_id = ? AND topic = ?"
            row = connection.execute(query, (run_id, str(topic))).fetchone()
            return step_of(row) if row is not None else None

    def unfinished(self, cluster: str, topics: Collection[TopicName] | None = None) -> tuple[Step, ...]:
        """By an index that holds these steps only, and so is small."""
        query = (
            "SELECT step.* FROM step JOIN run ON run.id = step.run_id"
            " WHERE sent_at IS NOT NULL AND outcome IS NULL AND cluster = ? ORDER BY run.started_at, topic"
        )
        with self._reading() as connection:
            found = tuple(step_of(row) for row in connection.execute(query, (cluster,)))
        return found if topics is None else tuple(step for step in found if step.topic in topics)

    def attempts(self, cluster: str) -> tuple[Attempt, ...]:
        """What the steps left behind."""
        query = (
            "SELECT DISTINCT topic, ledger_id, uuid FROM attempt JOIN run ON run.id = attempt.run_id"
            " WHERE cluster = ? ORDER BY topic, ledger_id, uuid"
        )
        with self._reading() as connection:
            return tuple(
                Attempt(TopicName.parse(row["topic"]), row["ledger_id"], UUID(row["uuid"]))
                for row in connection.execute(query, (cluster,))
            )

    def notes(
        self, *, kind: str | None = None, besides: Collection[str] = (), since: datetime | None = None
    ) -> tuple[Note, ...]:
        """By the index of times."""
        query = (
            "SELECT * FROM note WHERE (?1 IS NULL OR kind = ?1) AND at >= ?2"
            " AND kind NOT IN (SELECT value FROM json_each(?3)) ORDER BY at DESC, id DESC"
        )
        given = (kind, micros(since) if since else 0, json.dumps([*besides]))
        with self._reading() as connection:
            return tuple(note_of(row) for row in connection.execute(query, given))

    def newest_note(self, kinds: Collection[str], schedule: str) -> Note | None:
        """By an index; the order is that of writing, since a clock may go back."""
        query = f"SELECT * FROM note WHERE kind = ? AND {_SCHEDULE} = ? ORDER BY id DESC LIMIT 1"  # noqa: S608 - our own text
        with self._reading() as connection:
            found = [connection.execute(query, (kind, schedule)).fetchone() for kind in kinds]
            newest = max((row for row in found if row is not None), key=lambda row: row["id"], default=None)
            return note_of(newest) if newest is not None else None

    def is_alive(self, run_id: str) -> bool:
        """By its lock."""
        return self._locks.is_taken(run_id)

    def close(self) -> None:
        """Close the file; runs that were not ended are dead from now on."""
        self._locks.drop_all()
        self._file.close()

    def _sure(self, run: Run) -> Run:
        """Of a run that seems to be broken off: its row once more, since it may have ended after the row was read."""
        return (self._read_run(run.run_id) or run) if run.state is RunState.BROKEN_OFF else run

    def _read_run(self, run_id: str) -> Run | None:
        with self._reading() as connection:
            row = connection.execute("SELECT * FROM run WHERE id = ?", (run_id,)).fetchone()
            return self._run(connection, row) if row is not None else None

    def _run(self, connection: sqlite3.Connection, row: sqlite3.Row) -> Run:
        ended = row["ended_at"] is not None
        return run_of(row, _counts(connection, row["id"]), is_alive=not ended and self.is_alive(row["id"]))

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        if not self._is_there:
            with _nothing() as connection:
                yield connection
            return
        try:
            with self._file.reading() as connection:
                yield connection
        except (KeyError, ValueError) as error:
            raise StateNewer(
                f"{self.path}: the journal says what this version of offloadctl does not know: {error}",
                hint="use the newer version that wrote it",
            ) from error


class SqliteJournal(SqliteHistory):
    """Keeps the promises of `ports.journal.Journal`; each method is one transaction.

    What is about to be sent is on disk for good before it is. The end of a step is not waited for in the same way: it
    outlives the process, and after a power cut the step is unfinished and will be judged.
    """

    def __init__(
        self, directory: Path, clock: Clock, *, kept_for: timedelta = KEPT_FOR, kept_bytes: int = KEPT_BYTES
    ) -> None:
        super().__init__(directory, read_only=False)
        self._clock = clock
        self._kept_for = kept_for
        self._kept_bytes = kept_bytes

    def begin_run(self, start: RunStart) -> str:
        """The lock first: a run that the journal knows and nobody holds is dead."""
        now = self._clock.now()
        run_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        with self._file.changing() as connection:
            self._forget(connection, now)
        self._locks.sweep()
        self._locks.take(run_id)
        try:
            with self._file.changing() as connection:
                _insert(connection, "run", [run_row(run_id, start, now)])
        except BaseException:
            self._locks.release(run_id)
            raise
        return run_id

    def plan_steps(self, run_id: str, plans: Sequence[StepPlan]) -> None:
        """In one transaction."""
        with self._file.changing() as connection:
            _insert(connection, "step", [plan_row(run_id, plan) for plan in plans])

    def begin_step(self, run_id: str, plan: StepPlan) -> Step | None:
        """Looked and written in one transaction, so that two processes cannot both find the way clear."""
        with self._file.changing() as connection:
            if (other := _in_the_way(connection, run_id, plan.topic)) is not None:
                return other
            row = plan_row(run_id, plan) | {"sent_at": micros(self._clock.now())}
            _insert(connection, "step", [row])
            _add_attempts(connection, run_id, attempts_before(plan))
        return None

    def end_step(self, run_id: str, topic: TopicName, end: StepEnd) -> bool:
        """Written at once, and by the disk when it likes."""
        with self._file.changing(durably=False) as connection:
            return _end(connection, run_id, topic, end, self._clock.now())

    def end_run(self, run_id: str, exit_code: ExitCode, left: Mapping[TopicName, StepEnd]) -> None:
        """With everything before it on disk for good."""
        now = self._clock.now()
        with self._file.changing() as connection:
            for topic, end in left.items():
                _end(connection, run_id, topic, end, now)
            query = "UPDATE run SET ended_at = ?, exit_code = ? WHERE id = ?"
            connection.execute(query, (micros(now), int(exit_code), run_id))
        self._locks.release(run_id)

    def note(self, kind: str, text: str, facts: Mapping[str, str], *, run_id: str = "") -> None:
        """One row."""
        with self._file.changing() as connection:
            _insert(connection, "note", [note_row(self._clock.now(), kind, text, facts, run_id)])

    def _forget(self, connection: sqlite3.Connection, now: datetime) -> None:
        oldest_kept = micros(now - self._kept_for)
        old = f"started_at < ? AND {_MAY_BE_FORGOTTEN}"
        rows = connection.execute(f"SELECT id, ended_at FROM run WHERE {old}", (oldest_kept,)).fetchall()  # noqa: S608 - our own text
        _forget_runs(connection, [row["id"] for row in rows if self._is_over(row)])
        connection.execute(f"DELETE FROM note WHERE at < ? AND {_NOTE_MAY_BE_FORGOTTEN}", (oldest_kept,))  # noqa: S608 - our own text
        query = f"SELECT id, ended_at FROM run WHERE {_MAY_BE_FORGOTTEN} ORDER BY started_at LIMIT ?"  # noqa: S608 - our own text
        while _used_bytes(connection) > self._kept_bytes:
            rows = connection.execute(query, (_FORGOTTEN_AT_ONCE,)).fetchall()
            if over := [row["id"] for row in rows if self._is_over(row)]:
                _forget_runs(connection, over)
            elif not _forget_notes(connection):
                return

    def _is_over(self, row: sqlite3.Row) -> bool:
        return row["ended_at"] is not None or not self.is_alive(row["id"])


_MAY_BE_FORGOTTEN: Final = f"id NOT IN (SELECT run_id FROM step WHERE {_UNFINISHED})"  # noqa: S608 - our own text


_SCHEDULE: Final = "json_extract(facts, '$.schedule')"
# A pause holds as long as nobody ends it, and the last decision is the state of its schedule.
_NOTE_MAY_BE_FORGOTTEN: Final = (
    f"id NOT IN (SELECT max(id) FROM note WHERE {_SCHEDULE} IS NOT NULL GROUP BY kind, {_SCHEDULE})"  # noqa: S608
)


@contextmanager
def _nothing() -> Iterator[sqlite3.Connection]:
    """The tables of a journal in which nothing was ever written."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        for statement in (one for step in JOURNAL.steps for one in step):
            connection.execute(statement)
        yield connection
    finally:
        connection.close()


_OF_TOPIC: Final = "(topic = ? OR (topic > ? AND topic < ?))"


def _of_topic(topic: TopicName) -> tuple[str, str, str]:
    """A topic, and what its partitions lie between in the order of the index: `.` comes after `-`."""
    return str(topic), f"{topic}-partition-", f"{topic}-partition."


def _conditions(asked: HistoryFilter) -> tuple[str, list[Value]]:
    where, values = ["started_at >= ?"], list[Value]([micros(asked.since) if asked.since is not None else 0])
    if asked.context is not None:
        where.append("context = ?")
        values.append(asked.context)
    if asked.topic is not None:
        where.append(f"id IN (SELECT run_id FROM step WHERE {_OF_TOPIC})")  # noqa: S608 - our own text
        values += _of_topic(asked.topic)
    if asked.only_unfinished:
        where.append(f"id IN (SELECT run_id FROM step WHERE {_UNFINISHED})")  # noqa: S608 - our own text
    return " AND ".join(where), values


def _counts(connection: sqlite3.Connection, run_id: str) -> StepCounts:
    query = (
        "SELECT outcome, count(*) AS steps, sum(sent_at IS NOT NULL AND outcome IS NULL) AS unfinished,"
        " sum(ledgers_planned) AS ledgers_planned, sum(bytes_planned) AS bytes_planned,"
        " sum(ledgers_moved) AS ledgers_moved, sum(bytes_moved) AS bytes_moved, sum(object_bytes) AS object_bytes"
        " FROM step WHERE run_id = ? GROUP BY outcome"
    )
    rows = connection.execute(query, (run_id,)).fetchall()

    def total(name: str) -> int:
        return sum(row[name] for row in rows)

    outcomes = {row["outcome"]: row["steps"] for row in rows if row["outcome"] is not None}
    return StepCounts(
        steps=total("steps"),
        ended=sum(outcomes.values()),
        unfinished=total("unfinished"),
        ledgers_planned=total("ledgers_planned"),
        bytes_planned=total("bytes_planned"),
        ledgers_moved=total("ledgers_moved"),
        bytes_moved=total("bytes_moved"),
        object_bytes=total("object_bytes"),
        outcomes=outcomes,
    )


def _in_the_way(connection: sqlite3.Connection, run_id: str, topic: TopicName) -> Step | None:
    query = (
        "SELECT step.* FROM step JOIN run ON run.id = step.run_id"
        " WHERE topic = ? AND sent_at IS NOT NULL AND outcome IS NULL AND run_id <> ?"
        " AND cluster = (SELECT cluster FROM run WHERE id = ?) ORDER BY sent_at LIMIT 1"
    )
    row = connection.execute(query, (str(topic), run_id, run_id)).fetchone()
    return step_of(row) if row is not None else None


def _end(connection: sqlite3.Connection, run_id: str, topic: TopicName, end: StepEnd, now: datetime) -> bool:
    row = end_row(run_id, topic, end, now)
    changes = ", ".join(f"{name} = :{name}" for name in row if name not in ("run_id", "topic"))
    # A step's own run knows best, even if another one has judged it meanwhile.
    only_once = " AND outcome IS NULL" if end.judged_by else ""
    query = f"UPDATE step SET {changes} WHERE run_id = :run_id AND topic = :topic{only_once}"  # noqa: S608 - our own text
    if not connection.execute(query, row).rowcount:
        return False
    complete = [(str(topic), one.ledger_id, str(one.uuid)) for one in end.moved if one.uuid is not None]
    connection.executemany("DELETE FROM attempt WHERE topic = ? AND ledger_id = ? AND uuid = ?", complete)
    _add_attempts(connection, run_id, attempts_left(topic, end))
    return True


def _add_attempts(connection: sqlite3.Connection, run_id: str, attempts: Iterable[Attempt]) -> None:
    rows = [(run_id, str(one.topic), one.ledger_id, str(one.uuid)) for one in attempts]
    connection.executemany("INSERT OR IGNORE INTO attempt VALUES (?, ?, ?, ?)", rows)


def _insert(connection: sqlite3.Connection, table: str, rows: Sequence[Mapping[str, Value]]) -> None:
    """Rows that all have the same columns; a step that is there is planned anew."""
    if rows:
        columns = ", ".join(rows[0])
        values = ", ".join(f":{name}" for name in rows[0])
        kept = ", ".join(f"{name} = excluded.{name}" for name in rows[0])
        again = f" ON CONFLICT (run_id, topic) DO UPDATE SET {kept}" if table == "step" else ""
        query = f"INSERT INTO {table} ({columns}) VALUES ({values}){again}"  # noqa: S608 - our own text
        connection.executemany(query, rows)


def _forget_runs(connection: sqlite3.Connection, run_ids: Sequence[str]) -> None:
    connection.executemany("DELETE FROM run WHERE id = ?", [(run_id,) for run_id in run_ids])


def _forget_notes(connection: sqlite3.Connection) -> int:
    query = f"DELETE FROM note WHERE id IN (SELECT id FROM note WHERE {_NOTE_MAY_BE_FORGOTTEN} ORDER BY at LIMIT ?)"  # noqa: S608 - our own text
    return connection.execute(query, (_FORGOTTEN_AT_ONCE,)).rowcount


def _used_bytes(connection: sqlite3.Connection) -> int:
    """Without the pages of what was forgotten: they are used again before the file grows."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
