"""Whole ledgers to break: small ones and large ones, with every kind of padding and of entry, and recorded ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from offloadctl.adapters.memory import MemoryObjectStore, _Stored
from offloadctl.check.subject import Subject
from offloadctl.format.data_block import BLOCK_HEADER_LENGTH, ENTRY_HEADER_LENGTH
from offloadctl.format.entry import BrokerEntryMetadata, Entry
from offloadctl.format.index_object import IndexObject
from offloadctl.format.keys import data_key, index_key
from offloadctl.model.check import Inspection, Level
from offloadctl.model.names import TopicName
from offloadctl.operations.ledger_check import look_at_ledger
from offloadctl.operations.ledger_objects import LedgerObjects
from offloadctl.ports import ObjectInfo
from tests.builders import MANAGED_LEDGER, PUBLISH_TIME, Ledger, entry, message_metadata
from tests.golden_objects import MAX_BLOCK_SIZE, GoldenLedger, offloaded_ledgers, topics

BUCKET: Final = "ledgers"
UUID_OF_ALL: Final = UUID("9b44a5cb-c717-401e-84fe-2e572f2782bb")
LEDGER_ID: Final = 45
LOOKING: Final = tuple(level for level in Level if level is not Level.READBACK)
"""Levels that look at objects; reading back looks at them as the one before it does."""
READING: Final = tuple(level for level in LOOKING if level is not Level.LISTING)
"""Levels that read objects; sizes alone seldom tell."""


@dataclass(frozen=True)
class World:
    """A ledger in S3, and what the broker knows of it."""

    name: str
    data: bytes
    index: bytes
    entries: int
    size: int
    topic: TopicName
    closed_at: datetime
    begun_after: datetime
    block_lengths: tuple[int, ...]
    ledger_id: int = LEDGER_ID
    data_metadata: Mapping[str, str] = field(default_factory=dict)
    index_metadata: Mapping[str, str] = field(default_factory=dict)
    etag_parts: int | None = None
    """As many as there are blocks, unless it is said otherwise."""
    storage_classes: tuple[str, str] = ("STANDARD", "STANDARD")

    @property
    def subject(self) -> Subject:
        """The ledger as the broker knows it."""
        return Subject(
            data_key(UUID_OF_ALL, self.ledger_id),
            index_key(UUID_OF_ALL, self.ledger_id),
            self.topic,
            self.ledger_id,
            self.entries,
            self.size,
            self.closed_at,
            self.begun_after,
        )

    @property
    def block_starts(self) -> tuple[int, ...]:
        """Where each block begins."""
        return tuple(sum(self.block_lengths[:number]) for number in range(len(self.block_lengths)))

    def look(self, level: Level = Level.ENTRIES, *, subject: Subject | None = None) -> Inspection:
        """What a check says of it."""
        known = subject or self.subject
        parts = self.etag_parts or len(self.block_lengths)
        infos = (
            ObjectInfo(
                known.data_key,
                len(self.data),
                f"{'0' * 32}-{parts}",
                storage_class=self.storage_classes[0],
                user_metadata=self.data_metadata,
            ),
            ObjectInfo(
                known.index_key,
                len(self.index),
                "0" * 32,
                storage_class=self.storage_classes[1],
                user_metadata=self.index_metadata,
            ),
        )
        store = MemoryObjectStore(BUCKET)
        for info, body in zip(infos, (self.data, self.index), strict=True):
            # As `put` does, which works out an ETag: most of a test's time where objects are large.
            store._objects[info.key] = _Stored(info, body, "")
        return look_at_ledger(LedgerObjects(store, *infos), known, level)

    def codes(self, level: Level = Level.ENTRIES) -> list[str]:
        """The codes of what a check finds."""
        return [finding.code for finding in self.look(level).findings]

    def but(self, **changes: Any) -> "World":
        """The same with something else in some place."""
        return replace(self, **changes)

    def cut(self, length: int) -> "World":
        """The same with a data object of that length."""
        return replace(self, data=self.data[:length])

    def extended(self, more: bytes) -> "World":
        """The same with something behind the data object's end."""
        return replace(self, data=self.data + more)

    def flipped(self, at: int, bits: int) -> "World":
        """The same with some bits of one byte of the data changed."""
        return self.with_data(at, bytes([self.data[at] ^ bits]))

    def with_data(self, at: int, new: bytes) -> "World":
        """The same with some bytes of the data overwritten."""
        assert self.data[at : at + len(new)] != new, "nothing would be broken"
        return replace(self, data=self.data[:at] + new + self.data[at + len(new) :])

    def with_index(self, at: int, new: bytes) -> "World":
        """The same with some bytes of the index overwritten."""
        assert self.index[at : at + len(new)] != new, "nothing would be broken"
        return replace(self, index=self.index[:at] + new + self.index[at + len(new) :])


