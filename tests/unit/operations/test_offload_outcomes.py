"""Each end that a run can have, forced on the simulated cluster; docs/outcomes.md names these tests."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from offloadctl.adapters.memory import ManualClock, MemoryObjectStore
from offloadctl.demo.faults import Fault
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.policies import new_policy
from offloadctl.demo.tuning import Tuning, broker_properties
from offloadctl.errors import Interrupted, StoreFailed
from offloadctl.exitcodes import ExitCode
from offloadctl.model.ledger import OffloadState, Position
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Confirmation, OffloadPlan, OffloadResult, OffloadWish, Outcome
from offloadctl.operations.confirm import ObjectsInStores
from offloadctl.operations.offload import Offload, Watcher
from offloadctl.units import ByteSize

TOPIC = TopicName("acme", "shop", "orders")
SIZE_THRESHOLD = "managedLedgerOffloadThresholdInBytes"
HOUR = 3600.0


@dataclass
class Meanwhile(Watcher):
    """Something happens to the topic once a request was sent, or just before."""

    after: Callable[[], object] = lambda: None
    before: Callable[[], object] = lambda: None
    delays: int = 0

    def planned(self, plan: OffloadPlan) -> None:
        self.before()

    def triggered(self, plan: OffloadPlan, *, joined: bool) -> None:
        self.after()

    def delayed(self, plan: OffloadPlan, attempts: int, pause_s: float) -> None:
        self.delays += 1


def world_of(*, upload_s: float = 1.0, closed: int = 2, served: bool = True) -> InMemoryCluster:
    """One broker, and a topic with so many ledgers that can move; an upload takes so long."""
    tuning = Tuning(upload_rate=1e12, upload_overhead=upload_s, max_entries_per_ledger=10)
    # As the location of a bucket in memory tells it: what is not there is then known to be missing.
    endpoint = {f"{prefix}anagedLedgerOffloadServiceEndpoint": "http://memory" for prefix in ("m", "s3M")}
    world = InMemoryCluster(brokers=("broker-1:8080",), tuning=tuning, properties=endpoint)
    world.cluster.tenants.setdefault("acme", ())
    world.cluster.add_closed_ledgers(TOPIC, closed, entries=10, entry=bytes(1000))
    if served:
        world.cluster.serve(TOPIC)
    return world


def offload(world: InMemoryCluster, watcher: Watcher | None = None, **more: Any) -> Offload:
    ports = world.ports()
    check = ObjectsInStores(ports.stores)
    return Offload(ports, OffloadWish(ByteSize(0)), 2 * HOUR, check, watcher or Watcher(), **more)


def run(world: InMemoryCluster, watcher: Watcher | None = None, **more: Any) -> OffloadResult:
    return offload(world, watcher, **more).run(TOPIC)


def ids(world: InMemoryCluster) -> list[int]:
    return [ledger.ledger_id for ledger in world.cluster.metadata[TOPIC].ascending]


def by_somebody_else(world: InMemoryCluster, before: int) -> None:
    """Another one's run up to that ledger."""
    world.admin().trigger_offload(TOPIC, Position(before, 0))


def met(result: OffloadResult) -> list[Confirmation]:
    return [one.confirmation for one in result.ledgers]


def reasons(result: OffloadResult) -> dict[str, str]:
    return {reason.code: reason.text for reason in result.reasons}


def test_confirmed() -> None:
    result = run(world_of())

    assert (result.outcome, result.exit_code) == (Outcome.CONFIRMED, ExitCode.OK)
    assert met(result) == [Confirmation.CONFIRMED] * 2


def test_done_and_not_confirmed() -> None:
    world = world_of()
    work = offload(world)

    result = replace(work, ports=replace(work.ports, stores=()), check_objects=ObjectsInStores(())).run(TOPIC)

    assert (result.outcome, result.exit_code) == (Outcome.UNCONFIRMED, ExitCode.NOT_COVERED)
    assert "--bucket offload-demo" in result.hint


def test_fewer_than_planned() -> None:
    """The request never arrives, and the broker goes on claiming the success of an earlier run."""
    world = world_of(closed=3)
    first, second, *_ = ids(world)
    by_somebody_else(world, second)
    world.advance(timedelta(seconds=5))
    lost = Meanwhile(before=lambda: world.cluster.faults.plant(Fault.RESET, topic=TOPIC, count=1))

    result = run(world, lost)

    assert (result.outcome, result.exit_code) == (Outcome.FEWER, ExitCode.FAILED)
    assert result.status is not None
    assert result.status.state is OffloadState.SUCCESS
    assert met(result) == [Confirmation.NOT_MOVED] * 2
    assert world.cluster.metadata[TOPIC].ledgers[first].is_offloaded
    assert "run the command again" in result.hint


def test_nothing_to_do() -> None:
    world = world_of()
    run(world)

    result = run(world)

    assert (result.outcome, result.exit_code) == (Outcome.NOTHING_TO_DO, ExitCode.OK)
    assert reasons(result)["already-offloaded"]


