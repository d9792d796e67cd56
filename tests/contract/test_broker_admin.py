"""Each promise of `ports.BrokerAdmin`, held against every admin REST service there is.

The embedded cluster is asked over real HTTP. A real broker is held to the same, in containers or wherever the variables
of tests/integration/stack.py say: `pytest -m integration tests/contract/test_broker_admin.py`.
"""

import itertools
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import quote

import pytest

from offloadctl.adapters.memory import MemoryObjectStore
from offloadctl.adapters.pulsar_rest import PulsarRest
from offloadctl.adapters.system import SystemClock
from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.demo.messages import Producer
from offloadctl.demo.policies import new_policy
from offloadctl.demo.subscriptions import acknowledge, subscribe
from offloadctl.demo.tuning import Tuning
from offloadctl.errors import Busy, NotFound
from offloadctl.model.ledger import Cursor, OffloadState, Position
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.settings import BrokerSettings, RateLimits
from offloadctl.ports import BrokerAdmin
from tests.integration.stack import Stack, Topic, eventually

NAMESPACE = NamespaceName("public", "contract")
UNLIMITED = RateLimits(light=1e6, loading=1e6)

_numbers = itertools.count(1)


class ContractCluster(Protocol):
    """A cluster to which tests do what its clients and operators would; the port under test is `admin`."""

    admin: BrokerAdmin
    bucket: str
    pause: float
    """Seconds between two looks at something that takes time."""

    def create(self, topic: TopicName) -> None:
        """A topic without partitions."""
        ...

    def create_partitioned(self, topic: TopicName, partitions: int) -> None:
        """A topic with partitions, none of which is loaded."""
        ...

    def publish(self, topic: TopicName, messages: int) -> None:
        """So many entries of a topic that is there; it is loaded afterwards."""
        ...

    def close_ledger(self, topic: TopicName) -> None:
        """Close the open ledger, which has entries, and open the next one; the topic is loaded afterwards."""
        ...

    def unload(self, topic: TopicName) -> None:
        """The topic is idle afterwards."""
        ...

    def terminate(self, topic: TopicName) -> None:
        """Close the topic for good."""
        ...

    def delete(self, topic: TopicName) -> None:
        """A topic, or one partition alone."""
        ...

    def set_offload_policy(self, topic: TopicName, fields: Mapping[str, str | int]) -> None:
        """A policy of the topic's own, in force when this returns."""
        ...

    def subscribe(self, topic: TopicName, subscription: str) -> None:
        """A durable subscription from the beginning on; the topic is loaded afterwards."""
        ...

    def acknowledge(self, topic: TopicName, subscription: str, entries: int) -> None:
        """The first entries of a subscription that has acknowledged none; all of them are in the first ledger."""
        ...

    def refresh_stats(self) -> None:
        """Brokers know soon which topics they serve."""
        ...


class Embedded:
    """Two simulated brokers on real ports; an upload takes long enough to be met."""

    pause = 0.02

    def __init__(self, embedded: EmbeddedCluster, admin: BrokerAdmin) -> None:
        self.admin = admin
        self.bucket = embedded.bucket
        self._cluster = embedded.cluster

    def create(self, topic: TopicName) -> None:
        with self._cluster.lock:
            self._cluster.create_topic(topic)

    def create_partitioned(self, topic: TopicName, partitions: int) -> None:
        with self._cluster.lock:
            self._cluster.create_partitioned_topic(topic, partitions)

    def publish(self, topic: TopicName, messages: int) -> None:
        with self._cluster.lock:
            self._cluster.publish(topic, Producer("contract", self._cluster.clock.now()).entries(messages))

    def close_ledger(self, topic: TopicName) -> None:
        with self._cluster.lock:
            self._cluster.roll_over(topic)

    def unload(self, topic: TopicName) -> None:
        with self._cluster.lock:
            self._cluster.unload(topic)

    def terminate(self, topic: TopicName) -> None:
        with self._cluster.lock:
            self._cluster.terminate(topic)

    def delete(self, topic: TopicName) -> None:
        with self._cluster.lock:
            self._cluster.delete_topic(topic)

    def set_offload_policy(self, topic: TopicName, fields: Mapping[str, str | int]) -> None:
        with self._cluster.lock:
            self._cluster.topic_policies[topic] = new_policy(fields)

    def subscribe(self, topic: TopicName, subscription: str) -> None:
        subscribe(self._cluster, topic, subscription)

    def acknowledge(self, topic: TopicName, subscription: str, entries: int) -> None:
        first = self._cluster.existing(topic).ascending[0].ledger_id
        acknowledge(self._cluster, topic, subscription, Position(first, entries - 1))

    def refresh_stats(self) -> None:
        with self._cluster.lock:
            self._cluster.refresh_stats()


