"""The boundary that we would send is the one that the real pulsar-admin sends, for a table of thresholds.

pulsar-admin computes it from the ledgers alone, so no offloader has a part in it; what the broker then moves is what we
planned, and that the true offloader has shown too (recordings 03 to 05). pulsar-admin knows no dry run: each threshold
really offloads, from the largest to the smallest, so the ledgers that already went are part of the table.
"""

import re
from collections.abc import Iterator

import pytest

from offloadctl.adapters.pulsar_rest import PulsarRest
from offloadctl.adapters.system import SystemClock
from offloadctl.model.ledger import ManagedLedger
from offloadctl.model.names import TopicName
from offloadctl.model.offload import OffloadWish
from offloadctl.model.settings import BrokerSettings
from offloadctl.operations.facts import read_served
from offloadctl.plan.offload import boundary_by_size, plan_offload
from offloadctl.units import parse_size
from tests.integration.conftest import TopicMaker
from tests.integration.containers import Cluster
from tests.integration.messages import publish_payloads
from tests.integration.stack import Topic, eventually

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("own_containers")]

CLOSED_LEDGERS = (30_000, 20_000, 10_000, 5_000)
"""Bytes published into each, oldest first."""


@pytest.fixture
def admin(shared_cluster: Cluster | None) -> Iterator[PulsarRest]:
    """Our own client of the broker."""
    assert shared_cluster is not None
    with PulsarRest(BrokerSettings(admin_urls=(shared_cluster.stack.admin_url,)), SystemClock()) as connected:
        yield connected


@pytest.mark.parametrize(
    ("open_ledger", "thresholds"),
    [
        pytest.param(100, ("1G", "60K", "36K", "16K", "10K", "5K", "0"), id="small-open"),
        pytest.param(40_000, ("110K", "60K", "39K", "0"), id="large-open"),
    ],
)
def test_every_threshold_moves_what_we_would_have_planned(
    open_ledger: int, thresholds: tuple[str, ...], make_topic: TopicMaker, shared_cluster: Cluster, admin: PulsarRest
) -> None:
    topic = topic_with_ledgers(make_topic("table"), open_ledger)
    ours: dict[str, int | None] = {}
    theirs: dict[str, int | None] = {}

    for threshold in thresholds:
        before = ledgers_of(topic, admin)
        plan = plan_offload(before, OffloadWish(size_threshold=parse_size(threshold)), SystemClock().now())
        ours[threshold] = boundary_by_size(before.ledgers, parse_size(threshold))
        theirs[threshold] = boundary_sent(shared_cluster, topic, threshold)
        assert moved(before, ledgers_of(topic, admin)) == [ledger.ledger_id for ledger in plan.moves], threshold

    assert ours == theirs
    assert len(set(ours.values())) >= 3


def test_one_byte_decides(make_topic: TopicMaker, shared_cluster: Cluster, admin: PulsarRest) -> None:
    topic = topic_with_ledgers(make_topic("byte"), 100)
    two_newest = sum(ledger.size for ledger in ledgers_of(topic, admin).ledgers[-2:])
    thresholds = (str(two_newest), str(two_newest - 1))

    ours = [boundary_by_size(ledgers_of(topic, admin).ledgers, parse_size(threshold)) for threshold in thresholds]
    theirs = [boundary_sent(shared_cluster, topic, threshold) for threshold in thresholds]

    assert ours == theirs
    assert ours[0] != ours[1]


def topic_with_ledgers(topic: Topic, open_ledger: int) -> Topic:
    for size in CLOSED_LEDGERS:
        publish_payloads(topic.stack, topic.name, count=1, size=size)
        topic.unload()
    publish_payloads(topic.stack, topic.name, count=1, size=open_ledger)
    return topic


def ledgers_of(topic: Topic, admin: PulsarRest) -> ManagedLedger:
    return read_served(admin, SystemClock(), TopicName.parse(topic.name))


def boundary_sent(cluster: Cluster, topic: Topic, threshold: str) -> int | None:
    """The ledger before which the real pulsar-admin had the broker offload; None for "Nothing to offload"."""
    code, output = cluster.pulsar_admin("topics", "offload", "--size-threshold", threshold, topic.name)
    assert code == 0, output
    if "Nothing to offload" in output:
        return None
    eventually(lambda: topic.offload_status()["status"] == "SUCCESS", "the offload succeeds")
    found = re.search(r"for messages before (\d+):0", output)
    assert found, output
    return int(found[1])


def moved(before: ManagedLedger, after: ManagedLedger) -> list[int]:
    """The ledgers that are offloaded now and were not before."""
    already = {ledger.ledger_id for ledger in before.ledgers if ledger.is_offloaded}
    return [ledger.ledger_id for ledger in after.ledgers if ledger.is_offloaded and ledger.ledger_id not in already]
