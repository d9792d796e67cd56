"""Which bytes of sound objects no check can vouch for, and why: worked out here from the layout, not by the check."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from offloadctl.format.data_block import DataBlockHeader, iterate_block
from offloadctl.format.index_object import IndexObject
from tests.damage.worlds import World

_LEDGER_FIELDS: Final = {
    1: "BookKeeper's write quorum: nobody who reads from S3 uses it",
    2: "BookKeeper's ensemble size: nobody who reads from S3 uses it",
    6: "the bookies that held the ledger: nobody who reads from S3 uses them",
    7: "the kind of BookKeeper's digests, which stay in BookKeeper",
    9: "BookKeeper's ack quorum: nobody who reads from S3 uses it",
    10: "when the ledger was made: any time within its life is possible",
    11: "custom metadata but for the topic: nobody who reads from S3 uses it",
}

BROKER_METADATA: Final = "the broker's own metadata of an entry: the producer's checksum does not cover it"
NO_CHECKSUM: Final = "an entry without a checksum: only its metadata must parse"

REASONS: Final = (*_LEDGER_FIELDS.values(), BROKER_METADATA, NO_CHECKSUM)


@dataclass(frozen=True)
class Uncovered:
    """Bytes from `start` to `end` of which some may change unseen."""

    start: int
    end: int
    reason: str


def uncovered_of_index(world: World) -> tuple[Uncovered, ...]:
    """Fields of the ledger's metadata that are compared with nothing."""
    length = len(IndexObject.parse(world.index).ledger_metadata.build())
    encoded = world.index[32 : 32 + length]
    return tuple(
        Uncovered(32 + start, 32 + end, _LEDGER_FIELDS[number])
        for number, start, end in _fields(encoded)
        if number in _LEDGER_FIELDS
    )


def uncovered_of_data(world: World) -> tuple[Uncovered, ...]:
    """What the entries' own checksums do not cover."""
    return tuple(_of_entries(world))


def _of_entries(world: World) -> Iterator[Uncovered]:
    for number, start in enumerate(world.block_starts):
        block = world.data[start : start + world.block_lengths[number]]
        for place in iterate_block(block, DataBlockHeader.parse(block, at=start), at=start):
            at, entry = start + place.start, block[place.start : place.end]
            if entry[:2] == b"\x0e\x02":
                size = int.from_bytes(entry[2:6])
                yield Uncovered(at + 6, at + 6 + size, BROKER_METADATA)
            elif entry[:2] != b"\x0e\x01":
                yield Uncovered(at, at + len(entry), NO_CHECKSUM)


def _fields(encoded: bytes) -> Iterator[tuple[int, int, int]]:
    """Number, start and end of each field of a protobuf message."""
    position = 0
    while position < len(encoded):
        start = position
        tag, position = _varint(encoded, position)
        value, position = _varint(encoded, position)
        if tag & 7 == 2:
            position += value
        else:
            assert tag & 7 == 0, "ledger metadata holds varints and lengths only"
        yield tag >> 3, start, position


def _varint(encoded: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = encoded[position]
        value, shift, position = value | (byte & 0x7F) << shift, shift + 7, position + 1
        if byte < 0x80:
            return value, position
