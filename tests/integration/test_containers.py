"""The harm that scenarios do: each helper does what its name says, to the real thing; more in test_offload_*.py."""

import pytest
import requests

from tests.integration.audit import Audit, Auditor
from tests.integration.conftest import ClusterStarter, make_namespace
from tests.integration.messages import publish_payloads, read_back
from tests.integration.stack import Topic

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
