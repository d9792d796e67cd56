"""Changes to an env file in place: of each variable its line changes, and every other byte stays."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from offloadctl.brokerconf.edit import AddPrefix, CommentOut, Edit, SetValue
from offloadctl.brokerconf.entries import is_for_broker, is_in_force
from offloadctl.brokerconf.formats import PREFIX
from offloadctl.brokerconf.properties import escaped_value
from offloadctl.brokerconf.reading import ENV_LINE, is_quoted


def with_env_edit(text: str, edit: Edit) -> str:
    """The text after an edit; the same where there is nothing that it could change."""
    pieces = _LINES.split(text)
    lines = list(_variables(pieces))
    named = [one for one in lines if one.key == edit.key]
    match edit:
        case CommentOut():
            for one in named:
                pieces[one.at] = f"#{one.found[0]}"
        case AddPrefix():
            for one in named:
                pieces[one.at] = _with(one.found, 2, PREFIX + one.found[2])
        case SetValue():
            counting = [one for one in named if is_in_force(one.found[2])]
            if counting:
                pieces[counting[-1].at] = _with_value(counting[-1].found, escaped_value(edit.value))
            elif lines:
                last = lines[-1]
                end = pieces[1] if len(pieces) > 1 else "\n"
                new = f"{last.found[1] or ''}{PREFIX}{edit.key}={escaped_value(edit.value)}"
                pieces[last.at] += end + new
    return "".join(pieces)


_LINES: Final = re.compile(r"(\r\n|\r|\n)")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line with a variable for brokers."""

    at: int
    found: re.Match[str]

    @property
    def key(self) -> str:
        return self.found[2].removeprefix(PREFIX)


def _variables(pieces: list[str]) -> Iterator[_Line]:
    """Of lines and line ends in turn."""
    for at in range(0, len(pieces), 2):
        found = ENV_LINE.fullmatch(pieces[at])
        if found and is_for_broker(found[2]):
            yield _Line(at, found)


def _with_value(found: re.Match[str], value: str) -> str:
    """The blanks around it stay, and the quotes that a shell takes away."""
    raw = found[3]
    inner = raw.strip()
    quote = inner[0] if is_quoted(found) else ""
    before = raw[: len(raw) - len(raw.lstrip())]
    behind = raw[len(raw.rstrip()) :] if inner else ""
    return _with(found, 3, f"{before}{quote}{value}{quote}{behind}")


def _with(found: re.Match[str], group: int, text: str) -> str:
    return found[0][: found.start(group)] + text + found[0][found.end(group) :]
