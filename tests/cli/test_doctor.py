"""`doctor`: from the command line to a cluster and a bucket over HTTP; one thing is broken, and it is named."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import jsonschema
import pytest

from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.demo.faults import Fault
from offloadctl.model.names import TopicName
from offloadctl.report.schema import schema_of
from tests.cli.conftest import Command, Ran, loads, make_idle

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def ids(ran: Ran) -> dict[str, str]:
    """The weight of each symptom of a document."""
    return {one["id"]: one["weight"] for subject in ran.document["subjects"] for one in subject["symptoms"]}


@pytest.fixture
def s3(connected: EmbeddedCluster) -> "S3Client":
    """The bucket's owner."""
    access_key, secret_key = connected.credentials
    return boto3.client(
        "s3",
        endpoint_url=connected.s3_endpoint,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
    )


@pytest.fixture
def untouched(connected: EmbeddedCluster, s3: "S3Client") -> Iterator[EmbeddedCluster]:
    """The bucket's configuration of a test ends with it."""
    yield connected
    s3.delete_bucket_lifecycle(Bucket=connected.bucket)
    left = s3.list_object_versions(Bucket=connected.bucket, Prefix="offloadctl-write-probe-")
    for one in (*left.get("Versions", ()), *left.get("DeleteMarkers", ())):
        s3.delete_object(Bucket=connected.bucket, Key=one["Key"], VersionId=one["VersionId"])
    s3.put_bucket_versioning(Bucket=connected.bucket, VersioningConfiguration={"Status": "Suspended"})


# -- the cluster


def test_what_is_wrong_with_a_cluster_is_named(command: Command, connected: EmbeddedCluster, topic: TopicName) -> None:
    ran = command("doctor", "cluster", "-o", "json")

    # The embedded cluster is one with aws-s3 and an address of its own.
    assert {name for name, weight in ids(ran).items() if weight not in ("fine", "note")} == {"private-endpoint"}
    assert ran.code == 3
    jsonschema.validate(ran.document, schema_of("Doctor"))


