"""`offloadctl object`: on local files, on addresses and on topics' ledgers."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.model.names import TopicName
from offloadctl.report.schema import schema_of
from tests.cli.conftest import Command, fill, make_idle
from tests.cli.test_check import keys_of, offload, overwrite
from tests.golden_objects import GoldenLedger, offloaded_ledgers, topics, truncated_ledger

LEDGERS = {ledger.ledger_id: ledger for ledger in offloaded_ledgers()}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(directory: Path, ledger: GoldenLedger) -> list[str]:
    """Both objects as files, and the options that name them."""
    (directory / "data").write_bytes(ledger.data.body)
    (directory / "index").write_bytes(ledger.index.body)
    return ["--data", "data", "--index", "index"]


# -- files


@pytest.mark.parametrize("ledger", offloaded_ledgers(), ids=lambda one: str(one.ledger_id))
def test_recorded_files_are_sound_and_hold_what_the_broker_and_a_reader_counted(
    command: Command, files: Path, ledger: GoldenLedger
) -> None:
    told = topics()[ledger.managed_ledger_name.rpartition("/")[2]]
    (stored,) = [one for one in told["managed_ledger_info"]["ledgers"] if one["ledgerId"] == ledger.ledger_id]
    expected = ("--expect-entries", str(stored["entries"]), "--expect-size", str(stored["size"]))

    ran = command("object", "verify", *write(files, ledger), *expected, "--level", "entries", "-o", "json")

    document = ran.document
    jsonschema.validate(document, schema_of("ObjectVerification"))
    assert ran.code == 0
    assert (document["apiVersion"], document["kind"]) == ("offloadctl/v1", "ObjectVerification")
    assert (document["status"], document["findings"]) == ("full", [])
    assert (document["entries"], document["entry_bytes"]) == (stored["entries"], stored["size"])
    assert document["messages"] == told["messages_read_back"][str(ledger.ledger_id)]["messages"]
    assert document["blocks"] == int(ledger.data.etag.rpartition("-")[2])
    assert document["checksums"] == {"ok": stored["entries"], "absent": 0, "bad": 0, "unreadable": 0}


@pytest.mark.parametrize("level", ["index", "blocks", "entries"])
def test_the_recorded_truncation_is_damage_at_each_level(command: Command, files: Path, level: str) -> None:
    ran = command("object", "verify", *write(files, truncated_ledger()), "--level", level, "-o", "json")

    (finding,) = ran.document["findings"]
    assert ran.code == 4
    assert (finding["code"], finding["severity"], finding["offset"]) == ("truncated", "damage", 5_242_880)


def test_a_flipped_bit_is_told_with_its_place(command: Command, files: Path) -> None:
    named = write(files, LEDGERS[45])
    body = LEDGERS[45].data.body
    (files / "data").write_bytes(body[:2000] + bytes([body[2000] ^ 1]) + body[2001:])

    document, table = command("object", "verify", *named, "-o", "json"), command("object", "verify", *named)

    (finding,) = document.document["findings"]
    assert (document.code, table.code) == (4, 4)
    # Entry 7 begins at 128 + 7 * 248; its checksum stands 14 bytes on.
    assert (finding["code"], finding["offset"]) == ("checksum", 128 + 7 * 248 + 14)
    assert document.document["checksums"] == {"ok": 19, "absent": 0, "bad": 1, "unreadable": 0}
    assert "entry 7: the entry's bytes do not fit its checksum [checksum]" in table.flowing
    assert "offset 1,878" in table.flowing


@pytest.mark.parametrize(
    ("expected", "code"),
    [
        (("--expect-entries", "21"), "index-metadata"),
        (("--expect-size", "4721"), "index-metadata"),
        (("--expect-entries", "20", "--expect-size", "4720", "--ledger-id", "45"), None),
    ],
)
def test_what_is_expected_of_the_ledger_is_compared(
    command: Command, files: Path, expected: tuple[str, ...], code: str | None
) -> None:
    ran = command("object", "verify", *write(files, LEDGERS[45]), *expected, "-o", "json")

    assert [finding["code"] for finding in ran.document["findings"]] == ([code] if code else [])
    assert ran.code == (4 if code else 0)


def test_what_a_level_does_not_look_at_is_null(command: Command, files: Path) -> None:
    document = command("object", "verify", *write(files, LEDGERS[45]), "-l", "blocks", "-o", "json").document

    assert (document["blocks"], document["entries"], document["messages"]) == (1, None, None)
    assert document["checksums"] == {"ok": None, "absent": None, "bad": None, "unreadable": None}


def test_two_recorded_ledgers_files_mixed_up_are_damage(command: Command, files: Path) -> None:
    named = write(files, LEDGERS[52])
    (files / "data").write_bytes(LEDGERS[53].data.body)

    ran = command("object", "verify", *named, "-o", "json")

    assert (ran.code, [finding["code"] for finding in ran.document["findings"]]) == (4, ["data-size"])


@pytest.mark.parametrize("missing", ["data", "index"])
def test_a_file_that_is_not_there_is_a_mistake_of_the_caller(command: Command, files: Path, missing: str) -> None:
    named = write(files, LEDGERS[45])
    (files / missing).unlink()

    ran = command("object", "verify", *named, "-o", "json")

    assert ran.code == 2
    assert ran.document["error"]["code"] == "usage"


def test_a_directory_is_no_file(command: Command, files: Path) -> None:
    assert command("object", "verify", "--data", str(files), "--index", str(files)).code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--data", "data"),
        ("--index", "index"),
        ("acme/shop/orders",),
        ("acme/shop/orders", "1", "--data", "data", "--index", "index"),
        ("s3://bucket/key",),
        ("s3://bucket",),
        ("s3://bucket/9b44a5cb-c717-401e-84fe-2e572f2782bb-ledger-45", "45"),
        ("acme/shop/orders", "1", "--expect-entries", "7"),
        ("--data", "data", "--index", "index", "--level", "listing"),
    ],
    ids=" ".join,
)
def test_what_names_nothing_or_too_much_is_refused(command: Command, files: Path, arguments: tuple[str, ...]) -> None:
    write(files, LEDGERS[45])

    assert command("object", "verify", *arguments).code == 2


def test_no_settings_are_needed_for_files(command: Command, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFLOADCTL_CONTEXT", "there-is-no-such-context")

    assert command("object", "verify", *write(files, LEDGERS[45])).code == 0


def test_the_index_is_shown_taken_apart(command: Command, files: Path) -> None:
    named = write(files, LEDGERS[58])

    table, document = command("object", "index", *named), command("object", "index", *named, "-o", "json").document

    jsonschema.validate(document, schema_of("LedgerIndex"))
    assert (table.code, "14,086,084 bytes in 3 blocks" in table.flowing) == (0, True)
    assert document["ledger"]["managedLedger"] == "public/corpus/persistent/multi-block"
    assert (document["ledger"]["length"], document["ledger"]["lastEntryId"]) == (12_600_518, 13)
    assert [(line["part"], line["offset"]) for line in document["blocks"]] == [(1, 0), (2, 5_242_880), (3, 10_485_760)]


@pytest.mark.parametrize("what", ["index", "blocks", "entries"])
def test_an_index_that_cannot_be_read_is_told_as_the_finding_that_it_is(
    command: Command, files: Path, what: str
) -> None:
    named = write(files, LEDGERS[45])
    (files / "index").write_bytes(b"\0" * 204)

    table, document = command("object", what, *named), command("object", what, *named, "-o", "json")

    assert (table.code, document.code) == (4, 4)
    assert "[index-corrupt]" in table.out
    assert document.document["finding"]["code"] == "index-corrupt"


def test_the_blocks_are_shown_with_what_their_headers_say(command: Command, files: Path) -> None:
    named = write(files, LEDGERS[58])
    body = bytearray(LEDGERS[58].data.body)
    body[5_242_880] ^= 1
    (files / "data").write_bytes(body)

    document = command("object", "blocks", *named, "-o", "json").document

    jsonschema.validate(document, schema_of("LedgerBlocks"))
    assert [(block["firstEntryId"], block["lastEntryId"], block["length"]) for block in document["blocks"]] == [
        (0, 4, 5_242_880),
        (5, 9, None),
        (10, 13, 3_600_324),
    ]
    assert "block header at 5242880" in document["blocks"][1]["problem"]
    assert command("object", "blocks", *named).code == 0


def test_entries_are_shown_without_payloads_unless_asked_for(command: Command, files: Path) -> None:
    named = write(files, LEDGERS[49])

    plain = command("object", "entries", *named, "-o", "json").document
    asked = command("object", "entries", *named, "--payload", "-o", "json").document

    jsonschema.validate(asked, schema_of("LedgerEntries"))
    assert len(plain["entries"]) == len(asked["entries"]) == 12
    assert all(entry["payload"] is None for entry in plain["entries"])
    payloads = b"".join(base64.b64decode(entry["payload"]) for entry in asked["entries"])
    assert len(payloads) == sum(entry["payloadLength"] for entry in plain["entries"])
    assert plain["entries"][3]["key"] is not None
    assert plain["entries"][3]["checksum"] == "ok"


def test_some_entries_are_shown_from_the_block_that_holds_them(command: Command, files: Path) -> None:
    named = write(files, LEDGERS[58])

    ran = command("object", "entries", *named, "--from", "7", "--limit", "4", "-o", "ndjson")

    lines = [json.loads(line) for line in ran.out.splitlines()]
    for line in lines:
        jsonschema.validate(line, schema_of("LedgerEntry"))
    assert [(line["entry"]["entryId"], line["entry"]["block"]) for line in lines] == [(7, 2), (8, 2), (9, 2), (10, 3)]


def test_the_list_of_entries_ends_where_damage_begins_and_says_so(command: Command, files: Path) -> None:
    named = write(files, LEDGERS[45])
    body = bytearray(LEDGERS[45].data.body)
    body[128 + 3 * 248] = 0x7F
    (files / "data").write_bytes(body)

    document = command("object", "entries", *named, "-o", "json").document

    assert [entry["entryId"] for entry in document["entries"]] == [0, 1, 2]
    assert document["stopped"].startswith("damage at 872")


def test_entries_as_a_table_tell_what_is_special_of_them(command: Command, files: Path) -> None:
    ran = command("object", "entries", *write(files, LEDGERS[52]), "--payload")

    assert ran.code == 0
    assert "LZ4" in ran.out
    assert "payload 0" in ran.out


def test_both_files_facts_are_shown(command: Command, files: Path) -> None:
    named = write(files, LEDGERS[45])

    table, document = command("object", "show", *named), command("object", "show", *named, "-o", "json").document

    jsonschema.validate(document, schema_of("LedgerObjects"))
    assert (table.code, "5,088 bytes" in table.out) == (0, True)
    assert (document["data"]["size"], document["index"]["size"]) == (5088, 204)


# -- a cluster


@pytest.fixture
def topic(connected: EmbeddedCluster, request: pytest.FixtureRequest) -> TopicName:
    """A topic of the test's own with three ledgers in S3."""
    name = TopicName("acme", "shop", re.sub(r"\W+", "-", request.node.name))
    fill(connected, name)
    offload(connected, name)
    return name


