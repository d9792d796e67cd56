"""A real Prometheus that scrapes a real broker, its bookie and `serve`: schedules go by what it has, and replay it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import requests
import yaml

from offloadctl.adapters.cluster_numbers import PulsarNumbers
from offloadctl.adapters.promql import Prometheus as Queries
from offloadctl.adapters.system import SystemClock
from offloadctl.errors import BadValue
from offloadctl.model.measures import Measure, Number
from offloadctl.model.schedule import Comparison, Direction
from offloadctl.model.settings import BrokerSettings
from offloadctl.operations.collect_bulk import disks
from offloadctl.plan.promql_measures import expression_of, subject_of
from tests.command_line import run_process
from tests.integration.command import Offloadctl
from tests.integration.conftest import TopicMaker
from tests.integration.containers import Cluster, free_port
from tests.integration.ledgers import closed_ledger, offloaded_ledgers
from tests.integration.messages import publish_payloads
from tests.integration.prometheus import Prometheus, Target, promtool, running_prometheus
from tests.integration.stack import Topic, eventually
from tests.stack import parts

pytestmark = pytest.mark.integration

ROOT: Final = Path(__file__).resolve().parents[2]
DISK: Final = Comparison(Measure.BOOKIE_DISK, Direction.ABOVE, 0, 0)


@dataclass(frozen=True, slots=True)
class Scraped:
    """A Prometheus, and whom it scrapes."""

    prometheus: Prometheus
    bookie: str
    serve: str
    """Where `serve` has to listen."""


@pytest.fixture(scope="module")
def scraped(shared_cluster: Cluster | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    """A Prometheus that scrapes the shared stack."""
    if shared_cluster is None or shared_cluster.bookie_metrics is None:
        pytest.skip("needs a bookie that tells its metrics: a stack of our own")
    _need_programs()
    broker, serve = shared_cluster.stack.admin_url.removeprefix("http://"), f"127.0.0.1:{free_port()}"
    targets = {
        "broker": Target(broker, "/metrics/"),
        "bookie": Target(shared_cluster.bookie_metrics),
        "offloadctl": Target(serve),
    }
    with running_prometheus(tmp_path_factory.mktemp("prometheus"), targets) as running:
        eventually(lambda: running.value('sum(up{job=~"broker|bookie"})') == 2, "broker and bookie are scraped")
        yield Scraped(running, shared_cluster.bookie_metrics, serve)


def _need_programs() -> None:
    try:
        parts.prometheus_programs()
    except parts.PartMissing as missing:
        pytest.skip(f"Prometheus cannot be had on this machine: {missing}")


def written(tmp_path: Path, topic: Topic) -> str:
    path = tmp_path / "schedules.yaml"
    sizes = [f'pulsar_storage_{kind}_size{{topic="{topic.name}"}}' for kind in ("logical", "offloaded")]
    path.write_text(
        f"""
apiVersion: offloadctl/v1
kind: Schedule
name: grown
scope: {{topics: ["{topic.name}"]}}
when:
  all:
    - promql: {{query: 'sum({sizes[0]}) - sum({sizes[1]})', above: 1K}}
    - localBytes: {{above: 1K}}
    - bookieDisk: {{above: 0.001%}}
gates:
  - brokerMemory: {{below: 99.9%}}
  - brokerDirectMemory: {{below: 99.9%}}
  - s3Errors: {{below: 1000}}
