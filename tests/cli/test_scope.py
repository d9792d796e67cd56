"""What a command is about, spelt in each way, from the command line to a cluster over HTTP."""

import io
import json
import sys
from pathlib import Path

import pytest

from offloadctl.adapters.system import SystemClock
from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.demo.policies import NamespacePolicies
from offloadctl.format.keys import index_key
from offloadctl.model.names import NamespaceName, TopicName
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


def test_topics_are_ranked_and_totals_are_of_all(command: Command, wide: str) -> None:
    ran = command("offload", "status", "-n", wide, "--sort", "eligible", "--top", "1", "-o", "json")

    assert ran.code == 0
    assert topics_of(ran.document) == ["clicks"]
    assert (ran.document["summary"]["topics"], ran.document["summary"]["parts"]) == (2, 3)
    assert ran.document["summary"]["closed"]["ledgers"] == 3


def test_a_watch_ends_with_ctrl_c_and_with_the_code_of_its_last_look(
    command: Command, connected: EmbeddedCluster, wide: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def pause(_: SystemClock, seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(SystemClock, "sleep", pause)

    ran = command("offload", "status", "-n", wide, "--top", "1", "--watch", "--every", "7s", "-o", "json")

    assert (ran.code, pauses) == (0, [7.0, 7.0])
    looks = [json.loads(line) for line in ran.out.splitlines()]
    assert [look["summary"]["shown"] for look in looks] == [1, 1]
    assert looks[0]["observedAt"] < looks[1]["observedAt"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--watch", "-w"), "one of them"),
        (("--every", "5s"), "add --watch"),
        (("--watch", "--every", "0s"), "1s is the least"),
        (("--top", "0"), "top"),
        (("--sort", "colour"), "sort"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_makes_no_sense_together_is_wrong_usage(
    command: Command, connected: EmbeddedCluster, arguments: tuple[str, ...], words: str
) -> None:
    ran = command("offload", "status", "a/b/c", *arguments)

    assert ran.code == 2
    assert words in ran.err


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


# -- check


@pytest.fixture
def offloaded(command: Command, wide: str) -> str:
    """The namespace, with one ledger of each of its three managed ledgers in S3; its topics are loaded."""
    ran = command("offload", "topic", f"{wide}/orders", f"{wide}/clicks", "-s", "0", "--load-topics")
    assert ran.code == 0
    return wide


@pytest.mark.parametrize("level", ["listing", "entries"])
def test_a_check_of_a_namespace_counts_what_is_sound(command: Command, offloaded: str, level: str) -> None:
    ran = command("check", "-n", offloaded, "--level", level, "--load-topics", "--yes", "-o", "json")

    assert ran.code == 0
    assert ran.document["status"] == "full"
    assert ran.document["coverage"]["ledgers"] == ran.document["coverage"]["ledgersCovered"] > 0
    assert [topic["ledgers"] for topic in ran.document["topics"]] == [[], [], []]
    assert sum(topic["soundLedgers"] for topic in ran.document["topics"]) == ran.document["coverage"]["ledgers"]
    assert ran.document["scope"]["systemTopics"] == 1


def test_more_than_named_topics_are_checked_at_the_index_level_unless_it_is_said_otherwise(
    command: Command, offloaded: str
) -> None:
    assert command("check", "-n", offloaded, "-o", "json").document["level"] == "index"
    assert command("check", f"{offloaded}/orders", "-o", "json").document["level"] == "blocks"


def test_damage_in_a_namespace_is_told_with_its_ledger(
    command: Command, connected: EmbeddedCluster, offloaded: str
) -> None:
    topic = TopicName.parse(f"{offloaded}/orders")
    with connected.cluster.lock:
        ledger = next(one for one in connected.cluster.metadata[topic].ascending if one.context is not None)
    assert ledger.context is not None
    connected.store.delete(index_key(ledger.context.uuid, ledger.ledger_id))

    ran = command("check", "-n", offloaded, "--load-topics", "-o", "json")

    assert ran.code == 4
    assert [finding["code"] for finding in ran.document["findings"]] == ["index-missing"]
    assert [len(topic["ledgers"]) for topic in ran.document["topics"]] == [0, 0, 1]


def test_a_namespace_that_cannot_be_listed_is_not_covered(command: Command, offloaded: str) -> None:
    ran = command("check", "-n", offloaded, "-n", "scopes/none", "--load-topics")

    assert ran.code == 5
    assert "scopes/none" in ran.flowing


def test_a_namespace_without_topics_is_covered(command: Command, connected: EmbeddedCluster) -> None:
    with connected.cluster.lock:
        connected.cluster.tenants.setdefault("scopes", ())
        connected.cluster.namespaces[NamespaceName("scopes", "empty")] = NamespacePolicies()

    ran = command("check", "-n", "scopes/empty")

    assert ran.code == 0
    assert "0 of 0 topics" in ran.flowing


def test_samples_in_a_row_cover_everything_once(command: Command, offloaded: str) -> None:
    ran = [
        command("check", "-n", offloaded, "--sample", "1/2", "--seed", str(seed), "--load-topics", "-o", "json")
        for seed in range(2)
    ]

    coverage = [one.document["coverage"] for one in ran]
    assert [one.code for one in ran] == [0, 0]
    assert coverage[0]["ledgers"] + coverage[1]["ledgers"] == coverage[0]["ledgers"] + coverage[0]["notSampled"]
    assert ran[1].document["sample"] == "1/2, seed 1"


def test_a_budget_that_is_spent_is_not_covered(command: Command, offloaded: str) -> None:
    ran = command("check", "-n", offloaded, "--max-requests", "1", "--load-topics")

    assert ran.code in (1, 5)
    assert "the budget of 1 requests to buckets is spent" in ran.flowing


@pytest.mark.parametrize(
    "option", [("--sample", "2/1"), ("--max-duration", "soon"), ("--max-requests", "0"), ("--rate", "0")]
)
def test_a_budget_that_cannot_be_is_wrong_usage(
    command: Command, connected: EmbeddedCluster, option: tuple[str, str]
) -> None:
    assert command("check", "--all", *option).code == 2
