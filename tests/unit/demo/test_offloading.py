"""The state machine: what a run does to status, ledgers and bucket, and what gets in its way."""

import pytest

from offloadctl.demo.faults import Fault
from offloadctl.demo.offloading import OffloadInProgress
from offloadctl.demo.policies import THRESHOLD, THRESHOLD_IN_SECONDS
from offloadctl.model.ledger import OffloadState, Position
from offloadctl.model.names import TopicName
from tests.unit.demo.worlds import ENTRIES, TOPIC, World, both_keys

OTHERS = tuple(TopicName("acme", "shop", name) for name in ("returns", "clicks", "bills"))

# -- the life of a status


def test_a_topic_that_was_never_offloaded_says_not_run() -> None:
    world = World()
    world.topic()

    assert world.state() is OffloadState.NOT_RUN


def test_a_run_is_running_until_its_last_ledger_is_up() -> None:
    world = World()
    metadata = world.topic(closed=2)

    world.offload()
    world.pass_time(1.5)

    assert world.state() is OffloadState.RUNNING
    assert [ledger.is_offloaded for ledger in metadata.ascending] == [True, False, False]
    world.pass_time(1)
    assert world.state() is OffloadState.SUCCESS
    assert world.loaded().status.first_unoffloaded == Position(metadata.last.ledger_id, 0)
    assert world.keys() == both_keys(metadata.ascending[0]) | both_keys(metadata.ascending[1])


def test_a_second_manual_run_is_refused_while_the_first_goes_on() -> None:
    world = World()
    world.topic()
    world.offload()

    with pytest.raises(OffloadInProgress):
        world.offload()


def test_nothing_to_do_is_a_success_at_once() -> None:
    world = World()
    metadata = world.topic(closed=0)

    world.offload()

    assert world.state() is OffloadState.SUCCESS
    assert metadata.version == 1


def test_the_status_is_forgotten_when_the_topic_is_unloaded() -> None:
    world = World()
    world.topic()
    world.offload()
    world.pass_time()

    world.cluster.unload(TOPIC)

    assert world.state() is OffloadState.NOT_RUN


def test_without_an_offloader_the_status_says_so() -> None:
    world = World(properties={"managedLedgerOffloadDriver": ""})
    world.topic()

    world.offload()

    assert world.loaded().status.last_error.endswith("[NullLedgerOffloader] does not support offload")


def test_an_offloader_that_goes_away_during_a_run_fails_the_rest_of_it() -> None:
    world = World()
    metadata = world.topic(closed=3)
    world.offload()
    world.pass_time(1.5)

    world.cluster.properties["managedLedgerOffloadDriver"] = ""
    world.pass_time()

    assert world.state() is OffloadState.ERROR
    assert [ledger.is_offloaded for ledger in metadata.ascending] == [True, True, False, False]


# -- positions


@pytest.mark.parametrize(
    ("position", "is_valid"),
    [
        (Position(3, 0), True),
        (Position(3, 9), True),
        (Position(3, 10), False),
        (Position(3, -1), False),
        (Position(5, 3), True),
        (Position(5, 4), False),
        (Position(6, 0), False),
        (Position(2, 0), False),
        (Position(-1, -1), False),
    ],
)
def test_a_position_is_valid_if_it_is_an_entry_or_the_end_of_the_open_ledger(
    position: Position, is_valid: bool
) -> None:
    world = World()
    world.topic(closed=2, left_open=3)

    world.offload(before=position)

    assert ("Invalid position" in world.loaded().status.last_error) is not is_valid


def test_only_ledgers_before_the_position_move() -> None:
    world = World()
    metadata = world.topic(closed=3)

    world.offload(before=Position(4, 9))
    world.pass_time()

    assert [ledger.is_offloaded for ledger in metadata.ascending] == [True, False, False, False]
    assert world.loaded().status.first_unoffloaded == Position(4, 0)


def test_a_terminated_topic_keeps_its_last_ledger_that_has_entries_once_it_was_loaded_again() -> None:
    world = World()
    metadata = world.topic(closed=2, left_open=0)
    end = world.cluster.terminate(TOPIC)
    world.cluster.unload(TOPIC)

    world.offload(before=Position(end.ledger_id, 0))
    world.pass_time()

    assert world.state() is OffloadState.SUCCESS
    assert [ledger.is_offloaded for ledger in metadata.ascending] == [True, False, False]
    assert world.loaded().status.first_unoffloaded == Position(metadata.ascending[1].ledger_id, 0)


# -- threads


def test_two_ledgers_of_two_topics_go_up_at_once_and_the_third_topic_waits() -> None:
    world = World()
    for name in OTHERS:
        world.topic(closed=1, name=name)

    for name in OTHERS:
        world.offload(name)
    world.pass_time(1.5)

    assert [world.state(name) for name in OTHERS] == [
        OffloadState.SUCCESS,
        OffloadState.SUCCESS,
        OffloadState.RUNNING,
    ]
    assert world.cluster.offloading.busy
    world.pass_time(1)
    assert world.state(OTHERS[2]) is OffloadState.SUCCESS
    assert not world.cluster.offloading.busy


