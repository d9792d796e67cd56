"""Many topics of the simulated cluster: idle ones are planned unloaded, limits hold, one failure is nobody else's."""

import threading
from dataclasses import replace
from uuid import UUID

import pytest

from offloadctl.demo.faults import Fault
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.tuning import Tuning
from offloadctl.exitcodes import ExitCode
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.offload import OffloadLimits, OffloadPlan, OffloadResult, OffloadRun, OffloadWish, Outcome
from offloadctl.model.scope import Scope
from offloadctl.operations.confirm import ObjectsInStores
from offloadctl.operations.facts import LedgerReader
from offloadctl.operations.offload import Offload, Watcher
from offloadctl.operations.offload_run import OffloadTopics
from offloadctl.ports import Ports
from offloadctl.units import ByteSize
from tests.fake_broker import FakeBroker, VirtualClock

SHOP = NamespaceName("acme", "shop")
SCOPE = Scope.of(namespaces=[SHOP])
ENTRY = bytes(1000)


def named(number: int) -> TopicName:
    return TopicName("acme", "shop", f"t{number}")


def cluster_of_six(tuning: Tuning) -> InMemoryCluster:
    """Six idle topics: of t0 one ledger of 10 kB can move, of t1 two, and so on; the last ledger of each must stay."""
    world = InMemoryCluster(tuning=tuning)
    world.cluster.tenants.setdefault("acme", ())
    for number in range(6):
        world.cluster.add_closed_ledgers(named(number), number + 2, entries=10, entry=ENTRY)
    return world


@pytest.fixture
def world() -> InMemoryCluster:
    """The six topics; uploads take almost no time."""
    return cluster_of_six(Tuning(upload_rate=1e9, upload_overhead=0.0))


def work(
    world: InMemoryCluster,
    *,
    threshold: int = 0,
    limits: OffloadLimits | None = None,
    watcher: Watcher | None = None,
    may_load: bool = False,
) -> OffloadTopics:
    ports = world.ports()
    offload = Offload(ports, OffloadWish(ByteSize(threshold)), 600, ObjectsInStores(ports.stores), watcher or Watcher())
    return OffloadTopics(offload, may_load=may_load, limits=limits or OffloadLimits())


def outcomes(run: OffloadRun) -> dict[str, Outcome]:
    return {result.topic.local_name: result.outcome for result in run.results}


def loaded(world: InMemoryCluster) -> int:
    return sum(world.cluster.topics_loaded.values())


def test_planning_idle_topics_loads_none(world: InMemoryCluster) -> None:
    topics = work(world)

    run = topics.report(topics.plan(SCOPE), dry_run=True)

    assert set(outcomes(run).values()) == {Outcome.PLANNED}
    assert [len(result.plan.moves) for result in run.results if result.plan] == [1, 2, 3, 4, 5, 6]
    assert loaded(world) == 0


def test_only_topics_with_something_to_move_are_loaded(world: InMemoryCluster) -> None:
    topics = work(world, threshold=50_000)

    run = topics.act(topics.plan(SCOPE))

    assert outcomes(run) == {f"t{n}": Outcome.NOTHING_TO_DO if n < 4 else Outcome.CONFIRMED for n in range(6)}
    assert loaded(world) == 2
    assert run.exit_code is ExitCode.OK


def test_what_was_not_planned_does_not_move(world: InMemoryCluster) -> None:
    topics = work(world)
    planned = topics.plan(SCOPE)
    boundary = {plan.topic: plan.before for plan in planned.selection.chosen}
    world.cluster.add_closed_ledgers(named(0), 3, entries=10, entry=ENTRY)

    run = topics.act(planned)

    assert set(outcomes(run).values()) == {Outcome.CONFIRMED}
    assert {result.topic: result.plan.before for result in run.results if result.plan} == boundary
    moved = [ledger.is_offloaded for ledger in world.cluster.metadata[named(0)].ascending]
    assert moved[:5] == [True, False, False, False, False]


def test_an_empty_last_ledger_that_loading_takes_away_is_no_boundary_any_more(world: InMemoryCluster) -> None:
    # Loaded and unloaded without a message, a topic ends with a ledger that the next broker drops.
    with world.cluster.lock:
        world.cluster.serve(named(3))
        world.cluster.unload(named(3))
    topics = work(world)
    planned = topics.plan(SCOPE)
    (boundary,) = (plan.before for plan in planned.selection.chosen if plan.topic == named(3))

    run = topics.act(planned)

    assert outcomes(run)["t3"] is Outcome.CONFIRMED
    (sent,) = (result.plan.before for result in run.results if result.topic == named(3) and result.plan)
    assert boundary is not None
    assert sent is not None
    assert sent > boundary
    assert all(ledger.is_offloaded for ledger in world.cluster.metadata[named(3)].ascending[:-1])


