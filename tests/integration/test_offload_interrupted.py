"""Scenarios 4 and 7: what happens to a topic, and to its broker, while the command line waits.

Each upload is held before the door, so that what happens does so during the upload.
"""

import pytest

from tests.integration.command import Offloadctl, Running
from tests.integration.conftest import TopicMaker
from tests.integration.door import Door
from tests.integration.ledgers import closed_ledger, data_keys_of, exists, keys_of
from tests.integration.messages import read_back
from tests.integration.stack import Topic, eventually

pytestmark = pytest.mark.integration

PART = r"PUT \S*-ledger-\d+\?"
"""The request that uploads a part: the upload is open by then."""


def test_a_topic_that_is_unloaded_forgets_its_run_and_the_next_one_succeeds(
    held_topic: TopicMaker, door: Door, offloadctl: Offloadctl
) -> None:
    """Shown by the true offloader: NOT_RUN after an unload. What becomes of the upload: only the stand-in."""
    topic = held_topic("unloaded")
    sent = closed_ledger(topic)
    door.hold(PART)

    with offloadctl.offloading(topic.name) as running:
        await_upload(topic, door, running)
        first_keys = keys_of(topic)
        topic.unload()
        ran = running.end()
    door.open()
    eventually(lambda: all(exists(topic.stack, key) for key in first_keys), "the upload ends all the same")
    again = offloadctl.offload(topic.name)

    assert ran.outcome == ("unloaded", 1)
    assert "again" in ran.result["hint"]
    assert [ledger["confirmation"] for ledger in ran.result["ledgers"]] == ["not-moved"]
    assert again.outcome == ("confirmed", 0)
    assert keys_of(topic) != first_keys
    assert offloadctl.check(topic.name).code == 0
    assert read_back(topic.stack, topic.name, len(sent)) == sent


def test_a_topic_that_is_deleted_is_said_to_be(held_topic: TopicMaker, door: Door, offloadctl: Offloadctl) -> None:
    """Only the stand-in; that the broker deletes what its upload brought for nobody is the broker's doing, and real."""
    topic = held_topic("deleted")
    closed_ledger(topic)
    door.hold(PART)

    with offloadctl.offloading(topic.name) as running:
        await_upload(topic, door, running)
        topic.stack.call("DELETE", f"{topic.path}?force=true").raise_for_status()
        ran = running.end()
    door.open()

    assert ran.outcome == ("deleted", 1)
    assert "left over" in ran.result["hint"]
    assert offloadctl.check(topic.name).code == 1


def test_a_ledger_that_is_trimmed_is_told_apart(held_topic: TopicMaker, door: Door, offloadctl: Offloadctl) -> None:
    """Only the stand-in; that a trimmed ledger's error counts for nothing is the broker's doing, and real."""
    topic = held_topic("trimmed")
    closed_ledger(topic)
    closed_ledger(topic)
    first = topic.served_ledgers()[0]["ledgerId"]
    door.hold(rf"-ledger-{first}\?")

    with offloadctl.offloading(topic.name) as running:
        await_upload(topic, door, running)
        forget_consumed(topic)
        eventually(lambda: first not in trim(topic), "the first ledger is trimmed", pause=0.5)
        door.open()
        ran = running.end()

    assert ran.outcome == ("trimmed", 1)
    assert "trimmed" in ran.result["hint"]
    assert [ledger["confirmation"] for ledger in ran.result["ledgers"]] == ["trimmed", "trimmed"]
    assert ran.result["brokerStatus"]["state"] == "SUCCESS"
    assert offloadctl.check(topic.name).code == 0


def await_upload(topic: Topic, door: Door, running: Running) -> None:
    """The upload is held, the command line waits for its end, and the bucket's metadata names its objects."""
    eventually(lambda: door.is_holding or running.has_ended, "the upload begins")
    assert not running.has_ended, running.end()
    assert topic.offload_status()["status"] == "RUNNING"
    assert data_keys_of(topic)


def forget_consumed(topic: Topic) -> None:
    """No retention: what no subscription needs is trimmed."""
    topic.stack.post(f"namespaces/{topic.namespace}/retention", {"retentionTimeInMinutes": 0, "retentionSizeInMB": 0})


def trim(topic: Topic) -> set[int]:
    """Ask for a trim; the ledgers that are left by now."""
    topic.stack.post(f"{topic.path}/trim")
    return {ledger["ledgerId"] for ledger in topic.stored_ledgers()}
