"""`offloadctl serve` as a process: it acts, is killed, goes on, reloads, refuses a second one, and ends in order."""

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.demo.tuning import Tuning
from offloadctl.exitcodes import ExitCode
from offloadctl.model.names import TopicName
from tests.cli.conftest import Command, fill
from tests.command_line import run_process
from tests.served import Served

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
        return run_process(*words, environment=self.environment, seconds=180)

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
            "OFFLOADCTL_ADMIN_URL": ",".join(cluster.admin_urls),
            "OFFLOADCTL_BUCKET": f"{cluster.bucket},endpoint={cluster.s3_endpoint}",
            "OFFLOADCTL_STATE": str(tmp_path / "state"),
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": secret_key,
        }
        yield Scene(cluster, tmp_path, environment)


@pytest.fixture
def start(scene: Scene) -> Iterator[Callable[..., Served]]:
    """Start a service; none of them outlives the test."""
    flags = ("-f", str(scene.file), "--every", "1s", "--listen", "127.0.0.1:0")
    with ExitStack() as begun:
        yield lambda *options: begun.enter_context(Served.start(*flags, *options, environment=scene.environment))


@pytest.mark.slow
def test_what_was_decided_outlives_kill_9_and_sigterm_hands_over(scene: Scene, start: Callable[..., Served]) -> None:
    fill(scene.cluster, ORDERS)
    first = start()
    run = first.awaits("run-begun", schedule="disks")["run"]
    first.until(lambda: bool(scene.sent), "the broker is asked", pause=0.02)

    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    second = start("--grace", "0s")
    again = second.awaits("run-begun", run=run)
    assert second.end(signal.SIGTERM) == ExitCode.OK
    third = start()
    third.awaits("run-begun", run=run, attempt=3)
    ended = third.awaits("run-ended", run=run)

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
    third.awaits("reload-failed", kept=1)
    scene.file.write_text(SCHEDULE.format(name="mended"))
    third.awaits("reloaded", names="mended")
    third.send(signal.SIGHUP)
    third.awaits("signal", signal="SIGHUP")
    assert third.end(signal.SIGTERM) == ExitCode.OK
    assert third.events("ended") == [third.lines[-1]]


@pytest.mark.slow
def test_sigterm_lets_a_run_end_within_the_grace_time(scene: Scene, start: Callable[..., Served]) -> None:
    fill(scene.cluster, ORDERS)
    process = start("--grace", "30s")
    process.awaits("run-begun")
    process.until(lambda: bool(scene.sent), "the broker is asked", pause=0.02)

    code = process.end(signal.SIGTERM)

    assert code == ExitCode.OK
    assert [one["exit_code"] for one in process.events("run-ended")] == [0]
    assert scene.complete() == 3


def page(process: Served, path: str) -> str:
    """What the service shows there."""
    address = process.awaits("listening")["address"]
    with urllib.request.urlopen(f"http://{address}{path}", timeout=60) as answer:
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
