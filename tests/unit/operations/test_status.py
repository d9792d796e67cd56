"""The claim beside the truth, without disturbing anybody."""

from dataclasses import dataclass, field
from uuid import UUID

import pytest

from offloadctl.adapters.memory import MemoryObjectStore
from offloadctl.errors import NotAuthorised, NotFound, StoreDenied
from offloadctl.exitcodes import ExitCode
from offloadctl.format.keys import data_key, index_key
from offloadctl.model.ledger import OffloadState, OffloadStatus
from offloadctl.model.names import TopicName
from offloadctl.model.status import Amount, Bound, TopicStatus, UnreadTopic
from offloadctl.operations.status import Status
from offloadctl.plan.storage import doubly_stored, stored_in_s3
from offloadctl.ports import ObjectInfo, ObjectStore, Ports
from offloadctl.report.origin import Origin
from offloadctl.report.status import status_document
from offloadctl.units import ByteSize
from tests.fake_broker import RUNNING, SUCCESS, FakeBroker, VirtualClock

TOPIC = TopicName("public", "rec", "t1")
GONE = TopicName("public", "rec", "gone")
ERROR = OffloadStatus(OffloadState.ERROR, "Read timed out")


@dataclass
class Broker(FakeBroker):
    """Serves the topic, unless a test says otherwise; does not know `gone`."""

    served: frozenset[TopicName] = frozenset({TOPIC})
    may_list: bool = True
    listed: int = 0
    known: list[TopicName] = field(default_factory=list)

    def served_topics(self) -> frozenset[TopicName]:
        self.listed += 1
        if not self.may_list:
            raise NotAuthorised("only for super users", status=403)
        return self.served

    def partition_count(self, topic: TopicName) -> int:
        if topic == GONE:
            raise NotFound("no such topic", status=404)
        return 0


def look(broker: FakeBroker, *stores: ObjectStore, may_load: bool = False) -> Status:
    return Status(Ports(broker, VirtualClock(), stores), may_load=may_load)


def one(broker: FakeBroker, *stores: ObjectStore, may_load: bool = False) -> TopicStatus:
    (part,) = look(broker, *stores, may_load=may_load).report([TOPIC]).parts
    assert isinstance(part, TopicStatus)
    return part


IMPLIED = {31: 128 + 12 * 1000 + 1_046_762, 32: 128 + 12 * 1000 + 1_048_000}
"""The size of each ledger's data object: one block."""


def bucket(
    *ledger_ids: int, size: int | None = None, index: bool = True, name: str = "pulsar-offload-bucket"
) -> MemoryObjectStore:
    store = MemoryObjectStore(name)
    for ledger_id in ledger_ids:
        data = b"x" * (IMPLIED[ledger_id] if size is None else size)
        store.put(data_key(UUID(int=ledger_id), ledger_id), data, user_metadata={}, content_type="x")
        if index:
            store.put(index_key(UUID(int=ledger_id), ledger_id), b"i", user_metadata={}, content_type="x")
    return store


def test_a_served_topic_is_asked_and_its_ledgers_are_counted() -> None:
    broker = Broker([SUCCESS])
    broker.finish(31)

    status = one(broker)

    assert status.claim == SUCCESS
    assert [ledger.ledger_id for ledger in status.offloaded] == [31]
    assert [ledger.ledger_id for ledger in status.eligible] == [32]
    assert status.open_size == 524_000


@pytest.mark.parametrize(
    "broker", [Broker(served=frozenset()), Broker(may_list=False)], ids=["idle", "no right to ask"]
)
def test_an_idle_topic_is_left_alone_and_what_it_hides_is_unknown(broker: Broker) -> None:
    broker.finish(31)

    status = one(broker)

    assert (broker.loading_calls, status.claim, status.open_size) == (0, None, None)
    assert [ledger.ledger_id for ledger in status.begun] == [31]
    assert [ledger.ledger_id for ledger in status.eligible] == [32]


def test_an_idle_topic_is_loaded_when_that_is_allowed() -> None:
    broker = Broker([SUCCESS], served=frozenset())

    assert one(broker, may_load=True).claim == SUCCESS
    assert broker.listed == 0


def test_which_topics_are_served_is_asked_once_for_all() -> None:
    broker = Broker([SUCCESS])

    look(broker).report([TOPIC, TopicName("public", "rec", "t2"), TopicName("public", "rec", "t3")])

    assert broker.listed == 1


def test_a_topic_that_is_not_there_is_told_and_does_not_stop_the_others() -> None:
    report = look(Broker([SUCCESS])).report([GONE, TOPIC])

    gone, there = report.parts
    assert isinstance(gone, UnreadTopic)
    assert gone.reason.code == "not-found"
    assert isinstance(there, TopicStatus)
    assert report.exit_code is ExitCode.FAILED


def test_the_bucket_tells_the_sizes_of_the_data_objects() -> None:
    broker = Broker([SUCCESS])
    broker.finish(31, 32)

    status = one(broker, bucket(31, 32))

    assert [(found.ledger_id, found.size) for found in status.objects or ()] == list(IMPLIED.items())
    assert status.exit_code is ExitCode.OK


def test_a_data_object_that_is_not_there_is_a_warning() -> None:
    broker = Broker([SUCCESS])
    broker.finish(31, 32)

    status = one(broker, bucket(31))

    assert [found.ledger_id for found in status.missing_objects] == [32]
    assert status.exit_code is ExitCode.WARNINGS


def test_an_index_object_that_is_not_there_is_missing_too() -> None:
    broker = Broker([SUCCESS])
    broker.finish(31)

    status = one(broker, bucket(31, index=False))

    assert [found.ledger_id for found in status.missing_objects] == [31]