def test_joined() -> None:
    """The other run has a smaller boundary, so after it ours is sent too."""
    world = world_of(upload_s=100, closed=3)
    by_somebody_else(world, ids(world)[1])

    result = run(world)

    assert (result.outcome, len(result.ledgers)) == (Outcome.CONFIRMED, 3)
    assert world.asked["offload"] > 2


def test_joined_with_nothing_left_to_send() -> None:
    world = world_of(upload_s=100)
    by_somebody_else(world, ids(world)[-1])

    result = run(world)

    assert (result.outcome, result.joined, result.attempts) == (Outcome.CONFIRMED, True, 1)


def test_accepted_and_busy() -> None:
    world = world_of(upload_s=100)

    accepted = offload(world).run(TOPIC, wait=False)
    busy = offload(world).run(TOPIC, wait=False)

    assert (accepted.outcome, accepted.exit_code) == (Outcome.ACCEPTED, ExitCode.OK)
    assert (busy.outcome, busy.exit_code) == (Outcome.BUSY, ExitCode.FAILED)


def with_automatic_run(upload_s: float) -> InMemoryCluster:
    """A ledger was closed just now, and the broker offloads everything closed by itself."""
    world = world_of(upload_s=upload_s, closed=1)
    world.cluster.namespaces[TOPIC.namespace_name].offload = new_policy(
        {**broker_properties(world.bucket, endpoint="http://memory"), SIZE_THRESHOLD: 0}
    )
    world.cluster.publish(TOPIC, [bytes(1000)] * 11)
    return world


def test_an_automatic_run_in_the_way_is_waited_for_and_asked_again() -> None:
    """What it has left, here a ledger that was closed during it and is not its own, is asked for when it is over."""
    world, watcher = with_automatic_run(upload_s=120), Meanwhile()

    result = run(world, watcher)

    assert (result.outcome, result.exit_code) == (Outcome.CONFIRMED, ExitCode.OK)
    assert watcher.delays > 2
    assert "an automatic run was in the way" in reasons(result)["automatic-run"]


def test_an_automatic_run_in_the_way_for_longer_than_the_wait_is_told_with_the_attempts() -> None:
    result = run(with_automatic_run(upload_s=10 * HOUR), stall_timeout_s=None)

    assert (result.outcome, result.exit_code) == (Outcome.AUTOMATIC_RUN, ExitCode.FAILED)
    assert result.attempts > 10
    assert f"asked {result.attempts} times" in reasons(result)["automatic-run"]
    assert "--timeout" in result.hint


def test_an_automatic_run_that_stands_still_is_given_up() -> None:
    world = world_of(closed=1)
    world.cluster.faults.plant(Fault.STALLED_UPLOAD, topic=TOPIC, count=1)
    world.cluster.namespaces[TOPIC.namespace_name].offload = new_policy(
        {**broker_properties(world.bucket, endpoint="http://memory"), SIZE_THRESHOLD: 0}
    )
    world.cluster.publish(TOPIC, [bytes(1000)] * 11)

    result = run(world)

    assert (result.outcome, result.exit_code) == (Outcome.STALLED, ExitCode.TIMED_OUT)
    assert "automatic-run" in reasons(result)


def test_an_error_is_decoded_and_what_moved_in_spite_of_it_is_told() -> None:
    class Refusing(MemoryObjectStore):
        def put_multipart(self, key: str, *rest: Any, **more: Any) -> None:
            if key.endswith(f"-ledger-{second}"):
                raise StoreFailed("AccessDenied (403)")
            super().put_multipart(key, *rest, **more)

    world = world_of(closed=3)
    first, second, third, _ = ids(world)
    world.store = Refusing(world.bucket, now=world.clock.now)
    world.cluster.stores[world.bucket] = world.store

    result = run(world)

    assert (result.outcome, result.exit_code) == (Outcome.FAILED, ExitCode.FAILED)
    assert met(result) == [Confirmation.CONFIRMED, Confirmation.NOT_MOVED, Confirmation.CONFIRMED]
    assert reasons(result)["moved-in-spite"] == f"of 3 ledgers 2 moved: {first}, {third}; not: {second}"
    assert "refuses the broker's credentials" in reasons(result)["broker-error"]
    assert "doctor iam" in result.hint


def test_unloaded() -> None:
    world = world_of(upload_s=100)

    result = run(world, Meanwhile(after=lambda: world.cluster.unload(TOPIC)))

    assert (result.outcome, result.exit_code) == (Outcome.UNLOADED, ExitCode.FAILED)
    assert result.status is not None
    assert result.status.state is OffloadState.NOT_RUN
    assert "again" in result.hint


def test_running_then_not_run_is_judged_by_the_ledgers() -> None:
    """The run ends, and only then the topic is unloaded: what the broker forgot is in the metadata."""
    world = world_of()

    def ended_and_unloaded() -> None:
        world.advance(timedelta(seconds=10))
        world.cluster.unload(TOPIC)

    result = run(world, Meanwhile(after=ended_and_unloaded))

    assert (result.outcome, result.exit_code) == (Outcome.CONFIRMED, ExitCode.OK)
    assert result.status is not None
    assert result.status.state is OffloadState.NOT_RUN


