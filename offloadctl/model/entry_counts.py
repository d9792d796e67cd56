"""What entries hold, counted."""

from dataclasses import dataclass, fields
from operator import add


@dataclass(frozen=True, slots=True)
class EntryCounts:
    """What a number of entries hold; each entry is in exactly one of the four counts from `checksums_ok` on."""

    entries: int = 0
    messages: int = 0
    """What a consumer is given: all of a batch, a chunked message at its last chunk, none for a broker's marker."""
    entry_bytes: int = 0
    checksums_ok: int = 0
    checksums_absent: int = 0
    """Nothing proves these entries whole: their producers sent no checksum. Their metadata parses."""
    checksums_bad: int = 0
    unreadable: int = 0
    markers: int = 0
    chunks: int = 0
    encrypted: int = 0
    compressed: int = 0

    def __add__(self, other: "EntryCounts") -> "EntryCounts":
        names = [field.name for field in fields(self)]
        return EntryCounts(*map(add, (getattr(self, name) for name in names), (getattr(other, name) for name in names)))