class Real:
    """A real broker with a real bucket."""

    pause = 0.2

    def __init__(self, stack: Stack, admin: BrokerAdmin) -> None:
        self.admin = admin
        self.bucket = stack.bucket
        self._stack = stack
        if not stack.answers(f"namespaces/{NAMESPACE}"):
            stack.put(f"namespaces/{NAMESPACE}")
        stack.post(f"namespaces/{NAMESPACE}/retention", {"retentionTimeInMinutes": -1, "retentionSizeInMB": -1})

    def create(self, topic: TopicName) -> None:
        self._stack.put(f"persistent/{topic.rest_path}")

    def create_partitioned(self, topic: TopicName, partitions: int) -> None:
        self._stack.put(f"persistent/{topic.rest_path}/partitions", partitions)

    def publish(self, topic: TopicName, messages: int) -> None:
        import pulsar  # noqa: PLC0415 - not everybody has it

        client = pulsar.Client(self._stack.broker_url, logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Error))
        try:
            producer = client.create_producer(str(topic), batching_enabled=False, block_if_queue_full=True)
            for _ in range(messages):
                producer.send_async(bytes(1000), None)
            producer.flush()
        finally:
            client.close()

    def close_ledger(self, topic: TopicName) -> None:
        self.unload(topic)
        _ = self._topic(topic).served_ledgers()

    def unload(self, topic: TopicName) -> None:
        self._topic(topic).unload()

    def terminate(self, topic: TopicName) -> None:
        self._stack.post(f"persistent/{topic.rest_path}/terminate")

    def delete(self, topic: TopicName) -> None:
        self._stack.call("DELETE", f"persistent/{topic.rest_path}").raise_for_status()

    def set_offload_policy(self, topic: TopicName, fields: Mapping[str, str | int]) -> None:
        self._stack.post(f"persistent/{topic.rest_path}/offloadPolicies", fields)
        in_force = f"persistent/{topic.rest_path}/offloadPolicies?applied=true"
        eventually(lambda: self._stack.get(in_force).items() >= fields.items(), "the policy is in force")

    def subscribe(self, topic: TopicName, subscription: str) -> None:
        earliest = {"ledgerId": -1, "entryId": -1}
        self._stack.put(f"persistent/{topic.rest_path}/subscription/{quote(subscription, safe='')}", earliest)

    def acknowledge(self, topic: TopicName, subscription: str, entries: int) -> None:
        path = f"persistent/{topic.rest_path}/subscription/{quote(subscription, safe='')}"
        self._stack.post(f"{path}/skip/{entries}")

    def refresh_stats(self) -> None:
        """By themselves, once a minute."""

    def _topic(self, topic: TopicName) -> Topic:
        return Topic(self._stack, str(topic))


@contextmanager
def embedded_cluster(_: pytest.Config) -> Iterator[Embedded]:
    tuning = Tuning(max_entries_per_ledger=1000, upload_overhead=0.15, retention_minutes=-1)
    with EmbeddedCluster(stores=[MemoryObjectStore("offload-demo")], tuning=tuning) as embedded:
        # Every request goes to the first broker, which sends us on to the second for its topics.
        settings = BrokerSettings(admin_urls=embedded.admin_urls[:1], rates=UNLIMITED)
        with PulsarRest(settings, embedded.clock) as admin:
            yield Embedded(embedded, admin)


@contextmanager
def real_cluster(config: pytest.Config) -> Iterator[Real]:
    from tests.integration.shared import shared_stack  # noqa: PLC0415 - not everybody has what it needs

    stack = shared_stack(config)
    with PulsarRest(BrokerSettings(admin_urls=(stack.admin_url,), rates=UNLIMITED), SystemClock()) as admin:
        yield Real(stack, admin)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(embedded_cluster, id="embedded"),
        pytest.param(real_cluster, id="real", marks=pytest.mark.integration),
    ],
)
def cluster(request: pytest.FixtureRequest) -> Iterator[ContractCluster]:
    with request.param(request.config) as cluster:
        yield cluster