def test_the_largest_are_taken_until_enough_is_planned(world: InMemoryCluster) -> None:
    topics = work(world, limits=OffloadLimits(free=ByteSize(100_000)))

    run = topics.act(topics.plan(SCOPE))

    assert outcomes(run) == {f"t{n}": Outcome.CONFIRMED if n > 3 else Outcome.LEFT for n in range(6)}
    assert loaded(world) == 2
    assert run.exit_code is ExitCode.OK


def test_one_topics_failure_is_nobody_elses(world: InMemoryCluster) -> None:
    world.cluster.faults.plant(Fault.LOST_OBJECT, topic=named(5), count=1)
    world.cluster.faults.plant(Fault.STUCK_RUNNING, topic=named(4), count=1)
    topics = work(world)

    run = topics.act(topics.plan(SCOPE))

    assert outcomes(run) == {
        **{f"t{n}": Outcome.CONFIRMED for n in range(4)},
        "t4": Outcome.TIMED_OUT,
        "t5": Outcome.DAMAGED,
    }
    assert run.exit_code is ExitCode.DAMAGE


def test_a_topic_that_was_deleted_after_the_plan_fails_alone(world: InMemoryCluster) -> None:
    topics = work(world)
    planned = topics.plan(SCOPE)
    world.cluster.delete_topic(named(2))

    run = topics.act(planned)

    assert {name for name, outcome in outcomes(run).items() if outcome is not Outcome.CONFIRMED} == {"t2"}
    assert run.exit_code is ExitCode.FAILED


def test_a_namespace_that_is_not_there_fails_the_run_and_stops_no_other_one(world: InMemoryCluster) -> None:
    topics = work(world)

    run = topics.act(topics.plan(Scope.of(namespaces=[SHOP, NamespaceName("acme", "nowhere")])))

    assert set(outcomes(run).values()) == {Outcome.CONFIRMED}
    assert run.exit_code is ExitCode.FAILED


def test_what_an_interruption_leaves_is_a_true_report() -> None:
    class Impatient(Watcher):
        """The first end that it is told of is one too many; then it has said so."""

        def __init__(self) -> None:
            self.sent: set[TopicName] = set()
            self.ended = False

        def triggered(self, plan: OffloadPlan, *, joined: bool) -> None:
            self.sent.add(plan.topic)

        def finished(self, result: OffloadResult) -> None:
            if not self.ended:
                self.ended = True
                raise KeyboardInterrupt

    # One broker and uploads without an end, so that the others wait for their turn.
    world = cluster_of_six(Tuning(upload_rate=1.0))
    for number in range(6):
        world.cluster.move_bundle(named(number), "broker-1:8080")
    watcher = Impatient()
    topics = work(world, watcher=watcher)

    run = topics.act(topics.plan(SCOPE))

    for thread in threading.enumerate():
        # On a busy machine they may need more than their grace, and the test's process must not end around them.
        if thread.name.startswith("worker-"):
            thread.join(20)
    assert run.interrupted is ExitCode.INTERRUPTED
    assert run.exit_code is ExitCode.INTERRUPTED
    not_started = {result.topic for result in run.results if result.outcome is Outcome.NOT_STARTED}
    assert not_started == {result.topic for result in run.results} - watcher.sent
    assert not_started


def test_what_loading_a_topic_closes_waits_for_the_next_run(world: InMemoryCluster) -> None:
    """The last ledger may not move; behind it a new one is opened when the topic is loaded, and so it could by then."""
    topics = work(world)

    run = topics.act(topics.plan(SCOPE))

    assert all(
        result.plan is not None and len(result.plan.moves) == int(result.topic.local_name[1:]) + 1
        for result in run.results
    )


def test_an_approved_plan_is_refused_when_the_loaded_topic_would_move_other_ledgers() -> None:
    broker = FakeBroker()
    # Begun earlier and not complete, which only the loaded topic tells: the broker would take it along.
    broker.ledgers[31] = replace(broker.ledgers[31], context_uuid=UUID(int=31))
    offload = Offload(Ports(broker, VirtualClock()), OffloadWish(ByteSize(0)), 60)
    idle = LedgerReader(broker, VirtualClock(), may_load=False)
    plan = offload.plan(TopicName("public", "rec", "t1"), idle)
    assert [ledger.ledger_id for ledger in plan.moves] == [32]

    result = replace(offload, exactly=True).act(plan)

    assert result.outcome is Outcome.REFUSED
    assert result.reasons[0].code == "plan-changed"
    assert broker.triggers == []


