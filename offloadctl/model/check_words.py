"""How deep a check looks, how much of what was asked for it looked at, and what it says of a ledger."""

from enum import StrEnum
from typing import Final


class Level(StrEnum):
    """How deep a check looks; each level does what those before it do."""

    LISTING = "listing"
    """What a bucket's listing tells: that both objects are there, their sizes and storage classes."""
    INDEX = "index"
    """Both objects' facts, the index, and the end of the data."""
    BLOCKS = "blocks"
    """The header and the first entry of each block too."""
    ENTRIES = "entries"
    """Every byte: each entry's id, length and checksum, and the padding."""
    READBACK = "readback"
    """Samples of each ledger through the broker too, as a consumer reads them."""

    @property
    def meaning(self) -> str:
        """What it looks at, for people."""
        return _MEANINGS[self]

    def includes(self, other: "Level") -> bool:
        """Whether a check of this level looks at what one of the `other` does."""
        order = tuple(Level)
        return order.index(self) >= order.index(other)


_MEANINGS: Final = {
    Level.LISTING: "that both objects are there, in a class that can be read, and of sizes that fit the ledger",
    Level.INDEX: "that both objects are there, the index in full, and the end of the data",
    Level.BLOCKS: "the index level, and the beginning of each block",
    Level.ENTRIES: "every byte: each entry's id, length, checksum and metadata, and the padding",
    Level.READBACK: "the entries level, and samples of each ledger as a broker gives them to a reader",
}


class CheckStatus(StrEnum):
    """How much of what was asked for was looked at; it says nothing of what was found."""

    FULL = "full"
    PARTIAL = "partial"
    FAILED = "failed"
    """Nothing could be looked at."""

    @property
    def meaning(self) -> str:
        """One sentence for people."""
        return _STATUSES[self]


_STATUSES: Final = {
    CheckStatus.FULL: "All that was asked for was looked at.",
    CheckStatus.PARTIAL: "Not all that was asked for was looked at.",
    CheckStatus.FAILED: "Nothing could be looked at.",
}


class Verdict(StrEnum):
    """What a check says of one ledger."""

    SOUND = "sound"
    EARLIER = "earlier"
    """An earlier check found nothing, as deep or deeper, and the objects are unchanged: not looked at again."""
    WARNING = "warning"
    DAMAGED = "damaged"
    NOT_COVERED = "not-covered"
    """Some of it could not be looked at; in what could, no damage was found."""
    TRIMMED = "trimmed"
    """Gone from the topic meanwhile, with its objects: nothing to say."""

    @property
    def meaning(self) -> str:
        """One sentence for people."""
        return _VERDICTS[self]


_VERDICTS: Final = {
    Verdict.SOUND: "Looked at as deep as was asked, and nothing found.",
    Verdict.EARLIER: "An earlier check looked as deep or deeper and found nothing; the objects are unchanged since.",
    Verdict.WARNING: "Readable as far as was looked; something about it is unusual.",
    Verdict.DAMAGED: "Its objects are not what Pulsar wrote: see the findings.",
    Verdict.NOT_COVERED: "Some of it could not be looked at; in what could, no damage was found.",
    Verdict.TRIMMED: "Gone from the topic during the check, and its objects with it.",
}
