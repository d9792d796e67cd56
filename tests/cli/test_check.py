"""`offloadctl check`: from the command line to a cluster over HTTP, to its bucket, and back."""

import json
import re
from datetime import timedelta

import jsonschema
import pytest
import yaml

from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.demo.faults import Fault
from offloadctl.format.keys import data_key, index_key
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.report.schema import schema_of
from tests.cli.conftest import Command, Ran, fill, loads, make_idle, show_on_the_list


@pytest.fixture
def topic(embedded: EmbeddedCluster, request: pytest.FixtureRequest) -> TopicName:
    """A topic of the test's own, parameters and all, with three closed ledgers and an open one."""
    name = TopicName("acme", "shop", re.sub(r"\W+", "-", request.node.name))
    fill(embedded, name)
    return name


def offload(embedded: EmbeddedCluster, topic: TopicName) -> None:
    """Let the broker offload everything that is closed, without anybody waiting for it."""
    cluster = embedded.cluster
    with cluster.lock:
        everything = Position(cluster.existing(topic).last.ledger_id, 0)
        cluster.offloading.start_manual(topic, cluster.serve(topic), everything, cluster.clock.now())
    embedded.advance(timedelta(seconds=10))
    show_on_the_list(embedded)


@pytest.fixture
def offloaded(connected: EmbeddedCluster, topic: TopicName) -> TopicName:
    """A topic with three ledgers of 20 entries in S3; it is served."""
    offload(connected, topic)
    return topic


def keys_of(embedded: EmbeddedCluster, topic: TopicName) -> list[tuple[str, str]]:
    """Of each offloaded ledger the keys of data and index."""
    with embedded.cluster.lock:
        ledgers = embedded.cluster.metadata[topic].ascending
        contexts = [(ledger.ledger_id, ledger.context.uuid) for ledger in ledgers if ledger.context is not None]
    return [(data_key(uuid, number), index_key(uuid, number)) for number, uuid in contexts]


def overwrite(embedded: EmbeddedCluster, key: str, at: int, new: bytes) -> None:
    info, data = embedded.store.head(key), embedded.store.read(key)
    assert info is not None
    assert data is not None
    changed = data[:at] + new + data[at + len(new) :]
    embedded.store.put(key, changed, user_metadata=info.user_metadata, content_type="")


def codes(ran: Ran) -> list[str]:
    return [finding["code"] for finding in ran.document["findings"]]


@pytest.mark.parametrize("level", ["index", "blocks", "entries"])
def test_what_a_healthy_cluster_wrote_is_sound_at_each_level(
    command: Command, offloaded: TopicName, level: str
) -> None:
    ran = command("check", str(offloaded), "--level", level)

    assert ran.code == 0
    assert ran.flowing.count(" sound") == 3
    assert f"1 of 1 topic, 3 of 3 ledgers in S3, at the level {level}" in ran.flowing
    assert "coverage full" in ran.flowing


def test_every_entry_is_counted_and_said_to_be_verified(command: Command, offloaded: TopicName) -> None:
    ran = command("check", str(offloaded), "-l", "entries")

    assert "60 entries with 60 messages; checksums: 60 right" in ran.flowing


def test_the_document_keeps_its_schema_and_tells_what_was_looked_at(command: Command, offloaded: TopicName) -> None:
    document = command("check", str(offloaded), "-l", "entries", "-o", "json").document

    jsonschema.validate(document, schema_of("CheckReport"))
    coverage = document["coverage"]
    assert (document["status"], document["exitCode"], document["findings"]) == ("full", 0, [])
    assert (coverage["topics"], coverage["topicsRead"]) == (1, 1)
    assert (coverage["ledgers"], coverage["ledgersCovered"], coverage["completenessUnknown"]) == (3, 3, 0)
    assert coverage["bytesRead"] == coverage["objectBytes"] > 60_000
    assert coverage["counts"]["checksumsOk"] == coverage["counts"]["entries"] == 60
    assert [ledger["verdict"] for ledger in document["topics"][0]["ledgers"]] == ["sound"] * 3


def test_each_line_is_a_ledger_and_the_last_one_what_was_looked_at(command: Command, offloaded: TopicName) -> None:
    ran = command("check", str(offloaded), "-o", "ndjson")

    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [line["kind"] for line in lines] == ["LedgerCheck"] * 3 + ["CheckSummary"]
    for line in lines:
        jsonschema.validate(line, schema_of(line["kind"]))


def test_yaml_holds_the_same_document(command: Command, offloaded: TopicName) -> None:
    document = yaml.safe_load(command("check", str(offloaded), "-o", "yaml").out)

    assert (document["kind"], document["status"]) == ("CheckReport", "full")


@pytest.mark.parametrize(("which", "code"), [(0, "data-missing"), (1, "index-missing")])
def test_a_missing_object_is_damage_with_the_command_that_saves_bookkeepers_copy(
    command: Command, connected: EmbeddedCluster, offloaded: TopicName, which: int, code: str
) -> None:
    key = keys_of(connected, offloaded)[1][which]
    connected.store.delete(key)

    ran = command("check", str(offloaded))

    assert ran.code == 4
    assert f"[{code}]" in ran.out
    assert key in ran.out
    assert "pulsar-admin namespaces set-offload-deletion-lag -l -1 acme/shop" in ran.flowing
    assert "BookKeeper's copy goes at" in ran.flowing


