"""`offloadctl check --subscription`, and whom damage will hit."""

import pytest

from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.demo.subscriptions import acknowledge, subscribe
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from tests.cli.conftest import Command, fill, make_idle
from tests.cli.test_check import keys_of, offload


@pytest.fixture
def read(connected: EmbeddedCluster, request: pytest.FixtureRequest) -> TopicName:
    """Three ledgers of 20 entries in S3; `billing` has read six entries of the second, `audit` nothing."""
    name = TopicName("acme", "shop", request.node.name.replace("_", "-"))
    fill(connected, name)
    for subscription in ("billing", "audit"):
        subscribe(connected.cluster, name, subscription)
    acknowledge(connected.cluster, name, "billing", Position(ledger_ids(connected, name)[1], 5))
    offload(connected, name)
    return name


def ledger_ids(embedded: EmbeddedCluster, topic: TopicName) -> list[int]:
    with embedded.cluster.lock:
        return [ledger.ledger_id for ledger in embedded.cluster.existing(topic).ascending]


def test_it_is_told_where_a_subscription_stands_and_that_it_can_read_on(
    command: Command, connected: EmbeddedCluster, read: TopicName
) -> None:
    second = ledger_ids(connected, read)[1]

    ran = command("check", str(read), "--subscription", "billing")

    assert ran.code == 0
    assert f"reads on from {second}:6" in ran.flowing
    assert "nothing is wrong there at the level blocks" in ran.flowing


def test_damage_names_the_subscriptions_that_have_it_still_before_them(
    command: Command, connected: EmbeddedCluster, read: TopicName
) -> None:
    connected.store.delete(keys_of(connected, read)[0][0])

    ran = command("check", str(read), "--subscription", "audit", "-o", "json")

    (finding,) = ran.document["findings"]
    place = ran.document["topics"][0]["place"]
    first = ledger_ids(connected, read)[0]
    assert ran.code == 4
    assert finding["readers"] == {"before": ["audit"], "perhaps": []}
    assert (place["readable"], place["nextEntry"], place["damagedAhead"]) == ("no", f"{first}:0", [first])
    assert "still before 1 subscription: audit" in command("check", str(read)).flowing


def test_damage_further_on_is_told_too(command: Command, connected: EmbeddedCluster, read: TopicName) -> None:
    connected.store.delete(keys_of(connected, read)[2][0])

    ran = command("check", str(read), "--subscription", "billing")

    assert f"damaged further on: ledger {ledger_ids(connected, read)[2]}" in ran.flowing


def test_an_idle_topic_that_was_closed_in_order_tells_without_being_loaded(
    command: Command, connected: EmbeddedCluster, read: TopicName
) -> None:
    second = ledger_ids(connected, read)[1]
    make_idle(connected, read)

    ran = command("check", str(read), "--subscription", "billing", "-o", "json")

    place = ran.document["topics"][0]["place"]
    assert (place["nextEntry"], place["isExact"], place["readable"]) == (f"{second}:6", True, "yes")
    assert ran.code == 0
    assert read not in connected.cluster.loaded


def test_after_a_crash_only_a_broker_knows_the_place_and_that_counts_as_not_covered(
    command: Command, connected: EmbeddedCluster, read: TopicName
) -> None:
    first, second, *_ = ledger_ids(connected, read)
    with connected.cluster.lock:
        connected.cluster.crash_broker(connected.cluster.owner_of(read))
        connected.cluster.refresh_stats()

    idle = command("check", str(read), "--subscription", "billing", "-o", "json")
    loaded = command("check", str(read), "--subscription", "billing", "--load-topics", "-o", "json")

    at = [ran.document["topics"][0]["place"] for ran in (idle, loaded)]
    assert [(one["nextEntry"], one["isExact"]) for one in at] == [(f"{first}:0", False), (f"{second}:6", True)]
    assert (idle.code, idle.document["status"]) == (5, "partial")
    assert (loaded.code, loaded.document["status"]) == (0, "full")


def test_a_subscription_that_is_not_there_is_not_covered(command: Command, read: TopicName) -> None:
    ran = command("check", str(read), "--subscription", "biling")

    assert ran.code == 5
    assert "has no subscription biling; it has audit, billing" in ran.flowing


@pytest.mark.usefixtures("connected")
def test_it_goes_with_named_topics_only(command: Command) -> None:
    ran = command("check", "-n", "acme/shop", "--subscription", "billing")

    assert ran.code == 2
