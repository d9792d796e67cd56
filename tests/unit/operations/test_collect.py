"""Numbers of schedules from a cluster: what bulk reads tell, when details are asked for, what is unknown and why."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from offloadctl.adapters.cluster_numbers import BROKER_METRICS
from offloadctl.adapters.metrics_text import parse_metrics
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.subscriptions import acknowledge, subscribe
from offloadctl.errors import BadValue
from offloadctl.model.ledger import Position
from offloadctl.model.measures import Measure, Number, Snapshot
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.schedule import AllOf, AnyOf, Condition, Extent, Schedule, ScheduleScope, TrimAction
from offloadctl.model.scope import Scope
from offloadctl.model.status import Bound
from offloadctl.operations import collect_bulk as bulk
from offloadctl.operations.collect import BulkCollector
from offloadctl.operations.collect_observed import Errors, Reads
from offloadctl.ports.schedule import Collected, LoadReport, Sample, Scrape, TopicLoad
from tests.schedules import BILLS, GIB, NIGHTLY, ORDERS, SHOP, START, above, schedule

DAY = timedelta(days=1)
RECORDED = Path(__file__).parents[2] / "golden" / "rest" / "broker-metrics.prom"


def shop(**more: Any) -> InMemoryCluster:
    """A cluster with a loaded topic and one that nobody uses."""
    world = InMemoryCluster(**more)
    world.cluster.create_namespace(SHOP)
    world.cluster.add_closed_ledgers(BILLS, 3, entries=10, entry=b"x" * 100, every=DAY)
    world.cluster.add_closed_ledgers(ORDERS, 3, entries=10, entry=b"x" * 1000, every=DAY)
    world.cluster.serve(ORDERS)
    world.cluster.refresh_stats()
    return world


def collector(world: InMemoryCluster) -> BulkCollector:
    return BulkCollector(world.admin(), world.numbers(), world.clock)


def collect(world: InMemoryCluster, when: Condition, **changes: Any) -> Collected:
    return collector(world).collect([schedule(when, **changes)], world.clock.now())


def numbers(collected: Collected, measure: Measure) -> Mapping[TopicName, Number]:
    return collected.snapshot.topics[measure]


# -- of topics


def test_local_bytes_come_from_metrics_for_a_loaded_topic_and_from_its_ledgers_for_an_idle_one() -> None:
    world = shop()

    found = numbers(collect(world, above(Measure.LOCAL_BYTES, 1000)), Measure.LOCAL_BYTES)

    assert (found[ORDERS].value, found[ORDERS].bound) == (30_000, Bound.EXACT)
    assert found[ORDERS].source == "pulsar_storage_logical_size - pulsar_storage_offloaded_size"
    assert found[BILLS].value == 3000
    assert found[BILLS].source.startswith("internal-info")


def test_no_details_are_asked_for_where_bulk_numbers_decide() -> None:
    world = shop()
    world.cluster.serve(BILLS)

    collect(world, above(Measure.LOCAL_BYTES, 1000))

    assert world.asked["internal-info"] == 0


def test_details_are_asked_for_only_of_topics_that_another_part_does_not_rule_out() -> None:
    world = shop()
    world.cluster.serve(BILLS)
    when = AllOf((NIGHTLY, above(Measure.LOCAL_BYTES, 10_000), above(Measure.OLDEST_ELIGIBLE, DAY.total_seconds())))

    found = numbers(collect(world, when), Measure.OLDEST_ELIGIBLE)

    assert world.asked["internal-info"] == 1
    assert found[ORDERS].value == pytest.approx(2 * DAY.total_seconds(), abs=60)
    assert BILLS not in found


def test_details_are_asked_for_where_another_part_holds_but_has_not_lasted_long_enough() -> None:
    world = shop()
    world.cluster.serve(BILLS)
    for_a_day = above(Measure.LOCAL_BYTES, 10, lasting=DAY)
    old = above(Measure.OLDEST_ELIGIBLE, DAY.total_seconds())

    found = numbers(collect(world, AnyOf((for_a_day, old))), Measure.OLDEST_ELIGIBLE)

    assert set(found) == {BILLS, ORDERS}
    assert numbers(collect(world, AllOf((for_a_day, old))), Measure.OLDEST_ELIGIBLE).keys() == {BILLS, ORDERS}


def test_of_ledgers_that_were_not_asked_for_it_is_said_why() -> None:
    world = shop()
    when = AllOf((above(Measure.LOCAL_BYTES, GIB), above(Measure.OLDEST_ELIGIBLE, DAY.total_seconds())))

    missing = collect(world, when).snapshot.missing["oldest-eligible"]

    assert "not asked for" in missing.why


def test_details_replace_no_exact_number() -> None:
    world = shop()
    world.cluster.publish(ORDERS, [b"x" * 500])
    when = AllOf((above(Measure.LOCAL_BYTES, 1), above(Measure.OLDEST_ELIGIBLE, 1.0)))

    found = collect(world, when)

    assert world.asked["internal-info"] == 2
    local = numbers(found, Measure.LOCAL_BYTES)[ORDERS]
    assert (local.value, local.bound) == (30_500, Bound.EXACT)
    assert numbers(found, Measure.OLDEST_ELIGIBLE)[ORDERS].bound is Bound.EXACT


def test_what_still_holds_by_its_hysteresis_is_looked_at_in_detail_too() -> None:
    world = shop()
    world.cluster.serve(BILLS)
    when = AllOf((above(Measure.LOCAL_BYTES, GIB, until=2000.0), above(Measure.OLDEST_ELIGIBLE, 1.0)))

    found = numbers(collect(world, when), Measure.OLDEST_ELIGIBLE)

    assert set(found) == {BILLS, ORDERS}


def test_so_many_details_are_asked_for_at_an_evaluation_and_the_others_have_their_turn_next() -> None:
    world, when = shop(), above(Measure.OLDEST_ELIGIBLE, 1.0)
    used = collector(world)
    used.details.most = 1

    first = used.collect([schedule(when)], world.clock.now())
    world.clock.advance(timedelta(minutes=1))
    second = used.collect([schedule(when)], world.clock.now())

    waiting = [one for one in numbers(first, Measure.OLDEST_ELIGIBLE).values() if one.value is None]
    assert [one.why for one in waiting] == [
        "not looked at this time: 1 topics wait to be asked for their ledgers, for 5 s at an evaluation; its turn comes"
    ]
    assert all(one.value is not None for one in numbers(second, Measure.OLDEST_ELIGIBLE).values())


def test_details_are_not_asked_for_again_while_nothing_was_offloaded() -> None:
    world, when = shop(), above(Measure.OLDEST_ELIGIBLE, 1.0)
    world.cluster.serve(BILLS)
    used = collector(world)

    used.collect([schedule(when)], world.clock.now())
    world.advance(timedelta(minutes=10))
    used.collect([schedule(when)], world.clock.now())
    world.advance(timedelta(minutes=10))
    collected = used.collect([schedule(when)], world.clock.now())

    assert world.asked["internal-info"] == 2
    assert numbers(collected, Measure.OLDEST_ELIGIBLE)[ORDERS].at == collected.snapshot.at


def test_a_backlog_is_that_of_the_subscription_that_is_behind_most() -> None:
    world = shop()
    subscribe(world.cluster, ORDERS, "slow")
    subscribe(world.cluster, ORDERS, "fast")
    first = world.cluster.existing(ORDERS).ascending[0].ledger_id
    acknowledge(world.cluster, ORDERS, "fast", Position(first, 4))
    acknowledge(world.cluster, ORDERS, "slow", Position(first, 0))
    when = AllOf((above(Measure.BACKLOG_MESSAGES, 1), above(Measure.BACKLOG_BYTES, 1)))

    found = collect(world, when)

    assert numbers(found, Measure.BACKLOG_MESSAGES)[ORDERS].value == 29
    assert numbers(found, Measure.BACKLOG_BYTES)[ORDERS].value == 29_000
    assert "not loaded" in found.snapshot.missing["backlog-messages"].why


def test_a_topic_that_nobody_reads_from_the_bucket_has_no_cold_reads() -> None:
    found = numbers(collect(shop(), above(Measure.COLD_READS, 1.0)), Measure.COLD_READS)

    assert found[ORDERS].value == 0
    assert BILLS not in found


def test_cold_reads_are_unknown_if_the_broker_does_not_know_the_metric() -> None:
    scrape = Scrape("b", START, (Sample(bulk.TOTAL, {"topic": str(ORDERS)}, 1.0),), frozenset({bulk.TOTAL}))

    assert bulk.cold_reads([scrape]) == {}


def test_a_partition_in_a_label_of_its_own_is_the_partition() -> None:
    samples = (Sample(bulk.TOTAL, {"topic": str(ORDERS), "partition": "3"}, 7.0),)

    assert bulk.sizes([Scrape("b", START, samples)], bulk.TOTAL) == {ORDERS.with_partition(3): 7}


def test_where_only_broker_stats_tell_of_a_topic_its_size_is_an_upper_bound() -> None:
    found = bulk.local_bytes((), {ORDERS: TopicLoad(500, 0, 0, 0)})

    assert (found[ORDERS].value, found[ORDERS].bound) == (500, Bound.AT_MOST)


def test_a_real_brokers_page_tells_local_bytes_and_memory() -> None:
    scrape = parse_metrics(RECORDED.read_text(), "b", START, BROKER_METRICS.__contains__)

    local = bulk.local_bytes([scrape], {})

    assert local[TopicName.parse("public/rec/t1")].value == 2_618_762 - 2_094_762
    assert bulk.memory([scrape], Measure.BROKER_MEMORY)["b"].value == pytest.approx(0.0767, abs=1e-4)
    assert bulk.memory([scrape], Measure.BROKER_DIRECT_MEMORY)["b"].value == pytest.approx(0.2618, abs=1e-4)


# -- of what single looks do not tell


def look(reads: Reads, at: datetime, out: int | None, last: datetime | None = None) -> Number:
    loads = {} if out is None else {ORDERS: TopicLoad(1, 0, 0, out)}
    return reads.unread_for([ORDERS], loads, {} if last is None else {ORDERS: last}, at, DAY.total_seconds())[ORDERS]


def test_a_topic_is_unread_for_at_least_as_long_as_it_was_watched() -> None:
    reads = Reads()

    look(reads, START, 10)
    number = look(reads, START + 2 * DAY, 10)

    assert (number.value, number.bound) == (2 * DAY.total_seconds(), Bound.AT_LEAST)


def test_a_read_that_was_seen_tells_exactly() -> None:
    reads = Reads()
    look(reads, START, 10)
    look(reads, START + DAY, 11)

    number = look(reads, START + 3 * DAY, 11)

    assert (number.value, number.bound) == (2 * DAY.total_seconds(), Bound.EXACT)


def test_a_topic_that_is_loaded_anew_was_not_read_by_that() -> None:
    reads = Reads()
    look(reads, START, 10)
    look(reads, START + timedelta(hours=1), None)
    look(reads, START + timedelta(hours=2), 0)

    number = look(reads, START + timedelta(hours=3), 0)

    assert (number.value, number.bound) == (3 * 3600, Bound.AT_LEAST)


def test_a_topic_that_is_gone_is_forgotten_and_begins_anew_when_it_comes_back() -> None:
    reads = Reads()
    look(reads, START, 10)
    reads.unread_for([], {}, {}, START + DAY, 1.0)

    number = look(reads, START + 2 * DAY, 10)

    assert (number.value, number.bound) == (0, Bound.AT_LEAST)


def test_a_subscriptions_time_stamp_tells_that_it_cannot_be_longer() -> None:
    number = look(Reads(), START, 10, last=START - timedelta(hours=1))

    assert (number.value, number.bound) == (3600, Bound.AT_MOST)


def errors(at: datetime, count: float | None) -> Scrape:
    name = bulk.WRITE_ERRORS
    samples = () if count is None else (Sample(f"{name}_total", {"topic": "x"}, count),)
    return Scrape("b", at, samples, frozenset({name}))


def test_errors_are_a_rate_between_two_looks_and_a_counter_may_begin_anew() -> None:
    seen = Errors()
    minute = timedelta(minutes=1)

    found = [
        seen.rates([errors(START + index * minute, count)])["b"].value for index, count in enumerate((5, 8, None, 2))
    ]

    assert found == [None, 3, 0, 2]


# -- of brokers, and what is unknown


def test_memory_is_told_by_each_broker_and_processors_by_their_load_reports() -> None:
    collected = collect(shop(), AllOf((above(Measure.BROKER_MEMORY, 0.8), above(Measure.BROKER_CPU, 0.8))))

    assert set(collected.snapshot.instances[Measure.BROKER_MEMORY]) == {"broker-1:8080", "broker-2:8080"}
    assert [one.value for one in collected.snapshot.instances[Measure.BROKER_CPU].values()] == [0, 0]


def test_a_broker_that_is_alone_has_no_load_report_and_that_is_said() -> None:
    collected = collect(shop(brokers=("broker-1:8080",)), above(Measure.BROKER_CPU, 0.8))

    [number] = collected.snapshot.instances[Measure.BROKER_CPU].values()
    assert number.value is None
    assert "no load report" in number.why


def test_disks_are_unknown_where_no_bookie_is_known() -> None:
    collected = collect(shop(), above(Measure.BOOKIE_DISK, 0.8))

    assert collected.snapshot.missing["bookie-disk"].why == "no bookie is known: set bookie_urls"


def test_disks_are_told_by_directory_in_percent() -> None:
    scrape = Scrape("bookie:8000", START, (Sample("bookie_ledger_dir_data_usage", {}, 81.5),))

    found = bulk.disks([scrape, Scrape("other:8000", START, why="no connection")])

    assert found["bookie:8000 data"].value == pytest.approx(0.815)
    assert (found["other:8000"].value, found["other:8000"].why) == (None, "no connection")


def test_a_cluster_that_does_not_answer_leaves_every_number_unknown_and_every_schedule_unlisted() -> None:
    world = shop()
    used = collector(world)
    world.brokers.clear()
    when = AllOf((above(Measure.LOCAL_BYTES, 1), above(Measure.BROKER_CPU, 0.5), above(Measure.BOOKIE_DISK, 0.5)))

    collected = used.collect([schedule(when)], world.clock.now())

    assert "nightly" not in collected.topics
    assert "no connection" in collected.unlisted["nightly"] or "broke off" in collected.unlisted["nightly"]
    assert all(one.why for one in collected.snapshot.missing.values())


# -- which topics


def test_a_schedule_on_times_alone_asks_for_nothing() -> None:
    world = shop()

    collected = collect(world, NIGHTLY)

    assert collected.topics == {"nightly": ()}
    assert not world.asked


def test_what_is_offloaded_first_is_told_by_local_bytes_whatever_the_condition_looks_at() -> None:
    world = shop()
    world.cluster.serve(BILLS)
    scope = ScheduleScope(Scope.of(namespaces=[SHOP]), not_match="nothing")

    collected = collect(world, NIGHTLY, scope=scope)

    local = numbers(collected, Measure.LOCAL_BYTES)
    assert (local[ORDERS].value, local[BILLS].value) == (30_000, 3000)
    assert world.asked["topics"] == 0


def test_labels_are_the_properties_of_namespaces() -> None:
    world = shop()
    world.cluster.namespaces[SHOP].properties["tier"] = "cold"
    other = NamespaceName("acme", "other")
    world.cluster.create_namespace(other)
    world.cluster.add_closed_ledgers(TopicName("acme", "other", "x"), 1, entries=1, entry=b"x")
    scope = ScheduleScope(Scope.of(tenants=["acme"]), labels=(("tier", "cold"),))

    collected = collect(world, above(Measure.LOCAL_BYTES, 1), scope=scope)

    assert collected.topics["nightly"] == (BILLS, ORDERS)
    assert collected.snapshot.labels[other] == {}


def test_a_namespace_that_is_not_there_is_told_and_stops_no_other_one_unless_sums_would_be_wrong() -> None:
    world = shop()
    scope = ScheduleScope(Scope.of(namespaces=[SHOP, NamespaceName("acme", "gone")]))

    single = collect(world, above(Measure.LOCAL_BYTES, 1), scope=scope)
    summed = collect(world, above(Measure.LOCAL_BYTES, 1, extent=Extent.SCOPE), scope=scope)

    assert single.topics["nightly"] == (BILLS, ORDERS)
    assert "acme/gone" in single.unlisted["nightly"]
    assert "nightly" not in summed.topics


def test_of_what_is_to_be_trimmed_all_topics_are_listed_or_none() -> None:
    world = shop()
    scope = ScheduleScope(Scope.of(namespaces=[SHOP, NamespaceName("acme", "gone")]))
    without_one = replace(scope, not_topics=(BILLS,))

    by_numbers = collect(world, above(Measure.LOCAL_BYTES, 1), scope=scope, action=TrimAction())
    by_times = collect(world, NIGHTLY, scope=without_one, action=TrimAction())

    for collected in (by_numbers, by_times):
        assert "nightly" not in collected.topics
        assert "acme/gone" in collected.unlisted["nightly"]


def test_a_named_topic_that_is_not_there_is_told_and_stops_no_other_one_unless_sums_would_be_wrong() -> None:
    world = shop()
    scope = ScheduleScope(Scope.of(topics=[TopicName("acme", "shop", "gone"), ORDERS]))

    single = collect(world, above(Measure.LOCAL_BYTES, 1), scope=scope)
    summed = collect(world, above(Measure.LOCAL_BYTES, 1, extent=Extent.SCOPE), scope=scope)

    assert single.topics["nightly"] == (ORDERS,)
    assert "gone" in single.unlisted["nightly"]
    assert "nightly" not in summed.topics


def test_a_named_topic_stands_for_its_partitions() -> None:
    world = shop()
    parts = TopicName("acme", "shop", "parts")
    world.cluster.create_partitioned_topic(parts, 2)
    scope = ScheduleScope(Scope.of(topics=[parts]))

    collected = collect(world, above(Measure.LOCAL_BYTES, 1), scope=scope)

    assert collected.topics["nightly"] == (parts.with_partition(0), parts.with_partition(1))


# -- PromQL


class Answers:
    """Tells what it is told to."""

    def __init__(self, answers: Mapping[str, Mapping[str, Number]]) -> None:
        self.answers = answers

    def instant(self, expression: str, at: datetime) -> Mapping[str, Number]:
        if expression not in self.answers:
            raise BadValue(f"{expression} is no expression")
        return self.answers[expression]

    def over_time(self, expression: str, start: datetime, end: datetime, step_seconds: float) -> list[Any]:
        raise NotImplementedError


def query(text: str) -> Schedule:
    return schedule(above(Measure.PROMQL, 1, query=text))


def test_expressions_are_asked_once_each_and_a_bad_or_empty_one_is_unknown() -> None:
    world = shop()
    answers = Answers({"up": {"{}": Number("PromQL", 1.0)}, "none": {}})
    used = BulkCollector(world.admin(), world.numbers(), world.clock, answers)

    snapshot = used.collect([query("up"), query("none"), query("(")], START).snapshot

    assert snapshot.queries == {"up": {"{}": Number("PromQL", 1.0)}}
    assert snapshot.missing["none"].why == "the expression gives no series"
    assert snapshot.missing["("].why == "( is no expression"


def test_without_prometheus_an_expression_is_unknown_and_it_is_said_what_to_set() -> None:
    snapshot: Snapshot = collector(shop()).collect([query("up")], START).snapshot

    assert snapshot.missing["up"].why == "nobody answers PromQL: set prometheus_url"


def test_a_load_report_without_a_limit_is_no_share() -> None:
    found = bulk.processors([LoadReport("b", START, None, "the load report has no limit")])

    assert (found["b"].value, found["b"].why) == (None, "the load report has no limit")
