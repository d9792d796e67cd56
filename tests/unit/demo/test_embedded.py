"""The embedded cluster as a whole: on ports beside moto, on ports with a bucket in memory, and without a socket."""

import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from offloadctl.adapters.memory import ManualClock, MemoryObjectStore
from offloadctl.adapters.pulsar_rest import PulsarRest
from offloadctl.adapters.s3 import S3Store
from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.demo.faults import Fault
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.messages import Producer
from offloadctl.demo.policies import DELETION_LAG
from offloadctl.demo.tuning import Tuning
from offloadctl.errors import BrokerUnreachable, ServerError
from offloadctl.model.ledger import OffloadState, Position
from offloadctl.model.names import TopicName
from tests.unit.demo.worlds import both_keys

TOPIC = TopicName("acme", "shop", "orders")
QUICK = Tuning(max_entries_per_ledger=50, upload_overhead=0.01)


def fill(embedded: EmbeddedCluster | InMemoryCluster) -> None:
    """A topic with two closed ledgers and an open one."""
    with embedded.cluster.lock:
        embedded.cluster.create_topic(TOPIC)
        embedded.cluster.publish(TOPIC, Producer("shop", embedded.clock.now(), payload_size=50).entries(110))


def until(done: Callable[[], bool]) -> None:
    """Wait for a thread; a test that waits in vain fails by its own assertion."""
    deadline = time.monotonic() + 20
    while not done() and time.monotonic() < deadline:
        time.sleep(0.01)


def test_a_topic_is_offloaded_into_motos_bucket_over_real_http() -> None:
    with EmbeddedCluster(tuning=QUICK) as embedded:
        fill(embedded)
        open_ledger = embedded.cluster.existing(TOPIC).last.ledger_id
        with PulsarRest(embedded.broker_settings, embedded.clock) as admin:
            admin.trigger_offload(TOPIC, Position(open_ledger, 0))
            until(lambda: admin.offload_status(TOPIC).state is not OffloadState.RUNNING)

            assert admin.offload_status(TOPIC).state is OffloadState.SUCCESS
            assert admin.offload_policies(TOPIC).endpoint == embedded.s3_endpoint

        closed = embedded.cluster.existing(TOPIC).ascending[:2]
        with S3Store(embedded.bucket_settings, credentials=embedded.credentials) as store:
            assert {info.key for info in store.list()} == both_keys(closed[0]) | both_keys(closed[1])


def test_a_killed_broker_leaves_an_open_upload_in_motos_bucket() -> None:
    with EmbeddedCluster(clock=ManualClock(), tuning=QUICK) as embedded:
        fill(embedded)
        loaded, metadata = embedded.cluster.serve(TOPIC), embedded.cluster.existing(TOPIC)
        last = Position(metadata.last.ledger_id, 0)
        embedded.cluster.offloading.start_manual(TOPIC, loaded, last, embedded.clock.now())

        embedded.cluster.crash_broker(loaded.broker)

        with S3Store(embedded.bucket_settings, credentials=embedded.credentials) as store:
            assert [upload.key for upload in store.uploads()] == [min(both_keys(metadata.ascending[0]), key=len)]
            assert list(store.list()) == []


def test_the_next_cluster_finds_an_empty_bucket_of_the_same_name() -> None:
    with EmbeddedCluster(brokers=1) as first:
        first.store.put("left", b"over", user_metadata={}, content_type="text/plain")

    with EmbeddedCluster(brokers=1) as second:
        assert list(second.store.list()) == []


def test_nothing_runs_on_after_the_end() -> None:
    threads = threading.active_count()

    with EmbeddedCluster() as embedded:
        urls = [*embedded.admin_urls, embedded.s3_endpoint]

    assert threading.active_count() == threads
    for url in urls:
        parts = urlsplit(url)
        with pytest.raises(ConnectionError):
            socket.create_connection((parts.hostname or "", parts.port or 0), timeout=1)


def test_a_failure_inside_ends_it_all_the_same() -> None:
    threads = threading.active_count()

    with pytest.raises(ZeroDivisionError), EmbeddedCluster(stores=[MemoryObjectStore("b")]):
        _ = 1 / 0

    assert threading.active_count() == threads


def test_with_a_bucket_handed_in_moto_is_not_started() -> None:
    store = MemoryObjectStore("mine")
    with EmbeddedCluster(stores=[store], tuning=QUICK) as embedded:
        fill(embedded)
        with PulsarRest(embedded.broker_settings, embedded.clock) as admin:
            admin.trigger_offload(TOPIC, Position(embedded.cluster.existing(TOPIC).last.ledger_id, 0))

        until(lambda: len(list(store.list())) == 4)

        assert len(list(store.list())) == 4
        assert embedded.s3_endpoint == ""


