"""Schedules roll over and trim on a real broker: an idle ledger becomes eligible; a copy goes only behind its proof."""

from pathlib import Path

import pytest

from tests.integration.audit import Auditor
from tests.integration.command import Offloadctl
from tests.integration.conftest import TopicMaker
from tests.integration.containers import Cluster
from tests.integration.ledgers import data_keys_of, deleted_ledgers, failed_reads, offloaded_ledgers
from tests.integration.messages import client, has_more, publish_payloads, read_back
from tests.integration.stack import Topic, eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def written(tmp_path: Path, topic: Topic) -> str:
    """Two schedules of the topic's namespace. Brokers tell within a minute what they serve, which is not waited for."""
    path = tmp_path / "schedules.yaml"
    head = f"apiVersion: offloadctl/v1\nkind: Schedule\nscope: {{namespaces: [{topic.namespace}]}}\n"
    head += 'when: {cron: "0 3 * * *"}\n'
    path.write_text(
        f"{head}name: idle\naction: {{rollOver: {{idleFor: 3s, loadTopics: true}}}}\n---\n"
        f"{head}name: copies\naction: {{trim: {{loadTopics: true}}}}\n"
    )
    return str(path)


def stored_entries(topic: Topic) -> list[int | None]:
    """Of each ledger in the metadata; None for the one that is open."""
    return [ledger.get("entries") for ledger in sorted(topic.stored_ledgers(), key=lambda one: int(one["ledgerId"]))]


def test_idle_ledgers_become_eligible_and_copies_go_only_of_what_is_whole(
    make_topic: TopicMaker,
    offloadctl: Offloadctl,
    auditor: Auditor,
    shared_cluster: Cluster | None,
    tmp_path: Path,
) -> None:
    whole, damaged, used = (make_topic(name) for name in ("whole", "damaged", "used"))
    file = written(tmp_path, whole)
    state = ("--state", str(tmp_path / "state"))

    def run(name: str, *more: str) -> tuple[int, str]:
        ended = offloadctl("schedule", "run", name, "-f", file, "--now", *state, *more)
        return ended.code, str((ended.document.get("result") or {}).get("summary", ended.err))

    sent = publish_payloads(whole.stack, whole.name, count=20, size=300)
    publish_payloads(damaged.stack, damaged.name, count=20, size=300)

    # -- without leave nothing is sent; with it, only topics are rolled over that are idle and have no clients

    with client(used.stack) as connected:
        producer = connected.create_producer(used.name)
        producer.send(b"the only one")
        refused = offloadctl("schedule", "run", "idle", "-f", file, "--now", *state)
        assert (refused.code, stored_entries(whole)) == (6, [None])

        def all_is_idle() -> bool:
            code, summary = run("idle", "--allow", "roll-over")
            closed = stored_entries(whole) == stored_entries(damaged) == [20, None]
            return code == 0 and "1 connected" in summary and closed

        eventually(all_is_idle, "what nobody writes to is closed", pause=1)
        assert stored_entries(used) == [None]

    # -- what was closed can be offloaded

    assert offloadctl.offload(whole.name).outcome == ("confirmed", 0)
    assert offloadctl.offload(damaged.name).outcome == ("confirmed", 0)
    [lost] = data_keys_of(damaged).values()
    damaged.stack.s3().delete_object(Bucket=damaged.stack.bucket, Key=lost)
    auditor.expect(missing=frozenset({lost}))

    # -- copies go of the one and not of the other

    whole.set_offload_policies(managedLedgerOffloadDeletionLagInMillis=0)
    code, summary = run("copies", "--allow", "trim")

    assert code == 1, "one was refused beside another that was done"
    assert f"{damaged.name.removeprefix('persistent://')}: what is in the store is not proved" in summary
    assert "1 refused" in summary
    assert "1 done" in summary
    notes = offloadctl("offload", "history", *state).document["notes"]
    told = {(one["facts"]["topic"], one["facts"]["state"]) for one in notes if one["note"] == "trim"}
    assert told == {(whole.name, "planned"), (whole.name, "done"), (damaged.name, "refused")}
    if shared_cluster is not None:
        assert not asked_to_trim(shared_cluster, damaged)
        assert asked_to_trim(shared_cluster, whole)
        cluster = shared_cluster

        def copy_is_gone() -> bool:
            if set(offloaded_ledgers(whole)) <= deleted_ledgers(cluster):
                return True
            # More than once: the topic takes a moment to hear of its namespace's new policy.
            run("copies", "--allow", "trim")
            return False

        eventually(copy_is_gone, "the broker deletes its copy", pause=1)
    whole.unload()
    assert read_back(whole.stack, whole.name, len(sent)) == sent
    assert not has_more(whole.stack, whole.name, len(sent))
    assert failed_reads(whole, shared_cluster) == []


def asked_to_trim(cluster: Cluster, topic: Topic) -> bool:
    """Whether anybody has asked for it, by the broker's log of requests."""
    return f'"POST /admin/v2/{topic.path}/trim ' in cluster.pulsar.log()
