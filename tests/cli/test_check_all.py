"""`check --all`: a bucket beside everything that a cluster has, from the command line to HTTP and back."""

import json
from pathlib import Path

import jsonschema
import pytest

from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.model.names import TopicName
from offloadctl.report.schema import schema_of
from tests.cli.conftest import Command, fill, show_on_the_list

TOPICS = (TopicName("public", "default", "orders"), TopicName("public", "default", "clicks"))


@pytest.fixture
def offloaded(command: Command, connected: EmbeddedCluster) -> None:
    """Two topics with three ledgers each in S3, served."""
    for topic in TOPICS:
        fill(connected, topic)
    show_on_the_list(connected)
    assert command("offload", "topic", *map(str, TOPICS), "-s", "0").code == 0


def test_a_check_of_everything_lists_the_bucket(command: Command, offloaded: None) -> None:
    ran = command("check", "--all", "--level", "listing", "-o", "json")

    (bucket,) = ran.document["buckets"]
    assert bucket["listed"]
    assert bucket["uploads"]["isComplete"]
    assert bucket["ledgerObjects"]["objects"] >= ran.document["coverage"]["ledgers"] > 0
    assert bucket["classes"].keys() == {"STANDARD"}


def test_a_bucket_is_told_in_words_too(command: Command, connected: EmbeddedCluster, offloaded: None) -> None:
    ran = command("check", "--all", "--level", "listing")

    assert f"bucket s3://{connected.bucket}" in ran.flowing
    assert "STANDARD" in ran.flowing


def test_the_documents_keep_to_their_schemas(command: Command, offloaded: None) -> None:
    whole = command("check", "--all", "--level", "listing", "-o", "json")
    lines = command("check", "--all", "--level", "listing", "-o", "ndjson")

    jsonschema.validate(whole.document, schema_of("CheckReport"))
    jsonschema.validate(json.loads(lines.out.splitlines()[-1]), schema_of("CheckSummary"))


def test_a_cluster_that_shares_the_bucket_is_named_by_its_context(
    command: Command,
    connected: EmbeddedCluster,
    offloaded: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[contexts.other]\nadmin_urls = ["{connected.admin_urls[0]}"]\n')
    config.chmod(0o600)
    monkeypatch.setenv("OFFLOADCTL_CONFIG", str(config))

    together = command("check", "--all", "--level", "listing", "--shared-with", "other", "-o", "json")
    unknown = command("check", "--all", "--shared-with", "nobody")
    narrow = command("check", "-n", "public/default", "--shared-with", "other")

    assert together.document["status"] == "full"
    assert (unknown.code, narrow.code) == (2, 2)
    assert "--shared-with goes with --all only" in narrow.err
