"""What was learnt of numbers, in a file that may be lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from offloadctl.adapters.sqlite_file import SqliteFile
from offloadctl.adapters.sqlite_usual import USUAL, WHAT, SqliteUsual
from offloadctl.errors import StateDamaged

CPU, DISK = ("broker-cpu", "broker-1"), ("bookie-disk", "bookie-0")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SqliteFile]:
    made = SqliteFile(tmp_path / "state" / "usual.sqlite", USUAL, what=WHAT)
    yield made
    made.close()


def test_what_is_saved_is_there_in_another_process_and_what_is_gone_is_not(file: SqliteFile) -> None:
    store = SqliteUsual(file)

    store.save({CPU: b"\0old", DISK: b"\0disk"}, ())
    store.save({CPU: b"\0new"}, [DISK, ("promql", "up{}")])
    file.close()
    other = SqliteFile(file.path, USUAL, what=WHAT, read_only=True)

    assert SqliteUsual(other).load() == {CPU: b"\0new"}
    other.close()


def test_reading_makes_no_file(file: SqliteFile) -> None:
    assert SqliteUsual(file).load() == {}
    assert not file.path.exists()


def test_a_damaged_file_is_said_to_be_damaged(file: SqliteFile) -> None:
    file.path.parent.mkdir()
    file.path.write_bytes(b"no database at all, but long enough" * 40)

    with pytest.raises(StateDamaged, match="the memory of what is usual is damaged"):
        SqliteUsual(file).load()
