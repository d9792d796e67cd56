"""Look into the objects of one ledger: the index, the blocks, single entries."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from offloadctl.check.blocks import HEAD_LENGTH, Head
from offloadctl.check.index import read_index, streaming_index
from offloadctl.check.subject import Subject
from offloadctl.errors import StoreFailed
from offloadctl.format.data_block import DataBlockHeader
from offloadctl.format.data_object import BlockStarted, DataObjectReader, EntryRead
from offloadctl.format.entry import Entry, read_checksum
from offloadctl.format.entry_totals import count_messages
from offloadctl.format.errors import FormatError
from offloadctl.format.index_object import IndexObject, StreamingIndexObject
from offloadctl.format.message import MessageMetadata
from offloadctl.format.proto import pulsar_pb2 as pb
from offloadctl.model.finding import Finding
from offloadctl.model.inspection import BlockLine, BlockListing, EntryLine, EntryListing
from offloadctl.operations.ledger_check import MAX_INDEX
from offloadctl.operations.ledger_objects import LedgerObjects

_UNREADABLE: Final = "unreadable"


@dataclass(frozen=True, slots=True)
class Inspector:
    """Reads what is asked for, and no more; raises a StoreError for what the store does not give."""

    objects: LedgerObjects
    subject: Subject

    def index_of_ledger(self) -> IndexObject | Finding:
        """The index, or what is wrong with it."""
        data = self.objects.store.read(self.subject.index_key, length=MAX_INDEX)
        if data is None:
            raise StoreFailed(f"{self.subject.index_key} in {self.objects.store.location} is not there")
        index = read_index(self.subject, data)
        return streaming_index(self.subject) if isinstance(index, StreamingIndexObject) else index

    def blocks(self) -> BlockListing:
        """Every block by the index, with what its header says."""
        index = self.index_of_ledger()
        if isinstance(index, Finding):
            return BlockListing(finding=index)
        return BlockListing(tuple(self._block(index, number) for number in range(len(index.entries))))

    def entries(self, *, first: int = 0, limit: int, with_payload: bool = False) -> EntryListing:
        """At most `limit` entries from entry `first` on."""
        index = self.index_of_ledger()
        if isinstance(index, Finding):
            return EntryListing(finding=index)
        found: list[EntryLine] = []
        try:
            for line in self._lines(index, first, with_payload=with_payload):
                if len(found) == limit:
                    return EntryListing(tuple(found))
                found.append(line)
        except FormatError as error:
            return EntryListing(tuple(found), stopped=f"damage at {error.at}: {error}")
        return EntryListing(tuple(found), stopped="" if len(found) == limit else "the object ends here")

    def _block(self, index: IndexObject, number: int) -> BlockLine:
        line = index.entries[number]
        is_last = number == len(index.entries) - 1
        following = None if is_last else index.entries[number + 1].first_entry_id - 1
        last = index.ledger_metadata.last_entry_id if is_last else following
        data = self.objects.store.read(self.subject.data_key, start=line.offset, length=HEAD_LENGTH)
        head = Head.of(data or b"", line.offset)
        length, problem = None, ""
        if isinstance(head.header, DataBlockHeader):
            length = head.header.block_length
            if head.header.first_entry_id != line.first_entry_id:
                problem = f"its header says that it begins with entry {head.header.first_entry_id}"
        else:
            problem = str(head.header)
        return BlockLine(number + 1, line.offset, line.first_entry_id, last, length, problem)

    def _lines(self, index: IndexObject, first: int, *, with_payload: bool) -> Iterator[EntryLine]:
        # The last block that begins with this entry or an earlier one, as Pulsar looks it up.
        number = max((place for place, line in enumerate(index.entries) if line.first_entry_id <= first), default=0)
        start = index.entries[number].offset if index.entries else 0
        chunks = self.objects.store.read_chunks(self.subject.data_key, start=start)
        if chunks is None:
            raise StoreFailed(f"{self.subject.data_key} in {self.objects.store.location} is not there")
        reader, block = DataObjectReader(at=start, object_length=self.objects.data.size), None
        for chunk in chunks:
            for event in reader.feed(chunk):
                if isinstance(event, BlockStarted):
                    number, block = number + 1, event
                elif isinstance(event, EntryRead) and block is not None and event.entry_id >= first:
                    yield read_entry(event, block=block, number=number, with_payload=with_payload)


def read_entry(event: EntryRead, *, block: BlockStarted, number: int, with_payload: bool = False) -> EntryLine:
    """An entry taken apart as far as it can be; `number` is the block's, the first being 1."""
    line = EntryLine(
        entry_id=event.entry_id,
        block=number,
        block_offset=block.at,
        offset=event.at,
        length=len(event.data),
        checksum=_UNREADABLE,
    )
    try:
        line = replace(line, checksum=read_checksum(event.data).state.value)
        entry = Entry.parse(event.data)
        line = replace(line, payload_length=len(entry.payload), payload=bytes(entry.payload) if with_payload else None)
        metadata = MessageMetadata.parse(entry.metadata)
    except FormatError as error:
        return replace(line, problem=str(error))
    return replace(
        line,
        messages=count_messages([pb.MessageMetadata.FromString(entry.metadata)]).messages,
        published_at=_time(metadata.publish_time),
        producer=metadata.producer_name,
        sequence_id=metadata.sequence_id,
        key=metadata.partition_key,
        compression=metadata.compression.name if metadata.compression else None,
        encrypted=bool(metadata.encryption_keys),
        chunk=_chunk(metadata),
        marker=metadata.marker_type,
        properties=metadata.properties,
        broker_index=entry.broker_metadata.index if entry.broker_metadata is not None else None,
    )


def _time(milliseconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _chunk(metadata: MessageMetadata) -> str | None:
    chunks = metadata.num_chunks_from_msg or 0
    return f"{(metadata.chunk_id or 0) + 1} of {chunks}" if chunks > 1 else None