def test_uploads_end_even_if_nobody_asks() -> None:
    with EmbeddedCluster(stores=[MemoryObjectStore("b")], tuning=QUICK) as embedded:
        fill(embedded)
        with embedded.cluster.lock:
            loaded, metadata = embedded.cluster.serve(TOPIC), embedded.cluster.existing(TOPIC)
            last = Position(metadata.last.ledger_id, 0)
            embedded.cluster.offloading.start_manual(TOPIC, loaded, last, embedded.clock.now())

        until(lambda: metadata.ascending[1].is_offloaded)

        assert metadata.ascending[1].is_offloaded


def test_hours_pass_in_a_moment() -> None:
    properties = {DELETION_LAG: 3_600_000}
    with EmbeddedCluster(stores=[MemoryObjectStore("b")], tuning=QUICK, properties=properties) as embedded:
        fill(embedded)
        before = embedded.clock.now()
        with embedded.cluster.lock:
            loaded, metadata = embedded.cluster.serve(TOPIC), embedded.cluster.existing(TOPIC)
            last = Position(metadata.last.ledger_id, 0)
            embedded.cluster.offloading.start_manual(TOPIC, loaded, last, before)
        embedded.advance(timedelta(minutes=1))

        embedded.advance(timedelta(hours=2))

        assert embedded.clock.now() - before >= timedelta(hours=2)
        assert metadata.bookkeeper_bytes == metadata.last.length
        with pytest.raises(ValueError, match="backwards"):
            embedded.advance(timedelta(seconds=-1))


def test_a_clock_that_is_moved_by_hand_stands_still() -> None:
    clock = ManualClock()
    with EmbeddedCluster(stores=[MemoryObjectStore("b")], clock=clock, tuning=QUICK) as embedded:
        before = clock.now()

        with PulsarRest(embedded.broker_settings, clock) as admin:
            admin.clusters()

        assert embedded.clock is clock
        assert clock.now() == before


def test_two_brokers_send_each_others_topics_on() -> None:
    with EmbeddedCluster(stores=[MemoryObjectStore("b")]) as embedded:
        topics = [TopicName("acme", "shop", f"t{number}") for number in range(6)]
        for topic in topics:
            embedded.cluster.create_topic(topic)
        with PulsarRest(embedded.broker_settings, embedded.clock) as admin:
            for topic in topics:
                admin.served_ledgers(topic)

        assert len(embedded.cluster.topics_loaded) == 2
        assert embedded.cluster.topics_loaded.total() == 6


# -- without a socket


def test_in_memory_the_real_admin_client_is_answered_and_waiting_is_time() -> None:
    world = InMemoryCluster(tuning=QUICK)
    fill(world)
    ports = world.ports()

    ports.admin.trigger_offload(TOPIC, Position(world.cluster.existing(TOPIC).last.ledger_id, 0))
    before = ports.admin.offload_status(TOPIC).state
    ports.clock.sleep(5)

    assert (before, ports.admin.offload_status(TOPIC).state) == (OffloadState.RUNNING, OffloadState.SUCCESS)
    assert len(list(world.store.list())) == 4


def test_in_memory_faults_of_requests_happen_too() -> None:
    world = InMemoryCluster()
    admin = world.admin()
    world.cluster.faults.plant(Fault.RESET)
    with pytest.raises(BrokerUnreachable):
        admin.clusters()
    world.cluster.faults.clear()
    world.cluster.faults.plant(Fault.UNAVAILABLE)
    with pytest.raises(ServerError):
        admin.clusters()
    world.cluster.faults.clear()
    world.cluster.faults.plant(Fault.SLOW, count=1)
    before = world.clock.monotonic()

    admin.clusters()

    assert world.clock.monotonic() == pytest.approx(before + world.cluster.faults.slow_seconds)


def test_in_memory_patience_ends_too() -> None:
    world = InMemoryCluster()
    world.cluster.faults.slow_seconds = 3600
    world.cluster.faults.plant(Fault.SLOW)

    with pytest.raises(BrokerUnreachable):
        world.admin().clusters()


def test_in_memory_nobody_else_is_there() -> None:
    world = InMemoryCluster()
    settings = world.broker_settings

    with pytest.raises(BrokerUnreachable):
        world.admin(type(settings)(admin_urls=("http://elsewhere:8080",))).clusters()
