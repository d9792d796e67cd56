"""Long lines on a narrow terminal: they go on in the next row between words, and tables between columns."""

import os
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text


def columns_of(stream: TextIO) -> int | None:
    """How wide the terminal behind the stream is; None for pipes and files, where a line may be as long as it is."""
    if not stream.isatty():
        return None
    if (wanted := os.environ.get("COLUMNS", "")).isdigit() and int(wanted) > 0:
        return int(wanted)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL
    except OSError:
        return _USUAL


def wrapped(text: str, columns: int | None) -> str:
    """The text with line ends between words where a terminal would break them; names and addresses stay whole."""
    if columns is None:
        return text
    return "\n".join(_wrapped_line(line, columns) if len(line) > columns else line for line in text.split("\n"))


def print_wide(screen: "Console", part: "RenderableType", at_least: int) -> None:
    """A table with room for `at_least` columns: what the terminal has no room for comes below, at a column's border."""
    terminal = screen.width
    if terminal >= at_least or not _is_table(part):
        screen.print(part)
        return
    from rich.text import Text  # noqa: PLC0415 - half of the time that `--help` may take

    screen.width = at_least
    try:
        with screen.capture() as captured:
            screen.print(part)
    finally:
        screen.width = terminal
    lines = [Text.from_ansi(line) for line in captured.get().splitlines()]
    for line in lines:
        line.rstrip()
    for line in _parted(lines, terminal):
        screen.print(line, no_wrap=True, crop=False, overflow="ignore")


_USUAL: Final = 80
_INDENT: Final = 4


def _wrapped_line(line: str, columns: int) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        line,
        columns,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _is_table(part: "RenderableType") -> bool:
    from rich.padding import Padding  # noqa: PLC0415 - as rich.text
    from rich.table import Table  # noqa: PLC0415

    inner = part.renderable if isinstance(part, Padding) else part
    return isinstance(inner, Table) and inner.show_header


def _parted(lines: "list[Text]", width: int) -> "Iterator[Text]":
    """Each row in pieces, all rows parted in the same places: there all of them have two blanks."""
    texts = [line.plain for line in lines]
    longest = max(map(len, texts), default=0)
    borders = [
        at for at in range(2, longest) if all(text[at - 2 : at].isspace() or len(text) <= at - 2 for text in texts)
    ]
    cuts = [0]
    while longest - cuts[-1] > (room := width if len(cuts) == 1 else width - _INDENT):
        fitting = [at for at in borders if cuts[-1] + _INDENT < at <= cuts[-1] + room]
        # A column wider than the terminal is parted wherever the terminal ends.
        cuts.append(fitting[-1] if fitting else cuts[-1] + room)
    for line in lines:
        for number, (begin, end) in enumerate(pairwise([*cuts, longest])):
            piece = line[begin:end]
            piece.rstrip()
            if number == 0:
                yield piece
            elif piece.plain:
                piece.pad_left(_INDENT)
                yield piece
