"""A real broker's objects are sound at every level, with the counts that the broker and a reader told; one is not."""

import pytest

from offloadctl.adapters.memory import MemoryObjectStore
from offloadctl.check.subject import Subject
from offloadctl.model.check import CheckStatus, Level
from offloadctl.model.entry_counts import EntryCounts
from offloadctl.model.names import TopicName
from offloadctl.operations.ledger_check import look_at_ledger
from offloadctl.operations.ledger_objects import LedgerObjects
from tests.damage.worlds import BUCKET, READING, World, recorded_worlds
from tests.golden_objects import topics, truncated_ledger

# By the compression and the batching of their producers; none is a chunk, encrypted or a broker's marker.
COMPRESSED = {"batched-lz4", "batched-zlib", "batched-zstd", "batched-snappy", "compressed-unbatched"}


@pytest.mark.parametrize("whole", recorded_worlds(), ids=lambda one: one.name)
@pytest.mark.parametrize("level", Level)
def test_a_recorded_ledger_is_sound(whole: World, level: Level) -> None:
    look = whole.look(level)

    assert (look.findings, look.status) == ((), CheckStatus.FULL)
    assert look.blocks == (None if level is Level.LISTING else len(whole.block_lengths))
    assert look.object_bytes == len(whole.data) + len(whole.index)


@pytest.mark.parametrize("whole", recorded_worlds(), ids=lambda one: one.name)
def test_its_entries_and_messages_are_as_many_as_the_broker_and_a_reader_counted(whole: World) -> None:
    read_back = topics()[whole.topic.local_name]["messages_read_back"][str(whole.ledger_id)]

    look = whole.look(Level.ENTRIES)

    assert look.counts == EntryCounts(
        entries=whole.entries,
        messages=read_back["messages"],
        entry_bytes=whole.size,
        checksums_ok=whole.entries,
        compressed=whole.entries if whole.topic.local_name in COMPRESSED else 0,
    )


@pytest.mark.parametrize("level", READING)
@pytest.mark.parametrize("known", ["as the broker knows it", "by its index alone"])
def test_the_recorded_truncation_is_found_at_each_level_as_that_alone(level: Level, known: str) -> None:
    ledger = truncated_ledger()
    store = MemoryObjectStore(BUCKET)
    for one in (ledger.data, ledger.index):
        store.put(one.key, one.body, user_metadata=one.metadata, content_type="")
    data, index = store.head(ledger.data.key), store.head(ledger.index.key)
    assert data is not None
    assert index is not None
    subject = Subject(ledger.data.key, ledger.index.key)
    if known == "as the broker knows it":
        topic = TopicName.from_managed_ledger_name(ledger.managed_ledger_name)
        subject = Subject(ledger.data.key, ledger.index.key, topic, 143, 7, 5_243_206)

    look = look_at_ledger(LedgerObjects(store, data, index), subject, level)

    (finding,) = look.findings
    assert (finding.code, finding.offset, finding.expected) == ("truncated", 5_242_880, "entry 6 at its end")
    if level is Level.ENTRIES:
        assert look.counts is not None
        assert look.counts.entries == look.counts.checksums_ok == 3
