"""What people write -> what the broker must read: `64M` and `4h` as plain numbers in the unit of the key."""

import re
from datetime import timedelta
from typing import Final

from offloadctl.brokerconf.kinds import DURATIONS, JavaType, Kind, Setting
from offloadctl.errors import BadValue
from offloadctl.units import parse_duration, parse_size

INT_MAX: Final = 2**31 - 1
LONG_MAX: Final = 2**63 - 1

_MEBIBYTE: Final = 1024 * 1024
_UNITS: Final = {
    Kind.MILLISECONDS: timedelta(milliseconds=1),
    Kind.SECONDS: timedelta(seconds=1),
    Kind.MINUTES: timedelta(minutes=1),
}
_DIGITS: Final = re.compile(r"[+-]?\d+", re.ASCII)


def parse_value(setting: Setting, text: str) -> str:
    """What to write into broker.conf; a number without a suffix is meant in the key's own unit."""
    value = text.strip()
    if not value:
        raise BadValue(f"{setting.key} cannot be blank", hint="leave it out: then the broker uses its default")
    if not value.isprintable():
        raise BadValue(f"{setting.key} cannot hold line ends or control characters")
    if setting.kind.is_number:
        return str(_number(setting, value))
    if setting.kind is Kind.SWITCH:
        return _one_of(setting, value.lower(), ("true", "false"))
    if setting.choices:
        return _one_of(setting, value, setting.choices)
    return value


def plain_number(setting: Setting, text: str) -> int | None:
    """The number that Java reads, or None if it reads none: digits only, and not more than the type holds."""
    if _DIGITS.fullmatch(text) is None:
        return None
    number = int(text)
    limit = INT_MAX if setting.java is JavaType.INT else LONG_MAX
    return number if -limit - 1 <= number <= limit else None


def meant_number(setting: Setting, text: str) -> int | None:
    """The number that a person meant by `64M`, `64 MB` or `4h`, in the key's unit; None if that is not clear."""
    try:
        return _number(setting, re.sub(r"(?i)(?<=\d)\s*([kmgt])i?b?$", r"\1", text.strip()))
    except BadValue:
        return None


def _number(setting: Setting, text: str) -> int:
    number = int(text) if _DIGITS.fullmatch(text) else _with_suffix(setting, text)
    limit = INT_MAX if setting.java is JavaType.INT else LONG_MAX
    if not -limit - 1 <= number <= limit:
        raise BadValue(f"{setting.key}={text} is more than the broker can hold", hint=f"the largest is {limit}")
    return number


def _with_suffix(setting: Setting, text: str) -> int:
    match setting.kind:
        case Kind.BYTES:
            return parse_size(text)
        case Kind.MEGABYTES:
            return _whole(setting, text, parse_size(text), _MEBIBYTE)
        case kind if kind in DURATIONS:
            microsecond = timedelta(microseconds=1)
            return _whole(setting, text, parse_duration(text) // microsecond, _UNITS[kind] // microsecond)
        case _:
            raise BadValue(f"{setting.key} must be a whole number, not {text!r}")


def _whole(setting: Setting, text: str, amount: int, unit: int) -> int:
    if amount % unit:
        raise BadValue(f"{setting.key} counts whole {setting.kind.value}, and {text} is none")
    return amount // unit


def _one_of(setting: Setting, value: str, choices: tuple[str, ...]) -> str:
    # JSON spells TIERED_STORAGE_FIRST what broker.conf spells tiered-storage-first.
    meant = next((one for one in choices if one.lower() == value.lower().replace("_", "-")), None)
    if meant is None:
        raise BadValue(f"{setting.key} cannot be {value!r}", hint=f"one of: {', '.join(choices)}")
    return meant
