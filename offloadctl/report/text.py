"""What the tables for people have in common: columns, styles, and how sizes, times and bounds are written."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from offloadctl.exitcodes import ExitCode
from offloadctl.model.finding import Finding, Readers
from offloadctl.model.names import TopicName
from offloadctl.model.status import Amount, Bound
from offloadctl.units import format_duration, format_size


class Style(StrEnum):
    """What colours mean; nothing is told by colour alone."""

    GOOD = "green"
    CAREFUL = "yellow"
    BAD = "bold red"
    QUIET = "dim"
    HEAD = "bold"
    PLAIN = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; numbers stand on the right."""

    title: str
    is_number: bool = False
    may_fold: bool = False
    """Whether long cells go on in the next line when the terminal is narrow; others are cut with an ellipsis."""
    may_go: bool = False
    """Whether it is left out, the first of them first, where it would take the room of those that may fold."""


Cell = str | Text

_INDENT: Final = 2
_BETWEEN: Final = 2
_ROOM: Final = 24
"""So much of a name must stand in one line; more if the terminal is wide enough."""
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, indent: int = _INDENT) -> RenderableType:
    """A table without lines, its head in capitals."""
    cells = [[cell if isinstance(cell, Text) else Text(visible(cell)) for cell in row] for row in rows]
    if any(column.may_go for column in columns):
        return _Fitting(columns, cells, indent)
    return _table(columns, cells, indent)


@dataclass(frozen=True, slots=True)
class _Fitting:
    """A table that leaves out columns on a terminal that is too narrow for them."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Text]]
    indent: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shown = list(range(len(self.columns)))
        for index, column in enumerate(self.columns):
            if column.may_go and self._needed(shown) > options.max_width:
                shown.remove(index)
        columns = [self.columns[index] for index in shown]
        yield _table(columns, [[row[index] for index in shown] for row in self.rows], self.indent)

    def _needed(self, shown: Sequence[int]) -> int:
        return self.indent + sum(self._width(index) + _BETWEEN for index in shown)

    def _width(self, index: int) -> int:
        width = max(len(self.columns[index].title), *(row[index].cell_len for row in self.rows), 0)
        return min(width, _ROOM) if self.columns[index].may_fold else width


def _table(columns: Sequence[Column], rows: Sequence[Sequence[Text]], indent: int) -> RenderableType:
    made = Table(box=None, pad_edge=False, padding=(0, _BETWEEN, 0, 0), header_style=Style.HEAD, show_edge=False)
    for column in columns:
        made.add_column(
            column.title.upper(),
            justify="right" if column.is_number else "left",
            no_wrap=not column.may_fold,
            overflow="fold" if column.may_fold else "ellipsis",
        )
    for row in rows:
        made.add_row(*row)
    return Padding(made, (0, 0, 0, indent), expand=False)


def line(*parts: tuple[str, Style] | str, indent: int = 0) -> RenderableType:
    """One line of text, whose brackets are brackets; it wraps with its indent."""
    styled_parts = [(part, Style.PLAIN) if isinstance(part, str) else part for part in parts]
    text = Text.assemble(*((visible(words), str(style)) for words, style in styled_parts))
    return Padding(text, (0, 0, 0, indent), expand=False) if indent else text


def labelled(label: str, text: str, *, style: Style = Style.PLAIN, width: int = 12) -> RenderableType:
    """A word and what there is to say to it, indented below each other."""
    made = Table.grid(padding=(0, 1, 0, 0))
    made.add_column(width=width, no_wrap=True)
    made.add_column(overflow="fold")
    made.add_row(Text(label, style=Style.QUIET), Text(visible(text), style=str(style)))
    return Padding(made, (0, 0, 0, _INDENT), expand=False)


def styled(text: str, style: Style) -> Text:
    """A cell in a style."""
    return Text(visible(text), style=str(style))


def visible(text: str) -> str:
    """The text with control characters spelt out: names and errors come from outside, and a terminal would obey."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def style_of(code: ExitCode) -> Style:
    """Green for what is done, red for what failed or is damaged, yellow for what lies between."""
    if code is ExitCode.OK:
        return Style.GOOD
    return Style.BAD if code in (ExitCode.FAILED, ExitCode.DAMAGE, ExitCode.REFUSED) else Style.CAREFUL


def amount(value: Amount) -> str:
    """`612 KiB`, `at least 1 GiB`, `at most 3 MiB`."""
    prefix = {Bound.EXACT: "", Bound.AT_LEAST: "at least ", Bound.AT_MOST: "at most "}[value.bound]
    return prefix + format_size(value.size)


def ago(moment: datetime | None, now: datetime) -> str:
    """`2h 5m ago`, or a dash. Another clock may be ahead of ours: then it is now."""
    return "-" if moment is None else f"{format_duration(max(now - moment, timedelta(0)))} ago"


def short_name(topic: TopicName) -> str:
    """`tenant/namespace/topic`: tables hold nothing but persistent topics."""
    return str(topic).removeprefix("persistent://")


def count(number: int, noun: str) -> str:
    """`1 ledger`, `2 ledgers`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def findings(found: Iterable[Finding]) -> Iterable[RenderableType]:
    """Each finding: what, where, expected and found; then, once, what those of one kind mean and what to do."""
    all_found = tuple(found)
    for one in all_found:
        yield line(_severity(one), f"{one.what} [{one.code}]", indent=_INDENT)
        for label, text in (
            ("where", _place(one)),
            ("expected", one.expected),
            ("found", one.found),
            ("id", _known_since(one)),
            ("noted", _noted(one)),
            ("readers", _readers(one.readers) if one.readers is not None else ""),
            ("copy", one.copy),
            ("restore", one.restore),
        ):
            if text:
                yield labelled(label, text)
    yield from _once("means", ((one.code, one.meaning) for one in all_found), Style.PLAIN)
    yield from _once("do now", ((one.code, one.next_step) for one in all_found), Style.HEAD)


def _once(label: str, texts: Iterable[tuple[str, str]], style: Style) -> Iterator[RenderableType]:
    """Each text once, with the codes that it holds for if there are several texts."""
    codes: dict[str, dict[str, None]] = {}
    for code, text in texts:
        if text:
            codes.setdefault(text, {})[code] = None
    for text, those in codes.items():
        yield labelled(label, f"{', '.join(those)}: {text}" if len(codes) > 1 else text, style=style)


def _severity(one: Finding) -> tuple[str, Style]:
    if one.is_acknowledged:
        return f"{one.severity.value}, acknowledged: ", Style.QUIET
    return f"{one.severity.value}: ", Style.BAD


def _known_since(one: Finding) -> str:
    if one.seen is None:
        return ""
    again = f"found {one.seen.times} times since {_minute(one.seen.first)}" if one.seen.times > 1 else "new"
    return f"{one.id}, {again}"


def _noted(one: Finding) -> str:
    note = one.seen.acknowledgement if one.seen is not None else None
    return f"by {note.by} on {_minute(note.at)}, until {_minute(note.until)}: {note.reason}" if note else ""


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M %Z}"


def _readers(readers: Readers) -> str:
    before = [*readers.before, *(f"{name} (or past it)" for name in readers.perhaps)]
    if not before:
        return "no subscription has this ledger before it"
    return f"still before {count(len(before), 'subscription')}: {', '.join(before)}"


def _place(one: Finding) -> str:
    ledger = f"ledger {one.ledger_id}" if one.ledger_id is not None else ""
    offset = f"offset {one.offset:,}" if one.offset is not None else ""
    return ", ".join(part for part in (ledger, one.key or "", offset) if part)