def first_ledger(embedded: EmbeddedCluster, topic: TopicName) -> str:
    return keys_of(embedded, topic)[0][0].rpartition("-")[2]


def test_a_ledger_of_a_topic_is_verified_by_what_its_metadata_says(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    ran = command("object", "verify", str(topic), first_ledger(connected, topic), "-o", "json")

    assert ran.code == 0
    assert (ran.document["entries"], ran.document["checksums"]["ok"]) == (20, 20)
    assert ran.document["data"] == keys_of(connected, topic)[0][0]


@pytest.mark.parametrize("which", [0, 1])
def test_either_key_of_an_address_leads_to_both_objects(
    command: Command, connected: EmbeddedCluster, topic: TopicName, which: int
) -> None:
    address = f"s3://{connected.bucket}/{keys_of(connected, topic)[0][which]}"

    verified = command("object", "verify", address, "-o", "json")
    shown = command("object", "show", address, "-o", "json").document

    assert (verified.code, verified.document["entries"]) == (0, 20)
    assert shown["topic"] == str(topic)
    assert shown["data"]["userMetadata"]["role"] == "data"
    assert shown["index"]["userMetadata"]["role"] == "index"


def test_an_address_needs_no_broker(
    command: Command, connected: EmbeddedCluster, topic: TopicName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFLOADCTL_ADMIN_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("OFFLOADCTL_BUCKET")
    address = f"s3://{connected.bucket}/{keys_of(connected, topic)[0][0]}"

    ran = command("object", "verify", address, "--s3-endpoint", connected.s3_endpoint)

    assert ran.code == 0, ran.err


def test_an_address_with_only_one_of_both_objects_is_damage(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    data, index = keys_of(connected, topic)[0]
    connected.store.delete(index)

    ran = command("object", "verify", f"s3://{connected.bucket}/{data}", "-o", "json")
    shown = command("object", "show", f"s3://{connected.bucket}/{data}")
    connected.store.delete(data)
    gone = command("object", "verify", f"s3://{connected.bucket}/{data}")

    assert (ran.code, ran.document["findings"][0]["code"]) == (4, "index-missing")
    assert (shown.code, gone.code) == (1, 1)


def test_an_address_of_another_ledger_than_expected_is_refused(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    address = f"s3://{connected.bucket}/{keys_of(connected, topic)[0][0]}"

    assert command("object", "verify", address, "--ledger-id", "999999").code == 2
    assert command("object", "verify", address, "--expect-entries", "21").code == 4


def test_damage_of_a_topics_ledger_is_told_as_a_check_tells_it(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    key = keys_of(connected, topic)[0][0]
    overwrite(connected, key, 128 + 4, b"\7")

    verified = command("object", "verify", str(topic), first_ledger(connected, topic), "-o", "json")
    checked = command("check", str(topic), "-l", "entries", "-o", "json")

    assert (verified.code, checked.code) == (4, 4)
    (one,), (other,) = verified.document["findings"], checked.document["findings"]
    assert (one["code"], one["id"], one["offset"]) == (other["code"], other["id"], other["offset"])


def test_a_message_is_found_in_its_object(command: Command, connected: EmbeddedCluster, topic: TopicName) -> None:
    ledger = first_ledger(connected, topic)

    ran = command("object", "where", str(topic), f"{ledger}:7", "-o", "json")
    listed = command("object", "entries", str(topic), ledger, "--from", "7", "--limit", "1", "-o", "json").document

    jsonschema.validate(ran.document, schema_of("MessagePlace"))
    assert (ran.code, ran.document["block"], ran.document["blockOffset"]) == (0, 1, 0)
    assert ran.document["entryOffset"] == listed["entries"][0]["offset"]
    data = connected.store.read(ran.document["key"], start=ran.document["entryOffset"], length=12)
    assert data is not None
    assert data == ran.document["entryLength"].to_bytes(4) + (7).to_bytes(8)
    assert "block" in command("object", "where", str(topic), f"{ledger}:7").out


def test_messages_that_are_not_in_s3_are_not_found(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    ledger, opened = first_ledger(connected, topic), connected.cluster.metadata[topic].last.ledger_id

    past_the_end = command("object", "where", str(topic), f"{ledger}:20")
    in_bookkeeper = command("object", "where", str(topic), f"{opened}:0")
    nowhere = command("object", "where", str(topic), "999999:0")
    no_position = command("object", "where", str(topic), "7")

    assert (past_the_end.code, "entries 0 to 19" in past_the_end.err) == (1, True)
    assert (in_bookkeeper.code, "is not in S3" in in_bookkeeper.err) == (1, True)
    assert (nowhere.code, "has no ledger 999999" in nowhere.err) == (1, True)
    assert no_position.code == 2


def test_the_partition_that_has_a_ledger_is_found(command: Command, connected: EmbeddedCluster) -> None:
    parent = TopicName("acme", "shop", "partitioned-object")
    with connected.cluster.lock:
        connected.cluster.create_partitioned_topic(parent, 2)
    fill(connected, parent.with_partition(1))
    offload(connected, parent.with_partition(1))
    ledger = first_ledger(connected, parent.with_partition(1))

    ran = command("object", "where", str(parent), f"{ledger}:3", "-o", "json")

    assert ran.document["topic"].endswith("partition-1")


def test_an_idle_topics_ledger_is_looked_into_without_loading_it(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    make_idle(connected, topic)

    ran = command("object", "verify", str(topic), first_ledger(connected, topic))

    assert ran.code == 0
    assert connected.cluster.loaded_topic(topic) is None


def test_copies_of_objects_are_verified_as_files(
    command: Command, connected: EmbeddedCluster, topic: TopicName, files: Path
) -> None:
    data, index = keys_of(connected, topic)[1]
    for key in (data, index):
        body = connected.store.read(key)
        assert body is not None
        (files / key).write_bytes(body)

    ran = command("object", "verify", "--data", data, "--index", index, "--expect-entries", "20")

    assert ran.code == 0


def test_the_document_has_the_names_that_scripts_rely_on(command: Command, files: Path) -> None:
    ran = command("object", "verify", *write(files, LEDGERS[45]), "-o", "json")

    document: dict[str, Any] = json.loads(ran.out)
    assert {"status", "blocks", "entries", "messages", "entry_bytes", "checksums", "findings"} <= document.keys()
    assert {"ok", "absent", "bad"} <= document["checksums"].keys()


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        (("data",), "only the index object is in"),
        (("index",), "only the data object is in"),
        (("data", "index"), "neither object is in"),
    ],
)
def test_objects_that_are_not_there_are_told_by_name(
    command: Command, connected: EmbeddedCluster, topic: TopicName, lost: tuple[str, ...], words: str
) -> None:
    offload(connected, topic)
    data, index = keys_of(connected, topic)[0]
    for which in lost:
        connected.store.delete({"data": data, "index": index}[which])

    ran = command("object", "show", str(topic), data.rpartition("-")[2])

    assert ran.code == 1
    assert words in ran.err


def test_without_a_bucket_objects_cannot_be_looked_for(
    command: Command, connected: EmbeddedCluster, topic: TopicName, monkeypatch: pytest.MonkeyPatch
) -> None:
    offload(connected, topic)
    data, _ = keys_of(connected, topic)[0]
    monkeypatch.delenv("OFFLOADCTL_BUCKET")

    ran = command("object", "show", str(topic), data.rpartition("-")[2])

    assert ran.code == 1
    assert "no bucket is known" in ran.err
    assert "neither" not in ran.err