@pytest.fixture
def topic(cluster: ContractCluster) -> TopicName:
    """A topic of the test's own with two closed ledgers of 20 entries and an open one with 5, loaded."""
    name = new_name()
    cluster.create(name)
    for _ in range(2):
        cluster.publish(name, 20)
        cluster.close_ledger(name)
    cluster.publish(name, 5)
    return name


def new_name(words: str = "topic") -> TopicName:
    return TopicName(NAMESPACE.tenant, NAMESPACE.local_name, f"{words}-{time.time_ns():x}-{next(_numbers)}")


def ended(cluster: ContractCluster, topic: TopicName) -> OffloadState:
    """The state after a run, however it ended."""
    eventually(
        lambda: cluster.admin.offload_status(topic).state is not OffloadState.RUNNING,
        "the run ends",
        pause=cluster.pause,
    )
    return cluster.admin.offload_status(topic).state


def end_of(cluster: ContractCluster, topic: TopicName) -> Position:
    """The beginning of the open ledger: everything closed is before it."""
    return Position(cluster.admin.served_ledgers(topic).ledgers[-1].ledger_id, 0)


# -- the cluster


def test_the_brokers_own_cluster_is_among_those_that_it_knows(cluster: ContractCluster) -> None:
    assert cluster.admin.own_cluster() in cluster.admin.clusters()


def test_a_version_is_a_version(cluster: ContractCluster) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", cluster.admin.broker_version())


# -- which topics there are


def test_the_way_from_the_cluster_to_a_topic_is_told_step_by_step(cluster: ContractCluster, topic: TopicName) -> None:
    assert NAMESPACE.tenant in cluster.admin.tenants()
    assert NAMESPACE in cluster.admin.namespaces(NAMESPACE.tenant).names
    assert topic in cluster.admin.topics(NAMESPACE).names


def test_partitions_are_listed_one_by_one_and_their_parent_is_not(cluster: ContractCluster) -> None:
    parent = new_name("a b")
    cluster.create_partitioned(parent, 2)

    listed = cluster.admin.topics(NAMESPACE).names

    assert [name for name in listed if name.parent == parent] == [parent.with_partition(0), parent.with_partition(1)]


def test_a_topic_that_is_deleted_is_not_listed_any_more(cluster: ContractCluster, topic: TopicName) -> None:
    cluster.delete(topic)

    assert topic not in cluster.admin.topics(NAMESPACE).names


def test_tenants_and_namespaces_that_are_not_there_are_not_found(cluster: ContractCluster) -> None:
    with pytest.raises(NotFound):
        cluster.admin.namespaces("no-such-tenant")
    with pytest.raises(NotFound):
        cluster.admin.topics(NamespaceName("public", "no-such-namespace"))


# -- topics


def test_a_topic_without_partitions_has_none(cluster: ContractCluster, topic: TopicName) -> None:
    assert cluster.admin.partition_count(topic) == 0


def test_a_partitioned_topic_tells_how_many(cluster: ContractCluster) -> None:
    parent = new_name()
    cluster.create_partitioned(parent, 3)

    assert cluster.admin.partition_count(parent) == 3
    assert cluster.admin.partition_count(parent.with_partition(1)) == 0


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda admin, name: admin.partition_count(name), id="partition_count"),
        pytest.param(lambda admin, name: admin.stored_ledgers(name), id="stored_ledgers"),
        pytest.param(lambda admin, name: admin.stored_ledgers_by_partition(name), id="stored_ledgers_by_partition"),
        pytest.param(lambda admin, name: admin.offload_policies(name), id="offload_policies"),
        pytest.param(lambda admin, name: admin.served_ledgers(name), id="served_ledgers"),
        pytest.param(lambda admin, name: admin.offload_status(name), id="offload_status"),
        pytest.param(lambda admin, name: admin.trigger_offload(name, Position(1, 0)), id="trigger_offload"),
    ],
)
@pytest.mark.parametrize(
    "missing", [TopicName("public", "contract", "missing"), TopicName("public", "no-such-namespace", "t")], ids=str
)
def test_what_is_not_there_is_not_found(
    cluster: ContractCluster, ask: Callable[[BrokerAdmin, TopicName], object], missing: TopicName
) -> None:
    with pytest.raises(NotFound):
        ask(cluster.admin, missing)


