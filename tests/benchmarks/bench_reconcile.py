"""Reconcile a bucket's listing with metadata: 1,000,000 ledgers, 2,000,000 objects, from a store that is made up.

Wanted: 6 s and 400 MB, listing aside: so the clock runs only while a page is taken, and while a thousand ledgers are
looked up. Seconds are the processor's.
"""

import os
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TypeVar
from uuid import UUID

from offloadctl.check.pairing import Pairing
from offloadctl.format.keys import data_key, index_key
from offloadctl.model.ledger import Ledger, OffloadProgress
from offloadctl.ports import ObjectInfo
from offloadctl.units import ByteSize

T = TypeVar("T")

LEDGERS = 1_000_000
WANTED_SECONDS, WANTED_MB = 6.0, 400
AT = datetime(2026, 11, 24, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ENTRIES, SIZE = 1000, 1_046_762
DATA_SIZE = 128 + 12 * ENTRIES + SIZE
# Odd, so that every ledger comes once; no metadata comes in the order of random uuids.
STRIDE = 618_033


def uuid_of(number: int) -> UUID:
    """Ascending and spread evenly, as random uuids are in a listing."""
    return UUID(int=(number * (2**128 // LEDGERS)) | 0x5A5A)


def listing() -> Iterator[ObjectInfo]:
    etag = "0" * 32 + "-1"
    for number in range(LEDGERS):
        uuid = uuid_of(number)
        written = AT + number * SECOND
        yield ObjectInfo(data_key(uuid, number), DATA_SIZE, etag, written)
        yield ObjectInfo(index_key(uuid, number), 220, etag, written + SECOND)


def metadata() -> Iterator[Ledger]:
    for step in range(LEDGERS):
        number = step * STRIDE % LEDGERS
        uuid = uuid_of(number)
        yield Ledger(number, ENTRIES, ByteSize(SIZE), False, OffloadProgress.OFFLOADED, AT, uuid)


def reconcile() -> tuple[float, int, int]:
    """Seconds, ledgers that are sound, and objects that nobody names."""
    pairing, seconds, sound = Pairing(), 0.0, 0
    for page in batched(listing()):
        begun = time.process_time()
        pairing.add(page)
        seconds += time.process_time() - begun
    for ledgers in batched(metadata()):
        begun = time.process_time()
        for ledger in ledgers:
            assert ledger.context_uuid is not None
            row = pairing.claim(ledger.context_uuid, ledger.ledger_id)
            sound += row is not None and pairing.sound_size(row, ledger.entries, ledger.size) is not None
        seconds += time.process_time() - begun
    begun = time.process_time()
    strays = sum(pair.objects for pair in pairing.unclaimed())
    return seconds + time.process_time() - begun, sound, strays


def batched(items: Iterator[T]) -> Iterator[list[T]]:
    """A thousand at a time, as pages come."""
    while batch := list(islice(items, 1000)):
        yield batch


def main() -> None:
    before = _peak_mb()

    seconds, sound, strays = reconcile()

    assert (sound, strays) == (LEDGERS, 0), (sound, strays)
    print(
        f"{LEDGERS:,} ledgers, {2 * LEDGERS:,} objects: {seconds:.1f} s (wanted: {WANTED_SECONDS:.0f}); "
        f"peak {_peak_mb():.0f} MB (wanted: {WANTED_MB}), {before:.0f} MB before; load {os.getloadavg()[0]:.1f}"
    )


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    main()
