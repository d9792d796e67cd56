"""What a file means to the broker: which value counts, which key the driver reads. The rules stand on this."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from offloadctl.brokerconf.edit import Edit
from offloadctl.brokerconf.entries import BrokerConf, Entry
from offloadctl.brokerconf.findings import LintFinding, Rule, Version
from offloadctl.brokerconf.kinds import OWN_FAMILY, Driver, Family, Place, Setting
from offloadctl.brokerconf.masking import shown
from offloadctl.brokerconf.settings import BY_KEY, newer_name, place_key
from offloadctl.brokerconf.values import plain_number


@dataclass(frozen=True, slots=True)
class Facts:
    """A file, and the release it is for, if that is known."""

    conf: BrokerConf
    version: Version | None = None

    @property
    def driver(self) -> Driver | None:
        """The driver that is meant, if there is such a one."""
        return Driver.named((self.conf.text("managedLedgerOffloadDriver") or "").strip())

    @property
    def written(self) -> tuple[Entry, ...]:
        """The entries of the file itself, without those of the image's broker.conf below it."""
        return tuple(one for one in self.conf.entries if one.line is not None)

    @property
    def known(self) -> Iterator[tuple[Entry, Setting]]:
        """The entries of the file itself that count, each with its key's meaning."""
        for entry in self.written:
            if entry.key in BY_KEY and self.conf.entry(entry.key) is entry:
                yield entry, BY_KEY[entry.key]

    def entry(self, key: str) -> Entry | None:
        """The entry that counts for a key: of its two names the new one wins if it is there."""
        newer = newer_name(key)
        return (self.conf.entry(newer) if newer is not None else None) or self.conf.entry(key)

    def is_outdone(self, key: str) -> bool:
        """Whether the key's newer name is there, too: then offload does not even look at this one."""
        newer = newer_name(key)
        return newer is not None and self.conf.entry(newer) is not None

    def number(self, key: str) -> int:
        """The number that counts for a key; its default where the file has none that Java could read."""
        setting, entry = BY_KEY[key], self.entry(key)
        number = plain_number(setting, entry.value.strip()) if entry is not None else None
        return int(setting.default or 0) if number is None else number

    def place(self, place: Place) -> Entry | None:
        """The entry that the driver takes: of its own key if that is there, be it blank, else of the general one.

        TieredStorageConfiguration.java, getKeys.
        """
        for family in (OWN_FAMILY.get(self.driver) if self.driver else None, Family.GENERIC):
            key = place_key(family, place) if family is not None else None
            if key is not None and (entry := self.conf.entry(key)) is not None:
                return entry
        return None

    def place_text(self, place: Place) -> str:
        """The value that the driver finds there; empty without one."""
        entry = self.place(place)
        return "" if entry is None else entry.value.strip()

    def place_number(self, place: Place) -> tuple[int, Entry | None]:
        """The block size or read buffer that counts, and where it comes from.

        A driver's own key is never absent (OffloadPoliciesImpl.java:144), so that the general one counts for the
        drivers without keys of their own only.
        """
        own = OWN_FAMILY.get(self.driver) if self.driver else None
        setting = BY_KEY[place_key(own or Family.GENERIC, place) or ""]
        entry = self.conf.entry(setting.key)
        number = plain_number(setting, entry.value.strip()) if entry is not None else None
        return (int(setting.default or 0), None) if number is None else (number, entry)


def found(
    rule: Rule,
    what: str,
    entry: Entry | None = None,
    *,
    key: str = "",
    broker: str = "",
    fix: str = "",
    edits: tuple[Edit, ...] = (),
) -> LintFinding:
    """A finding about an entry, or about what is not there."""
    what = _without_controls(what)
    if entry is None:
        return LintFinding(rule, what, key, broker=broker, fix=fix, edits=edits)
    evidence = f"{_without_controls(entry.name or entry.key)}={printable(shown(entry.key, entry.value))}"
    if entry.line is None:
        evidence += "   (in the image's broker.conf)"
    return LintFinding(rule, what, _without_controls(entry.key), entry.line, evidence, broker, fix, edits)


def printable(text: str) -> str:
    """Text from a file that does nothing to a terminal, and stays on its line."""
    return _without_controls(text if len(text) <= _LONGEST else text[:_LONGEST] + "...")


_LONGEST: Final = 200


def _without_controls(text: str) -> str:
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
