"""Scenario 1: the command line offloads and confirms, and consumers get the same when BookKeeper's copy is gone.

The true offloader has shown that they do: topics.json of the recordings has what a reader got back of each kind.
"""

import pytest

from tests.integration.command import Offloadctl
from tests.integration.conftest import TopicMaker
from tests.integration.containers import Cluster
from tests.integration.ledgers import delete_bookkeeper_copies, failed_reads, offloaded_ledgers
from tests.integration.messages import KINDS, has_more, read_back

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_confirmed_is_read_back_when_the_bookkeeper_copy_is_gone(
    kind: str, make_topic: TopicMaker, offloadctl: Offloadctl, shared_cluster: Cluster | None
) -> None:
    topic = make_topic(kind)
    sent = KINDS[kind](topic.stack, topic.name)
    topic.unload()

    ran = offloadctl.offload(topic.name)
    delete_bookkeeper_copies(topic, shared_cluster)

    assert ran.outcome == ("confirmed", 0)
    assert [ledger["confirmation"] for ledger in ran.result["ledgers"]] == ["confirmed"]
    assert [ledger["offloaded"] for ledger in topic.served_ledgers()] == [True, False]
    assert read_back(topic.stack, topic.name, len(sent)) == sent
    assert not has_more(topic.stack, topic.name, len(sent))
    assert failed_reads(topic, shared_cluster) == []


def test_ledgers_of_every_kind_follow_each_other(
    make_topic: TopicMaker, offloadctl: Offloadctl, shared_cluster: Cluster | None
) -> None:
    topic = make_topic("mixed")
    sent = []
    for publish in KINDS.values():
        sent += publish(topic.stack, topic.name)
        topic.unload()
    still_open = KINDS["batched"](topic.stack, topic.name)

    ran = offloadctl.offload(topic.name)
    again = offloadctl.offload(topic.name)
    status = offloadctl("offload-status", "-w", topic.name)
    delete_bookkeeper_copies(topic, shared_cluster)
    checked = offloadctl.check(topic.name)

    assert ran.outcome == ("confirmed", 0)
    assert ran.document["summary"]["ledgersConfirmed"] == len(KINDS)
    assert again.outcome == ("nothing-to-do", 0)
    assert status.code == 0
    assert len(offloaded_ledgers(topic)) == len(KINDS)
    assert read_back(topic.stack, topic.name, len(sent) + len(still_open)) == sent + still_open
    assert (checked.code, checked.findings) == (0, [])
    assert checked.document["coverage"]["ledgersCovered"] == len(KINDS)
    assert checked.document["coverage"]["counts"]["messages"] == len(sent)
