"""One thing broken at a time, each with the one code that it must be found under."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from offloadctl.format.data_block import DataBlockHeader, iterate_block
from offloadctl.format.entry import Entry
from offloadctl.format.index_object import IndexObject, StreamingIndexObject, StreamingLedger
from offloadctl.format.ledger_metadata import LedgerState, custom_metadata_for
from tests.builders import entry, published
from tests.damage.worlds import World, large_world, user_metadata, with_padding, world, world_of

OTHER_TOPIC: Final = "public/default/persistent/payments"

THREE_BLOCKS: Final = "11 bytes of padding"
PADDED: Final = tuple(one for one in ("1", "2", "3", "4", "11", "39"))


@dataclass(frozen=True)
class Breakage:
    """Something that is broken, and the code that it is found under."""

    code: str
    what: str
    broken: Callable[[], World]
    times: int = 1
    """Where one act breaks both objects, each has a finding of its own."""

    def __str__(self) -> str:
        return f"{self.code}: {self.what}"


def breakages() -> Iterator[Breakage]:
    """All of them."""
    yield from _user_metadata()
    yield from _archived()
    yield from _index()
    yield from _index_blocks()
    yield from _truncated()
    yield from _sizes()
    yield from _block_headers()
    yield from _entries()
    yield from _padding()
    yield from _totals()
    yield from _behind_a_suspicion()


# -- what stands beside the bytes


def _user_metadata() -> Iterator[Breakage]:
    whole = world("one block")
    for role in ("data", "index"):
        field = f"{role}_metadata"
        lost: dict[str, str] = {}
        without = {key: value for key, value in user_metadata(role).items() if "formatversion" not in key}
        other = user_metadata(role) | {"s3managedledgeroffloaderformatversion": "2"}
        for name, metadata in (("all lost", lost), ("version lost", without), ("another version", other)):
            yield Breakage("format-version", f"{role}, {name}", partial(whole.but, **{field: metadata}))
        foreign = user_metadata(role, OTHER_TOPIC)
        yield Breakage("object-owner", f"{role} of another topic", partial(whole.but, **{field: foreign}))
        wrong = user_metadata("index" if role == "data" else "data")
        yield Breakage("object-role", f"{role} with another role", partial(whole.but, **{field: wrong}))
    yield Breakage(
        "object-role",
        "data and index under each other's key",
        lambda: replace(
            whole,
            data=whole.index,
            index=whole.data,
            data_metadata=whole.index_metadata,
            index_metadata=whole.data_metadata,
        ),
        times=2,
    )
    yield Breakage(
        "object-owner",
        "data of another topic's ledger with its user metadata",
        lambda: replace(whole, data=world(THREE_BLOCKS).data, data_metadata=user_metadata("data", OTHER_TOPIC)),
    )
    yield Breakage("part-count", "uploaded in more parts", lambda: replace(whole, etag_parts=2))
    yield Breakage("part-count", "uploaded in one part", lambda: replace(world(THREE_BLOCKS), etag_parts=1))


def _archived() -> Iterator[Breakage]:
    for name in ("GLACIER", "DEEP_ARCHIVE"):
        yield Breakage(
            "archived", f"data in {name}", partial(world("one block").but, storage_classes=(name, "STANDARD"))
        )
        yield Breakage(
            "archived", f"index in {name}", partial(world("one block").but, storage_classes=("STANDARD", name))
        )


# -- the index


def with_index_of(whole: World, **changes: object) -> World:
    """The same ledger with an index that says something else of it."""
    index = IndexObject.parse(whole.index)
    metadata = replace(index.ledger_metadata, **changes)  # type: ignore[arg-type]
    return replace(whole, index=replace(index, ledger_metadata=metadata).build())


def _index() -> Iterator[Breakage]:
    for whole in (world("one block"), world(THREE_BLOCKS), large_world()):
        length = len(whole.index)
        corrupt = {
            "magic": partial(whole.with_index, 0, b"\xde\x47\xde\x48"),
            "length": partial(whole.with_index, 4, struct.pack(">i", length + 1)),
            "block header length": partial(whole.with_index, 16, struct.pack(">q", 127)),
            "number of blocks": partial(whole.with_index, 24, struct.pack(">i", 0)),
            "length of the metadata": partial(whole.with_index, 28, struct.pack(">i", 5)),
            "metadata that does not parse": partial(whole.with_index, 32, b"\xff\xff\xff"),
            "cut": partial(whole.but, index=whole.index[:-1]),
            "one byte more": partial(whole.but, index=whole.index + b"\0"),
            "empty": partial(whole.but, index=b""),
            "all zeros": partial(whole.but, index=bytes(length)),
        }
        for name, broken in corrupt.items():
            yield Breakage("index-corrupt", f"{whole.name}, {name}", broken)
        wrong = {
            "length": partial(with_index_of, whole, length=whole.size - 1),
            "last entry": partial(with_index_of, whole, last_entry_id=whole.entries),
            "no last entry": partial(with_index_of, whole, last_entry_id=None),
            "open": partial(with_index_of, whole, state=LedgerState.OPEN),
            "in recovery": partial(with_index_of, whole, state=LedgerState.IN_RECOVERY),
            "topic": partial(with_index_of, whole, custom_metadata=custom_metadata_for(OTHER_TOPIC)),
            "another ledger's": partial(whole.but, index=world("one entry").index),
        }
        for name, broken in wrong.items():
            yield Breakage("index-metadata", f"{whole.name}, {name}", broken)
    yield Breakage("index-streaming", "an index of the second kind", lambda: _streaming(world("one block")))


def _streaming(whole: World) -> World:
    index = IndexObject.parse(whole.index)
    ledger = StreamingLedger(whole.ledger_id, b"\x08\x2d", index.entries)
    return replace(whole, index=StreamingIndexObject(index.data_object_length, 128, (ledger,)).build())


def with_line(whole: World, number: int, **changes: int) -> World:
    """The same ledger with another line for one block."""
    index = IndexObject.parse(whole.index)
    lines = list(index.entries)
    lines[number] = replace(lines[number], **changes)
    return replace(whole, index=replace(index, entries=tuple(lines)).build())


def _index_blocks() -> Iterator[Breakage]:
    for whole in (world("one block"), world(THREE_BLOCKS), large_world()):
        lines = IndexObject.parse(whole.index).entries
        for number, line in enumerate(lines):
            name = f"{whole.name}, block {number}"
            changes = {
                "part number": {"part_id": line.part_id + 1},
                "part number 0": {"part_id": 0},
                "first entry below 0": {"first_entry_id": -1},
                "first entry behind the ledger's last": {"first_entry_id": whole.entries},
                "offset below 0": {"offset": -128},
                "offset behind the end": {"offset": len(whole.data)},
            }
            if len(lines) > 2 or number == 0:
                changes["offset one on"] = {"offset": line.offset + 1}
            if number:
                changes["first entry of the block before"] = {"first_entry_id": lines[number - 1].first_entry_id}
            else:
                changes["first entry not 0"] = {"first_entry_id": 1}
            for what, change in changes.items():
                yield Breakage("index-blocks", f"{name}, {what}", partial(with_line, whole, number, **change))
        yield Breakage("index-blocks", f"{whole.name}, none", partial(_without_lines, whole))


def _without_lines(whole: World) -> World:
    return replace(whole, index=replace(IndexObject.parse(whole.index), entries=()).build())


# -- sizes


def _truncated() -> Iterator[Breakage]:
    small = [b"x" * 20] * 8
    for place in (0, 1, 4, 7):
        payloads = [*small[:place], b"too large" * 20, *small[place:]]
        yield Breakage("truncated", f"small, entry {place} fits into no block", partial(_cut_by_broker, payloads, 300))
    megabytes = [b"y" * 1_000_000] * 9
    for place in (0, 5, 9):
        payloads = [*megabytes[:place], b"z" * 5 * 1024 * 1024, *megabytes[place:]]
        yield Breakage(
            "truncated",
            f"large, entry {place} fits into no block",
            partial(_cut_by_broker, payloads, 5 * 1024 * 1024),
        )


def _cut_by_broker(payloads: list[bytes], max_block_size: int) -> World:
    return world_of("cut by the broker", published(payloads, max_block_size=max_block_size))


def _sizes() -> Iterator[Breakage]:
    for whole in (world("one block"), world(THREE_BLOCKS), world("0 bytes of padding"), large_world()):
        last = whole.block_starts[-1]
        size = len(whole.data)
        for length in sorted({0, 1, 127, 128, 129, last, last + 100, size // 2, size - 12, size - 1} - {size}):
            if length < size:
                yield Breakage("data-size", f"{whole.name}, cut to {length}", partial(whole.cut, length))
        for more in (b"\0", b"\xfe\xdc\xde\xad", whole.data[:300]):
            yield Breakage(
                "data-size",
                f"{whole.name}, {len(more)} bytes more",
                partial(whole.extended, more),
            )
        yield Breakage(
            "data-size",
            f"{whole.name}, in the index",
            partial(whole.with_index, 8, struct.pack(">q", size + 1)),
        )
    yield Breakage(
        "data-size",
        "another ledger's data",
        lambda: replace(world(THREE_BLOCKS), data=world("39 bytes of padding").data),
    )
    yield Breakage(
        "data-size",
        "another ledger's data, one block",
        lambda: replace(world("one block"), data=world("one entry").data),
    )


# -- blocks


def _block_headers() -> Iterator[Breakage]:
    for whole in (world("one block"), world(THREE_BLOCKS), world("1 bytes of padding"), large_world()):
        for number, start in enumerate(whole.block_starts):
            name, length = f"{whole.name}, block {number}", whole.block_lengths[number]
            for what, at, new in (
                ("first byte", 0, b"\xfa"),
                ("magic", 0, b"\0\0\0\0"),
                ("header length", 4, struct.pack(">q", 129)),
                ("length under 0", 12, struct.pack(">q", -length)),
                ("first entry under 0", 20, struct.pack(">q", -1)),
                ("zeros", 28, b"\1"),
                ("last byte", 127, b"\x80"),
                ("all of it", 0, b"\xff" * 128),
            ):
                yield Breakage("block-header", f"{name}, {what}", partial(whole.with_data, start + at, new))
            for what, other in (("longer", length + 1), ("shorter", length - 1), ("very long", 2**40)):
                yield Breakage(
                    "block-mismatch", f"{name}, {what}", partial(whole.with_data, start + 12, struct.pack(">q", other))
                )
            yield Breakage(
                "block-mismatch",
                f"{name}, another first entry",
                partial(whole.flipped, start + 27, 1),
            )
    for number in (1, 2):
        yield Breakage(
            "block-mismatch",
            f"first entry in the index, block {number}",
            partial(with_line, world(THREE_BLOCKS), number, first_entry_id=2 * number + 1),
        )
    yield Breakage(
        "block-mismatch",
        "offset in the index of two blocks",
        lambda: with_line(world_of("two blocks", with_padding(11, blocks=2)), 1, offset=280),
    )


# -- entries


def _places(whole: World) -> Iterator[tuple[str, int, int]]:
    """The first, a middle and the last entry of each block: a name, where its header stands, its length."""
    for number, start in enumerate(whole.block_starts):
        block = whole.data[start : start + whole.block_lengths[number]]
        places = list(iterate_block(block, DataBlockHeader.parse(block, at=start), at=start))
        for which in sorted({0, len(places) // 2, len(places) - 1}):
            place = places[which]
            yield f"{whole.name}, block {number}, entry {which}", start + place.start - 12, place.end - place.start


def _overwritten(code: str, what: str, whole: World, at: int, new: bytes) -> Breakage:
    return Breakage(code, what, partial(whole.with_data, at, new))


def _ends_block(whole: World, at: int) -> bool:
    """Whether padding, the next block or nothing stands there: as a length each of them is negative."""
    return at in (*whole.block_starts, len(whole.data)) or whole.data[at] & 0x80 != 0


def _leaves_block(whole: World, at: int, length: int) -> bool:
    end = next(
        start + size for start, size in zip(whole.block_starts, whole.block_lengths, strict=True) if start + size > at
    )
    return at + 12 + length > end


def _entries() -> Iterator[Breakage]:
    plain = (world("one block"), world("one entry"), world(THREE_BLOCKS), world("2 bytes of padding"), large_world())
    for whole in plain:
        for name, at, length in _places(whole):
            # Behind a block's last entry stands none that could be missed: there only the entry's own bytes tell.
            is_last = _ends_block(whole, at + 12 + length)
            for what, new, code in (
                ("one more", length + 1, "checksum" if is_last else "entry-length"),
                ("one less", length - 1, "checksum" if is_last else "entry-length"),
                ("0", 0, "entry-unreadable" if is_last else "entry-length"),
                ("negative", length - 2**31, "entry-length"),
                ("huge", 2**31 - 1, "entry-length"),
            ):
                leaves = _leaves_block(whole, at, new)
                yield _overwritten(
                    "entry-length" if leaves else code, f"{name}, length {what}", whole, at, struct.pack(">i", new)
                )
            for what, offset in (("of another", 11), ("far away", 4)):
                yield Breakage(
                    "entry-id",
                    f"{name}, id {what}",
                    partial(whole.flipped, at + offset, 4),
                )
            for what, offset in (("checksum", 14), ("metadata size", 18), ("metadata", 25), ("last byte", 11 + length)):
                yield Breakage(
                    "checksum",
                    f"{name}, {what}",
                    partial(whole.flipped, at + offset, 1),
                )
            yield Breakage("entry-unreadable", f"{name}, magic", partial(whole.with_data, at + 12, b"\x0e\x03"))
    yield from _special_entries()


def _special_entries() -> Iterator[Breakage]:
    for name, at, length in _places(world("no checksums")):
        yield Breakage(
            "entry-unreadable", f"{name}, metadata size", partial(world("no checksums").with_data, at + 12, b"\1")
        )
        yield Breakage(
            "message-metadata", f"{name}, metadata", partial(world("no checksums").with_data, at + 16, b"\xff\xff")
        )
        assert length > 20
    for name, at, length in _places(world("broker metadata")):
        yield Breakage(
            "entry-unreadable",
            f"{name}, size of the broker's metadata",
            partial(world("broker metadata").with_data, at + 14, b"\x7f"),
        )
        yield Breakage(
            "checksum",
            f"{name}, payload",
            partial(world("broker metadata").flipped, at + 11 + length, 1),
        )
    for place in (0, 2, 5):
        yield Breakage(
            "message-metadata",
            f"a right checksum over no metadata, entry {place}",
            partial(_without_metadata, place),
        )


def _without_metadata(place: int) -> World:
    entries = [entry(b"payload", sequence_id=number) for number in range(6)]
    parts = Entry.parse(entries[place])
    entries[place] = Entry.with_checksum(b"\xff" * len(parts.metadata), parts.payload).build()
    return world_of("no metadata", with_padding(5, entries=entries))


def _padding() -> Iterator[Breakage]:
    for whole in (*(world(f"{number} bytes of padding") for number in PADDED), large_world()):
        for number, start in enumerate(whole.block_starts[:-1]):
            end = start + whole.block_lengths[number]
            block = whole.data[start:end]
            places = list(iterate_block(block, DataBlockHeader.parse(block, at=start), at=start))
            first = start + places[-1].end
            for at in sorted({first, first + 1, first + 2, first + 3, (first + end) // 2, end - 1}):
                if at < end:
                    for bit in (0x01, 0x80):
                        yield Breakage(
                            "padding",
                            f"{whole.name}, block {number}, {at - first} of {end - first}, bit {bit:02X}",
                            partial(whole.flipped, at, bit),
                        )


def _behind_a_suspicion() -> Iterator[Breakage]:
    """A ledger that ends as padding would: its last block is walked at each level, so damage there is seen early."""
    entries = [entry(b"payload" + b"\xfe\xdc\xde\xad" * 2, sequence_id=number) for number in range(6)]
    whole = world_of("ends like padding", with_padding(11, entries=entries))
    name, at, length = list(_places(whole))[-2]
    start = whole.block_starts[-1]
    yield _overwritten("entry-length", f"{name}, length", whole, at, struct.pack(">i", length + 1))
    yield _overwritten("entry-unreadable", f"{name}, magic", whole, at + 12, b"\x0e\x03")
    yield Breakage("checksum", f"{name}, a bit", partial(whole.flipped, at + 25, 1))
    yield Breakage("entry-id", f"{name}, id", partial(whole.flipped, at + 11, 4))
    yield _overwritten("block-header", f"{name}, magic of the block", whole, start, b"\0\0\0\0")
    yield Breakage("block-mismatch", f"{name}, first entry of the block", partial(whole.flipped, start + 27, 1))
    parts = Entry.parse(entries[4])
    entries[4] = Entry.with_checksum(b"\xff" * len(parts.metadata), parts.payload).build()
    broken = world_of("ends like padding", with_padding(11, entries=entries))
    yield Breakage("message-metadata", f"{name}, a right checksum over no metadata", lambda: broken)


# -- the ledger as a whole


def _totals() -> Iterator[Breakage]:
    for name in ("one block", "one entry", THREE_BLOCKS):
        yield Breakage("ledger-totals", f"{name}, more bytes", partial(_with_totals, world(name), size=4))
        yield Breakage("ledger-totals", f"{name}, fewer bytes", partial(_with_totals, world(name), size=-4))
        yield Breakage("ledger-totals", f"{name}, more entries", partial(_with_totals, world(name), entries=1))
    yield Breakage("ledger-totals", "large, more bytes", lambda: _with_totals(large_world(), size=4))


def _with_totals(whole: World, *, entries: int = 0, size: int = 0) -> World:
    """The broker and the index agree on other numbers than the data has."""
    changed = replace(whole, entries=whole.entries + entries, size=whole.size + size)
    return with_index_of(changed, length=changed.size, last_entry_id=changed.entries - 1)
