"""What the recordings do not show of the simulated broker: who may ask, who answers, what reading leaves alone."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from offloadctl.adapters.pulsar_rest import PulsarRest
from offloadctl.demo.broker import Access, Broker, Request, Response
from offloadctl.demo.broker.access import Grant
from offloadctl.demo.broker.views import iso
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.messages import Producer
from offloadctl.demo.policies import (
    THRESHOLD,
    THRESHOLD_IN_SECONDS,
    EffectivePolicy,
    JsonValue,
    NamespacePolicies,
    merged,
    new_policy,
    refusal,
)
from offloadctl.demo.tuning import Tuning
from offloadctl.errors import NotAuthenticated, NotAuthorised
from offloadctl.model.ledger import Position
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.settings import BrokerSettings, TokenAuth
from offloadctl.redaction import Secret
from tests.recordings import Recording
from tests.unit.demo.replay import all_recordings
from tests.unit.demo.worlds import World

TOPIC = TopicName("acme", "shop", "orders")
PARENT = TopicName("acme", "shop", "clicks")


def ask(
    broker: Broker, method: str, path: str, *, body: bytes = b"", accept: str = "application/json", **params: str
) -> Response:
    return broker.answer(Request(method, f"/admin/v2{path}", params, body, {"accept": accept}))


def one_broker(world: World) -> Broker:
    return Broker(world.cluster, world.brokers[0])


# -- reading must not disturb


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda admin: admin.clusters(), id="clusters"),
        pytest.param(lambda admin: admin.own_cluster(), id="own_cluster"),
        pytest.param(lambda admin: admin.broker_version(), id="broker_version"),
        pytest.param(lambda admin: admin.partition_count(TOPIC), id="partition_count"),
        pytest.param(lambda admin: admin.stored_ledgers(TOPIC), id="stored_ledgers"),
        pytest.param(lambda admin: admin.stored_ledgers_by_partition(PARENT), id="stored_by_partition"),
        pytest.param(lambda admin: admin.served_topics(), id="served_topics"),
        pytest.param(lambda admin: admin.offload_policies(TOPIC), id="offload_policies"),
    ],
)
def test_no_read_that_promises_it_loads_a_topic(read: Callable[[PulsarRest], object]) -> None:
    world = InMemoryCluster()
    world.cluster.create_partitioned_topic(PARENT, 3)
    world.cluster.create_topic(TOPIC)
    before = world.cluster.metadata[TOPIC].version

    read(world.admin())

    assert world.cluster.topics_loaded.total() == 0
    assert world.cluster.metadata[TOPIC].version == before
    assert world.cluster.metadata[PARENT.with_partition(0)].version == 0


def test_ten_thousand_idle_topics_are_read_without_loading_one() -> None:
    world = InMemoryCluster()
    topics = [TopicName("acme", "shop", f"idle-{number}") for number in range(10_000)]
    (entry,) = Producer("p", world.clock.now()).entries(1)
    for topic in topics:
        world.cluster.add_closed_ledgers(topic, 1, entries=1000, entry=entry)
    admin = world.admin()

    for topic in topics[::500]:
        assert admin.stored_ledgers(topic).ledgers[0].entries == 1000

    assert world.cluster.topics_loaded.total() == 0


def test_a_topic_of_a_hundred_thousand_ledgers_is_answered_for() -> None:
    world = InMemoryCluster()
    world.cluster.add_closed_ledgers(TOPIC, 100_000, entries=1000, entry=b"entry")

    stored = world.admin().stored_ledgers(TOPIC).ledgers

    assert len(stored) == 100_000
    assert all(ledger.closed_at is not None for ledger in stored)


# -- who may ask


def test_a_token_is_good_until_it_expires() -> None:
    world = InMemoryCluster()
    until = world.clock.now() + timedelta(hours=1)
    world = with_access(Access({"good": Grant("anna", until)}, super_users=frozenset({"anna"})))
    admin = world.admin(with_token(world, "good"))

    before = admin.clusters()
    world.advance(timedelta(hours=1))

    assert before == ("standalone",)
    with pytest.raises(NotAuthenticated):
        admin.clusters()


@pytest.mark.parametrize("token", ["", "rubbish"])
def test_without_a_good_token_nothing_is_answered(token: str) -> None:
    world = with_access(Access({"good": Grant("anna")}))
    admin = world.admin(with_token(world, token) if token else None)

    with pytest.raises(NotAuthenticated):
        admin.broker_version()


def test_rights_grow_with_the_role() -> None:
    world = with_access(
        Access({name: Grant(name) for name in ("nobody", "reader", "owner", "root")}, frozenset({"root"}))
    )
    world.cluster.tenants["acme"] = ("owner",)
    world.cluster.create_namespace(NamespaceName("acme", "shop")).readers["reader"] = ["consume"]
    world.cluster.create_topic(TOPIC)

    def may(role: str, act: Callable[[PulsarRest], object]) -> bool:
        try:
            act(world.admin(with_token(world, role)))
        except NotAuthorised:
            return False
        return True

    roles = ("nobody", "reader", "owner", "root")
    assert [may(role, lambda admin: admin.clusters()) for role in roles] == [True, True, True, True]
    assert [may(role, lambda admin: admin.stored_ledgers(TOPIC)) for role in roles] == [False, True, True, True]
    assert [may(role, lambda admin: admin.offload_status(TOPIC)) for role in roles] == [False, False, True, True]
    assert [may(role, lambda admin: admin.served_topics()) for role in roles] == [False, False, False, True]


def test_the_right_to_one_tenant_is_none_to_another() -> None:
    world = with_access(Access({"owner": Grant("owner")}))
    world.cluster.tenants["acme"] = ("owner",)
    world.cluster.create_topic(TopicName("other", "shop", "orders"))

    with pytest.raises(NotAuthorised):
        world.admin(with_token(world, "owner")).offload_status(TopicName("other", "shop", "orders"))


# -- who answers


def test_only_the_leader_is_sure_of_who_owns_a_topic() -> None:
    world = InMemoryCluster()
    leader, follower = world.brokers.values()
    world.cluster.create_topic(TOPIC)

    locations = []
    for asked, owner in ((leader, follower), (follower, leader)):
        world.cluster.move_bundle(TOPIC, owner.name)
        locations.append(ask(asked, "GET", f"/persistent/{TOPIC.rest_path}/stats", authoritative="x", y="1").location)

    path = f"/admin/v2/persistent/{TOPIC.rest_path}/stats"
    assert locations == [
        f"http://{follower.name}{path}?authoritative=true&y=1",
        f"http://{leader.name}{path}?authoritative=false&y=1",
    ]


def test_each_broker_tells_the_topics_that_it_served_a_minute_ago() -> None:
    world = InMemoryCluster()
    topics = [TopicName("acme", "shop", f"t{number}") for number in range(6)]
    for topic in topics:
        world.cluster.create_topic(topic)
        world.cluster.serve(topic)

    early = world.admin().served_topics()
    world.advance(timedelta(minutes=1))
    world.cluster.unload(topics[0])

    assert early == frozenset()
    assert world.admin().served_topics() == frozenset(topics)


def test_broker_stats_have_the_recorded_fields() -> None:
    world = World()
    world.topic()
    world.cluster.refresh_stats()
    (recorded,) = [one for one in all_recordings() if (one.source, one.number) == ("10-ledgers", 140)]

    answer = json.loads(ask(one_broker(world), "GET", "/broker-stats/topics").body)

    (bundle,) = answer["acme/shop"].values()
    assert bundle["persistent"].keys() == {str(world.cluster.metadata[TOPIC].topic)}
    assert bundle["persistent"][str(TOPIC)].keys() == recorded_topic(recorded).keys()
    assert bundle["persistent"][str(TOPIC)]["msgInCount"] == 23


def test_metrics_tell_storage_and_failed_uploads_by_topic() -> None:
    world = World()
    metadata = world.topic(closed=2)
    world.store.refused = "-ledger-4"
    world.offload()
    world.pass_time()

    text = one_broker(world).answer(Request("GET", "/metrics/")).body.decode()

    labels = f'{{cluster="standalone",namespace="acme/shop",topic="{TOPIC}"}}'
    assert f"pulsar_storage_offloaded_size{labels} {metadata.ascending[0].length}\n" in text
    assert f"pulsar_storage_size{labels} {metadata.total_length}\n" in text
    assert f"brk_ledgeroffloader_offload_error_total{labels} 1\n" in text
    assert "# TYPE brk_ledgeroffloader_offload_error counter\n" in text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_795_486_233_780, "2026-11-24T02:10:33.78Z"),
        (1_795_486_230_005, "2026-11-24T02:10:30.005Z"),
        (1_795_486_230_100, "2026-11-24T02:10:30.1Z"),
    ],
)
def test_times_are_written_as_the_recorded_ones(milliseconds: int, text: str) -> None:
    assert iso(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)) == text


def test_an_error_page_is_json_only_for_those_who_ask_for_it() -> None:
    broker = one_broker(World())

    as_json = ask(broker, "GET", "/persistent/public/default/none/internal-info")
    as_html = ask(broker, "GET", "/persistent/public/default/none/internal-info", accept="*/*")
    unspoken = ask(broker, "PUT", "/nosuch")

    assert (as_json.status, as_html.status, unspoken.status) == (500, 500, 404)
    assert json.loads(as_json.body)["message"] == "Request failed."
    assert as_html.body.startswith(b"<html>")
    assert (unspoken.body, unspoken.content_type) == (b"", "")


def test_a_topic_of_pulsar_1_is_no_topic() -> None:
    answer = ask(one_broker(World()), "GET", "/persistent/public/default/x%2Fy/internal-info")

    assert (answer.status, json.loads(answer.body)) == (412, {"reason": "Topic name is not valid"})


# -- namespaces and bundles


def test_a_bundle_is_unloaded_and_the_others_are_not() -> None:
    world = World()
    topics = [TopicName("acme", "shop", f"t{number}") for number in range(12)]
    for topic in topics:
        world.cluster.create_topic(topic)
        world.cluster.serve(topic)
    bundle = world.cluster.bundle_of(topics[0])

    answer = ask(one_broker(world), "PUT", f"/namespaces/acme/shop/{bundle}/unload")

    assert answer.status == 204
    assert set(world.cluster.loaded) == {topic for topic in topics if world.cluster.bundle_of(topic) != bundle}
    assert set(world.cluster.loaded) < set(topics) - {topics[0]}


def test_a_bundle_that_is_none_is_refused_in_pulsars_words() -> None:
    world = World()
    world.topic()
    broker = one_broker(world)

    beside = ask(broker, "PUT", "/namespaces/acme/shop/0x00000000_0x10000000/unload")
    nonsense = ask(broker, "PUT", "/namespaces/acme/shop/nosuch/unload")

    assert (beside.status, nonsense.status) == (412, 500)
    assert json.loads(beside.body)["reason"].endswith("Expected upper boundary of acme/shop/0x00000000_0x40000000")
    assert "Invalid bundle range" in json.loads(nonsense.body)["reason"]


def test_a_retention_below_the_backlog_quota_is_refused() -> None:
    world = World()
    world.topic()
    broker = one_broker(world)
    ask(
        broker,
        "POST",
        "/namespaces/acme/shop/backlogQuota",
        body=b'{"limitSize": 1048576, "policy": "producer_exception"}',
    )

    small = ask(
        broker,
        "POST",
        "/namespaces/acme/shop/retention",
        body=b'{"retentionTimeInMinutes": -1, "retentionSizeInMB": 1}',
    )
    large = ask(
        broker,
        "POST",
        "/namespaces/acme/shop/retention",
        body=b'{"retentionTimeInMinutes": -1, "retentionSizeInMB": 2}',
    )

    assert (small.status, large.status) == (412, 204)


@pytest.mark.parametrize("body", [b"[1", b'"x"', b"{} {}", b"\xff\xfe", b"nul", b"true", b"1.5"])
def test_a_body_that_is_no_position_is_a_400_and_changes_nothing(body: bytes) -> None:
    world = World()
    world.topic()

    answer = ask(one_broker(world), "PUT", f"/persistent/{TOPIC.rest_path}/offload", body=body)

    assert (answer.status, answer.content_type) == (400, "text/plain")
    assert world.loaded().run is None


# -- policies


def test_the_driver_decides_which_keys_count() -> None:
    keys = {"s3ManagedLedgerOffloadBucket": "own", "managedLedgerOffloadBucket": "general"}

    by_driver = {
        driver: EffectivePolicy.of(new_policy({**keys, "managedLedgerOffloadDriver": driver})).bucket
        for driver in ("aws-s3", "AWS-S3", "S3", "aliyun-oss")
    }

    assert by_driver == {"aws-s3": "own", "AWS-S3": "own", "S3": "general", "aliyun-oss": "general"}


def test_a_topics_policy_leaks_its_defaults_over_the_brokers_values() -> None:
    broker: dict[str, JsonValue] = {
        "s3ManagedLedgerOffloadMaxBlockSizeInBytes": 5_242_880,
        "managedLedgerOffloadDriver": "aws-s3",
    }

    policy = EffectivePolicy.of(merged(new_policy({"managedLedgerOffloadThresholdInBytes": 1}), None, broker))

    assert (policy.threshold, policy.max_block_size) == (1, 64 * 1024 * 1024)


def test_without_any_key_the_block_size_is_the_drivers_default() -> None:
    assert EffectivePolicy.of({"managedLedgerOffloadDriver": "S3"}).max_block_size == 64 * 1024 * 1024


def test_the_older_thresholds_count_where_the_policy_is_silent() -> None:
    policies = NamespacePolicies(older_threshold=5, older_threshold_in_seconds=6)
    before = policies.in_force or {}

    policies.set_field(THRESHOLD, 7)

    after = policies.in_force or {}
    assert (before[THRESHOLD], before[THRESHOLD_IN_SECONDS]) == (5, 6)
    assert (after[THRESHOLD], after[THRESHOLD_IN_SECONDS]) == (7, 6)
    assert NamespacePolicies().in_force is None


@pytest.mark.parametrize(
    ("policy", "is_refused"),
    [
        ({"managedLedgerOffloadDriver": "filesystem"}, False),
        ({"managedLedgerOffloadDriver": "aws-s3", "s3ManagedLedgerOffloadBucket": "b"}, False),
        ({"managedLedgerOffloadDriver": "S3", "managedLedgerOffloadBucket": "b"}, False),
        ({"managedLedgerOffloadDriver": "azureblob", "s3ManagedLedgerOffloadBucket": "b"}, True),
        ({"managedLedgerOffloadDriver": "google-cloud-storage", "gcsManagedLedgerOffloadBucket": "b"}, False),
        ({"managedLedgerOffloadDriver": "S3"}, True),
        ({}, True),
    ],
)
def test_only_driver_and_bucket_are_checked(policy: dict[str, str], is_refused: bool) -> None:
    assert (refusal(dict(policy)) is not None) is is_refused


def test_a_topics_own_bucket_is_the_one_that_its_ledgers_go_to() -> None:
    world = InMemoryCluster(tuning=Tuning(max_entries_per_ledger=10))
    world.cluster.create_topic(TOPIC)
    world.cluster.publish(TOPIC, Producer("p", world.clock.now()).entries(15))
    world.cluster.topic_policies[TOPIC] = new_policy(
        {"managedLedgerOffloadDriver": "S3", "managedLedgerOffloadBucket": "nowhere"}
    )
    admin = world.admin()

    admin.trigger_offload(TOPIC, Position(world.cluster.metadata[TOPIC].last.ledger_id, 0))

    assert admin.offload_status(TOPIC).last_error.endswith("[NullLedgerOffloader] does not support offload")


def with_access(access: Access) -> InMemoryCluster:
    return InMemoryCluster(access=access)


def with_token(world: InMemoryCluster, token: str) -> BrokerSettings:
    return BrokerSettings(admin_urls=world.admin_urls, auth=TokenAuth(text=Secret(token)))


def recorded_topic(recorded: Recording) -> dict[str, object]:
    """The numbers of a topic without any subscription."""
    bundles = recorded.response["public/led"].values()
    topics: dict[str, dict[str, object]] = {name: one for each in bundles for name, one in each["persistent"].items()}
    return topics["persistent://public/led/t"]
