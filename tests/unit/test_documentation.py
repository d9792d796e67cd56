"""What the documentation says of exit codes, commands and files is what there is."""

import re
from pathlib import Path

import pytest

from offloadctl.cli.app import COMMANDS
from offloadctl.exitcodes import ExitCode

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("**/*.md")])
_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def test_the_readme_lists_every_exit_code() -> None:
    listed = re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE)

    assert [int(code) for cell in listed for code in cell.split(",")] == [int(code) for code in ExitCode]


def test_the_readme_names_every_command() -> None:
    assert [name for name, command in COMMANDS.items() if not command.hidden and f"{name}" not in README] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file(document: Path) -> None:
    links = _LINK.findall(document.read_text(encoding="utf-8"))

    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_make_target_of_the_readme_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    assert set(re.findall(r"\$ make ([a-z]+)", README)) <= targets