def test_deleted() -> None:
    world = world_of(upload_s=100)

    result = run(world, Meanwhile(after=lambda: world.cluster.delete_topic(TOPIC)))

    assert (result.outcome, result.exit_code) == (Outcome.DELETED, ExitCode.FAILED)
    assert "left over" in result.hint


def test_trimmed() -> None:
    world = world_of(upload_s=100)

    result = run(world, Meanwhile(after=lambda: world.cluster.truncate(TOPIC)))

    assert (result.outcome, result.exit_code) == (Outcome.TRIMMED, ExitCode.FAILED)
    assert met(result) == [Confirmation.TRIMMED] * 2
    assert "retention" in result.hint


def test_timed_out() -> None:
    result = run(world_of(upload_s=10 * HOUR), stall_timeout_s=None)

    assert (result.outcome, result.exit_code) == (Outcome.TIMED_OUT, ExitCode.TIMED_OUT)
    assert result.hint


@dataclass
class Impatient:
    """The world's clock, and somebody who presses Ctrl-C after so many seconds."""

    clock: ManualClock
    patience_s: float

    def now(self) -> datetime:
        return self.clock.now()

    def monotonic(self) -> float:
        return self.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        if self.clock.monotonic() + seconds > self.patience_s:
            raise Interrupted("interrupted")
        self.clock.sleep(seconds)


def interrupted(world: InMemoryCluster) -> OffloadResult:
    work = offload(world)
    return replace(work, ports=replace(work.ports, clock=Impatient(world.clock, 30))).run(TOPIC)


def test_interrupted() -> None:
    result = interrupted(world_of(upload_s=HOUR))

    assert (result.outcome, result.exit_code) == (Outcome.INTERRUPTED, ExitCode.INTERRUPTED)
    assert "offload-status -w" in result.hint


def test_interrupted_between_two_attempts_nothing_of_ours_is_left_behind() -> None:
    world = with_automatic_run(upload_s=HOUR)

    result = interrupted(world)

    assert (result.outcome, result.attempts > 1) == (Outcome.INTERRUPTED, True)
    assert "nothing of this command runs" in reasons(result)["interrupted"]
    loaded = world.cluster.loaded_topic(TOPIC)
    assert loaded is not None
    assert loaded.run is not None
    assert not loaded.run.manual


@pytest.mark.parametrize("fault", [Fault.TRUNCATED_LEDGER, Fault.LOST_OBJECT, Fault.LOST_INDEX])
def test_damaged(fault: Fault) -> None:
    world = world_of()
    world.cluster.faults.plant(fault, topic=TOPIC, count=1)

    result = run(world)

    assert (result.outcome, result.exit_code) == (Outcome.DAMAGED, ExitCode.DAMAGE)
    assert met(result) == [Confirmation.DAMAGED, Confirmation.CONFIRMED]
    assert "deletion lag" in result.hint


def test_refused() -> None:
    world = world_of()
    ports = replace(world.ports(), admin=world.admin(replace(world.broker_settings, read_only=True)))

    result = replace(offload(world), ports=ports).run(TOPIC)

    assert (result.outcome, result.exit_code) == (Outcome.REFUSED, ExitCode.REFUSED)
    assert list(reasons(result)) == ["read-only-context"]


def test_policies_that_changed_meanwhile_are_a_warning_that_says_what() -> None:
    world = world_of()

    def change() -> None:
        world.clock.sleep(60)
        world.cluster.topic_policies[TOPIC] = new_policy(
            {**broker_properties(world.bucket, endpoint="http://memory"), SIZE_THRESHOLD: 12345}
        )

    result = run(world, Meanwhile(after=change))

    assert (result.outcome, result.exit_code) == (Outcome.CONFIRMED, ExitCode.WARNINGS)
    assert [warning.code for warning in result.warnings] == ["policy-changed"]
    assert "the size threshold was not set and is 12345" in result.warnings[0].text


@pytest.mark.parametrize(
    ("knows_both", "outcome", "code"),
    [(True, Outcome.CONFIRMED, ExitCode.WARNINGS), (False, Outcome.UNCONFIRMED, ExitCode.NOT_COVERED)],
)
def test_a_bucket_that_changed_meanwhile_makes_no_damage_of_what_went_to_the_new_one(
    knows_both: bool, outcome: Outcome, code: ExitCode
) -> None:
    world = world_of()
    other = MemoryObjectStore("the-new-one", now=world.clock.now)
    world.cluster.stores[other.bucket] = other

    def change() -> None:
        world.cluster.topic_policies[TOPIC] = new_policy(broker_properties(other.bucket, endpoint="http://memory"))

    stores = (world.store, other) if knows_both else (world.store,)
    work = replace(offload(world, Meanwhile(before=change)), check_objects=ObjectsInStores(stores))

    result = work.run(TOPIC)

    assert (result.outcome, result.exit_code) == (outcome, code)
    assert "the bucket was offload-demo and is the-new-one" in result.warnings[0].text
