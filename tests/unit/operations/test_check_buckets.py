"""All that a cluster has beside all that its bucket has: what fits, what is missing, what is nobody's."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from offloadctl.adapters.memory import MemoryObjectStore
from offloadctl.check.user_metadata import CLUSTER_KEY
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.ledgers import SimulatedLedger
from offloadctl.demo.messages import Producer
from offloadctl.demo.tuning import Tuning
from offloadctl.errors import NotAuthorised, StoreDenied
from offloadctl.exitcodes import ExitCode
from offloadctl.format.keys import data_key, index_key
from offloadctl.model.bucket import BucketCheck
from offloadctl.model.check import CheckReport, CheckStatus, Level
from offloadctl.model.journal import Attempt
from offloadctl.model.ledger import Position, StoredLedgers
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.scope import Scope
from offloadctl.operations.check import Check
from offloadctl.ports import BrokerAdmin, MultipartUpload, ObjectInfo, Ports

EVERYTHING = Scope.of(everything=True)
SHOP = Scope.of(namespaces=[NamespaceName("acme", "shop")])
ORDERS, CLICKS = TopicName("acme", "shop", "orders"), TopicName("acme", "shop", "clicks")
DAY = timedelta(days=1, hours=1)


@dataclass
class World:
    """A cluster with two topics, three ledgers of each in S3, two days old; and the requests to its bucket."""

    memory: InMemoryCluster
    store: "Bucket"

    def check(self, scope: Scope = EVERYTHING, level: Level = Level.LISTING, **changes: Any) -> CheckReport:
        """What a check says."""
        ports = Ports(changes.pop("admin", self.memory.admin()), self.memory.clock, (self.store,))
        return Check(ports, level, **{"may_load": True, **changes}).report_scope(scope)

    def ledgers(self, topic: TopicName) -> list[SimulatedLedger]:
        """Those in S3."""
        return [one for one in self.memory.cluster.metadata[topic].ascending if one.context is not None]

    def keys(self, topic: TopicName, number: int = 0) -> tuple[str, str]:
        """Of one ledger in S3."""
        ledger = self.ledgers(topic)[number]
        assert ledger.context is not None
        return data_key(ledger.context.uuid, ledger.ledger_id), index_key(ledger.context.uuid, ledger.ledger_id)

    def put_again(self, old: str, new: str, **metadata: str) -> None:
        """A copy under another key, its user metadata changed."""
        stored = self.store._objects[old]
        changed = {**stored.info.user_metadata, **metadata}
        self.store.put(new, stored.data, user_metadata=changed, content_type="")


class Bucket(MemoryObjectStore):
    """Tells what it was asked for; a test may refuse something."""

    def __init__(self, inner: MemoryObjectStore) -> None:
        super().__init__(inner.bucket, now=inner._now)
        self._objects, self._uploads = inner._objects, inner._uploads
        self.asked: list[str] = []
        self.refuse: Callable[[str, str], bool] = lambda what, key: False
        self.listable = True

    def head(self, key: str) -> ObjectInfo | None:
        self._tell("head", key)
        return super().head(key)

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        self._tell("list", after)
        return super().list(prefix, after=after)

    def uploads(self, prefix: str = "") -> Iterator[MultipartUpload]:
        self._tell("uploads", prefix)
        return super().uploads(prefix)

    @property
    def uploads_listable(self) -> bool:
        return self.listable

    def _tell(self, what: str, key: str) -> None:
        self.asked.append(what)
        if self.refuse(what, key):
            raise StoreDenied(f"no right to {what} {key}")


class Counting:
    """An admin client that counts what it is asked for."""

    def __init__(self, admin: BrokerAdmin) -> None:
        self.calls: Counter[str] = Counter()
        self._admin = admin

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: object) -> Any:
            self.calls[name] += 1
            return getattr(self._admin, name)(*arguments)

        return call


@pytest.fixture
def world() -> World:
    return new_world("offload-demo")


def new_world(bucket: str) -> World:
    tuning = Tuning(max_entries_per_ledger=10, upload_rate=1e9, upload_overhead=0.0, retention_minutes=-1)
    memory = InMemoryCluster(bucket=bucket, tuning=tuning)
    cluster = memory.cluster
    cluster.tenants["acme"] = ()
    for topic in (ORDERS, CLICKS):
        cluster.create_topic(topic)
        cluster.publish(topic, Producer("tests", memory.clock.now()).entries(35))
        offload(memory, topic)
    memory.advance(2 * DAY)
    return World(memory, Bucket(memory.store))


def offload(memory: InMemoryCluster, topic: TopicName) -> None:
    admin = memory.admin()
    admin.trigger_offload(topic, Position(admin.served_ledgers(topic).ledgers[-1].ledger_id, 0))
    for _ in range(20):
        memory.advance(timedelta(seconds=1))


def codes(report: CheckReport) -> list[str]:
    return [finding.code for finding in report.findings]


def bucket(report: CheckReport) -> BucketCheck:
    (found,) = report.buckets
    return found


# -- what fits


def test_a_healthy_cluster_is_settled_by_one_listing_without_a_single_head(world: World) -> None:
    report = world.check()

    assert (codes(report), report.status, report.exit_code) == ([], CheckStatus.FULL, ExitCode.OK)
    assert (report.coverage.ledgers, report.coverage.ledgers_covered) == (6, 6)
    assert report.coverage.object_bytes == sum(info.size for info in world.memory.store.list())
    assert "head" not in world.store.asked
    assert world.store.asked.count("list") == 1


def test_bytes_are_told_by_storage_class_and_other_objects_are_counted_only(world: World) -> None:
    world.store.put("backup/readme", b"x" * 7, user_metadata={}, content_type="")

    found = bucket(world.check())

    assert [name for name, _ in found.classes] == ["STANDARD"]
    assert (found.ledger_objects.objects, found.unknown.objects, found.unknown.size) == (12, 1, 7)


def test_everything_at_a_deeper_level_reads_each_ledger_and_lists_the_bucket_for_strays(world: World) -> None:
    report = world.check(level=Level.ENTRIES)

    assert report.exit_code is ExitCode.OK
    assert report.coverage.counts is not None
    assert report.coverage.counts.checksums_ok == 60
    assert bucket(report).listed


def test_without_asking_the_serving_brokers_one_request_for_each_topic_is_enough(world: World) -> None:
    world.memory.cluster.refresh_stats()
    admin = Counting(world.memory.admin())

    report = world.check(admin=admin, may_load=False)

    assert (codes(report), report.exit_code) == ([], ExitCode.OK)
    assert (report.coverage.ledgers_covered, report.coverage.completeness_unknown) == (6, 6)
    assert admin.calls["stored_ledgers"] == 2
    assert admin.calls["served_ledgers"] == admin.calls["offload_policies"] == 0


def test_a_topic_with_something_missing_is_asked_for_at_its_broker(world: World) -> None:
    world.memory.cluster.refresh_stats()
    world.store.delete(world.keys(ORDERS)[1])

    report = world.check(may_load=False)

    assert codes(report) == ["index-missing"]
    assert "BookKeeper" in report.findings[0].copy
    assert report.coverage.completeness_unknown == 3


# -- what is missing


@pytest.mark.parametrize(("which", "code"), [(0, "data-missing"), (1, "index-missing")])
def test_a_missing_object_is_found_by_the_listing_and_confirmed(world: World, which: int, code: str) -> None:
    world.store.delete(world.keys(ORDERS)[which])

    report = world.check()

    assert (codes(report), report.exit_code) == ([code], ExitCode.DAMAGE)
    assert report.findings[0].topic == ORDERS
    assert report.coverage.ledgers_covered == 6


def test_an_object_cut_short_is_found_by_its_size(world: World) -> None:
    key = world.keys(ORDERS)[0]
    stored = world.store._objects[key]
    world.store.put(key, stored.data[:-1], user_metadata=stored.info.user_metadata, content_type="")

    assert codes(world.check()) == ["data-size"]


def test_a_copy_that_was_uploaded_in_other_parts_is_no_damage(world: World) -> None:
    key = world.keys(ORDERS)[0]
    stored = world.store._objects[key]
    parts = iter([stored.data[:100], stored.data[100:200], stored.data[200:]])
    world.store.put_multipart(key, parts, user_metadata=stored.info.user_metadata, content_type="")

    report = world.check()

    assert (codes(report), report.exit_code) == (["part-count"], ExitCode.WARNINGS)


# -- what is nobody's


def test_objects_of_a_ledger_that_its_topic_has_not_are_an_orphan(world: World) -> None:
    data, index = world.keys(ORDERS)
    stray = data.partition("-ledger-")[0].translate(str.maketrans("0123456789", "1234567890"))
    world.put_again(data, f"{stray}-ledger-999999")
    world.put_again(index, f"{stray}-ledger-999999-index")
    world.memory.advance(DAY)

    report = world.check()

    assert (codes(report), report.exit_code) == (["orphan"], ExitCode.WARNINGS)
    assert (report.findings[0].topic, report.findings[0].ledger_id) == (ORDERS, 999999)
    assert bucket(report).strays.judged.objects == 2


def test_a_second_uuid_for_one_ledger_is_an_older_attempt(world: World) -> None:
    data, _ = world.keys(ORDERS)
    uuid, _, ledger = data.partition("-ledger-")
    world.put_again(data, f"{uuid.translate(str.maketrans('0123456789', '1234567890'))}-ledger-{ledger}")
    world.memory.advance(DAY)

    assert codes(world.check()) == ["older-attempt"]


def test_objects_of_a_topic_that_is_gone_are_orphans(world: World) -> None:
    kept = {key: world.store._objects[key] for number in range(3) for key in world.keys(CLICKS, number)}
    world.memory.cluster.delete_topic(CLICKS)
    world.memory.advance(timedelta(minutes=1))
    world.store._objects.update(kept)

    report = world.check()

    assert codes(report) == ["orphan"] * 3
    assert {finding.topic for finding in report.findings} == {CLICKS}


def make_stray(world: World, **metadata: str) -> None:
    data, _ = world.keys(ORDERS)
    uuid = data.partition("-ledger-")[0].translate(str.maketrans("0123456789", "1234567890"))
    world.put_again(data, f"{uuid}-ledger-999999", **metadata)


def test_what_is_younger_than_a_day_is_not_judged(world: World) -> None:
    make_stray(world)

    report = world.check()

    assert report.exit_code is ExitCode.OK
    assert bucket(report).strays.young.objects == 1


def test_another_clusters_objects_are_counted_and_never_judged(world: World) -> None:
    make_stray(world, pulsarclustername="other")
    world.memory.advance(DAY)

    report = world.check()

    assert report.exit_code is ExitCode.OK
    assert bucket(report).strays.foreign.objects == 1


def test_objects_that_no_broker_wrote_are_counted_and_never_judged(world: World) -> None:
    uuid = "00000000-0000-4000-8000-000000000000"
    world.store.put(f"{uuid}-ledger-5", b"mine", user_metadata={"role": "data"}, content_type="")
    world.memory.advance(DAY)

    assert bucket(world.check()).strays.not_pulsars.objects == 1


@pytest.mark.parametrize("lost", ["managedledgername", "pulsarclustername"])
def test_objects_that_do_not_say_whose_they_are_have_no_known_owner(world: World, lost: str) -> None:
    make_stray(world)
    (key,) = (key for key in world.store._objects if key.endswith("-999999"))
    stored = world.store._objects[key]
    metadata = {name: value for name, value in stored.info.user_metadata.items() if name != lost}
    world.store.put(key, stored.data, user_metadata=metadata, content_type="")
    world.memory.advance(DAY)

    assert bucket(world.check()).strays.owner_unknown.objects == 1


def test_without_all_of_the_metadata_nothing_is_an_orphan(world: World) -> None:
    make_stray(world)
    world.memory.advance(DAY)

    report = world.check(Scope.of(everything=True, match="orders"))

    # The other topic's six objects are named by metadata that was not read.
    assert (codes(report), report.exit_code) == ([], ExitCode.OK)
    assert bucket(report).strays.owner_unknown.objects == 7


def test_a_topic_that_cannot_be_read_may_own_what_nobody_names(world: World) -> None:
    make_stray(world)
    world.memory.advance(DAY)
    admin = world.memory.admin()
    read = admin.stored_ledgers

    def stored_ledgers(topic: TopicName) -> StoredLedgers:
        if topic == CLICKS:
            raise NotAuthorised("not for you", status=401)
        return read(topic)

    admin.stored_ledgers = stored_ledgers  # type: ignore[method-assign]

    report = world.check(admin=admin)

    assert (codes(report), report.exit_code) == ([], ExitCode.NOT_COVERED)
    assert bucket(report).strays.owner_unknown.objects == 7


def test_what_is_deleted_between_two_looks_is_no_finding(world: World) -> None:
    make_stray(world)
    world.memory.advance(DAY)
    (key,) = (key for key in world.store._objects if key.endswith("-999999"))
    world.memory.clock._on_sleep = lambda _seconds: world.store.delete(key)

    report = world.check()

    assert codes(report) == []
    assert bucket(report).strays.gone.objects == 1


# -- begun and never completed


def begin_and_die(world: World) -> SimulatedLedger:
    """An offload whose broker died behind both objects."""
    ledger = world.ledgers(ORDERS)[0]
    assert ledger.context is not None
    ledger.context.completed_at = None
    return ledger


def test_an_offload_that_was_never_completed_is_told_after_a_day(world: World) -> None:
    ledger = begin_and_die(world)

    report = world.check()

    assert codes(report) == ["unfinished-offload"]
    assert report.findings[0].ledger_id == ledger.ledger_id
    assert report.coverage.in_flight == 1


def test_one_that_goes_on_is_counted(world: World) -> None:
    begin_and_die(world)
    for key in world.keys(ORDERS):
        stored = world.store._objects[key]
        world.store.put(key, stored.data, user_metadata=stored.info.user_metadata, content_type="")

    report = world.check()

    assert (codes(report), report.coverage.in_flight) == ([], 1)


# -- uploads


def test_an_upload_that_was_never_ended_is_told_after_a_day(world: World) -> None:
    key = f"{'0' * 8}-0000-4000-8000-{'0' * 12}-ledger-7"
    world.store.begin_upload(key)
    young = world.check()
    world.memory.advance(DAY)

    old = world.check()

    assert (codes(young), bucket(young).uploads.young) == ([], 1)
    assert (codes(old), old.exit_code) == (["open-upload"], ExitCode.WARNINGS)
    assert old.findings[0].key == key


def test_where_others_share_the_bucket_an_upload_may_be_theirs(world: World) -> None:
    make_stray(world, pulsarclustername="other")
    world.store.begin_upload(f"{'0' * 8}-0000-4000-8000-{'0' * 12}-ledger-7")
    world.memory.advance(DAY)

    report = world.check()

    assert codes(report) == []
    assert bucket(report).uploads.owner_unknown == 1


def test_where_uploads_cannot_be_listed_the_keys_of_metadata_are_looked_up(world: World) -> None:
    ledger = begin_and_die(world)
    data, index = world.keys(ORDERS)
    world.store.delete(data)
    world.store.delete(index)
    world.store.begin_upload(data)
    world.store.begin_upload(f"{'0' * 8}-0000-4000-8000-{'0' * 12}-ledger-7")
    world.memory.advance(DAY)
    world.store.listable = False

    report = world.check()

    assert [(finding.code, finding.ledger_id) for finding in report.findings] == [("open-upload", ledger.ledger_id)]
    uploads = bucket(report).uploads
    assert (uploads.is_complete, uploads.seen, uploads.keys_asked) == (False, 1, 1)


@pytest.mark.parametrize("listable", [True, False])
def test_an_upload_that_a_run_has_left_is_found_by_its_journal(world: World, listable: bool) -> None:
    """The metadata names another attempt since; foreign objects are about, so that nothing else tells whose it is."""
    make_stray(world, **{CLUSTER_KEY: "another"})
    left = Attempt(ORDERS, 7, UUID(int=7))
    upload = world.store.begin_upload(data_key(left.uuid, 7))
    world.store.add_part(upload, 5_000_000)
    world.store.add_part(upload, 1_000)
    world.memory.advance(DAY)
    world.store.listable = listable

    report, without = world.check(left=(left,)), world.check()

    assert codes(without) == []
    (finding,) = report.findings
    assert (finding.code, finding.topic, finding.ledger_id) == ("open-upload", ORDERS, 7)
    assert "5,001,000 bytes" in finding.found
    assert bucket(report).uploads.size == 5_001_000


def test_an_upload_whose_parts_may_not_be_listed_is_told_without_its_size(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(upload: MultipartUpload, *, after: int = 0) -> None:
        raise StoreDenied("no right to list parts")

    left = Attempt(ORDERS, 7, UUID(int=7))
    world.store.begin_upload(data_key(left.uuid, 7))
    world.memory.advance(DAY)
    monkeypatch.setattr(world.store, "upload_parts", refuse)

    (finding,) = world.check(left=(left,)).findings

    assert (finding.code, "bytes" in finding.found) == ("open-upload", False)


def test_more_keys_than_are_looked_up_are_not_covered(world: World) -> None:
    world.store.listable = False

    report = world.check(left=tuple(Attempt(ORDERS, number, UUID(int=number)) for number in range(1003)))

    assert (bucket(report).uploads.keys_asked, bucket(report).uploads.keys_left) == (1000, 3)
    assert report.exit_code is ExitCode.NOT_COVERED
    assert "open uploads of 3 keys" in " ".join(report.coverage.reasons)


# -- what cannot be looked at


def test_a_bucket_that_cannot_be_listed_is_not_covered_and_ledgers_are_looked_up_one_by_one(world: World) -> None:
    world.store.refuse = lambda what, key: what == "list"

    report = world.check()

    assert (report.status, report.exit_code) == (CheckStatus.PARTIAL, ExitCode.NOT_COVERED)
    assert report.coverage.ledgers_covered == 6
    assert not bucket(report).listed


def test_a_stray_that_may_not_be_looked_at_is_not_covered(world: World) -> None:
    make_stray(world)
    world.memory.advance(DAY)
    world.store.refuse = lambda what, key: what == "head" and "999999" in key

    report = world.check()

    assert (codes(report), report.exit_code) == ([], ExitCode.NOT_COVERED)
    assert bucket(report).strays.owner_unknown.objects == 1


# -- narrower scopes


def test_a_namespace_at_the_index_level_lists_nothing(world: World) -> None:
    report = world.check(SHOP, Level.INDEX)

    assert report.exit_code is ExitCode.OK
    assert report.buckets == ()
    assert "list" not in world.store.asked


def test_a_namespace_in_a_small_bucket_is_settled_by_its_listing(world: World) -> None:
    report = world.check(SHOP)

    assert (report.exit_code, report.coverage.ledgers_covered) == (ExitCode.OK, 6)
    assert "head" not in world.store.asked


def test_a_namespace_in_a_huge_bucket_is_looked_up_key_by_key(world: World) -> None:
    # A thousand keys below the first 2^-20 of all uuids: about a billion objects.
    for number in range(1000):
        world.store.put(
            f"00000000-{number:04x}-4000-8000-000000000000-ledger-1", b"", user_metadata={}, content_type=""
        )

    report = world.check(SHOP)

    assert (report.exit_code, report.coverage.ledgers_covered) == (ExitCode.OK, 6)
    assert world.store.asked.count("head") == 12
    assert report.buckets == ()


def test_a_bucket_of_many_pages_is_listed_from_several_places_and_no_object_is_lost(world: World) -> None:
    for number in range(3000):
        digits = f"{number * 1_431_655:08x}"
        world.store.put(f"{digits}-0000-4000-8000-000000000000-ledger-1", b"", user_metadata={}, content_type="")
    for key in ("!", "1", "~last", "f"):
        world.store.put(key, b"", user_metadata={}, content_type="")

    found = bucket(world.check())

    assert found.ledger_objects.objects == 3012
    assert found.unknown.objects == 4
    assert world.store.asked.count("list") > 10


# -- buckets that are shared


def another_cluster(world: World) -> InMemoryCluster:
    """Of the same name, with a topic of the same name whose three ledgers are in the same bucket."""
    other = InMemoryCluster(tuning=Tuning(max_entries_per_ledger=10, upload_rate=1e9, upload_overhead=0.0), seed=7)
    other.cluster.tenants["acme"] = ()
    other.cluster.create_topic(ORDERS)
    other.cluster.publish(ORDERS, Producer("tests", other.clock.now()).entries(35))
    offload(other, ORDERS)
    world.store._objects.update(other.store._objects)
    return other


def test_what_a_sharing_cluster_names_is_its_own(world: World) -> None:
    other = another_cluster(world)

    alone, together = world.check(), world.check(sharing=(other.admin(),))

    assert len(alone.findings) == 3
    assert (codes(together), together.exit_code) == ([], ExitCode.OK)
    assert bucket(together).strays.total.objects == 0


def test_what_neither_cluster_names_is_a_stray_all_the_same(world: World) -> None:
    other = another_cluster(world)
    make_stray(world)
    world.memory.advance(DAY)

    assert codes(world.check(sharing=(other.admin(),))) == ["orphan"]


def test_a_sharing_cluster_that_cannot_be_read_may_own_every_stray(world: World) -> None:
    other = another_cluster(world)
    admin = other.admin()
    other.brokers.clear()
    make_stray(world)
    world.memory.advance(DAY)

    report = world.check(sharing=(admin,))

    assert codes(report) == []
    assert bucket(report).strays.owner_unknown.objects == 7
