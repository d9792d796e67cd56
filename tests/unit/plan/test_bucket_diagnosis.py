"""What a bucket's configuration does to offloaded ledgers."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.format.keys import data_key, index_key
from offloadctl.model.bucket_facts import BucketFacts, LifecycleRule, Told
from offloadctl.model.doctor import Symptom, Weight
from offloadctl.plan.bucket_diagnosis import diagnose_bucket, may_hold
from offloadctl.plan.iam import broker_policy, reader_policy

ABORTS = LifecycleRule("aborts", aborts_uploads_after_days=7)
SOUND = BucketFacts(
    endpoint="https://s3.us-west-2.amazonaws.com",
    path_style=False,
    credentials="env",
    region=Told("us-west-2"),
    clock_skew=Told(timedelta(seconds=1)),
    versioning=Told(),
    object_lock=Told(),
    encryption=Told("AES256"),
    lifecycle=Told((ABORTS,)),
    wanted_region="us-west-2",
)


def found(facts: BucketFacts) -> dict[str, Symptom]:
    return {one.id: one for one in diagnose_bucket(facts)}


def with_rule(rule: LifecycleRule) -> dict[str, Symptom]:
    return found(replace(SOUND, lifecycle=Told((ABORTS, rule))))


def test_a_sound_bucket_is_fine() -> None:
    assert {one.weight for one in found(SOUND).values()} == {Weight.FINE}


@pytest.mark.parametrize("prefix", ["", "0", "0a1b2c3d-", "0a1b2c3d-0000-0000-0000-000000000000-ledger-7"])
def test_a_rule_that_deletes_ledgers_is_an_error(prefix: str) -> None:
    symptom = with_rule(LifecycleRule("r", prefix, expires="after 30 days"))["lifecycle-expires"]

    assert symptom.weight is Weight.ERROR
    assert "after 30 days" in symptom.what


def test_a_rule_for_other_objects_is_none_of_our_business() -> None:
    assert "lifecycle-expires" not in with_rule(LifecycleRule("r", "logs/", expires="after 1 days"))


def test_a_rule_that_is_narrowed_is_a_warning() -> None:
    rule = LifecycleRule("r", expires="after 1 days", is_narrowed=True)

    assert with_rule(rule)["lifecycle-expires"].weight is Weight.WARNING


@pytest.mark.parametrize(
    ("storage_class", "expected"),
    [("GLACIER", True), ("DEEP_ARCHIVE", True), ("GLACIER_IR", False), ("STANDARD_IA", False)],
)
def test_only_classes_that_cannot_be_read_are_an_error(storage_class: str, *, expected: bool) -> None:
    symptoms = with_rule(LifecycleRule("r", archives_to=(storage_class,)))

    assert ("lifecycle-archives" in symptoms) is expected


def test_without_a_rule_that_aborts_uploads_there_is_a_warning() -> None:
    assert found(replace(SOUND, lifecycle=Told()))["uploads-never-aborted"].weight is Weight.WARNING


def test_what_the_store_does_not_tell_is_unknown_and_not_fine() -> None:
    secret: Told[str] = Told(refusal="AccessDenied")
    facts = replace(
        SOUND,
        region=secret,
        versioning=secret,
        object_lock=secret,
        encryption=secret,
        lifecycle=Told(refusal="AccessDenied"),
        clock_skew=Told(refusal="AccessDenied"),
    )

    unknown = {name for name, one in found(facts).items() if one.weight is Weight.UNKNOWN}

    assert unknown == {"region", "versioning", "object-lock", "encryption", "lifecycle", "clock"}


@pytest.mark.parametrize(
    ("change", "name", "weight"),
    [
        ({"region": Told("eu-west-1")}, "region", Weight.WARNING),
        ({"clock_skew": Told(timedelta(minutes=-9))}, "clock", Weight.WARNING),
        ({"versioning": Told("Enabled")}, "versioning", Weight.NOTE),
        ({"object_lock": Told("on, by default GOVERNANCE for 3 days")}, "object-lock", Weight.NOTE),
        ({"encryption": Told()}, "encryption", Weight.NOTE),
        ({"endpoint": "http://minio:9000"}, "no-tls", Weight.WARNING),
        ({"endpoint": "http://127.0.0.1:9000"}, "no-tls", Weight.NOTE),
    ],
)
def test_one_thing_that_is_otherwise_is_told(change: dict[str, object], name: str, weight: Weight) -> None:
    facts = replace(SOUND, **change)  # type: ignore[arg-type]  # one field of any type

    symptoms = found(facts)
    others = {one.weight for other, one in symptoms.items() if other != name}
    assert symptoms[name].weight is weight
    assert others == {Weight.FINE}


@given(st.uuids(), st.integers(0, 10**12), st.integers(0, 70))
def test_every_beginning_of_a_key_is_one(uuid: UUID, ledger_id: int, length: int) -> None:
    for key in (data_key(uuid, ledger_id), index_key(uuid, ledger_id)):
        assert may_hold(key[:length])
        assert not may_hold(f"x{key}")
        assert not may_hold(f"{key}y")


def test_we_ask_for_no_right_to_write_and_brokers_for_all_that_an_upload_takes() -> None:
    ours = {action for one in reader_policy(["b"])["Statement"] for action in one["Action"]}
    theirs = {action for one in broker_policy(["b", "c"])["Statement"] for action in one["Action"]}
    resources = [one["Resource"] for one in broker_policy(["b", "c"])["Statement"]]

    assert not [one for one in ours if "Put" in one or "Delete" in one or "Abort" in one]
    assert {"s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetBucketLocation"} <= theirs
    assert resources == [["arn:aws:s3:::b", "arn:aws:s3:::c"], ["arn:aws:s3:::b/*", "arn:aws:s3:::c/*"]]
