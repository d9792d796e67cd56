"""Plans that are approved: made by a dry run, done exactly, or refused with what has changed; and who must say yes."""

import io
import itertools
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from offloadctl.adapters.memory import MemoryObjectStore
from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.model.names import TopicName
from offloadctl.report import offload_plan
from offloadctl.report.schema import schema_of
from tests.cli.conftest import Command, fill, loads, make_idle

_NUMBERS = itertools.count()


@pytest.fixture
def shop(connected: EmbeddedCluster) -> str:
    """A namespace of the test's own: the idle `orders` with three closed ledgers, and `clicks` with one."""
    name = f"shop-{next(_NUMBERS)}"
    with connected.cluster.lock:
        connected.cluster.tenants.setdefault("plans", ())
    for local_name, entries in (("orders", 65), ("clicks", 25)):
        topic = TopicName("plans", name, local_name)
        fill(connected, topic, entries=entries)
        make_idle(connected, topic)
    return f"plans/{name}"


@pytest.fixture
def plan(command: Command, shop: str, tmp_path: Path) -> Path:
    """The plan of everything in the namespace."""
    ran = command("offload", "namespace", shop, "-s", "0", "--reason", "CHANGE-7", "--dry-run", "-o", "json")
    assert ran.code == 0
    file = tmp_path / "plan.json"
    file.write_text(ran.out, encoding="utf-8")
    return file


def moved(embedded: EmbeddedCluster, topic: str) -> int:
    with embedded.cluster.lock:
        return sum(ledger.is_offloaded for ledger in embedded.cluster.metadata[TopicName.parse(topic)].ascending)


def test_a_plan_is_done_exactly_and_its_reason_and_hash_are_kept(
    command: Command, connected: EmbeddedCluster, shop: str, plan: Path
) -> None:
    document = json.loads(plan.read_text(encoding="utf-8"))
    jsonschema.validate(document, schema_of("OffloadRun"))

    ran = command("offload", "apply", str(plan), "-o", "json")

    assert ran.code == 0
    assert ran.document["summary"]["ledgersConfirmed"] == document["summary"]["ledgersToMove"] == 4
    assert ran.document["request"]["reason"] == "CHANGE-7"
    assert ran.document["request"]["planHash"] == document["contentHash"]
    assert ran.document["contentHash"] is None
    assert (moved(connected, f"{shop}/orders"), moved(connected, f"{shop}/clicks")) == (3, 1)


