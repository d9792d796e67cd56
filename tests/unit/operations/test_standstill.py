"""A run that the broker calls RUNNING: it moves, waits for one of its broker's threads, or nothing of it moves."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from offloadctl.demo.faults import Fault
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.tuning import Tuning
from offloadctl.exitcodes import ExitCode
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.model.offload import OffloadPlan, OffloadResult, OffloadWish, Outcome
from offloadctl.model.standing import Movement, Standing
from offloadctl.model.status import TopicStatus
from offloadctl.operations.confirm import ObjectsInStores
from offloadctl.operations.offload import Offload, Watcher
from offloadctl.operations.offload_run import OffloadTopics
from offloadctl.operations.status import Status
from offloadctl.ports import MultipartUpload, Ports, UploadPart
from offloadctl.units import ByteSize

ORDERS, BILLS = TopicName("acme", "shop", "orders"), TopicName("acme", "shop", "bills")
BLOCK = 1000
HALF_AN_HOUR = 1800.0


@dataclass
class Standings(Watcher):
    """Every movement that it was told, by topic."""

    told: dict[TopicName, list[Standing]] = field(default_factory=dict)

    def stands(self, plan: OffloadPlan, standing: Standing) -> None:
        self.told.setdefault(plan.topic, []).append(standing)

    def movements(self, topic: TopicName) -> set[Movement]:
        return {one.movement for one in self.told.get(topic, [])}


def world_of(*, upload_s: float = 1.0, threads: int = 2) -> InMemoryCluster:
    """One broker, and two topics with two ledgers of ten parts that can move; an upload takes so long."""
    tuning = Tuning(upload_rate=1e12, upload_overhead=upload_s, offload_threads=threads)
    blocks = {f"{prefix}anagedLedgerOffloadMaxBlockSizeInBytes": BLOCK for prefix in ("m", "s3M")}
    world = InMemoryCluster(brokers=("broker-1:8080",), tuning=tuning, properties=blocks)
    world.cluster.tenants.setdefault("acme", ())
    for topic in (ORDERS, BILLS):
        world.cluster.add_closed_ledgers(topic, 3, entries=20, entry=bytes(500))
    return world


def offload(
    world: InMemoryCluster,
    *,
    ports: Ports | None = None,
    stall_s: float | None = HALF_AN_HOUR,
    timeout_s: float | None = None,
    watcher: Watcher | None = None,
) -> Offload:
    used = ports or world.ports()
    check = ObjectsInStores(used.stores)
    return Offload(used, OffloadWish(ByteSize(0)), timeout_s, check, watcher or Watcher(), stall_timeout_s=stall_s)


def told(result: OffloadResult) -> str:
    return "; ".join(reason.text for reason in result.reasons)


def test_an_upload_that_stops_growing_is_given_up_with_what_has_arrived_of_it() -> None:
    world = world_of(upload_s=600)
    world.cluster.faults.plant(Fault.STALLED_UPLOAD, topic=ORDERS, count=1)
    begun = world.clock.monotonic()

    result = offload(world).run(ORDERS)

    assert (result.outcome, result.exit_code) == (Outcome.STALLED, ExitCode.TIMED_OUT)
    assert "has 5 parts, 4.9 KiB, the last" in told(result)
    assert "this command knows of no other topic at work on broker-1:8080" in told(result)
    assert "the upload was begun and does not go on" in result.hint
    assert f"topics unload {ORDERS}" in result.hint
    # Five parts took five minutes; half an hour after the last one there is no hope.
    assert 2040 < world.clock.monotonic() - begun < 2200


def test_a_task_that_has_died_is_given_up_since_no_upload_was_ever_opened() -> None:
    world = world_of()
    world.cluster.faults.plant(Fault.STUCK_RUNNING, topic=ORDERS, count=1)

    result = offload(world).run(ORDERS)

    assert result.outcome is Outcome.STALLED
    assert "was begun, and no upload of it is open in s3://offload-demo" in told(result)
    assert "credentials" in result.hint


def test_without_a_bucket_it_is_said_that_uploads_were_not_looked_at() -> None:
    world = world_of()
    world.cluster.faults.plant(Fault.STUCK_RUNNING, topic=ORDERS, count=1)

    result = offload(world, ports=replace(world.ports(), stores=())).run(ORDERS)

    assert result.outcome is Outcome.STALLED
    assert "whether an upload of it is open was not looked at: no bucket is configured" in told(result)


def test_a_slow_upload_that_grows_is_waited_for_much_longer_than_a_standstill() -> None:
    world, watcher = world_of(upload_s=2000), Standings()

    result = offload(world, watcher=watcher, stall_s=300).run(ORDERS)

    assert result.outcome is Outcome.CONFIRMED
    assert Movement.MOVING in watcher.movements(ORDERS)
    assert world.clock.monotonic() > 2 * 2000


def test_a_topic_that_waits_for_its_brokers_threads_is_queued_and_not_stalled() -> None:
    """The other topic holds the only thread for longer than a standstill may last, and moves all the time."""
    world, watcher = world_of(upload_s=2500, threads=1), Standings()
    admin = world.admin()
    last = admin.served_ledgers(ORDERS).ledgers[-1].ledger_id
    admin.trigger_offload(ORDERS, Position(last, 0))

    run = OffloadTopics(offload(world, watcher=watcher, stall_s=1800)).run([ORDERS, BILLS])

    assert {one.topic: one.outcome for one in run.results} == {ORDERS: Outcome.CONFIRMED, BILLS: Outcome.CONFIRMED}
    assert Movement.QUEUED in watcher.movements(BILLS)
    (bills,) = (one for one in run.results if one.topic == BILLS)
    assert [reason.code for reason in bills.reasons][-1] == "queued"
    queued = next(one for one in watcher.told[BILLS] if one.movement is Movement.QUEUED)
    assert queued.neighbours.at_work == 1


def test_a_wait_that_ends_while_the_topic_is_queued_says_so() -> None:
    world = world_of(upload_s=1500, threads=1)
    admin = world.admin()
    admin.trigger_offload(ORDERS, Position(admin.served_ledgers(ORDERS).ledgers[-1].ledger_id, 0))

    run = OffloadTopics(offload(world, timeout_s=600)).run([ORDERS, BILLS])

    (bills,) = (one for one in run.results if one.topic == BILLS)
    assert bills.outcome is Outcome.TIMED_OUT
    assert "it waits for an offload thread of its broker" in told(bills)
    assert "wait longer" in bills.hint


def test_behind_an_upload_that_stands_still_nothing_is_queued_for_ever() -> None:
    world = world_of(threads=1)
    world.cluster.faults.plant(Fault.STALLED_UPLOAD, topic=ORDERS, count=1)
    admin = world.admin()
    admin.trigger_offload(ORDERS, Position(admin.served_ledgers(ORDERS).ledgers[-1].ledger_id, 0))

    run = OffloadTopics(offload(world, stall_s=300)).run([ORDERS, BILLS])

    assert {one.outcome for one in run.results} == {Outcome.STALLED}
    assert run.exit_code is ExitCode.TIMED_OUT


def test_a_standstill_costs_a_few_requests_a_minute_and_never_reads_a_part_twice() -> None:
    world = world_of(upload_s=600)
    world.cluster.faults.plant(Fault.STALLED_UPLOAD, topic=ORDERS, count=1)
    asked: list[int] = []

    class Counted:
        """The bucket; what is asked of open uploads is counted."""

        def __getattr__(self, name: str) -> object:
            return getattr(world.store, name)

        def upload_parts(self, upload: MultipartUpload, *, after: int = 0) -> tuple[UploadPart, ...] | None:
            asked.append(after)
            return world.store.upload_parts(upload, after=after)

    ports = replace(world.ports(), stores=(Counted(),))  # type: ignore[arg-type]  # it hands everything on

    offload(world, ports=ports).run(ORDERS)

    minutes = world.clock.monotonic() / 60
    assert minutes < len(asked) < 2.5 * minutes
    assert asked == sorted(asked)
    assert asked[-1] == 5


@pytest.mark.parametrize("stall_s", [None, HALF_AN_HOUR])
def test_a_timeout_comes_before_a_standstill_that_is_not_long_enough(stall_s: float | None) -> None:
    world = world_of()
    world.cluster.faults.plant(Fault.STUCK_RUNNING, topic=ORDERS, count=1)

    result = offload(world, stall_s=stall_s, timeout_s=300).run(ORDERS)

    assert result.outcome is Outcome.TIMED_OUT
    assert "nothing of it has moved for 5m" in told(result)


def test_where_two_topics_stand_still_no_more_of_their_namespace_are_asked_for() -> None:
    """Two are sent at once, so when the first of them is given up one more may take its place."""
    world = world_of()
    more = [TopicName("acme", "shop", f"more-{number}") for number in range(3)]
    elsewhere = TopicName("acme", "office", "letters")
    for topic in (*more, elsewhere):
        world.cluster.add_closed_ledgers(topic, 2, entries=10, entry=bytes(500))
    for topic in (ORDERS, BILLS, *more):
        world.cluster.faults.plant(Fault.STUCK_RUNNING, topic=topic)

    run = OffloadTopics(offload(world, stall_s=300)).run([ORDERS, BILLS, *more, elsewhere])

    by_outcome: dict[Outcome, set[TopicName]] = {}
    for result in run.results:
        by_outcome.setdefault(result.outcome, set()).add(result.topic)
    stalled, left = by_outcome[Outcome.STALLED], by_outcome[Outcome.FAILED]
    assert stalled | left == {ORDERS, BILLS, *more}
    assert 2 <= len(stalled) <= 3
    assert by_outcome[Outcome.CONFIRMED] == {elsewhere}
    for result in run.results:
        if result.topic in left:
            assert " stand still" in told(result)
            assert not any(ledger.context for ledger in world.cluster.metadata[result.topic].ascending)


# -- what a status tells of it, by one look


def begin(world: InMemoryCluster, topic: TopicName, *, fault: Fault | None = None) -> None:
    """Somebody else's run."""
    if fault is not None:
        world.cluster.faults.plant(fault, topic=topic, count=1)
    admin = world.admin()
    admin.trigger_offload(topic, Position(admin.served_ledgers(topic).ledgers[-1].ledger_id, 0))


