"""The harm that scenarios do: each helper does what its name says, to the real thing; more in test_offload_*.py."""

from collections.abc import Sequence

import pytest
import requests

from tests.integration.audit import Audit, Auditor
from tests.integration.conftest import ClusterStarter, make_namespace
from tests.integration.containers import start_again
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
        cluster.start_pulsar_again()
        cluster.minio.freeze()
        with pytest.raises(requests.Timeout):
            requests.get(cluster.stack.s3_url, timeout=1)
        cluster.minio.thaw()

        assert topic.offload()["status"] == "SUCCESS"
        assert read_back(cluster.stack, topic.name, len(sent)) == sent
        assert Auditor(cluster.stack, [namespace]).compare() == Audit()


BOOKIE_LOST = "ResourceLockImpl - Lock on resource /ledgers/available/127.0.0.1:39111 was invalidated. state Valid\n"
BROKER_LOST = "ResourceLockImpl - Lock on resource /loadbalance/brokers/127.0.0.1:37741 was invalidated. state Valid\n"
SERVING = "PulsarService - messaging service is ready\n"


class KilledPulsar:
    """Each start prints the next of these logs; it serves while it runs."""

    def __init__(self, *logs: str) -> None:
        self._logs = list(logs)
        self._printed = SERVING
        self.starts = self.kills = 0

    def start(self) -> None:
        self._printed += self._logs[self.starts]
        self.starts += 1

    def kill(self) -> None:
        self.kills += 1

    def log(self) -> str:
        return self._printed

    def serves(self) -> bool:
        return self.starts > self.kills


@pytest.mark.parametrize(
    ("logs", "starts"),
    [([SERVING], 1), ([BROKER_LOST + SERVING], 1), ([BOOKIE_LOST * 2, BOOKIE_LOST + SERVING, SERVING], 3)],
)
def test_a_pulsar_is_started_until_its_bookie_stays_registered(logs: Sequence[str], starts: int) -> None:
    pulsar = KilledPulsar(*logs)

    start_again(pulsar, pulsar.serves)

    assert (pulsar.starts, pulsar.kills) == (starts, starts - 1)
    assert pulsar.serves()


def test_a_bookie_that_never_stays_registered_is_said_so() -> None:
    pulsar = KilledPulsar(*[BOOKIE_LOST + SERVING] * 2)

    with pytest.raises(AssertionError, match="in 2 starts the bookie never stayed registered"):
        start_again(pulsar, pulsar.serves, starts=2)
