"""`offloadctl schedule run` of schedules that roll over or trim: by leave alone, shown before, written down."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.exitcodes import ExitCode
from offloadctl.model.names import TopicName
from offloadctl.report.schema import schema_of
from tests.cli.conftest import Command, lose_an_object

TRIM, ROLL_OVER = "trim: {loadTopics: true}", "rollOver: {idleFor: 1s, loadTopics: true}"


def written(tmp_path: Path, action: str, *topics: TopicName) -> tuple[str, ...]:
    path = tmp_path / "schedules.yaml"
    names = ", ".join(f'"{one}"' for one in topics)
    path.write_text(
        f"""
apiVersion: offloadctl/v1
kind: Schedule
name: care
scope: {{topics: [{names}]}}
when: {{localBytes: {{above: 1}}}}
action: {{{action}}}
"""
    )
    return ("schedule", "run", "care", "-f", str(path), "--state", str(tmp_path / "state"))


def would(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    jsonschema.validate(document, schema_of("ScheduleRun"))
    found = document["would"]["topics"]
    return [(one["topic"].rpartition("/")[2], one["state"], one["code"]) for one in found]


def offload_all(command: Command, connected: EmbeddedCluster, topic: TopicName) -> None:
    assert command("offload", "topic", str(topic), "-s", "0").code == 0
    with connected.cluster.lock:
        connected.cluster.topic_policies[topic] = {"managedLedgerOffloadDeletionLagInMillis": 0}


@pytest.mark.parametrize("action", [TRIM, ROLL_OVER])
def test_without_leave_nothing_is_asked_of_anybody_and_the_way_out_is_named(
    action: str, command: Command, tmp_path: Path
) -> None:
    run = written(tmp_path, action, TopicName("acme", "shop", "any"))

    refused = command(*run)
    served = command("serve", "-f", run[4], "--state", str(tmp_path / "state"), "--admin-url", "http://nowhere.invalid")
    misspelt = command(*run, "--allow", "trim,everything")

    assert (refused.code, misspelt.code) == (ExitCode.REFUSED, ExitCode.USAGE)
    assert f"--allow {'trim' if action == TRIM else 'roll-over'}" in refused.err
    assert served.code == ExitCode.REFUSED
    assert not (tmp_path / "state").exists()


def test_leave_is_not_enough_in_a_context_that_is_read_only(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    ran = command(*written(tmp_path, ROLL_OVER, topic), "--allow", "roll-over,trim", "--read-only")

    assert ran.code == ExitCode.REFUSED
    assert connected.cluster.metadata[topic].last.entry_count == 5


def test_an_idle_topic_is_shown_then_rolled_over_and_the_journal_keeps_it(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    run = written(tmp_path, ROLL_OVER, topic)
    with connected.cluster.lock:
        last = connected.cluster.metadata[topic].last
        connected.cluster.metadata[topic].modified_at -= connected.cluster.tuning.trim_interval
        connected.cluster.unload(topic)

    looked = command(*run, "--dry-run", "-o", "json").document
    told = command(*run, "--dry-run")
    was_open = last.closed_at is None
    done = command(*run, "--allow", "roll-over", "-o", "json").document

    assert would(looked) == [(topic.local_name, "planned", "load")]
    assert was_open
    assert "roll-over would come to" in told.out
    assert (done["result"]["summary"], done["result"]["exitCode"]) == ("roll-over: 1 done", 0)
    assert last.closed_at is not None
    notes = command("offload", "history", "--state", str(tmp_path / "state"), "-o", "json").document["notes"]
    assert [(one["note"], one["facts"]["topic"]) for one in notes] == [("roll-over", str(topic))] * 2
    assert [one["facts"]["state"] for one in notes] == ["done", "planned"]
    assert {one["runId"] for one in notes} == {done["runId"]}


def test_only_what_is_proved_is_trimmed_and_the_refusal_is_told(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    run = written(tmp_path, TRIM, topic)
    offload_all(command, connected, topic)
    ledgers = connected.cluster.metadata[topic].ascending

    looked = command(*run, "--now", "--dry-run", "-o", "json")
    kept, left_behind = [one.in_bookkeeper for one in ledgers], list(tmp_path.glob("state/*"))
    lose_an_object(connected, topic)
    refused = command(*run, "--now", "--allow", "trim", "-o", "json")

    assert would(looked.document) == [(topic.local_name, "planned", "due")]
    assert left_behind == []
    assert kept == [one.in_bookkeeper for one in ledgers] == [True] * 4
    assert refused.code == ExitCode.REFUSED
    assert "a check found damage" in refused.document["result"]["summary"]
    notes = command("offload", "history", "--state", str(tmp_path / "state"), "-o", "json").document["notes"]
    assert [(one["note"], one["facts"]["state"]) for one in notes] == [("trim", "refused")]
