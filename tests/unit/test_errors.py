"""The errors: the tree that is drawn is the tree there is, and each error tells what a caller needs."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from offloadctl import errors
from offloadctl.errors import OffloadctlError
from offloadctl.exitcodes import ExitCode

DRAWN = re.compile(
    r"^ {4}(?P<branches>[│├└─ ]*)(?P<name>[A-Z]\w+)(?: +(?P<codes>\d+(?:, \d+)*)(?=  |$))?", re.MULTILINE
)


def every_error() -> list[type[OffloadctlError]]:
    found = [OffloadctlError]
    for error in found:
        found += [below for below in error.__subclasses__() if below.__module__ == errors.__name__]
    return found


def drawn_tree() -> dict[str, tuple[str | None, str]]:
    """Each drawn class with the one above it and the exit codes beside it."""
    above: list[str] = []
    tree: dict[str, tuple[str | None, str]] = {}
    for match in DRAWN.finditer(errors.__doc__ or ""):
        depth = len(match["branches"]) // 4
        del above[depth:]
        tree[match["name"]] = (above[-1] if above else None, (match["codes"] or "").strip())
        above.append(match["name"])
    return tree


def test_the_tree_in_the_docstring_is_the_real_tree() -> None:
    real = {
        error.__name__: None if error is OffloadctlError else error.__bases__[0].__name__ for error in every_error()
    }

    assert {name: above for name, (above, _) in drawn_tree().items()} == real


def test_the_exit_codes_in_the_docstring_are_the_real_ones() -> None:
    by_name = {error.__name__: error for error in every_error()}

    for name, (_, codes) in drawn_tree().items():
        if codes:
            assert str(int(by_name[name].exit_code)) in codes.split(", "), name
    told = {codes.split(",")[0] for _, codes in drawn_tree().values() if codes}
    assert told == {str(int(error.exit_code)) for error in every_error()}


def test_the_drawing_was_read() -> None:
    assert len(drawn_tree()) > 20


@pytest.mark.parametrize("error", every_error(), ids=lambda error: error.__name__)
def test_each_error_has_a_code_of_its_own_in_words_for_programs(error: type[OffloadctlError]) -> None:
    assert "code" in vars(error), "a stable code is not inherited"
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", error.code)
    assert [other.code for other in every_error()].count(error.code) == 1


@pytest.mark.parametrize("error", every_error(), ids=lambda error: error.__name__)
def test_each_error_keeps_its_words_and_says_whether_a_retry_helps(error: type[OffloadctlError]) -> None:
    made = error("what happened", hint="what to do")

    assert (made.message, made.hint, str(made)) == ("what happened", "what to do", "what happened")
    assert isinstance(made.exit_code, ExitCode)
    assert made.exit_code is not ExitCode.OK
    assert made.retryable in (True, False)


@pytest.mark.parametrize("error", every_error(), ids=lambda error: error.__name__)
def test_an_error_that_stops_before_the_work_is_not_worth_a_retry(error: type[OffloadctlError]) -> None:
    stops = error.exit_code in (ExitCode.USAGE, ExitCode.REFUSED)

    assert not (stops and error.retryable)


def test_every_error_of_the_package_is_in_the_tree() -> None:
    package = Path(inspect.getfile(errors)).parent
    known = {error.__name__ for error in every_error()}

    elsewhere = [
        f"{path.relative_to(package)}: {node.name}"
        for path in package.rglob("*.py")
        if path.name != "errors.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and any(base in known for base in map(ast.unparse, node.bases))
    ]

    # It is only a mark for the adapter's own retries; who catches it sees BrokerUnreachable.
    assert elsewhere == ["adapters/rest_http.py: BrokerHopeless"]
