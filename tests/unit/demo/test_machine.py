"""Anything may happen to a cluster, in any order, and some things hold all the same."""

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from offloadctl.demo.cluster_state import TopicTerminated
from offloadctl.demo.faults import Fault
from offloadctl.demo.ledgers import SimulatedLedger
from offloadctl.demo.offloading import OffloadInProgress
from offloadctl.demo.policies import DELETION_LAG, THRESHOLD, THRESHOLD_IN_SECONDS
from offloadctl.demo.tuning import Tuning
from offloadctl.model.ledger import OffloadState, Position
from offloadctl.model.names import TopicName
from tests.unit.demo.worlds import World, both_keys

NAMES = tuple(TopicName("acme", "shop", f"t{number}") for number in range(3))
BROKERS = ("one:8080", "two:8080")
LOSSES = (Fault.LOST_OBJECT, Fault.LOST_INDEX)
FAULTS = (*LOSSES, Fault.STUCK_RUNNING, Fault.CRASH_BEFORE_INDEX, Fault.TRUNCATED_LEDGER)

names = st.sampled_from(NAMES)


class ClusterMachine(RuleBasedStateMachine):
    """Three topics, two brokers, and whatever clients, operators and bad luck do to them."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(tuning=Tuning(max_entries_per_ledger=4, upload_overhead=1.0), brokers=BROKERS)
        self.cluster = self.world.cluster
        self.written = 0
        self.versions: dict[TopicName, int] = {}
        self.planted: set[Fault] = set()

    # -- clients

    @rule(name=names, sizes=st.lists(st.integers(min_value=1, max_value=200), min_size=1, max_size=9))
    def publish(self, name: TopicName, sizes: list[int]) -> None:
        self.cluster.create_topic(name)
        try:
            self.cluster.publish(name, map(bytes, sizes))
        except TopicTerminated:
            return
        self.written += sum(sizes)

    @rule(name=names)
    def add_ledgers(self, name: TopicName) -> None:
        if name not in self.cluster.loaded and not self._is_terminated(name):
            self.cluster.add_closed_ledgers(name, 3, entries=7, entry=bytes(11))
            self.written += 3 * 7 * 11

    # -- operators

    @rule(name=names, data=st.data())
    def trigger(self, name: TopicName, data: st.DataObject) -> None:
        if name not in self.cluster.metadata:
            return
        loaded = self.cluster.serve(name)
        ids = [*self.cluster.metadata[name].ledgers, 10_000]
        position = Position(data.draw(st.sampled_from(ids)), data.draw(st.integers(min_value=-1, max_value=5)))
        try:
            self.cluster.offloading.start_manual(name, loaded, position, self.cluster.clock.now())
        except OffloadInProgress:
            assert loaded.status.state is OffloadState.RUNNING

    @rule(name=names, action=st.sampled_from(["unload", "serve", "trim", "roll_over", "terminate", "truncate"]))
    def do(self, name: TopicName, action: str) -> None:
        if name in self.cluster.metadata:
            self.cluster.serve(name)
            getattr(self.cluster, action)(name)

    @rule(name=names)
    def delete(self, name: TopicName) -> None:
        if name in self.cluster.metadata:
            self.cluster.delete_topic(name)
            self.versions.pop(name, None)

    @rule(name=names, broker=st.sampled_from(BROKERS))
    def move(self, name: TopicName, broker: str) -> None:
        self.cluster.move_bundle(name, broker)

    @rule(key=st.sampled_from([THRESHOLD, THRESHOLD_IN_SECONDS]), value=st.sampled_from([-1, 0, 300]))
    def set_threshold(self, key: str, value: int) -> None:
        self.cluster.properties[key] = value

    @rule(lag=st.sampled_from([-1, 0, 60_000]))
    def set_lag(self, lag: int) -> None:
        self.cluster.properties[DELETION_LAG] = lag

    @rule(minutes=st.sampled_from([-1, 1]), mebibytes=st.sampled_from([-1, 1]))
    def set_retention(self, minutes: int, mebibytes: int) -> None:
        retention = {"retentionTimeInMinutes": minutes, "retentionSizeInMB": mebibytes}
        self.cluster.create_namespace(NAMES[0].namespace_name).retention = retention

    # -- time and bad luck

    @rule(seconds=st.sampled_from([0.3, 1.0, 5.0, 70.0, 130.0]))
    def pass_time(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule(broker=st.sampled_from(BROKERS))
    def crash(self, broker: str) -> None:
        self.cluster.crash_broker(broker)

    @rule(fault=st.sampled_from(FAULTS))
    def plant(self, fault: Fault) -> None:
        self.cluster.faults.plant(fault, count=1)
        self.planted.add(fault)

    @precondition(lambda self: self.planted)
    @rule()
    def clear_faults(self) -> None:
        self.cluster.faults.clear()

    # -- what holds all the same

    @invariant()
    def ledger_ids_ascend_and_belong_to_one_topic(self) -> None:
        ids = [list(metadata.ledgers) for metadata in self.cluster.metadata.values()]

        assert all(each == sorted(each) for each in ids)
        assert len({ledger_id for each in ids for ledger_id in each}) == sum(map(len, ids))

    @invariant()
    def only_the_last_ledger_is_open(self) -> None:
        for metadata in self.cluster.metadata.values():
            assert all(ledger.closed_at is not None for ledger in metadata.ascending[:-1])

    @invariant()
    def only_closed_ledgers_with_entries_are_offloaded(self) -> None:
        for ledger in self._offloaded():
            assert ledger.closed_at is not None
            assert ledger.length > 0

    @invariant()
    def what_is_complete_has_both_objects_unless_one_was_lost(self) -> None:
        if self.planted.isdisjoint(LOSSES):
            keys = self.world.keys()
            assert all(both_keys(ledger) <= keys for ledger in self._offloaded())

    @invariant()
    def bookkeeper_loses_only_what_is_offloaded(self) -> None:
        assert all(ledger.is_offloaded for ledger in self._ledgers() if not ledger.in_bookkeeper)

    @invariant()
    def no_more_is_reclaimed_than_was_written(self) -> None:
        held = sum(ledger.bookkeeper_bytes for ledger in self._ledgers())

        assert self.cluster.reclaimed_bytes >= 0
        assert self.cluster.reclaimed_bytes + held <= self.written

    @invariant()
    def a_ledgers_numbers_are_those_of_its_entries(self) -> None:
        for ledger in self._ledgers():
            if ledger.in_bookkeeper:
                sizes = [len(entry) for entry in ledger.entries()]
                assert (len(sizes), sum(sizes)) == (ledger.entry_count, ledger.length)

    @invariant()
    def no_attempt_shares_its_uuid(self) -> None:
        uuids = [ledger.context.uuid for ledger in self._ledgers() if ledger.context is not None]

        assert len(set(uuids)) == len(uuids)

    @invariant()
    def versions_only_grow(self) -> None:
        versions = {name: metadata.version for name, metadata in self.cluster.metadata.items()}

        assert all(self.versions.get(name, 0) <= version for name, version in versions.items())
        self.versions = versions

    @invariant()
    def what_is_served_was_loaded_by_its_owner(self) -> None:
        assert all(loaded.broker == self.cluster.owner_of(name) for name, loaded in self.cluster.loaded.items())
        assert self.cluster.topics_loaded.total() >= len(self.cluster.loaded)

    @invariant()
    def a_running_status_has_a_run_behind_it(self) -> None:
        for loaded in self.cluster.loaded.values():
            if loaded.status.state is OffloadState.RUNNING:
                assert loaded.run is not None
                assert loaded.run.manual

    def teardown(self) -> None:
        """Whatever was going on ends, unless it is stuck for ever."""
        for _ in range(4):
            self.world.clock.advance(timedelta(hours=1))
            self.cluster.advance()

        assert not self.cluster.offloading.busy
        if Fault.STUCK_RUNNING not in self.planted:
            assert all(loaded.run is None for loaded in self.cluster.loaded.values())

    def _ledgers(self) -> list[SimulatedLedger]:
        return [ledger for metadata in self.cluster.metadata.values() for ledger in metadata.ascending]

    def _offloaded(self) -> list[SimulatedLedger]:
        return [ledger for ledger in self._ledgers() if ledger.is_offloaded]

    def _is_terminated(self, name: TopicName) -> bool:
        metadata = self.cluster.metadata.get(name)
        return metadata is not None and metadata.terminated_at is not None


def test_a_cluster_survives_whatever_happens_to_it() -> None:
    run_state_machine_as_test(ClusterMachine, settings=settings(max_examples=40, stateful_step_count=30))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_cluster_survives_whatever_happens_to_it_for_long() -> None:
    run_state_machine_as_test(ClusterMachine, settings=settings(stateful_step_count=80))
