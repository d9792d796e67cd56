"""Schedules that compare with what is usual: from one command to the next, by `usual.sqlite`."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from offloadctl.adapters.sqlite_file import SqliteFile
from offloadctl.adapters.sqlite_usual import USUAL, USUAL_FILE, WHAT, SqliteUsual
from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.model.measures import UsualKey
from offloadctl.model.names import TopicName
from offloadctl.plan.baseline import Baseline
from tests.cli.conftest import Command
from tests.sockets import answering, http

HOUR = timedelta(hours=1)


def written(tmp_path: Path, topic: TopicName) -> str:
    path = tmp_path / "schedules.yaml"
    path.write_text(
        f"""
apiVersion: offloadctl/v1
kind: Schedule
name: unusual
scope: {{topics: ["{topic}"]}}
when: {{localBytes: {{aboveUsual: 4, timeZone: Europe/Berlin}}}}
action: {{offload: {{sizeThreshold: 0}}}}
"""
    )
    return str(path)


def answer(kind: str, result: object) -> bytes:
    return http(json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode())


def test_what_was_learnt_lets_the_next_command_fire(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    file, state = written(tmp_path, topic), tmp_path / "state"
    run = ("schedule", "run", "unusual", "-f", file, "--state", str(state))

    cold = command(*run)
    stored = SqliteFile(state / USUAL_FILE, USUAL, what=WHAT)
    [key] = SqliteUsual(stored).load()
    baseline, now = Baseline(), datetime.now(UTC)
    for hours in range(100, 0, -1):
        baseline.observe(now - hours * HOUR, 1.0)
    SqliteUsual(stored).save({key: baseline.to_bytes()}, ())
    stored.close()
    fired = command(*run, "--dry-run", "-o", "json")
    (state / USUAL_FILE).write_bytes(b"no database, but as long as one has to be" * 40)
    damaged = command(*run, "--dry-run")

    assert (cold.code, fired.code, damaged.code) == (5, 0, 5)
    assert key == UsualKey("local-bytes", str(topic), "Europe/Berlin")
    assert "0 hours of 3 days are known" in cold.flowing
    decision = json.loads(fired.out)["decision"]
    assert decision["decision"] == "fired"
    assert decision["when"]["seen"][0]["why"] == "usual at this hour: 1 B"
    assert "what is usual:" in damaged.err
    assert "the memory of what is usual is damaged" in damaged.err.replace("\n", " ")


def test_what_prometheus_has_recorded_is_learnt_and_kept(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    file, state = written(tmp_path, topic), tmp_path / "state"
    now, labels = datetime.now(UTC).timestamp(), {"topic": str(topic), "instance": "broker:8080"}
    points = [[now - minutes * 60, "700"] for minutes in range(300, 0, -10)]
    answers = [answer("vector", []), answer("matrix", [{"metric": labels, "values": points}])]
    learn = ("schedule", "learn", "-f", file, "--state", str(state), "--since", "5h")

    with answering(*answers) as prometheus:
        tried = command(*learn, "--from-prometheus", prometheus.url, "--dry-run")
    was_written = (state / USUAL_FILE).exists()
    with answering(*answers) as prometheus:
        learnt = command(*learn, "--from-prometheus", prometheus.url, "-o", "json")
    with answering(answer("vector", [])) as prometheus:
        again = command(*learn, "--from-prometheus", prometheus.url)
    stored = SqliteFile(state / USUAL_FILE, USUAL, what=WHAT, read_only=True)
    [(key, data)] = SqliteUsual(stored).load().items()
    stored.close()

    assert (tried.code, learnt.code, was_written) == (0, 0, False), tried.err + learnt.err
    assert "nothing was written down (--dry-run)" in tried.out
    document = json.loads(learnt.out)
    [number] = document["numbers"]
    assert (document["kind"], document["requests"], document["dryRun"]) == ("ScheduleLearning", 2, False)
    assert (number["learning"], number["zone"]) == ("learnt", "Europe/Berlin")
    assert Baseline.from_bytes(data).known_hours == number["hours"] >= 4
    assert key == UsualKey("local-bytes", str(topic), "Europe/Berlin")
    assert again.code == 0
    assert "Prometheus has 0 hours of it" in again.flowing


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--from-prometheus", "http://127.0.0.1:1", "--every", "2h"],
        ["--from-prometheus", "http://127.0.0.1:1", "--since", "2999-01-01"],
        ["nobody", "--from-prometheus", "http://127.0.0.1:1"],
    ],
)
def test_nothing_can_be_learnt_without_anybody_to_ask_or_of_no_time(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path, arguments: list[str]
) -> None:
    ran = command("schedule", "learn", *arguments, "-f", written(tmp_path, topic), "--state", str(tmp_path / "state"))

    assert ran.code == 2, ran.err