@pytest.mark.parametrize("words", ["a b", "a+b", "a%2Fb", "ü", "a~b*c", "a:b?c#d&e=f"])
def test_any_name_survives_the_way_to_the_broker(cluster: ContractCluster, words: str) -> None:
    name = new_name(words)
    cluster.create(name)
    cluster.publish(name, 3)

    served = cluster.admin.served_ledgers(name)

    assert served.current_entries == 3
    assert cluster.admin.stored_ledgers(name).ledgers[-1].ledger_id == served.ledgers[-1].ledger_id


# -- ledgers as the metadata store has them


def test_stored_ledgers_are_ascending_and_only_the_open_one_lacks_its_numbers(
    cluster: ContractCluster, topic: TopicName
) -> None:
    stored = cluster.admin.stored_ledgers(topic)

    ids = [ledger.ledger_id for ledger in stored.ledgers]
    assert ids == sorted(ids)
    assert [ledger.entries for ledger in stored.ledgers] == [20, 20, None]
    assert [ledger.size is None for ledger in stored.ledgers] == [False, False, True]
    assert [ledger.closed_at is None for ledger in stored.ledgers] == [False, False, True]
    assert all(ledger.context_uuid is None for ledger in stored.ledgers)
    assert stored.terminated_at is None


def test_a_closed_ledger_tells_when_it_was_closed(cluster: ContractCluster, topic: TopicName) -> None:
    closed_at = cluster.admin.stored_ledgers(topic).ledgers[0].closed_at

    assert closed_at is not None
    assert abs(datetime.now(UTC) - closed_at) < timedelta(minutes=5)


def test_each_change_of_the_ledgers_raises_the_version(cluster: ContractCluster, topic: TopicName) -> None:
    before = cluster.admin.stored_ledgers(topic).version

    cluster.close_ledger(topic)

    assert cluster.admin.stored_ledgers(topic).version > before


def test_a_partition_that_was_never_loaded_has_no_ledgers_yet(cluster: ContractCluster) -> None:
    parent = new_name()
    cluster.create_partitioned(parent, 2)

    assert cluster.admin.stored_ledgers(parent.with_partition(0)).ledgers == ()


def test_the_partitions_of_a_topic_come_together(cluster: ContractCluster) -> None:
    parent = new_name()
    cluster.create_partitioned(parent, 2)
    cluster.publish(parent.with_partition(1), 3)

    found = cluster.admin.stored_ledgers_by_partition(parent)

    assert set(found) == {parent.with_partition(0), parent.with_partition(1)}
    assert [len(found[parent.with_partition(number)].ledgers) for number in range(2)] == [0, 1]


def test_a_partition_that_is_gone_does_not_hide_the_others(cluster: ContractCluster) -> None:
    parent = new_name()
    cluster.create_partitioned(parent, 3)
    cluster.delete(parent.with_partition(1))

    assert set(cluster.admin.stored_ledgers_by_partition(parent)) == {
        parent.with_partition(0),
        parent.with_partition(2),
    }


def test_a_terminated_topic_tells_its_end(cluster: ContractCluster, topic: TopicName) -> None:
    cluster.terminate(topic)

    stored, served = cluster.admin.stored_ledgers(topic), cluster.admin.served_ledgers(topic)
    assert stored.terminated_at == served.last_confirmed == Position(stored.ledgers[-1].ledger_id, 4)
    assert served.state == "Terminated"


# -- ledgers as the serving broker has them


def test_served_ledgers_tell_the_open_ones_numbers_apart(cluster: ContractCluster, topic: TopicName) -> None:
    served = cluster.admin.served_ledgers(topic)

    assert [ledger.entries for ledger in served.ledgers] == [20, 20, 0]
    assert served.ledgers[-1].size == 0
    assert served.current_entries == 5
    assert served.current_size > 5 * 1000
    assert served.state == "LedgerOpened"
    assert served.last_confirmed == Position(served.ledgers[-1].ledger_id, 4)
    assert not any(ledger.offloaded for ledger in served.ledgers)


def test_both_views_agree_on_what_is_closed(cluster: ContractCluster, topic: TopicName) -> None:
    stored, served = cluster.admin.stored_ledgers(topic), cluster.admin.served_ledgers(topic)

    assert [(ledger.ledger_id, ledger.entries, ledger.size) for ledger in stored.ledgers[:-1]] == [
        (ledger.ledger_id, ledger.entries, ledger.size) for ledger in served.ledgers[:-1]
    ]


