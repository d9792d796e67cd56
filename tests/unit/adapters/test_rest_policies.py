"""Offload policies as the settings in force: which key counts for which driver, and that no secret gets in."""

from dataclasses import asdict
from typing import Any

import pytest

from offloadctl.model.ledger import OffloadPolicies
from offloadctl.model.names import TopicName
from offloadctl.units import ByteSize
from tests.recordings import recording
from tests.rest_fakes import bench, json_answer

TOPIC = TopicName.parse("acme/shop/orders-partition-3")
MIB = 1024 * 1024
GENERIC = {
    "managedLedgerOffloadBucket": "general",
    "managedLedgerOffloadRegion": "eu-west-1",
    "managedLedgerOffloadServiceEndpoint": "http://minio:9000",
    "managedLedgerOffloadMaxBlockSizeInBytes": 5 * MIB,
}
S3 = {
    "s3ManagedLedgerOffloadBucket": "own",
    "s3ManagedLedgerOffloadRegion": "us-east-2",
    "s3ManagedLedgerOffloadServiceEndpoint": "http://ceph:7480",
    "s3ManagedLedgerOffloadMaxBlockSizeInBytes": 8 * MIB,
}
GCS = {
    "gcsManagedLedgerOffloadBucket": "google",
    "gcsManagedLedgerOffloadRegion": "europe-west3",
    "gcsManagedLedgerOffloadMaxBlockSizeInBytes": 16 * MIB,
}


def policies(**fields: Any) -> OffloadPolicies:
    return bench(lambda _: json_answer(fields)).rest.offload_policies(TOPIC)


def where(found: OffloadPolicies) -> tuple[str | None, str | None, str | None, int | None]:
    return found.bucket, found.region, found.endpoint, found.max_block_size


@pytest.mark.parametrize(
    ("driver", "expected"),
    [
        ("S3", ("general", "eu-west-1", "http://minio:9000", 5 * MIB)),
        ("aws-s3", ("own", "us-east-2", "http://ceph:7480", 8 * MIB)),
        ("AWS-S3", ("own", "us-east-2", "http://ceph:7480", 8 * MIB)),
        ("google-cloud-storage", ("google", "europe-west3", "http://minio:9000", 16 * MIB)),
        ("azureblob", ("general", "eu-west-1", "http://minio:9000", 5 * MIB)),
        ("filesystem", ("general", "eu-west-1", "http://minio:9000", 5 * MIB)),
    ],
)
def test_a_drivers_own_keys_count_before_the_general_ones(
    driver: str, expected: tuple[str | None, str | None, str | None, int | None]
) -> None:
    found = policies(managedLedgerOffloadDriver=driver, **GENERIC, **S3, **GCS)

    assert where(found) == expected
    assert found.driver == driver


def test_the_general_keys_count_where_the_driver_has_none_of_its_own() -> None:
    assert where(policies(managedLedgerOffloadDriver="aws-s3", **GENERIC)) == where(
        policies(managedLedgerOffloadDriver="S3", **GENERIC)
    )


def test_a_blank_key_is_there_and_counts() -> None:
    found = policies(managedLedgerOffloadDriver="aws-s3", **GENERIC, s3ManagedLedgerOffloadServiceEndpoint="")

    assert found.endpoint == ""


@pytest.mark.parametrize("driver", ["S3", "aws-s3", "google-cloud-storage", "aliyun-oss", "azureblob", "Transient"])
def test_a_driver_that_writes_blocks_has_64_mib_ones_by_default(driver: str) -> None:
    assert policies(managedLedgerOffloadDriver=driver).max_block_size == ByteSize(64 * MIB)


@pytest.mark.parametrize("driver", [None, "", "filesystem"])
def test_without_blocks_there_is_no_block_size(driver: str | None) -> None:
    found = policies(managedLedgerOffloadDriver=driver)

    assert found.max_block_size is None
    assert found.driver == (driver or None)


def test_thresholds_lag_and_read_priority_are_told_in_broker_confs_words() -> None:
    found = policies(
        managedLedgerOffloadThresholdInBytes=-1,
        managedLedgerOffloadThresholdInSeconds=300,
        managedLedgerOffloadDeletionLagInMillis=-1,
        managedLedgerOffloadedReadPriority="BOOKKEEPER_FIRST",
    )

    assert (found.size_threshold, found.age_threshold_s, found.deletion_lag_ms) == (-1, 300, -1)
    assert found.read_priority == "bookkeeper-first"


def test_what_is_not_set_is_none() -> None:
    assert set(asdict(policies()).values()) == {None}


def test_no_credential_gets_in() -> None:
    secrets = {
        "s3ManagedLedgerOffloadCredentialId": "opensesame",
        "s3ManagedLedgerOffloadCredentialSecret": "opensesame",
        "managedLedgerExtraConfigurations": {"key": "opensesame"},
    }

    assert "opensesame" not in str(policies(managedLedgerOffloadDriver="aws-s3", **S3, **secrets))


def test_the_recorded_policies_of_a_broker_with_minio() -> None:
    recorded = recording("03-topic-offload", 9).response

    found = policies(**recorded)

    assert found == OffloadPolicies(
        driver="S3",
        bucket=recorded["managedLedgerOffloadBucket"],
        region=recorded["managedLedgerOffloadRegion"],
        endpoint=recorded["managedLedgerOffloadServiceEndpoint"],
        max_block_size=ByteSize(recorded["managedLedgerOffloadMaxBlockSizeInBytes"]),
        deletion_lag_ms=recorded.get("managedLedgerOffloadDeletionLagInMillis"),
        size_threshold=recorded.get("managedLedgerOffloadThresholdInBytes"),
        age_threshold_s=recorded.get("managedLedgerOffloadThresholdInSeconds"),
    )
    assert found.bucket == "pulsar-offload-bucket"


def test_a_partition_is_asked_for_by_its_parent_and_with_everything_merged() -> None:
    ours = bench(lambda _: json_answer({}))

    ours.rest.offload_policies(TOPIC)

    asked = ours.brokers.asked[0]
    assert asked.path == "/admin/v2/persistent/acme/shop/orders/offloadPolicies"
    assert asked.query == {"applied": ["true"]}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("http://key:secret@minio:9000", "http://minio:9000"),
        ("key:se@cret@minio:9000", "minio:9000"),
        ("http://minio:9000", "http://minio:9000"),
    ],
)
def test_keys_in_an_endpoint_are_never_told(given: str, told: str) -> None:
    found = policies(managedLedgerOffloadDriver="S3", managedLedgerOffloadServiceEndpoint=given)

    assert found.endpoint == told
