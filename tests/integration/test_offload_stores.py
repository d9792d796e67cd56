"""Scenarios 4, 5 and 6: a broker that dies, stores that stop, refuse or are gone, a driver without credentials."""

from collections.abc import Callable, Iterator

import pytest

from tests.integration.audit import Audit, Auditor
from tests.integration.command import Offloadctl
from tests.integration.conftest import ClusterStarter, TopicMaker, make_namespace
from tests.integration.containers import ACCESS_KEY, Cluster, running_cluster
from tests.integration.door import Door
from tests.integration.ledgers import closed_ledger, keys_of
from tests.integration.messages import publish_large, read_back
from tests.integration.stack import CHOICE, Topic, eventually, everywhere

pytestmark = pytest.mark.integration

SECOND_PART = r"PUT \S*-ledger-\d+\?\S*partNumber=2"
"""The upload is open by then, and has its first part."""
ABORT = r"DELETE \S*-ledger-\d+\?\S*uploadId="
"""The offloader has waited for an answer for 25 s, TieredStorageConfiguration.java's socket timeout, and gives up."""


@pytest.fixture(scope="module")
def breakable(own_containers: None) -> Iterator[Cluster]:
    """A cluster whose servers are killed and frozen."""
    with running_cluster(CHOICE.pulsar_image, CHOICE.minio_image, gives_up=True) as cluster:
        yield cluster


@pytest.fixture
def breakable_door(breakable: Cluster) -> Iterator[Door]:
    with Door(breakable.stack.s3_url).standing() as door:
        yield door


def test_a_broker_killed_during_an_upload_leaves_it_open_and_the_next_run_succeeds(
    breakable: Cluster, breakable_door: Door
) -> None:
    """Shown by the true offloader: the recorded kill -9, the upload that stays open among it."""
    stack, door = breakable.stack, breakable_door
    topic = Topic(stack, f"persistent://{make_namespace(stack, 'killed')}/killed")
    auditor = Auditor.from_now(stack, [topic.namespace])
    breakable.put_behind(door, topic)
    sent = publish_large(stack, topic.name)
    topic.unload()
    door.hold(SECOND_PART)

    offloadctl = Offloadctl(stack)
    with offloadctl.offloading(topic.name) as running:
        eventually(lambda: door.is_holding, "the second part is sent")
        first_keys = keys_of(topic)
        breakable.pulsar.kill()
        door.open()
        breakable.start_pulsar_again()
        ran = running.end()
    uploads = open_uploads(topic)
    again = offloadctl.offload(topic.name)

    assert ran.outcome == ("unloaded", 1)
    assert ran.result["brokerStatus"]["state"] == "NOT_RUN"
    assert uploads == first_keys[:1]
    assert again.outcome == ("confirmed", 0)
    assert open_uploads(topic) == uploads
    assert offloadctl.check(topic.name).code == 0
    assert read_back(stack, topic.name, len(sent)) == sent
    auditor.expect(open_uploads=1)
    assert auditor.settled() == auditor.expected


def test_a_store_that_stands_still_for_30_seconds_fails_the_run_and_the_next_one_succeeds(
    breakable: Cluster, breakable_door: Door
) -> None:
    """Shown by the true offloader: 28 s gave ERROR, Read timed out, and the upload was aborted (facts 8.18)."""
    stack, door = breakable.stack, breakable_door
    topic = Topic(stack, f"persistent://{make_namespace(stack, 'frozen')}/frozen")
    auditor = Auditor.from_now(stack, [topic.namespace])
    breakable.put_behind(door, topic)
    sent = publish_large(stack, topic.name)
    topic.unload()
    door.hold(SECOND_PART)

    offloadctl = Offloadctl(stack)
    with offloadctl.offloading(topic.name) as running:
        eventually(lambda: door.is_holding, "the second part is sent")
        breakable.minio.freeze()
        door.hold(ABORT)
        eventually(lambda: door.is_holding, "the offloader gives the upload up")
        breakable.minio.thaw()
        door.open()
        ran = running.end()
    again = offloadctl.offload(topic.name)

    assert ran.outcome == ("failed", 1)
    assert "Read timed out" in ran.result["brokerStatus"]["lastError"]
    assert "Read timed out" in ran.result["hint"]
    assert again.outcome == ("confirmed", 0)
    assert offloadctl.check(topic.name).code == 0
    assert read_back(stack, topic.name, len(sent)) == sent
    assert auditor.settled() == Audit()