def test_each_broker_has_threads_of_its_own() -> None:
    world = World(brokers=("one:8080", "two:8080"))
    for name in OTHERS:
        world.topic(closed=1, name=name)
    world.cluster.unload(OTHERS[2])
    for name, owner in zip(OTHERS, ("one:8080", "one:8080", "two:8080"), strict=True):
        world.cluster.move_bundle(name, owner)

    owners = {name: world.cluster.owner_of(name) for name in OTHERS}
    for name in OTHERS:
        world.offload(name)
    world.pass_time(1.5)

    assert set(owners.values()) == {"one:8080", "two:8080"}
    assert all(world.state(name) is OffloadState.SUCCESS for name in OTHERS)


# -- automatic runs


def test_an_automatic_run_moves_ledgers_and_leaves_the_status_alone() -> None:
    world = World(properties={THRESHOLD: 0})
    metadata = world.topic(closed=2)

    world.pass_time()

    assert [ledger.is_offloaded for ledger in metadata.ascending] == [True, True, False]
    assert world.state() is OffloadState.NOT_RUN
    assert world.loaded().last_offload_ledger_id == metadata.ascending[1].ledger_id


def test_an_automatic_run_in_the_way_turns_a_manual_one_into_an_error() -> None:
    world = World(properties={THRESHOLD: 0})
    world.topic(closed=2)

    world.offload()

    assert world.loaded().status.last_error.endswith("Offload operation already running")
    world.pass_time()
    world.offload()
    assert world.state() is OffloadState.SUCCESS


def test_a_manual_run_in_the_way_lets_the_automatic_one_wait() -> None:
    world = World()
    metadata = world.topic(closed=1)
    world.offload()
    world.cluster.properties[THRESHOLD] = 0

    world.cluster.roll_over(TOPIC)
    world.pass_time()

    assert [ledger.is_offloaded for ledger in metadata.ascending] == [True, True, False]
    assert world.state() is OffloadState.SUCCESS


def test_the_open_ledger_does_not_count_against_the_size_threshold_and_offloaded_ones_do() -> None:
    world = World()
    metadata = world.topic(closed=3, left_open=3)
    one_ledger = metadata.ascending[0].length
    world.cluster.properties[THRESHOLD] = 2 * one_ledger

    world.cluster.roll_over(TOPIC)
    world.pass_time()

    kept = [ledger.ledger_id for ledger in metadata.ascending if not ledger.is_offloaded]
    assert kept == [ledger.ledger_id for ledger in metadata.ascending[2:]]


def test_as_much_as_the_size_threshold_stays() -> None:
    world = World(properties={THRESHOLD: 2 * ENTRIES * 100})
    metadata = world.cluster.create_topic(TOPIC)

    world.cluster.publish(TOPIC, [bytes(100)] * ENTRIES * 2)
    world.pass_time()
    at_the_threshold = [ledger.is_offloaded for ledger in metadata.ascending]
    world.cluster.publish(TOPIC, [bytes(100)])
    world.cluster.roll_over(TOPIC)
    world.pass_time()

    assert not any(at_the_threshold)
    assert [ledger.is_offloaded for ledger in metadata.ascending] == [True, False, False, False]


def test_the_age_threshold_is_looked_at_only_when_a_ledger_is_closed() -> None:
    world = World(properties={THRESHOLD_IN_SECONDS: 600})
    metadata = world.topic(closed=1)

    world.pass_time(3600)
    before = metadata.ascending[0].is_offloaded
    world.cluster.roll_over(TOPIC)
    world.pass_time()

    assert not before
    assert [ledger.is_offloaded for ledger in metadata.ascending] == [True, False, False]


# -- what gets in the way


def test_an_upload_that_outlives_its_topic_leaves_objects_that_the_next_attempt_removes() -> None:
    world = World()
    metadata = world.topic(closed=1)
    world.offload()
    world.cluster.unload(TOPIC)

    world.pass_time()
    orphans = world.keys()
    world.offload()
    world.pass_time()

    assert len(orphans) == 2
    assert world.keys() == both_keys(metadata.ascending[0])
    assert world.keys().isdisjoint(orphans)


def test_an_upload_that_another_attempt_has_overtaken_leaves_nothing() -> None:
    world = World()
    metadata = world.topic(closed=1)
    world.offload()
    world.cluster.unload(TOPIC)
    world.pass_time(0.5)

    world.offload()
    world.pass_time()

    assert world.keys() == both_keys(metadata.ascending[0])


def test_a_topic_that_is_deleted_during_an_upload_leaves_nothing() -> None:
    world = World()
    world.topic(closed=2)
    world.offload()
    world.pass_time(1.5)

    world.cluster.delete_topic(TOPIC)
    world.pass_time()

    assert world.keys() == set()


