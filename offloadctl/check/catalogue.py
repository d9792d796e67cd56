"""Every code that a finding can have: what is wrong, what it means for readers, what to do, at which level it shows.

The order is the precedence. One damage shows in many places: an object that was cut has the wrong length, lacks entries
and disagrees with the ledger's totals. It is reported once, under the first code of this table that fits: a code's
`explains` names those below it that are left out when it is there. Damage in two places is two findings.
"""

from dataclasses import dataclass
from typing import Final

from offloadctl.model.check import Level
from offloadctl.model.finding import Severity


@dataclass(frozen=True, slots=True)
class FindingKind:
    """One code, in words that hold for each of its findings."""

    code: str
    severity: Severity
    seen_at: Level
    """The shallowest level at which it is always seen."""
    what: str
    means: str
    do: str
    maybe_at: Level | None = None
    """A shallower level at which it is seen in some cases."""
    explains: frozenset[str] = frozenset()


_HANGS: Final = (
    "Readers hang or fail once they reach this ledger; Pulsar reads S3 first, even while BookKeeper has a copy."
)
_FAILS_THERE: Final = "Readers fail or skip at this place; what lies before it and behind it can be read."
_STRANGE: Final = "Readers notice nothing, but somebody or something has written here after the broker did."
_KEEP: Final = (
    "Set the deletion lag of the namespace to -1 at once, so that BookKeeper's copy, if it still exists, stays."
)
_RESTORE: Final = "Put the object back from a copy or an older version, with its user metadata."
_LOOK: Final = "Find out who wrote it: compare it with an older version or a copy."
_UNUSED: Final = "None: no reader will ever ask for these objects; they take space and are paid for."
_DELETE: Final = (
    "Delete both objects, once it is sure that no other cluster of this name keeps its ledgers in the bucket."
)

_TOTALS: Final = frozenset({"ledger-totals"})
_IN_BLOCKS: Final = frozenset({"block-header", "block-mismatch"})
_OF_ANOTHER: Final = frozenset({"ledger-time", "part-count"})
_OF_ENTRIES: Final = _TOTALS | {"ledger-time"}
_OF_THE_DATA: Final = _IN_BLOCKS | _TOTALS | _OF_ANOTHER
_OF_THE_INDEX: Final = frozenset({"index-corrupt", "index-streaming", "index-metadata", "index-blocks"})


def _damage(
    code: str,
    seen_at: Level,
    what: str,
    *,
    means: str = _HANGS,
    maybe_at: Level | None = None,
    explains: frozenset[str] = frozenset(),
) -> FindingKind:
    return FindingKind(code, Severity.DAMAGE, seen_at, what, means, _KEEP, maybe_at, explains)


def _stray(code: str, what: str, means: str, do: str) -> FindingKind:
    return FindingKind(code, Severity.WARNING, Level.LISTING, what, means, do)


