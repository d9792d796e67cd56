"""Idle topics whose offloads were begun: judged by their objects where that is certain, else left unknown."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from offloadctl.adapters.memory import MemoryObjectStore
from offloadctl.demo.faults import Fault
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.tuning import Tuning
from offloadctl.errors import Interrupted, StoreDenied
from offloadctl.exitcodes import ExitCode
from offloadctl.format.keys import data_key, index_key
from offloadctl.model.ledger import OffloadState, Position
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.offload import OffloadResult, OffloadRun, OffloadWish, Outcome
from offloadctl.model.scope import Scope
from offloadctl.model.status import TopicStatus
from offloadctl.operations.confirm import ObjectsInStores
from offloadctl.operations.facts import LedgerReader
from offloadctl.operations.idle_offloads import IdleOffloads
from offloadctl.operations.offload import Offload
from offloadctl.operations.offload_run import OffloadTopics
from offloadctl.operations.status import Status
from offloadctl.ports import ObjectInfo, ObjectStore
from offloadctl.units import ByteSize
from tests.fake_broker import VirtualClock

SHOP = NamespaceName("acme", "shop")
TOPIC = TopicName("acme", "shop", "orders")


@dataclass
class Bucket(MemoryObjectStore):
    """The world's bucket, and what is to happen when it is asked."""

    inner: MemoryObjectStore
    on_head: Callable[[str], None] = lambda _key: None
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self.inner.bucket)
        self._objects = self.inner._objects

    def head(self, key: str) -> ObjectInfo | None:
        self.asked.append(key)
        self.on_head(key)
        return super().head(key)


def world_of(*topics: TopicName, faults: tuple[Fault, ...] = ()) -> InMemoryCluster:
    """Idle topics of which everything that can move was offloaded: two ledgers each, and the last one behind them."""
    tuning = Tuning(upload_rate=1e12, upload_overhead=0.0)
    # As the location of a bucket in memory tells it.
    endpoint = {f"{prefix}anagedLedgerOffloadServiceEndpoint": "http://memory" for prefix in ("m", "s3M")}
    world = InMemoryCluster(brokers=("broker-1:8080",), tuning=tuning, properties=endpoint)
    world.cluster.tenants.setdefault("acme", ())
    for fault in faults:
        world.cluster.faults.plant(fault, count=1)
    admin = world.admin()
    for topic in topics:
        world.cluster.add_closed_ledgers(topic, 3, entries=10, entry=bytes(1000))
        admin.trigger_offload(topic, Position(admin.served_ledgers(topic).ledgers[2].ledger_id, 0))
        while admin.offload_status(topic).state is OffloadState.RUNNING:
            world.advance(timedelta(seconds=1))
        world.cluster.unload(topic)
    world.cluster.refresh_stats()
    world.cluster.topics_loaded.clear()
    return world


def work(world: InMemoryCluster, *stores: ObjectStore, most: int = 100) -> OffloadTopics:
    """Everything up to the last ledger but one, which is what was moved before."""
    ports = replace(world.ports(), stores=stores or (world.store,))
    offload = Offload(
        ports, OffloadWish(ByteSize(10_000)), 600, ObjectsInStores(ports.stores), idle=IdleOffloads(most=most)
    )
    return OffloadTopics(offload)


def plan(topics: OffloadTopics) -> OffloadRun:
    return topics.report(topics.plan(Scope.of(namespaces=[SHOP])), dry_run=True)


def only(run: OffloadRun) -> OffloadResult:
    (result,) = run.results
    return result


def told(result: OffloadResult, code: str) -> str:
    return next((reason.text for reason in result.reasons if reason.code == code), "")


def test_complete_offloads_of_idle_topics_leave_nothing_to_do_and_no_topic_is_loaded() -> None:
    topics = [replace(TOPIC, local_name=f"t{number}") for number in range(5)]
    world = world_of(*topics)

    run = work(world).act(work(world).plan(Scope.of(namespaces=[SHOP])))

    assert {result.outcome for result in run.results} == {Outcome.NOTHING_TO_DO}
    assert run.exit_code is ExitCode.OK
    assert "2 ledgers, 19.5 KiB, with both objects" in told(run.results[0], "judged-complete")
    assert sum(world.cluster.topics_loaded.values()) == 0


def test_without_a_bucket_nobody_knows_and_the_bucket_is_offered() -> None:
    world = world_of(TOPIC)
    topics = work(world)

    result = only(plan(replace(topics, offload=replace(topics.offload, ports=replace(world.ports(), stores=())))))

    assert (result.outcome, result.exit_code) == (Outcome.UNKNOWN, ExitCode.NOT_COVERED)
    assert "--load-topics" in result.hint
    assert "--bucket offload-demo" in result.hint


def test_an_offload_without_an_index_object_is_not_complete_and_moves_again() -> None:
    world = world_of(TOPIC, faults=(Fault.CRASH_BEFORE_INDEX,))

    planned = only(plan(work(world)))
    acted = only(work(world).act(work(world).plan(Scope.of(namespaces=[SHOP]))))

    assert planned.outcome is Outcome.PLANNED
    assert planned.plan is not None
    first, _ = (ledger.ledger_id for ledger in planned.plan.moves)
    assert f"are not complete: {first}" in told(planned, "judged-incomplete")
    assert acted.outcome is Outcome.CONFIRMED


