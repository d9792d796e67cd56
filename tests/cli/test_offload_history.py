"""`offload history`: what commands of the same state directory have left, read without a broker."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

from offloadctl.adapters import sqlite_file
from offloadctl.adapters.decision_logs import JournalDecisionLog
from offloadctl.adapters.memory import ManualClock
from offloadctl.adapters.sqlite_journal import SqliteJournal
from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.errors import StateUnwritable
from offloadctl.exitcodes import ExitCode
from offloadctl.model.decision import EntryKind, LogEntry
from offloadctl.model.journal import Actor, HistoryFilter, RunStart, StepEnd, StepLedger, StepPlan
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Confirmation, Outcome, Reason
from offloadctl.operations.history import read_history
from offloadctl.report.history_text import history_text
from offloadctl.report.schema import schema_of
from offloadctl.units import ByteSize
from tests.cli.conftest import Command
from tests.unit.report.test_text import printed

ORDERS, BILLS = TopicName("acme", "shop", "orders"), TopicName("acme", "shop", "bills")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OFFLOADCTL_STATE", str(tmp_path / "state"))
    # Whoever asked it would fail.
    monkeypatch.setenv("OFFLOADCTL_ADMIN_URL", "http://broker.nowhere.invalid:8080")
    return tmp_path / "state"


@pytest.fixture
def journal(state: Path) -> Iterator[SqliteJournal]:
    """A journal with two runs of this hour: one that ended well an hour ago, and one that was killed just now."""
    opened = SqliteJournal(state, ManualClock(datetime.now(UTC) - timedelta(hours=1)))
    yield opened
    opened.close()


def start(context: str = "prod") -> RunStart:
    return RunStart(context, "east", Actor("ann", "host-1", 4711), "offload topic acme/shop/orders -s 0", reason="C-7")


def plan(topic: TopicName) -> StepPlan:
    return StepPlan(topic, Position(33, 0), (StepLedger(31, 100, ByteSize(3000)), StepLedger(32, 100, ByteSize(3000))))


def ended(outcome: Outcome, confirmation: Confirmation, *, judged_by: str = "") -> StepEnd:
    ledgers = tuple(
        StepLedger(one.ledger_id, one.entries, one.size, confirmation=confirmation, object_bytes=3100)
        for one in plan(ORDERS).ledgers
    )
    reasons = (Reason("because", "the reason of it"),)
    return StepEnd(outcome, outcome.exit_code, reasons, ledgers, seconds=90, judged_by=judged_by)


def one_good_run(journal: SqliteJournal, context: str = "prod") -> str:
    run_id = journal.begin_run(start(context))
    journal.plan_steps(run_id, [plan(ORDERS)])
    journal.begin_step(run_id, plan(ORDERS))
    journal.end_step(run_id, ORDERS, ended(Outcome.CONFIRMED, Confirmation.CONFIRMED))
    journal.end_run(run_id, ExitCode.OK, {})
    return run_id


def one_killed_run(state: Path) -> str:
    killed = SqliteJournal(state, ManualClock(datetime.now(UTC) - timedelta(minutes=5)))
    run_id = killed.begin_run(start())
    killed.plan_steps(run_id, [plan(BILLS), plan(ORDERS)])
    killed.begin_step(run_id, plan(BILLS))
    killed.close()
    return run_id


def test_without_a_journal_there_is_no_run_and_none_is_made(command: Command, state: Path) -> None:
    ran = command("offload", "history")

    assert ran.code == 0
    assert "no run so far" in ran.out
    assert "no such run" in command("offload", "history", "--unfinished").out
    assert not state.exists()


def test_runs_are_told_with_what_came_of_them(command: Command, state: Path, journal: SqliteJournal) -> None:
    good, killed = one_good_run(journal), one_killed_run(state)

    ran = command("offload", "history")

    lines = [line.split() for line in ran.out.splitlines()]
    assert [line[0] for line in lines] == ["RUN", killed, good]
    assert "broken-off, 1 unfinished" in ran.out
    assert "1 confirmed" in ran.out
    assert "5.9 KiB" in ran.out
    assert all(" ago " in line for line in ran.out.splitlines()[1:])
    assert ran.err == ""


def test_why_runs_began_is_told_where_there_is_room(state: Path, journal: SqliteJournal) -> None:
    one_good_run(journal)

    report = read_history(journal, HistoryFilter(), now=datetime.now(UTC))

    wide, narrow, narrowest = (printed(history_text(report), width=width) for width in (120, 80, 60))
    assert wide.split()[:7] == ["RUN", "BEGAN", "CLUSTER", "BY", "OUTCOME", "MOVED", "REASON"]
    # All runs are of one cluster.
    assert narrow.split()[:6] == ["RUN", "BEGAN", "BY", "OUTCOME", "MOVED", "REASON"]
    assert "C-7" in narrow
    assert "C-7" not in narrowest


def test_what_schedules_decided_is_told_by_their_own_history(
    command: Command, state: Path, journal: SqliteJournal
) -> None:
    good = one_good_run(journal)
    JournalDecisionLog(journal).append(
        LogEntry(datetime.now(UTC), EntryKind.DECIDED, "grown", "nothing to do", payload="{}" * 1000)
    )

    document = command("offload", "history", "-o", "json").document
    decided = command("schedule", "history", "-o", "json").document

    assert ([run["runId"] for run in document["runs"]], document["notes"]) == ([good], [])
    assert [one["text"] for one in decided["entries"]] == ["nothing to do"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (ExitCode.OK, "nothing to do"),
        (ExitCode.REFUSED, "refused, exit code 6"),
        (ExitCode.INTERRUPTED, "interrupted, exit code 130"),
        (ExitCode.DAMAGE, "damage of another run found, exit code 4"),
        (ExitCode.USAGE, "exit code 2"),
    ],
)
def test_of_a_run_that_came_to_no_topic_it_is_told_how_it_ended(
    command: Command, journal: SqliteJournal, code: ExitCode, words: str
) -> None:
    journal.end_run(journal.begin_run(start()), code, {})

    assert words in command("offload", "history").flowing


def test_topics_have_room_for_their_names_on_a_narrow_terminal(state: Path, journal: SqliteJournal) -> None:
    run_id = one_killed_run(state)
    journal.end_step(run_id, BILLS, ended(Outcome.UNCONFIRMED, Confirmation.UNCONFIRMED))

    report = read_history(journal, HistoryFilter(topic=BILLS), now=datetime.now(UTC))
    text = printed(history_text(report))

    assert any(line.split()[1:3] == ["acme/shop/bills", "done-not-confirmed"] for line in text.splitlines())


def test_the_documents_are_what_their_schemas_say(command: Command, state: Path, journal: SqliteJournal) -> None:
    good, killed = one_good_run(journal), one_killed_run(state)
    journal.note("override", "--accept-unverified", {"topic": "acme/shop/orders"})

    document = command("offload", "history", "-o", "json").document
    lines = [json.loads(line) for line in command("offload", "history", "-o", "ndjson").out.splitlines()]

    jsonschema.validate(document, schema_of("OffloadHistory"))
    for line in lines:
        jsonschema.validate(line, schema_of(line["kind"]))
    assert [run["runId"] for run in document["runs"]] == [killed, good]
    assert [line["kind"] for line in lines] == ["HistoryRun", "HistoryRun", "HistoryNote"]
    assert [run["state"] for run in document["runs"]] == ["broken-off", "ended"]
    assert document["runs"][1]["outcomes"] == {"confirmed": 1}
    assert (document["runs"][0]["command"], document["runs"][0]["reason"]) == (start().command, "C-7")
    assert document["runs"][0]["steps"] is None
    assert document["notes"][0]["facts"] == {"topic": "acme/shop/orders"}


def test_one_run_is_told_in_detail(command: Command, state: Path, journal: SqliteJournal) -> None:
    good, killed = one_good_run(journal), one_killed_run(state)

    document = command("offload", "history", "--run", good[-6:], "-o", "json").document
    text = command("offload", "history", "--run", killed)

    (run,) = document["runs"]
    (step,) = run["steps"]
    assert (step["topic"], step["outcome"], step["before"]) == (str(ORDERS), "confirmed", "33:0")
    assert [ledger["confirmation"] for ledger in step["ledgers"]] == ["confirmed", "confirmed"]
    assert step["objectBytes"] == 6200
    assert "offloadctl offload topic acme/shop/orders -s 0" in text.flowing
    assert "ann@host-1" in text.out
    assert "never-sent" in text.out
    assert "1 topic unfinished" in text.flowing


def test_who_found_out_what_became_of_a_killed_run_is_told(
    command: Command, state: Path, journal: SqliteJournal
) -> None:
    killed = one_killed_run(state)
    journal.end_step(killed, BILLS, ended(Outcome.ABANDONED, Confirmation.NOT_MOVED, judged_by="another-run"))

    text = command("offload", "history", "--run", killed)

    assert "another-run" in text.out
    assert "the reason of it" in text.out
    assert "0 of 2" in text.out


def test_damage_says_what_to_do(command: Command, state: Path, journal: SqliteJournal) -> None:
    killed = one_killed_run(state)
    journal.end_step(killed, BILLS, ended(Outcome.DAMAGED, Confirmation.DAMAGED, judged_by="another-run"))

    assert f"do next offloadctl check {BILLS}" in command("offload", "history", "--run", killed).flowing


def test_filters_leave_what_they_say(command: Command, state: Path, journal: SqliteJournal) -> None:
    good, killed = one_good_run(journal), one_killed_run(state)

    def told(*arguments: str) -> list[tuple[str, list[str]]]:
        runs = command("offload", "history", *arguments, "-o", "json").document["runs"]
        return [(run["runId"], [step["topic"] for step in run["steps"] or ()]) for run in runs]

    assert told("--topic", "acme/shop/bills") == [(killed, [str(BILLS)])]
    assert told("--topic", "acme/shop/orders") == [(killed, [str(ORDERS)]), (good, [str(ORDERS)])]
    assert told("--unfinished") == [(killed, [str(BILLS)])]
    assert told("--since", "30m") == [(killed, [])]
    assert told("--since", f"{datetime.now(UTC) - timedelta(days=1):%F}") == [(killed, []), (good, [])]
    assert told("--limit", "1") == [(killed, [])]
    assert "older runs are not shown" in command("offload", "history", "--limit", "1").flowing
    steps = command("offload", "history", "--topic", "acme/shop/orders").flowing
    assert "acme/shop/orders never-sent" in steps


def test_a_context_that_is_named_leaves_only_its_own_runs(
    command: Command, state: Path, journal: SqliteJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text("[contexts.test]\nadmin_urls = ['http://x:1']\n")
    monkeypatch.setenv("OFFLOADCTL_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.delenv("OFFLOADCTL_ADMIN_URL")
    good = one_good_run(journal, context="test")
    one_killed_run(state)

    document = command("offload", "history", "--context", "test", "-o", "json").document

    assert [run["runId"] for run in document["runs"]] == [good]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--run", "nobody"], "no run"),
        (["--run", "2"], "2 runs"),
        (["--run", "2", "--topic", "acme/shop/orders"], "no other filter"),
        (["--since", "yesterday"], "neither a duration nor a time"),
        (["--limit", "-1"], "-1"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    command: Command, state: Path, journal: SqliteJournal, arguments: list[str], words: str
) -> None:
    one_good_run(journal)
    one_killed_run(state)

    ran = command("offload", "history", *arguments)

    assert ran.code == ExitCode.USAGE
    assert words in ran.err


def test_a_damaged_journal_is_told(command: Command, state: Path) -> None:
    state.mkdir()
    (state / "journal.sqlite").write_bytes(b"no SQLite" * 1000)

    ran = command("offload", "history", "-o", "json")

    assert ran.code == ExitCode.FAILED
    assert ran.document["error"]["code"] == "state-damaged"


def test_what_a_command_did_is_in_the_history(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    done = command("offload", "topic", str(topic), "-s", "0", "--reason", "C-8", "--state", str(tmp_path), "-o", "json")

    document = command("offload", "history", "--state", str(tmp_path), "--topic", str(topic), "-o", "json").document

    assert done.code == 0
    (run,) = document["runs"]
    assert run["runId"] == done.document["runId"]
    assert run["runId"] in done.err
    assert run["command"].startswith(f"offload topic {topic} -s 0 --reason C-8")
    assert (run["state"], run["exitCode"], run["cluster"]) == ("ended", 0, "demo")
    (step,) = run["steps"]
    assert (step["outcome"], step["ledgersMoved"], step["state"]) == ("confirmed", 3, "ended")


def test_a_disk_that_is_full_at_the_end_takes_nothing_from_the_report(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_named: object) -> None:
        raise StateUnwritable("the journal cannot be written: database or disk is full")

    monkeypatch.setattr(SqliteJournal, "end_step", full)
    monkeypatch.setattr(SqliteJournal, "end_run", full)

    ran = command("offload", "topic", str(topic), "-s", "0", "--state", str(tmp_path), "-o", "json")

    assert ran.code == ExitCode.FAILED
    assert ran.document["topics"][0]["results"][0]["outcome"] == "confirmed"
    assert "disk is full" in ran.document["journalProblem"]
    assert ran.document["exitCode"] == ExitCode.FAILED
    assert "warning: the end of run" in ran.err
    history = command("offload", "history", "--unfinished", "--state", str(tmp_path), "-o", "json").document
    assert [run["runId"] for run in history["runs"]] == [ran.document["runId"]]


def a_file_in_its_place(state: Path) -> None:
    state.write_text("a file where the directory should be")


def a_damaged_one(state: Path) -> None:
    state.mkdir()
    (state / "journal.sqlite").write_bytes(b"no SQLite" * 1000)


def a_journal_in(state: Path) -> None:
    journal = SqliteJournal(state, ManualClock())
    journal.note("override", "x", {})
    journal.close()


def a_newer_one(state: Path) -> None:
    a_journal_in(state)
    with sqlite3.connect(state / "journal.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


def another_programs(state: Path) -> None:
    state.mkdir()
    with sqlite3.connect(state / "journal.sqlite") as connection:
        connection.execute("CREATE TABLE theirs (a)")
    connection.close()


def no_lock_files(state: Path) -> None:
    state.mkdir()
    (state / "runs").write_text("a file where the directory should be")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (a_file_in_its_place, "state-unwritable"),
        (a_damaged_one, "state-damaged"),
        (a_newer_one, "state-newer"),
        (another_programs, "state-damaged"),
        (no_lock_files, "state-unwritable"),
    ],
)
def test_a_journal_that_cannot_be_used_stops_what_acts_and_nothing_else(
    command: Command,
    connected: EmbeddedCluster,
    topic: TopicName,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    code: str,
) -> None:
    spoil(tmp_path / "state")
    words = ("offload", "topic", str(topic), "-s", "0", "--state", str(tmp_path / "state"), "-o", "json")

    ran, planned = command(*words), command(*words, "--dry-run")

    assert (ran.code, ran.document["error"]["code"]) == (ExitCode.FAILED, code)
    assert "--state" in ran.document["error"]["hint"] or "mv " in ran.document["error"]["hint"]
    assert planned.code == 0
    with connected.cluster.lock:
        assert [one for one in connected.cluster.metadata[topic].ascending if one.is_offloaded] == []


def test_a_journal_that_another_process_holds_stops_what_acts(
    command: Command,
    connected: EmbeddedCluster,
    topic: TopicName,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_S", 0.05)
    a_journal_in(tmp_path)
    holding = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
    holding.execute("BEGIN IMMEDIATE")

    ran = command("offload", "topic", str(topic), "-s", "0", "--state", str(tmp_path), "-o", "json")
    holding.close()

    assert (ran.code, ran.document["error"]["code"]) == (ExitCode.FAILED, "state-busy")
    with connected.cluster.lock:
        assert [one for one in connected.cluster.metadata[topic].ascending if one.is_offloaded] == []
