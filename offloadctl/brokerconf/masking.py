"""What of a broker.conf can be shown: everything but the values of keys that hold secrets, ours and other people's."""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Final

from offloadctl.brokerconf.properties import LineKind, LogicalLine, parse
from offloadctl.redaction import MASK

_SECRET: Final = re.compile(
    r"password|passwd|secret|token|auth\w*param|private_?key|access_?key(?!_?id)", re.IGNORECASE
)
_IN_ADDRESS: Final = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]*(?=@)")
_COMMENTED: Final = re.compile(r"([ \t\f]*[#!]+[ \t]*([^\s=:#!]+)[ \t]*[=:][ \t]*)\S.*", re.DOTALL)


def is_secret_key(key: str) -> bool:
    """Whether the name says that the value is a secret; rather too often than once too seldom."""
    return _SECRET.search(key) is not None


def shown(key: str, value: str) -> str:
    """A value as it can be shown."""
    return MASK if value and is_secret_key(key) else _IN_ADDRESS.sub(rf"\1:{MASK}", value)


def masked_diff(before: str, after: str, name: str) -> str:
    """What differs, as `diff -u` would show it; empty when nothing does."""
    old, new = parse(before), parse(after)
    known = {line.key: line.value for line in old if line.kind is LineKind.SETTING}
    lines = difflib.unified_diff(
        list(_masked(old, {})), list(_masked(new, known)), name, f"{name} (changed)", lineterm=""
    )
    return "\n".join(lines)


def masked_changes(before: str, after: str, name: str) -> str:
    """What differs, line by line, of a file that is not read here: only the lines that change are shown."""
    old, new = (_NATURAL.split(text) for text in (before, after))
    lines = difflib.unified_diff(old, new, name, f"{name} (changed)", n=0, lineterm="")
    return "\n".join(_IN_ADDRESS.sub(rf"\1:{MASK}", _WITH_SECRET.sub(rf"\1{MASK}", line)) for line in lines)


_NATURAL: Final = re.compile(r"\r\n|\r|\n")
_WITH_SECRET: Final = re.compile(rf"([^=:]*(?:{_SECRET.pattern})[^=:]*[=:][ \t]*)\S.*", re.IGNORECASE)


def _masked(lines: tuple[LogicalLine, ...], known: Mapping[str, str]) -> Iterator[str]:
    """Natural lines; a secret that is another one than before must look different, too."""
    for line in lines:
        text = line.text
        if line.kind is LineKind.SETTING and is_secret_key(line.key) and line.value:
            another = " (another one)" if known.get(line.key, line.value) != line.value else ""
            text = line.indent + line.raw_key + line.separator + MASK + another + line.end
        elif line.kind is LineKind.COMMENT:
            text = _without_commented_secret(text)
        text = _IN_ADDRESS.sub(rf"\1:{MASK}", text)
        yield from re.split(r"\r\n|\r|\n", text[: len(text) - len(line.end)])


def _without_commented_secret(text: str) -> str:
    found = _COMMENTED.fullmatch(text)
    return found[1] + MASK if found is not None and is_secret_key(found[2]) else text
