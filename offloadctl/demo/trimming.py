"""What a trim takes away: ledgers that retention lets go, and BookKeeper's copies of offloaded ones.

ManagedLedgerImpl.java (internalTrimLedgers, isOffloadedNeedsDelete) is the authority. What is closed counts as consumed
unless a subscription stands before its last entry.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from offloadctl.demo.ledgers import ManagedLedgerMetadata, SimulatedLedger

_MEBIBYTE = 1024 * 1024


class Retention(NamedTuple):
    """How long and how much is kept after it was consumed; negative: for ever, without a limit."""

    minutes: int
    mebibytes: int


def expired(metadata: ManagedLedgerMetadata, retention: Retention, now: datetime) -> list[SimulatedLedger]:
    """The oldest ledgers that retention lets go; never the last one."""
    gone: list[SimulatedLedger] = []
    if retention.minutes < 0 and retention.mebibytes < 0:
        return gone
    kept = metadata.total_length
    slowest = min((cursor.mark_delete for cursor in metadata.cursors.values()), default=None)
    for ledger in metadata.ascending[:-1]:
        last = (ledger.ledger_id, ledger.entry_count - 1)
        if ledger.closed_at is None or (slowest is not None and slowest < last):
            break
        too_old = retention.minutes >= 0 and now - ledger.closed_at >= timedelta(minutes=retention.minutes)
        too_much = retention.mebibytes >= 0 and kept - ledger.length >= retention.mebibytes * _MEBIBYTE
        if not (too_old or too_much):
            break
        kept -= ledger.length
        gone.append(ledger)
    return gone


def delete_from_bookkeeper(metadata: ManagedLedgerMetadata, lag: timedelta, now: datetime) -> int:
    """Delete the copies of ledgers that are complete for longer than `lag`, in one write; tells the bytes freed."""
    freed, written = 0, False
    for ledger in metadata.ledgers.values():
        context = ledger.context
        if context is None or context.completed_at is None or context.bookkeeper_deleted:
            continue
        if now - context.completed_at > lag:
            context.bookkeeper_deleted = written = True
            freed += ledger.delete_from_bookkeeper()
    if written:
        metadata.written(now)
    return freed
