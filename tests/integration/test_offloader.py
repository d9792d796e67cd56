"""What the offloader leaves in the bucket and in the broker's answers: what the rest of this project stands on."""

from typing import Any, Final

import pytest

from tests.golden_objects import offloaded_objects
from tests.integration.conftest import TopicMaker
from tests.integration.containers import ACCESS_KEY, SECRET_KEY, Cluster
from tests.integration.ledgers import closed_ledger, exists, keys_of
from tests.integration.messages import publish_payloads, read_back
from tests.integration.stack import Topic, eventually

pytestmark = pytest.mark.integration

MIB: Final = 1024 * 1024


def test_objects_carry_the_metadata_of_the_recordings(make_topic: TopicMaker) -> None:
    """Shown by the true offloader: listing.json of the recordings."""
    topic = make_topic("metadata")
    closed_ledger(topic)
    recorded = {found.metadata["role"]: found for found in offloaded_objects()}

    topic.offload()

    for role, found in objects_of(topic).items():
        owner = {"managedledgername": f"{topic.namespace}/persistent/metadata", "role": role}
        assert found["Metadata"].keys() == recorded[role].metadata.keys()
        assert found["Metadata"].items() >= owner.items()
        assert found["Metadata"]["s3managedledgeroffloaderformatversion"] == "1"
        assert found["ContentType"] == recorded[role].content_type
        assert ("-" in found["ETag"]) == ("-" in recorded[role].etag)


@pytest.mark.parametrize("driver", ["aws-s3", "S3"])
def test_both_drivers_write_and_read(driver: str, make_topic: TopicMaker, shared_cluster: Cluster | None) -> None:
    """Only S3 shown by the true offloader; its aws-s3 asks AWS's public address for the bucket's region first."""
    if shared_cluster is None:
        pytest.skip("changes the driver and its credentials, and the stack is not ours")
    topic = make_topic(driver)
    sent = closed_ledger(topic)
    topic.set_offload_policies(
        managedLedgerOffloadDriver=driver,
        s3ManagedLedgerOffloadCredentialId=ACCESS_KEY,
        s3ManagedLedgerOffloadCredentialSecret=SECRET_KEY,
    )

    status = topic.offload()
    topic.unload()

    assert status["status"] == "SUCCESS", status
    assert read_back(topic.stack, topic.name, len(sent)) == sent


def test_a_failed_upload_is_aborted_and_called_an_error(make_topic: TopicMaker) -> None:
    """Only the stand-in: parts below 5 MiB are refused when the upload is completed. An abort is in the recordings."""
    topic = make_topic("small-parts")
    closed_ledger(topic, count=4, size=800_000)
    topic.set_offload_policies(
        managedLedgerOffloadMaxBlockSizeInBytes=MIB, s3ManagedLedgerOffloadMaxBlockSizeInBytes=MIB
    )

    status = topic.offload()

    assert status["status"] == "ERROR"
    assert status["lastError"]
    assert not topic.served_ledgers()[0]["offloaded"]
    assert objects_of(topic) == {}


def test_a_deleted_topic_takes_its_objects_along(make_topic: TopicMaker) -> None:
    """Shown by the true offloader: recording 05."""
    topic = make_topic("deleted")
    closed_ledger(topic)
    topic.offload()
    keys = keys_of(topic)

    topic.stack.call("DELETE", f"{topic.path}?force=true").raise_for_status()

    assert len(keys) == 2
    eventually(lambda: not any(exists(topic.stack, key) for key in keys), "both objects are deleted")


def test_an_entry_too_large_for_a_block_ends_the_object_in_silence(make_topic: TopicMaker) -> None:
    """Shown by the true offloader: the recorded truncation."""
    topic = make_topic("truncated")
    publish_payloads(topic.stack, topic.name, count=3, size=50)
    publish_payloads(topic.stack, topic.name, count=1, size=5 * MIB - 100)
    publish_payloads(topic.stack, topic.name, count=3, size=50)
    topic.unload()
    block = 5 * MIB
    topic.set_offload_policies(
        managedLedgerOffloadMaxBlockSizeInBytes=block, s3ManagedLedgerOffloadMaxBlockSizeInBytes=block
    )

    status = topic.offload()

    ledger = topic.served_ledgers()[0]
    assert status["status"] == "SUCCESS", status
    assert (ledger["entries"], ledger["offloaded"]) == (7, True)
    assert objects_of(topic)["data"]["ContentLength"] == 2 * block


def objects_of(topic: Topic) -> dict[str, Any]:
    """What HEAD says of the topic's objects, by role."""
    found = [
        topic.stack.s3().head_object(Bucket=topic.stack.bucket, Key=key)
        for key in keys_of(topic)
        if exists(topic.stack, key)
    ]
    return {head["Metadata"]["role"]: head for head in found}
