"""Every key of broker.conf that offload depends on, as one table: templates, linter, help and docs all read it.

Names, types and defaults are those of Pulsar 4.0.7 and of its 4.1.0 snapshot f2618c15bb, whose files and lines are
named; the integration tests compare them with a real 4.0.7's classes.
"""

from difflib import get_close_matches
from typing import Final

from offloadctl.brokerconf.keys_common import COMMON, LEDGERS, RELATED
from offloadctl.brokerconf.keys_location import FILESYSTEM, GCS, GENERIC, S3
from offloadctl.brokerconf.kinds import PREFIXES, Family, Place, Setting
from offloadctl.errors import BadValue

SETTINGS: Final = (*COMMON, *S3, *GENERIC, *GCS, *FILESYSTEM, *LEDGERS, *RELATED)
"""Every key, in the order in which people meet them."""

BY_KEY: Final = {setting.key: setting for setting in SETTINGS}


def find(key: str) -> Setting:
    """The setting of that key; BadValue, with the nearest keys, if there is none."""
    if key in BY_KEY:
        return BY_KEY[key]
    near = nearest(key)
    hint = f"did you mean {', '.join(near)}?" if near else "offloadctl broker-conf settings lists the keys"
    raise BadValue(f"{key!r} is no key of broker.conf that offload depends on", hint=hint)


def nearest(key: str, *, cutoff: float = 0.8) -> tuple[str, ...]:
    """Up to three keys that look like this one, the most similar first; case does not count."""
    by_lower = {known.lower(): known for known in BY_KEY}
    return tuple(by_lower[one] for one in get_close_matches(key.lower(), by_lower, n=3, cutoff=cutoff))


def place_key(family: Family, place: Place) -> str | None:
    """The key of a family for a place; Google's family has none for the endpoint."""
    key = PREFIXES.get(family, "?") + place
    return key if key in BY_KEY else None


def newer_name(key: str) -> str | None:
    """The name that wins over this one, if both are there."""
    return next((one.key for one in SETTINGS if one.alias_of == key), None)