action: {{offload: {{sizeThreshold: 0}}}}
coolDown: 1d
"""
    )
    return str(path)


def test_a_promql_trigger_fires_by_what_prometheus_scraped_and_simulate_replays_the_same(
    scraped: Scraped,
    make_topic: TopicMaker,
    offloadctl: Offloadctl,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began, topic, url = datetime.now(UTC), make_topic("scraped"), scraped.prometheus.url
    monkeypatch.setenv("OFFLOADCTL_PROMETHEUS_URL", url)
    monkeypatch.setenv("OFFLOADCTL_BOOKIE_URLS", f"http://{scraped.bookie}")
    file = written(tmp_path, topic)
    state = ("--state", str(tmp_path / "state"))
    topic.stack.put(topic.path)
    before = offloadctl("schedule", "run", "grown", "-f", file, "--dry-run", *state)
    closed_ledger(topic)
    publish_payloads(topic.stack, topic.name, count=5, size=100)

    arguments = ("-f", file, "--every", "2s", "--listen", scraped.serve, *state)
    with offloadctl.serving(*arguments) as serve:
        serve.until(lambda: bool(offloaded_ledgers(topic)), "the schedule has offloaded")
        succeeded = 'offloadctl_runs_total{schedule="grown", exit_code="0"}'
        serve.until(lambda: scraped.prometheus.value(succeeded) == 1, "Prometheus has seen the run")
        page = requests.get(f"http://{scraped.serve}/metrics", timeout=60).content
        code = serve.end(signal.SIGTERM)
    window = ("--since", began.isoformat(), "--until", datetime.now(UTC).isoformat(), "--every", "1s")
    simulate = ("schedule", "simulate", "-f", file, "--from-prometheus", url, *window, "-o", "json")
    simulated = run_process(*simulate, environment=os.environ, seconds=240)
    explained = offloadctl("schedule", "explain", "grown", *state).document

    assert before.document["decision"]["decision"] in ("unknown", "quiet")
    assert (code, promtool("check", "metrics", given=page)) == (0, (0, ""))
    assert simulated.returncode == 0, simulated.stderr
    [replay] = json.loads(simulated.stdout)["schedules"]
    assert (replay["topics"], replay["counts"]["fired"]) == (1, 1)
    [fired] = [one for one in replay["decisions"] if one["decision"] == "fired"]
    real, replayed = _seen(explained["decision"]), _seen(fired)
    assert [one["source"] for one in (real[0], replayed[0])] == [f"PromQL at {url.removeprefix('http://')}", "recorded"]
    assert [one["subject"] for one in real] == [one["subject"] for one in replayed]
    # Both are of the same scrape, and it may be an earlier one than the real run went by.
    assert replayed[0]["value"] == replayed[1]["value"] > 1024
    assert real[0]["value"] > 1024
    assert replayed[2]["value"] == pytest.approx(real[2]["value"], abs=0.1)


def _seen(decision: dict[str, Any]) -> list[dict[str, Any]]:
    """What each part of the condition was judged by."""
    return [part["seen"][0] for part in decision["when"]["parts"]]


def test_three_weeks_that_prometheus_has_recorded_make_known_at_once_what_is_usual(
    shared_cluster: Cluster,
    make_topic: TopicMaker,
    offloadctl: Offloadctl,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _need_programs()
    topic, now = make_topic("usual"), datetime.now(UTC)
    closed_ledger(topic)
    publish_payloads(topic.stack, topic.name, count=1, size=100)
    file, state = tmp_path / "schedules.yaml", ("--state", str(tmp_path / "state"))
    file.write_text(UNUSUAL.format(topic=topic.name))
    dry_run = ("schedule", "run", "unusual", "-f", str(file), "--dry-run", *state)

    with running_prometheus(tmp_path / "prometheus", {}, history=_history(topic, now)) as prometheus:
        monkeypatch.setenv("OFFLOADCTL_PROMETHEUS_URL", prometheus.url)
        before = offloadctl(*dry_run)
        learnt = offloadctl("schedule", "learn", "-f", str(file), *state)
        after = offloadctl(*dry_run)

    assert (before.code, learnt.code, after.code) == (5, 0, 0), learnt.err
    known = {one["subject"]: (one["learning"], one["zone"], one["hours"]) for one in learnt.document["numbers"]}
    hours = known[topic.name][2]
    assert known == dict.fromkeys((topic.name, 'load{pod="a"}'), ("learnt", "Europe/Berlin", hours))
    assert 21 * 24 - 2 <= hours <= 21 * 24 + 2
    # Three weeks and a query for each expression.
    assert learnt.document["requests"] <= 2 * (31 + 1)
    load, local = _seen(after.document["decision"])
    assert (load["why"], local["why"]) == ("usual at this hour: 1", "usual at this hour: 100 B")
    assert (load["truth"], local["truth"]) == ("false", "true")


UNUSUAL: Final = """
apiVersion: offloadctl/v1
kind: Schedule
name: unusual
scope: {{topics: ["{topic}"]}}
when:
  any:
    - promql: {{query: load, aboveUsual: 4, timeZone: Europe/Berlin}}
    - localBytes: {{aboveUsual: 4, timeZone: Europe/Berlin}}