def user_metadata(role: str, managed_ledger: str = MANAGED_LEDGER) -> dict[str, str]:
    """What a broker gives to an object beside its bytes."""
    return {
        "s3managedledgeroffloaderformatversion": "1",
        "role": role,
        "managedledgername": managed_ledger,
        "s3managedledgeroffloadersoftwareversion": "4.0.7",
        "pulsarclustername": "standalone",
    }


def world_of(name: str, ledger: Ledger) -> World:
    """A ledger that was built here."""
    return World(
        name=name,
        data=ledger.data,
        index=ledger.index.build(),
        entries=len(ledger.entries),
        size=ledger.metadata.length,
        topic=TopicName.from_managed_ledger_name(MANAGED_LEDGER),
        closed_at=_time(PUBLISH_TIME + 3_600_000),
        begun_after=_time(PUBLISH_TIME - 1),
        block_lengths=tuple(block.extent.length for block in ledger.blocks),
        data_metadata=user_metadata("data"),
        index_metadata=user_metadata("index"),
    )


def with_padding(padding: int, *, blocks: int = 3, payload: int = 20, entries: Iterable[bytes] | None = None) -> Ledger:
    """A ledger of so many blocks, two entries in each, and that much padding in each but the last."""
    made = tuple(entries) if entries is not None else tuple(_messages(2 * blocks, payload))
    (length,) = {len(one) for one in made}
    return Ledger(made, BLOCK_HEADER_LENGTH + 2 * (ENTRY_HEADER_LENGTH + length) + padding)


@cache
def small_worlds() -> tuple[World, ...]:
    """Ledgers of a few hundred bytes: one block, several, all lengths of padding that are special."""
    return (
        world_of("one block", Ledger(tuple(_messages(5, 20)))),
        world_of("one entry", Ledger(tuple(_messages(1, 3)))),
        *(world_of(f"{padding} bytes of padding", with_padding(padding)) for padding in (0, 1, 2, 3, 4, 11, 39)),
        world_of("broker metadata", with_padding(7, entries=_with_broker_metadata(6))),
        world_of("no checksums", with_padding(7, entries=_without_checksums(6))),
    )


@cache
def large_world() -> World:
    """Three blocks of 5 MiB and what is left: one of them with much padding."""
    entries = [*_messages(2000, 2600), *_messages(3, 3_000_000), *_messages(1500, 1000)]
    return world_of("large", Ledger(tuple(entries), MAX_BLOCK_SIZE))


def world(name: str) -> World:
    """A small one by its name, or the large one."""
    return next(one for one in (*small_worlds(), large_world()) if one.name == name)


def recorded_world(ledger: GoldenLedger) -> World:
    """A ledger that a real broker wrote, and what it said of it."""
    name = TopicName.from_managed_ledger_name(ledger.managed_ledger_name)
    stored = topics()[name.local_name]["managed_ledger_info"]["ledgers"]
    stored = sorted((one for one in stored if "size" in one), key=lambda one: one["ledgerId"])
    (number,) = [number for number, one in enumerate(stored) if one["ledgerId"] == ledger.ledger_id]
    before = stored[number - 1]["timestamp"] if number else 1_700_000_000_000
    starts = [line.offset for line in IndexObject.parse(ledger.index.body).entries]
    return World(
        name=f"{name.local_name}-{ledger.ledger_id}",
        data=ledger.data.body,
        index=ledger.index.body,
        entries=stored[number]["entries"],
        size=stored[number]["size"],
        topic=name,
        closed_at=_time(stored[number]["timestamp"]),
        begun_after=_time(before),
        block_lengths=tuple(end - start for start, end in zip(starts, [*starts[1:], ledger.data.size], strict=True)),
        ledger_id=ledger.ledger_id,
        data_metadata=ledger.data.metadata,
        index_metadata=ledger.index.metadata,
        etag_parts=int(ledger.data.etag.rpartition("-")[2]),
    )


@cache
def recorded_worlds() -> tuple[World, ...]:
    """All whole ledgers that were recorded."""
    return tuple(recorded_world(ledger) for ledger in offloaded_ledgers())


def _messages(count: int, payload: int) -> Iterable[bytes]:
    return (entry(bytes([number % 251]) * payload, sequence_id=number % 100) for number in range(count))


def _with_broker_metadata(count: int) -> Iterable[bytes]:
    return (
        entry(b"payload", sequence_id=number, broker_metadata=BrokerEntryMetadata(PUBLISH_TIME + number, number))
        for number in range(count)
    )


def _without_checksums(count: int) -> Iterable[bytes]:
    return (Entry(None, None, message_metadata(number).build(), b"payload").build() for number in range(count))


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
