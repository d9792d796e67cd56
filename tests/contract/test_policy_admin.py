"""Each promise of `ports.PolicyAdmin`, held against the embedded cluster and a real broker.

`pytest -m integration tests/contract/test_policy_admin.py` asks the real one, as test_broker_admin.py does.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from offloadctl.adapters.memory import MemoryObjectStore
from offloadctl.adapters.pulsar_rest import PulsarRest
from offloadctl.adapters.system import SystemClock
from offloadctl.brokerconf.policy_fields import AGE_THRESHOLD, DELETION_LAG, DRIVER, SIZE_THRESHOLD
from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.errors import BrokerError, Busy, NotFound, Rejected
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.policies import STORED, PolicyObject, PolicyScope, PolicyValue, Retention
from offloadctl.model.settings import BrokerSettings, RateLimits
from offloadctl.operations.offload_policies import ChangePolicies
from offloadctl.operations.policy_guard import verified_by_check
from offloadctl.plan.offload_policies import PolicyWish
from offloadctl.plan.policies_in_force import born
from offloadctl.plan.policy_outcome import Approval, ChangeState
from offloadctl.ports import BrokerAdmin, Ports
from offloadctl.redaction import Secret
from tests.integration.stack import Stack, eventually

UNLIMITED = RateLimits(light=1e6, loading=1e6)
CREDENTIAL = "s3ManagedLedgerOffloadCredentialSecret"
S3: dict[str, PolicyValue] = {DRIVER: "S3", "managedLedgerOffloadBucket": "pulsar-offload-bucket"}

_numbers = itertools.count(1)


class Cluster:
    """What a test needs: the port, and a namespace and a topic of its own."""

    def __init__(self, admin: BrokerAdmin, create: Callable[[TopicName], None]) -> None:
        self.admin = admin
        self._create = create

    def topic(self) -> TopicName:
        """A new topic in a new namespace."""
        topic = TopicName("public", f"policies-{time.time_ns():x}-{next(_numbers)}", "t")
        self._create(topic)
        return topic

    def replace(self, scope: PolicyScope, policy: PolicyObject, *, expected: PolicyObject | None = None) -> None:
        """Write it, and wait until it is read back."""
        self.admin.replace_offload_policy(scope, policy, expected=expected)
        eventually(lambda: self.admin.own_offload_policy(scope) not in (None, expected), "the policy is there")


@contextmanager
def embedded_cluster(_: pytest.Config) -> Iterator[Cluster]:
    with EmbeddedCluster(stores=[MemoryObjectStore("pulsar-offload-bucket")]) as embedded:

        def create(topic: TopicName) -> None:
            with embedded.cluster.lock:
                embedded.cluster.create_namespace(topic.namespace_name)
                embedded.cluster.create_topic(topic)

        settings = BrokerSettings(admin_urls=embedded.admin_urls[:1], rates=UNLIMITED)
        with PulsarRest(settings, embedded.clock) as admin:
            yield Cluster(admin, create)


@contextmanager
def real_cluster(config: pytest.Config) -> Iterator[Cluster]:
    from tests.integration.shared import shared_stack  # noqa: PLC0415 - not everybody has what it needs

    stack: Stack = shared_stack(config)
    made: list[TopicName] = []

    def create(topic: TopicName) -> None:
        stack.put(f"namespaces/{topic.namespace_name}")
        stack.put(f"persistent/{topic.rest_path}")
        made.append(topic)

    with PulsarRest(BrokerSettings(admin_urls=(stack.admin_url,), rates=UNLIMITED), SystemClock()) as admin:
        yield Cluster(admin, create)
    for topic in made:
        stack.call("DELETE", f"namespaces/{topic.namespace_name}?force=true")
        stack.call("DELETE", f"persistent/{topic.rest_path}")
        stack.call("DELETE", f"namespaces/{topic.namespace_name}")


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(embedded_cluster, id="embedded"),
        pytest.param(real_cluster, id="real", marks=pytest.mark.integration),
    ],
)
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    with request.param(request.config) as cluster:
        yield cluster


@pytest.fixture(params=["topic", "namespace"])
def scope(cluster: Cluster, request: pytest.FixtureRequest) -> PolicyScope:
    """A topic and a namespace of the test's own, without policies."""
    topic = cluster.topic()
    return topic if request.param == "topic" else topic.namespace_name


