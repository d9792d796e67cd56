"""`offloadctl check acknowledge` and its sisters: what is noted is shown on, fails nothing, and comes back."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.model.names import TopicName
from offloadctl.report.schema import schema_of
from tests.cli.conftest import Command, Ran, fill
from tests.cli.test_check import keys_of, offload, overwrite


@pytest.fixture
def damaged(connected: EmbeddedCluster, request: pytest.FixtureRequest) -> TopicName:
    """A topic of the test's own with three ledgers in S3, of one of which the index is damaged."""
    name = TopicName("acme", "shop", re.sub(r"\W+", "-", request.node.name))
    fill(connected, name)
    offload(connected, name)
    overwrite(connected, keys_of(connected, name)[1][1], 0, bytes(4))
    return name


def finding(ran: Ran) -> dict[str, object]:
    (one,) = ran.document["findings"]
    assert isinstance(one, dict)
    return one


def found_id(command: Command, topic: TopicName) -> str:
    return str(finding(command("check", str(topic), "-o", "json"))["id"])


def test_a_finding_tells_since_when_it_is_known(command: Command, damaged: TopicName) -> None:
    first = finding(command("check", str(damaged), "-o", "json"))

    ran = command("check", str(damaged))
    again = finding(command("check", str(damaged), "-o", "json"))

    assert (first["timesSeen"], again["timesSeen"]) == (1, 3)
    assert again["firstSeen"] == first["firstSeen"] == first["lastSeen"]
    assert str(again["lastSeen"]) > str(first["lastSeen"])
    assert f"{first['id']}, found 2 times since 20" in ran.flowing


def test_an_acknowledged_finding_is_shown_and_marked_and_fails_nothing(command: Command, damaged: TopicName) -> None:
    number = found_id(command, damaged)

    noted = command("check", "acknowledge", number, "--reason", "restored by ops-4711", "--until", "30d")
    ran, document = command("check", str(damaged)), command("check", str(damaged), "-o", "json")

    assert (noted.code, ran.code, document.code) == (0, 0, 0)
    assert re.search(r"damage, acknowledged: .*? \[index-corrupt\]", ran.flowing)
    assert "restored by ops-4711" in ran.flowing
    assert " damaged" in ran.flowing
    jsonschema.validate(document.document, schema_of("CheckReport"))
    note = finding(document)["acknowledgement"]
    assert isinstance(note, dict)
    assert (note["reason"], bool(note["by"])) == ("restored by ops-4711", True)
    until = datetime.fromisoformat(note["until"]) - datetime.fromisoformat(note["at"])
    assert until == timedelta(days=30)


def test_it_comes_back_when_something_else_is_found_there(
    command: Command, connected: EmbeddedCluster, damaged: TopicName
) -> None:
    key = keys_of(connected, damaged)[2][0]
    overwrite(connected, key, 5000, b"\xaa\xbb")
    both = command("check", str(damaged), "-l", "entries", "-o", "json").document["findings"]
    command("check", "acknowledge", *(one["id"] for one in both), "--reason", "known", "--until", "2099-01-01")
    assert command("check", str(damaged), "-l", "entries").code == 0

    overwrite(connected, key, 5000, b"\xcc\xdd")

    ran = command("check", str(damaged), "-l", "entries", "-o", "json")
    counting = [one["code"] for one in ran.document["findings"] if one["acknowledgement"] is None]
    assert (ran.code, counting) == (4, ["checksum"])


def test_it_comes_back_when_it_is_taken_back(command: Command, damaged: TopicName) -> None:
    number = found_id(command, damaged)
    command("check", "acknowledge", number, "--reason", "known", "--until", "1d")

    listed = command("check", "acknowledgements")
    shown = command("check", "unacknowledge", number, "--dry-run")
    within = command("check", str(damaged))
    taken = command("check", "unacknowledge", number, "-o", "json")

    assert number in listed.out
    assert "nothing was changed" in shown.out
    assert (within.code, taken.code, command("check", str(damaged)).code) == (0, 0, 4)
    assert [one["id"] for one in taken.document["acknowledgements"]] == [number]
    assert command("check", "acknowledgements").out == "nothing is acknowledged\n"
    again = command("check", "unacknowledge", number)
    assert (again.code, number in again.err) == (2, True)


def test_a_dry_run_shows_what_would_be_noted_and_notes_nothing(command: Command, damaged: TopicName) -> None:
    number = found_id(command, damaged)

    ran = command(
        "check", "acknowledge", number, "--reason", "known", "--until", "2099-12-31", "--dry-run", "-o", "json"
    )

    jsonschema.validate(ran.document, schema_of("AcknowledgementList"))
    (one,) = ran.document["acknowledgements"]
    assert (ran.document["dryRun"], one["code"], one["until"]) == (True, "index-corrupt", "2099-12-31T00:00:00Z")
    assert command("check", str(damaged)).code == 4


def test_lists_are_documents_line_by_line_too(command: Command, damaged: TopicName) -> None:
    number = found_id(command, damaged)
    command("check", "acknowledge", number, "--reason", "known", "--until", "1d")

    (line,) = command("check", "acknowledgements", "-o", "ndjson").out.splitlines()

    jsonschema.validate(json.loads(line), schema_of("AcknowledgedFinding"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--until", "1d"), "no check that is remembered here has found"),
        (("--until", "2020-01-01"), "would have ended already"),
        (("--until", "tomorrow"), "is not a duration"),
        (("--until", "2027-13-01"), "is not a date"),
        (("--until", "9999y"), "leads to no date"),
        (("--until", "1d", "--reason", " "), "say why"),
    ],
)
def test_what_cannot_be_noted_is_refused(command: Command, given: tuple[str, ...], words: str) -> None:
    ran = command("check", "acknowledge", "0123456789ab", "--reason", "known", *given)

    assert (ran.code, words in ran.err) == (2, True)


def test_what_is_noted_counts_also_for_a_check_that_leaves_nothing(command: Command, damaged: TopicName) -> None:
    number = found_id(command, damaged)
    command("check", "acknowledge", number, "--reason", "known", "--until", "1d")

    ran = command("check", str(damaged), "--no-remember", "-o", "json")

    assert (ran.code, finding(ran)["timesSeen"]) == (0, 1)
    assert finding(command("check", str(damaged), "-o", "json"))["timesSeen"] == 2


def test_a_memory_that_cannot_be_used_costs_no_check_its_result(
    command: Command, damaged: TopicName, tmp_path: Path
) -> None:
    (tmp_path / "checks.sqlite").write_text("no database")

    ran = command("check", str(damaged), "--state", str(tmp_path), "-o", "json")

    assert (ran.code, finding(ran)["timesSeen"]) == (4, None)
    assert "none counts as acknowledged" in ran.err


def test_a_topic_may_be_called_as_a_command_is(command: Command, connected: EmbeddedCluster) -> None:
    name = TopicName("public", "default", "acknowledgements")
    fill(connected, name)

    ran = command("check", str(name))

    assert "1 of 1 topic" in ran.flowing
