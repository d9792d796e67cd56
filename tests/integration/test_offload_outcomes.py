"""What a run says that stands still, that something changes under, or that finds its topics idle.

Each upload is held before the door, so that what happens does so during the upload.
"""

import pytest

from tests.integration.command import Ended, Offloadctl
from tests.integration.conftest import TopicMaker
from tests.integration.door import Door
from tests.integration.ledgers import closed_ledger, offloaded_ledgers
from tests.integration.messages import publish_large
from tests.integration.stack import Topic, eventually

pytestmark = pytest.mark.integration

SECOND_PART = r"PUT \S*-ledger-\d+\?\S*partNumber=2"
"""The upload is open by then, and has its first part."""


def reasons(ran: Ended) -> dict[str, str]:
    return {reason["code"]: reason["text"] for reason in ran.result["reasons"]}


def test_an_upload_that_stands_still_is_given_up_with_what_has_arrived(
    held_topic: TopicMaker, door: Door, offloadctl: Offloadctl
) -> None:
    """Only the stand-in; that an upload is found by its key and its parts are listed is MinIO's doing, and real."""
    topic = held_topic("standing")
    publish_large(topic.stack, topic.name)
    topic.unload()
    door.hold(SECOND_PART)

    ran = offloadctl.offload(topic.name, "--stall-timeout", "10s")
    door.open()
    eventually(lambda: bool(offloaded_ledgers(topic)), "the upload ends all the same")

    assert ran.outcome == ("stalled", 7)
    assert "is open and has 1 part, 6 MiB" in reasons(ran)["standing-still"]
    assert "unload" in ran.result["hint"]
    assert offloadctl.check(topic.name).code == 0


def test_policies_that_change_under_a_run_are_a_warning(
    held_topic: TopicMaker, door: Door, offloadctl: Offloadctl
) -> None:
    """No offloader has a part in it: policies are the broker's own, and real."""
    topic = held_topic("changed")
    closed_ledger(topic)
    door.hold("PUT ")

    with offloadctl.offloading(topic.name) as running:
        eventually(lambda: door.is_holding or running.has_ended, "the upload begins")
        topic.set_offload_policies(managedLedgerOffloadThresholdInBytes=123456789)
        door.open()
        ran = running.end()

    assert ran.outcome == ("confirmed", 3)
    (warning,) = ran.result["warnings"]
    assert warning["code"] == "policy-changed"
    assert "the size threshold was -1 and is 123456789" in warning["text"]
    assert offloadctl.check(topic.name).code == 0


def test_idle_topics_that_are_offloaded_have_nothing_to_do_and_stay_idle(
    make_topic: TopicMaker, offloadctl: Offloadctl
) -> None:
    """Only the stand-in; what the metadata says of an idle topic is the broker's doing, and real."""
    topic = make_topic("idle")
    closed_ledger(topic)
    assert topic.offload()["status"] == "SUCCESS"
    topic.unload()
    # The brokers' list of loaded topics is up to a minute old.
    eventually(lambda: not is_loaded(topic), "the topic is idle", pause=1)

    planned = offloadctl("offload", "namespace", topic.namespace, "-s", "0", "--dry-run")
    status = offloadctl("offload", "status", topic.name)

    assert planned.outcome == ("nothing-to-do", 0)
    assert "with both objects in s3://" in reasons(planned)["judged-complete"]
    assert status.code == 0
    assert not is_loaded(topic)
    assert offloadctl.check(topic.name).code == 0


def is_loaded(topic: Topic) -> bool:
    """Is it on the list of loaded topics?"""
    return topic.name in str(topic.stack.get("broker-stats/topics"))
