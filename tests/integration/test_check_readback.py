"""Samples through a real broker: what it gives, and that it is silent about an object that is gone."""

from __future__ import annotations

import pytest

from offloadctl.adapters.pulsar_client import PulsarMessages
from offloadctl.adapters.system import SystemClock
from offloadctl.errors import BrokerUnreachable
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.model.settings import BrokerSettings
from tests.integration.command import Offloadctl
from tests.integration.conftest import TopicMaker
from tests.integration.containers import Cluster
from tests.integration.ledgers import closed_ledger, data_keys_of, delete_bookkeeper_copies, offloaded_ledgers
from tests.integration.messages import KINDS
from tests.integration.stack import Topic

pytestmark = pytest.mark.integration

SILENCE_S = 6.0


def reader_of(topic: Topic) -> PulsarMessages:
    return PulsarMessages(topic.stack.broker_url, BrokerSettings(), SystemClock())


def test_ledgers_of_every_kind_are_given_by_the_broker_and_covered(
    make_topic: TopicMaker, offloadctl: Offloadctl, shared_cluster: Cluster | None
) -> None:
    topic = make_topic("sampled")
    alone = [publish for name, publish in KINDS.items() if name != "chunked"]
    for publish in alone:
        publish(topic.stack, topic.name)
        topic.unload()
    ran = offloadctl.offload(topic.name)
    delete_bookkeeper_copies(topic, shared_cluster)

    checked = offloadctl("check", topic.name, "--level", "readback", "--load-topics", seconds=300)

    read = checked.document["topics"][0]["readback"]
    assert ran.code == 0
    assert (checked.code, checked.findings, checked.document["status"]) == (0, [], "full")
    assert read["samples"] == read["given"] >= 2 * len(alone)


def test_the_last_chunk_of_a_message_is_given_to_nobody_by_itself_and_that_is_told(
    make_topic: TopicMaker, offloadctl: Offloadctl
) -> None:
    topic = make_topic("chunked")
    KINDS["chunked"](topic.stack, topic.name)
    topic.unload()
    closed_ledger(topic)
    offloadctl.offload(topic.name)

    checked = offloadctl("check", topic.name, "--level", "readback", "--load-topics", seconds=300)

    assert (checked.code, checked.findings, checked.document["status"]) == (5, [], "partial")
    assert "was not given" in checked.document["coverage"]["reasons"][0]


def test_a_subscription_is_told_where_it_stands(make_topic: TopicMaker, offloadctl: Offloadctl) -> None:
    topic = make_topic("read")
    closed_ledger(topic, count=20)
    (first, *_) = [ledger["ledgerId"] for ledger in topic.served_ledgers()]
    topic.stack.put(f"{topic.path}/subscription/billing", {"ledgerId": -1, "entryId": -1})
    topic.stack.post(f"{topic.path}/subscription/billing/skip/7")
    offloadctl.offload(topic.name)

    served = offloadctl("check", topic.name, "--load-topics", "--subscription", "billing")

    place = served.document["topics"][0]["place"]
    assert served.code == 0
    assert (place["nextEntry"], place["isExact"], place["readable"]) == (f"{first}:7", True, "yes")
    assert place["key"] == data_keys_of(topic)[first]


def test_a_broker_is_silent_about_an_object_that_is_gone_and_gives_what_lies_behind(
    make_topic: TopicMaker, offloadctl: Offloadctl, shared_cluster: Cluster | None
) -> None:
    topic = make_topic("gone")
    for _ in range(2):
        closed_ledger(topic)
    offloadctl.offload(topic.name)
    first, second = offloaded_ledgers(topic)
    delete_bookkeeper_copies(topic, shared_cluster)
    key = data_keys_of(topic)[first]
    s3, bucket = topic.stack.s3(), topic.stack.bucket
    whole = s3.get_object(Bucket=bucket, Key=key)
    body, metadata = whole["Body"].read(), whole["Metadata"]
    s3.delete_object(Bucket=bucket, Key=key)
    name = TopicName.parse(topic.name)
    try:
        with reader_of(topic) as messages:
            silence = messages.first_from(name, Position(first, 0), timeout=SILENCE_S)
            behind = messages.first_from(name, Position(second, 5), timeout=60)
        checked = offloadctl("check", topic.name, "--level", "readback", "--load-topics", seconds=200)
    finally:
        s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata=metadata)

    assert (silence, behind) == (None, Position(second, 5))
    assert (checked.code, checked.findings) == (4, ["data-missing"])


def test_a_broker_that_is_not_there_is_no_silence(make_topic: TopicMaker) -> None:
    topic = make_topic("nobody")

    with (
        PulsarMessages("pulsar://127.0.0.1:1", BrokerSettings(connect_timeout=0.5), SystemClock()) as messages,
        pytest.raises(BrokerUnreachable),
    ):
        messages.first_from(TopicName.parse(topic.name), Position(1, 0), timeout=1)
