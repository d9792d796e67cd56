"""Two configurations side by side: what a broker would do differently, and what is only written differently."""

from collections.abc import Iterator
from dataclasses import dataclass

from offloadctl.brokerconf.entries import BrokerConf, Layout
from offloadctl.brokerconf.facts import Facts
from offloadctl.brokerconf.formats import Format, written
from offloadctl.brokerconf.kinds import EXTRA_PREFIX, Place, Setting
from offloadctl.brokerconf.reading import read
from offloadctl.brokerconf.render import Rendered
from offloadctl.brokerconf.rules_values import stops_start_if_blank
from offloadctl.brokerconf.settings import BY_KEY, SETTINGS
from offloadctl.brokerconf.values import plain_number


@dataclass(frozen=True, slots=True)
class Unseen:
    """Keys of which one side could not be asked, and why."""

    keys: tuple[str, ...]
    why: str
    do: str = ""
    """What would show them; empty if nothing does."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: a file; or a profile or live brokers, which say something of some keys only."""

    name: str
    conf: BrokerConf
    keys: frozenset[str] | None = None
    """The keys that it says something of; None: all."""
    unfilled: frozenset[str] = frozenset()
    """The keys that it wants to have a value, whichever."""
    unseen: tuple[Unseen, ...] = ()
    """Of live brokers: the keys that are left out because they could not be seen."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One key that is not the same on both sides."""

    key: str
    a: str | None
    b: str | None
    is_effective: bool
    """Whether the broker would do anything else."""
    a_is_open: bool = False
    b_is_open: bool = False
    """A profile wants a value there, whichever."""

    @property
    def default(self) -> str | None:
        """What counts where the key is not there."""
        return BY_KEY[self.key].default if self.key in BY_KEY else None


def side_of_profile(rendered: Rendered) -> Side:
    """A profile as one side."""
    conf = read(written(rendered.values, Format.CONF).encode("latin-1"), layout=Layout.CONF)
    keys = frozenset(rendered.values) | rendered.unfilled
    return Side(f"profile {rendered.profile.name}", conf, keys, rendered.unfilled)


def compare(a: Side, b: Side) -> tuple[Difference, ...]:
    """Every key of offload's that differs, in the order of the table."""
    return tuple(
        Difference(
            key,
            a.conf.text(key),
            b.conf.text(key),
            is_effective=_differs(key, a, b),
            a_is_open=key in a.unfilled,
            b_is_open=key in b.unfilled,
        )
        for key in _keys(a, b)
        if not _is_same_text(key, a, b)
    )


def _keys(a: Side, b: Side) -> Iterator[str]:
    extra = {one.key for side in (a, b) for one in side.conf.entries if one.key.startswith(EXTRA_PREFIX)}
    for key in (*(setting.key for setting in SETTINGS), *sorted(extra)):
        if all(side.keys is None or key in side.keys for side in (a, b)):
            yield key


def _is_same_text(key: str, a: Side, b: Side) -> bool:
    for one, other in ((a, b), (b, a)):
        if key in one.unfilled:
            return key in other.unfilled or bool((other.conf.text(key) or "").strip())
    return a.conf.text(key) == b.conf.text(key)


def _differs(key: str, a: Side, b: Side) -> bool:
    if key not in BY_KEY or key in a.unfilled | b.unfilled:
        return True
    # Of a setting with two names, each side may use another one.
    setting = BY_KEY[BY_KEY[key].alias_of or key]
    one, other = Facts(a.conf), Facts(b.conf)
    return _meaning(setting, one) != _meaning(setting, other) and not _is_stock_line(setting, one, other)


def _is_stock_line(setting: Setting, one: Facts, other: Facts) -> bool:
    """Whether one side only has the line of Pulsar's own file, for a driver that neither side names."""
    texts = {one.conf.text(setting.key), other.conf.text(setting.key)}
    is_read = not setting.drivers or not {one.driver, other.driver}.isdisjoint(setting.drivers)
    return not is_read and texts == {None, setting.stock}


def _meaning(setting: Setting, facts: Facts) -> tuple[str | int, ...]:
    """What the broker makes of a key; with a place, what the driver finds there, as a blank hides another key."""
    entry = facts.entry(setting.key)
    text = entry.value if entry is not None else ""
    if entry is not None and not text.strip() and stops_start_if_blank(setting):
        return ("it does not start",)
    text = text if text.strip() else setting.default or ""
    number = plain_number(setting, text.strip()) if setting.kind.is_number else None
    place = next((one for one in Place if setting.key.endswith(one)), None)
    return (text if number is None else number, _found_there(facts, place))


def _found_there(facts: Facts, place: Place | None) -> str | int:
    match place:
        case None:
            return ""
        case Place.BLOCK_SIZE | Place.READ_BUFFER:
            return facts.place_number(place)[0]
        case _:
            return facts.place_text(place)
