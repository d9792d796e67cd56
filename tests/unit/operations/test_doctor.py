"""Doctors of a simulated cluster and of a bucket: what they may not see is told, and nothing is touched."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from offloadctl.adapters.memory import MemoryObjectStore
from offloadctl.demo.broker import Access
from offloadctl.demo.broker.access import Grant
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.messages import Producer
from offloadctl.demo.tuning import Tuning
from offloadctl.errors import StoreDenied, StoreFailed
from offloadctl.exitcodes import ExitCode
from offloadctl.model.bucket_facts import BucketFacts, Told
from offloadctl.model.doctor import DoctorReport, Symptom, Weight
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.policies import PolicyObject, PolicyScope
from offloadctl.model.scope import Listed
from offloadctl.model.settings import BrokerSettings, RateLimits, TokenAuth
from offloadctl.operations.doctor_cluster import ClusterDoctor
from offloadctl.operations.doctor_s3 import BucketDoctor
from offloadctl.operations.doctor_topic import TopicDoctor
from offloadctl.ports import MultipartUpload
from offloadctl.redaction import Secret
from tests.fake_broker import FakeBroker

NAMESPACE = NamespaceName("acme", "shop")
TOPIC = TopicName("acme", "shop", "orders")


def by_id(report: DoctorReport) -> dict[str, Symptom]:
    return {one.id: one for one in report.symptoms}


def cluster_with(access: Access | None = None) -> InMemoryCluster:
    made = InMemoryCluster(
        tuning=Tuning(max_entries_per_ledger=20), properties={"managedLedgerOffloadDriver": "aws-s3"}, access=access
    )
    made.cluster.create_topic(TOPIC)
    made.cluster.publish(TOPIC, Producer("tests", made.clock.now()).entries(45))
    made.cluster.tenants["acme"] = ("owner",)
    return made


def as_role(cluster: InMemoryCluster, token: str) -> BrokerSettings:
    return BrokerSettings(
        admin_urls=cluster.admin_urls, auth=TokenAuth(text=Secret(token)), rates=RateLimits(light=1e6, loading=1e6)
    )


# -- the cluster


def test_a_tenant_s_admin_learns_what_is_missing_and_sees_the_namespaces_that_are_named() -> None:
    cluster = cluster_with(Access({"token-of-owner": Grant("owner")}))
    admin = cluster.admin(as_role(cluster, "token-of-owner"))

    found = by_id(ClusterDoctor(admin, "the owner of a token", [NAMESPACE]).visit())
    nothing_named = by_id(ClusterDoctor(admin, "the owner of a token").visit())

    assert found["right-super-user"].weight is Weight.WARNING
    assert found["right-tenant-admin"].weight is found["right-lookup"].weight is Weight.FINE
    assert found["settings"].weight is Weight.UNKNOWN
    assert "unread" not in found
    assert nothing_named["policies"].weight is Weight.UNKNOWN
    assert nothing_named["right-lookup"].weight is Weight.UNKNOWN


def test_whoever_is_not_known_at_all_is_told_so() -> None:
    cluster = cluster_with(Access({"token-of-owner": Grant("owner")}))
    admin = cluster.admin(as_role(cluster, "another-token"))

    report = ClusterDoctor(admin, "the owner of a token", [NAMESPACE]).visit()

    assert report.exit_code in (ExitCode.FAILED, ExitCode.WARNINGS)
    assert Weight.FINE not in {one.weight for one in report.symptoms if one.id.startswith("right")}


def test_the_visit_of_a_cluster_loads_no_topic() -> None:
    cluster = cluster_with()
    cluster.cluster.unload(TOPIC)
    before = dict(cluster.cluster.topics_loaded)

    ClusterDoctor(cluster.admin(), "nobody").visit()

    assert dict(cluster.cluster.topics_loaded) == before


@dataclass
class Hiding(FakeBroker):
    """A dozen namespaces, each with a policy that hides what the brokers have."""

    lists: int = 0

    def namespaces(self, tenant: str) -> Listed[NamespaceName]:
        self.lists += 1
        return Listed(tuple(NamespaceName(tenant, f"n{number}") for number in range(12)))

    def own_offload_policy(self, scope: PolicyScope, *, is_global: bool = False) -> PolicyObject | None:
        return PolicyObject({"s3ManagedLedgerOffloadMaxBlockSizeInBytes": 5_242_880})

    def applied_offload_policy(self, topic: TopicName) -> PolicyObject:
        return PolicyObject({"s3ManagedLedgerOffloadMaxBlockSizeInBytes": 5_242_880})


def test_what_brokers_have_is_looked_for_in_a_few_namespaces_only() -> None:
    broker = Hiding()

    report = ClusterDoctor(broker, "nobody").visit()

    assert broker.lists == 1 + 3
    assert by_id(report)["policies"].what == "What is in force in 12 namespaces is sound."


# -- a topic


def test_of_all_partitions_of_a_topic_the_bad_one_is_named() -> None:
    cluster = cluster_with()
    parent = TopicName("acme", "shop", "parted")
    cluster.cluster.create_partitioned_topic(parent, 2)
    for number in range(2):
        part = parent.with_partition(number)
        cluster.cluster.publish(part, Producer("tests", cluster.clock.now()).entries(45))
    cluster.cluster.namespaces[NAMESPACE].set_field("managedLedgerOffloadThresholdInBytes", 1)

    report = TopicDoctor(cluster.ports(), may_load=True).visit(parent)

    assert by_id(report)["due"].weight is Weight.WARNING
    assert by_id(report)["due"].what.startswith("4 ledgers")


# -- a bucket


@dataclass
class Probe:
    """A bucket without any configuration."""

    bucket: str = "b"

    def facts(self) -> BucketFacts:
        return BucketFacts(
            "http://127.0.0.1:9000",
            path_style=True,
            credentials="",
            region=Told("us-east-1"),
            clock_skew=Told(timedelta()),
            versioning=Told(),
            object_lock=Told(),
            encryption=Told(),
            lifecycle=Told(()),
        )


@dataclass
class Denying(MemoryObjectStore):
    """A bucket that denies some of what is asked."""

    denied: set[str] = field(default_factory=set)

    def __init__(self, *denied: str) -> None:
        super().__init__("b")
        self.denied = set(denied)

    def _deny(self, what: str) -> None:
        if what in self.denied:
            raise StoreDenied(f"cannot {what}: AccessDenied")

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes | None:
        self._deny("read")
        found = super().read(key, start=start, length=length)
        return b"other bytes" if "ranges" in self.denied and start else found

    def uploads(self, prefix: str = "") -> Iterator[MultipartUpload]:
        self._deny("uploads")
        return super().uploads(prefix)

    def put(self, key: str, data: bytes, *, user_metadata: Mapping[str, str], content_type: str) -> None:
        self._deny("put")
        super().put(key, data, user_metadata=user_metadata, content_type=content_type)

    def put_multipart(
        self, key: str, parts: Iterator[bytes], *, user_metadata: Mapping[str, str], content_type: str
    ) -> None:
        self._deny("multipart")
        super().put_multipart(key, parts, user_metadata=user_metadata, content_type=content_type)

    def delete(self, key: str) -> None:
        if "delete" in self.denied:
            raise StoreFailed("cannot delete: MethodNotAllowed")
        super().delete(key)


def visit(*denied: str, write: bool = False) -> tuple[DoctorReport, Denying]:
    store = Denying()
    store.put("0-ledger", bytes(range(100)), user_metadata={}, content_type="text/plain")
    store.denied = set(denied)
    return BucketDoctor(store, Probe()).visit(store if write else None), store


def test_an_object_that_cannot_be_read_is_a_failure() -> None:
    report, _ = visit("read")

    assert by_id(report)["read"].weight is Weight.FAILURE
    assert report.exit_code is ExitCode.FAILED


def test_a_store_that_does_not_keep_to_ranges_is_found() -> None:
    report, _ = visit("ranges")

    assert by_id(report)["ranges"].weight is Weight.ERROR


def test_uploads_that_cannot_be_listed_are_a_warning() -> None:
    report, _ = visit("uploads")

    assert by_id(report)["uploads"].weight is Weight.WARNING


def test_an_empty_bucket_leaves_reading_unknown() -> None:
    report = BucketDoctor(Denying(), Probe()).visit()

    assert by_id(report)["read"].weight is Weight.UNKNOWN


def test_a_probe_leaves_nothing_whatever_step_fails() -> None:
    for denied in ("put", "multipart", "ranges"):
        report, store = visit(denied, write=True)

        assert (by_id(report).get("write") or by_id(report)["ranges"]) is not None
        assert [one.key for one in store.list()] == ["0-ledger"]
        assert by_id(report)["delete"].weight is Weight.FINE
    assert by_id(visit("multipart", write=True)[0])["write"].weight is Weight.ERROR


def test_a_probe_that_cannot_be_deleted_is_named() -> None:
    report, store = visit("delete", write=True)

    left = [one.key for one in store.list() if one.key != "0-ledger"]
    assert by_id(report)["delete"].weight is Weight.ERROR
    assert len(left) == 1
    assert left[0] in by_id(report)["delete"].evidence
