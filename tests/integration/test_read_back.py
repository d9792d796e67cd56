"""Consumers get the same messages after the BookKeeper copy is gone.

The true offloader has shown it: topics.json of the recordings has what a reader got back of each kind.
"""

import re

import pytest

from tests.integration.conftest import TopicMaker
from tests.integration.containers import Cluster
from tests.integration.messages import KINDS, has_more, read_back
from tests.integration.stack import Topic, eventually

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("kind", KINDS)
def test_consumers_get_the_same_messages_after_the_bookkeeper_copy_is_gone(
    kind: str, make_topic: TopicMaker, shared_cluster: Cluster | None
) -> None:
    topic = make_topic(kind)
    sent = KINDS[kind](topic.stack, topic.name)
    topic.unload()

    status = topic.offload()
    delete_bookkeeper_copies(topic, shared_cluster)

    assert status["status"] == "SUCCESS", status
    assert [ledger["offloaded"] for ledger in topic.served_ledgers()] == [True, False]
    assert read_back(topic.stack, topic.name, len(sent)) == sent
    assert not has_more(topic.stack, topic.name, len(sent))
    assert failed_reads(topic, shared_cluster) == []


def test_ledgers_of_several_kinds_follow_each_other(make_topic: TopicMaker, shared_cluster: Cluster | None) -> None:
    topic = make_topic("mixed")
    sent = []
    for kind in ("plain", "lz4", "keyed"):
        sent += KINDS[kind](topic.stack, topic.name)
        topic.unload()
    still_open = KINDS["batched"](topic.stack, topic.name)

    topic.offload()
    delete_bookkeeper_copies(topic, shared_cluster)

    assert [ledger["offloaded"] for ledger in topic.served_ledgers()][:4] == [True, True, True, False]
    assert read_back(topic.stack, topic.name, len(sent) + len(still_open)) == sent + still_open


def delete_bookkeeper_copies(topic: Topic, cluster: Cluster | None) -> None:
    """Have the broker delete what is offloaded, and drop what it holds in memory.

    Only the broker's log proves the deletion: internal-info of 4.0 does not tell. Of a stack that is not ours it is
    asked for and taken on trust.
    """
    offloaded = {ledger["ledgerId"] for ledger in topic.served_ledgers() if ledger["offloaded"]}
    topic.set_offload_policies(managedLedgerOffloadDeletionLagInMillis=0)

    def are_deleted() -> bool:
        # More than once: the topic takes a moment to hear of its namespace's new policy.
        topic.stack.post(f"{topic.path}/trim")
        return cluster is None or deleted_ledgers(cluster) >= offloaded

    eventually(are_deleted, f"BookKeeper's copies of {offloaded} are deleted", pause=1)
    topic.unload()


def deleted_ledgers(cluster: Cluster) -> set[int]:
    """The ledgers whose metadata BookKeeper has dropped; it stores it by the digits of a ledger's id."""
    found = re.findall(r"Deleted path: /ledgers/(\d+)/(\d+)/L(\d+) ", cluster.pulsar.log())
    return {int("".join(digits)) for digits in found}


def failed_reads(topic: Topic, cluster: Cluster | None) -> list[str]:
    """What the broker's log has of reads that failed; its clients do not notice when the next try goes well."""
    managed_ledger = f"[{topic.namespace}/persistent/{topic.name.rpartition('/')[2]}]"
    lines = cluster.pulsar.log().splitlines() if cluster is not None else []
    return [line for line in lines if "read failed from ledger" in line and managed_ledger in line]