def test_a_partitioned_parent_is_served_by_nobody(cluster: ContractCluster) -> None:
    parent = new_name()
    cluster.create_partitioned(parent, 2)

    for ask in (cluster.admin.served_ledgers, cluster.admin.offload_status):
        with pytest.raises(NotFound):
            ask(parent)
    with pytest.raises(NotFound):
        cluster.admin.trigger_offload(parent, Position(1, 0))


# -- how far subscriptions are


def test_both_views_tell_where_the_subscriptions_of_an_idle_topic_stand(
    cluster: ContractCluster, topic: TopicName
) -> None:
    first = cluster.admin.stored_ledgers(topic).ledgers[0].ledger_id
    for name in ("billing", "audit/eu 2"):
        cluster.subscribe(topic, name)
    cluster.acknowledge(topic, "billing", 7)
    cluster.unload(topic)

    stored = cluster.admin.stored_ledgers(topic).cursors

    assert stored == (Cursor("audit/eu 2", Position(first, -1)), Cursor("billing", Position(first, 6)))
    assert cluster.admin.served_ledgers(topic).cursors == stored


def test_the_metadata_knows_that_it_does_not_know_where_the_subscriptions_of_a_served_topic_stand(
    cluster: ContractCluster, topic: TopicName
) -> None:
    first = cluster.admin.stored_ledgers(topic).ledgers[0].ledger_id
    cluster.subscribe(topic, "billing")
    cluster.acknowledge(topic, "billing", 7)

    assert cluster.admin.stored_ledgers(topic).cursors == (Cursor("billing", Position(first, -1), is_current=False),)
    assert cluster.admin.served_ledgers(topic).cursors == (Cursor("billing", Position(first, 6)),)


# -- reading must not disturb


def test_what_loads_nothing_leaves_an_idle_topic_alone(cluster: ContractCluster, topic: TopicName) -> None:
    cluster.unload(topic)
    before = cluster.admin.stored_ledgers(topic)

    cluster.admin.clusters()
    cluster.admin.own_cluster()
    cluster.admin.broker_version()
    cluster.admin.tenants()
    cluster.admin.namespaces(topic.tenant)
    cluster.admin.topics(topic.namespace_name)
    cluster.admin.partition_count(topic)
    cluster.admin.served_topics()
    cluster.admin.offload_policies(topic)

    # Loading would have closed the open ledger, opened another and raised the version.
    assert cluster.admin.stored_ledgers(topic) == before


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda admin, name: admin.served_ledgers(name), id="served_ledgers"),
        pytest.param(lambda admin, name: admin.offload_status(name), id="offload_status"),
        pytest.param(lambda admin, name: admin.trigger_offload(name, Position(-1, -1)), id="trigger_offload"),
    ],
)
def test_what_loads_the_topic_does(
    cluster: ContractCluster, topic: TopicName, ask: Callable[[BrokerAdmin, TopicName], object]
) -> None:
    cluster.unload(topic)
    before = cluster.admin.stored_ledgers(topic)

    ask(cluster.admin, topic)

    after = cluster.admin.stored_ledgers(topic)
    assert after.version == before.version + 1
    assert after.ledgers[-1].ledger_id > before.ledgers[-1].ledger_id


def test_served_topics_are_those_that_are_loaded(cluster: ContractCluster) -> None:
    served, idle = new_name("served"), new_name("idle")
    for name in (served, idle):
        cluster.create(name)
        cluster.publish(name, 1)
    cluster.unload(idle)

    cluster.refresh_stats()

    def only_one_is_served() -> bool:
        found = cluster.admin.served_topics()
        return served in found and idle not in found

    eventually(only_one_is_served, "the loaded topic is served, and it alone", pause=cluster.pause)


# -- policies


def test_the_policies_in_force_name_driver_and_bucket(cluster: ContractCluster, topic: TopicName) -> None:
    policies = cluster.admin.offload_policies(topic)

    assert policies.driver in ("S3", "aws-s3")
    assert policies.bucket == cluster.bucket
    assert policies.max_block_size is not None
    assert policies.deletion_lag_ms is not None


