"""Changes to a broker.conf in place: of each key one logical line changes, and every other byte stays."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from offloadctl.brokerconf.kinds import Family
from offloadctl.brokerconf.properties import LineKind, LogicalLine, comment_line, parse, printed, setting_line
from offloadctl.brokerconf.settings import BY_KEY

Lines = tuple[LogicalLine, ...]

HEADING: Final = "Tiered storage: where closed ledgers go, and when."
"""Stands above keys that are new to a file."""


@dataclass(frozen=True, slots=True)
class SetValue:
    """Give a key a value, where it stands."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class CommentOut:
    """Take every line of a key out of force, and leave it readable."""

    key: str


@dataclass(frozen=True, slots=True)
class AddPrefix:
    """Put the images' prefix in front of the variable of a key; no broker.conf has such."""

    key: str


Edit = SetValue | CommentOut | AddPrefix


def with_values(lines: Lines, values: Mapping[str, str]) -> Lines:
    """The lines with these values in force; nothing changes where they are already."""
    for key, value in values.items():
        lines = _with_value(lines, key, value)
    return lines


def with_edits(lines: Lines, edits: Sequence[Edit]) -> Lines:
    """The lines after these edits, one after the other."""
    for edit in edits:
        match edit:
            case SetValue(key, value):
                lines = _with_value(lines, key, value)
            case CommentOut(key):
                lines = tuple(_commented(line) if _sets(line, key) else line for line in lines)
            case AddPrefix():
                pass
    return lines


def commented_out(line: LogicalLine) -> str | None:
    """The key that a comment holds as `#key=value`, if it is one that we know; prose is none."""
    found = _COMMENTED_OUT.fullmatch(line.indent) if line.kind is LineKind.COMMENT else None
    return found[1] if found is not None and found[1] in BY_KEY else None


_COMMENTED_OUT: Final = re.compile(r"[ \t\f]*[#!]+[ \t]*([^\s=:#!]+)[ \t]*[=:][ \t]*\S*[ \t]*")


def _with_value(lines: Lines, key: str, value: str) -> Lines:
    active = [at for at, line in enumerate(lines) if _sets(line, key)]
    if active:
        # Of duplicates Java keeps the last one.
        line = lines[active[-1]]
        return lines if line.value == value else _replaced(lines, active[-1], line.with_value(value))
    waiting = [at for at, line in enumerate(lines) if commented_out(line) == key]
    if waiting:
        return _replaced(lines, waiting[-1], setting_line(key, value, end=lines[waiting[-1]].end))
    return _with_new(lines, key, value)


def _with_new(lines: Lines, key: str, value: str) -> Lines:
    """The key beside its family, or at the end under a heading."""
    family = _family_of(key)
    lines = _closed(lines)
    beside = [at for at, line in enumerate(lines) if _family_of(_key_in(line)) is family and family is not None]
    new = setting_line(key, value, end=_line_end(lines))
    if beside:
        return (*lines[: beside[-1] + 1], new, *lines[beside[-1] + 1 :])
    heading = [comment_line(HEADING, end=new.end)]
    if lines and lines[-1].kind is not LineKind.BLANK:
        heading.insert(0, comment_line("", end=new.end))
    known = any(line.indent == heading[-1].indent for line in lines)
    return (*lines, *(() if known else heading), new)


def _key_in(line: LogicalLine) -> str:
    return line.key if line.kind is LineKind.SETTING else commented_out(line) or ""


def _family_of(key: str) -> Family | None:
    return BY_KEY[key].family if key in BY_KEY else None


def _sets(line: LogicalLine, key: str) -> bool:
    return line.kind is LineKind.SETTING and line.key == key


def _replaced(lines: Lines, at: int, line: LogicalLine) -> Lines:
    return (*lines[:at], replace(line, number=lines[at].number), *lines[at + 1 :])


def _commented(line: LogicalLine) -> LogicalLine:
    text = re.sub(r"(\r\n|\r|\n)(?=[\s\S])", r"\1#", line.text.removesuffix(line.end))
    return LogicalLine(LineKind.COMMENT, line.number, indent=f"#{text}", end=line.end)


def _line_end(lines: Lines) -> str:
    """The line end that the file uses."""
    return next((line.end for line in lines if line.end), "\n")


def _closed(lines: Lines) -> Lines:
    """The lines, so that one put behind them begins a logical line: a backslash may hold the last one open."""
    text, end = printed(lines), _line_end(lines)
    for candidate in (text, text + end, text + end + end):
        found = parse(candidate + "key=value")
        if printed(found[:-1]) == candidate and found[-1].text == "key=value":
            return found[:-1]
    raise AssertionError("two line ends close every line")  # pragma: no cover
