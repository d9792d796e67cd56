"""Builders of whole things for tests: a ledger's entries and the objects that the offloader makes of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from offloadctl.format.data_block import BLOCK_HEADER_LENGTH, ENTRY_HEADER, DataBlockHeader
from offloadctl.format.entry import BrokerEntryMetadata, Entry
from offloadctl.format.index_object import IndexObject
from offloadctl.format.ledger_metadata import LedgerMetadata, LedgerSegment, custom_metadata_for
from offloadctl.format.message import MessageMetadata
from offloadctl.format.writer import Block, build_index, write_blocks

PUBLISH_TIME: Final = 1_795_486_284_558
MANAGED_LEDGER: Final = "public/default/persistent/orders"


@dataclass(frozen=True)
class Ledger:
    """A closed ledger's entries, and the block size that it is offloaded with."""

    entries: tuple[bytes, ...]
    max_block_size: int = 5 * 1024 * 1024

    @cached_property
    def metadata(self) -> LedgerMetadata:
        """What BookKeeper says of it."""
        return ledger_metadata(self.entries)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The data object's blocks."""
        return tuple(
            write_blocks(
                self.entries,
                ledger_length=self.metadata.length,
                entry_count=len(self.entries),
                max_block_size=self.max_block_size,
            )
        )

    @cached_property
    def data(self) -> bytes:
        """The data object."""
        return b"".join(block.data for block in self.blocks)

    @cached_property
    def index(self) -> IndexObject:
        """The index, as a value."""
        return build_index([block.extent for block in self.blocks], metadata=self.metadata)


def ledger_metadata(entries: Iterable[bytes]) -> LedgerMetadata:
    """The metadata of a closed ledger with these entries."""
    lengths = [len(entry) for entry in entries]
    return LedgerMetadata(
        length=sum(lengths),
        last_entry_id=len(lengths) - 1,
        segments=(LedgerSegment(("127.0.0.1:3181",), 0),),
        ctime=PUBLISH_TIME,
        custom_metadata=custom_metadata_for(MANAGED_LEDGER),
    )


def message_metadata(sequence_id: int = 0, *, messages: int | None = None) -> MessageMetadata:
    """The metadata of a plain message, or of a batch."""
    return MessageMetadata(
        producer_name="standalone-1-7",
        sequence_id=sequence_id,
        publish_time=PUBLISH_TIME + sequence_id,
        num_messages_in_batch=messages,
    )


def entry(
    payload: bytes,
    *,
    sequence_id: int = 0,
    metadata: MessageMetadata | None = None,
    broker_metadata: BrokerEntryMetadata | None = None,
) -> bytes:
    """An entry as a broker stores it, with the right checksum."""
    encoded = (metadata or message_metadata(sequence_id)).build()
    return Entry.with_checksum(encoded, payload, broker_metadata=broker_metadata).build()


def published(payloads: Iterable[bytes], *, max_block_size: int = 5 * 1024 * 1024) -> Ledger:
    """A ledger with one plain message for each payload."""
    return Ledger(
        tuple(entry(payload, sequence_id=number) for number, payload in enumerate(payloads)),
        max_block_size,
    )


def block_of(entries: Sequence[bytes], *, first: int = 0, fill: bytes = b"") -> bytes:
    """One block with these entries, whatever they are, and then `fill`."""
    body = b"".join(ENTRY_HEADER.pack(len(data), number) + data for number, data in enumerate(entries, start=first))
    return (
        DataBlockHeader(BLOCK_HEADER_LENGTH, BLOCK_HEADER_LENGTH + len(body) + len(fill), first).build() + body + fill
    )
