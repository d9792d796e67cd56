"""Profiles: the templates of `broker-conf/` as values.

A template is itself broker.conf text, with `${name}` for values. A line that sets something is part of every rendering;
one that is commented out only when its values are given.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from offloadctl.brokerconf.edit import Lines, commented_out
from offloadctl.brokerconf.kinds import Driver, Setting
from offloadctl.brokerconf.properties import LineKind, LogicalLine, parse
from offloadctl.brokerconf.settings import BY_KEY, find
from offloadctl.errors import BadValue

_PLACEHOLDER: Final = re.compile(r"\$\{([\w-]+)\}")


@dataclass(frozen=True, slots=True)
class TemplateLine:
    """One key of a template, and how its value is made."""

    at: int
    """Its place among the template's lines."""
    setting: Setting
    pattern: str
    is_required: bool

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names that its value is made of."""
        return tuple(_PLACEHOLDER.findall(self.pattern))

    def filled(self, given: Mapping[str, str]) -> str:
        """The value, with every name replaced by what was given for it."""
        return _PLACEHOLDER.sub(lambda found: given[found[1]].strip(), self.pattern)


@dataclass(frozen=True, slots=True)
class Template:
    """A file of `broker-conf/`."""

    lines: Lines
    keys: tuple[TemplateLine, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """A store that ledgers can go to: what is written for it, and which values it asks for."""

    name: str
    title: str
    notes: str
    """What else it needs, and why it is as it is."""
    own: Template
    common: Template

    @property
    def keys(self) -> tuple[TemplateLine, ...]:
        """Every key that it can write."""
        return self.own.keys + self.common.keys

    @property
    def driver(self) -> Driver:
        """The driver that it is for."""
        return Driver(next(one.pattern for one in self.own.keys if one.setting.parameter == "driver"))

    @property
    def required(self) -> tuple[str, ...]:
        """The names that must be given a value."""
        return _names(one for one in self.keys if one.is_required)

    @property
    def optional(self) -> tuple[str, ...]:
        """The names that may be given one."""
        return tuple(name for name in _names(self.keys) if name not in self.required)


def parse_profile(name: str, text: str, common: str) -> Profile:
    """A profile from its file's text and that of `common.conf`."""
    own = _template(text)
    intro = _intro(own.lines)
    title, _, notes = intro.partition("\n\n")
    return Profile(name, " ".join(title.split()), " ".join(notes.split()), own, _template(common))


def _template(text: str) -> Template:
    lines = parse(text)
    return Template(lines, tuple(_keys(lines)))


def _keys(lines: Lines) -> Iterator[TemplateLine]:
    for at, line in enumerate(lines):
        if line.kind is LineKind.SETTING:
            yield TemplateLine(at, find(line.key), line.value, is_required=True)
        elif (key := commented_out(line)) is not None:
            yield TemplateLine(at, BY_KEY[key], _uncommented(line).value, is_required=False)


def _uncommented(line: LogicalLine) -> LogicalLine:
    return parse(line.indent.lstrip("#! \t"))[0]


def _intro(lines: Lines) -> str:
    """The comment at the top."""
    texts: list[str] = []
    for line in lines:
        if line.kind is not LineKind.COMMENT:
            break
        texts.append(line.indent.lstrip("#").strip())
    return "\n".join(texts)


def _names(keys: Iterator[TemplateLine] | tuple[TemplateLine, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for one in keys for name in one.parameters))


def unknown_profile(name: str, known: tuple[str, ...]) -> BadValue:
    """The error for a profile that is none."""
    near = get_close_matches(name, known, n=1)
    return BadValue(
        f"there is no profile {name!r}", hint=f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    )
