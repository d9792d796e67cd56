"""Our SQLite files: what two processes, a full disk, a killed migration and somebody else's file do to them."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from offloadctl.adapters import sqlite_file
from offloadctl.adapters.sqlite_file import Shape, SqliteFile
from offloadctl.errors import StateBusy, StateDamaged, StateError, StateNewer, StateUnwritable

FIRST = ("CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",)
SECOND = ("ALTER TABLE fact ADD COLUMN at INTEGER",)
OLD, NEW = Shape(0x6F66_0001, (FIRST,)), Shape(0x6F66_0001, (FIRST, SECOND))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "facts.sqlite"


@pytest.fixture
def facts(path: Path) -> Iterator[SqliteFile]:
    file = SqliteFile(path, OLD, what="the facts")
    yield file
    file.close()


def put(file: SqliteFile, name: str, value: str = "x") -> None:
    with file.changing() as connection:
        connection.execute("INSERT INTO fact (name, value) VALUES (?, ?)", (name, value))


def names(file: SqliteFile) -> list[str]:
    with file.reading() as connection:
        return [row["name"] for row in connection.execute("SELECT name FROM fact ORDER BY name")]


def test_what_was_put_is_there_for_the_next_process(facts: SqliteFile, path: Path) -> None:
    put(facts, "a")
    facts.close()

    assert names(SqliteFile(path, OLD, what="the facts")) == ["a"]


def test_only_its_owner_may_read_it(facts: SqliteFile, path: Path) -> None:
    put(facts, "a")

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_block_that_raises_changes_nothing(facts: SqliteFile) -> None:
    put(facts, "a")

    def forget_all() -> None:
        with facts.changing() as connection:
            connection.execute("DELETE FROM fact")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        forget_all()

    assert names(facts) == ["a"]


def test_an_older_file_gets_the_steps_that_it_lacks_and_keeps_what_it_has(facts: SqliteFile, path: Path) -> None:
    put(facts, "a")
    facts.close()
    newer = SqliteFile(path, NEW, what="the facts")

    with newer.reading() as connection:
        assert [tuple(row) for row in connection.execute("SELECT name, at FROM fact")] == [("a", None)]
    newer.close()


def test_a_step_that_fails_leaves_the_old_shape(facts: SqliteFile, path: Path) -> None:
    put(facts, "a")
    facts.close()
    broken = SqliteFile(path, Shape(NEW.application_id, (FIRST, (*SECOND, "no SQL"))), what="the facts")

    with pytest.raises(StateError):
        names(broken)

    assert names(facts) == ["a"]


def test_a_newer_file_is_left_alone(path: Path, facts: SqliteFile) -> None:
    newer = SqliteFile(path, NEW, what="the facts")
    put(newer, "a")
    newer.close()

    with pytest.raises(StateNewer, match="newer offloadctl") as caught:
        names(facts)
    assert "--state" in caught.value.hint


def test_another_programs_file_is_left_alone(path: Path, facts: SqliteFile) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as foreign:
        foreign.execute("CREATE TABLE theirs (a)")
    foreign.close()
    before = path.read_bytes()

    with pytest.raises(StateDamaged, match="not the facts"):
        names(facts)
    facts.close()
    with sqlite3.connect(path) as foreign:
        assert [row[0] for row in foreign.execute("SELECT name FROM sqlite_schema")] == ["theirs"]
    foreign.close()
    assert len(path.read_bytes()) == len(before)


@pytest.mark.parametrize(
    "content", [b"no SQLite file, but a text of some length" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_damaged_file_is_told_and_kept(path: Path, facts: SqliteFile, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)

    with pytest.raises(StateDamaged) as caught:
        put(facts, "a")
    assert "mv " in caught.value.hint
    assert path.read_bytes() == content


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the directory should be")

    with pytest.raises(StateUnwritable, match="cannot be written"):
        put(SqliteFile(tmp_path / "state" / "facts.sqlite", OLD, what="the facts"), "a")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file system of limited size, which Linux gives")
def test_a_full_disk_undoes_the_change_and_says_so(facts: SqliteFile) -> None:
    put(facts, "a")
    with facts.reading() as connection:
        connection.execute("PRAGMA max_page_count = 4")

    with pytest.raises(StateUnwritable, match="full"):
        put(facts, "b", "x" * 100_000)

    assert names(facts) == ["a"]
    put(facts, "c")
    assert names(facts) == ["a", "c"]


def test_a_reader_needs_no_right_to_write(facts: SqliteFile, path: Path) -> None:
    put(facts, "a")
    facts.close()
    reader = SqliteFile(path, OLD, what="the facts", read_only=True)

    assert names(reader) == ["a"]
    with pytest.raises(StateUnwritable):
        put(reader, "b")
    assert sorted(one.name for one in path.parent.iterdir()) == [path.name]


def test_a_reader_sees_what_a_writer_has_just_committed(facts: SqliteFile, path: Path) -> None:
    put(facts, "a")
    reader = SqliteFile(path, OLD, what="the facts", read_only=True)
    put(facts, "b")

    assert names(reader) == ["a", "b"]
    reader.close()


def test_without_a_file_a_reader_makes_none(path: Path) -> None:
    with pytest.raises(StateUnwritable, match="cannot be read"):
        names(SqliteFile(path, OLD, what="the facts", read_only=True))
    assert not path.parent.exists()


def test_a_reader_of_an_older_shape_says_what_to_do(facts: SqliteFile, path: Path) -> None:
    put(facts, "a")
    facts.close()

    with pytest.raises(StateError, match="older shape"):
        names(SqliteFile(path, NEW, what="the facts", read_only=True))


def test_whoever_does_not_let_go_is_told_of(facts: SqliteFile, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_S", 0.05)
    put(facts, "a")
    other = SqliteFile(path, OLD, what="the facts")

    with facts.changing(), pytest.raises(StateBusy, match="another process"):
        put(other, "b")
    other.close()


def test_threads_take_turns(facts: SqliteFile) -> None:
    threads = [Thread(target=put, args=(facts, f"{number:02}")) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(names(facts)) == 20


WRITER = """
import sys
from pathlib import Path
from tests.unit.adapters.test_sqlite_file import NEW, SqliteFile, put
file = SqliteFile(Path(sys.argv[1]), NEW, what="the facts")
for number in range(20):
    put(file, f"{sys.argv[2]}-{number}")
"""


def test_processes_that_make_and_fill_it_at_once_lose_nothing(path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(number)], env={**os.environ, "PYTHONPATH": "."})
        for number in range(3)
    ]

    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    file = SqliteFile(path, NEW, what="the facts")
    assert len(names(file)) == 60
    file.close()
