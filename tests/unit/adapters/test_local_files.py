"""Files as objects: the promises of a store that is only read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from offloadctl.adapters.local_files import LocalFiles
from offloadctl.errors import StoreDenied, StoreFailed

DATA = bytes(range(256)) * 4


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    (tmp_path / "data").write_bytes(DATA)
    (tmp_path / "directory").mkdir()
    (tmp_path / "directory" / "data-index").write_bytes(b"index")
    return LocalFiles(tmp_path)


def test_head_tells_size_and_time_and_nothing_that_files_do_not_have(files: LocalFiles) -> None:
    info = files.head("data")

    assert info is not None
    assert (info.key, info.size, info.etag, info.user_metadata) == ("data", len(DATA), "", {})
    assert info.last_modified is not None


def test_an_absolute_path_is_a_key_too(files: LocalFiles, tmp_path: Path) -> None:
    assert files.read(str(tmp_path / "data")) == DATA


@pytest.mark.parametrize("key", ["nothing", "directory/nothing"])
def test_a_file_that_is_not_there_is_none(files: LocalFiles, key: str) -> None:
    assert files.head(key) is None
    assert files.read(key) is None
    assert files.read_chunks(key) is None


@pytest.mark.parametrize(
    ("start", "length"), [(0, None), (0, 0), (3, 5), (1000, None), (1000, 1000), (1024, 1), (5000, 1)]
)
def test_ranges_are_those_that_were_asked_for(files: LocalFiles, start: int, length: int | None) -> None:
    wanted = DATA[start : None if length is None else start + length]

    chunks = files.read_chunks("data", start=start, length=length, chunk_size=100)

    assert files.read("data", start=start, length=length) == wanted
    assert isinstance(chunks, Iterator)
    parts = list(chunks)
    assert b"".join(parts) == wanted
    assert all(len(part) == 100 for part in parts[:-1])


@pytest.mark.parametrize("bad", [{"start": -1}, {"length": -1}])
def test_ranges_that_no_file_has_are_refused(files: LocalFiles, bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="negative"):
        files.read("data", **bad)
    with pytest.raises(ValueError, match="negative"):
        files.read_chunks("data", **bad)
    with pytest.raises(ValueError, match="at least one byte"):
        files.read_chunks("data", chunk_size=0)


def test_a_directory_cannot_be_read(files: LocalFiles) -> None:
    chunks = files.read_chunks("directory")
    assert chunks is not None

    with pytest.raises(StoreFailed, match="cannot read directory"):
        files.read("directory")
    with pytest.raises(StoreFailed, match="cannot read directory"):
        list(chunks)


def test_what_may_not_be_read_is_denied(files: LocalFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", deny)

    with pytest.raises(StoreDenied, match="Permission denied"):
        files.head("data")


def test_files_are_listed_by_their_paths(files: LocalFiles) -> None:
    assert [info.key for info in files.list()] == ["data", "directory/data-index"]
    assert [info.key for info in files.list("directory/")] == ["directory/data-index"]
    assert list(files.uploads()) == []
    assert files.uploads_listable
    assert (files.bucket, files.location) == ("", "local files")
