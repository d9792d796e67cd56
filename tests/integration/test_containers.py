"""The harm that scenarios do: each helper does what its name says, to the real thing; more in test_offload_*.py."""

import socket
import threading
from collections.abc import Sequence

import pytest
import requests

from tests.integration.audit import Audit, Auditor
from tests.integration.conftest import ClusterStarter, make_namespace
from tests.integration.containers import start_again
from tests.integration.door import Door
from tests.integration.messages import publish_payloads, read_back
from tests.integration.stack import Topic, eventually
from tests.sockets import Listener, answering

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
        assert Auditor(cluster.stack, [namespace]).settled() == Audit()


def test_a_door_holds_a_line_that_comes_in_two_pieces_and_lets_it_go_for_another() -> None:
    with answering(b"answered") as server, Door(server.url).standing() as door:
        door.hold("PUT /first ")
        with socket.create_connection(("127.0.0.1", door.port), timeout=30) as client:
            client.sendall(b"PUT /fi")
            # Nothing tells that the first piece has come; if both come as one, the test is only an easier one.
            client.settimeout(0.2)
            with pytest.raises(TimeoutError):
                client.recv(1)
            client.settimeout(30)
            client.sendall(b"rst HTTP/1.1\r\n\r\n")
            eventually(lambda: door.is_holding, "the line is held")

            door.hold("PUT /second ")
            assert not door.is_holding
            assert client.recv(100) == b"answered"
            client.sendall(b"PUT /second HTTP/1.1\r\n\r\n")
            eventually(lambda: door.is_holding, "the next line is held")

            door.open()
            assert client.recv(100) == b"answered"


def test_what_a_door_has_held_for_long_reaches_a_server_that_hangs_up_on_who_says_nothing() -> None:
    gone = threading.Event()

    def talk(listener: Listener, connection: socket.socket) -> None:
        connection.settimeout(1)
        try:
            while listener.hear(connection) is not None:
                connection.sendall(b"answered")
        except TimeoutError:
            gone.set()

    with (
        Listener(talk) as server,
        Door(server.url).standing() as door,
        socket.create_connection(("127.0.0.1", door.port), timeout=60) as client,
    ):
        client.sendall(b"PUT /first HTTP/1.1\r\n\r\n")
        assert client.recv(100) == b"answered"
        door.hold("PUT /second ")
        client.sendall(b"PUT /second HTTP/1.1\r\n\r\n")
        eventually(lambda: door.is_holding, "the line is held")
        client.settimeout(1.5)
        with pytest.raises(TimeoutError):
            client.recv(1)

        door.open()
        client.settimeout(60)
        assert client.recv(100) == b"answered"
        assert client.recv(100) == b""

    assert gone.is_set()


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
