"""`offload namespace`, `offload all`, and topics from a file: from the command line to a cluster and back."""

import io
import json
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest

from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.model.names import TopicName
from offloadctl.report.schema import schema_of
from tests.cli.conftest import Command, fill, loads, make_idle


@pytest.fixture
def wide(connected: EmbeddedCluster, request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own, idle: `orders` (3 to move), `clicks` in two partitions (1 each), `empty`."""
    name = request.node.name.split("[")[0].replace("_", "-")
    orders, clicks, empty = (TopicName("many", name, one) for one in ("orders", "clicks", "empty"))
    with connected.cluster.lock:
        connected.cluster.tenants.setdefault("many", ())
        connected.cluster.create_partitioned_topic(clicks, 2)
    fill(connected, orders)
    for topic in (clicks.with_partition(0), clicks.with_partition(1)):
        fill(connected, topic, entries=25)
    fill(connected, empty, entries=1)
    for topic in (orders, clicks.with_partition(0), clicks.with_partition(1), empty):
        make_idle(connected, topic)
    return f"many/{name}"


def offloaded(embedded: EmbeddedCluster, topic: str) -> int:
    with embedded.cluster.lock:
        return sum(ledger.is_offloaded for ledger in embedded.cluster.metadata[TopicName.parse(topic)].ascending)


def test_a_namespace_is_planned_without_loading_a_topic(
    command: Command, connected: EmbeddedCluster, wide: str
) -> None:
    before = loads(connected)

    ran = command("offload", "namespace", wide, "-s", "0", "--dry-run", "-o", "json")

    assert ran.code == 0
    assert ran.document["summary"]["outcomes"] == {"planned": 3, "nothing-to-do": 1}
    assert ran.document["summary"]["ledgersToMove"] == 5
    assert ran.document["scope"]["text"] == f"-n {wide}"
    assert loads(connected) == before
    jsonschema.validate(ran.document, schema_of("OffloadRun"))


def test_a_namespace_is_offloaded_and_what_has_nothing_to_move_stays_unloaded(
    command: Command, connected: EmbeddedCluster, wide: str
) -> None:
    before = loads(connected)

    ran = command("offload", "namespace", wide, "-s", "5K")

    assert ran.code == 0
    assert "3 confirmed, 1 nothing-to-do" in ran.flowing or "1 nothing-to-do, 3 confirmed" in ran.flowing
    assert "offloading" in ran.err
    assert "context" in ran.err.splitlines()[0]
    assert offloaded(connected, f"{wide}/orders") == 3
    assert loads(connected) == before + 3


@dataclass
class Somebody(io.StringIO):
    """A terminal at which somebody types this, or sends a signal."""

    typed: str | signal.Signals | KeyboardInterrupt

    def isatty(self) -> bool:
        return True

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]  # as StringIO has it
        if isinstance(self.typed, KeyboardInterrupt):
            raise self.typed
        if isinstance(self.typed, signal.Signals):
            signal.raise_signal(self.typed)
            return ""
        return self.typed


@pytest.mark.parametrize(
    ("typed", "code"),
    [("n\n", 6), ("", 6), (KeyboardInterrupt(), 130), (signal.SIGTERM, 143)],
    ids=["no", "end of input", "Ctrl-C", "SIGTERM"],
)
def test_whoever_does_not_say_yes_has_nothing_sent_and_the_journal_knows_why(
    command: Command,
    connected: EmbeddedCluster,
    wide: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    typed: str | signal.Signals | KeyboardInterrupt,
    code: int,
) -> None:
    monkeypatch.setenv("OFFLOADCTL_STATE", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", Somebody(typed))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    ran = command("offload", "namespace", wide, "-s", "0")
    (run,) = command("offload", "history", "-o", "json").document["runs"]

    assert (ran.code, run["exitCode"]) == (code, code)
    assert offloaded(connected, f"{wide}/orders") == 0


def test_the_largest_come_first_in_the_table_and_the_rest_in_numbers(command: Command, wide: str) -> None:
    ran = command("offload", "namespace", wide, "-s", "5K", "-n", "--free", "30K", "--reason", "CHANGE-7")

    lines = ran.out.splitlines()
    assert lines[0].startswith(f"namespace {wide}  (context ")
    rows = [line.split()[0].rpartition("/")[2] for line in lines if line.strip().startswith(wide)]
    assert rows[0] == "orders"
    assert set(rows[1:]) == {"clicks-partition-0", "clicks-partition-1"}
    assert "left-for-later" in ran.out
    assert "2 topics with" in ran.flowing
    assert "CHANGE-7" in ran.out
    assert "4 topics planned from the metadata alone" in ran.flowing


def test_a_tenant_is_all_of_its_namespaces_and_match_chooses_among_their_topics(command: Command, wide: str) -> None:
    ran = command("offload", "all", "--tenant", "many", "--match", f"{wide}/o", "-s", "5K", "-n", "-o", "json")

    assert ran.code == 0
    assert [topic["topic"] for topic in ran.document["topics"]] == [f"persistent://{wide}/orders"]
    assert ran.document["scope"]["notMatched"] >= 3


def test_everything_is_everything(command: Command, wide: str) -> None:
    ran = command("offload", "all", "-s", "0", "-n", "-o", "json")

    assert ran.code == 0
    assert f"persistent://{wide}/orders" in [topic["topic"] for topic in ran.document["topics"]]
    assert ran.document["scope"]["text"] == "--all"


def test_topics_come_from_standard_input(
    command: Command, connected: EmbeddedCluster, wide: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"# two\n{wide}/orders\n\n{wide}/clicks\n"))

    ran = command("offload", "topic", "--from-file", "-", "--match", "orders", "-s", "5K", "-o", "json")

    assert ran.code == 0
    assert [topic["topic"] for topic in ran.document["topics"]] == [f"persistent://{wide}/orders"]
    assert offloaded(connected, f"{wide}/clicks-partition-0") == 0


def test_the_documents_keep_to_their_schema_line_by_line(command: Command, wide: str) -> None:
    ran = command("offload", "namespace", wide, "-s", "5K", "-n", "-o", "ndjson")

    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert len(lines) == 4
    for line in lines:
        jsonschema.validate(line, schema_of("OffloadResult"))


def test_a_namespace_that_is_not_there_fails_and_stops_no_other_one(command: Command, wide: str) -> None:
    ran = command("offload", "namespace", "many/none", wide, "-s", "5K")

    assert ran.code == 1
    assert "many/none" in ran.out
    assert "3 confirmed" in ran.flowing


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("topic", "-s", "0"), "no topic"),
        (("topic", "--from-file", "/nowhere", "-s", "0"), "cannot read topics"),
        (("namespace", "acme", "-s", "0"), "is not a namespace"),
        (("namespace", "acme/x"), "say what should move"),
        (("namespace", "acme/x", "-s", "0", "--match", "("), "is no regular expression"),
        (("all", "-s", "0", "--free", "0"), "--free 0 is no limit"),
        (("all", "-s", "0", "--max-bytes", "1GB"), "is not a size"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_is_refused_before_anything_is_asked(
    command: Command, connected: EmbeddedCluster, arguments: tuple[str, ...], words: str
) -> None:
    ran = command("offload", *arguments)

    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err


def test_a_read_only_context_refuses_a_namespace_too(command: Command, connected: EmbeddedCluster, wide: str) -> None:
    ran = command("offload", "namespace", wide, "-s", "5K", "--read-only")

    assert ran.code == 6
    assert offloaded(connected, f"{wide}/orders") == 0


def test_a_list_of_topics_in_a_file_may_have_partitions_in_it(command: Command, wide: str, tmp_path: Path) -> None:
    file = tmp_path / "topics"
    file.write_text(f"{wide}/clicks-partition-1\n", encoding="utf-8")

    ran = command("offload", "topic", "--from-file", str(file), "-s", "5K", "-n", "--load-topics", "-o", "json")

    assert ran.document["topics"][0]["results"][0]["topic"] == f"persistent://{wide}/clicks-partition-1"