def test_a_new_scope_has_nothing(cluster: Cluster, scope: PolicyScope) -> None:
    assert cluster.admin.own_offload_policy(scope) is None


def test_what_is_written_is_read_with_what_every_policy_is_born_with(cluster: Cluster, scope: PolicyScope) -> None:
    wanted = PolicyObject(S3 | {AGE_THRESHOLD: 7, "managedLedgerOffloadedReadPriority": "bookkeeper-first"})

    cluster.replace(scope, wanted)

    assert cluster.admin.own_offload_policy(scope) == born(wanted)


def test_free_keys_and_credentials_survive_what_is_written_over_them(cluster: Cluster, scope: PolicyScope) -> None:
    first = PolicyObject(S3 | {CREDENTIAL: Secret("0123456789"), "managedLedgerExtraConfigurations.a": "1"})
    cluster.replace(scope, first)
    read = cluster.admin.own_offload_policy(scope)
    assert read is not None

    cluster.replace(scope, PolicyObject({AGE_THRESHOLD: 9}).over(read), expected=read)

    now = cluster.admin.own_offload_policy(scope)
    assert now == PolicyObject({AGE_THRESHOLD: 9}).over(read)
    assert read.get(CREDENTIAL) is STORED
    assert read.get("managedLedgerExtraConfigurations.a") == "1"


def test_what_somebody_else_wrote_is_not_written_over(cluster: Cluster, scope: PolicyScope) -> None:
    cluster.replace(scope, PolicyObject(S3))

    with pytest.raises(Busy):
        cluster.admin.replace_offload_policy(scope, PolicyObject(S3 | {AGE_THRESHOLD: 1}), expected=None)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({DRIVER: "nosuch", "managedLedgerOffloadBucket": "b"}, "driver is not supported"),
        ({DRIVER: "aws-s3"}, "bucket must be specified"),
        ({SIZE_THRESHOLD: 1}, "driver is not supported"),
    ],
)
def test_a_policy_without_driver_or_bucket_is_rejected(
    cluster: Cluster, scope: PolicyScope, fields: dict[str, PolicyValue], words: str
) -> None:
    with pytest.raises(Rejected, match=words):
        cluster.admin.replace_offload_policy(scope, PolicyObject(fields), expected=None)


def test_what_is_removed_is_gone_and_may_be_removed_again(cluster: Cluster, scope: PolicyScope) -> None:
    cluster.replace(scope, PolicyObject(S3))

    cluster.admin.remove_offload_policy(scope)
    eventually(lambda: cluster.admin.own_offload_policy(scope) is None, "the policy is gone")

    cluster.admin.remove_offload_policy(scope)
    assert cluster.admin.own_offload_policy(scope) is None


def test_a_namespace_s_single_fields_are_set_one_by_one(cluster: Cluster) -> None:
    namespace = cluster.topic().namespace_name

    for name, value in ((SIZE_THRESHOLD, 5), (AGE_THRESHOLD, 6), (DELETION_LAG, -7)):
        cluster.admin.set_offload_field(namespace, name, value)
    all_of_them = cluster.admin.own_offload_policy(namespace)
    cluster.admin.set_offload_field(namespace, DELETION_LAG, None)

    assert all_of_them == born(PolicyObject({SIZE_THRESHOLD: 5, AGE_THRESHOLD: 6, DELETION_LAG: -7}))
    assert cluster.admin.own_offload_policy(namespace) == all_of_them.without(DELETION_LAG)


def test_applied_is_topic_over_namespace_over_broker(cluster: Cluster) -> None:
    topic = cluster.topic()
    cluster.admin.set_offload_field(topic.namespace_name, AGE_THRESHOLD, 6)
    cluster.replace(topic, PolicyObject(S3 | {SIZE_THRESHOLD: 5}))

    applied = cluster.admin.applied_offload_policy(topic)

    assert (applied.number(SIZE_THRESHOLD), applied.number(AGE_THRESHOLD)) == (5, 6)
    assert applied.text("managedLedgerOffloadRegion") == "us-east-1", "the broker's own"