@pytest.mark.parametrize("size", [IMPLIED[31] - 1, 0])
def test_a_data_object_that_is_too_small_for_its_ledger_is_odd(size: int) -> None:
    broker = Broker([SUCCESS])
    broker.finish(31)

    status = one(broker, bucket(31, size=size))

    assert [found.ledger_id for found in status.odd_sizes] == [31]
    assert status.exit_code is ExitCode.WARNINGS


def test_after_a_failure_of_the_store_the_rest_counts_as_not_seen() -> None:
    class Failing(MemoryObjectStore):
        def head(self, key: str) -> ObjectInfo | None:
            raise StoreDenied("AccessDenied")

    broker = Broker([SUCCESS])
    broker.finish(31, 32)

    status = one(broker, Failing("pulsar-offload-bucket"))

    assert status.not_covered == ("AccessDenied (and 1 more not looked at)",)


def test_what_is_in_no_configured_bucket_may_be_in_the_one_that_the_broker_writes_to() -> None:
    broker = Broker([SUCCESS])
    broker.finish(31)

    status = one(broker, MemoryObjectStore("another"))

    assert status.missing_objects == ()
    assert "pulsar-offload-bucket" in status.not_covered[0]
    assert status.exit_code is ExitCode.NOT_COVERED


@pytest.mark.parametrize("todays", [True, False], ids=["today's bucket is configured", "today's bucket is not"])
def test_ledgers_that_were_offloaded_to_an_earlier_bucket_are_found_there(todays: bool) -> None:
    broker = Broker([SUCCESS])
    broker.finish(31, 32)
    earlier = bucket(31, 32, name="earlier")

    status = one(broker, *([bucket()] if todays else []), earlier)

    assert (status.missing_objects, status.not_covered) == ((), ())
    assert [(found.ledger_id, found.size) for found in status.objects or ()] == list(IMPLIED.items())


def test_half_a_ledger_in_any_bucket_is_missing_the_other_half() -> None:
    broker = Broker([SUCCESS])
    broker.finish(31)

    status = one(broker, bucket(31, name="earlier", index=False))

    assert [found.ledger_id for found in status.missing_objects] == [31]


def test_a_bucket_that_cannot_be_read_is_not_covered_and_nothing_counts_as_missing() -> None:
    class Denied(MemoryObjectStore):
        def head(self, key: str) -> ObjectInfo | None:
            raise StoreDenied("AccessDenied")

    broker = Broker([SUCCESS])
    broker.finish(31)

    status = one(broker, Denied("pulsar-offload-bucket"))

    assert (status.missing_objects, status.not_covered) == ((), ("AccessDenied",))


def test_waiting_ends_with_the_run_and_shows_the_status_after_it() -> None:
    broker = Broker([RUNNING, RUNNING, SUCCESS])

    report = look(broker).report_when_done([TOPIC], 600)

    (status,) = report.parts
    assert isinstance(status, TopicStatus)
    assert (status.claim, report.exit_code) == (SUCCESS, ExitCode.OK)


def test_waiting_for_a_run_that_fails_is_a_failure() -> None:
    assert look(Broker([RUNNING, ERROR])).report_when_done([TOPIC], 600).exit_code is ExitCode.FAILED


def test_waiting_has_an_end() -> None:
    assert look(Broker([RUNNING])).report_when_done([TOPIC], 60).exit_code is ExitCode.TIMED_OUT


def test_where_nothing_runs_nobody_waits() -> None:
    broker = Broker([SUCCESS])

    assert look(broker).report_when_done([TOPIC], 600).exit_code is ExitCode.OK


def test_of_an_idle_topic_the_objects_that_are_there_are_a_lower_bound_and_none_is_missing() -> None:
    broker = Broker(served=frozenset())
    broker.finish(31, 32)

    status = one(broker, bucket(31))

    assert (status.missing_objects, status.odd_sizes, status.exit_code) == ((), (), ExitCode.OK)
    assert stored_in_s3(status) == Amount(ByteSize(IMPLIED[31]), Bound.AT_LEAST)
    assert doubly_stored(status) == Amount(ByteSize(1_046_762 + 1_048_000), Bound.AT_MOST)


@dataclass
class Interrupting(Broker):
    """Ctrl-C comes while the second topic is read."""

    def partition_count(self, topic: TopicName) -> int:
        if topic.local_name == "t2":
            raise KeyboardInterrupt
        return 0


def test_what_an_interruption_left_unread_is_listed() -> None:
    names = [TopicName("public", "rec", f"t{number}") for number in range(1, 30)]

    report = look(Interrupting([SUCCESS])).report(names)

    unread = [part for part in report.parts if isinstance(part, UnreadTopic)]
    assert [group.topic for group in report.groups] == names
    assert names[1] in [part.topic for part in unread]
    assert {part.reason.code for part in unread} == {"interrupted"}
    assert report.exit_code is ExitCode.INTERRUPTED
    assert status_document(report, Origin("prod")).interrupted


@dataclass
class InterruptedWait(Broker):
    """Two topics run for ever; Ctrl-C comes while the second one is polled."""

    asked: list[TopicName] = field(default_factory=list)

    def offload_status(self, topic: TopicName) -> OffloadStatus:
        self.asked.append(topic)
        if topic.local_name == "t2" and self.asked.count(topic) == 2:
            raise KeyboardInterrupt
        return RUNNING


def test_an_interrupted_wait_shows_the_status_of_that_moment() -> None:
    names = [TOPIC, TopicName("public", "rec", "t2")]

    report = look(InterruptedWait(), may_load=True).report_when_done(names, None)

    assert [type(part) for part in report.parts] == [TopicStatus, TopicStatus]
    assert (report.waited, report.exit_code) == (ExitCode.INTERRUPTED, ExitCode.INTERRUPTED)
