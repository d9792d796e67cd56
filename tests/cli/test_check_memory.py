"""`check --max-age`, `--resume`, `--no-remember` and `--sample SIZE`, from the command line to the state directory."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from offloadctl.adapters.checks_shape import CHECKS_FILE
from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.model.names import TopicName
from offloadctl.report.schema import schema_of
from tests.cli.conftest import Command, fill, show_on_the_list
from tests.cli.test_check import offload
from tests.command_line import ROOT

KILLS: Final = 20


TOPIC: Final = TopicName("acme", "shop", "remembered")


@pytest.fixture(scope="module")
def topic_in_s3(embedded: EmbeddedCluster) -> TopicName:
    """A topic with three ledgers in S3, served."""
    fill(embedded, TOPIC)
    offload(embedded, TOPIC)
    return TOPIC


@pytest.fixture
def offloaded(
    connected: EmbeddedCluster, topic_in_s3: TopicName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> TopicName:
    """The same, and nothing is remembered of it."""
    monkeypatch.setenv("OFFLOADCTL_STATE", str(tmp_path / "state"))
    return topic_in_s3


def test_what_was_verified_is_told_as_covered_by_earlier_checks(command: Command, offloaded: TopicName) -> None:
    command("check", str(offloaded))

    ran = command("check", str(offloaded), "--max-age", "30d")
    document = command("check", str(offloaded), "--max-age", "30d", "-o", "json").document

    assert ran.code == 0
    assert ran.flowing.count(" earlier ") >= 3
    assert "earlier 3 ledgers of these" in ran.flowing
    assert "were not looked at again; the oldest of those looks was on 20" in ran.flowing
    jsonschema.validate(document, schema_of("CheckReport"))
    assert document["coverage"]["ledgersCovered"] == document["coverage"]["earlier"]["ledgers"] == 3
    assert document["coverage"]["earlier"]["oldest"] == min(
        one["verifiedAt"] for one in document["topics"][0]["ledgers"]
    )
    assert document["coverage"]["bytesRead"] == 0


def test_of_a_wide_scope_what_is_left_out_is_counted(command: Command, offloaded: TopicName) -> None:
    scope = ("-n", "acme/shop", "--match", f"/{offloaded.local_name}$")
    command("check", *scope)

    ran = command("check", *scope, "--max-age", "1d", "-o", "json")
    shown = command("check", *scope, "--max-age", "1d")

    assert ran.code == 0
    assert ran.document["coverage"]["earlier"]["ledgers"] == 3
    assert ran.document["topics"][0]["ledgers"] == []
    assert f"{offloaded.local_name} 3 3" in shown.flowing
    assert shown.flowing.split(f"{offloaded.local_name} 3 3")[1].split()[3] == "earlier"


def test_nothing_is_left_of_a_check_that_is_not_to_be_remembered(
    command: Command, offloaded: TopicName, tmp_path: Path
) -> None:
    assert command("check", str(offloaded), "--no-remember").code == 0
    assert not (tmp_path / "state" / CHECKS_FILE).exists()

    command("check", str(offloaded))
    ran = command("check", str(offloaded), "--max-age", "1d", "--no-remember", "-o", "json")
    assert ran.document["coverage"]["earlier"]["ledgers"] == 3


def test_a_memory_that_cannot_be_used_is_a_warning_and_everything_is_looked_at(
    command: Command, offloaded: TopicName, tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir(exist_ok=True)
    (tmp_path / "state" / CHECKS_FILE).write_bytes(b"this is no database, and longer than a page header" * 100)

    ran = command("check", str(offloaded), "--max-age", "30d", "-o", "json")

    assert ran.code == 0
    assert ran.document["coverage"]["earlier"]["ledgers"] == 0
    assert ran.document["coverage"]["ledgersCovered"] == 3
    assert "warning: what checks remember could not be used" in ran.err
    assert CHECKS_FILE in ran.err


def test_a_check_whose_budget_was_spent_says_how_to_go_on_and_does(command: Command, offloaded: TopicName) -> None:
    whole = command("check", str(offloaded), "-l", "entries", "-o", "json", "--no-remember").document
    cut = command("check", str(offloaded), "-l", "entries", "--max-requests", "5")
    went_on = command("check", str(offloaded), "-l", "entries", "--resume", "-o", "json")

    assert cut.code in (1, 5)
    assert "the same command with --resume goes on" in cut.err
    assert went_on.code == 0
    assert without_times(went_on.document) == without_times(whole)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--resume", "--no-remember"), "leave --no-remember out"),
        (("--max-age", "1d", "--level", "listing"), "--max-age spares nothing at the level listing"),
        (("--max-age", "soon"), "'soon' is not a duration"),
        (("--sample", "200"), "write 5%, 1/7 or 200GiB"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anybody_is_asked(
    command: Command, arguments: Sequence[str], words: str
) -> None:
    ran = command("check", "a/b/c", *arguments)

    assert (ran.code, words in " ".join(ran.err.split())) == (2, True)


def test_without_the_very_same_check_that_did_not_end_there_is_nothing_to_go_on_with(
    command: Command, offloaded: TopicName
) -> None:
    none = command("check", str(offloaded), "--resume")
    command("check", str(offloaded), "-l", "entries", "--max-requests", "5")
    another = command("check", str(offloaded), "--resume")

    assert (none.code, another.code) == (6, 6)
    assert "there is no unfinished check to go on with" in none.err
    assert "had level entries, here blocks" in " ".join(another.err.split())


def test_seeds_of_a_size_cover_everything(command: Command, offloaded: TopicName) -> None:
    documents = [
        command("check", str(offloaded), "--sample", "25KiB", "--seed", str(seed), "-o", "json").document
        for seed in range(3)
    ]

    taken = [ledger["ledgerId"] for document in documents for ledger in document["topics"][0]["ledgers"]]
    assert len(taken) == len(set(taken)) == 3
    assert documents[1]["sample"] == "25 KiB, seed 1"
    assert all(document["coverage"]["notSampled"] == 2 for document in documents)
    assert all(document["exitCode"] == 0 for document in documents)


def without_times(document: dict[str, Any]) -> dict[str, Any]:
    """The document without when its run was, and without what is remembered of its findings."""
    return {name: value for name, value in document.items() if name not in ("startedAt", "finishedAt")}


# -- processes that are killed


def start(*arguments: str, state: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "offloadctl", "check", *arguments, "-o", "json"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OFFLOADCTL_STATE": str(state)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_killed_processes_go_on_to_the_same_report(
    command: Command, connected: EmbeddedCluster, tmp_path: Path
) -> None:
    seed = int(os.environ.get("KILL_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
    print(f"KILL_SEED={seed}")
    choose = random.Random(seed)
    topics = [TopicName("acme", "killed", f"t{number}") for number in range(3)]
    for topic in topics:
        fill(connected, topic, entries=385)
    show_on_the_list(connected)
    assert command("offload", "topic", *map(str, topics), "-s", "0").code == 0
    show_on_the_list(connected)
    # About 230 requests in some two seconds.
    asked = (*map(str, topics), "-l", "entries", "--rate", "120")
    expected = command("check", *asked, "--no-remember", "-o", "json").document
    kills = reports = 0
    kept: list[int] = []
    while kills < KILLS:
        state, resume = tmp_path / str(reports), False
        while True:
            process = start(*asked, *(["--resume"] if resume else []), state=state)
            if kills < KILLS:
                wait_for_a_moment_to_kill(process, state, choose)
                process.kill()
            out, err = process.communicate(timeout=60)
            if process.returncode == -signal.SIGKILL:
                kills, resume = kills + 1, True
                kept.append(ledgers_in(state))
            elif process.returncode == 6:
                # It was killed before it was remembered that it had begun.
                assert "no unfinished check" in err
                resume = False
            else:
                assert process.returncode == 0, err
                assert without_times(json.loads(out)) == without_times(expected)
                reports += 1
                break
    print(f"{kills} kills, {reports} reports; so many ledgers were done after each kill: {kept}")
    assert max(kept) > 10


def wait_for_a_moment_to_kill(process: "subprocess.Popen[str]", state: Path, choose: random.Random) -> None:
    """Now and then any moment; mostly one after it has got somewhere, which on a busy machine takes seconds."""
    if choose.random() < 0.25:
        time.sleep(choose.uniform(0.2, 2.0))
        return
    before = ledgers_in(state)
    while process.poll() is None and ledgers_in(state) == before:
        time.sleep(0.02)
    time.sleep(choose.uniform(0.0, 0.6))


def ledgers_in(state: Path) -> int:
    """So many have been remembered."""
    if not (state / CHECKS_FILE).exists():
        return 0
    with closing(sqlite3.connect(f"file:{state / CHECKS_FILE}?mode=ro", uri=True)) as connection:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'verified'").fetchone()
        return int(connection.execute("SELECT count(*) FROM verified").fetchone()[0]) if tables else 0
