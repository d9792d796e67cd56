"""Topics and their ledgers: loading, rolling over, trimming, deleting, ending; and many of them at once."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.demo.cluster_state import NoSuchTopic, TopicTerminated
from offloadctl.demo.ledgers import SimulatedLedger, hash_map_order
from offloadctl.demo.messages import Producer, size_without_broker_metadata
from offloadctl.demo.subscriptions import acknowledge, subscribe
from offloadctl.demo.trimming import Retention, expired
from offloadctl.demo.tuning import Tuning
from offloadctl.format.checksum_state import ChecksumState
from offloadctl.format.entry import checksum_state
from offloadctl.format.index_object import IndexObject
from offloadctl.model.ledger import Position
from offloadctl.model.names import NamespaceName, TopicName
from tests.unit.demo.worlds import TOPIC, World, both_keys

# -- loading


def test_a_topic_is_loaded_by_whoever_asks_for_it_first_and_that_is_counted() -> None:
    world = World()
    world.cluster.create_topic(TOPIC)

    before = world.cluster.topics_loaded.total()
    world.cluster.serve(TOPIC)
    world.cluster.serve(TOPIC)

    assert (before, world.cluster.topics_loaded) == (0, {"broker:8080": 1})


def test_loading_closes_the_ledger_that_was_open_and_opens_another() -> None:
    world = World()
    metadata = world.topic(closed=1, left_open=3)

    world.cluster.unload(TOPIC)
    version = metadata.version
    loaded = world.cluster.serve(TOPIC)

    assert [(ledger.entry_count, ledger.closed_at is None) for ledger in metadata.ascending] == [
        (10, False),
        (3, False),
        (0, True),
    ]
    assert metadata.version == version + 1
    assert loaded.last_confirmed == Position(metadata.ascending[1].ledger_id, 2)
    assert loaded.entries_added == 0


def test_loading_drops_an_empty_ledger() -> None:
    world = World()
    metadata = world.topic(closed=1, left_open=0)
    empty = metadata.last.ledger_id

    world.cluster.unload(TOPIC)
    world.cluster.serve(TOPIC)

    assert empty not in metadata.ledgers
    assert metadata.last.ledger_id > empty


def test_loading_offloads_if_the_broker_is_told_to() -> None:
    world = World(tuning=Tuning(offload_on_topic_load=True, max_entries_per_ledger=10), properties=_threshold(0))
    metadata = world.cluster.create_topic(TOPIC)
    world.cluster.add_closed_ledgers(TOPIC, 1, entries=10, entry=b"entry")

    world.cluster.serve(TOPIC)
    world.pass_time()

    assert metadata.ascending[0].is_offloaded


def test_a_topic_that_is_not_there_cannot_be_loaded() -> None:
    with pytest.raises(NoSuchTopic):
        World().cluster.serve(TOPIC)


def test_a_bundle_that_moves_takes_its_topics_out_of_memory() -> None:
    world = World(brokers=("one:8080", "two:8080"))
    world.topic()
    (other,) = set(world.cluster.brokers) - {world.cluster.owner_of(TOPIC)}

    world.cluster.move_bundle(TOPIC, other)

    assert TOPIC not in world.cluster.loaded
    assert world.cluster.serve(TOPIC).broker == other


def test_a_bundle_moves_to_brokers_that_are_there_only() -> None:
    with pytest.raises(ValueError, match="no broker elsewhere"):
        World().cluster.move_bundle(TOPIC, "elsewhere")


def test_a_crash_takes_what_that_broker_served_and_no_more() -> None:
    world = World(brokers=("one:8080", "two:8080"))
    other = TopicName("acme", "shop", "other")
    world.topic()
    world.topic(name=other)
    world.cluster.move_bundle(TOPIC, "one:8080")
    world.cluster.move_bundle(other, "two:8080")
    world.cluster.serve(TOPIC)
    world.cluster.serve(other)

    world.cluster.crash_broker("one:8080")

    assert set(world.cluster.loaded) == {other}


# -- writing


def test_a_full_ledger_is_closed_and_the_next_one_opened() -> None:
    world = World()
    metadata = world.topic(closed=2, left_open=0)

    assert [ledger.entry_count for ledger in metadata.ascending] == [10, 10, 0]
    assert [ledger.closed_at is None for ledger in metadata.ascending] == [False, False, True]


def test_an_empty_ledger_is_not_rolled_over() -> None:
    world = World()
    metadata = world.topic(closed=1, left_open=0)

    world.cluster.roll_over(TOPIC)

    assert len(metadata.ledgers) == 2


def test_messages_in_batches_are_counted_one_by_one() -> None:
    world = World()
    world.cluster.create_topic(TOPIC)

    world.cluster.publish(TOPIC, Producer("p", world.clock.now(), batch_size=5).entries(3), messages_per_entry=5)

    assert (world.loaded().messages_in, world.loaded().entries_added) == (15, 3)


def test_with_the_index_interceptor_the_metadata_carries_the_last_index_and_bytes_in_are_the_producers() -> None:
    world = World(tuning=Tuning(broker_entry_index=True, max_entries_per_ledger=10))
    metadata = world.cluster.create_topic(TOPIC)
    entries = list(Producer("p", world.clock.now(), index=True).entries(12))

    world.cluster.publish(TOPIC, entries)
    world.cluster.roll_over(TOPIC)

    assert metadata.properties == {"index": "11"}
    assert world.loaded().bytes_in == sum(map(size_without_broker_metadata, entries)) < metadata.total_length


def test_a_producers_bytes_do_not_depend_on_how_they_are_asked_for() -> None:
    now = World().clock.now()
    one, other = Producer("p", now), Producer("p", now)

    one_by_one = list(one.entries(1)) + list(one.entries(1))

    assert one_by_one == list(other.entries(2))
    assert all(checksum_state(entry) is ChecksumState.OK for entry in one_by_one)


# -- trimming


def test_bookkeepers_copy_goes_once_it_is_offloaded_for_longer_than_the_lag() -> None:
    world = World()
    metadata = world.topic(closed=1)
    world.set_lag(60_000)
    world.offload()
    world.pass_time(5)
    ledger = metadata.ascending[0]

    world.clock.advance(completion_of(ledger) + timedelta(seconds=60) - world.clock.now())
    world.cluster.trim(TOPIC)
    at_the_lag = ledger.in_bookkeeper
    world.clock.advance(timedelta(milliseconds=1))
    world.cluster.trim(TOPIC)

    assert (at_the_lag, ledger.in_bookkeeper) == (True, False)
    assert world.cluster.reclaimed_bytes == ledger.length
    assert metadata.bookkeeper_bytes == metadata.last.length
    assert list(ledger.entries()) == []


@pytest.mark.parametrize("lag", [-1, None, 10**15, 2**63 - 1])
def test_without_a_lag_both_copies_stay(lag: int | None) -> None:
    world = World()
    metadata = world.topic(closed=1)
    world.set_lag(lag)
    world.offload()

    world.pass_time(10 * 24 * 3600)
    world.cluster.trim(TOPIC)

    assert metadata.bookkeeper_bytes == metadata.total_length


def test_one_trim_is_one_write_and_one_that_has_nothing_to_do_is_none() -> None:
    world = World()
    metadata = world.topic(closed=2)
    world.set_lag(0)
    world.offload()
    world.pass_time(5)
    version = metadata.version

    world.cluster.trim(TOPIC)
    world.cluster.trim(TOPIC)

    assert metadata.version == version + 1


def test_without_an_offloader_nothing_is_deleted_from_bookkeeper() -> None:
    world = World()
    metadata = world.topic(closed=1)
    world.set_lag(0)
    world.offload()
    world.pass_time(5)

    world.cluster.properties["managedLedgerOffloadDriver"] = ""
    world.pass_time(3600)
    world.cluster.trim(TOPIC)

    assert metadata.bookkeeper_bytes == metadata.total_length


def test_loaded_topics_are_trimmed_now_and_then_and_idle_ones_are_not() -> None:
    world = World()
    idle = TopicName("acme", "shop", "idle")
    served, forgotten = world.topic(closed=1), world.topic(closed=1, name=idle)
    world.set_lag(0)
    for name in (TOPIC, idle):
        world.offload(name)
    world.pass_time(5)
    world.cluster.unload(idle)

    world.pass_time(115)
    world.pass_time(10)

    assert not served.ascending[0].in_bookkeeper
    assert forgotten.ascending[0].in_bookkeeper


def test_retention_by_time_lets_the_oldest_ledgers_go_with_their_objects() -> None:
    world = World()
    metadata = world.topic(closed=2)
    world.offload()
    world.pass_time(5)
    first = metadata.ascending[0]
    world.cluster.namespaces[NamespaceName("acme", "shop")].retention = _retention(minutes=10)

    world.clock.advance(timedelta(minutes=11))
    world.cluster.trim(TOPIC)

    assert first.ledger_id not in metadata.ledgers
    assert len(metadata.ledgers) == 1
    assert world.keys() == set()


def test_what_a_subscription_has_before_it_is_kept_however_short_the_retention() -> None:
    world = World()
    first, second, *_ = world.topic(closed=2).ascending
    subscribe(world.cluster, TOPIC, "billing")
    world.cluster.namespaces[NamespaceName("acme", "shop")].retention = _retention(minutes=0)

    world.cluster.trim(TOPIC)
    kept = set(world.cluster.existing(TOPIC).ledgers)
    acknowledge(world.cluster, TOPIC, "billing", Position(second.ledger_id, 0))
    world.cluster.trim(TOPIC)

    assert first.ledger_id in kept
    assert world.cluster.existing(TOPIC).ascending[0] is second


def test_a_crash_leaves_the_position_where_only_the_next_broker_finds_it() -> None:
    world = World()
    first = world.topic(closed=2).ascending[0]
    subscribe(world.cluster, TOPIC, "billing")
    acknowledge(world.cluster, TOPIC, "billing", Position(first.ledger_id, 3))

    world.cluster.crash_broker(world.cluster.owner_of(TOPIC))

    cursor = world.cluster.existing(TOPIC).cursors["billing"]
    assert (cursor.stored.entry_id, cursor.mark_delete.entry_id) == (-1, 3)
    assert cursor.own_ledger is not None


def test_retention_by_size_keeps_that_much() -> None:
    world = World()
    metadata = world.cluster.create_topic(TOPIC)
    world.cluster.publish(TOPIC, [bytes(100 * 1024)] * 50)
    world.cluster.namespaces[NamespaceName("acme", "shop")].retention = _retention(mebibytes=2)

    world.cluster.trim(TOPIC)

    assert 2 * 1024 * 1024 <= metadata.total_length < 3 * 1024 * 1024 + 100 * 1024


def test_the_topics_own_retention_comes_before_the_namespaces() -> None:
    world = World()
    world.topic()
    world.cluster.namespaces[NamespaceName("acme", "shop")].retention = _retention(minutes=10)

    world.cluster.topic_retention[TOPIC] = _retention(minutes=20)

    assert world.cluster.retention_of(TOPIC).minutes == 20


def test_the_last_ledger_is_never_trimmed() -> None:
    world = World(tuning=Tuning(retention_minutes=0, retention_mebibytes=0, max_entries_per_ledger=10))
    metadata = world.topic(closed=3, left_open=2)

    world.cluster.trim(TOPIC)

    assert [ledger.entry_count for ledger in metadata.ascending] == [2]


def test_not_even_a_closed_last_ledger_expires() -> None:
    world = World()
    metadata = world.cluster.create_topic(TOPIC)
    world.cluster.add_closed_ledgers(TOPIC, 3, entries=1, entry=b"entry")

    assert len(expired(metadata, Retention(0, 0), world.clock.now())) == 2


# -- ending


def test_a_terminated_topic_takes_no_message_and_opens_no_ledger() -> None:
    world = World()
    metadata = world.topic(closed=1, left_open=3)

    end = world.cluster.terminate(TOPIC)
    world.cluster.unload(TOPIC)
    world.cluster.serve(TOPIC)

    assert end == Position(metadata.last.ledger_id, 2)
    assert world.cluster.terminate(TOPIC) == end
    assert len(metadata.ledgers) == 2
    with pytest.raises(TopicTerminated):
        world.cluster.publish(TOPIC, [b"too late"])


def test_a_terminated_topic_without_any_ledger_left_can_be_offloaded_without_harm() -> None:
    world = World()
    world.topic(closed=0, left_open=0)
    world.cluster.terminate(TOPIC)
    world.cluster.unload(TOPIC)

    world.offload()

    assert world.loaded().status.first_unoffloaded is not None


def test_truncating_deletes_closed_ledgers_with_their_objects() -> None:
    world = World()
    metadata = world.topic(closed=2, left_open=3)
    world.offload()
    world.pass_time(5)

    world.cluster.truncate(TOPIC)

    assert [ledger.entry_count for ledger in metadata.ascending] == [3]
    assert world.keys() == set()


def test_a_partitioned_topic_goes_with_its_partitions_and_what_was_set_for_it() -> None:
    world = World()
    world.cluster.create_partitioned_topic(TOPIC, 3)
    world.cluster.topic_policies[TOPIC] = {}

    world.cluster.delete_partitioned_topic(TOPIC)

    assert not world.cluster.metadata
    assert not world.cluster.partitioned
    assert not world.cluster.topic_policies


# -- the order of internal-info


@pytest.mark.parametrize(
    ("ids", "order"),
    [
        ([9, 10, 11], [9, 10, 11]),
        ([31, 32, 33], [32, 33, 31]),
        ([133, 134, 135, 136], [136, 133, 134, 135]),
        ([65535, 65536, 65537, 131072], [65537, 65536, 131072, 65535]),
        (list(range(1, 200, 16)), [1, 33, 65, 97, 129, 161, 193, 17, 49, 81, 113, 145, 177]),
        (
            [3, 7, 70000, 1048576, 4294967296, 4294967297, 5000000000],
            [1048576, 4294967297, 70000, 4294967296, 3, 5000000000, 7],
        ),
    ],
)
def test_ledgers_stand_in_the_order_that_java_gave_them(ids: list[int], order: list[int]) -> None:
    assert hash_map_order(ids) == tuple(order)


@given(st.sets(st.integers(min_value=0, max_value=2**40)))
def test_no_ledger_is_lost_in_a_hash_map(ids: set[int]) -> None:
    assert set(hash_map_order(sorted(ids))) == ids


# -- many at once


def test_ledgers_that_are_only_said_to_hold_entries_are_offloaded_like_any_other() -> None:
    world = World()
    metadata = world.cluster.create_topic(TOPIC)
    (entry,) = Producer("p", world.clock.now()).entries(1)
    world.cluster.add_closed_ledgers(TOPIC, 3, entries=1000, entry=entry)

    world.offload()
    world.pass_time()

    ledger = metadata.ascending[0]
    data, index = sorted(both_keys(ledger), key=len)
    stored = world.store.read(index)
    assert stored is not None
    assert IndexObject.parse(stored).ledger_metadata.last_entry_id == 999
    assert IndexObject.parse(stored).ledger_metadata.length == ledger.length == 1000 * len(entry)
    info = world.store.head(data)
    assert info is not None
    assert info.size == 128 + 1000 * (12 + len(entry))


def test_ledgers_made_at_once_look_as_if_they_had_been_closed_one_after_the_other() -> None:
    world = World()
    metadata = world.cluster.create_topic(TOPIC)

    world.cluster.add_closed_ledgers(TOPIC, 100, entries=10, entry=b"entry", every=timedelta(minutes=1))

    closed = [ledger.closed_at for ledger in metadata.ascending if ledger.closed_at is not None]
    assert closed == sorted(closed)
    assert closed[-1] == metadata.modified_at == world.clock.now()
    assert metadata.created_at <= closed[0] - timedelta(minutes=1)
    assert metadata.version == 100
    assert world.cluster.topics_loaded.total() == 0


def test_ledgers_cannot_be_slipped_under_a_broker_that_serves_the_topic() -> None:
    world = World()
    world.topic()

    with pytest.raises(ValueError, match="unload it first"):
        world.cluster.add_closed_ledgers(TOPIC, 1, entries=1, entry=b"entry")


def test_a_ledger_that_was_left_open_is_closed_before_others_are_added() -> None:
    world = World()
    metadata = world.topic(closed=0, left_open=3)
    world.cluster.unload(TOPIC)

    world.cluster.add_closed_ledgers(TOPIC, 2, entries=10, entry=b"entry")

    assert [ledger.entry_count for ledger in metadata.ascending] == [3, 10, 10]
    assert all(ledger.closed_at is not None for ledger in metadata.ascending)


def test_a_terminated_topic_gets_no_more_ledgers() -> None:
    world = World()
    world.topic()
    world.cluster.terminate(TOPIC)
    world.cluster.unload(TOPIC)

    with pytest.raises(TopicTerminated):
        world.cluster.add_closed_ledgers(TOPIC, 1, entries=1, entry=b"entry")


def test_a_large_cluster_takes_little_memory_for_its_entries() -> None:
    world = World()
    for number in range(2000):
        world.cluster.create_topic(TopicName("acme", "shop", f"idle-{number}"))
    metadata = world.cluster.create_topic(TOPIC)

    world.cluster.add_closed_ledgers(TOPIC, 20_000, entries=50_000, entry=bytes(1000))

    assert metadata.total_length == 20_000 * 50_000 * 1000
    assert len({id(ledger.source) for ledger in metadata.ascending}) == 1


def completion_of(ledger: SimulatedLedger) -> datetime:
    assert ledger.context is not None
    assert ledger.context.completed_at is not None
    return ledger.context.completed_at


def _retention(*, minutes: int = -1, mebibytes: int = -1) -> dict[str, int]:
    return {"retentionTimeInMinutes": minutes, "retentionSizeInMB": mebibytes}


def _threshold(value: int) -> dict[str, str | int | bool | dict[str, str]]:
    return {"managedLedgerOffloadThresholdInBytes": value}
