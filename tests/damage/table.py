"""The tables of docs/check.md, made of the catalogue of codes and of what the tests break.

`python -m tests.damage.table` writes them into the file; a test holds the file to them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from offloadctl.check.catalogue import KINDS, FindingKind
from offloadctl.model.check import Level
from tests.damage.breakages import breakages
from tests.damage.uncovered import REASONS

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "check.md"


def codes_table() -> str:
    """Every code in the order of precedence, the levels at which it shows, and in how many ways the tests break it."""
    ways = Counter(breakage.code for breakage in breakages())
    head = ("code", "severity", "what is wrong", *(level.value for level in Level), "tests")
    rows = [
        (
            f"`{kind.code}`",
            kind.severity.value,
            kind.what,
            *(_sight(kind, level) for level in Level),
            str(ways[kind.code] or "1"),
        )
        for kind in KINDS.values()
    ]
    return _table(head, rows)


def precedence_table() -> str:
    """Which codes are left out when another one is there."""
    return _table(
        ("when this is found", "these are not told of the same ledger"),
        [
            (f"`{kind.code}`", ", ".join(f"`{code}`" for code in KINDS if code in kind.explains))
            for kind in KINDS.values()
            if kind.explains
        ],
    )


def uncovered_list() -> str:
    """What no check can vouch for."""
    return "\n".join(f"- {reason}" for reason in REASONS) + "\n"


def with_tables(text: str) -> str:
    """The document with each table between its marks made anew."""
    for name, table in (
        ("codes", codes_table()),
        ("precedence", precedence_table()),
        ("uncovered", uncovered_list()),
    ):
        begin, end = f"<!-- {name}: made by python -m tests.damage.table -->\n", f"<!-- end of {name} -->\n"
        before, _, rest = text.partition(begin)
        _, mark, after = rest.partition(end)
        if not mark:
            raise ValueError(f"the document has no place for {name}")
        text = before + begin + table + end + after
    return text


def _sight(kind: FindingKind, level: Level) -> str:
    if level.includes(kind.seen_at):
        return "yes"
    return "sometimes" if kind.maybe_at is not None and level.includes(kind.maybe_at) else "-"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