def test_a_flipped_bit_is_found_by_looking_at_every_byte(
    command: Command, connected: EmbeddedCluster, offloaded: TopicName
) -> None:
    overwrite(connected, keys_of(connected, offloaded)[2][0], 5000, b"\xaa\xbb")

    shallow, deep = (command("check", str(offloaded), "-l", level, "-o", "json") for level in ("blocks", "entries"))

    assert (shallow.code, codes(shallow)) == (0, [])
    assert (deep.code, codes(deep)) == (4, ["checksum"])
    (finding,) = deep.document["findings"]
    assert finding["key"] == keys_of(connected, offloaded)[2][0]
    assert (
        finding["id"] == command("check", str(offloaded), "-l", "entries", "-o", "json").document["findings"][0]["id"]
    )


def test_what_makes_it_fail_can_be_chosen(command: Command, connected: EmbeddedCluster, offloaded: TopicName) -> None:
    connected.store.delete(keys_of(connected, offloaded)[0][0])

    assert command("check", str(offloaded), "--fail-on", "damage").code == 4
    assert command("check", str(offloaded), "--fail-on", "warnings", "--fail-on", "not-covered").code == 0
    assert command("check", str(offloaded), "--fail-on", "none").code == 0
    both = command("check", str(offloaded), "--fail-on", "none", "--fail-on", "damage")
    assert (both.code, "goes with nothing else" in both.err) == (2, True)


def test_an_idle_topic_is_not_loaded_and_what_stays_unknown_is_said(
    command: Command, connected: EmbeddedCluster, offloaded: TopicName
) -> None:
    make_idle(connected, offloaded)
    before = loads(connected)

    ran = command("check", str(offloaded), "-l", "entries")

    assert ran.code == 0
    assert loads(connected) == before
    assert "whether the offload of 3 ledgers is complete" in ran.flowing
    assert "--load-topics" in ran.flowing


def test_what_is_missing_of_an_idle_topic_is_not_judged_unless_it_may_be_loaded(
    command: Command, connected: EmbeddedCluster, offloaded: TopicName
) -> None:
    connected.store.delete(keys_of(connected, offloaded)[0][0])
    make_idle(connected, offloaded)

    idle, loaded = command("check", str(offloaded)), command("check", str(offloaded), "--load-topics")

    assert (idle.code, "[data-missing]" in idle.out) == (5, False)
    assert "2 of 3 ledgers" in idle.flowing
    assert "only a broker that serves the topic knows" in idle.flowing
    assert (loaded.code, "[data-missing]" in loaded.out) == (4, True)


def test_a_topic_that_is_not_there_stops_nothing_and_is_not_covered(command: Command, offloaded: TopicName) -> None:
    ran = command("check", str(offloaded), "acme/shop/nowhere")

    assert ran.code == 5
    assert "not read" in ran.flowing
    assert "1 of 2 topics, 3 of 3 ledgers" in ran.flowing
    assert "coverage partial" in ran.flowing


def test_nothing_but_what_is_not_there_is_a_failure(command: Command, connected: EmbeddedCluster) -> None:
    ran = command("check", "acme/shop/nowhere", "-o", "json")

    assert (ran.code, ran.document["status"]) == (1, "failed")


def test_another_bucket_makes_a_warning_of_what_is_missing_and_nothing_is_covered(
    command: Command, connected: EmbeddedCluster, offloaded: TopicName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFLOADCTL_BUCKET", f"other-bucket,endpoint={connected.s3_endpoint}")

    ran = command("check", str(offloaded), "-o", "json")

    # The store says that there is no such bucket: nothing could be looked at, and nothing is missing.
    assert (ran.code, ran.document["status"], codes(ran)) == (1, "failed", [])
    assert len(ran.document["coverage"]["reasons"]) >= 1


def test_without_a_bucket_it_does_not_begin(
    command: Command, connected: EmbeddedCluster, topic: TopicName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OFFLOADCTL_BUCKET")

    ran = command("check", str(topic))

    assert ran.code == 2
    assert "--bucket" in ran.err


def test_a_topic_with_nothing_in_s3_is_covered(command: Command, connected: EmbeddedCluster, topic: TopicName) -> None:
    show_on_the_list(connected)

    ran = command("check", str(topic), "-o", "json")

    assert (ran.code, ran.document["status"]) == (0, "full")
    assert ran.document["topics"][0]["local"] == 4


def test_a_truncated_ledger_is_found_at_the_index_level(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    connected.cluster.faults.plant(Fault.TRUNCATED_LEDGER, topic=topic, count=1)
    offload(connected, topic)

    ran = command("check", str(topic), "--level", "index", "-o", "json")

    assert (ran.code, codes(ran)) == (4, ["truncated"])


def test_partitions_are_checked_side_by_side(command: Command, connected: EmbeddedCluster) -> None:
    parent = TopicName("acme", "shop", "partitioned-check")
    with connected.cluster.lock:
        connected.cluster.create_partitioned_topic(parent, 3)
    for number in range(3):
        fill(connected, parent.with_partition(number))
    for number in range(3):
        offload(connected, parent.with_partition(number))

    ran = command("check", str(parent), "-l", "entries")

    assert ran.code == 0
    assert "3 of 3 topics, 9 of 9 ledgers" in ran.flowing
    assert "partitioned-check-partition-2" in ran.out


def test_system_topics_are_refused(command: Command, connected: EmbeddedCluster) -> None:
    assert command("check", "acme/shop/__change_events").code == 2