def standings(world: InMemoryCluster, *, look_at_objects: bool = True) -> dict[TopicName, Standing]:
    report = Status(world.ports(), may_load=True, look_at_objects=look_at_objects).report([ORDERS, BILLS])
    parts = [part for part in report.parts if isinstance(part, TopicStatus)]
    return {part.topic: part.standing for part in parts if part.standing is not None}


def test_a_status_tells_how_long_an_upload_has_stood_still_though_nobody_has_watched_it() -> None:
    world = world_of(upload_s=600)
    begin(world, ORDERS, fault=Fault.STALLED_UPLOAD)
    world.advance(timedelta(seconds=300))
    world.advance(timedelta(seconds=1000))

    found = standings(world)

    assert set(found) == {ORDERS}
    assert (found[ORDERS].movement, found[ORDERS].is_stalled) == (Movement.STANDING_STILL, False)
    assert found[ORDERS].still_s == pytest.approx(1000)
    writing = found[ORDERS].writing
    assert writing is not None
    assert (writing.parts, writing.size) == (5, 5000)


def test_a_status_of_two_topics_tells_which_one_waits_for_the_other() -> None:
    world = world_of(upload_s=600, threads=1)
    begin(world, ORDERS)
    begin(world, BILLS)
    world.advance(timedelta(seconds=250))

    found = standings(world)

    assert {topic: one.movement for topic, one in found.items()} == {
        ORDERS: Movement.MOVING,
        BILLS: Movement.QUEUED,
    }
    assert found[BILLS].neighbours.at_work == 1


def test_a_status_that_is_not_to_look_at_objects_says_that_it_did_not() -> None:
    world = world_of()
    begin(world, ORDERS, fault=Fault.STUCK_RUNNING)
    world.advance(timedelta(hours=1))

    found = standings(world, look_at_objects=False)

    assert found[ORDERS].is_stalled
    writing = found[ORDERS].writing
    assert writing is not None
    assert writing.not_seen == "no object was to be looked at"