_ALL: Final = (
    _damage(
        "object-role",
        Level.INDEX,
        "Under the key of one of the two objects lies the other one, by its own user metadata.",
        maybe_at=Level.LISTING,
        explains=_OF_THE_INDEX | _OF_THE_DATA | {"truncated", "data-size", "format-version"},
    ),
    _damage(
        "object-owner",
        Level.INDEX,
        "The object's user metadata names another topic: it is not this ledger's object.",
        means="Readers get another topic's messages, or fail.",
        maybe_at=Level.LISTING,
        explains=_OF_THE_INDEX | _OF_THE_DATA | {"truncated", "data-size"},
    ),
    _damage(
        "format-version",
        Level.INDEX,
        "The object's user metadata lacks the format version: it was copied or restored without its user metadata.",
    ),
    _damage("data-missing", Level.LISTING, "The offload is complete, and no bucket has the data object."),
    _damage("index-missing", Level.LISTING, "The offload is complete, and there is no index object beside the data."),
    FindingKind(
        "objects-not-found",
        Severity.WARNING,
        Level.LISTING,
        "The offload is complete, and no known bucket has either object; the broker may have written to another one.",
        "Unknown: no REST call tells to which bucket a ledger went.",
        "Name every bucket that was ever in use (--bucket, or in the context), and check again.",
    ),
    _damage("archived", Level.LISTING, "The object is in a storage class that must be restored before it can be read."),
    FindingKind(
        "index-streaming",
        Severity.WARNING,
        Level.INDEX,
        "The index is that of a streaming offload, which no released broker writes.",
        "Unknown: the data of streaming offloads is not looked at.",
        _LOOK,
    ),
    _damage(
        "index-corrupt",
        Level.INDEX,
        "The index object is not what Pulsar writes: it cannot be taken apart.",
        maybe_at=Level.LISTING,
    ),
    _damage(
        "index-metadata",
        Level.INDEX,
        "The index carries the metadata of another ledger, of another topic, or of another moment of this ledger.",
        explains=_OF_THE_DATA | {"data-size", "index-blocks"},
    ),
    FindingKind(
        "truncated",
        Severity.DAMAGE,
        Level.INDEX,
        "The data object ends before the ledger does, in padding. Pulsar does this in silence when an entry does not "
        "fit into a block (managedLedgerOffloadMaxBlockSizeInBytes too small for the largest message).",
        _HANGS,
        _KEEP,
        maybe_at=Level.LISTING,
        explains=_OF_THE_DATA | {"data-size", "index-blocks", "padding"},
    ),
    _damage(
        "data-size",
        Level.INDEX,
        "The data object has not the length that its index names.",
        maybe_at=Level.LISTING,
        explains=_OF_THE_DATA,
    ),
    FindingKind(
        "index-blocks",
        Severity.DAMAGE,
        Level.INDEX,
        "The index's list of blocks is not one that Pulsar writes: first entries, part numbers or offsets are wrong.",
        _HANGS,
        _KEEP,
        explains=_IN_BLOCKS | {"part-count"},
    ),
    FindingKind(
        "block-header",
        Severity.DAMAGE,
        Level.BLOCKS,
        "A block's header is not what Pulsar writes.",
        _FAILS_THERE,
        _KEEP,
        maybe_at=Level.INDEX,
    ),
    FindingKind(
        "block-mismatch",
        Severity.DAMAGE,
        Level.BLOCKS,
        "The index and a block's header disagree on where the block is, how long it is or with which entry it begins.",
        _FAILS_THERE,
        _KEEP,
        maybe_at=Level.INDEX,
    ),
    FindingKind(
        "entry-length",
        Severity.DAMAGE,
        Level.ENTRIES,
        "An entry's length leads nowhere: no next entry, and no end of the block, stands behind it.",
        _FAILS_THERE,
        _KEEP,
        maybe_at=Level.INDEX,
        explains=_OF_ENTRIES,
    ),
    FindingKind(
        "entry-unreadable",
        Severity.DAMAGE,
        Level.ENTRIES,
        "An entry cannot be taken apart, or has neither a checksum nor metadata.",
        _FAILS_THERE,
        _KEEP,
        maybe_at=Level.INDEX,
        explains=_OF_ENTRIES,
    ),
    FindingKind(
        "checksum",
        Severity.DAMAGE,
        Level.ENTRIES,
        "An entry's bytes do not fit the checksum that its producer sent.",
        "Consumers of this entry discard it or fail; what lies before it and behind it can be read.",
        _KEEP,
        maybe_at=Level.INDEX,
        explains=_OF_ENTRIES,
    ),
    FindingKind(
        "message-metadata",
        Severity.DAMAGE,
        Level.ENTRIES,
        "An entry without a checksum, or with a right one, has no readable message metadata.",
        "Consumers of this entry fail; what lies before it and behind it can be read.",
        _KEEP,
        maybe_at=Level.INDEX,
        explains=_OF_ENTRIES,
    ),
    FindingKind(
        "entry-id",
        Severity.DAMAGE,
        Level.ENTRIES,
        "An entry's id is not the one that follows: an entry is lost, or its id is damaged.",
        _FAILS_THERE,
        _KEEP,
        maybe_at=Level.INDEX,
        explains=_OF_ENTRIES,
    ),
    FindingKind(
        "padding",
        Severity.DAMAGE,
        Level.ENTRIES,
        "The padding of a block is not what Pulsar writes.",
        "Readers skip padding, unless its first byte is what is wrong; but the store has not kept what was written.",
        _RESTORE,
        explains=_TOTALS,
    ),
    FindingKind(
        "ledger-totals",
        Severity.DAMAGE,
        Level.ENTRIES,
        "The data object holds more or less than the entries and bytes that the ledger has.",
        _HANGS,
        _KEEP,
        maybe_at=Level.LISTING,
    ),
    _damage(
        "readback",
        Level.READBACK,
        "A reader gets nothing from a place in this ledger on, though a later place of the topic gives messages.",
    ),
    FindingKind(
        "ledger-time",
        Severity.WARNING,
        Level.ENTRIES,
        "By its times this is another ledger's object: its index was made, or all its messages were published, before "
        "the ledger began or after it was closed.",
        "Readers may get another ledger's messages in place of these. Producers' clocks may also have been wrong.",
        _LOOK,
        maybe_at=Level.INDEX,
    ),
    FindingKind(
        "part-count",
        Severity.WARNING,
        Level.INDEX,
        "The data object was not uploaded in one part for each block, as the broker does it.",
        _STRANGE,
        "Nothing, if the bucket was copied or restored; otherwise find out who wrote it.",
        maybe_at=Level.LISTING,
    ),
    _stray(
        "older-attempt",
        "Objects of a ledger whose metadata names other objects, or none: an offload was begun anew, and these stayed.",
        _UNUSED,
        _DELETE,
    ),
    _stray(
        "orphan",
        "Objects of a ledger that its topic does not have any more, or of a topic that is gone.",
        _UNUSED,
        _DELETE,
    ),
    _stray(
        "unfinished-offload",
        "The metadata names these objects, the offload is not complete, and nothing was written for a day.",
        "None: readers use BookKeeper's copy. The next offload of the topic deletes these objects and begins anew.",
        "Offload the topic once more (offloadctl offload topic), and see the broker's log for why it stopped.",
    ),
    _stray(
        "open-upload",
        "A multipart upload that was begun and neither completed nor aborted for a day.",
        "None; its parts take space, are paid for, and show up in no listing of objects.",
        "Let a lifecycle rule of the bucket abort incomplete uploads (AbortIncompleteMultipartUpload).",
    ),
)

KINDS: Final = {kind.code: kind for kind in _ALL}
"""By code, in the order of precedence."""

STRAYS: Final = frozenset({"older-attempt", "orphan", "unfinished-offload", "open-upload"})
"""What is nobody's: looked for in whole buckets only, where every topic is asked for."""
