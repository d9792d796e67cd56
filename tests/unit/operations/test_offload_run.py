"""Many topics in one command: partitions stand for their parent, and nobody's failure is anybody else's."""

from dataclasses import dataclass, field

import pytest

from offloadctl.errors import Interrupted, NotFound, UnsupportedTopic
from offloadctl.exitcodes import ExitCode
from offloadctl.model.ledger import OffloadPolicies, OffloadStatus, Position
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Confirmation, MovedLedger, OffloadResult, OffloadWish, Outcome
from offloadctl.operations.offload import ObjectsSeen, Offload, Watcher
from offloadctl.operations.offload_run import OffloadTopics
from offloadctl.ports import Ports
from offloadctl.units import ByteSize
from tests.fake_broker import RUNNING, FakeBroker, VirtualClock

ORDERS, BILLS, GONE = (TopicName("acme", "shop", name) for name in ("orders", "bills", "gone"))


@dataclass
class PartitionedBroker(FakeBroker):
    """Every topic has the same ledgers; `orders` has three partitions, `gone` is not there."""

    triggered: list[TopicName] = field(default_factory=list)

    def partition_count(self, topic: TopicName) -> int:
        if topic == GONE:
            raise NotFound("Topic persistent://acme/shop/gone not found", status=404)
        return 3 if topic == ORDERS else 0

    def trigger_offload(self, topic: TopicName, before: Position) -> None:
        self.triggered.append(topic)
        super().trigger_offload(topic, before)


def whole(topic: TopicName, ledger: MovedLedger, policies: OffloadPolicies | None) -> ObjectsSeen:
    return ObjectsSeen(Confirmation.CONFIRMED, object_bytes=ledger.ledger.size)


def work(broker: FakeBroker, *, watcher: Watcher | None = None, may_load: bool = False) -> OffloadTopics:
    ports, wish = Ports(broker, VirtualClock()), OffloadWish(ByteSize(0))
    # A run that goes on for ever does so here: hours pass in no time.
    offload = Offload(ports, wish, None, whole, watcher or Watcher(), stall_timeout_s=None)
    return OffloadTopics(offload, may_load=may_load)


def nothing_happens(broker: FakeBroker, before: Position) -> None:
    """The broker accepts, and its ledgers stay."""


def test_a_partitioned_topic_is_planned_for_each_partition() -> None:
    run = work(PartitionedBroker()).dry_run([ORDERS])

    (topic,) = run.topics
    assert topic.partitions == 3
    assert [result.topic for result in topic.results] == [ORDERS.with_partition(number) for number in range(3)]
    assert {result.outcome for result in topic.results} == {Outcome.PLANNED}


def test_a_dry_run_sends_nothing_and_loads_nothing() -> None:
    broker = PartitionedBroker()

    run = work(broker).dry_run([ORDERS, BILLS])

    assert (broker.triggers, broker.loading_calls) == ([], 0)
    assert run.dry_run
    assert run.exit_code is ExitCode.OK


def test_a_dry_run_may_load_when_it_is_told_to() -> None:
    broker = PartitionedBroker()

    work(broker, may_load=True).dry_run([BILLS])

    assert broker.loading_calls > 0


def test_a_run_triggers_each_partition_once() -> None:
    broker = PartitionedBroker()

    run = work(broker).run([ORDERS, ORDERS])

    # The second and the third find their ledgers offloaded: the fake has one set of them.
    assert len(broker.triggered) == len(set(broker.triggered))
    assert {result.outcome for result in run.results} <= {Outcome.CONFIRMED, Outcome.NOTHING_TO_DO}
    assert len(run.topics) == 1


def test_a_topic_that_is_not_there_does_not_stop_the_others() -> None:
    run = work(PartitionedBroker()).run([GONE, BILLS])

    gone, bills = run.topics
    assert gone.results[0].outcome is Outcome.FAILED
    assert gone.results[0].reasons[0].code == "not-found"
    assert bills.results[0].outcome is Outcome.CONFIRMED
    assert run.exit_code is ExitCode.FAILED


def test_a_system_topic_is_refused_before_anything_is_sent() -> None:
    broker = PartitionedBroker()

    with pytest.raises(UnsupportedTopic):
        work(broker).run([BILLS, TopicName("acme", "shop", "__change_events")])

    assert broker.triggers == []


def test_ctrl_c_keeps_what_is_finished_and_says_what_was_not_begun() -> None:
    class Impatient(Watcher):
        def finished(self, result: OffloadResult) -> None:
            if result.topic == BILLS:
                raise KeyboardInterrupt

    class Waiting(PartitionedBroker):
        """`bills` is deleted at once; every other run goes on for ever."""

        def offload_status(self, topic: TopicName) -> OffloadStatus:
            if topic == BILLS:
                raise NotFound("gone")
            return RUNNING

    others = [TopicName("acme", "shop", f"more-{number}") for number in range(20)]

    run = work(Waiting(on_trigger=nothing_happens), watcher=Impatient()).run([BILLS, *others])

    outcomes = [result.outcome for result in run.results]
    assert outcomes[0] is Outcome.DELETED
    assert set(outcomes[1:]) == {Outcome.INTERRUPTED, Outcome.NOT_STARTED}
    assert run.interrupted is ExitCode.INTERRUPTED
    assert run.exit_code is ExitCode.INTERRUPTED


def test_an_interrupted_wait_says_that_the_offload_may_still_run() -> None:
    broker = FakeBroker([RUNNING], nothing_happens)
    offload = Offload(Ports(broker, _Stopped(after=3)), OffloadWish(ByteSize(0)), None, whole)

    result = offload.run(BILLS)

    assert result.outcome is Outcome.INTERRUPTED
    assert result.plan is not None
    assert broker.triggers == [Position(33, 0)]


def test_an_interruption_before_the_trigger_sends_nothing() -> None:
    broker = FakeBroker()
    offload = Offload(Ports(broker, _Stopped(after=0)), OffloadWish(ByteSize(0)), None, whole)

    result = offload.run(BILLS)

    assert (result.outcome, broker.triggers) == (Outcome.NOT_STARTED, [])


class _Stopped(VirtualClock):
    """A clock whose sleepers are interrupted after so many sleeps."""

    def __init__(self, *, after: int) -> None:
        super().__init__()
        self._left = after

    def sleep(self, seconds: float) -> None:
        self._left -= 1
        if self._left < 0:
            raise Interrupted("stop")
        super().sleep(seconds)
