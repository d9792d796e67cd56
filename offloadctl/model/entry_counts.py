"""What entries hold, counted."""

from dataclasses import dataclass, fields
from operator import add, attrgetter


@dataclass(frozen=True, slots=True)
class EntryCounts:
    """What a number of entries hold; each entry is in exactly one of the four counts from `checksums_ok` on."""

    entries: int = 0
    messages: int = 0
    """What a consumer is given of whole entries: all of a batch, a chunked message at its last chunk, no marker."""
    entry_bytes: int = 0
    """The entries' own bytes, without their headers."""
    checksums_ok: int = 0
    checksums_absent: int = 0
    """Nothing proves these entries whole: their producers sent no checksum. Their metadata parses."""
    checksums_bad: int = 0
    unreadable: int = 0
    """Neither a checksum nor metadata can be made out."""
    markers: int = 0
    """The broker's own entries, of transactions and of replicated subscriptions."""
    chunks: int = 0
    """Entries that are a part of a message."""
    encrypted: int = 0
    compressed: int = 0

    def __add__(self, other: "EntryCounts") -> "EntryCounts":
        return EntryCounts(*map(add, _values(self), _values(other)))


_values = attrgetter(*(field.name for field in fields(EntryCounts)))
