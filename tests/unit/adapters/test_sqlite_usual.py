"""What was learnt of numbers, in a file that may be lost."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from offloadctl.adapters.sqlite_file import SqliteFile
from offloadctl.adapters.sqlite_usual import USUAL, WHAT, SqliteUsual
from offloadctl.errors import StateDamaged
from offloadctl.model.measures import UsualKey

CPU, DISK = UsualKey("broker-cpu", "broker-1"), UsualKey("bookie-disk", "bookie-0")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SqliteFile]:
    made = SqliteFile(tmp_path / "state" / "usual.sqlite", USUAL, what=WHAT)
    yield made
    made.close()


def test_what_is_saved_is_there_in_another_process_and_what_is_gone_is_not(file: SqliteFile) -> None:
    store = SqliteUsual(file)

    store.save({CPU: b"\0old", DISK: b"\0disk"}, ())
    store.save({CPU: b"\0new"}, [DISK, UsualKey("promql", "up{}")])
    file.close()
    other = SqliteFile(file.path, USUAL, what=WHAT, read_only=True)

    assert SqliteUsual(other).load() == {CPU: b"\0new"}
    other.close()


def test_what_was_learnt_in_another_zone_is_another_thing(file: SqliteFile) -> None:
    store, in_berlin = SqliteUsual(file), CPU._replace(zone="Europe/Berlin")

    store.save({CPU: b"utc", in_berlin: b"berlin"}, ())
    both = store.load()
    store.save({}, [CPU])

    assert both == {CPU: b"utc", in_berlin: b"berlin"}
    assert store.load() == {in_berlin: b"berlin"}


def test_a_file_from_before_there_were_zones_was_learnt_in_utc(file: SqliteFile) -> None:
    before = SqliteFile(file.path, replace(USUAL, steps=USUAL.steps[:1]), what=WHAT)
    with before.changing() as connection:
        connection.execute("INSERT INTO baseline VALUES ('broker-cpu', 'broker-1', x'0102')")
    before.close()

    assert SqliteUsual(file).load() == {CPU: b"\1\2"}


def test_reading_makes_no_file(file: SqliteFile) -> None:
    assert SqliteUsual(file).load() == {}
    assert not file.path.exists()


def test_a_damaged_file_is_said_to_be_damaged(file: SqliteFile) -> None:
    file.path.parent.mkdir()
    file.path.write_bytes(b"no database at all, but long enough" * 40)

    with pytest.raises(StateDamaged, match="the memory of what is usual is damaged"):
        SqliteUsual(file).load()
