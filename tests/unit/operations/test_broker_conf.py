"""What can be seen of live brokers' own settings: less with fewer rights, and what is missing is named."""

import pytest

from offloadctl.brokerconf.diff import Side
from offloadctl.brokerconf.settings import SETTINGS
from offloadctl.demo.broker import Access
from offloadctl.demo.broker.access import Grant
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.errors import NotAuthorised
from offloadctl.model.names import TopicName
from offloadctl.model.settings import BrokerSettings, RateLimits, TokenAuth
from offloadctl.operations.broker_conf import live_side
from offloadctl.redaction import Secret

TOPIC = TopicName("acme", "shop", "orders")
BUCKET, BLOCK = "s3ManagedLedgerOffloadBucket", "s3ManagedLedgerOffloadMaxBlockSizeInBytes"
CREDENTIALS = {"s3ManagedLedgerOffloadCredentialId", "s3ManagedLedgerOffloadCredentialSecret"}


def cluster_with(access: Access | None = None) -> InMemoryCluster:
    made = InMemoryCluster(properties={BLOCK: "33554432", **dict.fromkeys(CREDENTIALS, "planted")}, access=access)
    made.cluster.create_topic(TOPIC)
    made.cluster.tenants["acme"] = ("owner",)
    return made


def as_owner(cluster: InMemoryCluster) -> BrokerSettings:
    return BrokerSettings(
        admin_urls=cluster.admin_urls,
        auth=TokenAuth(text=Secret("token-of-owner")),
        rates=RateLimits(light=1e6, loading=1e6),
    )


def left_out(side: Side) -> set[str]:
    """The keys that could be seen and were not."""
    return {key for one in side.unseen if one.do for key in one.keys}


def test_everything_but_credentials_is_seen_where_no_policy_hides_anything() -> None:
    side = live_side(cluster_with().admin(), "live")

    assert side.keys is not None
    assert set(side.keys) == {one.key for one in SETTINGS} - CREDENTIALS
    assert left_out(side) == set()
    assert side.conf.text(BLOCK) == "33554432"
    assert "planted" not in str(side)


def test_what_the_policies_of_all_topics_hide_is_left_out_and_what_they_do_not_hide_is_there() -> None:
    cluster = cluster_with()
    cluster.cluster.namespaces[TOPIC.namespace_name].set_offload({BLOCK: 5_242_880})

    side = live_side(cluster.admin(), "live")

    assert side.keys is not None
    assert BLOCK in left_out(side)
    assert side.conf.text(BLOCK) is None
    assert BUCKET in side.keys


def test_another_tenants_topic_shows_what_the_first_ones_policies_hide() -> None:
    cluster = cluster_with()
    cluster.cluster.namespaces[TOPIC.namespace_name].set_offload({BLOCK: 5_242_880})
    cluster.cluster.create_topic(TopicName("zoo", "animals", "cats"))
    cluster.cluster.tenants["zoo"] = ("owner",)

    side = live_side(cluster.admin(), "live")

    assert (side.conf.text(BLOCK), left_out(side)) == ("33554432", set())


def test_without_a_topic_only_the_typed_keys_are_seen() -> None:
    side = live_side(InMemoryCluster().admin(), "live")

    assert side.keys is not None
    assert set(side.keys) == {one.key for one in SETTINGS if one.in_runtime or one.alias_of}
    assert BUCKET in left_out(side)


def test_a_tenants_admin_sees_what_a_topic_of_his_tells() -> None:
    cluster = cluster_with(Access({"token-of-owner": Grant("owner")}))

    side = live_side(cluster.admin(as_owner(cluster)), "live", TOPIC)

    assert side.conf.text(BLOCK) == "33554432"
    assert "maxMessageSize" in left_out(side)
    assert BLOCK not in left_out(side)


def test_whoever_may_see_nothing_is_told_to_name_a_topic() -> None:
    cluster = cluster_with(Access({"token-of-owner": Grant("owner")}))

    with pytest.raises(NotAuthorised) as caught:
        live_side(cluster.admin(as_owner(cluster)), "live")

    assert "--topic" in caught.value.hint
