"""`offloadctl serve` as a process: it acts, is killed, goes on, reloads, refuses a second one, and ends in order."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.demo.tuning import Tuning
from offloadctl.exitcodes import ExitCode
from offloadctl.model.names import TopicName
from tests.cli.conftest import Command, fill
from tests.command_line import ROOT

ORDERS = TopicName("acme", "shop", "orders")
SCHEDULE = """\
apiVersion: offloadctl/v1
kind: Schedule
name: {name}
scope: {{topics: [acme/shop/orders]}}
when: {{localBytes: {{above: 1K}}}}
action: {{offload: {{sizeThreshold: 0}}}}
coolDown: 1h
"""


@dataclass
class Process:
    """A service, and what it has said so far."""

    popen: "subprocess.Popen[str]"
    lines: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def await_event(self, name: str, **facts: object) -> dict[str, Any]:
        """The line of that event, once it is there."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            for one in list(self.lines):
                if one["event"] == name and facts.items() <= one.items():
                    return one
            assert self._reader.is_alive(), f"it ended without {name}: {self.lines}"
            time.sleep(0.02)
        pytest.fail(f"no {name} among {self.lines}")

    def events(self, name: str) -> list[dict[str, Any]]:
        return [one for one in self.lines if one["event"] == name]

    def end(self, number: int) -> int:
        self.popen.send_signal(number)
        code = self.popen.wait(timeout=30)
        self._reader.join(10)
        return code

    def _read(self) -> None:
        assert self.popen.stderr is not None
        with self.popen.stderr as stderr:
            for line in stderr:
                # What is no JSON is told when something is missed.
                is_json = line.startswith("{")
                self.lines.append(json.loads(line) if is_json else {"event": "no JSON", "text": line})


@dataclass
class Scene:
    """A cluster on which an upload takes a while, a file of schedules, and the way to start services."""

    cluster: EmbeddedCluster
    directory: Path
    environment: Mapping[str, str]
    sent: list[TopicName] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.file.write_text(SCHEDULE.format(name="disks"))
        offloading: Any = self.cluster.cluster.offloading
        start_manual = offloading.start_manual

        def watched(topic: TopicName, *rest: Any) -> None:
            self.sent.append(topic)
            start_manual(topic, *rest)

        offloading.start_manual = watched

    @property
    def file(self) -> Path:
        return self.directory / "schedules.yaml"

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Another command with the same state directory."""
        command = [sys.executable, "-m", "offloadctl", *words]
        return subprocess.run(command, env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False)

    def complete(self) -> int:
        with self.cluster.cluster.lock:
            return sum(one.is_offloaded for one in self.cluster.cluster.metadata[ORDERS].ascending)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    tuning = Tuning(upload_rate=1e9, upload_overhead=1.0, max_entries_per_ledger=20)
    with EmbeddedCluster(tuning=tuning, seed=1) as cluster:
        access_key, secret_key = cluster.credentials
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "OFFLOADCTL_ADMIN_URL": ",".join(cluster.admin_urls),
            "OFFLOADCTL_BUCKET": f"{cluster.bucket},endpoint={cluster.s3_endpoint}",
            "OFFLOADCTL_STATE": str(tmp_path / "state"),
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": secret_key,
        }
        yield Scene(cluster, tmp_path, environment)


@pytest.fixture
def start(scene: Scene) -> Iterator[Callable[..., Process]]:
    """Start a service; none of them outlives the test."""
    begun: list[Process] = []

    def call(*options: str) -> Process:
        command = [sys.executable, "-m", "offloadctl", "serve", "-f", str(scene.file), "--every", "1s"]
        command += ["--listen", "127.0.0.1:0", *options]
        popen = subprocess.Popen(command, env=scene.environment, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        begun.append(Process(popen))
        return begun[-1]

    yield call
    for process in begun:
        process.popen.kill()
        process.popen.wait()
        process._reader.join(10)


@pytest.mark.slow
def test_what_was_decided_outlives_kill_9_and_sigterm_hands_over(scene: Scene, start: Callable[..., Process]) -> None:
    fill(scene.cluster, ORDERS)
    first = start()
    run = first.await_event("run-begun", schedule="disks")["run"]
    while not scene.sent:
        time.sleep(0.01)

    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    second = start("--grace", "0s")
    again = second.await_event("run-begun", run=run)
    assert second.end(signal.SIGTERM) == ExitCode.OK
    third = start()
    third.await_event("run-begun", run=run, attempt=3)
    ended = third.await_event("run-ended", run=run)

    assert again["attempt"] == 2
    assert ended["exit_code"] == 0, ended
    assert scene.complete() == 3
    assert len(scene.sent) == 1, "what was sent before the kill was sent again"
    assert [one["run"] for one in second.events("run-handed-over")] == [run]

    second_one = scene.command("serve", "-f", str(scene.file))
    assert second_one.returncode == ExitCode.LEASE_HELD, second_one.stderr

    assert page(third, "/readyz") == "ready\n"
    metrics = page(third, "/metrics")
    assert 'offloadctl_runs_total{exit_code="0",outcome="ok",schedule="disks"} 1.0' in metrics
    assert 'offloadctl_s3_requests_total{answer="2xx",operation="HeadObject"}' in metrics
    assert "disks: " in page(third, "/")

    # One id leads from a line of the log to the metrics, to the decision, and to what stands in the journal.
    assert f'offloadctl_last_run_info{{run="{run}",schedule="disks"}} 1.0' in metrics
    assert run in scene.command("schedule", "explain", run).stdout
    journalled = scene.command("offload", "history", "--run", ended["journal_runs"], "-o", "json")
    assert f"run {run}" in json.loads(journalled.stdout)["runs"][0]["reason"]

    scene.file.write_text("kind: Schedule\n")
    third.await_event("reload-failed", kept=1)
    scene.file.write_text(SCHEDULE.format(name="mended"))
    third.await_event("reloaded", names="mended")
    third.popen.send_signal(signal.SIGHUP)
    third.await_event("signal", signal="SIGHUP")
    assert third.end(signal.SIGTERM) == ExitCode.OK
    assert third.events("ended") == [third.lines[-1]]


@pytest.mark.slow
def test_sigterm_lets_a_run_end_within_the_grace_time(scene: Scene, start: Callable[..., Process]) -> None:
    fill(scene.cluster, ORDERS)
    process = start("--grace", "30s")
    process.await_event("run-begun")
    while not scene.sent:
        time.sleep(0.01)

    code = process.end(signal.SIGTERM)

    assert code == ExitCode.OK
    assert [one["exit_code"] for one in process.events("run-ended")] == [0]
    assert scene.complete() == 3


def page(process: Process, path: str) -> str:
    """What the service shows there."""
    address = process.await_event("listening")["address"]
    with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
        return str(answer.read().decode())


def test_a_file_that_cannot_be_used_ends_it_before_it_begins(
    command: Command, connected: EmbeddedCluster, tmp_path: Path
) -> None:
    file = tmp_path / "schedules.yaml"
    file.write_text("kind: Schedule\nnonsense: 1\n")

    ran = command("serve", "-f", str(file), "--state", str(tmp_path / "state"))

    assert ran.code == ExitCode.USAGE
    assert "schedules.yaml, line" in ran.err


def test_schedules_that_offload_need_a_context_that_may_be_changed(
    command: Command, connected: EmbeddedCluster, tmp_path: Path
) -> None:
    file = tmp_path / "schedules.yaml"
    file.write_text(SCHEDULE.format(name="disks"))

    ran = command("serve", "-f", str(file), "--read-only", "--state", str(tmp_path / "state"))

    assert ran.code == ExitCode.REFUSED
