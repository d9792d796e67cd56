"""What a command is about, spelt in each way, from the command line to a cluster over HTTP."""

import io
import sys
from pathlib import Path

import pytest

from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.model.names import TopicName
from tests.cli.conftest import Command, fill, loads, make_idle


@pytest.fixture
def wide(connected: EmbeddedCluster, request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own with a topic, a partitioned one of two partitions, and a system topic; all idle."""
    name = request.node.name.split("[")[0].replace("_", "-")
    orders, clicks = TopicName("scopes", name, "orders"), TopicName("scopes", name, "clicks")
    with connected.cluster.lock:
        connected.cluster.tenants.setdefault("scopes", ())
        connected.cluster.create_partitioned_topic(clicks, 2)
    system = TopicName("scopes", name, "__change_events")
    for topic in (orders, clicks.with_partition(0), clicks.with_partition(1), system):
        fill(connected, topic, entries=25)
        make_idle(connected, topic)
    return f"scopes/{name}"


def topics_of(document: dict[str, list[dict[str, str]]]) -> list[str]:
    return [topic["topic"].rpartition("/")[2] for topic in document["topics"]]


def test_a_namespace_is_all_of_its_topics_and_none_is_loaded(
    command: Command, connected: EmbeddedCluster, wide: str
) -> None:
    before = loads(connected)

    ran = command("offload", "status", "-n", wide, "-o", "json")

    assert ran.code == 0
    assert topics_of(ran.document) == ["clicks", "orders"]
    assert [len(topic["statuses"]) for topic in ran.document["topics"]] == [2, 1]
    assert ran.document["scope"]["text"] == f"-n {wide}"
    assert ran.document["scope"]["systemTopics"] == 1
    assert loads(connected) == before


def test_what_is_left_out_is_said(command: Command, wide: str) -> None:
    ran = command("offload", "status", "-n", wide, "--match", "orders$")

    assert ran.code == 0
    assert "1 system topic, which brokers never offload; 2 topics that orders$ does not match" in ran.flowing


@pytest.mark.parametrize("scope", [("--tenant", "scopes"), ("--all",)])
def test_wider_scopes_have_the_namespace_in_them(command: Command, wide: str, scope: tuple[str, ...]) -> None:
    ran = command("offload", "status", *scope, "--no-objects", "-o", "json")

    assert ran.code == 0
    assert f"persistent://{wide}/orders" in [topic["topic"] for topic in ran.document["topics"]]


def test_topics_come_from_a_file_too(command: Command, wide: str, tmp_path: Path) -> None:
    file = tmp_path / "topics"
    file.write_text(f"\ufeff# two of them\n\npersistent://{wide}/orders\r\n  {wide}/clicks  \n", encoding="utf-8")

    ran = command("offload", "status", "--from-file", str(file), "-o", "json")

    assert ran.code == 0
    assert topics_of(ran.document) == ["orders", "clicks"]


def test_a_dash_is_standard_input(command: Command, wide: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{wide}/orders\n"))

    ran = command("offload", "status", f"{wide}/clicks", "--from-file", "-", "-o", "json")

    assert topics_of(ran.document) == ["clicks", "orders"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "no scope"),
        (("acme/shop/x", "--all"), "more than one kind of scope"),
        (("-n", "acme"), "is not a namespace"),
        (("--all", "--match", "("), "is no regular expression"),
        (("--from-file", "/nowhere"), "cannot read topics"),
        (("--from-file", "/dev/null"), "names no topic"),
    ],
)
def test_what_is_no_scope_is_wrong_usage(
    command: Command, connected: EmbeddedCluster, arguments: tuple[str, ...], words: str
) -> None:
    ran = command("offload", "status", *arguments)

    assert ran.code == 2
    assert words in ran.err


def test_a_line_that_names_no_topic_is_told_by_its_number(command: Command, wide: str, tmp_path: Path) -> None:
    file = tmp_path / "topics"
    file.write_text(f"{wide}/orders\nnon-persistent://a/b/c\n", encoding="utf-8")

    ran = command("offload", "status", "--from-file", str(file))

    assert ran.code == 2
    assert "line 2" in ran.err


def test_a_namespace_that_is_not_there_fails_and_stops_no_other_one(command: Command, wide: str) -> None:
    ran = command("offload", "status", "-n", wide, "-n", "scopes/none", "-o", "json")

    assert ran.code == 1
    assert topics_of(ran.document) == ["clicks", "orders"]
    assert [one["name"] for one in ran.document["scope"]["unread"]] == ["scopes/none"]