def test_a_topics_own_policy_wins_and_its_partitions_have_it_too(cluster: ContractCluster) -> None:
    parent = new_name()
    cluster.create_partitioned(parent, 2)

    cluster.set_offload_policy(
        parent,
        {
            "managedLedgerOffloadDriver": "S3",
            "managedLedgerOffloadBucket": "elsewhere",
            "managedLedgerOffloadThresholdInBytes": 4096,
            "managedLedgerOffloadDeletionLagInMillis": 7,
        },
    )

    for name in (parent, parent.with_partition(1)):
        policies = cluster.admin.offload_policies(name)
        assert (policies.driver, policies.bucket) == ("S3", "elsewhere")
        assert (policies.size_threshold, policies.deletion_lag_ms) == (4096, 7)


# -- offload


def test_a_topic_that_was_not_offloaded_since_it_was_loaded_says_so(cluster: ContractCluster, topic: TopicName) -> None:
    status = cluster.admin.offload_status(topic)

    assert (status.state, status.last_error, status.first_unoffloaded) == (OffloadState.NOT_RUN, "", None)


def test_an_accepted_trigger_offloads_what_is_closed_before_the_position(
    cluster: ContractCluster, topic: TopicName
) -> None:
    end = end_of(cluster, topic)

    cluster.admin.trigger_offload(topic, end)
    state = ended(cluster, topic)

    served, stored = cluster.admin.served_ledgers(topic), cluster.admin.stored_ledgers(topic)
    assert state is OffloadState.SUCCESS
    assert cluster.admin.offload_status(topic).first_unoffloaded == end
    assert [ledger.offloaded for ledger in served.ledgers] == [True, True, False]
    assert [ledger.context_uuid is not None for ledger in stored.ledgers] == [True, True, False]
    assert len({ledger.context_uuid for ledger in stored.ledgers}) == 3


def test_ledgers_at_and_behind_the_position_stay(cluster: ContractCluster, topic: TopicName) -> None:
    second = cluster.admin.served_ledgers(topic).ledgers[1].ledger_id

    cluster.admin.trigger_offload(topic, Position(second, 19))

    assert ended(cluster, topic) is OffloadState.SUCCESS
    assert cluster.admin.offload_status(topic).first_unoffloaded == Position(second, 0)
    assert [ledger.offloaded for ledger in cluster.admin.served_ledgers(topic).ledgers] == [True, False, False]


def test_a_second_trigger_is_busy_while_the_first_goes_on(cluster: ContractCluster, topic: TopicName) -> None:
    def second_is_busy() -> bool:
        end = end_of(cluster, topic)
        cluster.admin.trigger_offload(topic, end)
        try:
            cluster.admin.trigger_offload(topic, end)
        except Busy:
            return True
        # The first one was over before the second request came.
        assert ended(cluster, topic) is OffloadState.SUCCESS
        cluster.publish(topic, 20)
        cluster.close_ledger(topic)
        return False

    eventually(second_is_busy, "the second trigger is busy", pause=0)

    assert ended(cluster, topic) is OffloadState.SUCCESS


def test_nothing_to_do_is_accepted_and_a_success(cluster: ContractCluster) -> None:
    name = new_name()
    cluster.create(name)
    cluster.publish(name, 1)

    cluster.admin.trigger_offload(name, end_of(cluster, name))

    assert ended(cluster, name) is OffloadState.SUCCESS
    assert not any(ledger.offloaded for ledger in cluster.admin.served_ledgers(name).ledgers)


def test_a_wrong_position_is_accepted_too_and_shows_up_in_the_status(
    cluster: ContractCluster, topic: TopicName
) -> None:
    cluster.admin.trigger_offload(topic, Position(987_654_321, 0))

    assert ended(cluster, topic) is OffloadState.ERROR
    assert "Invalid position for offload: 987654321:0" in cluster.admin.offload_status(topic).last_error


def test_the_status_is_forgotten_with_the_topic_in_memory_and_the_ledgers_are_not(
    cluster: ContractCluster, topic: TopicName
) -> None:
    cluster.admin.trigger_offload(topic, end_of(cluster, topic))
    ended(cluster, topic)

    cluster.unload(topic)

    assert cluster.admin.offload_status(topic).state is OffloadState.NOT_RUN
    assert [ledger.offloaded for ledger in cluster.admin.served_ledgers(topic).ledgers] == [True, True, False, False]