action: {{offload: {{sizeThreshold: 0}}}}
"""


def _history(topic: Topic, now: datetime) -> str:
    """Steady numbers of three weeks, and some to come, so that there is one now."""
    labels = f'{{namespace="{topic.namespace}",topic="{topic.name}"}}'
    values = {
        "load": '{pod="a"} 1',
        "pulsar_storage_logical_size": f"{labels} 300",
        "pulsar_storage_offloaded_size": f"{labels} 200",
    }
    first, last = int(now.timestamp()) - 21 * 86400, int(now.timestamp()) + 3600
    lines = [
        line
        for name, value in values.items()
        for line in (f"# TYPE {name} gauge", *(f"{name}{value} {at}" for at in range(first, last, 240)))
    ]
    return "\n".join([*lines, "# EOF", ""])


def test_a_bookies_disk_is_as_full_as_the_machine_says(scraped: Scraped, shared_cluster: Cluster) -> None:
    settings = BrokerSettings((shared_cluster.stack.admin_url,))
    code, shown = shared_cluster.pulsar.run(["df", "--output=avail,size", "data/standalone/bookkeeper"])
    assert code == 0, shown
    available, size = map(int, shown.splitlines()[-1].split())

    with PulsarNumbers(settings, SystemClock(), bookie_urls=(f"http://{scraped.bookie}",)) as numbers:
        [(instance, told)] = disks(numbers.bookie_metrics()).items()
    with Queries(scraped.prometheus.url) as queries:
        now = datetime.now(UTC)
        [series] = queries.over_time(expression_of(DISK), now, now, 1)

    assert instance == subject_of(Measure.BOOKIE_DISK, series.labels) == f"{scraped.bookie} data_standalone_bookkeeper"
    assert told.value == pytest.approx(1 - available / size, abs=0.05)
    assert series.points[0][1] == pytest.approx(told.value, abs=0.05)


def test_prometheus_has_of_every_measure_what_the_expressions_ask_for(scraped: Scraped, make_topic: TopicMaker) -> None:
    topic = make_topic("measured")
    closed_ledger(topic)
    topic.stack.put(f"{topic.path}/subscription/reader")
    mine = f'topic="{topic.name}"'
    eventually(lambda: bool(_of(_instant(scraped, Measure.BACKLOG_MESSAGES), mine)), "the topic is scraped")

    by_topic = {
        one: _of(_instant(scraped, one), mine)
        for one in (Measure.LOCAL_BYTES, Measure.BACKLOG_BYTES, Measure.BACKLOG_MESSAGES, Measure.COLD_READS)
    }
    of_brokers = {
        one: _instant(scraped, one) for one in (Measure.BROKER_MEMORY, Measure.BROKER_DIRECT_MEMORY, Measure.S3_ERRORS)
    }

    assert all(len(numbers) == 1 for numbers in (*by_topic.values(), *of_brokers.values())), (by_topic, of_brokers)
    [local], [reads] = by_topic[Measure.LOCAL_BYTES], by_topic[Measure.COLD_READS]
    assert (local.value or 0) > 20 * 200
    assert reads.value == 0
    [errors] = of_brokers[Measure.S3_ERRORS].values()
    # Other tests on this stack have their share in it.
    assert errors.value is not None
    for measure in (Measure.BROKER_MEMORY, Measure.BROKER_DIRECT_MEMORY):
        [share] = of_brokers[measure].values()
        assert 0 < (share.value or 0) < 1
    # This broker stands alone, and has no load manager that would look at its host.
    assert _instant(scraped, Measure.BROKER_CPU) == {}


def _instant(scraped: Scraped, measure: Measure) -> dict[str, Number]:
    with Queries(scraped.prometheus.url) as queries:
        return dict(queries.instant(expression_of(Comparison(measure, Direction.ABOVE, 0, 0)), datetime.now(UTC)))


def _of(numbers: dict[str, Number], label: str) -> list[Number]:
    return [number for series, number in numbers.items() if label in series]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("up{", "does not take the expression: .*parse error"),
        ("rate(up)", "expected type range vector"),
        ("up[5m]", "gives a matrix, and not one number"),
        ("'up'", "gives a string, and not one number"),
    ],
)
def test_what_prometheus_does_not_take_is_told_in_its_words(scraped: Scraped, expression: str, message: str) -> None:
    with Queries(scraped.prometheus.url) as queries, pytest.raises(BadValue, match=message):
        queries.instant(expression, datetime.now(UTC))


def test_a_range_of_more_points_than_prometheus_gives_at_once_is_had(scraped: Scraped) -> None:
    now = datetime.now(UTC)
    eventually(lambda: scraped.prometheus.value('up{job="broker"}') == 1, "the broker is scraped")

    with Queries(scraped.prometheus.url) as queries:
        series = queries.over_time("vector(1)", datetime.fromtimestamp(now.timestamp() - 30_000, UTC), now, 1)

    assert [len(one.points) for one in series] == [30_001]


def test_prometheus_takes_the_rules_and_the_configuration_that_are_shipped() -> None:
    _need_programs()
    kinds = {"groups": ("rules",), "scrape_configs": ("config", "--syntax-only")}
    files = {path: yaml.safe_load_all(path.read_text()) for path in sorted((ROOT / "docs").rglob("*.y*ml"))}
    shipped = [
        (str(path), kind)
        for path, documents in files.items()
        for document in documents
        for key, kind in kinds.items()
        if isinstance(document, dict) and key in document
    ]

    checked = {path: promtool("check", *kind, path) for path, kind in shipped}

    assert checked
    assert {path: said for path, (code, said) in checked.items() if code != 0} == {}