def test_a_topics_owner_is_known_once_it_has_answered_and_asking_for_it_loads_nothing(world: InMemoryCluster) -> None:
    admin = world.admin()
    assert {admin.owner_of(named(number)) for number in range(6)} == {""}
    assert loaded(world) == 0

    world.cluster.move_bundle(named(0), "broker-2:8080")
    admin.served_ledgers(named(0))

    assert admin.owner_of(named(0)) == "broker-2:8080"
    assert admin.owner_of(named(1)) == ""


def test_an_idle_topic_costs_one_request_and_two_if_something_of_it_moves(world: InMemoryCluster) -> None:
    topics = work(world, threshold=50_000)

    topics.plan(SCOPE)

    assert (world.asked["internal-info"], world.asked["offloadPolicies"]) == (6, 2)
    # Policies are told by the topic's owner only, so who else is asked for them sends us there.
    assert world.asked["redirected"] <= 2
    others = world.asked.total() - 6 - 2 - world.asked["redirected"]
    assert others <= 6, "the list of topics, of clusters, of brokers, and of what each of them has loaded"


def test_partitions_share_one_request_for_their_policies(world: InMemoryCluster) -> None:
    parent = TopicName("acme", "parted", "clicks")
    world.cluster.create_partitioned_topic(parent, 10)
    for number in range(10):
        world.cluster.add_closed_ledgers(parent.with_partition(number), 2, entries=10, entry=ENTRY)
    topics = work(world)
    world.asked.clear()

    planned = topics.plan(Scope.of(namespaces=[NamespaceName("acme", "parted")]))
    planning = world.asked.copy()
    run = topics.act(planned)

    assert planning["internal-info"] == 10
    assert planning["offloadPolicies"] == 1
    assert set(outcomes(run).values()) == {Outcome.CONFIRMED}
    # At the end of each run they are asked for again, since they may have changed, unless another one has just done so.
    assert world.asked["offloadPolicies"] <= 1 + 10


@pytest.mark.parametrize("times", [2, 4])
def test_a_topic_whose_bundle_is_being_unloaded_is_left_alone_for_a_while(world: InMemoryCluster, times: int) -> None:
    topics = work(world)
    planned = topics.plan(SCOPE)
    world.cluster.faults.plant(Fault.BUNDLE_UNLOADING, topic=named(3), count=times)
    begun = world.clock.monotonic()

    run = topics.act(planned)

    assert set(outcomes(run).values()) == {Outcome.CONFIRMED}
    assert world.clock.monotonic() - begun > 2


def test_a_bundle_that_is_never_done_with_being_unloaded_is_told_and_nothing_is_sent(world: InMemoryCluster) -> None:
    topics = work(world)
    planned = topics.plan(SCOPE)
    world.cluster.faults.plant(Fault.BUNDLE_UNLOADING, topic=named(3))

    run = topics.act(planned)

    assert {name for name, outcome in outcomes(run).items() if outcome is not Outcome.CONFIRMED} == {"t3"}
    (left,) = (result for result in run.results if result.topic == named(3))
    assert (left.outcome, [reason.code for reason in left.reasons]) == (Outcome.FAILED, ["no-owner"])
    assert "left alone" in left.hint
    assert not any(ledger.context for ledger in world.cluster.metadata[named(3)].ascending)


def test_a_topic_whose_bundle_is_being_unloaded_while_it_is_planned_is_planned_from_its_metadata(
    world: InMemoryCluster,
) -> None:
    world.cluster.faults.plant(Fault.BUNDLE_UNLOADING, topic=named(3), count=1)

    result = work(world).offload.run(named(3))

    assert result.outcome is Outcome.CONFIRMED
    assert result.plan is not None
    assert result.plan.managed_ledger.served


def test_a_bundle_that_is_unloaded_during_the_wait_is_ridden_out(world: InMemoryCluster) -> None:
    class Unloading(Watcher):
        def triggered(self, plan: OffloadPlan, *, joined: bool) -> None:
            world.cluster.faults.plant(Fault.BUNDLE_UNLOADING, topic=plan.topic, count=3)

    topics = work(world, watcher=Unloading())

    run = topics.act(topics.plan(SCOPE))

    assert set(outcomes(run).values()) == {Outcome.CONFIRMED}