def test_a_plan_comes_from_standard_input_too_however_it_is_formatted(
    command: Command, shop: str, plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_one_line = json.dumps(json.loads(plan.read_text(encoding="utf-8")), sort_keys=True)
    monkeypatch.setattr(sys, "stdin", io.StringIO(as_one_line))

    ran = command("offload", "apply", "-", "--reason", "CHANGE-8", "-o", "json")

    assert ran.code == 0
    assert ran.document["request"]["reason"] == "CHANGE-8"


def test_the_report_of_a_run_and_anything_else_are_no_plans(
    command: Command, connected: EmbeddedCluster, shop: str, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    report.write_text(command("offload", "namespace", shop, "-s", "5K", "-o", "json").out, encoding="utf-8")
    other = tmp_path / "other.json"
    other.write_text('{"kind": "OffloadRun"}', encoding="utf-8")
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 100_000, encoding="utf-8")

    for file in (report, other, deep, tmp_path / "nowhere.json"):
        ran = command("offload", "apply", str(file))
        assert (ran.code, ran.out) == (2, ""), file


def test_a_plan_that_was_edited_is_refused(command: Command, connected: EmbeddedCluster, shop: str, plan: Path) -> None:
    document: dict[str, Any] = json.loads(plan.read_text(encoding="utf-8"))
    document["expiresAt"] = "2999-01-01T00:00:00Z"
    plan.write_text(json.dumps(document), encoding="utf-8")

    ran = command("offload", "apply", str(plan))

    assert ran.code == 6
    assert "content hash" in ran.err
    assert moved(connected, f"{shop}/orders") == 0


def test_a_plan_of_yesterday_is_refused(
    command: Command, connected: EmbeddedCluster, shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offload_plan, "VALID_FOR", timedelta(seconds=-1))
    old = tmp_path / "old.json"
    old.write_text(command("offload", "namespace", shop, "-s", "0", "-n", "-o", "json").out, encoding="utf-8")

    ran = command("offload", "apply", str(old))

    assert ran.code == 6
    assert f"expiry: it was valid until {datetime.now(UTC).year}" in ran.err
    assert moved(connected, f"{shop}/orders") == 0


def test_a_plan_of_another_cluster_is_refused(
    command: Command, connected: EmbeddedCluster, shop: str, plan: Path
) -> None:
    # With a bucket in memory: the S3 service of the process is the first cluster's.
    with EmbeddedCluster(name="elsewhere", stores=[MemoryObjectStore("offload-demo")]) as other:
        ran = command("offload", "apply", str(plan), "--admin-url", other.admin_urls[0])

    assert ran.code == 6
    assert "cluster: it was made for" in ran.err
    assert "elsewhere" in ran.err
    assert moved(connected, f"{shop}/orders") == 0


def test_one_topic_whose_ledgers_are_other_ones_refuses_the_whole_plan_and_loads_nothing(
    command: Command, connected: EmbeddedCluster, shop: str, plan: Path
) -> None:
    with connected.cluster.lock:
        topic = TopicName.parse(f"{shop}/orders")
        connected.cluster.metadata[topic].ledgers.pop(connected.cluster.metadata[topic].ascending[0].ledger_id)
    before = loads(connected)

    ran = command("offload", "apply", str(plan), "-o", "json")

    assert ran.code == 6
    assert ran.document["error"]["code"] == "plan-changed"
    assert "orders: no longer to be moved: ledger" in ran.document["error"]["message"]
    assert moved(connected, f"{shop}/clicks") == 0
    assert loads(connected) == before


def test_a_topic_that_is_gone_refuses_the_plan(
    command: Command, connected: EmbeddedCluster, shop: str, plan: Path
) -> None:
    with connected.cluster.lock:
        connected.cluster.delete_topic(TopicName.parse(f"{shop}/clicks"))

    ran = command("offload", "apply", str(plan))

    assert ran.code == 6
    assert "clicks: is not there any more" in ran.err
    assert moved(connected, f"{shop}/orders") == 0


def test_a_plan_that_was_applied_holds_no_longer(command: Command, shop: str, plan: Path) -> None:
    assert command("offload", "apply", str(plan)).code == 0

    assert command("offload", "apply", str(plan)).code == 6


def test_a_read_only_context_refuses_a_plan(
    command: Command, connected: EmbeddedCluster, shop: str, plan: Path
) -> None:
    assert command("offload", "apply", str(plan), "--read-only").code == 6
    assert moved(connected, f"{shop}/orders") == 0


# -- who must say yes


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("namespace", "{}", "-s", "0"), "a threshold of 0 moves everything"),
        (("all", "--tenant", "plans", "--match", "{}/", "-s", "5K"), "whole tenants"),
    ],
)
def test_without_a_terminal_a_large_run_needs_yes(
    command: Command, connected: EmbeddedCluster, shop: str, arguments: tuple[str, ...], words: str
) -> None:
    given = [one.format(shop) for one in arguments]
    before = loads(connected)

    refused = command("offload", *given, "-o", "json")

    assert refused.code == 6
    assert refused.document["error"]["code"] == "approval-needed"
    assert words in refused.document["error"]["message"]
    assert "context" in refused.document["error"]["message"]
    assert (moved(connected, f"{shop}/orders"), loads(connected)) == (0, before)
    assert command("offload", *given, "--yes").code == 0
    assert moved(connected, f"{shop}/orders") == 3


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "code", "ledgers"), [("y\n", 0, 3), ("n\n", 6, 0), ("\n", 6, 0)])
def test_on_a_terminal_it_is_asked(
    command: Command,
    connected: EmbeddedCluster,
    shop: str,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
    ledgers: int,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    ran = command("offload", "namespace", shop, "-s", "0", "--timeout", "1m")

    assert ran.code == code
    assert "Offload all of it?" in ran.err
    assert moved(connected, f"{shop}/orders") == ledgers


def test_a_named_topic_needs_no_yes_and_neither_does_a_run_with_nothing_to_move(command: Command, shop: str) -> None:
    assert command("offload", "topic", f"{shop}/orders", "-s", "0").code == 0
    assert command("offload", "namespace", shop, "-s", "100M").code == 0
