"""docs/check.md says of the codes what the code does."""

import re

import pytest

from offloadctl.check.catalogue import KINDS
from offloadctl.model.check import Level
from tests.damage.table import DOCUMENT, codes_table, with_tables


def test_the_tables_of_the_document_are_those_of_the_code() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    assert with_tables(text) == text, "run python -m tests.damage.table"


def test_a_change_of_a_table_is_noticed() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    assert with_tables(text.replace("| `checksum` | damage |", "| `checksum` | warning |")) == text


def test_a_document_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for codes"):
        with_tables("# check\n")


def test_every_code_and_level_is_in_the_table() -> None:
    table = codes_table()

    assert re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE) == list(KINDS)
    assert all(f"| {level.value} |" in table for level in Level)


@pytest.mark.parametrize("code", KINDS)
def test_a_code_explains_only_codes_below_it(code: str) -> None:
    order = list(KINDS)

    assert all(order.index(explained) > order.index(code) for explained in KINDS[code].explains)
