"""What offloaded ledgers take up, as far as it can be known from outside.

No REST call tells when an offload was completed or whether BookKeeper's copy is gone (the fields are in the metadata
store only), so these are bounds, and say so. The object sizes follow from the block layout (format/data_block.py).
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from offloadctl.format.data_block import BLOCK_HEADER_LENGTH, ENTRY_HEADER_LENGTH
from offloadctl.model.ledger import Ledger, OffloadPolicies
from offloadctl.model.status import Amount, Bound, TopicStatus, total_size
from offloadctl.units import ByteSize, finite_duration

OBJECTS_PER_LEDGER: Final = 2
"""Data and index."""


def implied_data_size(ledger: Ledger, max_block_size: int | None) -> Amount:
    """The data object's size: exact if one block holds the ledger, else at least this, since blocks end in padding."""
    size = ByteSize(BLOCK_HEADER_LENGTH + ENTRY_HEADER_LENGTH * ledger.entries + ledger.size)
    fits = max_block_size is not None and size <= max_block_size
    return Amount(size, Bound.EXACT if fits else Bound.AT_LEAST)


def implied_data_sizes(ledgers: Sequence[Ledger], max_block_size: int | None) -> Amount:
    """All of their data objects together."""
    return _sum([implied_data_size(ledger, max_block_size) for ledger in ledgers])


def stored_in_s3(status: TopicStatus) -> Amount:
    """The bytes of the data objects: as the bucket tells, or as the ledgers imply if no bucket was looked at.

    As long as it is not known which ledgers are complete, those are bounds: what is there, or what could be.
    """
    if status.objects is not None:
        found = ByteSize(sum(one.size or 0 for one in status.objects))
        is_all = not status.begun and len(status.objects) == len(status.offloaded)
        return Amount(found, Bound.EXACT if is_all else Bound.AT_LEAST)
    block_size = (status.policies or OffloadPolicies()).max_block_size
    if not status.begun:
        return implied_data_sizes(status.offloaded, block_size)
    most = implied_data_sizes((*status.offloaded, *status.begun), block_size)
    if most.bound is Bound.EXACT:
        return Amount(most.size, Bound.AT_MOST)
    return Amount(implied_data_sizes(status.offloaded, block_size).size, Bound.AT_LEAST)


def doubly_stored(status: TopicStatus) -> Amount:
    """The bytes that are in S3 and may still be in BookKeeper: until the deletion lag after completion has passed.

    An object's time is a little before its offload's completion, and BookKeeper's copy goes at the first trim after
    the lag, so with every object seen this is a lower bound. A ledger whose object was not seen may be there twice
    however old it is: then there is only an upper bound.
    """
    if status.begun:
        return Amount(total_size((*status.offloaded, *status.begun)), Bound.AT_MOST)
    if not status.offloaded:
        return Amount(ByteSize(0))
    lag = deletion_lag(status.policies)
    written = {one.ledger_id: one.written_at for one in status.objects or () if one.written_at is not None}
    if lag is None or len(written) < len(status.offloaded):
        return Amount(total_size(status.offloaded), Bound.AT_MOST)
    now = status.managed_ledger.observed_at
    waiting = (ledger for ledger in status.offloaded if now - written[ledger.ledger_id] <= lag)
    return Amount(total_size(waiting), Bound.AT_LEAST)


def has_odd_size(ledger: Ledger, size: int, max_block_size: int | None) -> bool:
    """Whether a data object is smaller than its ledger implies, or other than it must be if one block holds it."""
    implied = implied_data_size(ledger, max_block_size)
    return size < implied.size or (implied.bound is Bound.EXACT and size != implied.size)


def deletion_lag(policies: OffloadPolicies | None) -> timedelta | None:
    """How long after completion BookKeeper's copy is kept; None: for ever, or unknown."""
    return finite_duration(policies.deletion_lag_ms) if policies is not None else None


def _sum(amounts: Sequence[Amount]) -> Amount:
    exact = all(amount.bound is Bound.EXACT for amount in amounts)
    return Amount(ByteSize(sum(amount.size for amount in amounts)), Bound.EXACT if exact else Bound.AT_LEAST)
