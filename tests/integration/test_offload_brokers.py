"""Scenarios 9 and 10: two brokers that share the topics, and brokers that want a token."""

from pathlib import Path

import pytest
import requests

from tests.integration.audit import Audit, Auditor
from tests.integration.command import Offloadctl
from tests.integration.conftest import ClusterStarter, make_namespace
from tests.integration.containers import Cluster
from tests.integration.door import Door
from tests.integration.ledgers import closed_ledger
from tests.integration.messages import read_back
from tests.integration.stack import Stack, Topic, eventually
from tests.integration.tokens import TokenKey

pytestmark = pytest.mark.integration


def test_two_brokers_redirect_and_hand_a_topic_over_during_the_wait(start_cluster: ClusterStarter) -> None:
    """The true broker's redirects are in recording 06; a run that an unload ends is in recording 03."""
    with start_cluster(zookeeper=True) as cluster, Door(cluster.stack.s3_url).standing() as door:
        first, second = brokers = cluster.stack, cluster.start_second_broker()
        namespace = make_namespace(first, "two-brokers")
        topic = Topic(first, f"persistent://{namespace}/shared")
        cluster.put_behind(door, topic)
        hand_over(topic, brokers, first)
        sent = closed_ledger(topic)

        redirected = Offloadctl(second).offload(topic.name)
        sent += closed_ledger(topic)
        door.hold("PUT ")
        with Offloadctl(first).offloading(topic.name) as running:
            eventually(lambda: door.is_holding, "the upload begins")
            hand_over(topic, brokers, second)
            handed_over = running.end()
        door.open()
        again = Offloadctl(first).offload(topic.name)
        checked = Offloadctl(first).check(topic.name)

        assert redirected.outcome == ("confirmed", 0)
        assert handed_over.outcome == ("unloaded", 1), handed_over.result
        assert again.outcome == ("confirmed", 0)
        assert (checked.code, checked.findings) == (0, [])
        cluster.kill_second_broker()
        eventually(lambda: first.answers(f"{topic.path}/offload"), "the first broker serves the topic")
        assert Offloadctl(first).offload(topic.name).code == 0
        assert read_back(first, topic.name, len(sent)) == sent
        assert Auditor(first, [namespace]).settled() == Audit()


def owners(brokers: tuple[Stack, Stack], topic: Topic) -> list[Stack]:
    """Who answers for the topic without sending the caller on."""
    return [broker for broker in brokers if asked(broker, topic).status_code == requests.codes.ok]


def leads_to(owner: Stack, brokers: tuple[Stack, Stack], topic: Topic) -> bool:
    """Do all others redirect to it?"""
    sent_on = [asked(broker, topic).headers.get("Location", "") for broker in brokers if broker != owner]
    return all(location.startswith(f"{owner.admin_url}/admin/v2/{topic.path}/offload") for location in sent_on)


def asked(broker: Stack, topic: Topic) -> requests.Response:
    url = f"{broker.admin_url}/admin/v2/{topic.path}/offload"
    return requests.get(url, timeout=60, allow_redirects=False)


def hand_over(topic: Topic, brokers: tuple[Stack, Stack], new_owner: Stack) -> None:
    """Unload the topic's bundle until that broker serves it, and the other one sends its callers there.

    More than once: for a moment after an unload each broker may send its callers to the other.
    """
    boundaries = new_owner.get(f"namespaces/{topic.namespace}/bundles")["boundaries"]
    path = f"namespaces/{topic.namespace}/{'_'.join(boundaries)}/unload"
    destination = new_owner.admin_url.removeprefix("http://")

    def is_there() -> bool:
        if owners(brokers, topic) == [new_owner] and leads_to(new_owner, brokers, topic):
            return True
        new_owner.call("PUT", f"{path}?destinationBroker={destination}")
        return False

    eventually(is_there, f"{new_owner.admin_url} serves the topic", pause=1)


def test_tokens_open_doors_as_the_broker_says_and_show_up_nowhere(
    start_cluster: ClusterStarter, tmp_path: Path
) -> None:
    """The true broker's answers are in recording 07."""
    key = TokenKey.new()
    with start_cluster(settings=key.broker_settings(), token=key.token("admin")) as cluster:
        namespace = make_namespace(cluster.stack, "tokens")
        topic = Topic(cluster.stack, f"persistent://{namespace}/guarded")
        sent = closed_ledger(topic)
        tokens = {
            "garbage": "garbage-that-is-no-token",
            "expired": key.token("admin", expires_in=-60),
            "powerless": key.token("nobody"),
            "right": key.token("admin"),
        }

        refused = {"none": Offloadctl(cluster.stack).offload(topic.name)}
        for name in ("garbage", "expired", "powerless"):
            refused[name] = with_token(cluster, tmp_path / name, tokens[name]).offload(topic.name, "--debug")
        admitted = with_token(cluster, tmp_path / "right", tokens["right"])
        ran = admitted.offload(topic.name, "--debug")
        checked = admitted.check(topic.name)

        for name, one in refused.items():
            why = "not-authorised" if name == "powerless" else "not-authenticated"
            assert (name, *one.outcome) == (name, "failed", 1)
            assert [reason["code"] for reason in one.result["reasons"]] == [why]
            assert one.result["plan"] is None
        assert "token" in refused["expired"].result["hint"]
        assert "tenant admin" in refused["powerless"].result["hint"]
        assert ran.outcome == ("confirmed", 0)
        assert (checked.code, checked.findings) == (0, [])
        assert read_back(cluster.stack, topic.name, len(sent)) == sent
        log = cluster.pulsar.log()
        assert [name for name, token in tokens.items() if token in log] == []
        assert Auditor(cluster.stack, [namespace]).settled() == Audit()


def with_token(cluster: Cluster, file: Path, token: str) -> Offloadctl:
    """The command line with a token in a file that nobody else may read."""
    file.touch(mode=0o600)
    file.write_text(token)
    return Offloadctl(cluster.stack, token_file=file)
