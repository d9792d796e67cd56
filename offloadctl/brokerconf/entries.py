"""What a file says to a broker: its settings, each with its line, as values.

Variables come on top of the image's own broker.conf, which has its blanks and defaults: those count as well.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from offloadctl.brokerconf.formats import PREFIX
from offloadctl.brokerconf.properties import LineKind, parse
from offloadctl.brokerconf.settings import BY_KEY, SETTINGS

# What may be meant for broker.conf among the variables of a whole file, known to us or not.
_LIKE_OUR_KEYS: Final = re.compile(r"(?:s3|gcs)?managedLedger|offload|fileSystem(?:URI|Profile)", re.IGNORECASE)


class Layout(StrEnum):
    """How a file brings settings to a broker."""

    CONF = "broker.conf"
    ENV = "variables"
    YAML = "variables in YAML"


@dataclass(frozen=True, slots=True)
class Entry:
    """One key and its value as the broker reads it."""

    key: str
    value: str
    line: int | None
    """None: it is the image's own broker.conf that has it."""
    name: str = ""
    """As it is written, where that is not the key: with the images' prefix."""
    bad_escape: str = ""
    is_applied: bool = True
    """The images pass over a variable without their prefix whose key is not in their broker.conf."""


@dataclass(frozen=True, slots=True)
class BrokerConf:
    """All that a file says to a broker."""

    layout: Layout
    entries: tuple[Entry, ...]
    variables: frozenset[str] = frozenset()
    """Every variable's name, whatever it is for."""
    is_inside: bool = False
    """It is a file inside of another one, as in a ConfigMap."""

    def entry(self, key: str) -> Entry | None:
        """The entry that counts: of several the last one."""
        return next((one for one in reversed(self.entries) if one.key == key and one.is_applied), None)

    def text(self, key: str) -> str | None:
        """The value that counts, if the key is there at all."""
        found = self.entry(key)
        return None if found is None else found.value


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable, as it is written."""

    name: str
    value: str
    line: int


def conf_entries(text: str) -> Iterator[Entry]:
    """The entries of a broker.conf."""
    for line in parse(text):
        if line.kind is LineKind.SETTING:
            yield Entry(line.key, line.value, line.number, bad_escape=line.bad_escape)


def with_image(layout: Layout, variables: Sequence[Variable]) -> BrokerConf:
    """What the images' start script makes of variables: the lines of their broker.conf, then ours."""
    image = [Entry(one.key, one.stock, None) for one in SETTINGS if one.stock is not None and not one.stock_commented]
    ours = [_entry(one) for one in variables if is_for_broker(one.name)]
    return BrokerConf(layout, (*image, *ours), frozenset(one.name for one in variables))


def is_in_force(name: str) -> bool:
    """Whether the images' start script does not pass over a variable of that name: its prefix, or the file has it."""
    return name.startswith(PREFIX) or (name in BY_KEY and BY_KEY[name].in_stock_file)


def is_for_broker(name: str) -> bool:
    """Whether a variable is meant for broker.conf, as far as offload goes."""
    return name.startswith(PREFIX) or name in BY_KEY or _LIKE_OUR_KEYS.match(name) is not None


def _entry(variable: Variable) -> Entry:
    key = variable.name.removeprefix(PREFIX)
    # The script strips the value and writes it into the file as it is; what Java reads there is what counts.
    written = parse(as_java_reads(f"{key}={variable.value.strip()}\n"))[0]
    return Entry(key, written.value, variable.line, variable.name, written.bad_escape, is_in_force(variable.name))


def as_java_reads(text: str) -> str:
    """UTF-8 is what is written into the file, and Latin-1 what is read from it."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")
