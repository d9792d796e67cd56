"""Schedules on a real broker: its metrics, statistics and properties are what they are taken for."""

import time
from pathlib import Path

import pytest

from offloadctl.adapters.cluster_numbers import PulsarNumbers
from offloadctl.adapters.system import SystemClock
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.settings import BrokerSettings
from tests.integration.command import Offloadctl
from tests.integration.conftest import TopicMaker
from tests.integration.ledgers import closed_ledger, offloaded_ledgers
from tests.integration.messages import client, publish_payloads
from tests.integration.stack import Topic, eventually

pytestmark = pytest.mark.integration


def written(tmp_path: Path, topic: Topic) -> str:
    path = tmp_path / "schedules.yaml"
    path.write_text(
        f"""
apiVersion: offloadctl/v1
kind: Schedule
name: grown
scope: {{namespaces: [{topic.namespace}], labels: {{tier: cold}}}}
when:
  all:
    - localBytes: {{above: 1}}
    - oldestEligible: {{above: 1s}}
gates:
  - brokerMemory: {{below: 99%}}
  - brokerDirectMemory: {{below: 99%}}
coolDown: 0s
action: {{offload: {{sizeThreshold: 0}}}}
"""
    )
    return str(path)


def test_a_schedule_fires_by_what_a_real_broker_tells_and_is_quiet_once_it_has_done_its_work(
    make_topic: TopicMaker, offloadctl: Offloadctl, tmp_path: Path
) -> None:
    topic, state = make_topic("grown"), ("--state", str(tmp_path / "state"))
    topic.stack.put(f"namespaces/{topic.namespace}/properties", {"tier": "cold"})
    closed_ledger(topic)
    publish_payloads(topic.stack, topic.name, count=5, size=100)
    file = written(tmp_path, topic)
    # The schedule asks for a ledger that was closed more than a second ago.
    time.sleep(2)

    fired = offloadctl("schedule", "run", "grown", "-f", file, *state)
    again = offloadctl("schedule", "run", "grown", "-f", file, *state)

    done = fired.document
    assert (fired.code, done["decision"]["decision"], done["topics"]) == (0, "fired", [topic.name])
    assert done["result"]["bytesMoved"] > 0
    assert len(offloaded_ledgers(topic)) == 1
    assert [gate["truth"] for gate in done["decision"]["gates"]] == ["true", "true"]
    assert again.document["decision"]["decision"] == "quiet"
    explained = offloadctl("schedule", "explain", done["runId"], *state).document
    sources = [part["seen"][0]["source"] for part in explained["decision"]["when"]["parts"]]
    assert sources == ["pulsar_storage_logical_size - pulsar_storage_offloaded_size", "internal-info"]


def test_the_statistics_of_a_real_broker_tell_backlog_and_what_was_read(make_topic: TopicMaker) -> None:
    topic = make_topic("read")
    name = TopicName.parse(topic.name)
    with client(topic.stack) as connected:
        consumer = connected.subscribe(topic.name, "reader")
        publish_payloads(topic.stack, topic.name, count=10, size=200)
        for _ in range(4):
            consumer.acknowledge(consumer.receive(60_000))
        with PulsarNumbers(BrokerSettings((topic.stack.admin_url,)), SystemClock()) as numbers:
            # Brokers renew them once a minute (statsUpdateFrequencyInSecs).
            eventually(lambda: numbers.topic_loads().get(name) is not None and _read(numbers, name), "it is told")
            load = numbers.topic_loads()[name]
            properties = numbers.namespace_properties(NamespaceName.parse(topic.namespace))

    assert load.backlog_entries == 6
    assert 0 < load.backlog_bytes < load.storage_bytes
    assert load.out_bytes > 0
    assert properties == {}


def _read(numbers: PulsarNumbers, topic: TopicName) -> bool:
    return numbers.topic_loads()[topic].backlog_entries == 6
