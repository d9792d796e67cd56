"""Checking a topic's ledgers: what is told, what is looked at twice, and what counts as not looked at."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from offloadctl.adapters.memory import MemoryObjectStore
from offloadctl.errors import BrokerUnreachable, NotFound, ObjectArchived, StoreDenied, UnsupportedTopic, UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.format.keys import data_key, index_key
from offloadctl.model.check import CheckReport, CheckStatus, LedgerCheck, Level, TopicCheck, Verdict
from offloadctl.model.ledger import OffloadPolicies, StoredLedger, StoredLedgers
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.scope import Listed
from offloadctl.operations.check import Check, CheckWatcher
from offloadctl.ports import ObjectInfo, Ports
from offloadctl.units import ByteSize
from tests.fake_broker import FakeBroker, VirtualClock
from tests.golden_objects import offloaded_objects, topics

TOPIC = TopicName("public", "corpus", "plain")
BUCKET = "pulsar-offload-bucket"
IDS = (45, 46, 47)


def recorded_broker(policies: OffloadPolicies | BrokerUnreachable | None = None) -> "CorpusBroker":
    """The broker of the recorded topic `plain`: three ledgers in S3 and an open one."""
    ledgers = {}
    for one in topics()["plain"]["managed_ledger_info"]["ledgers"]:
        number, uuid = one["ledgerId"], one.get("offloadedContextUuid")
        size = ByteSize(one["size"]) if "size" in one else None
        closed_at = datetime.fromtimestamp(one["timestamp"] / 1000, UTC)
        ledgers[number] = StoredLedger(number, one.get("entries"), size, closed_at, UUID(uuid) if uuid else None)
    broker = CorpusBroker(ledgers=ledgers, complete=set(IDS))
    if policies is not None:
        broker.policies = policies
    return broker


@dataclass
class CorpusBroker(FakeBroker):
    """Its topic may be gone, its metadata may change with each reading."""

    policies: OffloadPolicies | BrokerUnreachable = field(
        default_factory=lambda: OffloadPolicies(driver="S3", bucket=BUCKET, deletion_lag_ms=14_400_000)
    )
    is_gone: bool = False
    on_read: Callable[["CorpusBroker", int], None] = lambda broker, number: None
    reads: int = 0

    def stored_ledgers(self, topic: TopicName) -> StoredLedgers:
        if topic != TOPIC:
            raise NotFound(f"there is no topic {topic}")
        return super().stored_ledgers(topic)

    def topics(self, namespace: NamespaceName) -> Listed[TopicName]:
        return Listed((TOPIC,) if namespace == TOPIC.namespace_name else ())

    def served_ledgers(self, topic: TopicName) -> Any:
        self.reads += 1
        self.on_read(self, self.reads)
        if self.is_gone:
            raise NotFound(f"there is no topic {topic}")
        return super().served_ledgers(topic)

    def offload_policies(self, topic: TopicName) -> OffloadPolicies:
        if isinstance(self.policies, BrokerUnreachable):
            raise self.policies
        return self.policies

    def keys(self, ledger_id: int) -> tuple[str, str]:
        uuid = self.ledgers[ledger_id].context_uuid
        assert uuid is not None
        return data_key(uuid, ledger_id), index_key(uuid, ledger_id)

    def data_key(self, ledger_id: int) -> str:
        return self.keys(ledger_id)[0]


class Bucket(MemoryObjectStore):
    """The recorded objects; a test may listen to each question, answer it with an error, or change the world."""

    def __init__(self, bucket: str = BUCKET, *, holding: bool = True) -> None:
        super().__init__(bucket)
        self.asked: list[str] = []
        self.before: Callable[[str, str], None] = lambda what, key: None
        for one in offloaded_objects() if holding else ():
            self.put(one.key, one.body, user_metadata=one.metadata, content_type="")

    def head(self, key: str) -> ObjectInfo | None:
        self._tell("head", key)
        return super().head(key)

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes | None:
        self._tell("read", key)
        return super().read(key, start=start, length=length)

    def change(self, key: str, at: int, new: bytes) -> None:
        """Overwrite some bytes, keeping the user metadata."""
        stored = self._objects[key]
        data = stored.data[:at] + new + stored.data[at + len(new) :]
        self.put(key, data, user_metadata=stored.info.user_metadata, content_type="")

    def _tell(self, what: str, key: str) -> None:
        self.asked.append(f"{what} {key.partition('-ledger-')[2]}")
        self.before(what, key)


def check(
    broker: CorpusBroker,
    *stores: MemoryObjectStore,
    level: Level = Level.BLOCKS,
    may_load: bool = True,
    **how: Any,
) -> CheckReport:
    ports = Ports(broker, VirtualClock(), stores)
    return Check(ports, level, may_load=may_load, **how).report([TOPIC])


def codes(report: CheckReport) -> list[str]:
    return [finding.code for finding in report.findings]


def verdicts(report: CheckReport) -> list[Verdict]:
    return [one.verdict for one in report.ledgers]


# -- what is sound


@pytest.mark.parametrize("level", Level)
def test_a_recorded_topic_is_sound_and_covered(level: Level) -> None:
    report = check(recorded_broker(), Bucket(), level=level)

    assert (report.exit_code, report.status, codes(report)) == (ExitCode.OK, CheckStatus.FULL, [])
    assert verdicts(report) == [Verdict.SOUND] * 3
    coverage = report.coverage
    assert (coverage.topics, coverage.topics_read, coverage.ledgers, coverage.ledgers_covered) == (1, 1, 3, 3)
    assert coverage.object_bytes == 3 * (5088 + 204)
    assert (coverage.counts.entries if coverage.counts else None) == (60 if level.includes(Level.ENTRIES) else None)


def test_nothing_but_the_known_keys_is_asked_for_and_nothing_is_listed() -> None:
    bucket = Bucket()
    bucket.list = None  # type: ignore[method-assign, assignment]

    check(recorded_broker(), bucket, level=Level.INDEX)

    assert sorted(bucket.asked) == sorted(
        question
        for number in IDS
        for question in (
            f"head {number}",
            f"head {number}-index",
            f"read {number}-index",
            f"read {number}",
        )
    )


def test_ledgers_that_are_not_in_s3_are_counted_and_not_looked_at() -> None:
    broker = recorded_broker()
    broker.complete.discard(46)
    broker.ledgers[47] = replace(broker.ledgers[47], context_uuid=None)
    broker.complete.discard(47)

    report = check(broker, Bucket())

    (part,) = report.parts
    assert isinstance(part, TopicCheck)
    assert [one.ledger.ledger_id for one in part.ledgers] == [45]
    assert (part.in_flight, part.local) == (1, 2)
    assert report.exit_code is ExitCode.OK


def test_the_watcher_is_told_of_each_ledger() -> None:
    class Told(CheckWatcher):
        def __init__(self) -> None:
            self.total, self.done = 0, list[int]()

        def begins(self, ledgers: Any) -> None:
            self.total = len(ledgers)

        def looked_at(self, one: LedgerCheck) -> None:
            self.done.append(one.ledger.ledger_id)

    told = Told()

    check(recorded_broker(), Bucket(), watcher=told)

    assert (told.total, sorted(told.done)) == (3, list(IDS))


# -- missing, or somewhere else


@pytest.mark.parametrize(("gone", "code"), [((0,), "data-missing"), ((1,), "index-missing"), ((0, 1), "data-missing")])
def test_missing_in_the_bucket_of_the_policies_is_damage(gone: tuple[int, ...], code: str) -> None:
    broker, bucket = recorded_broker(), Bucket()
    for which in gone:
        bucket.delete(broker.keys(46)[which])

    report = check(broker, bucket)

    assert (report.exit_code, codes(report)) == (ExitCode.DAMAGE, [code])
    assert verdicts(report) == [Verdict.SOUND, Verdict.DAMAGED, Verdict.SOUND]
    assert BUCKET in report.findings[0].found


@pytest.mark.parametrize(
    "policies", [OffloadPolicies(driver="S3", bucket="new-bucket"), OffloadPolicies(), BrokerUnreachable("no answer")]
)
def test_nothing_in_the_known_buckets_is_a_warning_where_the_brokers_bucket_is_another_one(policies: Any) -> None:
    broker, bucket = recorded_broker(policies), Bucket()
    for key in broker.keys(46):
        bucket.delete(key)

    report = check(broker, bucket)

    assert (report.exit_code, codes(report)) == (ExitCode.NOT_COVERED, ["objects-not-found"])
    assert verdicts(report)[1] is Verdict.NOT_COVERED
    assert report.status is CheckStatus.PARTIAL


@pytest.mark.parametrize(("which", "code"), [(0, "data-missing"), (1, "index-missing")])
def test_one_object_tells_where_the_other_one_must_be(which: int, code: str) -> None:
    broker, bucket = recorded_broker(OffloadPolicies()), Bucket()
    bucket.delete(broker.keys(46)[which])

    report = check(broker, Bucket("first", holding=False), bucket)

    assert (report.exit_code, codes(report)) == (ExitCode.DAMAGE, [code])


def test_missing_means_in_none_of_the_buckets() -> None:
    broker, old, new = recorded_broker(), Bucket("old-bucket"), Bucket()
    for number in (45, 46):
        for key in broker.keys(number):
            new.delete(key)
    for key in broker.keys(46):
        old.delete(key)

    report = check(broker, old, new)

    assert [one.bucket for one in report.ledgers] == ["old-bucket", "", BUCKET]
    assert codes(report) == ["data-missing"]
    assert all(bucket in report.findings[0].found for bucket in ("old-bucket", BUCKET))


def test_the_bucket_of_the_policies_is_looked_into_first() -> None:
    other = Bucket("another", holding=False)

    check(recorded_broker(), other, Bucket())

    assert other.asked == []


# -- idle topics


def test_of_an_idle_topic_sound_objects_are_covered_and_completeness_is_said_to_be_unknown() -> None:
    broker = recorded_broker()

    report = check(broker, Bucket(), may_load=False)

    assert (report.exit_code, report.status) == (ExitCode.OK, CheckStatus.FULL)
    assert report.coverage.completeness_unknown == 3
    assert broker.loading_calls == 0


def test_of_an_idle_topic_what_is_missing_is_not_judged_and_not_covered() -> None:
    broker, bucket = recorded_broker(), Bucket()
    bucket.delete(broker.data_key(46))

    report = check(broker, bucket, may_load=False)

    assert (report.exit_code, codes(report)) == (ExitCode.NOT_COVERED, [])
    assert "--load-topics" in report.coverage.reasons[0]


def test_of_an_idle_topic_damaged_bytes_are_damage_all_the_same() -> None:
    broker, bucket = recorded_broker(), Bucket()
    bucket.change(broker.data_key(46), 0, b"\0\0\0\0")

    report = check(broker, bucket, may_load=False)

    assert (report.exit_code, codes(report)) == (ExitCode.DAMAGE, ["block-header"])


# -- looked at twice


def test_a_ledger_that_was_trimmed_meanwhile_is_no_finding() -> None:
    broker, bucket = recorded_broker(), Bucket()

    def trim(what: str, key: str) -> None:
        # The broker takes it out of the metadata first.
        if key == broker_keys[46][0] and 46 in broker.ledgers:
            del broker.ledgers[46]
            broker.complete.discard(46)
            for each in broker_keys[46]:
                bucket.delete(each)

    broker_keys = {number: broker.keys(number) for number in IDS}
    bucket.before = trim

    report = check(broker, bucket)

    assert (report.exit_code, codes(report), report.status) == (ExitCode.OK, [], CheckStatus.FULL)
    assert (report.coverage.ledgers, report.coverage.ledgers_trimmed) == (2, 1)
    assert verdicts(report)[1] is Verdict.TRIMMED


def test_a_topic_that_was_deleted_meanwhile_is_no_finding() -> None:
    broker, bucket = recorded_broker(), Bucket()

    def delete(what: str, key: str) -> None:
        broker.is_gone = True
        for number in IDS:
            for each in broker.keys(number):
                MemoryObjectStore.delete(bucket, each)

    bucket.before = delete

    report = check(broker, bucket)

    assert (report.exit_code, codes(report)) == (ExitCode.OK, [])
    assert report.coverage.ledgers_trimmed == 3


def test_a_ledger_that_was_offloaded_anew_meanwhile_is_looked_at_under_its_new_name() -> None:
    broker, bucket = recorded_broker(), Bucket()
    old, new = broker.keys(46), UUID(int=46)

    def offload_anew(what: str, key: str) -> None:
        if key == old[0] and broker.ledgers[46].context_uuid != new:
            broker.ledgers[46] = replace(broker.ledgers[46], context_uuid=new)
            for before, after in zip(old, broker.keys(46), strict=True):
                stored = bucket._objects[before]
                bucket.put(after, stored.data, user_metadata=stored.info.user_metadata, content_type="")
                bucket.delete(before)

    bucket.before = offload_anew

    report = check(broker, bucket)

    assert (report.exit_code, codes(report)) == (ExitCode.OK, [])
    assert report.ledgers[1].ledger.context_uuid == new


def test_an_object_that_was_put_right_between_two_looks_is_no_finding() -> None:
    broker, bucket = recorded_broker(), Bucket()
    key = broker.data_key(46)
    right = bucket._objects[key].data[:4]
    bucket.change(key, 0, b"\0\0\0\0")
    heads = []

    def put_right(what: str, asked: str) -> None:
        heads.extend([asked] if (what, asked) == ("head", key) else [])
        if len(heads) == 2 and bucket._objects[key].data[:4] != right:
            bucket.change(key, 0, right)

    bucket.before = put_right

    report = check(broker, bucket)

    assert (report.exit_code, codes(report)) == (ExitCode.OK, [])


def test_an_object_that_shows_up_late_is_no_finding() -> None:
    broker, bucket = recorded_broker(), Bucket()
    key = broker.data_key(46)
    stored = bucket._objects.pop(key)
    clock = VirtualClock()

    def show_up(what: str, asked: str) -> None:
        if clock.elapsed:
            bucket._objects[key] = stored

    bucket.before = show_up

    report = Check(Ports(broker, clock, (bucket,)), may_load=True).report([TOPIC])

    assert (report.exit_code, codes(report)) == (ExitCode.OK, [])


def test_what_changes_with_each_look_is_not_covered() -> None:
    broker, bucket = recorded_broker(), Bucket()
    key = broker.data_key(46)
    numbers: Iterator[int] = iter(range(1, 1000))

    def rewrite(what: str, asked: str) -> None:
        if (what, asked) == ("head", key):
            bucket.change(key, 0, next(numbers).to_bytes(4))

    bucket.before = rewrite

    report = check(broker, bucket)

    assert (report.exit_code, codes(report)) == (ExitCode.NOT_COVERED, [])
    assert "they changed with each look" in report.coverage.reasons[0]


def test_without_a_second_look_nothing_is_told_but_that_something_was_seen() -> None:
    broker, bucket = recorded_broker(), Bucket()
    bucket.delete(broker.data_key(46))

    def fail_later(one: CorpusBroker, number: int) -> None:
        if number > 2:
            raise BrokerUnreachable("no answer")

    broker.on_read = fail_later

    report = check(broker, bucket)

    assert (report.exit_code, codes(report)) == (ExitCode.NOT_COVERED, [])
    assert "data-missing seen, but not confirmed by a second look: no answer" in report.coverage.reasons[0]


# -- what cannot be reached


def test_an_object_that_may_not_be_read_stops_nothing_and_is_not_sound() -> None:
    broker, bucket = recorded_broker(), Bucket()

    def deny(what: str, key: str) -> None:
        if (what, key) == ("read", broker.data_key(46)):
            raise StoreDenied(f"cannot read {key}: AccessDenied")

    bucket.before = deny

    report = check(broker, bucket)

    assert (report.exit_code, report.status) == (ExitCode.NOT_COVERED, CheckStatus.PARTIAL)
    assert verdicts(report) == [Verdict.SOUND, Verdict.NOT_COVERED, Verdict.SOUND]
    assert report.coverage.ledgers_covered == 2
    assert "AccessDenied" in report.coverage.reasons[0]


def test_damage_is_told_even_where_the_rest_may_not_be_read() -> None:
    broker, bucket = recorded_broker(), Bucket()
    bucket.change(broker.keys(45)[1], 0, b"\0\0\0\0")

    def deny(what: str, key: str) -> None:
        if (what, key) == ("read", broker.data_key(46)):
            raise StoreDenied("cannot read it")

    bucket.before = deny

    report = check(broker, bucket)

    assert (report.exit_code, codes(report)) == (ExitCode.DAMAGE, ["index-corrupt"])
    assert report.status is CheckStatus.PARTIAL


@pytest.mark.parametrize("which", [0, 1])
def test_an_archived_object_is_damage_even_where_only_reading_tells(which: int) -> None:
    broker, bucket = recorded_broker(), Bucket()

    def refuse(what: str, key: str) -> None:
        if (what, key) == ("read", broker.keys(46)[which]):
            raise ObjectArchived("the object is archived (INTELLIGENT_TIERING)")

    bucket.before = refuse

    report = check(broker, bucket)

    assert (report.exit_code, codes(report)) == (ExitCode.DAMAGE, ["archived"])
    assert report.findings[0].key == broker.keys(46)[which]
    assert report.status is CheckStatus.PARTIAL


def test_a_store_that_answers_nothing_is_a_failure() -> None:
    bucket = Bucket()

    def deny(what: str, key: str) -> None:
        raise StoreDenied("AccessDenied")

    bucket.before = deny

    report = check(recorded_broker(), bucket)

    assert (report.exit_code, report.status) == (ExitCode.FAILED, CheckStatus.FAILED)


def test_one_topic_that_cannot_be_read_is_not_covered_and_the_others_are() -> None:
    ports = Ports(recorded_broker(), VirtualClock(), (Bucket(),))
    nowhere = TopicName("public", "corpus", "nowhere")

    report = Check(ports, may_load=False).report([TOPIC, nowhere])

    assert (report.exit_code, report.status) == (ExitCode.NOT_COVERED, CheckStatus.PARTIAL)
    assert (report.coverage.topics, report.coverage.topics_read) == (2, 1)
    assert "there is no topic" in report.coverage.reasons[0]


def test_without_a_bucket_or_for_a_system_topic_nothing_is_begun() -> None:
    broker = recorded_broker()

    with pytest.raises(UsageError, match="no bucket"):
        check(broker)
    with pytest.raises(UnsupportedTopic):
        Check(Ports(broker, VirtualClock(), (Bucket(),))).report([TopicName("public", "corpus", "__change_events")])
    assert broker.reads == 0


# -- swapped


def swap(bucket: Bucket, one: str, other: str) -> None:
    first, second = bucket._objects[one], bucket._objects[other]
    bucket.put(one, second.data, user_metadata=second.info.user_metadata, content_type="")
    bucket.put(other, first.data, user_metadata=first.info.user_metadata, content_type="")


@pytest.mark.parametrize("level", [Level.BLOCKS, Level.ENTRIES])
def test_two_ledgers_with_swapped_data_are_found_by_their_times(level: Level) -> None:
    broker, bucket = recorded_broker(), Bucket()
    swap(bucket, broker.data_key(45), broker.data_key(46))

    report = check(broker, bucket, level=level)

    assert (report.exit_code, codes(report)) == (ExitCode.WARNINGS, ["ledger-time", "ledger-time"])
    assert verdicts(report) == [Verdict.WARNING, Verdict.WARNING, Verdict.SOUND]


def test_swapped_indexes_are_found_at_the_index_level() -> None:
    broker, bucket = recorded_broker(), Bucket()
    swap(bucket, broker.keys(46)[1], broker.keys(47)[1])

    assert codes(check(broker, bucket, level=Level.INDEX)) == ["ledger-time", "ledger-time"]


def test_swapped_data_that_is_put_right_meanwhile_is_no_finding() -> None:
    broker, bucket = recorded_broker(), Bucket()
    swap(bucket, broker.data_key(45), broker.data_key(46))

    def put_right(one: CorpusBroker, number: int) -> None:
        if number == 3:
            swap(bucket, broker.data_key(45), broker.data_key(46))

    broker.on_read = put_right

    report = check(broker, bucket)

    assert (report.exit_code, codes(report)) == (ExitCode.OK, [])


def test_swapped_data_that_cannot_be_looked_at_again_is_not_covered() -> None:
    broker, bucket = recorded_broker(), Bucket()
    swap(bucket, broker.data_key(45), broker.data_key(46))

    def fail_later(one: CorpusBroker, number: int) -> None:
        if number > 2:
            raise BrokerUnreachable("no answer")

    broker.on_read = fail_later

    report = check(broker, bucket)

    assert (report.exit_code, codes(report)) == (ExitCode.NOT_COVERED, [])


# -- what the command makes of it


@pytest.mark.parametrize(
    ("fail_on", "code"),
    [
        ({ExitCode.DAMAGE}, ExitCode.DAMAGE),
        ({ExitCode.WARNINGS, ExitCode.NOT_COVERED}, ExitCode.OK),
        (set(), ExitCode.OK),
    ],
)
def test_what_makes_it_fail_can_be_chosen(fail_on: set[ExitCode], code: ExitCode) -> None:
    broker, bucket = recorded_broker(), Bucket()
    bucket.delete(broker.data_key(46))

    assert check(broker, bucket, fail_on=frozenset(fail_on)).exit_code is code


def test_an_interruption_keeps_what_is_settled_and_is_not_full() -> None:
    broker, bucket = recorded_broker(), Bucket()
    main, others_done = threading.main_thread().ident, threading.Barrier(2)
    assert main is not None

    def interrupt(what: str, key: str) -> None:
        if (what, key) == ("read", broker.data_key(46)):
            others_done.wait(10)
            signal.pthread_kill(main, signal.SIGINT)
            # Long enough for the main thread to be told.
            time.sleep(0.3)

    class Watching(CheckWatcher):
        """Lets the interruption come once the two others are done."""

        done = 0

        def looked_at(self, one: LedgerCheck) -> None:
            self.done += 1
            if self.done == 2:
                others_done.wait(10)

    bucket.before = interrupt

    report = check(broker, bucket, watcher=Watching())

    assert (report.exit_code, report.interrupted) == (ExitCode.INTERRUPTED, ExitCode.INTERRUPTED)
    assert report.status is CheckStatus.PARTIAL
    assert (report.coverage.ledgers, report.coverage.ledgers_covered) == (3, 2)
    assert [one.ledger.ledger_id for one in report.ledgers] == [45, 47]


@pytest.mark.parametrize(
    ("lag", "words"),
    [
        (14_400_000, "BookKeeper's copy goes at"),
        (-1, "BookKeeper keeps its copy"),
        (None, "BookKeeper keeps its copy"),
    ],
)
def test_damage_tells_how_long_bookkeepers_copy_stays(lag: int | None, words: str) -> None:
    broker = recorded_broker(OffloadPolicies(driver="S3", bucket=BUCKET, deletion_lag_ms=lag))
    bucket = Bucket()
    bucket.delete(broker.data_key(46))

    (finding,) = check(broker, bucket).findings

    assert words in finding.copy
    assert "set-offload-deletion-lag -l -1 public/corpus" in finding.next_step


def test_when_bookkeepers_copy_goes_is_counted_from_the_time_at_which_the_index_was_written() -> None:
    written = datetime(2026, 11, 24, 10, tzinfo=UTC)
    broker = recorded_broker(OffloadPolicies(driver="S3", bucket=BUCKET, deletion_lag_ms=2 * 3_600_000))
    bucket = Bucket()
    bucket.change(broker.data_key(46), 0, b"\0\0\0\0")
    key = broker.keys(46)[1]
    stored = bucket._objects[key]
    bucket._objects[key] = replace(stored, info=replace(stored.info, last_modified=written))

    (finding,) = check(broker, bucket).findings

    assert (written + timedelta(hours=2)).strftime("%Y-%m-%d %H:%M:%S UTC") in finding.copy
