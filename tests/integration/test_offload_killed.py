"""A command that is killed while the broker uploads, and two commands at once for one topic.

Each upload is held before the door, so that the kill comes during the upload.
"""

import pytest

from tests.integration.command import Offloadctl, Running
from tests.integration.conftest import TopicMaker
from tests.integration.door import Door
from tests.integration.ledgers import closed_ledger, keys_of
from tests.integration.messages import read_back
from tests.integration.stack import Topic, eventually
from tests.integration.test_offload_interrupted import PART, await_upload

pytestmark = pytest.mark.integration


def test_what_a_killed_command_has_begun_is_joined_and_judged_by_the_next_one(
    held_topic: TopicMaker, door: Door, offloadctl: Offloadctl
) -> None:
    topic = held_topic("killed")
    sent = closed_ledger(topic)
    door.hold(PART)

    with offloadctl.offloading(topic.name) as running:
        await_upload(topic, door, running)
        running.process.kill()
        running.process.communicate(timeout=30)
    keys = keys_of(topic)
    unfinished = offloadctl.history("--unfinished")
    with offloadctl.offloading(topic.name) as again:
        await_joining(offloadctl, topic, again)
        door.open()
        ran = again.end()

    assert [step["topic"] for run in unfinished for step in run["steps"]] == [topic.name]
    assert unfinished[0]["state"] == "broken-off"
    assert ran.outcome == ("confirmed", 0)
    assert ran.result["joined"]
    # Not a second upload, but the first one.
    assert keys_of(topic) == keys
    assert offloadctl.history("--unfinished") == []
    (step,) = offloadctl.history("--run", unfinished[0]["runId"])[0]["steps"]
    assert (step["outcome"], step["judgedBy"]) == ("confirmed", ran.document["runId"])
    assert offloadctl.check(topic.name).code == 0
    assert read_back(topic.stack, topic.name, len(sent)) == sent


def test_of_two_commands_at_once_one_waits_for_the_other(
    held_topic: TopicMaker, door: Door, offloadctl: Offloadctl
) -> None:
    topic = held_topic("two-at-once")
    closed_ledger(topic)
    door.hold(PART)

    with offloadctl.offloading(topic.name) as first:
        await_upload(topic, door, first)
        keys = keys_of(topic)
        with offloadctl.offloading(topic.name) as second:
            await_joining(offloadctl, topic, second)
            door.open()
            ran, waited = first.end(), second.end()

    assert (ran.outcome, ran.result["joined"]) == (("confirmed", 0), False)
    assert (waited.outcome, waited.result["joined"]) == (("confirmed", 0), True)
    assert keys_of(topic) == keys
    (step,) = offloadctl.history("--run", waited.document["runId"])[0]["steps"]
    assert (step["sentAt"], step["joined"]) == (None, True)
    assert offloadctl.check(topic.name).code == 0


def await_joining(offloadctl: Offloadctl, topic: Topic, running: Running) -> None:
    """The command has planned the topic beside the one whose request is at work."""

    def has_planned() -> bool:
        planned = [step for run in offloadctl.history("--topic", topic.name) for step in run["steps"]]
        return running.has_ended or len(planned) == 2

    eventually(has_planned, "the second command has a plan", pause=0.5)
    assert not running.has_ended, running.end()
