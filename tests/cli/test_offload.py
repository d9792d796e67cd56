"""`offload topic`, `offload status`, `offload-status`: from the command line to a cluster over HTTP and back."""

import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any

import jsonschema
import pytest
import yaml

from offloadctl.cli.app import run
from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.demo.faults import Fault
from offloadctl.model.names import TopicName
from offloadctl.report.schema import schema_of
from tests.cli.conftest import Command, fill, loads, make_idle, show_on_the_list
from tests.command_line import ROOT


def in_bucket(embedded: EmbeddedCluster, topic: TopicName) -> int:
    """How many objects of the topic's ledgers there are."""
    with embedded.cluster.lock:
        metadata = embedded.cluster.metadata[topic]
        uuids = {str(ledger.context.uuid) for ledger in metadata.ledgers.values() if ledger.context is not None}
    return sum(info.key[:36] in uuids for info in embedded.store.list())


def offloaded(embedded: EmbeddedCluster, topic: TopicName) -> list[bool]:
    with embedded.cluster.lock:
        return [ledger.is_offloaded for ledger in embedded.cluster.metadata[topic].ascending]


def test_a_topic_is_offloaded_and_confirmed(command: Command, connected: EmbeddedCluster, topic: TopicName) -> None:
    ran = command("offload", "topic", str(topic), "-s", "0")

    assert ran.code == 0
    assert "confirmed" in ran.out
    assert "moved 3 ledgers" in ran.flowing
    assert offloaded(connected, topic) == [True, True, True, False]
    assert in_bucket(connected, topic) == 6


def test_a_dry_run_sends_nothing(command: Command, connected: EmbeddedCluster, topic: TopicName) -> None:
    ran = command("offload", "topic", str(topic), "--size-threshold", "30K", "--dry-run")

    assert ran.code == 0
    assert "would move 2 ledgers" in ran.flowing
    assert "kept 1 ledger, 20 KiB and the open ledger, of unknown size" in ran.flowing
    assert in_bucket(connected, topic) == 0


def test_offloading_twice_finds_nothing_to_do(command: Command, connected: EmbeddedCluster, topic: TopicName) -> None:
    command("offload", "topic", str(topic), "-s", "0")

    ran = command("offload", "topic", str(topic), "-s", "0")

    assert ran.code == 0
    assert "nothing-to-do" in ran.out
    assert "already offloaded" in ran.out


def test_by_age_what_is_old_enough_moves(command: Command, connected: EmbeddedCluster, topic: TopicName) -> None:
    young = command("offload", "topic", str(topic), "--older-than", "1h", "-n", "-o", "json")
    old = command("offload", "topic", str(topic), "--older-than", "0", "-n", "-o", "json")

    assert young.document["summary"]["ledgersToMove"] == 0
    assert old.document["summary"]["ledgersToMove"] == 3


