"""The simulated broker on real sockets: connections, encodings, faults, many clients at once, and a clean end."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager

import pytest

from offloadctl.adapters.memory import ManualClock, MemoryObjectStore
from offloadctl.demo.broker import Broker
from offloadctl.demo.cluster_state import SimulatedCluster
from offloadctl.demo.faults import Fault
from offloadctl.demo.rest_app import BrokerServer
from offloadctl.model.names import TopicName

ADMIN = "/admin/v2"


@contextmanager
def serving() -> Iterator[tuple[SimulatedCluster, str]]:
    """One broker on a free port; a mistake in stopping it would show as a thread or a socket that is left."""
    threads = threading.active_count()
    server = BrokerServer()
    clock = ManualClock()
    cluster = SimulatedCluster(clock, [MemoryObjectStore("b", now=clock.now)], brokers=(server.address,))
    server.start(Broker(cluster, server.address))
    try:
        yield cluster, server.address
    finally:
        server.stop()
        assert threading.active_count() == threads


def connected(address: str) -> AbstractContextManager[http.client.HTTPConnection]:
    return closing(http.client.HTTPConnection(address, timeout=10))


def connect(address: str) -> socket.socket:
    host, _, port = address.partition(":")
    return socket.create_connection((host, int(port)), timeout=5)


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    connection.request(method, ADMIN + path, body=body, headers={"Accept": "application/json"})
    response = connection.getresponse()
    return response, response.read()


def test_a_connection_is_kept_for_one_request_after_the_other() -> None:
    with serving() as (_, address), connected(address) as connection:
        ask(connection, "GET", "/clusters")
        first = connection.sock
        ask(connection, "PUT", "/namespaces/public/more", b"{}")
        ask(connection, "PUT", "/persistent/public/more/orders")
        _, body = ask(connection, "GET", "/persistent/public/more")

        assert connection.sock is first
        assert json.loads(body) == ["persistent://public/more/orders"]


def test_an_answer_without_content_has_neither_a_body_nor_a_type() -> None:
    with serving() as (_, address), connected(address) as connection:
        response, body = ask(connection, "PUT", "/persistent/public/default/orders")

        assert (response.status, body, response.getheader("Content-Type")) == (204, b"", None)


def test_a_null_is_an_empty_answer() -> None:
    with serving() as (_, address), connected(address) as connection:
        response, body = ask(connection, "GET", "/namespaces/public/default/offloadPolicies")

        assert (response.status, body, response.getheader("Content-Type")) == (200, b"", None)
        assert response.getheader("Content-Length") == "0"


def test_the_path_arrives_as_it_was_sent() -> None:
    with serving() as (cluster, address), connected(address) as connection:
        ask(connection, "PUT", "/persistent/public/default/a+b%2Bc%25%C3%A9")
        response, _ = ask(connection, "GET", "/persistent/public/default/a%20b%2Bc%25%C3%A9/internal-info")

        assert list(cluster.metadata) == [TopicName("public", "default", "a b+c%é")]
        assert response.status == 200


def test_doubled_and_trailing_slashes_are_not_made_up_for() -> None:
    with serving() as (_, address), connected(address) as connection:
        doubled, _ = ask(connection, "GET", "//clusters")
        trailing, _ = ask(connection, "GET", "/clusters/")

        assert (doubled.status, trailing.status) == (404, 404)


def test_a_client_that_waits_to_be_asked_for_its_body_is_asked_at_once() -> None:
    with serving() as (_, address), connect(address) as client:
        head = (
            f"PUT {ADMIN}/namespaces/public/more HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
        )
        client.sendall(f"{head}\r\n".encode())
        welcome = client.recv(100)
        client.sendall(b"{}")

        assert welcome.startswith(b"HTTP/1.1 100 ")
        assert client.recv(1000).startswith(b"HTTP/1.1 204 ")


def test_many_clients_at_once_are_answered_one_by_one() -> None:
    with serving() as (cluster, address):

        def create(number: int) -> int:
            with connected(address) as connection:
                return ask(connection, "PUT", f"/persistent/public/default/t{number}")[0].status

        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(create, range(40)))

        assert set(statuses) == {204}
        ids = [ledger_id for metadata in cluster.metadata.values() for ledger_id in metadata.ledgers]
        assert sorted(ids) == list(range(3, 43))


def test_unavailable_is_a_503_and_passes() -> None:
    with serving() as (cluster, address), connected(address) as connection:
        cluster.faults.plant(Fault.UNAVAILABLE, count=1)

        first, body = ask(connection, "GET", "/clusters")
        second, _ = ask(connection, "GET", "/clusters")

        assert (first.status, second.status) == (503, 200)
        assert json.loads(body)["message"] == "Service Unavailable"


def test_a_reset_is_no_answer_at_all() -> None:
    with serving() as (cluster, address), connected(address) as connection:
        cluster.faults.plant(Fault.RESET, count=1)

        with pytest.raises(ConnectionResetError):
            ask(connection, "GET", "/clusters")

        connection.close()
        assert ask(connection, "GET", "/clusters")[0].status == 200


def test_a_slow_answer_comes_after_its_time() -> None:
    with serving() as (cluster, address):
        slow, swift = TopicName.parse("slow"), TopicName.parse("swift")
        cluster.faults.slow_seconds = 0.5
        cluster.faults.plant(Fault.SLOW, topic=slow)
        for topic in (slow, swift):
            cluster.create_topic(topic)

        with closing(http.client.HTTPConnection(address, timeout=0.05)) as impatient, pytest.raises(TimeoutError):
            ask(impatient, "GET", f"/persistent/{slow.rest_path}/internal-info")
        with connected(address) as patient:
            assert ask(patient, "GET", f"/persistent/{slow.rest_path}/internal-info")[0].status == 200
            assert ask(patient, "GET", f"/persistent/{swift.rest_path}/internal-info")[0].status == 200


def test_stopping_does_not_wait_for_clients_that_keep_their_connection() -> None:
    with serving() as (_, address):
        connection = http.client.HTTPConnection(address, timeout=10)
        ask(connection, "GET", "/clusters")

    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask(connection, "GET", "/clusters")
    connection.close()


def test_a_server_that_was_never_started_can_be_stopped() -> None:
    server = BrokerServer()

    server.stop()

    with pytest.raises(ConnectionError):
        connect(server.address)
