"""Scenario 2: a partitioned topic, and an automatic run of the broker's own that is in the way."""

import pytest

from tests.integration.command import Offloadctl
from tests.integration.conftest import TopicMaker
from tests.integration.door import Door
from tests.integration.ledgers import data_keys_of, offloaded_ledgers
from tests.integration.messages import publish_payloads, read_back
from tests.integration.stack import Topic, eventually

pytestmark = pytest.mark.integration

PARTITIONS = 3
LEDGER_FULL = 1000
"""managedLedgerMaxEntriesPerLedger of the broker's configuration."""


def test_every_partition_of_a_topic_is_offloaded_and_confirmed(make_topic: TopicMaker, offloadctl: Offloadctl) -> None:
    """Shown by the true offloader: recording 04. One partition has nothing to move."""
    topic = make_topic("parted")
    topic.stack.put(f"{topic.path}/partitions", PARTITIONS)
    parts = [Topic(topic.stack, f"{topic.name}-partition-{number}") for number in range(PARTITIONS)]
    sent = [publish_payloads(topic.stack, part.name, count=20, size=200) for part in parts[:-1]]
    for part in parts[:-1]:
        part.unload()

    ran = offloadctl.offload(topic.name)
    checked = offloadctl.check(topic.name)

    assert ran.code == 0
    assert ran.document["topics"][0]["partitions"] == PARTITIONS
    outcomes = {result["topic"]: result["outcome"] for result in ran.results}
    assert outcomes == dict(
        zip((part.name for part in parts), ("confirmed", "confirmed", "nothing-to-do"), strict=True)
    )
    assert (checked.code, checked.findings) == (0, [])
    assert checked.document["coverage"]["ledgersCovered"] == PARTITIONS - 1
    assert [read_back(topic.stack, part.name, 20) for part in parts[:-1]] == sent


def test_an_automatic_run_in_the_way_is_waited_for_and_told(
    held_topic: TopicMaker, door: Door, offloadctl: Offloadctl
) -> None:
    """The automatic run is shown by the true offloader: recording 05. The refusal is the broker's own, and real."""
    topic = held_topic("automatic")
    topic.set_offload_policies(managedLedgerOffloadThresholdInBytes=0)
    door.hold(r"PUT \S*-ledger-\d+\?")
    sent = publish_payloads(topic.stack, topic.name, count=LEDGER_FULL + 10, size=100)
    eventually(lambda: door.is_holding, "the automatic run begins")

    refused = offloadctl.offload(topic.name, "--timeout", "4s")
    claim = topic.offload_status()
    with offloadctl.offloading(topic.name) as running:
        assert running.says("an automatic run is in the way")
        door.open()
        waited = running.end()
    again = offloadctl.offload(topic.name)
    checked = offloadctl.check(topic.name)

    assert refused.outcome == ("automatic-run", 1)
    assert refused.result["attempts"] >= 1
    assert "automatic run" in refused.result["hint"]
    assert [ledger["confirmation"] for ledger in refused.result["ledgers"]] == ["not-moved"]
    assert "already running" in claim["lastError"]
    assert waited.outcome == ("confirmed", 0)
    assert "automatic-run" in [reason["code"] for reason in waited.result["reasons"]]
    assert again.outcome == ("nothing-to-do", 0)
    assert (checked.code, checked.findings) == (0, [])
    assert list(data_keys_of(topic)) == offloaded_ledgers(topic)
    assert read_back(topic.stack, topic.name, len(sent)) == sent