def test_without_a_bucket_done_is_not_confirmed(
    command: Command, connected: EmbeddedCluster, topic: TopicName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OFFLOADCTL_BUCKET")

    ran = command("offload", "topic", str(topic), "-s", "0")

    assert ran.code == 5
    assert "done-not-confirmed" in ran.out


def test_no_wait_reports_acceptance_only(command: Command, connected: EmbeddedCluster, topic: TopicName) -> None:
    ran = command("offload", "topic", str(topic), "-s", "0", "--no-wait", "-o", "json")

    assert ran.code == 0
    assert ran.document["summary"]["outcomes"] == {"accepted": 1}
    assert ran.document["summary"]["ledgersConfirmed"] == 0


@pytest.mark.parametrize(
    ("fault", "code", "word"),
    [
        (Fault.TRUNCATED_LEDGER, 4, "truncated"),
        (Fault.LOST_OBJECT, 4, "data-missing"),
        (Fault.LOST_INDEX, 4, "index-missing"),
        (Fault.CRASH_BEFORE_INDEX, 1, "unloaded"),
        (Fault.STUCK_RUNNING, 7, "timed-out"),
    ],
    ids=str,
)
def test_each_fault_is_told_by_words_and_exit_code(
    command: Command, connected: EmbeddedCluster, fault: Fault, code: int, word: str
) -> None:
    name = TopicName("acme", "faults", fault.value)
    fill(connected, name)
    connected.cluster.faults.plant(fault, topic=name, count=1)

    ran = command("offload", "topic", str(name), "-s", "0", "--timeout", "2s")

    assert ran.code == code
    assert word in ran.out


def test_a_run_of_which_nothing_moves_is_given_up_and_its_status_says_how_it_stands(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    connected.cluster.faults.plant(Fault.STALLED_UPLOAD, topic=topic, count=1)

    ran = command("offload", "topic", str(topic), "-s", "0", "--stall-timeout", "1s")
    show_on_the_list(connected)
    status = command("offload", "status", str(topic))
    document = command("offload", "status", str(topic), "-o", "json").document["topics"][0]["statuses"][0]

    assert ran.code == 7
    assert "stalled" in ran.out
    assert "is open and has no part yet" in ran.flowing
    assert "is open and has no part yet" in status.flowing
    assert (document["standing"]["uploadOpen"], document["standing"]["parts"]) == (True, 0)
    # Its thread is held as long as the cluster lives.
    with connected.cluster.lock:
        connected.cluster.crash_broker(connected.cluster.owner_of(topic))


def test_a_broker_that_answers_503_at_first_is_asked_again(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    connected.cluster.faults.plant(Fault.UNAVAILABLE, count=2)

    assert command("offload", "topic", str(topic), "-s", "0").code == 0


def test_a_partitioned_topic_is_reported_under_one_heading(command: Command, connected: EmbeddedCluster) -> None:
    parent = TopicName("acme", "shop", "parted")
    with connected.cluster.lock:
        connected.cluster.create_partitioned_topic(parent, 3)
    for number in range(3):
        fill(connected, parent.with_partition(number), entries=25 + 20 * number)

    ran = command("offload", "topic", str(parent), "-s", "0", "-o", "json")

    (topic,) = ran.document["topics"]
    assert topic["partitions"] == 3
    assert [result["plan"]["ledgersToMove"] for result in topic["results"]] == [1, 2, 3]
    assert ran.document["summary"]["outcomes"] == {"confirmed": 3}


def test_a_partition_that_is_named_beside_its_topic_counts_once(command: Command, connected: EmbeddedCluster) -> None:
    parent = TopicName("acme", "shop", "twice")
    with connected.cluster.lock:
        connected.cluster.create_partitioned_topic(parent, 2)
    fill(connected, parent.with_partition(0))
    connected.cluster.faults.plant(Fault.LOST_OBJECT, topic=parent.with_partition(0), count=1)

    ran = command("offload", "topic", str(parent), f"{parent}-partition-0", "-s", "0", "-o", "json")

    assert ran.code == 4
    assert ran.document["summary"]["outcomes"]["damaged"] == 1
    assert ran.document["summary"]["results"] == 2


def test_one_partition_can_be_named(command: Command, connected: EmbeddedCluster) -> None:
    parent = TopicName("acme", "shop", "named")
    with connected.cluster.lock:
        connected.cluster.create_partitioned_topic(parent, 2)
    fill(connected, parent.with_partition(1))

    ran = command("offload", "topic", f"{parent}-partition-1", "-s", "0", "-o", "json")

    assert ran.document["summary"]["outcomes"] == {"confirmed": 1}


def test_a_topic_that_is_not_there_fails_beside_one_that_is(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    ran = command("offload", "topic", "acme/shop/nowhere", str(topic), "-s", "0")

    assert ran.code == 1
    assert "not found" in ran.out
    assert "confirmed" in ran.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["acme/shop/x"], "say what should move"),
        (["acme/shop/x", "-s", "10MB"], "'10MB' is not a size"),
        (["acme/shop/x", "-s", "-1"], "keeps less than nothing"),
        (["acme/shop/x", "--older-than", "soon"], "'soon' is not a duration"),
        (["non-persistent://acme/shop/x", "-s", "0"], "non-persistent topic"),
        (["acme/cluster/shop/x", "-s", "0"], "more than three parts"),
        (["acme/shop/__change_events", "-s", "0"], "system topic"),
        (["acme/shop/x", "-s", "0", "--timeout", "-1"], "not a duration"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input_is_refused_before_anything_is_sent(
    command: Command, connected: EmbeddedCluster, arguments: list[str], message: str
) -> None:
    before = loads(connected)

    ran = command("offload", "topic", *arguments)

    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert "hint:" in ran.err
    assert loads(connected) == before


def test_a_read_only_context_refuses_and_still_plans(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    refused = command("offload", "topic", str(topic), "-s", "0", "--read-only")
    planned = command("offload", "topic", str(topic), "-s", "0", "--read-only", "--dry-run")

    assert refused.code == 6
    assert planned.code == 0
    assert in_bucket(connected, topic) == 0


@pytest.mark.parametrize(
    ("version", "warned"), [("4.0.7", False), ("4.0.99", False), ("5.1.0", True), ("nightly", True)]
)
def test_a_version_that_nobody_tried_is_a_warning_and_no_obstacle(
    command: Command,
    connected: EmbeddedCluster,
    topic: TopicName,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    warned: bool,
) -> None:
    monkeypatch.setattr(connected.cluster, "version", version)

    ran = command("offload", "topic", str(topic), "-s", "0")

    assert ran.code == 0
    assert (f"warning: the broker is Pulsar {version}" in ran.err) is warned


def test_another_cluster_is_refused(command: Command, connected: EmbeddedCluster, topic: TopicName) -> None:
    ran = command("offload", "topic", str(topic), "-s", "0", "--cluster", "elsewhere")

    assert ran.code == 6
    assert "elsewhere" in ran.err
    assert in_bucket(connected, topic) == 0


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_the_document_keeps_its_schema_and_stdout_holds_nothing_else(
    command: Command, connected: EmbeddedCluster, topic: TopicName, output: str
) -> None:
    ran = command("offload", "topic", str(topic), "-s", "0", "-n", "-o", output)

    document = yaml.safe_load(ran.out) if output == "yaml" else json.loads(ran.out)
    jsonschema.validate(document, schema_of("OffloadRun"))


def test_ndjson_is_one_document_a_line(command: Command, connected: EmbeddedCluster, topic: TopicName) -> None:
    ran = command("offload", "topic", str(topic), "acme/shop/nowhere", "-s", "0", "-n", "-o", "ndjson")

    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [line["kind"] for line in lines] == ["OffloadResult"] * 2
    for line in lines:
        jsonschema.validate(line, schema_of("OffloadResult"))


PROBE = """
import sys
from offloadctl.__main__ import main
try:
    main()
finally:
    print(*sorted(sys.modules), file=sys.stderr)
"""
NOT_FOR_A_STATUS = {
    "boto3",
    "google.protobuf",
    "sqlite3",
    "offloadctl.check.catalogue",
    "offloadctl.cli.offload_run",
    "offloadctl.model.journal",
    "offloadctl.operations.offload",
    "offloadctl.report.documents",
    "rich.progress",
}


def test_a_status_without_a_bucket_loads_only_what_it_needs(connected: EmbeddedCluster, topic: TopicName) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OFFLOADCTL_BUCKET"}

    done = subprocess.run(
        [sys.executable, "-c", PROBE, "offload", "status", "--load-topics", str(topic)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert "NOT_RUN" in done.stdout
    assert NOT_FOR_A_STATUS & set(done.stderr.split()) == set()


def test_progress_is_on_stderr_as_plain_lines(command: Command, connected: EmbeddedCluster, topic: TopicName) -> None:
    ran = command("offload", "topic", str(topic), "-s", "0")

    assert f"{topic}: accepted: 3 ledgers" in ran.err
    assert "\x1b[" not in ran.err + ran.out


def test_the_status_shows_claim_and_truth(command: Command, connected: EmbeddedCluster, topic: TopicName) -> None:
    command("offload", "topic", str(topic), "-s", "0")
    show_on_the_list(connected)

    ran = command("offload", "status", str(topic))

    assert ran.code == 0
    assert "broker says SUCCESS" in ran.flowing
    assert "offloaded 3 ledgers" in ran.flowing
    assert "as the bucket tells" in ran.flowing


def test_the_alias_takes_pulsar_admins_flag_and_waits(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    command("offload", "topic", str(topic), "-s", "0", "--no-wait")

    ran = command("offload-status", "-w", str(topic), "-o", "json")

    status = ran.document["topics"][0]["statuses"][0]
    assert ran.code == 0
    assert status["brokerStatus"]["state"] == "SUCCESS"
    assert status["offloaded"]["ledgers"] == 3


def test_waiting_for_a_run_that_never_ends_times_out(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    connected.cluster.faults.plant(Fault.STUCK_RUNNING, topic=topic, count=1)
    command("offload", "topic", str(topic), "-s", "0", "--no-wait")

    ran = command("offload-status", "-w", str(topic), "--timeout", "1s")

    assert ran.code == 7
    assert "RUNNING" in ran.out


def test_the_report_of_an_interrupted_run_names_its_cluster_too(
    command: Command, connected: EmbeddedCluster, topic: TopicName, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected.cluster.faults.plant(Fault.STUCK_RUNNING, topic=topic, count=1)
    start = connected.cluster.offloading.start_manual

    def started(*arguments: Any) -> None:
        start(*arguments)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(connected.cluster.offloading, "start_manual", started)

    ran = command("offload", "topic", str(topic), "-s", "0", "-o", "json")

    assert (ran.code, ran.document["cluster"]) == (143, connected.cluster.name)
    assert ran.document["topics"][0]["results"][0]["outcome"] == "interrupted"


READING = [
    ("offload", "status", "{}"),
    ("offload", "status", "{}", "-o", "json"),
    ("offload-status", "{}"),
    ("offload", "topic", "{}", "-s", "0", "--dry-run"),
]


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_reading_loads_no_idle_topic(command: Command, connected: EmbeddedCluster, arguments: tuple[str, ...]) -> None:
    idle = TopicName("acme", "idle", "topic-" + str(READING.index(arguments)))
    fill(connected, idle)
    make_idle(connected, idle)
    before = loads(connected)

    ran = command(*(argument.format(idle) for argument in arguments))

    assert ran.code == 0
    assert loads(connected) == before


@pytest.mark.parametrize("arguments", [("status", "{}"), ("topic", "{}", "-s", "0", "-n")], ids=" ".join)
def test_an_idle_topic_is_loaded_when_it_is_asked_for(
    command: Command, connected: EmbeddedCluster, arguments: tuple[str, ...]
) -> None:
    idle = TopicName("acme", "idle", f"loaded-by-{arguments[0]}")
    fill(connected, idle)
    make_idle(connected, idle)
    before = loads(connected)

    ran = command("offload", *(argument.format(idle) for argument in arguments), "--load-topics")

    assert ran.code == 0
    assert loads(connected) == before + 1


def test_a_topic_of_the_other_broker_is_found_by_redirect(
    command: Command, connected: EmbeddedCluster, topic: TopicName, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connected.cluster.lock:
        owner = connected.cluster.owner_of(topic)
    (other,) = (url for url in connected.admin_urls if not url.endswith(owner))
    monkeypatch.setenv("OFFLOADCTL_ADMIN_URL", other)

    assert command("offload", "topic", str(topic), "-s", "0").code == 0


def test_an_unreachable_broker_is_told_with_a_hint(command: Command, connected: EmbeddedCluster) -> None:
    ran = command("offload", "status", "acme/shop/x", "--admin-url", "http://127.0.0.1:1", "-o", "json")

    assert ran.code == 1
    assert ran.document["topics"][0]["unread"][0]["code"] == "broker-unreachable"


def test_two_commands_at_once_do_not_move_anything_twice(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    codes: list[int] = []
    both = [
        threading.Thread(target=lambda: codes.append(run(["offload", "topic", str(topic), "-s", "0"])))
        for _ in range(2)
    ]
    for one in both:
        one.start()
    for one in both:
        one.join()

    assert codes == [0, 0]
    assert in_bucket(connected, topic) == 6


@pytest.mark.parametrize("output", ["json", "ndjson", "yaml"])
def test_documents_can_be_read_from_a_stdout_that_knows_ascii_only(connected: EmbeddedCluster, output: str) -> None:
    name = TopicName("acme", "shop", f"zähler-😀-{output}")
    fill(connected, name)

    ran = subprocess.run(
        [sys.executable, "-m", "offloadctl", "offload", "topic", str(name), "-s", "0", "-n", "-o", output],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=60,
        check=True,
    )

    text = ran.stdout.decode("ascii")
    document = yaml.safe_load(text) if output == "yaml" else json.loads(text)
    assert str(name) in json.dumps(document, ensure_ascii=False)
