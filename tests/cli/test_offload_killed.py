"""Real processes, really killed, one by one and two at once: nothing is sent twice, and the journal ends whole.

KILL_SEED=n pytest -m slow tests/cli/test_offload_killed.py -s does the same again, as far as a machine does.
"""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from offloadctl.adapters.sqlite_journal import SqliteHistory
from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.demo.tuning import Tuning
from offloadctl.model.journal import HistoryFilter, RunState, StepState
from offloadctl.model.ledger import OffloadState, Position
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Confirmation, Outcome
from tests.cli.conftest import fill
from tests.command_line import ROOT

KILLS = 20
TOPICS = [TopicName("acme", "shop", f"t{number}") for number in range(3)]
COMMAND = ("offload", "namespace", "acme/shop", "-s", "0", "--yes", "--timeout", "60s", "-o", "json")


@dataclass
class Scene:
    """A cluster whose ledgers take a while to upload, and every request to offload that it was sent."""

    cluster: EmbeddedCluster
    state: Path
    environment: Mapping[str, str]
    requests: list[tuple[TopicName, Position, OffloadState]] = field(default_factory=list)

    def __post_init__(self) -> None:
        offloading: Any = self.cluster.cluster.offloading
        start_manual = offloading.start_manual

        def watched(topic: TopicName, loaded: Any, position: Position, now: Any) -> None:
            self.requests.append((topic, position, loaded.status.state))
            start_manual(topic, loaded, position, now)

        offloading.start_manual = watched

    def start(self) -> "subprocess.Popen[str]":
        """One command, in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "offloadctl", *COMMAND, "--state", str(self.state)],
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def publish(self) -> None:
        """Some more closed ledgers in every topic."""
        for topic in TOPICS:
            fill(self.cluster, topic, entries=40)

    def history(self) -> SqliteHistory:
        """The journal, for reading."""
        return SqliteHistory(self.state)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    tuning = Tuning(upload_rate=1e9, upload_overhead=0.1, max_entries_per_ledger=20)
    with EmbeddedCluster(tuning=tuning, seed=1) as cluster:
        access_key, secret_key = cluster.credentials
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "OFFLOADCTL_ADMIN_URL": ",".join(cluster.admin_urls),
            "OFFLOADCTL_BUCKET": f"{cluster.bucket},endpoint={cluster.s3_endpoint}",
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": secret_key,
        }
        yield Scene(cluster, tmp_path / "state", environment)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_commands_that_are_killed_leave_nothing_that_the_next_one_does_not_end(scene: Scene) -> None:
    seed = int(os.environ.get("KILL_SEED", random.randrange(10**6)))
    print(f"KILL_SEED={seed}")
    chance = random.Random(seed)
    scene.publish()
    begun = time.monotonic()
    assert finished(scene.start()) == 0
    takes = time.monotonic() - begun

    kills, left = 0, Counter[str]()
    while kills < KILLS:
        scene.publish()
        processes = [scene.start() for _ in range(chance.choice([1, 2]))]
        if chance.random() < 0.5:
            await_a_request(scene, processes)
            time.sleep(chance.uniform(0, 0.5))
        else:
            # The first third of its time goes by before it opens the journal.
            time.sleep(takes * chance.uniform(0.3, 0.9))
        for process in processes[: chance.choice([1, len(processes)])]:
            process.kill()
            kills += 1
        for process in processes:
            finished(process)
        left[what_is_left(scene)] += 1
    print(f"{kills} kills; a command takes {takes:.1f} s; found afterwards: {dict(left)}")

    scene.publish()
    assert finished(scene.start()) == 0

    check_the_requests(scene)
    check_the_journal(scene)
    assert left["unfinished steps"] > 0, "no kill came while a request was at work"


def await_a_request(scene: Scene, processes: "list[subprocess.Popen[str]]") -> None:
    """Until one of them is at work on a topic, or all have ended."""
    history = scene.history()
    while any(process.poll() is None for process in processes):
        if any(history.is_alive(step.run_id) for step in history.unfinished("demo")):
            break
        time.sleep(0.02)
    history.close()


def finished(process: "subprocess.Popen[str]") -> int:
    _, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    return process.returncode


def what_is_left(scene: Scene) -> str:
    history = scene.history()
    try:
        if history.unfinished("demo"):
            return "unfinished steps"
        (run,) = history.runs(HistoryFilter(limit=1))
        return "a run without steps" if run.state is RunState.BROKEN_OFF else "nothing"
    finally:
        history.close()


def check_the_requests(scene: Scene) -> None:
    """Whatever was closed has moved; nobody asked while a run went on, and nobody asked for the same twice."""
    assert [request for request in scene.requests if request[2] is OffloadState.RUNNING] == []
    asked = Counter((topic, position) for topic, position, _ in scene.requests)
    assert [one for one, times in asked.items() if times > 1] == []
    with scene.cluster.cluster.lock:
        for topic in TOPICS:
            *closed, _ = scene.cluster.cluster.metadata[topic].ascending
            assert [ledger.ledger_id for ledger in closed if not ledger.is_offloaded] == []


def check_the_journal(scene: Scene) -> None:
    """Nothing is unfinished, what was judged says by whom, and every outcome is what the ledgers show."""
    history = scene.history()
    runs = history.runs(HistoryFilter())
    ids, sent = {run.run_id for run in runs}, set[tuple[TopicName, Position]]()
    assert history.unfinished("demo") == ()
    for run in runs:
        assert run.state is not RunState.GOING_ON
        for step in history.steps(run.run_id):
            assert step.state(is_alive=False) in (StepState.ENDED, StepState.NEVER_SENT)
            if step.sent_at is not None:
                sent.add((step.topic, step.plan.before))
            if step.end is None:
                continue
            not_moved = [one for one in step.end.ledgers if one.confirmation is Confirmation.NOT_MOVED]
            if step.end.outcome is Outcome.ABANDONED:
                assert not_moved
                assert step.end.judged_by in ids - {run.run_id}
            else:
                assert step.end.outcome in (Outcome.CONFIRMED, Outcome.NOTHING_TO_DO)
                assert not not_moved
    history.close()
    # Nothing was ever sent that is not in the journal.
    assert {(topic, position) for topic, position, _ in scene.requests} <= sent
