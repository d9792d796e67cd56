"""The demo tells its whole story on a machine with nothing on it, and keeps a cluster up for a second terminal."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from offloadctl.demo.faults import FAULTS, Fault
from offloadctl.report.schema import schema_of
from tests.cli.conftest import Command

OFFLOADCTL = [sys.executable, "-m", "offloadctl"]
ROOT = Path(__file__).resolve().parents[2]


def test_the_story_as_a_document() -> None:
    done = subprocess.run(
        [*OFFLOADCTL, "demo", "-o", "json"], cwd=ROOT, capture_output=True, text=True, timeout=100, check=True
    )

    story = json.loads(done.stdout)
    results = [chapter["result"] for chapter in story["chapters"]]
    plan, moved, status, parted, objects, space, fault = results
    jsonschema.validate(story, dict(schema_of("Demo")))
    assert plan["summary"]["outcomes"] == {"planned": 1}
    assert moved["summary"]["outcomes"] == {"confirmed": 1}
    assert plan["summary"]["ledgersToMove"] == moved["summary"]["ledgersConfirmed"] > 0
    assert status["topics"][0]["statuses"][0]["brokerStatus"]["state"] == "SUCCESS"
    assert parted["summary"]["outcomes"] == {"confirmed": 3}
    assert len(objects["objects"]) == 2 * (moved["summary"]["ledgersConfirmed"] + parted["summary"]["ledgersConfirmed"])
    assert space["reclaimed"] == moved["summary"]["bytesConfirmed"] + parted["summary"]["bytesConfirmed"]
    assert fault["summary"]["outcomes"] == {"damaged": 1}
    assert [chapter["exitCode"] for chapter in story["chapters"]][-1] == 4
    assert "HTTP/1.1" not in done.stderr


@pytest.mark.parametrize("arguments", [("demo",), ("demo", "serve")], ids=" ".join)
def test_the_faults_are_listed_with_their_meaning(command: Command, arguments: tuple[str, ...]) -> None:
    ran = command(*arguments, "--fault", "list")

    assert ran.code == 0
    assert [line.partition(":")[0] for line in ran.out.splitlines()] == [fault.value for fault in Fault]


def test_every_fault_is_described() -> None:
    assert set(FAULTS) == set(Fault)


@pytest.mark.parametrize(
    "arguments", [("demo", "--fault", "flood"), ("demo", "serve", "--fault", "flood")], ids=" ".join
)
def test_a_fault_that_is_not_there_is_refused(command: Command, arguments: tuple[str, ...]) -> None:
    ran = command(*arguments)

    assert ran.code == 2
    assert "lost-index" in ran.err


def test_a_second_terminal_works_with_what_serve_prints() -> None:
    # As in a shell where the lines of an earlier one were pasted.
    pasted = {**os.environ, "AWS_ACCESS_KEY_ID": "demo", "AWS_SECRET_ACCESS_KEY": "demo-secret"}
    server = subprocess.Popen(
        [*OFFLOADCTL, "demo", "serve"], cwd=ROOT, env=pasted, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        exports = [server.stdout.readline() for _ in range(4)]
        settings = dict(line.removeprefix("export ").strip().split("=", 1) for line in exports)
        second = subprocess.run(
            [*OFFLOADCTL, "offload", "topic", "acme/shop/orders", "-s", "0", "-o", "json"],
            cwd=ROOT,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=30)

    assert second.returncode == 0, second.stderr
    document = json.loads(second.stdout)
    assert document["summary"]["outcomes"] == {"confirmed": 1}
    plan = document["topics"][0]["results"][0]["plan"]
    # The scene has a past, and none of it lies in the second terminal's future.
    assert all(one["closedAt"] < plan["observedAt"] for one in plan["ledgers"] if not one["open"])
    assert server.returncode == 0
    assert "Traceback" not in out + err
    assert "acme/shop/orders" in err
    assert "offload topic acme/shop/orders --size-threshold 1M --dry-run" in err


def test_the_demo_ends_with_the_code_that_was_met_and_the_program_as_it_was_called() -> None:
    script = str(Path(sys.executable).with_name("offloadctl"))
    environment = {**os.environ, "PATH": "/usr/bin:/bin"}

    done = subprocess.run(
        [script, "demo"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=True
    )

    (line,) = (one for one in done.stdout.splitlines() if one.strip().startswith(f"{script} explain "))
    word = line.split()[2]
    assert f"[{word}]" in done.stdout
    subprocess.run([script, "explain", word], cwd=ROOT, capture_output=True, timeout=60, check=True)