def keys(world: InMemoryCluster) -> tuple[str, str]:
    """Of the first ledger: data and index."""
    ledger = world.cluster.metadata[TOPIC].ascending[0]
    assert ledger.context is not None
    return data_key(ledger.context.uuid, ledger.ledger_id), index_key(ledger.context.uuid, ledger.ledger_id)


def lose_index(world: InMemoryCluster) -> None:
    world.store.delete(keys(world)[1])


def lose_data(world: InMemoryCluster) -> None:
    world.store.delete(keys(world)[0])


def cut_data(world: InMemoryCluster) -> None:
    key = keys(world)[0]
    world.store.put(key, (world.store.read(key) or b"")[:-1], user_metadata={}, content_type="")


@pytest.mark.parametrize("harm", [lose_data, cut_data])
def test_objects_that_do_not_fit_together_stay_unknown(harm: Callable[[InMemoryCluster], None]) -> None:
    world = world_of(TOPIC)
    harm(world)

    result = only(plan(work(world)))

    assert result.outcome is Outcome.UNKNOWN
    assert "do not fit together: offloadctl check" in told(result, "not-judged")
    assert "1 ledger, 9.8 KiB, with both objects" in told(result, "judged-complete")


def test_a_lost_index_costs_a_look_at_the_loaded_topic_and_nothing_moves_twice() -> None:
    """It looks as an offload that never ended does; the loaded topic says that it did."""
    world = world_of(TOPIC)
    lose_index(world)

    planned = only(plan(work(world)))
    acted = only(work(world).act(work(world).plan(Scope.of(namespaces=[SHOP]))))

    assert planned.outcome is Outcome.PLANNED
    assert acted.outcome is Outcome.NOTHING_TO_DO


@pytest.mark.parametrize("bucket", ["another-one", "offload-demo"])
def test_a_bucket_that_may_not_be_the_brokers_proves_nothing(bucket: str) -> None:
    """Of another name, or of the same one at an endpoint that is not the policies'."""
    world = world_of(TOPIC)

    class Elsewhere(MemoryObjectStore):
        @property
        def location(self) -> str:
            return f"s3://{self.bucket} at http://127.0.0.1:1"

    result = only(plan(work(world, Elsewhere(bucket))))

    assert result.outcome is Outcome.UNKNOWN
    assert "not certain that the broker writes to a bucket that is configured here" in told(result, "not-judged")


def test_a_ledger_that_is_trimmed_during_the_look_is_not_taken_for_an_offload_that_failed() -> None:
    world = world_of(TOPIC)
    bucket = Bucket(world.store)

    def trim(_key: str) -> None:
        bucket.on_head = lambda _key: None
        world.cluster.truncate(TOPIC)

    bucket.on_head = trim

    result = only(plan(work(world, bucket)))

    assert result.outcome is Outcome.UNKNOWN
    assert "its ledgers change just now" in told(result, "not-judged")


def test_a_bucket_that_fails_is_asked_once_and_everything_stays_unknown() -> None:
    topics = [replace(TOPIC, local_name=f"t{number}") for number in range(5)]
    world = world_of(*topics)
    bucket = Bucket(world.store)

    def deny(_key: str) -> None:
        raise StoreDenied("cannot look at it")

    bucket.on_head = deny

    run = plan(work(world, bucket))

    assert {result.outcome for result in run.results} == {Outcome.UNKNOWN}
    assert "cannot look at it" in told(run.results[0], "not-judged")
    assert len(bucket.asked) <= 8


def test_no_more_ledgers_are_looked_up_than_one_command_may() -> None:
    topics = [replace(TOPIC, local_name=f"t{number}") for number in range(5)]
    world = world_of(*topics)
    bucket = Bucket(world.store)

    run = plan(work(world, bucket, most=4))

    assert Counter(result.outcome for result in run.results) == {Outcome.NOTHING_TO_DO: 2, Outcome.UNKNOWN: 3}
    assert len(bucket.asked) == 8


def test_an_interruption_among_the_looks_ends_them() -> None:
    class Stopped(VirtualClock):
        def sleep(self, seconds: float) -> None:
            raise Interrupted("interrupted")

    world = world_of(TOPIC)
    bucket = Bucket(world.store)
    offload = work(world, bucket).offload
    reader = LedgerReader(offload.ports.admin, world.clock, may_load=False)

    result = replace(offload, ports=replace(offload.ports, clock=Stopped())).dry_run(TOPIC, reader)

    assert (result.outcome, bucket.asked) == (Outcome.NOT_STARTED, [])


def test_an_approved_plan_that_was_judged_by_objects_can_be_applied() -> None:
    world = world_of(TOPIC, faults=(Fault.CRASH_BEFORE_INDEX,))
    topics = work(world)
    planned = only(plan(topics)).plan
    assert planned is not None
    assert planned.before is not None

    again = topics.offload.plan_before(planned.managed_ledger, planned.before)

    assert again.moves == planned.moves


@pytest.mark.parametrize(("harm", "judged", "begun"), [(None, 2, 0), (cut_data, 1, 1), (lose_index, 1, 1)])
def test_a_status_judges_by_objects_too_and_leaves_the_rest_unknown(
    harm: Callable[[InMemoryCluster], None] | None, judged: int, begun: int
) -> None:
    world = world_of(TOPIC)
    if harm is not None:
        harm(world)

    (status,) = Status(world.ports()).report([TOPIC]).parts

    assert isinstance(status, TopicStatus)
    assert (len(status.judged), len(status.begun)) == (judged, begun)
    assert status.offloaded == status.judged
    assert status.missing_objects == ()
    assert sum(world.cluster.topics_loaded.values()) == 0
