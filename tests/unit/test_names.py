"""Topic names in every spelling, and what becomes of them in URLs and in metadata."""

from string import ascii_letters, digits
from urllib.parse import unquote_plus, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from offloadctl.errors import BadValue, UnsupportedTopic, UsageError
from offloadctl.model.names import NamespaceName, TopicName

ENTITIES = st.text(ascii_letters + digits + "-=:._", min_size=1, max_size=12).filter(
    lambda name: name not in (".", "..")
)
LOCAL_NAMES = st.text(min_size=1, max_size=20).filter(lambda name: "/" not in name and name not in (".", ".."))
TOPICS = st.builds(TopicName, ENTITIES, ENTITIES, LOCAL_NAMES)


@given(TOPICS)
def test_a_full_name_parses_to_what_printed_it(topic: TopicName) -> None:
    assert TopicName.parse(str(topic)) == topic


@given(TOPICS)
@example(TopicName("t", "n", "a b+c%2F*~é"))
def test_a_managed_ledger_name_parses_to_what_printed_it(topic: TopicName) -> None:
    assert TopicName.from_managed_ledger_name(topic.managed_ledger_name) == topic


@given(TOPICS)
def test_a_rest_path_has_three_parts_and_decodes_to_the_name(topic: TopicName) -> None:
    tenant, namespace, local_name = topic.rest_path.split("/")

    assert (tenant, namespace, unquote_plus(local_name)) == (topic.tenant, topic.namespace, topic.local_name)
    assert urlsplit(f"http://host/{topic.rest_path}").path == f"/{topic.rest_path}"


@given(TOPICS, st.integers(0, 2**31 - 1))
def test_a_partition_knows_its_number_and_its_parent(topic: TopicName, number: int) -> None:
    partition = topic.with_partition(number)

    assert (partition.partition, partition.parent) == (number, topic)


@given(st.text(max_size=40))
def test_any_text_is_a_topic_or_a_usage_error(text: str) -> None:
    try:
        topic = TopicName.parse(text)
    except UsageError:
        return
    assert TopicName.parse(str(topic)) == topic


@given(ENTITIES, ENTITIES)
def test_a_namespace_parses_to_what_printed_it(tenant: str, namespace: str) -> None:
    name = NamespaceName(tenant, namespace)

    assert NamespaceName.parse(str(name)) == name


@pytest.mark.parametrize("text", ["persistent://public/default/orders", "public/default/orders", "orders"])
def test_short_spellings_mean_the_same_topic(text: str) -> None:
    assert TopicName.parse(text) == TopicName("public", "default", "orders")


# Java: URLEncoder.encode("a b*c~d/é", UTF_8) gives a+b*c%7Ed%2F%C3%A9.
def test_local_names_are_encoded_as_java_does() -> None:
    assert TopicName("t", "n", "a b*c~d/é").rest_path == "t/n/a+b*c%7Ed%2F%C3%A9"


@pytest.mark.parametrize(
    "text", ["non-persistent://public/default/x", "persistent://tenant/cluster/ns/topic", "tenant/cluster/ns/topic"]
)
def test_topics_that_can_have_no_offloaded_ledgers_are_refused_with_advice(text: str) -> None:
    with pytest.raises(UnsupportedTopic) as refusal:
        TopicName.parse(text)

    assert refusal.value.hint


@pytest.mark.parametrize(
    "text", ["", "a/b", "a/b/", "/b/c", "http://a/b/c", "t/n/..", "t/n/.", "../n/x", "t/../x", "t\nu/n/x", "t/n/\udcff"]
)
def test_names_that_would_not_survive_a_url_are_bad_values(text: str) -> None:
    with pytest.raises(BadValue):
        TopicName.parse(text)


@pytest.mark.parametrize("name", ["t/n/persistent", "t/n/non-persistent/x", "t/n/persistent/", "t/n/persistent/%2E%2E"])
def test_managed_ledger_names_of_anything_else_are_bad_values(name: str) -> None:
    with pytest.raises(BadValue):
        TopicName.from_managed_ledger_name(name)


@pytest.mark.parametrize(
    "local_name",
    ["orders", "orders-partition-", "orders-partition-01", "orders-partition--1", "x-partition-2147483648"],
)
def test_what_java_does_not_take_for_a_partition_is_none(local_name: str) -> None:
    topic = TopicName("t", "n", local_name)

    assert topic.partition is None
    assert topic.parent is topic


@pytest.mark.parametrize(
    ("text", "is_system"),
    [
        ("public/default/orders", False),
        ("public/default/__change_events", True),
        ("public/default/__change_events-partition-3", True),
        ("public/default/orders__transaction_pending_ack", True),
        ("pulsar/system/anything", True),
        ("pulsar/broker-0.svc:8080/healthcheck", True),
        ("pulsar/own/orders", False),
        ("public/default/__offloadctl_lease", True),
        ("public/default/__offloadctl_lease-pauses", True),
    ],
)
def test_topics_that_the_broker_or_we_keep_for_ourselves_are_known(text: str, is_system: bool) -> None:
    assert TopicName.parse(text).is_system is is_system
