"""The harm that the scenarios do: each helper does what its name says, to the real thing."""

import pytest
import requests

from tests.integration.audit import Audit, Auditor
from tests.integration.conftest import ClusterStarter, make_namespace
from tests.integration.messages import publish_payloads, read_back
from tests.integration.stack import Topic, eventually
from tests.integration.tokens import TokenKey

pytestmark = pytest.mark.integration


def test_a_killed_or_frozen_server_comes_back_with_what_it_had(start_cluster: ClusterStarter) -> None:
    with start_cluster() as cluster:
        namespace = make_namespace(cluster.stack, "kill")
        topic = Topic(cluster.stack, f"persistent://{namespace}/kept")
        sent = publish_payloads(cluster.stack, topic.name, count=10, size=100)

        cluster.pulsar.kill()
        with pytest.raises(requests.ConnectionError):
            cluster.stack.get("clusters")
        cluster.pulsar.start()
        cluster.await_broker()
        cluster.minio.freeze()
        with pytest.raises(requests.Timeout):
            requests.get(cluster.stack.s3_url, timeout=1)
        cluster.minio.thaw()

        assert topic.offload()["status"] == "SUCCESS"
        assert read_back(cluster.stack, topic.name, len(sent)) == sent
        assert Auditor(cluster.stack, [namespace]).compare() == Audit()


def test_two_brokers_share_the_topics_and_redirect_to_each_other(start_cluster: ClusterStarter) -> None:
    """The true broker's redirects are in recording 06."""
    with start_cluster(zookeeper=True) as cluster:
        second = cluster.start_second_broker()
        namespace = make_namespace(cluster.stack, "two-brokers")
        topic = Topic(cluster.stack, f"persistent://{namespace}/somewhere")
        sent = publish_payloads(cluster.stack, topic.name, count=10, size=100)
        topic.unload()
        path = f"{topic.path}/internalStats"

        answers = {
            stack.admin_url: requests.get(f"{stack.admin_url}/admin/v2/{path}", timeout=30, allow_redirects=False)
            for stack in (cluster.stack, second)
        }

        assert sorted(answer.status_code for answer in answers.values()) == [200, 307]
        (owner,) = [url for url, answer in answers.items() if answer.ok and answer.status_code == 200]
        (sent_on,) = [answer for answer in answers.values() if answer.status_code == 307]
        assert sent_on.headers["Location"].startswith(f"{owner}/admin/v2/{path}")
        cluster.kill_second_broker()
        eventually(lambda: cluster.stack.answers(path), "the first broker owns the topic", seconds=90)
        assert topic.offload()["status"] == "SUCCESS"
        assert read_back(cluster.stack, topic.name, len(sent)) == sent
        assert Auditor(cluster.stack, [namespace]).compare() == Audit()


def test_tokens_open_doors_as_the_broker_says(start_cluster: ClusterStarter) -> None:
    """The true broker's answers are in recording 07."""
    key = TokenKey.new()
    with start_cluster(settings=key.broker_settings(), token=key.token("admin")) as cluster:
        namespace = make_namespace(cluster.stack, "tokens")
        topic = Topic(cluster.stack, f"persistent://{namespace}/guarded")
        sent = publish_payloads(cluster.stack, topic.name, count=5, size=100)
        url = f"{cluster.stack.admin_url}/admin/v2/{topic.path}/internalStats"
        tokens = {
            "none": None,
            "garbage": "garbage",
            "expired": key.token("admin", expires_in=-60),
            "powerless": key.token("nobody"),
            "right": key.token("admin"),
        }

        answers = {
            name: requests.get(
                url, headers={"Authorization": f"Bearer {token}"} if token else {}, timeout=30
            ).status_code
            for name, token in tokens.items()
        }

        assert answers == {"none": 401, "garbage": 401, "expired": 401, "powerless": 401, "right": 200}
        topic.unload()
        assert topic.offload()["status"] == "SUCCESS"
        assert read_back(cluster.stack, topic.name, len(sent)) == sent
        assert not any(token in cluster.pulsar.log() for name, token in tokens.items() if token and name != "garbage")
        assert Auditor(cluster.stack, [namespace]).compare() == Audit()
