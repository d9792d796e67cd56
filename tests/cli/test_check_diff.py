"""`offloadctl check diff`: two real reports beside each other, and what is no report."""

import io
import json
import re
from pathlib import Path

import jsonschema
import pytest

from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.model.names import TopicName
from offloadctl.report.schema import schema_of
from tests.cli.conftest import Command, fill
from tests.cli.test_check import keys_of, offload, overwrite


@pytest.fixture
def topic(connected: EmbeddedCluster, request: pytest.FixtureRequest) -> TopicName:
    """A topic of the test's own with three ledgers in S3."""
    name = TopicName("acme", "shop", re.sub(r"\W+", "-", request.node.name))
    fill(connected, name)
    offload(connected, name)
    return name


def report(command: Command, path: Path, *arguments: str) -> str:
    path.write_text(command("check", *arguments, "-o", "json").out)
    return str(path)


def test_what_happened_between_two_checks_is_told(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    bad, also_bad, _ = (index for _, index in keys_of(connected, topic))
    sound = report(command, tmp_path / "sound", str(topic))
    overwrite(connected, bad, 0, bytes(4))
    one = report(command, tmp_path / "one", str(topic))
    overwrite(connected, also_bad, 0, bytes(4))
    two = report(command, tmp_path / "two", str(topic))

    assert [command("check", "diff", *pair).code for pair in ((sound, sound), (one, one), (one, sound))] == [0, 0, 0]
    ran, document = command("check", "diff", one, two), command("check", "diff", one, two, "-o", "json")
    assert (ran.code, document.code) == (4, 4)
    assert re.search(r"new: damage: .*? \[index-corrupt\]", ran.flowing)
    assert "1 new, 1 still-there" in ran.flowing
    jsonschema.validate(document.document, schema_of("CheckDiff"))
    changes = {one["place"].split(", ")[2]: one["change"] for one in document.document["findings"]}
    assert changes == {also_bad: "new", bad: "still-there"}
    line = command("check", "diff", one, sound, "-o", "ndjson").out
    jsonschema.validate(json.loads(line), schema_of("ComparedFinding"))
    assert json.loads(line)["change"] == "gone"


def test_what_was_looked_at_less_is_lost(command: Command, topic: TopicName, tmp_path: Path) -> None:
    deep = report(command, tmp_path / "deep", str(topic), "-l", "entries")
    shallow = report(command, tmp_path / "shallow", str(topic), "-l", "index")

    lost, gained = command("check", "diff", deep, shallow), command("check", "diff", shallow, deep)

    assert (lost.code, gained.code) == (5, 0)
    assert "lost the level is index and not entries" in lost.flowing
    assert "gained" in gained.flowing


def test_a_report_comes_from_standard_input(
    command: Command, topic: TopicName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = report(command, tmp_path / "one", str(topic))
    monkeypatch.setattr("sys.stdin", io.StringIO(Path(one).read_text()))

    assert command("check", "diff", one, "-").code == 0
    both = command("check", "diff", "-", "-")
    assert (both.code, "only one" in both.err) == (2, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is empty"),
        ("no JSON", "it is not JSON"),
        ("[1, 2]", "it has no kind"),
        ('{"kind": "OffloadRun"}', "it is a document of the kind OffloadRun"),
        ('{"kind": "LedgerCheck"}\n{"kind": "CheckSummary"}\n', "as -o ndjson writes them"),
        ('{"kind": "CheckReport", "level": "deepest"}', "no report of a check that can be read"),
        ("[" * 100_000, "it is not JSON"),
    ],
)
def test_what_is_no_report_is_refused_in_words(command: Command, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "report").write_text(text)

    ran = command("check", "diff", str(tmp_path / "report"), "nowhere")

    assert (ran.code, words in ran.err) == (2, True)


def test_reports_of_two_clusters_are_not_compared(command: Command, topic: TopicName, tmp_path: Path) -> None:
    one = report(command, tmp_path / "one", str(topic))
    document = json.loads(Path(one).read_text()) | {"cluster": "another"}
    (tmp_path / "two").write_text(json.dumps(document))

    ran = command("check", "diff", one, str(tmp_path / "two"))

    assert (ran.code, "of the cluster" in ran.err) == (2, True)
    assert command("check", "diff", one, str(tmp_path / "nowhere")).code == 2


def test_help_and_errors_name_the_command_and_not_the_topics_of_the_one_above(command: Command) -> None:
    ran, wrong = command("check", "diff", "--help"), command("check", "diff", "only-one")

    assert ran.out.startswith("Usage: offloadctl check diff [OPTIONS]")
    assert (wrong.code, "hint: offloadctl check diff --help" in wrong.err) == (2, True)