def deny_the_broker(topic: Topic) -> None:
    topic.set_offload_policies(
        managedLedgerOffloadDriver="aws-s3",
        s3ManagedLedgerOffloadCredentialId=ACCESS_KEY,
        s3ManagedLedgerOffloadCredentialSecret="not-the-secret-key",
    )


def take_the_bucket(topic: Topic) -> None:
    name = topic.namespace.partition("/")[2][-30:].strip("-")
    topic.stack.s3().create_bucket(Bucket=name)
    topic.set_offload_policies(**everywhere("Bucket", name))
    topic.stack.s3().delete_bucket(Bucket=name)


@pytest.mark.parametrize(
    ("harm", "cause"),
    [
        pytest.param(deny_the_broker, "signature", id="wrong-credentials"),
        pytest.param(take_the_bucket, "bucket does not exist", id="bucket-gone"),
    ],
)
def test_a_store_that_refuses_the_broker_fails_the_run_with_its_cause(
    harm: Callable[[Topic], None], cause: str, make_topic: TopicMaker, offloadctl: Offloadctl, own_containers: None
) -> None:
    """Only the stand-in, and the words are MinIO's."""
    topic = make_topic("refused")
    closed_ledger(topic)
    harm(topic)

    ran = offloadctl.offload(topic.name)

    assert ran.outcome == ("failed", 1)
    assert cause in ran.result["brokerStatus"]["lastError"]
    assert cause in ran.result["hint"]
    assert [ledger["confirmation"] for ledger in ran.result["ledgers"]] == ["not-moved"]
    assert offloadctl.check(topic.name).code == 0


def test_what_we_may_not_read_is_done_and_not_confirmed(make_topic: TopicMaker, offloadctl: Offloadctl) -> None:
    """No offloader has a part in it."""
    topic = make_topic("unread")
    closed_ledger(topic)

    ran = Offloadctl(topic.stack, secret_key="not-the-secret-key").offload(topic.name)
    unread = Offloadctl(topic.stack, secret_key="not-the-secret-key").check(topic.name)

    assert ran.outcome == ("done-not-confirmed", 5)
    assert [ledger["confirmation"] for ledger in ran.result["ledgers"]] == ["not-confirmed"]
    assert "credentials" in ran.result["hint"]
    assert "key" in ran.result["notCovered"][0]
    assert unread.code == 1
    assert unread.findings == []
    assert offloadctl.check(topic.name).code == 0


def test_a_driver_without_its_credentials_stands_still_and_the_hint_says_why(
    start_cluster: ClusterStarter,
) -> None:
    """Shown by the true offloader, live: facts 8.2."""
    with start_cluster(environment={}) as cluster:
        topic = Topic(cluster.stack, f"persistent://{make_namespace(cluster.stack, 'no-credentials')}/stuck")
        closed_ledger(topic)
        offloadctl = Offloadctl(cluster.stack)

        ran = offloadctl.offload(topic.name, "--stall-timeout", "5s")
        joined = offloadctl.offload(topic.name, "--timeout", "1s")
        claimed = claim_of(topic)
        topic.unload()

        assert ran.outcome == ("stalled", 7)
        assert "no upload of it is open in s3://" in str(ran.result["reasons"])
        assert ran.result["brokerStatus"]["state"] == "RUNNING"
        assert "credentials" in ran.result["hint"]
        assert joined.outcome == ("timed-out", 7)
        assert (ran.result["joined"], joined.result["joined"]) == (False, True)
        assert (claimed, claim_of(topic)) == ("RUNNING", "NOT_RUN")
        assert offloadctl.check(topic.name).findings == []
        assert Auditor(cluster.stack, [topic.namespace]).settled() == Audit()


def claim_of(topic: Topic) -> str:
    """What `offload-status` prints of the broker's claim; asked of the broker, whose list of topics is a minute old."""
    asked = Offloadctl(topic.stack)("offload-status", "--load-topics", topic.name)
    assert asked.code == 0
    return str(asked.document["topics"][0]["statuses"][0]["brokerStatus"]["state"])


def open_uploads(topic: Topic) -> list[str]:
    """The keys of the bucket's uploads that are neither completed nor aborted."""
    found = topic.stack.s3().list_multipart_uploads(Bucket=topic.stack.bucket)
    return [upload["Key"] for upload in found.get("Uploads", [])]
