"""Without a bucket of ours, the one that policies name is offered to be pasted, and never used by itself."""

import shlex

import boto3
import pytest

from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.model.names import TopicName
from tests.cli.conftest import Command, show_on_the_list


@pytest.fixture
def flag(connected: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch) -> str:
    """No bucket is configured; what is to be offered."""
    monkeypatch.delenv("OFFLOADCTL_BUCKET")
    return f"--bucket {connected.bucket},endpoint={connected.s3_endpoint},region=us-east-1"


def test_an_offload_that_nobody_could_confirm_offers_it(command: Command, flag: str, topic: TopicName) -> None:
    ran = command("offload", "topic", str(topic), "-s", "0", "-o", "json")

    (result,) = ran.document["topics"][0]["results"]
    assert (ran.code, result["outcome"]) == (5, "done-not-confirmed")
    assert result["hint"].endswith(f"; in force is {flag}")


def test_a_check_without_a_bucket_offers_it_and_what_is_pasted_works(
    command: Command, connected: EmbeddedCluster, flag: str, topic: TopicName
) -> None:
    command("offload", "topic", str(topic), "-s", "0")
    show_on_the_list(connected)

    without = command("check", str(topic))
    pasted = command("check", str(topic), *shlex.split(without.err.rpartition("in force is ")[2]))

    assert without.code == 2
    assert flag in " ".join(without.err.split())
    assert pasted.code == 0


@pytest.mark.parametrize("scope", [("-n", "acme/shop"), ("--tenant", "acme"), ("--all",)])
def test_a_check_of_a_wide_scope_without_a_bucket_offers_it_too(
    command: Command, connected: EmbeddedCluster, flag: str, topic: TopicName, scope: tuple[str, ...]
) -> None:
    ran = command("check", *scope)

    assert ran.code == 2
    assert f"in force is {flag}" in " ".join(ran.err.split())


@pytest.mark.parametrize("scope", ["the topic", "its namespace"])
def test_a_check_that_finds_ledgers_in_none_of_our_buckets_offers_the_one_in_force(
    command: Command,
    connected: EmbeddedCluster,
    flag: str,
    topic: TopicName,
    scope: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command("offload", "topic", str(topic), "-s", "0")
    show_on_the_list(connected)
    boto3.client("s3", endpoint_url=connected.s3_endpoint, region_name="us-east-1").create_bucket(Bucket="no-ledgers")
    monkeypatch.setenv("OFFLOADCTL_BUCKET", f"no-ledgers,endpoint={connected.s3_endpoint}")

    ran = command("check", *([str(topic)] if scope == "the topic" else ["-n", "acme/shop"]))

    assert ran.code == 1
    assert f"in no bucket that is known here; in force is {flag}" in " ".join(ran.err.split())


def test_of_a_topic_that_cannot_be_asked_nothing_is_offered(command: Command, flag: str) -> None:
    ran = command("check", "acme/shop/nowhere")

    assert ran.code == 2
    assert "or in the context" in ran.err
    assert "in force" not in ran.err


def test_the_status_offers_it_and_has_not_looked_there(
    command: Command, connected: EmbeddedCluster, flag: str, topic: TopicName
) -> None:
    command("offload", "topic", str(topic), "-s", "0")
    show_on_the_list(connected)

    ran = command("offload", "status", str(topic))

    assert f"no bucket was looked at; in force is {flag}" in ran.flowing


def test_beside_another_bucket_of_ours_it_is_offered_too(
    command: Command, connected: EmbeddedCluster, flag: str, topic: TopicName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFLOADCTL_BUCKET", f"other-bucket,endpoint={connected.s3_endpoint}")

    ran = command("offload", "topic", str(topic), "-s", "0")

    assert ran.code == 5
    assert f"in force is {flag}" in ran.flowing
    assert f"in force is {flag}" in command("offload", "status", str(topic), "--load-topics").flowing
