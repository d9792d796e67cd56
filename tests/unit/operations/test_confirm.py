"""Recorded objects of a real broker: the healthy ones are confirmed, the one cut short is damage."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from offloadctl.adapters.memory import MemoryObjectStore
from offloadctl.format.data_block import PADDING
from offloadctl.format.entry import Entry
from offloadctl.model.ledger import Ledger, OffloadPolicies, OffloadProgress
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Confirmation, MovedLedger
from offloadctl.operations.confirm import ObjectsInStores
from offloadctl.operations.offload import ObjectsSeen
from offloadctl.units import ByteSize
from tests.golden_objects import offloaded_objects, truncated_objects

GOLDEN = Path(__file__).parents[2] / "golden" / "objects"
BUCKET = "pulsar-offload-bucket"
POLICIES = OffloadPolicies(driver="S3", bucket=BUCKET)


def ledger(stored: dict[str, Any]) -> Ledger:
    uuid = UUID(stored["offloadedContextUuid"])
    size = ByteSize(stored["size"])
    return Ledger(stored["ledgerId"], stored["entries"], size, False, OffloadProgress.OFFLOADED, None, uuid)


@cache
def recorded_ledgers() -> dict[int, Ledger]:
    topics = json.loads((GOLDEN / "offloaded" / "topics.json").read_text())
    stored = [one for topic in topics.values() for one in topic["managed_ledger_info"]["ledgers"]]
    return {one["ledgerId"]: ledger(one) for one in stored if one["isOffloaded"]}


TRUNCATED = ledger(
    {
        "ledgerId": 143,
        "entries": 7,
        "size": 5_243_206,
        "offloadedContextUuid": "385c4894-2041-461f-9161-a199311fcaf1",
    }
)


def store_with(folder: str, *, but_not: str = "", bucket: str = BUCKET) -> MemoryObjectStore:
    store = MemoryObjectStore(bucket)
    for one in offloaded_objects() if folder == "offloaded" else truncated_objects():
        if one.key != but_not:
            store.put(one.key, one.body, user_metadata=one.metadata, content_type="")
    return store


def replace_object(store: MemoryObjectStore, key: str, data: bytes) -> None:
    info = store.head(key)
    assert info is not None
    store.put(key, data, user_metadata=info.user_metadata, content_type="")


def look(store: MemoryObjectStore, of: Ledger, policies: OffloadPolicies | None = POLICIES) -> ObjectsSeen:
    info = store.head(f"{of.context_uuid}-ledger-{of.ledger_id}") or store.head(
        f"{of.context_uuid}-ledger-{of.ledger_id}-index"
    )
    name = info.user_metadata["managedledgername"] if info is not None else "public/corpus/persistent/plain"
    return ObjectsInStores((store,))(
        TopicName.from_managed_ledger_name(name), MovedLedger(of, Confirmation.UNCONFIRMED), policies
    )


def codes(seen: ObjectsSeen) -> list[str]:
    return [finding.code for finding in seen.findings]


def test_each_recorded_ledger_is_confirmed() -> None:
    store = store_with("offloaded")

    assert len(recorded_ledgers()) == 18
    for recorded in recorded_ledgers().values():
        seen = look(store, recorded)
        assert (seen.confirmation, seen.findings) == (Confirmation.CONFIRMED, ()), recorded.ledger_id


def test_the_recorded_truncation_is_damage() -> None:
    seen = look(store_with("truncated"), TRUNCATED)

    assert seen.confirmation is Confirmation.DAMAGED
    assert codes(seen) == ["truncated"]


@pytest.mark.parametrize(("suffix", "code"), [("", "data-missing"), ("-index", "index-missing")])
def test_a_missing_object_is_damage_in_the_brokers_own_bucket(suffix: str, code: str) -> None:
    recorded = recorded_ledgers()[45]
    key = f"{recorded.context_uuid}-ledger-45{suffix}"

    assert codes(look(store_with("offloaded", but_not=key), recorded)) == [code]


def test_nothing_found_where_the_brokers_bucket_is_unknown_is_not_confirmed() -> None:
    seen = look(MemoryObjectStore(BUCKET), recorded_ledgers()[45], policies=None)

    assert (seen.confirmation, seen.findings) == (Confirmation.UNCONFIRMED, ())
    assert "the broker may write elsewhere" in seen.not_covered


class Elsewhere(MemoryObjectStore):
    """A bucket of the same name, at an endpoint that the policies do not name."""

    @property
    def location(self) -> str:
        return f"s3://{self.bucket} at http://staging:9000"


PRODUCTION = OffloadPolicies(driver="S3", bucket=BUCKET, endpoint="http://minio.internal:9000")


def test_a_bucket_of_the_same_name_elsewhere_is_no_proof_of_loss() -> None:
    seen = look(Elsewhere(BUCKET), recorded_ledgers()[45], policies=PRODUCTION)

    assert (seen.confirmation, seen.findings) == (Confirmation.UNCONFIRMED, ())
    assert "staging" in seen.not_covered


def test_where_an_object_of_the_run_was_found_a_missing_one_is_lost() -> None:
    store = Elsewhere(BUCKET)
    for one in offloaded_objects():
        if "ledger-45" in one.key:
            store.put(one.key, one.body, user_metadata=one.metadata, content_type="")
    check, plain = ObjectsInStores((store,)), TopicName("public", "corpus", "plain")

    def seen(ledger_id: int) -> Confirmation:
        moved = MovedLedger(recorded_ledgers()[ledger_id], Confirmation.UNCONFIRMED)
        return check(plain, moved, PRODUCTION).confirmation

    assert seen(46) is Confirmation.UNCONFIRMED
    assert seen(45) is Confirmation.CONFIRMED
    assert seen(46) is Confirmation.DAMAGED


def test_another_bucket_than_the_brokers_confirms_nothing() -> None:
    seen = look(store_with("offloaded", bucket="old-bucket"), recorded_ledgers()[45])

    assert seen.confirmation is Confirmation.UNCONFIRMED
    assert BUCKET in seen.not_covered


@pytest.mark.parametrize("cut", [1, 12, 248, 4000])
def test_a_data_object_that_lost_its_end_is_damage(cut: int) -> None:
    store, recorded = store_with("offloaded"), recorded_ledgers()[45]
    key = f"{recorded.context_uuid}-ledger-45"
    data = store.read(key)
    assert data is not None

    replace_object(store, key, data[:-cut])

    assert codes(look(store, recorded)) == ["data-size"]


def test_a_payload_that_ends_like_padding_is_no_finding() -> None:
    store, recorded = store_with("offloaded"), recorded_ledgers()[45]
    key = f"{recorded.context_uuid}-ledger-45"
    data = store.read(key)
    assert data is not None
    last_at = len(data) - recorded.size // recorded.entries
    last = Entry.parse(data[last_at:])
    like_padding = Entry.with_checksum(last.metadata, last.payload[:-8] + PADDING * 2).build()

    replace_object(store, key, data[:last_at] + like_padding)

    assert look(store, recorded).confirmation is Confirmation.CONFIRMED


def test_an_index_of_another_ledger_is_damage() -> None:
    store, recorded = store_with("offloaded"), recorded_ledgers()[45]
    key = f"{recorded.context_uuid}-ledger-45"

    assert "index-metadata" in codes(look(store, replace(recorded, entries=21)))
    index = store.read(key + "-index")
    assert index is not None
    replace_object(store, key + "-index", b"\0" + index[1:])
    assert codes(look(store, recorded)) == ["index-corrupt"]
