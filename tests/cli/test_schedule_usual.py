"""Schedules that compare with what is usual: from one command to the next, by `usual.sqlite`."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from offloadctl.adapters.sqlite_file import SqliteFile
from offloadctl.adapters.sqlite_usual import USUAL, USUAL_FILE, WHAT, SqliteUsual
from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.model.measures import UsualKey
from offloadctl.model.names import TopicName
from offloadctl.plan.baseline import Baseline
from tests.cli.conftest import Command

HOUR = timedelta(hours=1)


def test_what_was_learnt_lets_the_next_command_fire(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    file, state = tmp_path / "schedules.yaml", tmp_path / "state"
    file.write_text(
        f"""
apiVersion: offloadctl/v1
kind: Schedule
name: unusual
scope: {{topics: ["{topic}"]}}
when: {{localBytes: {{aboveUsual: 4}}}}
action: {{offload: {{sizeThreshold: 0}}}}
"""
    )
    run = ("schedule", "run", "unusual", "-f", str(file), "--state", str(state))

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
    assert key == UsualKey("local-bytes", str(topic))
    assert "0 hours of 3 days are known" in cold.flowing
    decision = json.loads(fired.out)["decision"]
    assert decision["decision"] == "fired"
    assert decision["when"]["seen"][0]["why"] == "usual at this hour: 1 B"
    assert "what is usual:" in damaged.err
    assert "the memory of what is usual is damaged" in damaged.err.replace("\n", " ")