def test_a_ledger_that_is_trimmed_during_its_upload_leaves_nothing_and_the_next_one_goes_on() -> None:
    world = World()
    metadata = world.topic(closed=2)
    world.offload()

    del metadata.ledgers[metadata.ascending[0].ledger_id]
    world.pass_time()

    assert world.keys() == both_keys(metadata.ascending[0])
    assert world.state() is OffloadState.SUCCESS


def test_a_failing_ledger_does_not_stop_the_next_one_and_the_first_error_is_told() -> None:
    world = World()
    metadata = world.topic(closed=3)
    world.store.refused = "-ledger-4"

    world.offload()
    world.pass_time()

    assert world.state() is OffloadState.ERROR
    assert "-ledger-4 is not taken" in world.loaded().status.last_error
    assert [ledger.is_offloaded for ledger in metadata.ascending] == [True, False, True, False]
    assert world.loaded().upload_errors == 1


def test_an_index_that_cannot_be_stored_takes_its_data_object_with_it() -> None:
    world = World()
    world.topic(closed=1)
    world.store.refused = "-index"

    world.offload()
    world.pass_time()

    assert world.state() is OffloadState.ERROR
    assert world.keys() == set()


def test_objects_that_cannot_be_deleted_become_orphans_and_stop_nothing() -> None:
    world = World()
    metadata = world.topic(closed=1)
    world.offload()
    world.cluster.unload(TOPIC)
    world.pass_time()
    world.store.refused = "deletes"

    world.offload()
    world.pass_time()

    assert world.state() is OffloadState.SUCCESS
    assert len(world.keys() - both_keys(metadata.ascending[0])) == 2


# -- faults


def test_stuck_is_stuck_until_the_topic_is_unloaded() -> None:
    world = World()
    world.topic()
    world.cluster.faults.plant(Fault.STUCK_RUNNING, count=1)

    world.offload()
    world.pass_time(3600)

    assert world.state() is OffloadState.RUNNING
    assert not world.cluster.offloading.busy
    world.cluster.unload(TOPIC)
    world.offload()
    world.pass_time()
    assert world.state() is OffloadState.SUCCESS


def test_a_crash_before_the_index_leaves_a_data_object_that_the_next_attempt_replaces() -> None:
    world = World()
    metadata = world.topic(closed=1)
    world.cluster.faults.plant(Fault.CRASH_BEFORE_INDEX, topic=TOPIC, count=1)

    world.offload()
    world.pass_time()

    (orphan,) = world.keys()
    assert TOPIC not in world.cluster.loaded
    assert metadata.ascending[0].context is not None
    assert not metadata.ascending[0].is_offloaded
    assert world.state() is OffloadState.NOT_RUN
    world.offload()
    world.pass_time()
    left = world.keys()
    assert orphan not in left
    assert both_keys(metadata.ascending[0]) <= left


def test_a_broker_that_dies_during_an_upload_leaves_it_open_and_no_object() -> None:
    world = World()
    metadata = world.topic(closed=1)
    world.offload()
    world.pass_time(0.5)

    world.cluster.crash_broker("broker:8080")
    world.pass_time()

    (ledger,) = metadata.ascending[:1]
    (upload,) = world.store.uploads()
    assert world.keys() == set()
    assert upload.key in both_keys(ledger)
    assert not ledger.is_offloaded


@pytest.mark.parametrize(("fault", "suffix"), [(Fault.LOST_OBJECT, ""), (Fault.LOST_INDEX, "-index")])
def test_a_lost_object_is_gone_while_the_ledger_counts_as_complete(fault: Fault, suffix: str) -> None:
    world = World()
    metadata = world.topic(closed=1)
    world.cluster.faults.plant(fault, count=1)

    world.offload()
    world.pass_time()

    (ledger,) = metadata.ascending[:1]
    (lost,) = both_keys(ledger) - world.keys()
    assert lost.endswith(f"-ledger-{ledger.ledger_id}{suffix}")
    assert ledger.is_offloaded


def test_a_fault_for_one_topic_leaves_the_others_alone() -> None:
    world = World()
    world.topic(closed=1)
    world.topic(closed=1, name=OTHERS[0])
    world.cluster.faults.plant(Fault.LOST_OBJECT, topic=TOPIC)

    world.offload()
    world.offload(OTHERS[0])
    world.pass_time()

    assert len(world.keys()) == 3


def test_a_fault_that_is_cleared_does_not_happen_any_more() -> None:
    world = World()
    world.topic(closed=1)
    world.cluster.faults.plant(Fault.LOST_OBJECT)
    world.cluster.faults.plant(Fault.STUCK_RUNNING)

    world.cluster.faults.clear(Fault.STUCK_RUNNING)
    world.offload()
    world.pass_time()

    assert len(world.keys()) == 1
    world.cluster.faults.clear()
    assert not world.cluster.faults.take(Fault.LOST_OBJECT, TOPIC)


def test_a_fault_happens_at_least_once() -> None:
    with pytest.raises(ValueError, match="at least once"):
        World().cluster.faults.plant(Fault.SLOW, count=0)
