"""Bulk reads of a cluster: several brokers, one that is silent, a proxy in between, bookies on sockets of their own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from offloadctl.adapters.cluster_numbers import PulsarNumbers
from offloadctl.adapters.memory import ManualClock
from offloadctl.demo.broker.access import Access
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.errors import BadReply, BrokerError
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.settings import BrokerSettings, TokenAuth
from offloadctl.redaction import Secret
from tests.schedules import ORDERS, SHOP
from tests.sockets import answering, closed_port, http, silent

USAGE = b"# TYPE bookie_ledger_dir_data_usage gauge\nbookie_ledger_dir_data_usage 83.5\nbookie_entries_count 7\n"


def shop() -> InMemoryCluster:
    world = InMemoryCluster()
    world.cluster.create_namespace(SHOP)
    for number in range(6):
        topic = TopicName("acme", "shop", f"t{number}")
        world.cluster.add_closed_ledgers(topic, 1, entries=1, entry=b"x" * 10)
        world.cluster.serve(topic)
    world.cluster.refresh_stats()
    return world


def test_each_broker_tells_of_its_own_topics() -> None:
    world = shop()
    numbers = world.numbers()

    loads, scrapes = numbers.topic_loads(), numbers.broker_metrics()

    assert len(loads) == 6
    assert [one.instance for one in scrapes] == ["broker-1:8080", "broker-2:8080"]
    told = [sum(one.name == "pulsar_storage_logical_size" for one in scrape.samples) for scrape in scrapes]
    assert sum(told) == 6


def test_one_broker_that_is_silent_is_told_and_the_other_one_is_asked() -> None:
    world = shop()
    numbers = world.numbers()
    brokers = numbers._transport.list_brokers()
    del world.brokers["broker-2:8080"]

    answered, silent = numbers.broker_metrics()

    assert brokers == ("broker-1:8080", "broker-2:8080")
    assert answered.samples
    assert (silent.instance, silent.samples) == ("broker-2:8080", ())
    assert "broker-2:8080" in silent.why


def test_properties_are_labels_and_a_namespace_that_is_gone_raises() -> None:
    world = shop()
    world.cluster.namespaces[SHOP].properties["tier"] = "cold"

    assert world.numbers().namespace_properties(SHOP) == {"tier": "cold"}
    with pytest.raises(BrokerError):
        world.numbers().namespace_properties(NamespaceName("acme", "gone"))


@contextmanager
def at_bookies(*urls: str) -> Iterator[PulsarNumbers]:
    settings = BrokerSettings(auth=TokenAuth(Secret("swordfish")), connect_timeout=2, read_timeout=2)
    with PulsarNumbers(settings, ManualClock(), bookie_urls=urls) as numbers:
        yield numbers


def test_bookies_are_asked_without_credentials_and_each_failure_stands_in_its_place() -> None:
    with (
        answering(http(USAGE)) as full,
        answering(http(b"", "404 Not Found")) as other,
        answering(http(b"bookie_ledger_dir_x_usage{a= 1\n")) as garbled,
        closed_port() as closed,
        at_bookies(full.url, other.url, garbled.url, f"http://{closed}") as numbers,
    ):
        scrapes = numbers.bookie_metrics()

    assert [(one.name, one.value) for one in scrapes[0].samples] == [("bookie_ledger_dir_data_usage", 83.5)]
    assert [bool(one.why) for one in scrapes] == [False, True, True, True]
    assert "404" in scrapes[1].why
    assert full.heard[0].line.startswith("GET /metrics ")
    assert "authorization" not in full.heard[0].headers


ASKS_AND_ENDS = """
import sys, threading
from offloadctl.adapters.cluster_numbers import PulsarNumbers
from offloadctl.adapters.system import SystemClock
from offloadctl.model.settings import BrokerSettings

numbers = PulsarNumbers(BrokerSettings(read_timeout=600), SystemClock(), bookie_urls=(sys.argv[1],))
threading.Thread(target=numbers.bookie_metrics, daemon=True).start()
sys.stdin.readline()
"""


def test_a_bookie_that_never_answers_keeps_no_process_from_its_end() -> None:
    """serve ended a minute after it had said so: Python waits for the threads of executors, daemons or not."""
    with silent() as bookie:
        process = subprocess.Popen([sys.executable, "-c", ASKS_AND_ENDS, bookie.url], stdin=subprocess.PIPE)
        while not bookie.heard:
            time.sleep(0.01)

        process.communicate(b"\n", timeout=10)

    assert process.returncode == 0


def alone(*answers: bytes) -> Iterator[PulsarNumbers]:
    """A broker that knows itself only: clusters, brokers, then these answers."""
    with answering(http(b'["eu"]'), http(b'["broker:8080"]'), *answers) as broker:
        settings = BrokerSettings((broker.url,), connect_timeout=2, read_timeout=2)
        with PulsarNumbers(settings, ManualClock()) as numbers:
            yield numbers


def test_a_proxys_own_metrics_are_not_taken_for_a_brokers() -> None:
    with contextmanager(alone)(
        http(b"# TYPE pulsar_proxy_active_connections gauge\njvm_memory_bytes_used 1\n")
    ) as numbers:
        [scrape] = numbers.broker_metrics()

    assert not scrape.samples
    assert "proxy" in scrape.why


@pytest.mark.parametrize(
    ("bookie", "url"),
    [("bookie-0.pulsar:3181", "http://bookie-0.pulsar:8000"), ("[fd00::1]:3181", "http://[fd00::1]:8000")],
)
def test_bookies_that_the_brokers_know_are_asked_at_their_usual_port(bookie: str, url: str) -> None:
    body = f'{{"bookies": [{{"bookieId": "{bookie}"}}]}}'.encode()
    with answering(http(body)) as broker:
        settings = BrokerSettings((broker.url,))
        with PulsarNumbers(settings, ManualClock()) as numbers:
            assert numbers._known_bookies() == (url,)


def test_statistics_that_are_something_else_are_no_answer() -> None:
    with contextmanager(alone)(http(b"<html>")) as numbers, pytest.raises(BadReply):
        numbers.topic_loads()


def test_names_of_pulsar_1_are_passed_over_and_subscriptions_counted_by_the_worst() -> None:
    body = (
        b'{"acme/shop": {"0x0_0xf": {"persistent": {"persistent://acme/shop/orders": {"storageSize": 5,'
        b' "backlogSize": 3, "bytesOutCount": 7, "subscriptions": {"a": {"msgBacklog": 1}, "b": {"msgBacklog": 4}}},'
        b' "persistent://pulsar/eu/b:8080/heartbeat": {"storageSize": 1}}}}}'
    )
    with contextmanager(alone)(http(body)) as numbers:
        loads = numbers.topic_loads()

    assert set(loads) == {ORDERS}
    load = loads[ORDERS]
    assert (load.storage_bytes, load.backlog_bytes, load.backlog_entries, load.out_bytes) == (5, 3, 4, 7)


def test_a_load_report_is_a_share_of_all_processors() -> None:
    body = b'{"cpu": {"usage": 18.3, "limit": 200.0}, "memory": {}}'
    with contextmanager(alone)(http(body)) as numbers:
        [report] = numbers.load_reports()

    assert report.cpu == pytest.approx(0.0915)


def test_who_may_not_list_brokers_is_told_so() -> None:
    world = InMemoryCluster(access=Access({}))
    with pytest.raises(BrokerError):
        world.numbers().broker_metrics()
