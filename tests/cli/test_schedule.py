"""`offloadctl schedule` on an embedded cluster: what is decided, done, written down and told; and without a cluster."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from offloadctl.adapters.pulsar_rest import PulsarRest
from offloadctl.adapters.system import SystemClock, this_process
from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.model.names import TopicName
from offloadctl.model.settings import Context
from offloadctl.report.schema import schema_of
from offloadctl.wiring import only_scheduler
from tests.cli.conftest import Command, Ran, fill

ROOT = Path(__file__).resolve().parents[2]
WHEN = "localBytes: {above: 1}"


def written(tmp_path: Path, topic: object, when: str = WHEN, more: str = "") -> str:
    path = tmp_path / "schedules.yaml"
    path.write_text(
        f"""
apiVersion: offloadctl/v1
kind: Schedule
name: grown
scope: {{topics: ["{topic}"]}}
when: {{{when}}}
action: {{offload: {{sizeThreshold: 0}}}}
{more}
"""
    )
    return str(path)


def checked(ran: Ran, kind: str) -> dict[str, Any]:
    document = ran.document
    assert document["kind"] == kind, ran.err
    jsonschema.validate(document, schema_of(kind), format_checker=jsonschema.FormatChecker())
    return document


def run(command: Command, file: str, *more: str) -> dict[str, Any]:
    return checked(command("schedule", "run", "grown", "-f", file, "-o", "json", *more), "ScheduleRun")


# -- run


def test_a_schedule_whose_condition_holds_offloads_and_its_run_can_be_explained(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    file = written(tmp_path, topic)

    done = run(command, file)

    assert (done["decision"]["decision"], done["topics"]) == ("fired", [str(topic)])
    assert done["result"]["exitCode"] == 0
    assert done["result"]["bytesMoved"] > 0
    assert [one.is_offloaded for one in connected.cluster.metadata[topic].ascending][:3] == [True] * 3
    explained = checked(command("schedule", "explain", done["runId"][-12:], "-o", "json"), "ScheduleExplanation")
    [seen] = explained["decision"]["when"]["seen"]
    assert seen["source"] == "pulsar_storage_logical_size - pulsar_storage_offloaded_size"
    assert explained["result"] == done["result"]
    [journal_run] = done["result"]["journalRuns"]
    runs = command("offload", "history", "--run", journal_run, "-o", "json").document["runs"]
    assert runs[0]["reason"] == f"schedule grown, run {done['runId']}"


def test_a_run_is_told_for_people_with_the_command_that_explains_it(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    done = command("schedule", "run", "grown", "-f", written(tmp_path, topic))

    assert done.code == 0, done.err
    assert "grown: fired" in done.out
    [told] = [line for line in done.out.splitlines() if "offloadctl schedule explain" in line]
    explained = command("schedule", "explain", told.split()[-1])
    assert "local bytes above 1 B" in explained.out
    assert f"{topic}".removeprefix("persistent://") in explained.out


def test_a_dry_run_decides_and_leaves_nothing_behind(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    looked = run(command, written(tmp_path, topic), "--dry-run", "--state", str(tmp_path / "state"))

    assert (looked["decision"]["decision"], looked["runId"], looked["result"]) == ("fired", None, None)
    assert not (tmp_path / "state").exists()
    assert not any(one.is_offloaded for one in connected.cluster.metadata[topic].ascending)


def test_a_closed_gate_holds_a_run_and_now_begins_it_all_the_same(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    file = written(tmp_path, topic, more="gates: [{brokerMemory: {above: 99%}}]")

    held = run(command, file)
    forced = run(command, file, "--now", "--reason", "CHANGE-7")

    assert (held["decision"]["decision"], held["runId"]) == ("held", None)
    assert [one["code"] for one in held["decision"]["reasons"]] == ["gate-closed", "condition"]
    assert (forced["decision"], forced["result"]["exitCode"]) == (None, 0)
    entries = command("schedule", "history", "-o", "json").document["entries"]
    assert [one["entry"] for one in entries] == ["schedule-result", "schedule-intent", "schedule-decided"]
    assert "CHANGE-7" in entries[1]["text"]


def test_an_unknown_number_does_not_fire_and_is_no_success(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    file = written(tmp_path, topic, when="bookieDisk: {above: 80%}")

    ran = command("schedule", "run", "grown", "-f", file)

    assert ran.code == 5
    assert "no bookie is known: set bookie_urls" in ran.flowing


def test_nothing_to_do_is_fine(command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path) -> None:
    ran = command("schedule", "run", "grown", "-f", written(tmp_path, topic, when="localBytes: {above: 1T}"))

    assert ran.code == 0
    assert "grown: quiet" in ran.out


def test_a_topic_that_is_not_there_is_no_evaluation(
    command: Command, connected: EmbeddedCluster, tmp_path: Path
) -> None:
    ran = command("schedule", "run", "grown", "-f", written(tmp_path, "acme/shop/nowhere"))

    assert ran.code == 1
    assert "not evaluated" in ran.out


@pytest.mark.parametrize("name", ["run", "resume"])
def test_a_read_only_context_is_left_alone(
    command: Command, connected: EmbeddedCluster, tmp_path: Path, name: str
) -> None:
    file = written(tmp_path, "acme/shop/x")

    ran = command("schedule", name, "grown", "-f", file, "--read-only")

    assert ran.code == 6


def test_a_second_process_is_told_that_it_is_one_too_many(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    with only_scheduler(Context("x", state=tmp_path / "state")):
        ran = command("schedule", "run", "grown", "-f", written(tmp_path, topic), "--state", str(tmp_path / "state"))

    assert ran.code == 8
    assert this_process().words in ran.err


def test_a_state_that_cannot_be_written_stops_a_run_before_anything_is_sent(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    ran = command("schedule", "run", "grown", "-f", written(tmp_path, topic), "--state", str(tmp_path / "file"))

    assert ran.code == 1
    assert not any(one.is_offloaded for one in connected.cluster.metadata[topic].ascending)


def test_a_run_that_fails_says_so_and_counts_as_its_end(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    file = written(tmp_path, topic, when='cron: "* * * * *"')
    fill(connected, topic)

    forced = command(
        "schedule", "run", "grown", "-f", file, "--now", "-o", "json", "--bucket", "nowhere,endpoint=http://127.0.0.1:1"
    )

    assert forced.code != 0
    assert forced.document["result"]["exitCode"] == forced.code
    listed = checked(command("schedule", "list", "-f", file, "-o", "json"), "ScheduleList")
    assert listed["schedules"][0]["lastResult"]["exitCode"] == forced.code
    assert listed["schedules"][0]["running"] is None


# -- pauses


def test_a_pause_holds_runs_until_it_is_taken_back(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    file = written(tmp_path, topic)

    paused = command("schedule", "pause", "grown", "-f", file, "--until", "2h", "--reason", "CHANGE-7", "-o", "json")
    held = run(command, file)
    listed = command("schedule", "list", "-f", file)
    command("schedule", "resume", "grown", "-f", file)
    fired = run(command, file, "--dry-run")

    assert checked(paused, "SchedulePauseChange")["paused"] is True
    assert [one["code"] for one in held["decision"]["reasons"]] == ["paused"]
    assert "CHANGE-7" in listed.out
    assert fired["decision"]["decision"] == "fired"


def test_all_schedules_are_paused_without_a_file(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    command("schedule", "pause", "--all")

    held = run(command, written(tmp_path, topic))

    assert held["decision"]["decision"] == "held"


def test_what_is_not_paused_is_not_resumed(command: Command, tmp_path: Path) -> None:
    file, state = written(tmp_path, "acme/shop/orders"), ("--state", str(tmp_path / "state"))
    own = ("grown", "-f", file)
    command("schedule", "pause", *own, "--until", "30m", *state)

    told = [command("schedule", "resume", *which, *state).out for which in (("--all",), ("--all",), own)]

    assert told[0].startswith("all schedules: resumed by ")
    assert told[1:] == [
        "all schedules: not paused: nothing was resumed, and nothing was written down\n",
        "grown: not paused: nothing was resumed, and nothing was written down\n",
    ]
    entries = command("schedule", "history", "-o", "json", *state).document["entries"]
    assert [one["entry"] for one in entries] == ["schedule-resumed", "schedule-paused"]


def test_a_schedule_that_has_not_run_is_not_taken_for_a_run(command: Command, tmp_path: Path) -> None:
    ran = command("schedule", "explain", "grown", "--state", str(tmp_path / "state"))

    assert ran.code == 2
    assert "no schedule 'grown' that has run so far" in ran.err
    assert "offloadctl schedule list" in ran.err


def test_history_is_asked_of_a_schedule_by_its_name(command: Command, tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state"))
    command("schedule", "pause", "--all", *state)
    command("schedule", "pause", "grown", "-f", written(tmp_path, "acme/shop/orders"), *state)

    by_name = command("schedule", "history", "grown", "-o", "json", *state).document["entries"]

    assert [one["schedule"] for one in by_name] == ["grown"]
    assert command("schedule", "history", "grown", "--schedule", "other", *state).code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["pause"],
        ["pause", "grown"],
        ["pause", "grown", "--all", "-f", "FILE"],
        ["pause", "other", "-f", "FILE"],
        ["pause", "grown", "-f", "FILE", "--until", "2020-01-01"],
        ["pause", "grown", "-f", "FILE", "--until", "soon"],
        ["run", "other", "-f", "FILE"],
        ["run", "grown", "-f", "nowhere.yaml"],
        ["history", "--since", "ever"],
        ["simulate", "-f", "FILE"],
        ["simulate", "-f", "FILE", "--from-file", "nowhere.ndjson"],
        ["simulate", "-f", "FILE", "--from-prometheus", "localhost"],
        ["simulate", "-f", "FILE", "--from-file", "FILE", "--every", "0s"],
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(command: Command, tmp_path: Path, arguments: list[str]) -> None:
    file = written(tmp_path, "acme/shop/x")

    ran = command("schedule", *(file if one == "FILE" else one for one in arguments))

    assert ran.code == 2, ran.err


# -- files


def test_a_mistake_is_told_with_its_line(command: Command, tmp_path: Path) -> None:
    file = written(tmp_path, "acme/shop/x", when="localBytes: {abve: 1}")

    ran = command("schedule", "validate", "-f", file)

    assert ran.code == 2
    assert "schedules.yaml, line 6" in ran.err


def test_a_file_without_mistakes_is_fine(command: Command, tmp_path: Path) -> None:
    ran = command("schedule", "validate", "-f", written(tmp_path, "acme/shop/x"), "-o", "json")

    assert checked(ran, "ScheduleValidation")["schedules"] == ["grown"]


def test_the_file_of_the_documentation_is_one(command: Command, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "schedules.md").read_text(encoding="utf-8")
    path = tmp_path / "schedules.yaml"
    path.write_text(page.split("```yaml\n")[1].split("```")[0])

    ran = command("schedule", "validate", "-f", str(path))

    assert ran.out == f"{path}: 2 schedules: shop-grows, nightly-check\n"


# -- simulate


def numbers(tmp_path: Path, *values: float | None) -> str:
    path = tmp_path / "numbers.ndjson"
    lines = [
        {"at": f"2026-11-24T0{hour}:00:00Z", "measure": "bookie-disk", "subject": "bookie-0", "value": value}
        for hour, value in enumerate(values)
    ]
    path.write_text("# recorded by hand\n" + "\n".join(map(json.dumps, lines)))
    return str(path)


def test_a_simulation_needs_no_cluster_and_tells_what_would_have_fired_and_why(
    command: Command, tmp_path: Path
) -> None:
    file = written(tmp_path, "acme/shop/x", when="bookieDisk: {above: 80%}", more="coolDown: 30m")
    recorded = numbers(tmp_path, 0.7, 0.85, None, 0.9)

    ran = command("schedule", "simulate", "-f", file, "--from-file", recorded, "--every", "1h", "-o", "json")

    [one] = checked(ran, "ScheduleSimulation")["schedules"]
    assert one["counts"] == {"fired": 2, "quiet": 1, "unknown": 1}
    assert [(two["at"][11:13], two["decision"]) for two in one["decisions"]] == [
        ("00", "quiet"),
        ("01", "fired"),
        ("02", "unknown"),
        ("03", "fired"),
    ]
    told = command("schedule", "simulate", "-f", file, "--from-file", recorded, "--every", "1h")
    assert "bookie disk above 80 %: 85 % (bookie-0), by recorded" in told.flowing
    lines = command("schedule", "simulate", "-f", file, "--from-file", recorded, "--every", "1h", "-o", "ndjson")
    assert [json.loads(line)["kind"] for line in lines.out.splitlines()] == ["ScheduleDecision"] * 4


# -- interrupted


def test_a_run_that_was_interrupted_is_gone_on_with_by_the_next_evaluation(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, topic)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SystemClock, "sleep", interrupt)
        patch.setattr(PulsarRest, "offload_status", interrupt)
        first = command("schedule", "run", "grown", "-f", file)
    second = command("schedule", "run", "grown", "-f", file, "-o", "json")

    assert first.code == 130, first.err
    assert "begins the run again" in first.out
    [resumed] = second.document["resumed"]
    assert (resumed in first.out, second.code) == (True, 0)
    explained = command("schedule", "explain", resumed, "-o", "json").document
    assert [one["attempt"] for one in explained["attempts"]] == [1, 2]
    assert explained["result"]["exitCode"] == 0


def test_a_protected_context_is_changed_only_if_it_is_named(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFLOADCTL_PROTECTED", "true")
    file = written(tmp_path, topic)

    refused = command("schedule", "run", "grown", "-f", file)
    looked = command("schedule", "run", "grown", "-f", file, "--dry-run")
    paused = command("schedule", "pause", "grown", "-f", file)
    resumed = command("schedule", "resume", "grown", "-f", file)

    assert [one.code for one in (refused, looked, paused, resumed)] == [6, 0, 0, 6]
