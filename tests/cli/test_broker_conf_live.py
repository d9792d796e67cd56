"""`broker-conf diff` with live brokers on one side: a partial view, over REST, of an embedded cluster."""

from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.model.names import TopicName
from offloadctl.report.schema import schema_of
from tests.cli.conftest import Command, Ran, loads, make_idle

SECRET = "wJalrXUtnFEMI/K7MDENG"
CREDENTIALS = ["s3ManagedLedgerOffloadCredentialId", "s3ManagedLedgerOffloadCredentialSecret"]
LAG = "managedLedgerOffloadDeletionLagInMillis"
BLOCK = "s3ManagedLedgerOffloadMaxBlockSizeInBytes"


def effective(ran: Ran) -> dict[str, tuple[str | None, str | None]]:
    jsonschema.validate(ran.document, schema_of("BrokerConfDiff"))
    return {one["key"]: (one["a"], one["b"]) for one in ran.document["differences"] if one["effective"]}


def unseen(ran: Ran) -> set[str]:
    """What could be seen and was not."""
    return {key for one in ran.document["unseen"] if one["do"] for key in one["keys"]}


@pytest.fixture
def conf(connected: EmbeddedCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The broker.conf that the cluster's brokers run with."""
    monkeypatch.chdir(tmp_path)
    cluster = connected.cluster
    typed = {
        "managedLedgerMaxEntriesPerLedger": cluster.tuning.max_entries_per_ledger,
        "managedLedgerMinLedgerRolloverTimeMinutes": 0,
        "managedLedgerOffloadMaxThreads": cluster.tuning.offload_threads,
        "defaultRetentionSizeInMB": cluster.tuning.retention_mebibytes,
        "defaultRetentionTimeInMinutes": cluster.tuning.retention_minutes,
        "retentionCheckIntervalInSeconds": int(cluster.tuning.trim_interval.total_seconds()),
        "narExtractionDirectory": "/pulsar/tmp",
    }
    path = tmp_path / "broker.conf"
    path.write_text("".join(f"{key}={value}\n" for key, value in (typed | cluster.properties).items()))
    return path


@pytest.fixture
def policies(command: Command, connected: EmbeddedCluster) -> Iterator[None]:
    """Every namespace has a policy, which hides what the brokers have."""
    with connected.cluster.lock:
        namespaces = [str(one) for one in connected.cluster.namespaces]
    for namespace in namespaces:
        wish = (f"bucket={connected.bucket}", f"{BLOCK}=32M")
        assert command("offload-policies", "set", "-n", namespace, *wish, "--accept-unverified", "--yes").code == 0
    yield
    for namespace in namespaces:
        assert command("offload-policies", "unset", "-n", namespace, "--accept-unverified", "--yes").code == 0


def test_brokers_that_run_with_a_file_are_the_same_as_it(command: Command, conf: Path, topic: TopicName) -> None:
    for sides in (("broker.conf", "live"), ("live", "broker.conf")):
        ran = command("broker-conf", "diff", *sides)

        assert ran.code == 0
        assert "What could be compared is the same to a broker" in ran.flowing
        assert f"Not compared: {', '.join(CREDENTIALS)}" in ran.flowing


def test_what_differs_is_found_among_typed_and_raw_keys_and_no_topic_is_loaded(
    command: Command, connected: EmbeddedCluster, conf: Path, topic: TopicName
) -> None:
    make_idle(connected, topic)
    before = loads(connected)
    conf.write_text(conf.read_text() + f"{BLOCK}=33554432\nmaxMessageSize=1\n")

    ran = command("broker-conf", "diff", "live", "broker.conf", "-o", "json")

    assert effective(ran) == {
        BLOCK: (str(connected.cluster.properties[BLOCK]), "33554432"),
        "maxMessageSize": ("5242880", "1"),
    }
    assert (ran.code, unseen(ran), loads(connected)) == (3, set(), before)


def test_brokers_are_held_against_a_profile(command: Command, connected: EmbeddedCluster, topic: TopicName) -> None:
    ran = command("broker-conf", "diff", "minio", "live", "--set", "bucket=cold", "-o", "json")

    assert effective(ran) == {
        "managedLedgerOffloadDriver": ("S3", "aws-s3"),
        "managedLedgerOffloadBucket": ("cold", connected.bucket),
    }


@pytest.mark.usefixtures("policies", "topic")
def test_keys_that_policies_hide_are_named_and_not_taken_for_the_same(command: Command, conf: Path) -> None:
    ran = command("broker-conf", "diff", "broker.conf", "live", "-o", "json")

    assert effective(ran) == {}
    assert BLOCK in unseen(ran)
    assert LAG not in unseen(ran)
    assert ran.code == 5
    assert "--topic" in command("broker-conf", "diff", "broker.conf", "live").flowing


def test_a_topic_that_is_named_is_asked(command: Command, conf: Path, topic: TopicName) -> None:
    assert command("broker-conf", "diff", "broker.conf", "live", "--topic", str(topic)).code == 0
    assert command("broker-conf", "diff", "broker.conf", "live", "--topic", f"{topic}-gone").code == 1


def test_credentials_of_the_brokers_are_neither_read_nor_shown(
    command: Command, connected: EmbeddedCluster, conf: Path, topic: TopicName, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in CREDENTIALS:
        monkeypatch.setitem(connected.cluster.properties, key, SECRET)

    for output in ("table", "wide", "json", "yaml"):
        ran = command("broker-conf", "diff", "broker.conf", "live", "-o", output)

        assert ran.code == 0
        assert SECRET not in ran.out + ran.err


def test_two_files_need_no_broker(command: Command, conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFLOADCTL_ADMIN_URL", "http://127.0.0.1:9")
    conf.with_name("other.conf").write_text(conf.read_text())

    assert command("broker-conf", "diff", "broker.conf", "other.conf").code == 0
    assert command("broker-conf", "diff", "broker.conf", "live").code == 1
