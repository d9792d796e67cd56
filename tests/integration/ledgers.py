"""What a topic's ledgers leave in BookKeeper, in the bucket and in the broker's log."""

from __future__ import annotations

import re

from tests.integration.containers import Cluster
from tests.integration.messages import Sent, publish_payloads
from tests.integration.stack import Stack, Topic, eventually


def closed_ledger(topic: Topic, *, count: int = 20, size: int = 200) -> list[Sent]:
    """Publish into one ledger, and close it; answers what was sent."""
    sent = publish_payloads(topic.stack, topic.name, count=count, size=size)
    topic.unload()
    return sent


def data_keys_of(topic: Topic) -> dict[int, str]:
    """The key of each ledger's data object, oldest first, as far as the metadata names one."""
    stored = {ledger["ledgerId"]: ledger.get("offloadedContextUuid") for ledger in topic.stored_ledgers()}
    return {ledger_id: f"{uuid}-ledger-{ledger_id}" for ledger_id, uuid in sorted(stored.items()) if uuid}


def keys_of(topic: Topic) -> list[str]:
    """The keys of both objects of every ledger that the metadata names."""
    return [key for name in data_keys_of(topic).values() for key in (name, f"{name}-index")]


def exists(stack: Stack, key: str) -> bool:
    """Is there an object of this key?"""
    return bool(stack.s3().list_objects_v2(Bucket=stack.bucket, Prefix=key, MaxKeys=1).get("KeyCount"))


def offloaded_ledgers(topic: Topic) -> list[int]:
    """The ledgers that are complete, says the broker that serves the topic."""
    return [ledger["ledgerId"] for ledger in topic.served_ledgers() if ledger["offloaded"]]


def delete_bookkeeper_copies(topic: Topic, cluster: Cluster | None) -> None:
    """Have the broker delete what is offloaded, and drop what it holds in memory.

    Only the broker's log proves the deletion: internal-info of 4.0 does not tell. Of a stack that is not ours it is
    asked for and taken on trust.
    """
    offloaded = set(offloaded_ledgers(topic))
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
