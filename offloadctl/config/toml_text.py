"""A TOML text as its statements, so that one of them can change while every other byte stays.

tomllib is the judge of what a statement is: the shortest run of lines that it accepts. That costs a few parses for
each line, which files of settings can bear, and leaves no second opinion about quotes, brackets and comments.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

Plain = str | bool | float | list[str]
"""The values that settings have."""
Place = tuple[str, ...]
"""Names from the document's root; a table of an array stands under its number: `("buckets", "0", "name")`."""

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Statement:
    """Whole lines of a text: the header of a table, a key with its value, or a blank or comment line."""

    text: str
    line: int
    table: Place
    """The table that the lines belong to; of a header, the one that it opens."""
    key: Place = ()
    """Of an assignment: its key, of several parts if it is a dotted one."""
    is_header: bool = False

    @property
    def is_assignment(self) -> bool:
        """Whether this gives a key its value."""
        return bool(self.key)

    @property
    def is_comment(self) -> bool:
        """Whether this is a comment's line."""
        return self.text.lstrip().startswith("#")

    @property
    def is_blank(self) -> bool:
        """Whether this is an empty line."""
        return not self.text.strip()

    @property
    def path(self) -> Place:
        """Where the value stands in the document."""
        return self.table + self.key

    def with_value(self, rendered: str) -> Self:
        """The same assignment with another value; its spelling, indentation and comment stay."""
        equals = _key_end(self.text) + 1
        indent = len(self.text[equals:]) - len(self.text[equals:].lstrip(" \t"))
        return replace(self, text=self.text[: equals + indent] + rendered + self._tail())

    def _tail(self) -> str:
        """What follows the value: the comment with the space before it, and the line's end."""
        for at in _positions(self.text, "#"):
            if _parses(self.text[:at]):
                return self.text[len(self.text[:at].rstrip()) :]
        return self.text[len(self.text.rstrip()) :]


def scan(text: str) -> list[Statement]:
    """The statements of a text that tomllib accepts; their texts together are the text."""
    lines = _lines(text)
    statements: list[Statement] = []
    table: Place = ()
    counts: dict[Place, int] = {}
    at = 0
    while at < len(lines):
        first = lines[at].lstrip(" \t")
        if first.startswith("["):
            table = _header(lines[at], counts)
            statements.append(Statement(lines[at], at + 1, table, is_header=True))
            at += 1
        elif first.startswith("#") or not first.strip():
            statements.append(Statement(lines[at], at + 1, table))
            at += 1
        else:
            end = _end_of_statement(lines, at)
            whole = "".join(lines[at:end])
            statements.append(Statement(whole, at + 1, table, key=_key(whole)))
            at = end
    return statements


def joined(statements: Sequence[Statement]) -> str:
    """The text that these statements make."""
    return "".join(one.text for one in statements)


def rendered(value: Plain) -> str:
    """A value as TOML writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return "[" + ", ".join(rendered(one) for one in value) + "]"
        case str():
            # JSON's strings are TOML's, but for one character that TOML wants escaped.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case _:
            return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def rendered_key(name: str) -> str:
    """A name as TOML writes it in keys and headers: quoted only if it must be."""
    return name if _BARE_KEY.fullmatch(name) else rendered(name)


def _lines(text: str) -> list[str]:
    # Not splitlines: in TOML a line ends with a line feed, and a string or comment may hold Python's other line ends.
    *whole, rest = text.split("\n")
    return [line + "\n" for line in whole] + ([rest] if rest else [])


def _header(line: str, counts: dict[Place, int]) -> Place:
    value: object = tomllib.loads(line)
    path: list[str] = []
    while isinstance(value, dict) and value:
        name, value = next(iter(value.items()))
        path.append(name)
        # Within a table of an array, the newest one is meant.
        if isinstance(value, list):
            counts[tuple(path)] = counts.get(tuple(path), -1) + 1
            value = value[0]
        if tuple(path) in counts:
            path.append(str(counts[tuple(path)]))
    return tuple(path)


def _end_of_statement(lines: Sequence[str], start: int) -> int:
    return next(end for end in range(start + 1, len(lines) + 1) if _parses("".join(lines[start:end])))


def _key(text: str) -> Place:
    value: object = tomllib.loads(text[: _key_end(text)] + "=0")
    path: list[str] = []
    while isinstance(value, dict):
        name, value = next(iter(value.items()))
        path.append(name)
    return tuple(path)


def _key_end(text: str) -> int:
    """Where the equals sign is that ends the key: a quoted name may hold others."""
    return next(at for at in _positions(text, "=") if _parses(text[:at] + "=0"))


def _positions(text: str, character: str) -> Iterator[int]:
    return (at for at, one in enumerate(text) if one == character)


def _parses(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True
