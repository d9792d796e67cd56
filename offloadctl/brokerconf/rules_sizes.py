"""Rules about sizes and threads: blocks that cannot hold a message, buffers that fill the memory."""

from collections.abc import Iterator
from typing import Final

from offloadctl.brokerconf.facts import Facts, found
from offloadctl.brokerconf.findings import LintFinding, LintSeverity, Rule
from offloadctl.brokerconf.kinds import OWN_FAMILY, Driver, Family, Place
from offloadctl.brokerconf.settings import place_key
from offloadctl.units import format_size

BLOCK_TOO_SMALL: Final = Rule(
    "block-too-small",
    LintSeverity.ERROR,
    "The block size is under 5 MiB.",
    "Every offload of more than one block fails: S3 accepts no smaller part of an upload, but for the last one.",
    "Set at least 5242880; 67108864 is the default.",
)
BLOCK_TRUNCATES: Final = Rule(
    "block-truncates",
    LintSeverity.ERROR,
    "The largest message does not fit into a block.",
    "It cuts the ledger short before such a message, says SUCCESS, and deletes BookKeeper's copy after the lag: the"
    " rest of the ledger is lost, and readers hang.",
    "Set a block size of more than maxMessageSize + 10380 bytes; 67108864 is the default.",
    versions="seen on 4.0.7",
)
TOO_MANY_BLOCKS: Final = Rule(
    "too-many-blocks",
    LintSeverity.WARNING,
    "The largest ledger takes more blocks than an object can have.",
    "Its offload fails, each time anew.",
    "Set larger blocks, or smaller ledgers (managedLedgerMaxSizePerLedgerMbytes).",
)
READ_BUFFER: Final = Rule(
    "read-buffer",
    LintSeverity.WARNING,
    "The read buffer is very small or very large.",
    "Each offloaded ledger that is read holds one such buffer in direct memory, and fetches one in each GET: large ones"
    " use up the memory, small ones make many slow requests.",
    "1048576 is the default; stay between 64 KiB and 16 MiB.",
    issues=(6692, 19783),
)
NO_READ_BUFFER: Final = Rule(
    "no-read-buffer",
    LintSeverity.ERROR,
    "The read buffer is not larger than 0.",
    "It can offload, and cannot read what it offloaded.",
    "1048576 is the default.",
)
NO_THREADS: Final = Rule(
    "no-threads",
    LintSeverity.ERROR,
    "A thread pool has no threads.",
    "It does not start (IllegalArgumentException).",
    "2 is the default.",
    versions="seen on 4.0.7",
)
MANY_THREADS: Final = Rule(
    "many-threads",
    LintSeverity.WARNING,
    "A thread pool is very large.",
    "It throttles offloads by nothing else: so many at once take BookKeeper's and the network's capacity.",
    "2 is the default; go up in small steps.",
    issues=(17362, 18004),
)

RULES: Final = (
    BLOCK_TOO_SMALL,
    BLOCK_TRUNCATES,
    TOO_MANY_BLOCKS,
    READ_BUFFER,
    NO_READ_BUFFER,
    NO_THREADS,
    MANY_THREADS,
)

MIN_BLOCK: Final = 5 * 1024 * 1024
"""JCloudBlobStoreProvider.java:286-302, which nothing calls; and S3's own limit for parts."""

ENTRY_OVERHEAD: Final = 10 * 1024 + 12 + 128
"""Commands.java:119: 10 KiB of frame around a message; an entry's header (12) and a block's (128) in the block."""

_MIB: Final = 1024 * 1024
# broker.conf:1794, of jclouds and Google; S3: 10,000 parts.
_MAX_BLOCKS: Final = {Driver.GCS: 32}
_S3_PARTS: Final = 10_000
_SMALL_BUFFER, _LARGE_BUFFER = 64 * 1024, 16 * _MIB
_MANY_THREADS: Final = 32
_POOLS: Final = ("managedLedgerOffloadMaxThreads", "managedLedgerOffloadReadThreads")


def blocks(facts: Facts) -> Iterator[LintFinding]:
    """Whether a block is allowed, and holds every message."""
    if facts.driver in (None, Driver.FILESYSTEM):
        return
    size, entry = facts.place_number(Place.BLOCK_SIZE)
    message = facts.number("maxMessageSize")
    key = _key(facts, Place.BLOCK_SIZE)
    if size < MIN_BLOCK:
        yield found(BLOCK_TOO_SMALL, f"{size} bytes are less than 5 MiB ({MIN_BLOCK}).", entry, key=key)
    elif size <= message + ENTRY_OVERHEAD:
        what = f"Blocks of {size} bytes, messages of up to {message}: {message + ENTRY_OVERHEAD} do not fit."
        yield found(BLOCK_TRUNCATES, what, entry or facts.conf.entry("maxMessageSize"), key=key)
    most = _MAX_BLOCKS.get(facts.driver, _S3_PARTS)
    ledger = facts.number("managedLedgerMaxSizePerLedgerMbytes") * _MIB
    if size >= MIN_BLOCK and size * most < ledger:
        what = f"{most} blocks hold {format_size(size * most)}, a ledger up to {format_size(ledger)}."
        yield found(TOO_MANY_BLOCKS, what, entry, key=key)


def read_buffer(facts: Facts) -> Iterator[LintFinding]:
    """Whether reading back works, and how it does."""
    if facts.driver in (None, Driver.FILESYSTEM):
        return
    size, entry = facts.place_number(Place.READ_BUFFER)
    key = _key(facts, Place.READ_BUFFER)
    if size <= 0:
        yield found(NO_READ_BUFFER, f"{size} bytes are no buffer.", entry, key=key)
    elif not _SMALL_BUFFER <= size <= _LARGE_BUFFER:
        yield found(READ_BUFFER, f"Each GET fetches {format_size(size)}.", entry, key=key)


def threads(facts: Facts) -> Iterator[LintFinding]:
    """The broker's two pools."""
    for key in _POOLS:
        entry, number = facts.conf.entry(key), facts.number(key)
        if number < 1:
            yield found(NO_THREADS, f"{number} threads are none.", entry)
        elif number > _MANY_THREADS:
            yield found(MANY_THREADS, f"{number} ledgers can be under way at once.", entry)


CHECKS: Final = (blocks, read_buffer, threads)


def _key(facts: Facts, place: Place) -> str:
    family = OWN_FAMILY.get(facts.driver, Family.GENERIC) if facts.driver is not None else Family.GENERIC
    return place_key(family, place) or ""
