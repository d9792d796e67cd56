"""The fields of offload policies: the keys of broker.conf that a policy can have, by their names in JSON."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from offloadctl.brokerconf.kinds import OWN_FAMILY, Driver, Family, JavaType, Kind, Place, Setting
from offloadctl.brokerconf.settings import BY_KEY, SETTINGS, place_key
from offloadctl.brokerconf.values import parse_value
from offloadctl.errors import BadValue
from offloadctl.model.policies import EXTRA, STORED, PolicyObject, PolicyValue
from offloadctl.redaction import Secret

DRIVER: Final = "managedLedgerOffloadDriver"
SIZE_THRESHOLD: Final = "managedLedgerOffloadThresholdInBytes"
AGE_THRESHOLD: Final = "managedLedgerOffloadThresholdInSeconds"
DELETION_LAG: Final = "managedLedgerOffloadDeletionLagInMillis"
ROLE: Final = "s3ManagedLedgerOffloadRole"
CREDENTIALS: Final = ("s3ManagedLedgerOffloadCredentialId", "s3ManagedLedgerOffloadCredentialSecret")
"""Never read, never shown, never sent unless a person gives them."""

_POOLS: Final = ("managedLedgerOffloadMaxThreads", "managedLedgerOffloadReadThreads")
"""Of the whole broker, whatever a policy says of them (OffloadPoliciesImpl.java:104-178)."""

SINGLE_FIELDS: Final = (SIZE_THRESHOLD, AGE_THRESHOLD, DELETION_LAG)
"""A namespace has an endpoint for each of these."""

KEEP: Final = "keep"
"""In a file: the value that is there stays, such as a credential that is not shown."""


_WORDS_FOR_NEVER: Final = {SIZE_THRESHOLD: "off", AGE_THRESHOLD: "off", DELETION_LAG: "never"}
"""What -1 is shown as, and may be written as."""


@dataclass(frozen=True, slots=True)
class PolicyField:
    """One field."""

    name: str
    """In JSON."""
    setting: Setting
    """The key of broker.conf that it takes the place of: the name that wins there."""

    @property
    def is_credential(self) -> bool:
        """Whether it is never read."""
        return self.name in CREDENTIALS

    @property
    def leak(self) -> PolicyValue | None:
        """What each new policy puts in the place of the broker's value, whoever asked for it; None: nothing."""
        return None if self.setting.leaks is None else self.value(self.setting.leaks)

    @property
    def brought(self) -> PolicyValue | None:
        """What each new policy holds, be it that it has no effect there; None: nothing."""
        return self.value(self.setting.default or "") if self.name in _POOLS else self.leak

    def value(self, text: str) -> PolicyValue:
        """What a person wrote, as the broker keeps it: plain numbers in the field's unit."""
        if text.strip() == KEEP:
            return STORED
        if text.strip().lower() == _WORDS_FOR_NEVER.get(self.name):
            return -1
        if self.is_credential:
            return Secret(parse_value(self.setting, text))
        parsed = parse_value(self.setting, text)
        return int(parsed) if self.setting.kind.is_number else parsed


def _fields() -> Iterator[PolicyField]:
    names = {one.alias_of: one.key for one in SETTINGS if one.alias_of and one.in_policy}
    for setting in SETTINGS:
        if setting.in_policy and not setting.alias_of:
            yield PolicyField(names.get(setting.key, setting.key), setting)


FIELDS: Final = tuple(_fields())
"""In the order of the table of settings."""

BY_NAME: Final = {one.name: one for one in FIELDS}


def field_named(name: str, *, driver: str = "") -> PolicyField:
    """The field of that name in JSON, in broker.conf, or in short: `bucket` is the one that the driver reads."""
    if name in BY_NAME:
        return BY_NAME[name]
    if name in BY_KEY:
        key = BY_KEY[name].alias_of or name
        found = next((one for one in FIELDS if one.setting.key == key), None)
        if found is None:
            raise BadValue(
                f"{name} is a setting of brokers, and no policy can have it", hint="it stands in broker.conf"
            )
        return found
    if _EXTRA_NAME.fullmatch(name):
        return PolicyField(name, _EXTRA_SETTING)
    short = _short(name, driver)
    if short is not None:
        return short
    known = [*BY_NAME, *BY_KEY, *dict.fromkeys(one.setting.parameter for one in FIELDS)]
    near = get_close_matches(name, known, n=3, cutoff=0.7) or [one for one in known if name in one.split("-")]
    hint = f"did you mean {', '.join(near)}?" if near else "offloadctl broker-conf settings lists the keys"
    if "retention" in name.lower():
        hint = "how long consumed data is kept is another policy: offloadctl retention set"
    raise BadValue(f"{name!r} is no field of an offload policy", hint=hint)


def place_name(driver: str, place: Place) -> str:
    """The field that the driver reads first for a place."""
    found = Driver.named(driver)
    family = OWN_FAMILY.get(found, Family.GENERIC) if found is not None else Family.GENERIC
    return place_key(family, place) or place_key(Family.GENERIC, place) or ""


def leaks_over(policy: PolicyObject, below: PolicyObject) -> dict[str, PolicyValue]:
    """The fields that a new policy would bring along although it does not name them, and what they would hide."""
    return {
        one.name: below.fields[one.name]
        for one in FIELDS
        if one.leak is not None and one.name not in policy and one.name in below and below.get(one.name) != one.leak
    }


def _short(name: str, driver: str) -> PolicyField | None:
    known = Driver.named(driver)
    own = OWN_FAMILY.get(known, Family.GENERIC) if known is not None else Family.GENERIC
    families = list(dict.fromkeys((own, Family.GENERIC, *Family)))
    named = [one for one in FIELDS if one.setting.parameter == name]
    return min(named, key=lambda one: families.index(one.setting.family), default=None)


_EXTRA_NAME: Final = re.compile(re.escape(EXTRA) + r"\.[^.=\s]+")
_EXTRA_SETTING: Final = Setting(
    EXTRA,
    Kind.TEXT,
    JavaType.STRING,
    None,
    "A free key for the driver.",
    "OffloadPoliciesImpl.java",
    in_policy=True,
)
