"""Builders are the parsers' inverses, for every value that can be written."""

from hypothesis import given
from hypothesis import strategies as st

from offloadctl.format.checksum_state import ChecksumState
from offloadctl.format.data_block import BLOCK_HEADER_LENGTH, DataBlockHeader, walk_block
from offloadctl.format.data_object import BlockEnded, BlockStarted, DataObjectReader, EntryRead, PaddingRead
from offloadctl.format.entry import BrokerEntryMetadata, Entry, checksum_state
from offloadctl.format.index_object import IndexObject, StreamingIndexObject, parse_index
from offloadctl.format.keys import ObjectKey
from offloadctl.format.ledger_metadata import LedgerMetadata
from offloadctl.format.message import MessageMetadata, SingleMessageMetadata, build_batch, iterate_batch
from tests import strategies
from tests.builders import Ledger

Batch = list[tuple[SingleMessageMetadata, bytes]]


@given(strategies.OBJECT_KEYS)
def test_a_key_parses_to_what_printed_it(key: ObjectKey) -> None:
    assert ObjectKey.parse(str(key)) == key


@given(st.text(max_size=80) | st.from_regex(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-ledger-[-0-9a-z]{1,25}"))
def test_any_text_is_no_key_or_prints_as_it_was(text: str) -> None:
    key = ObjectKey.parse(text)

    assert key is None or str(key) == text


@given(strategies.BLOCK_HEADERS, st.binary(max_size=20))
def test_a_block_header_parses_to_what_built_it_whatever_follows(header: DataBlockHeader, rest: bytes) -> None:
    built = header.build()

    assert len(built) == BLOCK_HEADER_LENGTH
    assert DataBlockHeader.parse(built + rest, at=0) == header


@given(strategies.INDEX_OBJECTS)
def test_an_index_parses_to_what_built_it(index: IndexObject) -> None:
    built = index.build()

    assert parse_index(built) == index
    assert len(built) == 32 + len(index.ledger_metadata.build()) + 20 * len(index.entries)


@given(strategies.STREAMING_INDEX_OBJECTS)
def test_a_streaming_index_parses_to_what_built_it(index: StreamingIndexObject) -> None:
    assert parse_index(index.build()) == index


@given(strategies.LEDGER_METADATA)
def test_ledger_metadata_parses_to_what_built_it(metadata: LedgerMetadata) -> None:
    assert LedgerMetadata.parse(metadata.build()) == metadata


@given(strategies.BROKER_METADATA)
def test_broker_entry_metadata_parses_to_what_built_it(metadata: BrokerEntryMetadata) -> None:
    assert BrokerEntryMetadata.parse(metadata.build()) == metadata


@given(strategies.MESSAGE_METADATA)
def test_message_metadata_parses_to_what_built_it(metadata: MessageMetadata) -> None:
    assert MessageMetadata.parse(metadata.build()) == metadata


@given(strategies.SINGLE_MESSAGE_METADATA)
def test_metadata_of_a_message_in_a_batch_parses_to_what_built_it(metadata: SingleMessageMetadata) -> None:
    assert SingleMessageMetadata.parse(metadata.build()) == metadata


@given(strategies.BATCHES)
def test_a_batch_gives_the_messages_that_it_was_built_of(messages: Batch) -> None:
    assert list(iterate_batch(build_batch(messages))) == messages


@given(strategies.ENTRIES)
def test_an_entry_parses_to_what_built_it(entry: Entry) -> None:
    assert Entry.parse(entry.build()) == entry


@given(strategies.MESSAGE_METADATA, strategies.BYTES, strategies.maybe(strategies.BROKER_METADATA))
def test_the_checksum_that_is_written_verifies(
    metadata: MessageMetadata, payload: bytes, broker_metadata: BrokerEntryMetadata | None
) -> None:
    entry = Entry.with_checksum(metadata.build(), payload, broker_metadata=broker_metadata)

    assert checksum_state(entry.build()) is ChecksumState.OK


@given(strategies.ENTRIES)
def test_only_the_right_checksum_verifies(entry: Entry) -> None:
    right = Entry.with_checksum(entry.metadata, entry.payload).checksum
    expected = {None: ChecksumState.ABSENT, right: ChecksumState.OK}.get(entry.checksum, ChecksumState.BAD)

    assert checksum_state(memoryview(entry.build())) is expected


@given(strategies.ledgers())
def test_a_data_object_gives_the_entries_that_it_was_written_of(ledger: Ledger) -> None:
    reader = DataObjectReader(object_length=len(ledger.data))

    events = [*reader.feed(ledger.data), *reader.close()]

    read = [event for event in events if isinstance(event, EntryRead)]
    assert [event.data for event in read] == list(ledger.entries)
    assert [event.entry_id for event in read] == list(range(len(ledger.entries)))
    assert all(event.damaged_at is None for event in events if isinstance(event, PaddingRead))


@given(strategies.ledgers())
def test_the_sizes_of_what_is_written_are_those_that_follow_from_the_metadata(ledger: Ledger) -> None:
    length, blocks = ledger.metadata.length, ledger.index.entries
    without_padding = BLOCK_HEADER_LENGTH * len(blocks) + 12 * len(ledger.entries) + length

    assert ledger.index.data_object_length == len(ledger.data) >= without_padding
    assert all(len(block.data) == ledger.max_block_size for block in ledger.blocks[:-1])
    if len(blocks) == 1:
        assert len(ledger.data) == without_padding


@given(strategies.ledgers())
def test_the_index_names_each_block_and_its_first_entry(ledger: Ledger) -> None:
    reader = DataObjectReader()

    starts = [event for event in reader.feed(ledger.data) if isinstance(event, BlockStarted)]

    named = [(line.offset, line.first_entry_id) for line in ledger.index.entries]
    assert named == [(start.at, start.header.first_entry_id) for start in starts]
    assert [line.part_id for line in ledger.index.entries] == list(range(1, len(starts) + 1))


@given(strategies.ledgers())
def test_walking_a_block_tells_what_reading_it_tells(ledger: Ledger) -> None:
    reader = DataObjectReader()
    ended = [event for event in reader.feed(ledger.data) if isinstance(event, BlockEnded)]

    for block, end in zip(ledger.blocks, ended, strict=True):
        walk = walk_block(block.data, DataBlockHeader.parse(block.data, at=block.offset), at=block.offset)

        assert (walk.entries, walk.entry_bytes) == (end.entries, end.entry_bytes)
        assert walk.padding_damaged_at is None
        assert walk.entries > 0
        assert walk.last_entry_id == block.first_entry_id + walk.entries - 1
        assert BLOCK_HEADER_LENGTH + 12 * walk.entries + walk.entry_bytes + walk.padding_length == len(block.data)
