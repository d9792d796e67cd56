"""A file of schedules, or of numbers, that cannot be had: what is said, and what to name instead."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command

GOOD = """\
apiVersion: offloadctl/v1
kind: Schedule
name: nightly
scope: {all: true}
when: {cron: 0 4 * * *}
action: {offload: {olderThan: 1d}}
"""


@pytest.fixture(autouse=True)
def _beside_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "schedules.yaml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("validate", "-f", "nofile"), "cannot read schedules: there is no file nofile", "looked for in"),
        (("validate", "-f", "schedule.yml"), "there is no file schedule.yml", "did you mean schedules.yaml?"),
        (("validate", "-f", "gone/a.yaml"), "there is no file gone/a.yaml", "there is no directory gone either"),
        (("validate", "-f", "."), "cannot read schedules from .: Is a directory", "name a file"),
        (
            ("simulate", "-f", "schedules.yaml", "--from-file", "numbers"),
            "cannot read numbers: there is no file numbers",
            "looked for in",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_named_once_with_what_to_do(
    arguments: tuple[str, ...], message: str, hint: str, command: Command
) -> None:
    ran = command("schedule", *arguments)

    assert ran.code == 2
    assert f"{message}\n" in ran.err
    assert f"hint: {hint}" in ran.err
    assert "Errno" not in ran.err


def test_a_misspelt_key_is_told_with_the_key_that_was_meant(command: Command, tmp_path: Path) -> None:
    (tmp_path / "schedules.yaml").write_text(GOOD.replace("when:", "whne:"))

    ran = command("schedule", "validate", "-f", "schedules.yaml")

    assert ran.code == 2
    assert "error: schedules.yaml, line 5: whne: there is no such key\n" in ran.err
    assert "hint: did you mean when?" in ran.err