def test_what_is_wrong_in_several_namespaces_is_told_once(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    with connected.cluster.lock:
        policies = connected.cluster.namespaces[topic.namespace_name]
        policies.set_field("managedLedgerOffloadDeletionLagInMillis", 0)
    try:
        ran = command("doctor", "cluster", "-n", str(topic.namespace_name))
    finally:
        policies.offload = None

    assert ran.code == 3
    assert ran.out.count("[no-deletion-lag]") == 1
    assert f"in {topic.namespace_name}" in ran.out


def test_a_cluster_out_of_reach_is_a_failure(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFLOADCTL_ADMIN_URL", "http://127.0.0.1:1")

    ran = command("doctor", "cluster")

    assert ran.code == 1
    assert "[unreachable]" in ran.out


def test_a_namespace_that_was_named_and_is_not_there_is_a_failure_with_the_name_that_was_meant(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    ran = command("doctor", "cluster", "-n", "acme/shpo")

    assert ran.code == 1
    assert "There is no namespace acme/shpo." in ran.flowing
    assert "did you mean acme/shop?" in ran.flowing


# -- topics


def test_a_topic_with_sound_objects_is_fine(command: Command, connected: EmbeddedCluster, topic: TopicName) -> None:
    assert command("offload", "topic", str(topic), "-s", "0").code == 0

    ran = command("doctor", "topic", str(topic), "--load-topics")

    assert ran.code == 3
    assert "[objects]" in ran.out
    assert "[open-ledger]" in ran.out
    assert ran.out.rstrip().endswith("1 warning"), "the linter's, of aws-s3 with a private endpoint"


def test_a_lost_object_is_damage_and_explains_a_reader_that_hangs(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    with connected.cluster.lock:
        connected.cluster.faults.plant(Fault.LOST_OBJECT, topic=topic)
    command("offload", "topic", str(topic), "-s", "0")

    ran = command("doctor", "topic", str(topic), "--load-topics", "-o", "json")

    assert ran.code == 4
    assert "damage" in ids(ran).values()


def test_a_run_that_died_is_called_stuck(command: Command, connected: EmbeddedCluster, topic: TopicName) -> None:
    with connected.cluster.lock:
        connected.cluster.faults.plant(Fault.STUCK_RUNNING, topic=topic)
    command("offload", "topic", str(topic), "-s", "0", "--no-wait")

    ran = command("doctor", "topic", str(topic), "--load-topics")

    assert ran.code == 3
    assert "[stuck]" in ran.out
    assert "unload the topic" in ran.flowing


def test_an_idle_topic_is_left_alone(command: Command, connected: EmbeddedCluster, topic: TopicName) -> None:
    make_idle(connected, topic)
    before = loads(connected)

    ran = command("doctor", "topic", str(topic))

    assert loads(connected) == before
    assert "[not-loaded]" in ran.out


def test_a_topic_that_is_not_there_is_not_found(command: Command, connected: EmbeddedCluster) -> None:
    ran = command("doctor", "topic", "acme/shop/nosuch")

    assert ran.code == 1
    assert "not found" in ran.err


# -- the bucket


def test_reading_a_bucket_writes_nothing(command: Command, untouched: EmbeddedCluster, s3: "S3Client") -> None:
    before = [one.key for one in untouched.store.list()]

    ran = command("doctor", "s3", "-o", "json")

    found = ids(ran)
    assert ran.code == 3
    assert {name for name, weight in found.items() if weight == "warning"} == {"uploads-never-aborted"}
    assert found["list"] == found["region"] == found["clock"] == "fine"
    assert [one.key for one in untouched.store.list()] == before


def test_lifecycle_rules_are_read_and_judged(command: Command, untouched: EmbeddedCluster, s3: "S3Client") -> None:
    s3.put_bucket_lifecycle_configuration(
        Bucket=untouched.bucket,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "all",
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "Expiration": {"Days": 30},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                },
                {"ID": "off", "Status": "Disabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}},
                {
                    "ID": "cold",
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "Transitions": [{"Days": 90, "StorageClass": "GLACIER"}],
                },
            ]
        },
    )

    ran = command("doctor", "s3", "-o", "json")

    found = ids(ran)
    assert ran.code == 3
    assert (found["lifecycle-expires"], found["lifecycle-archives"]) == ("error", "error")
    assert found["uploads-aborted"] == "fine"
    assert "after 30 days" in ran.out


def test_a_write_probe_writes_and_leaves_nothing(command: Command, untouched: EmbeddedCluster, s3: "S3Client") -> None:
    before = [one.key for one in untouched.store.list()]

    ran = command("doctor", "s3", "--write-probe", "-o", "json")

    assert (ids(ran)["write"], ids(ran)["delete"]) == ("fine", "fine")
    assert [one.key for one in untouched.store.list()] == before
    assert list(untouched.store.uploads()) == []


def test_what_a_probe_leaves_behind_on_a_bucket_with_versions_is_told(
    command: Command, untouched: EmbeddedCluster, s3: "S3Client"
) -> None:
    s3.put_bucket_versioning(Bucket=untouched.bucket, VersioningConfiguration={"Status": "Enabled"})

    ran = command("doctor", "s3", "--write-probe")

    assert "[probe-versions]" in ran.out
    assert "keeps old versions" in ran.out


def test_a_read_only_context_makes_no_probe(command: Command, untouched: EmbeddedCluster) -> None:
    assert command("doctor", "s3", "--write-probe", "--read-only").code == 6
    assert command("doctor", "s3", "--read-only").code == 3


def test_a_bucket_that_is_not_there_is_a_failure(command: Command, connected: EmbeddedCluster) -> None:
    ran = command("doctor", "s3", "--bucket", f"nosuch,endpoint={connected.s3_endpoint}")

    assert ran.code == 1
    assert "no such bucket" in ran.flowing


def test_without_a_bucket_there_is_nothing_to_examine(command: Command) -> None:
    for verb in ("s3", "iam"):
        assert command("doctor", verb).code == 2


def test_the_rights_at_aws_are_printed_for_both(command: Command, connected: EmbeddedCluster) -> None:
    text, document = command("doctor", "iam"), command("doctor", "iam", "-o", "json")

    assert f"arn:aws:s3:::{connected.bucket}/*" in text.out
    assert json.loads(document.out)["offloadctl"]["Version"] == "2012-10-17"
