"""The file with the contexts: all or nothing, one at a time, for its owner's eyes."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from offloadctl.config.private_file import change_text, read_text
from offloadctl.errors import SettingsError


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_that_is_not_there_is_empty_and_is_made_with_its_directories(tmp_path: Path) -> None:
    path = tmp_path / "config" / "offloadctl" / "config.toml"
    assert read_text(path) == ""

    change_text(path, lambda text: text + "a = 1\n")

    assert read_text(path) == "a = 1\n"
    assert (mode_of(path), mode_of(path.parent)) == (0o600, 0o700)


def test_a_changed_file_is_for_its_owner_only_whatever_it_was_before(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("a = 1\n")
    path.chmod(0o644)

    change_text(path, lambda text: text + "b = 2\n")

    assert mode_of(path) == 0o600


def test_line_ends_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"a = 1\r\nb = 2\n")

    change_text(path, lambda text: text + "c = 3\r\n")

    assert path.read_bytes() == b"a = 1\r\nb = 2\nc = 3\r\n"


def test_nothing_is_written_when_nothing_changed(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("a = 1\n")
    before = path.stat()

    change_text(path, lambda text: text)

    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_link_stays_a_link_and_what_is_behind_it_changes(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles" / "config.toml", tmp_path / "config.toml"
    real.parent.mkdir()
    real.write_text("a = 1\n")
    link.symlink_to(real)

    change_text(link, lambda text: text + "b = 2\n")

    assert link.is_symlink()
    assert real.read_text() == "a = 1\nb = 2\n"


def test_a_change_that_fails_leaves_the_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("a = 1\n")

    def fail(_: str) -> str:
        raise SettingsError("no")

    with pytest.raises(SettingsError, match="no"):
        change_text(path, fail)

    assert path.read_text() == "a = 1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_breaks_off_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("a = 1\n")

    with pytest.raises(UnicodeEncodeError):
        # Half of the text is in the new file when the rest cannot be written.
        change_text(path, lambda _: "b = 2\n" * 10_000 + "\ud800")

    assert path.read_text() == "a = 1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.toml"
    path.write_text("a = 1\n")

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        change_text(path, lambda _: "b = 2\n")

    assert path.read_text() == "a = 1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.toml"

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingsError, match=r"config\.toml: the context file cannot be written: No space left"):
        change_text(path, lambda _: "b = 2\n")


def test_a_directory_that_cannot_be_made_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "in-the-way").write_text("")

    with pytest.raises(SettingsError, match=r"cannot be written: (Not a directory|File exists)"):
        change_text(tmp_path / "in-the-way" / "config.toml", lambda _: "a = 1\n")


def test_changes_at_the_same_time_all_arrive(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"

    def add(number: int) -> None:
        change_text(path, lambda text: f"{text}key{number} = {number}\n")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))

    assert sorted(path.read_text().splitlines()) == sorted(f"key{number} = {number}" for number in range(40))
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    texts = {f"{letter * 50_000}\n" for letter in "abcd"}
    change_text(path, lambda _: min(texts))

    def write(text: str) -> None:
        change_text(path, lambda _: text)

    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write, text) for text in sorted(texts) * 5]
        seen = {read_text(path) for _ in range(200)}
        for one in writing:
            one.result()

    assert seen <= texts
