r"""The text of a Java properties file as logical lines, without losing a character.

A logical line may span several natural ones (a backslash before the line end), its key ends at the first `=`, `:` or
blank that is not escaped, and `\uXXXX` stands for a character. java.util.Properties.load (its LineReader, load0 and
loadConvert) is the authority; the broker reads its file with it, as Latin-1.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class LineKind(StrEnum):
    """What a logical line is."""

    BLANK = "blank"
    COMMENT = "comment"
    SETTING = "setting"


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """One logical line; its pieces, joined, are exactly the text that was there."""

    kind: LineKind
    number: int = 0
    """Of its first natural line, from 1."""
    indent: str = ""
    """All of it, but for its end, if it is blank or a comment."""
    raw_key: str = ""
    separator: str = ""
    raw_value: str = ""
    end: str = ""

    @property
    def text(self) -> str:
        """What the file has, line end included."""
        return self.indent + self.raw_key + self.separator + self.raw_value + self.end

    @property
    def key(self) -> str:
        """The key as Java reads it."""
        return unescaped(self.raw_key)

    @property
    def value(self) -> str:
        """The value as Java reads it: without the blanks in front, with those behind."""
        return unescaped(self.raw_value)

    @property
    def bad_escape(self) -> str:
        r"""A `\u` without four hexadecimal digits and what follows it; Java refuses the whole file for it."""
        if self.kind is not LineKind.SETTING:
            return ""
        text = _folded(self.raw_key + self.separator + self.raw_value)
        return next((text[one.start() :][:6] for one in _ESCAPE.finditer(text) if one[1] == "u"), "")

    def with_value(self, value: str) -> "LogicalLine":
        """The same line with another value; everything else of it stays as it is written."""
        separator = self.separator or "="
        raw = escaped_value(value)
        if raw[:1] in ("=", ":") and not set("=:") & set(separator):
            raw = "\\" + raw
        return replace(self, separator=separator, raw_value=raw)


def parse(text: str) -> tuple[LogicalLine, ...]:
    """The logical lines of any text; joined, they are that text."""
    return tuple(_lines(text))


def printed(lines: Iterable[LogicalLine]) -> str:
    """The text of logical lines: the inverse of `parse`."""
    return "".join(line.text for line in lines)


def settings_in(lines: Iterable[LogicalLine]) -> tuple[LogicalLine, ...]:
    """The lines that set something."""
    return tuple(line for line in lines if line.kind is LineKind.SETTING)


def values_in(lines: Iterable[LogicalLine]) -> Mapping[str, str]:
    """What Java's Properties would hold: of a key that is there twice, the last one."""
    return {line.key: line.value for line in settings_in(lines)}


def setting_line(key: str, value: str, *, end: str = "\n") -> LogicalLine:
    """A new line `key=value`."""
    return LogicalLine(LineKind.SETTING, raw_key=escaped_key(key), separator="=", end=end).with_value(value)


def comment_line(text: str, *, end: str = "\n") -> LogicalLine:
    """A new line `# text`, or a blank one."""
    return LogicalLine(LineKind.COMMENT, indent=f"# {text}", end=end) if text else LogicalLine(LineKind.BLANK, end=end)


def unescaped(raw: str) -> str:
    r"""A raw key or value as Java reads it; a `\u` without its digits stays as it is written."""
    text = _ESCAPE.sub(_meaning, _folded(raw))
    # Java's strings are UTF-16: two halves that were escaped one by one are one character.
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def escaped_value(value: str) -> str:
    """A value in ASCII, in one natural line; blanks in front are kept by a backslash."""
    raw = "".join(map(_escaped, value))
    return "\\" + raw if raw[:1] == " " else raw


def escaped_key(key: str) -> str:
    """A key in ASCII, in one natural line."""
    return re.sub(r"[ #!=:]", r"\\\g<0>", "".join(map(_escaped, key)))


def natural_lines(text: str) -> int:
    """How many line ends there are: `\r\n`, `\r` and `\n` are one each."""
    return len(_LINE_END.findall(text))


_BLANKS: Final = r"[ \t\f]*+"
_END: Final = r"(?:\r\n|\r|\n)"
_JOIN: Final = rf"\\{_END}{_BLANKS}"
"""A backslash before a line end: the line goes on behind the blanks of the next one."""
_GAP: Final = rf"(?:{_JOIN}|[ \t\f])*+"

_LINE_END: Final = re.compile(_END)

_BLANK_LINE: Final = re.compile(rf"(?P<indent>{_BLANKS})(?P<end>{_END}|\Z)")
# A backslash alone joins nothing to the next line. At the very end Java makes an empty key of it, but not before \r\n.
_LONE_BACKSLASH: Final = re.compile(rf"(?P<indent>{_BLANKS}\\)(?P<end>\r\n|[\r\n](?=[\s\S]))")
_COMMENT: Final = re.compile(rf"(?P<indent>{_BLANKS}[#!][^\r\n]*+)(?P<end>{_END}|\Z)")
_SETTING: Final = re.compile(
    rf"""(?P<indent>{_BLANKS})
    (?P<raw_key>(?:{_JOIN}|\\[^\r\n]|[^\\\ \t\f=:\r\n])*+)
    (?P<separator>{_GAP}(?:[=:]{_GAP})?)
    (?P<raw_value>(?:{_JOIN}|\\[^\r\n]|[^\\\r\n])*+\\?)
    (?P<end>{_END}|\Z)""",
    re.VERBOSE,
)
_SHAPES: Final = (
    (LineKind.BLANK, _BLANK_LINE),
    (LineKind.BLANK, _LONE_BACKSLASH),
    (LineKind.COMMENT, _COMMENT),
    (LineKind.SETTING, _SETTING),
)

_FOLD: Final = re.compile(rf"(\\[^\r\n])|{_JOIN}|\\\Z")
_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|[\s\S])")
_ESCAPED: Final = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f", "\\": "\\\\"}
_MEANINGS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "u": "\\u"}


def _lines(text: str) -> Iterator[LogicalLine]:
    at, number = 0, 1
    while at < len(text):
        for kind, shape in _SHAPES:
            if found := shape.match(text, at):
                yield LogicalLine(kind, number, **found.groupdict())
                at, number = found.end(), number + natural_lines(found[0])
                break


def _folded(raw: str) -> str:
    """Natural lines joined; a backslash at the very end means nothing."""
    return _FOLD.sub(lambda found: found[1] or "", raw)


def _meaning(found: re.Match[str]) -> str:
    escape = found[1]
    return chr(int(escape[1:], 16)) if len(escape) > 1 else _MEANINGS.get(escape, escape)


def _escaped(character: str) -> str:
    if character in _ESCAPED:
        return _ESCAPED[character]
    if " " <= character <= "~":
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
