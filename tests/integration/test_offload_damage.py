"""Scenario 8: what is in S3 is not the ledger, and the broker says SUCCESS. Told as damage, right after the offload.

The first of two ledgers is harmed while the upload of the second is held before the door.
"""

from collections.abc import Callable

import pytest

from tests.integration.audit import Auditor
from tests.integration.command import Offloadctl
from tests.integration.conftest import TopicMaker
from tests.integration.door import Door
from tests.integration.ledgers import closed_ledger, data_keys_of, keys_of, offloaded_ledgers
from tests.integration.messages import publish_large, publish_payloads
from tests.integration.stack import Topic, eventually, everywhere

pytestmark = pytest.mark.integration

MIB = 1024 * 1024
BLOCK = 6 * MIB
"""As in the broker's configuration; a ledger of publish_large has two of them."""

Harm = Callable[[Topic, str], None]


def delete_data(topic: Topic, data_key: str) -> None:
    topic.stack.s3().delete_object(Bucket=topic.stack.bucket, Key=data_key)


def delete_index(topic: Topic, data_key: str) -> None:
    topic.stack.s3().delete_object(Bucket=topic.stack.bucket, Key=f"{data_key}-index")


def cut_last_block(topic: Topic, data_key: str) -> None:
    s3, bucket = topic.stack.s3(), topic.stack.bucket
    whole = s3.get_object(Bucket=bucket, Key=data_key)
    body = whole["Body"].read()
    assert BLOCK < len(body) < 2 * BLOCK + 1
    s3.put_object(Bucket=bucket, Key=data_key, Body=body[:BLOCK], Metadata=whole["Metadata"])


@pytest.mark.parametrize(
    ("harm", "code", "missing"),
    [
        pytest.param(delete_data, "data-missing", ("",), id="data-deleted"),
        pytest.param(delete_index, "index-missing", ("-index",), id="index-deleted"),
        pytest.param(cut_last_block, "data-size", (), id="last-block-cut"),
    ],
)
def test_an_object_that_is_harmed_before_the_run_ends_is_damage(
    harm: Harm,
    code: str,
    missing: tuple[str, ...],
    held_topic: TopicMaker,
    door: Door,
    offloadctl: Offloadctl,
    auditor: Auditor,
) -> None:
    """That the broker goes on saying SUCCESS and offloaded is in recording 05: an index object deleted by hand."""
    topic = held_topic("harmed")
    publish_large(topic.stack, topic.name)
    topic.unload()
    closed_ledger(topic)
    first, second = [ledger["ledgerId"] for ledger in topic.served_ledgers()][:2]
    door.hold(rf"-ledger-{second}\?")

    with offloadctl.offloading(topic.name) as running:
        eventually(lambda: door.is_holding, "the second upload begins")
        assert offloaded_ledgers(topic) == [first]
        harmed = data_keys_of(topic)[first]
        harm(topic, harmed)
        door.open()
        ran = running.end()
    checked = offloadctl.check(topic.name)

    assert ran.outcome == ("damaged", 4)
    assert ran.result["brokerStatus"]["state"] == "SUCCESS"
    assert [ledger["confirmation"] for ledger in ran.result["ledgers"]] == ["damaged", "confirmed"]
    assert ran.findings == [code]
    assert "deletion lag" in ran.result["hint"]
    assert checked.code == 4
    assert {found["ledgerId"] for found in checked.document["findings"]} == {first}
    assert code in checked.findings
    auditor.expect(missing=frozenset(harmed + suffix for suffix in missing))


def test_an_entry_too_large_for_its_block_is_damage_and_not_success(
    make_topic: TopicMaker, offloadctl: Offloadctl
) -> None:
    """Shown by the true offloader: the recorded truncation, entry for entry."""
    topic = make_topic("truncated")
    publish_payloads(topic.stack, topic.name, count=3, size=50)
    publish_payloads(topic.stack, topic.name, count=1, size=5 * MIB - 100)
    publish_payloads(topic.stack, topic.name, count=3, size=50)
    topic.unload()
    topic.set_offload_policies(**everywhere("MaxBlockSizeInBytes", 5 * MIB))

    ran = offloadctl.offload(topic.name)
    checked = offloadctl.check(topic.name)

    assert ran.outcome == ("damaged", 4)
    assert ran.result["brokerStatus"]["state"] == "SUCCESS"
    assert ran.findings == ["truncated"]
    assert (checked.code, checked.findings) == (4, ["truncated"])
    assert len(keys_of(topic)) == 2
