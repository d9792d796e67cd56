"""Sizes and durations: pulsar-admin's spelling, parsed once at the edge.

Pulsar's ByteUnitUtil.java and RelativeTimeUtil.java are the authorities: one optional suffix, integers only,
sizes in powers of 1024, durations in seconds unless a suffix says otherwise, `m` meaning minutes.
Unlike them, a value that does not fit into a signed 64-bit integer is an error here instead of wrapping round.
"""

import re
from datetime import timedelta
from typing import Final, NewType

from offloadctl.errors import BadValue

ByteSize = NewType("ByteSize", int)
"""A number of bytes."""

MAX_LONG: Final = 2**63 - 1
"""Java's Long.MAX_VALUE: the broker keeps thresholds in a signed 64-bit integer."""

_SIZE: Final = re.compile(r"(-?\d+)([kmgt]?)", re.IGNORECASE | re.ASCII)
_SIZE_FACTORS: Final = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_LIKELY_SIZE: Final = re.compile(r"\s*-?\d+(?:[.,]\d+)?\s*([kmgtpe]?)i?b?\s*", re.IGNORECASE | re.ASCII)

_DURATION: Final = re.compile(r"(\d+)([smhdwy]?)", re.IGNORECASE | re.ASCII)
_FOR_EVER: Final = timedelta(days=1000 * 365)
"""Brokers take any number of milliseconds, up to Java's Long.MAX_VALUE; no date can be so far away."""
_DURATION_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}


def parse_size(text: str) -> ByteSize:
    """Bytes from `4096`, `100K`, `10M`, `16G` or `2T`; a negative size is a size too, as for pulsar-admin."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise BadValue(f"{text!r} is not a size", hint=_size_hint(text))
    size = _integer(match[1]) * _SIZE_FACTORS[match[2].lower()]
    if abs(size) > MAX_LONG:
        raise BadValue(f"{text!r} is more than a broker can hold", hint=f"the largest size is {MAX_LONG} bytes")
    return ByteSize(size)


def format_size(size: int) -> str:
    """A size for people, at most one decimal: `612 KiB`, `1.5 GiB`."""
    if abs(size) < 1024:
        return f"{size} B"
    value, units = size / 1024, iter(("KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"))
    unit = next(units)
    # 1023.95 would be rounded up to 1024.0 and look like a mistake.
    while abs(value) >= 1023.95 and (larger := next(units, "")):
        value, unit = value / 1024, larger
    return f"{value:.1f}".removesuffix(".0") + f" {unit}"


def parse_duration(text: str) -> timedelta:
    """A duration from `90`, `90s`, `10m`, `2h`, `7d`, `1w` or `1y` (365 days)."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise BadValue(f"{text!r} is not a duration", hint="write a whole number and one of s, m, h, d, w, y, as in 7d")
    try:
        return timedelta(seconds=_integer(match[1]) * _DURATION_SECONDS[match[2].lower()])
    except OverflowError:
        raise BadValue(f"{text!r} is too long", hint="the longest duration is 2700000y") from None


def format_duration(duration: timedelta) -> str:
    """A duration for people, its two largest parts: `3d 4h`, `1m 12s`, `0.4s`."""
    seconds = duration.total_seconds()
    if seconds < 0:
        return "-" + format_duration(-duration)
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + "s"
    parts: list[tuple[int, str]] = []
    left = round(seconds)
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count or parts:
            parts.append((count, unit))
    return " ".join(f"{count}{unit}" for count, unit in parts[:2] if count)


def finite_duration(milliseconds: int | None) -> timedelta | None:
    """How long that is; None for what lasts for ever: no value, a negative one, or more than 1000 years."""
    if milliseconds is None or not 0 <= milliseconds <= _FOR_EVER / timedelta(milliseconds=1):
        return None
    return timedelta(milliseconds=milliseconds)


def _integer(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:
        # Python refuses to count thousands of digits; they are too many for anything here.
        return MAX_LONG**2


def _size_hint(text: str) -> str:
    likely = _LIKELY_SIZE.fullmatch(text)
    if likely is None:
        return "write a whole number and at most one of K, M, G, T, as in 10M"
    unit = likely[1].upper()
    if unit in ("P", "E"):
        return "the largest unit is T"
    if re.search(r"[.,]", text):
        return f"only whole numbers: write the size in a smaller unit than {unit or 'bytes'}"
    return f"units are single letters and powers of 1024: write {re.sub(r'[^-0-9]', '', text)}{unit}"
