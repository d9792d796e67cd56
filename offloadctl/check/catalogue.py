"""Every code that a finding can have: what is wrong, what it means for readers, and what to do."""

from dataclasses import dataclass
from typing import Final

from offloadctl.model.finding import Severity


@dataclass(frozen=True, slots=True)
class FindingKind:
    """One code, in words that hold for each of its findings."""

    code: str
    severity: Severity
    what: str
    means: str
    do: str


_HANGS: Final = (
    "Readers hang or fail once they reach this ledger; Pulsar reads S3 first, even while BookKeeper has a copy."
)
_KEEP: Final = (
    "Set the deletion lag of the namespace to -1 at once, so that BookKeeper's copy, if it still exists, stays."
)

_DAMAGES: Final = (
    ("data-missing", "The metadata calls the offload complete, and there is no data object."),
    ("index-missing", "The metadata calls the offload complete, and there is no index object."),
    ("index-corrupt", "The index object is not what Pulsar writes: magic, lengths or metadata do not parse."),
    ("index-metadata", "The index carries the metadata of another ledger, or of another moment of this one."),
    ("data-size", "The data object has not the length that its index names."),
    ("data-size-implied", "The data object is too small for the entries and bytes that the ledger has."),
    ("block-corrupt", "A block of the data object cannot be walked from entry to entry."),
    (
        "truncated",
        (
            "The data object ends before the ledger does. Pulsar does this in silence when an entry does not fit into "
            "a block (managedLedgerOffloadMaxBlockSizeInBytes too small for the largest message)."
        ),
    ),
)

KINDS: Final = {code: FindingKind(code, Severity.DAMAGE, what, _HANGS, _KEEP) for code, what in _DAMAGES}
"""By code."""
