"""`/metrics`: what each number tells; the docs tell of the same ones; names are as Prometheus wants them."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from offloadctl.adapters import traffic
from offloadctl.adapters.decision_logs import MemoryDecisionLog
from offloadctl.adapters.memory import ManualClock
from offloadctl.adapters.memory_findings import MemoryFindings
from offloadctl.adapters.traffic import StoreTraffic, Traffic
from offloadctl.cli.app import load_command
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.scene import CLICKS, ORDERS, RETURNS, TUNING, set_up
from offloadctl.errors import BrokerUnreachable, Interrupted, OffloadctlError, StateDamaged
from offloadctl.exitcodes import ExitCode
from offloadctl.model.check_words import Level
from offloadctl.model.decision import Intent, RunResult
from offloadctl.model.ended_check import EndedCheck, RememberedFinding
from offloadctl.model.finding import Acknowledgement, Finding, Severity
from offloadctl.model.measures import Measure, Number
from offloadctl.model.names import TopicName
from offloadctl.model.offload import OffloadPlan, OffloadResult, OffloadWish, Outcome
from offloadctl.model.price import Prices
from offloadctl.model.scope import Scope
from offloadctl.model.standing import Movement, Standing
from offloadctl.operations import collect_bulk as bulk
from offloadctl.operations.collect import BulkCollector
from offloadctl.operations.confirm import ObjectsInStores
from offloadctl.operations.offload import Offload
from offloadctl.operations.offload_run import OffloadTopics
from offloadctl.operations.schedule import Scheduler, Tick
from offloadctl.operations.schedule_actions import ScheduleActions
from offloadctl.operations.survey import Survey, Surveyed, Waiting
from offloadctl.plan.schedule_reading import read_schedules
from offloadctl.plan.stored_twice import Twice
from offloadctl.ports.schedule import Collected, Scrape
from offloadctl.service.board import Board, Facts
from offloadctl.service.checks_seen import MOST_SCOPES, Checks, ChecksSeen, FindingKey
from offloadctl.service.followed import Followed
from offloadctl.service.metrics import Metrics
from offloadctl.service.progress import AtWork, RunProgress
from offloadctl.service.remembering import RememberedNumbers
from offloadctl.service.surveying import Beside, Surveying
from offloadctl.service.telling import Teller
from offloadctl.service.totals import MOST_NAMESPACES, MOST_TOPICS, OTHERS, totals_of
from offloadctl.units import ByteSize
from tests.command_line import ROOT
from tests.schedules import BILLS, START, above, schedule, snapshot

HOUR = timedelta(hours=1)
EVERYTHING = Scope.of(everything=True)
NIGHTLY = Intent("nightly-1", "nightly", START, (ORDERS,), whole_scope=False)
DOCS = ROOT / "docs" / "serve.md"
FOUR = (ORDERS, BILLS, RETURNS, CLICKS)
DASHBOARD = ROOT / "docs" / "deploy" / "grafana.json"
ALERTS = ROOT / "docs" / "deploy" / "alerts.yml"


def families(facts: Facts, **changes: Any) -> dict[str, Metric]:
    """What a scrape with topics tells, by name; a counter has the name that it is read by."""
    text = Metrics(lambda: facts, **changes).page(topics=MOST_TOPICS).decode()
    found = list(text_string_to_metric_families(text))
    return {one.name + ("_total" if one.type == "counter" else ""): one for one in found}


def series(metric: Metric, *labels: str) -> dict[tuple[str, ...], float]:
    return {tuple(one.labels[label] for label in labels): one.value for one in metric.samples}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> tuple[Traffic, StoreTraffic]:
    """What is told of requests, in the place of what other tests have sent."""
    made = Traffic(), StoreTraffic()
    monkeypatch.setattr(traffic, "HTTP", made[0])
    monkeypatch.setattr(traffic, "S3", made[1])
    return made


@pytest.fixture
def whole(counted: tuple[Traffic, StoreTraffic]) -> Facts:
    """Facts that have something to tell in every family."""
    http, stores = counted
    http.count(200, 0.2)
    stores.count("GetObject", 503)
    board = Board(START)
    board.in_force(("nightly",))
    unknown = {Measure.LOCAL_BYTES: {ORDERS: Number("test")}}
    waiting = {ORDERS: Waiting(START, 5, 0, START - HOUR)}
    checks = Checks(
        is_known=True,
        findings={FindingKey("orphan", Severity.WARNING, False): 1},
        ended=(EndedCheck(Level.INDEX, EVERYTHING, START, 10, 9, START - HOUR),),
    )
    beside = Beside({ORDERS: 10.0}, {ORDERS: 7}, Surveyed(waiting, {ORDERS: Twice(1, 2)}), checks)
    (decided,) = (
        Scheduler(
            (schedule(above(Measure.LOCAL_BYTES, 1)),), MemoryDecisionLog(), _Tells(unknown), _never, ManualClock(START)
        )
        .tick()
        .decisions
    )
    board.evaluated(Tick(START, Collected(snapshot(topics=unknown)), (decided,)), 0.5, beside)
    board.run_begun(NIGHTLY)
    board.run_gone(NIGHTLY)
    board.run_ended("nightly", ExitCode.OK, 10, START)
    board.run_begun(replace(NIGHTLY, run_id="nightly-2"))
    return board.facts()


class _Tells:
    def __init__(self, topics: Mapping[Measure, Mapping[TopicName, Number]]) -> None:
        self.topics = topics

    def collect(self, schedules: Sequence[Any], now: Any) -> Collected:
        return Collected(snapshot(now, topics=self.topics), {one.name: (ORDERS,) for one in schedules})


def _never(*_: object) -> RunResult:
    raise AssertionError("nothing is to run here")


# -- names


def documented() -> dict[str, frozenset[str]]:
    """The metrics of ours in the table of the docs, and their labels."""
    rows = [line.split("|")[1] for line in DOCS.read_text().splitlines() if line.startswith("| `offloadctl_")]
    found = [re.findall(r"`(offloadctl_\w+)(?:\{([\w, ]*)\})?`", row) for row in rows]
    return {name: frozenset(filter(None, labels.split(", "))) for row in found for name, labels in row}


def test_the_docs_tell_of_every_metric_with_its_labels_and_of_no_other(whole: Facts) -> None:
    told = {
        name: frozenset(label for sample in one.samples for label in sample.labels if label != "le")
        for name, one in families(whole).items()
        if not name.startswith("process_")
    }

    assert all(one.samples for one in families(whole).values())
    assert told == documented()


def test_names_types_and_units_are_as_prometheus_wants_them(whole: Facts) -> None:
    for name, one in families(whole).items():
        assert (one.type == "counter") is name.endswith("_total"), name
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)
        assert one.documentation.endswith("."), name
        stem = name.removesuffix("_total")
        # Base units only, at the end; https://prometheus.io/docs/practices/naming/
        assert not re.search(r"_(milli|micro|kilo|mega|giga|minutes|hours|days|percent|kb|mb|gb|ms)", stem), name
        for unit in ("bytes", "seconds", "dollars"):
            assert unit not in stem.split("_") or stem.endswith(f"_{unit}"), name
        assert not re.search(r"_(gauge|counter|histogram|summary|count|sum|bucket)$", stem), name
        for label in {label for sample in one.samples for label in sample.labels}:
            assert re.fullmatch(r"[a-z][a-z_]*", label)
            assert label not in ("instance", "job"), "Prometheus's own"


def test_alert_rules_ask_for_metrics_and_labels_that_there_are_and_name_commands_that_there_are(whole: Facts) -> None:
    known = families(whole)
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]

    assert len({rule["alert"] for rule in group["rules"]}) == len(group["rules"]) > 10
    for rule in group["rules"]:
        asked = re.findall(r"(offloadctl_\w+)(?:\{([^}]*)\})?", rule["expr"])
        assert asked, rule
        for name, matchers in asked:
            values = {key: {one.labels[key] for one in known[name].samples} for key in known[name].samples[0].labels}
            assert set(re.findall(r"(\w+)[=!]", matchers)) <= values.keys(), rule
            assert set(re.findall(r"\b(damage|warning)\b", matchers)) <= {one.value for one in Severity}
        kept = {label for name, _ in asked for one in known[name].samples for label in one.labels}
        by = re.search(r"by \(([\w, ]+)\)", rule["expr"])
        kept &= set(by[1].split(", ")) if by else kept
        summary = rule["annotations"]["summary"]
        assert set(re.findall(r"\$labels\.(\w+)", summary)) <= kept, rule
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        for command in re.findall(r"offloadctl ((?!serve)[a-z]+)(?: ([a-z]+))?", summary):
            found = load_command(command[0])
            subcommands = getattr(found, "commands", None)
            assert subcommands is None or command[1] in subcommands, command


def test_the_dashboard_asks_for_metrics_and_labels_that_there_are(whole: Facts) -> None:
    known, board = families(whole), json.loads(DASHBOARD.read_text())

    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) > 10
    for panel in board["panels"]:
        for target in panel["targets"]:
            expression = target["expr"]
            asked = [
                known[name.removesuffix("_bucket")] for name in re.findall(r"((?:offloadctl|process)_\w+)", expression)
            ]
            labels = {label for one in asked for sample in one.samples for label in sample.labels} | {"job", "instance"}
            assert asked, panel["title"]
            by = {label for some in re.findall(r"by \(([\w, ]+)\)", expression) for label in some.split(", ")}
            matched = set(re.findall(r"[{,](\w+)=", expression))
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert by | matched | shown <= labels, panel["title"]
            assert shown <= by or not by, panel["title"]


# -- bytes


def small_world() -> InMemoryCluster:
    """Four loaded topics, two ledgers of each can move."""
    world = InMemoryCluster(tuning=TUNING)
    world.cluster.create_namespace(ORDERS.namespace_name)
    for topic in FOUR:
        world.cluster.add_closed_ledgers(topic, 3, entries=10, entry=b"x" * 100)
        world.cluster.serve(topic)
    world.cluster.refresh_stats()
    return world


def numbers_of(values: Mapping[TopicName, float]) -> dict[TopicName, Number]:
    return {topic: Number("test", value) for topic, value in values.items()}


def tick(**topics: dict[TopicName, Number]) -> Tick:
    return Tick(START, Collected(snapshot(topics={Measure(key.replace("_", "-")): it for key, it in topics.items()})))


def test_the_number_of_namespaces_with_series_of_their_own_is_bounded() -> None:
    sizes = {TopicName("acme", f"n{number:03}", "t"): float(number) for number in range(MOST_NAMESPACES + 50)}

    totals = totals_of(tick(oldest_eligible=numbers_of(sizes)), Beside(sizes))

    assert len(totals.local_bytes) == MOST_NAMESPACES + 1
    assert totals.local_bytes[OTHERS] == sum(range(50))
    assert totals.oldest_eligible[OTHERS] == 49
    assert sum(totals.local_bytes.values()) == sum(range(MOST_NAMESPACES + 50))


def test_the_number_of_topics_is_bounded_and_the_largest_come_first() -> None:
    sizes = {TopicName("acme", "shop", f"t{number}"): float(number) for number in range(MOST_TOPICS + 5)}

    shown = totals_of(tick(), Beside(sizes, {TopicName("acme", "shop", "t1004"): 3})).largest

    assert len(shown) == MOST_TOPICS
    assert (shown[0].topic, shown[0].local_bytes, shown[0].offloaded_bytes) == (
        "persistent://acme/shop/t1004",
        1004,
        3,
    )
    assert shown[-1].topic == "persistent://acme/shop/t5"


def test_what_waits_and_what_is_stored_twice_is_summed_up_by_namespace(whole: Facts) -> None:
    waiting = {ORDERS: Waiting(START, 5, 40, START - HOUR), BILLS: Waiting(START, 6, 9, None)}
    surveyed = Surveyed(waiting, {ORDERS: Twice(1, 2), BILLS: Twice(10, 20)})

    totals = totals_of(tick(oldest_eligible=numbers_of({BILLS: 7.0})), Beside({}, {ORDERS: 30}, surveyed))

    assert totals.eligible_bytes == {"acme/shop": 5 + (40 - 30) + 6}
    assert (totals.twice_at_least, totals.twice_at_most) == ({"acme/shop": 11}, {"acme/shop": 22})
    assert totals.oldest_eligible == {"acme/shop": 3600}
    assert (totals.topics_told, totals.topics_asked) == (1, 2)
    assert series(families(whole)["offloadctl_doubly_stored_bytes"], "namespace", "bound") == {
        ("acme/shop", "at-least"): 1,
        ("acme/shop", "at-most"): 2,
    }


def test_a_schedule_that_compares_nothing_lets_bytes_be_told_all_the_same() -> None:
    world = small_world()
    system = TopicName("acme", "shop", "__change_events")
    world.cluster.create_topic(system)
    world.cluster.publish(system, [b"x" * 1000])
    world.cluster.refresh_stats()
    lines: list[str] = []
    numbers = RememberedNumbers(world.numbers())
    looking = Surveying(
        numbers,
        Survey(world.admin()),
        ChecksSeen(None, world.clock, Teller(lines.append, world.clock)),
        Teller(lines.append, world.clock),
    )
    collected = BulkCollector(world.admin(), numbers, world.clock).collect([], world.clock.now())

    told = looking(Tick(world.clock.now(), collected))
    asked = world.asked["internal-info"]
    totals = totals_of(Tick(world.clock.now(), collected), told)

    assert told.brokers_told
    assert system in bulk.sizes(world.numbers().broker_metrics(), bulk.TOTAL)
    assert told.local.keys() == set(FOUR)
    assert asked == len(FOUR)
    assert totals.local_bytes == {"acme/shop": 4 * 3 * 1000}
    assert totals.eligible_bytes == {"acme/shop": 4 * 3 * 1000}, "an open ledger is the last one, once it is loaded"
    assert lines == []


class Silent:
    """Brokers that tell nothing, for one reason after another."""

    def __init__(self, *reasons: OffloadctlError) -> None:
        self.reasons = list(reasons)

    def broker_metrics(self) -> tuple[Scrape, ...]:
        raise self.reasons.pop(0)


def test_brokers_that_tell_nothing_leave_nothing_known_and_are_told_of_once() -> None:
    clock, lines = ManualClock(START), list[str]()
    tell = Teller(lines.append, clock)
    silent = Silent(*[BrokerUnreachable("nobody there")] * 2, Interrupted("ended"))
    looking = Surveying(
        RememberedNumbers(silent),  # type: ignore[arg-type] # all that is asked
        Survey(InMemoryCluster().admin()),
        ChecksSeen(None, clock, tell),
        tell,
    )

    told = [looking(Tick(START, Collected(snapshot()))) for _ in range(2)]

    assert told == [Beside()] * 2
    assert totals_of(tick(), told[0]).topics_told is None
    assert [json.loads(line)["event"] for line in lines] == ["survey-failed"]
    with pytest.raises(Interrupted):
        looking(Tick(START, Collected(snapshot())))


# -- runs


def test_a_run_that_goes_on_and_the_last_one_are_told_with_their_ids(whole: Facts) -> None:
    found = families(whole)

    assert series(found["offloadctl_run_begun_timestamp_seconds"], "schedule", "run") == {
        ("nightly", "nightly-2"): START.timestamp()
    }
    assert series(found["offloadctl_last_run_info"], "schedule", "run") == {("nightly", "nightly-1"): 1}


def plans(world: InMemoryCluster) -> tuple[OffloadPlan, ...]:
    work = OffloadTopics(Offload(world.ports(), OffloadWish(ByteSize(0))))
    return tuple(work.plan(Scope.of(namespaces=[ORDERS.namespace_name])).selection.chosen)


def test_topics_of_a_run_are_queued_at_work_and_stand_still() -> None:
    world = small_world()
    first, second, *others = plans(world)
    board, progress = Board(START), RunProgress()
    board.in_force(("nightly",))
    board.run_begun(NIGHTLY)
    board.run_watched(NIGHTLY, progress)
    told = []

    progress.chosen([first, second, *others])
    told.append(board.facts().at_work)
    progress.planned(first)
    progress.triggered(second, joined=True)
    told.append(board.facts().at_work)
    progress.stands(first, Standing(Movement.QUEUED))
    progress.stands(second, Standing(Movement.STANDING_STILL))
    told.append(board.facts().at_work)
    progress.finished(OffloadResult(first.topic, Outcome.CONFIRMED))
    progress.finished(OffloadResult(others[0].topic, Outcome.NOT_STARTED))
    told.append(board.facts().at_work)
    board.run_gone(NIGHTLY)
    told.append(board.facts().at_work)

    left = len(others)
    assert [one["nightly"] for one in told] == [
        AtWork(0, left + 2, 0),
        AtWork(2, left, 0),
        AtWork(2, left + 1, 1),
        AtWork(1, left - 1, 1),
        AtWork(),
    ]


def test_the_topics_of_a_real_run_are_seen_at_work_and_its_check_is_known_after_it() -> None:
    world = InMemoryCluster(tuning=TUNING)
    set_up(world.cluster, advance=world.advance)
    board, store, seen = Board(START), MemoryFindings(), []
    objects = ObjectsInStores(world.ports().stores)

    def watched(*arguments: Any, **more: Any) -> Any:
        seen.append(board.facts().at_work["nightly"])
        return objects(*arguments, **more)

    text = "apiVersion: offloadctl/v1\nkind: Schedule\nname: nightly\nscope: {{namespaces: [acme/shop]}}\n{}\n"
    (offloads,) = read_schedules(
        text.format("when: {localBytes: {above: 1K}}\naction: {offload: {sizeThreshold: 0}}"), "test"
    )
    (checks,) = read_schedules(text.format('when: {cron: "0 0 * * *"}\naction: {check: {level: listing}}'), "test")
    actions = ScheduleActions(world.ports(), check_objects=watched, findings=store)
    tell = Teller(lambda line: None, world.clock)
    act = Followed(actions, board, ChecksSeen(store, world.clock, tell))
    board.in_force(("nightly",))
    whole = replace(NIGHTLY, topics=(), whole_scope=True)
    board.run_begun(whole)

    act(offloads, whole)
    board.run_gone(whole)
    act(checks, replace(whole, run_id="nightly-2"))

    assert seen
    assert all(one.in_flight >= 1 for one in seen)
    assert board.facts().at_work["nightly"] == AtWork()
    (ended,) = board.facts().checks.ended
    assert (ended.level, str(ended.scope), ended.full_at) == (Level.LISTING, "-n acme/shop", ended.ended_at)


# -- checks


def test_findings_are_counted_by_code_and_whether_somebody_has_taken_note() -> None:
    store, lines = MemoryFindings(), list[str]()
    clock = ManualClock(START)
    stray = Finding("orphan", Severity.WARNING, "nobody's", key="a")
    others = [Finding("orphan", Severity.WARNING, "nobody's", key=key) for key in "bc"]
    lost = Finding("data-missing", Severity.DAMAGE, "lost", ORDERS, 7)
    store.see([stray, *others, lost], START)
    store.acknowledge([Acknowledgement(stray.id, stray.evidence, "ada", START, START + HOUR, "known")])
    looking = ChecksSeen(store, clock, Teller(lines.append, clock))

    before = looking.look().findings
    clock.advance(HOUR)
    store.ended(EndedCheck(Level.LISTING, EVERYTHING, START + HOUR, 5, 5, START + HOUR, START))
    after = looking.look().findings

    expected = {("orphan", "warning", True): 1, ("orphan", "warning", False): 2, ("data-missing", "damage", False): 1}
    assert {tuple(key): count for key, count in before.items()} == expected
    assert after[FindingKey("orphan", Severity.WARNING, False)] == 3, "the acknowledgement has ended"
    assert lines == []


def test_coverage_and_age_are_told_by_level_and_scope_and_lists_of_topics_are_not() -> None:
    store, clock = MemoryFindings(), ManualClock(START)
    for number in range(MOST_SCOPES + 3):
        scope = Scope.of(tenants=[f"t{number}"])
        store.ended(EndedCheck(Level.INDEX, scope, START + number * HOUR, 10, number, None))
    store.ended(EndedCheck(Level.BLOCKS, Scope.of(topics=[ORDERS]), START + 999 * HOUR, 1, 1, START))
    store.ended(EndedCheck(Level.INDEX, EVERYTHING, START + 99 * HOUR, 10, 4, START))
    board = Board(START)
    board.checked(ChecksSeen(store, clock, Teller(lambda line: None, clock)).look())

    found = families(board.facts())

    assert len(series(found["offloadctl_last_check_ledgers"], "scope")) == MOST_SCOPES
    assert series(found["offloadctl_last_check_ledgers_covered"], "level", "scope")["index", "--all"] == 4
    assert series(found["offloadctl_last_full_check_timestamp_seconds"], "level", "scope") == {
        ("index", "--all"): START.timestamp()
    }
    assert not any(
        "orders" in scope for _, scope in series(found["offloadctl_last_check_timestamp_seconds"], "level", "scope")
    )


def test_long_scopes_are_cut_and_still_differ() -> None:
    store, clock, board = MemoryFindings(), ManualClock(START), Board(START)
    for last in ("x", "y"):
        tenants = [*(f"tenant-{number}" for number in range(30)), last]
        store.ended(EndedCheck(Level.INDEX, Scope.of(tenants=tenants), START, 1, 1, START))

    board.checked(ChecksSeen(store, clock, Teller(lambda line: None, clock)).look())

    scopes = [scope for (scope,) in series(families(board.facts())["offloadctl_last_check_ledgers"], "scope")]
    assert len(scopes) == 2
    assert all(scope.startswith("--tenant tenant-0 --tenant") and len(scope) < 120 for scope in scopes)


class Damaged(MemoryFindings):
    def remembered(self) -> Sequence[RememberedFinding]:
        raise StateDamaged("checks.sqlite is damaged")


def test_what_cannot_be_read_is_unknown_and_told_once() -> None:
    clock, lines = ManualClock(START), list[str]()
    looking = ChecksSeen(Damaged(), clock, Teller(lines.append, clock))
    board = Board(START)

    for _ in range(3):
        board.checked(looking.look())

    found = families(board.facts())
    assert series(found["offloadctl_checks_are_known"]) == {(): 0}
    assert not found["offloadctl_findings"].samples
    assert len(lines) == 1
    assert "checks-unreadable" in lines[0]


# -- requests


def test_answers_to_admin_requests_are_a_histogram(counted: tuple[Traffic, StoreTraffic]) -> None:
    for seconds in (0.02, 0.2, 99.0):
        counted[0].count(200, seconds)

    samples = families(Board(START).facts())["offloadctl_admin_request_duration_seconds"].samples

    buckets = {one.labels["le"]: one.value for one in samples if one.name.endswith("_bucket")}
    assert (buckets["0.01"], buckets["0.025"], buckets["0.25"], buckets["60.0"], buckets["+Inf"]) == (0, 1, 2, 2, 3)
    others = {one.name.rpartition("_")[2]: one.value for one in samples if not one.name.endswith("_bucket")}
    assert others == {"count": 3, "sum": pytest.approx(99.22)}


def test_requests_to_stores_are_told_with_their_cost(counted: tuple[Traffic, StoreTraffic]) -> None:
    _, stores = counted
    for operation, count in (("GetObject", 3000), ("ListObjectsV2", 1000), ("HeadObject", 1000)):
        for _ in range(count):
            stores.count(operation, 200)
    stores.count("GetObject", 503)
    stores.read(2 * 1024**3)
    prices = Prices(get=Decimal("0.5"), list=Decimal(5), transfer=Decimal(10))

    found = families(Board(START).facts(), prices=prices)

    assert series(found["offloadctl_s3_requests_total"], "operation", "answer")["GetObject", "5xx"] == 1
    assert series(found["offloadctl_s3_throttled_total"]) == {(): 1}
    assert series(found["offloadctl_s3_read_bytes_total"]) == {(): 2 * 1024**3}
    assert series(found["offloadctl_s3_cost_dollars_total"]) == {(): pytest.approx(4.001 * 0.5 + 5 + 20)}
