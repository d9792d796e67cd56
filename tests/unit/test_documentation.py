"""What the documentation says of exit codes, commands and files is what there is."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from offloadctl.cli.app import COMMANDS
from offloadctl.exitcodes import ExitCode
from offloadctl.model.offload import Outcome
from tests import outcomes

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("**/*.md")])
_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def named_tests() -> set[str]:
    shown = (*outcomes.OUTCOMES.values(), *(one for _, one in outcomes.BESIDE.values()))
    return {test for one in shown for test in (one.embedded, one.real) if test}


def test_the_readme_lists_every_exit_code() -> None:
    listed = re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE)

    assert [int(code) for cell in listed for code in cell.split(",")] == [int(code) for code in ExitCode]


def test_the_readme_names_every_command() -> None:
    assert [name for name, command in COMMANDS.items() if not command.hidden and f"{name}" not in README] == []


def test_the_table_of_the_readme_has_a_row_for_every_command() -> None:
    rows = re.findall(r"^\| `([a-z-]+)", README, re.MULTILINE)

    assert [name for name, command in COMMANDS.items() if not command.hidden and name not in rows] == []


def test_the_page_of_outcomes_is_what_there_is() -> None:
    assert list(outcomes.OUTCOMES) == list(Outcome)
    assert (ROOT / "docs" / "outcomes.md").read_text(encoding="utf-8") == outcomes.page()


@pytest.mark.parametrize("test", sorted(named_tests()))
def test_a_test_that_the_page_of_outcomes_names_is_there_and_of_its_sort(test: str) -> None:
    file, _, name = test.partition("::")
    source = (ROOT / file).read_text(encoding="utf-8")

    assert re.search(rf"^def {name}\(", source, re.MULTILINE)
    assert ("pytest.mark.integration" in source) == file.startswith(outcomes.REAL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file(document: Path) -> None:
    links = _LINK.findall(document.read_text(encoding="utf-8"))

    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_make_target_of_the_readme_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    assert set(re.findall(r"\$ make ([a-z]+)", README)) <= targets


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
@pytest.mark.parametrize(("target", "words"), [("install", "offloadctl --help"), ("dev", "make check")])
def test_make_says_that_it_is_installed_though_there_is_nothing_to_do(tmp_path: Path, target: str, words: str) -> None:
    for name in ("bin/python", ".installed-demo", ".installed-dev"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    done = subprocess.run(
        ["make", "--no-print-directory", target, f"VENV={tmp_path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert words in done.stdout