def test_nothing_is_global_where_nobody_set_it(cluster: Cluster) -> None:
    assert cluster.admin.own_offload_policy(cluster.topic(), is_global=True) is None


def test_a_topic_s_global_policy_is_beside_its_own(cluster: Cluster) -> None:
    topic, wanted = cluster.topic(), PolicyObject(S3 | {AGE_THRESHOLD: 11})

    cluster.admin.replace_offload_policy(topic, wanted, expected=None, is_global=True)
    eventually(lambda: cluster.admin.own_offload_policy(topic, is_global=True) is not None, "the policy is there")

    assert cluster.admin.own_offload_policy(topic, is_global=True) == born(wanted)
    assert cluster.admin.own_offload_policy(topic) is None
    cluster.admin.remove_offload_policy(topic, is_global=True)
    eventually(lambda: cluster.admin.own_offload_policy(topic, is_global=True) is None, "the policy is gone")


def test_what_else_a_namespace_has_is_read(cluster: Cluster) -> None:
    facts = cluster.admin.namespace_facts(cluster.topic().namespace_name)

    assert facts.older == PolicyObject()


def test_retention_is_set_read_and_removed(cluster: Cluster, scope: PolicyScope) -> None:
    def own() -> Retention | None:
        if isinstance(scope, NamespaceName):
            return cluster.admin.namespace_facts(scope).retention
        return cluster.admin.topic_retention(scope)

    def is_own(wanted: Retention | None) -> bool:
        return own() == wanted

    assert own() is None
    for wanted in (Retention(90, -1), Retention(-1, 7), Retention(0, 0)):
        cluster.admin.set_retention(scope, wanted)
        eventually(partial(is_own, wanted), "the retention is there")
    cluster.admin.set_retention(scope, None)
    eventually(lambda: own() is None, "the retention is gone")


def test_a_retention_of_which_one_half_is_nothing_is_rejected(cluster: Cluster) -> None:
    with pytest.raises(BrokerError):
        cluster.admin.set_retention(cluster.topic().namespace_name, Retention(0, 7))


def test_the_broker_s_settings_are_those_of_offload(cluster: Cluster) -> None:
    settings = cluster.admin.broker_settings()

    assert {"managedLedgerOffloadDriver", "maxMessageSize", "retentionCheckIntervalInSeconds"} <= settings.keys()


def test_what_is_not_there_is_not_found(cluster: Cluster) -> None:
    missing = NamespaceName("public", "no-such-namespace")

    with pytest.raises(NotFound):
        cluster.admin.own_offload_policy(missing)
    with pytest.raises(NotFound):
        cluster.admin.namespace_facts(missing)
    with pytest.raises(NotFound):
        cluster.admin.applied_offload_policy(TopicName("public", "no-such-namespace", "t"))


def test_a_policy_goes_round_field_by_field(cluster: Cluster, scope: PolicyScope) -> None:
    ports = Ports(cluster.admin, SystemClock())

    def change(wish: PolicyWish) -> ChangeState:
        work = ChangePolicies(ports, verified_by_check(ports, may_load=False), Approval(unverified=True, yes=True))
        return work.run([wish])[0].state

    fields: dict[str, PolicyValue] = {SIZE_THRESHOLD: 1_000_000, AGE_THRESHOLD: 60, DELETION_LAG: 120_000}
    assert change(PolicyWish(scope, fields)) is ChangeState.CONFIRMED
    assert change(PolicyWish(scope, fields)) is ChangeState.UNCHANGED
    assert change(PolicyWish(scope, unset=frozenset({AGE_THRESHOLD}))) is ChangeState.CONFIRMED
    own = cluster.admin.own_offload_policy(scope)
    assert own is not None
    assert (own.number(SIZE_THRESHOLD), own.get(AGE_THRESHOLD)) == (1_000_000, None)
    assert change(PolicyWish(scope, remove=True)) is ChangeState.CONFIRMED
    assert cluster.admin.own_offload_policy(scope) is None
