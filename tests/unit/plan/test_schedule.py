"""Decisions: what fires, what is held, what is unknown, and the numbers that say so."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.exitcodes import ExitCode
from offloadctl.model.check_words import Level
from offloadctl.model.decision import Decision, Intent, RunResult, Truth, Verdict
from offloadctl.model.measures import Measure, Number, Snapshot, Usual, UsualKey
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.schedule import (
    Action,
    AllOf,
    AnyOf,
    CheckAction,
    Comparison,
    Condition,
    Cron,
    Dates,
    Direction,
    Extent,
    Gate,
    Hours,
    RollOverAction,
    Schedule,
    ScheduleLimits,
    ScheduleScope,
    TrimAction,
)
from offloadctl.model.scope import Scope
from offloadctl.model.status import Bound
from offloadctl.plan.comparing import Holding, combine, compare
from offloadctl.plan.gates import within_hours
from offloadctl.plan.schedule import decide
from offloadctl.plan.schedule_scope import members
from offloadctl.plan.schedule_state import ScheduleState, begun, ended
from offloadctl.units import ByteSize
from tests.schedules import (
    AUDIT,
    BILLS,
    GIB,
    ORDERS,
    SHOP,
    START,
    TOPICS,
    above,
    below,
    disks,
    local_bytes,
    schedule,
    snapshot,
)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LARGE = above(Measure.LOCAL_BYTES, 100)
FULL = above(Measure.BOOKIE_DISK, 0.8)
EVERY_MINUTE = Cron("* * * * *")


def decision(one: Schedule, seen: Snapshot, state: ScheduleState | None = None) -> Decision:
    return decide(one, TOPICS, seen, state or ScheduleState())[0]


def codes(one: Decision) -> list[str]:
    return [reason.code for reason in one.reasons]


def test_a_condition_on_topics_fires_for_those_that_meet_it_the_largest_first() -> None:
    sizes = local_bytes({ORDERS: 200.0, BILLS: 300.0, AUDIT: 50.0})

    made = decision(schedule(LARGE), snapshot(topics=sizes))

    assert (made.verdict, made.topics, made.whole_scope) == (Verdict.FIRED, (BILLS, ORDERS), False)
    assert made.reasons[0].text == (
        "local bytes above 100 B: 300 B (persistent://acme/shop/bills), by test, and 1 more"
    )
    assert made.when.counts == {Truth.TRUE: 2, Truth.FALSE: 1}
    assert next((one.subject, one.value, one.threshold, one.since) for one in made.when.seen) == (
        str(BILLS),
        300.0,
        100,
        START,
    )


def test_a_condition_on_the_cluster_takes_the_whole_scope() -> None:
    made = decision(schedule(FULL), snapshot(instances=disks(0.5, 0.9)))

    assert (made.verdict, made.topics, made.whole_scope) == (Verdict.FIRED, (), True)
    assert "90 % (bookie-1)" in made.reasons[0].text


def test_with_labels_the_topics_are_named() -> None:
    labelled = ScheduleScope(Scope.of(namespaces=[SHOP]), labels=(("tier", "cold"),))

    made = decision(schedule(FULL, scope=labelled), snapshot(instances=disks(0.9)))

    assert (made.topics, made.whole_scope) == (TOPICS, False)


def test_a_number_that_cannot_be_had_fires_nothing_and_is_said() -> None:
    nowhere = snapshot(missing={"bookie-disk": Number("http://bookie/metrics", why="nobody answers")})

    made = decision(schedule(FULL), nowhere)

    assert (made.verdict, codes(made)) == (Verdict.UNKNOWN, ["unknown"])
    assert "unknown, by http://bookie/metrics, nobody answers" in made.reasons[0].text.replace(" ()", "")


def test_what_is_known_decides_where_the_unknown_makes_no_difference() -> None:
    seen = snapshot(instances=disks(0.9), topics=local_bytes({ORDERS: None, BILLS: None, AUDIT: None}))

    either, both = (decision(schedule(kind((FULL, LARGE))), seen).verdict for kind in (AnyOf, AllOf))
    empty = decision(schedule(AllOf((FULL, LARGE))), replace(seen, instances=disks(0.1)))

    assert (either, both, empty.verdict) == (Verdict.FIRED, Verdict.UNKNOWN, Verdict.QUIET)


def test_a_number_is_too_old_to_go_by() -> None:
    old = {Measure.BOOKIE_DISK: {"bookie": Number("test", 0.9, START - HOUR)}}

    made = decision(schedule(FULL), snapshot(instances=old))

    assert made.verdict is Verdict.UNKNOWN
    assert "it was measured 1h ago" in made.reasons[0].text


@pytest.mark.parametrize(
    ("gate", "seen", "code"),
    [
        (below(Measure.BROKER_CPU, 0.7), {Measure.BROKER_CPU: {"a": Number("t", 0.9)}}, "gate-closed"),
        (below(Measure.BROKER_CPU, 0.7), {}, "gate-unknown"),
        (Hours(frozenset({3}), time(0), time(1), ZoneInfo("UTC"), is_open=False), {}, "gate-closed"),
        (Dates(date(2026, 1, 1), date(2026, 1, 1), ZoneInfo("UTC")), {}, "gate-closed"),
    ],
)
def test_a_gate_that_is_closed_or_unknown_holds_the_run(
    gate: Gate, seen: dict[Measure, dict[str, Number]], code: str
) -> None:
    made = decision(schedule(FULL, gates=(gate,)), snapshot(instances=disks(0.9) | seen))

    assert (made.verdict, codes(made)) == (Verdict.HELD, [code, "condition"])


def test_one_busy_broker_closes_a_gate_that_is_for_all() -> None:
    cpu = {Measure.BROKER_CPU: {"a": Number("t", 0.1), "b": Number("t", 0.9)}}

    made = decision(schedule(FULL, gates=(below(Measure.BROKER_CPU, 0.7),)), snapshot(instances=disks(0.9) | cpu))

    assert made.verdict is Verdict.HELD
    assert "90 % (b)" in made.reasons[0].text


def test_hysteresis_holds_until_the_lower_threshold_is_passed() -> None:
    one, state = schedule(above(Measure.BOOKIE_DISK, 0.8, until=0.6)), ScheduleState()
    truths = []
    for minute, share in enumerate((0.7, 0.81, 0.7, 0.61, 0.6, 0.7)):
        made, state = decide(one, TOPICS, snapshot(START + minute * MINUTE, instances=disks(share)), state)
        truths.append(made.when.truth is Truth.TRUE)

    assert truths == [False, True, True, True, False, False]


def test_what_must_last_fires_once_it_has_lasted_and_begins_anew_behind_a_gap() -> None:
    one, state = schedule(above(Measure.BOOKIE_DISK, 0.8, lasting=3 * MINUTE)), ScheduleState()
    verdicts = []
    for minute, share in enumerate((0.9, 0.9, None, 0.9, 0.9, 0.9, 0.9)):
        seen = snapshot(START + minute * MINUTE, instances={} if share is None else disks(share))
        made, state = decide(one, TOPICS, seen, state)
        verdicts.append(made.verdict)

    quiet, unknown, fired = Verdict.QUIET, Verdict.UNKNOWN, Verdict.FIRED
    assert verdicts == [quiet, quiet, unknown, quiet, quiet, quiet, fired]


def after_a_run(moved: int = 0, at: datetime = START) -> ScheduleState:
    intent = Intent("nightly-1", "nightly", at, (), whole_scope=True)
    return ended(begun(ScheduleState(), intent), RunResult("nightly-1", "nightly", at, at, ExitCode.OK, moved))


def test_after_a_run_numbers_have_to_wait_and_cron_times_do_not() -> None:
    full = snapshot(START + MINUTE, instances=disks(0.9))
    state = replace(after_a_run(), handled={EVERY_MINUTE.key: START})

    by_number = decision(schedule(FULL), full, state)
    by_cron = decision(schedule(AllOf((EVERY_MINUTE, FULL))), full, state)
    later = decision(schedule(FULL), snapshot(START + HOUR, instances=disks(0.9)), state)

    assert (by_number.verdict, codes(by_number)) == (Verdict.HELD, ["cool-down", "condition"])
    assert (by_cron.verdict, later.verdict) == (Verdict.FIRED, Verdict.FIRED)


def test_a_run_that_goes_on_holds_the_next_one() -> None:
    state = begun(ScheduleState(), Intent("nightly-1", "nightly", START, (), whole_scope=True))

    made = decision(schedule(FULL), snapshot(instances=disks(0.9)), state)

    assert codes(made) == ["running", "condition"]


def test_the_bytes_of_an_hour_are_spread_over_its_runs() -> None:
    limits = ScheduleLimits(bytes_an_hour=ByteSize(10 * GIB), bytes_a_run=ByteSize(8 * GIB))
    one = schedule(FULL, limits=limits, cool_down=timedelta(0))

    def at(minutes: int, moved: int) -> Decision:
        seen = snapshot(START + minutes * MINUTE, instances=disks(0.9))
        return decision(one, seen, after_a_run(moved))

    assert at(1, 0).at_most == 8 * GIB
    assert at(1, 7 * GIB).at_most == 3 * GIB
    assert codes(at(1, 10 * GIB)) == ["bytes-an-hour", "condition"]
    assert at(60, 10 * GIB).at_most == 8 * GIB


def test_a_run_names_no_more_topics_than_its_limit() -> None:
    sizes = local_bytes({ORDERS: 200.0, BILLS: 300.0, AUDIT: 150.0})

    made = decision(schedule(LARGE, limits=ScheduleLimits(topics_a_run=2)), snapshot(topics=sizes))

    assert (made.topics, made.left) == ((BILLS, ORDERS), 1)


@pytest.mark.parametrize("action", [TrimAction(), RollOverAction(HOUR), CheckAction(Level.LISTING)])
def test_runs_that_change_no_condition_take_turns_with_the_topics(action: Action) -> None:
    one = schedule(LARGE, action=action, limits=ScheduleLimits(topics_a_run=2))
    seen = snapshot(topics=local_bytes({ORDERS: 200.0, BILLS: 300.0, AUDIT: 150.0}))

    first, second, third = (decision(one, seen, ScheduleState(runs=runs)) for runs in range(3))

    assert (first.topics, second.topics, third.topics) == ((BILLS, ORDERS), (AUDIT, BILLS), (ORDERS, AUDIT))
    assert {made.left for made in (first, second, third)} == {1}


def test_a_namespace_is_taken_as_a_whole() -> None:
    other = TopicName("acme", "other", "x")
    sizes = local_bytes({ORDERS: 60.0, BILLS: 50.0, AUDIT: 0.0, other: 90.0})
    one = schedule(replace(LARGE, extent=Extent.NAMESPACE))

    made, _ = decide(one, (*TOPICS, other), snapshot(topics=sizes), ScheduleState())

    assert made.topics == (ORDERS, BILLS, AUDIT)


def test_a_schedule_that_is_off_says_so() -> None:
    assert codes(decision(schedule(FULL, enabled=False), snapshot(instances=disks(0.9)))) == ["disabled"]


@pytest.mark.parametrize(
    ("bound", "value", "direction", "truth"),
    [
        (Bound.AT_LEAST, 5, Direction.ABOVE, Truth.TRUE),
        (Bound.AT_LEAST, 2, Direction.ABOVE, Truth.UNKNOWN),
        (Bound.AT_MOST, 2, Direction.ABOVE, Truth.FALSE),
        (Bound.AT_MOST, 5, Direction.ABOVE, Truth.UNKNOWN),
        (Bound.AT_LEAST, 5, Direction.BELOW, Truth.FALSE),
        (Bound.AT_LEAST, 2, Direction.BELOW, Truth.UNKNOWN),
        (Bound.AT_MOST, 2, Direction.BELOW, Truth.TRUE),
        (Bound.AT_MOST, 5, Direction.BELOW, Truth.UNKNOWN),
    ],
)
def test_a_bound_decides_what_it_can(bound: Bound, value: float, direction: Direction, truth: Truth) -> None:
    comparison = Comparison(Measure.LOCAL_BYTES, direction, 3, 3)

    seen, _ = compare(comparison, "x", Number("test", value, bound=bound), None, snapshot())

    assert seen.truth is truth


known = st.floats(0, 1e6)
numbers = st.lists(st.none() | st.tuples(known, st.sampled_from(Bound), known), min_size=1, max_size=5)


@given(numbers, st.sampled_from([Measure.LOCAL_BYTES, Measure.OLDEST_ELIGIBLE, Measure.UNREAD_FOR]))
def test_what_many_topics_come_to_is_true_of_any_numbers_that_fit(
    parts: list[tuple[float, Bound, float] | None], measure: Measure
) -> None:
    given_numbers, real = [], []
    for part in parts:
        value, bound, off = part or (0.0, Bound.AT_LEAST, 1.0)
        real.append({Bound.EXACT: value, Bound.AT_LEAST: value + off, Bound.AT_MOST: max(0, value - off)}[bound])
        given_numbers.append(Number("test", None if part is None else value, bound=bound))

    found = combine(measure, given_numbers, "all")

    if found.value is not None:
        truth = {
            Measure.LOCAL_BYTES: sum(real),
            Measure.OLDEST_ELIGIBLE: max(real),
            Measure.UNREAD_FOR: min(real),
        }[measure]
        assert found.bound is not Bound.EXACT or found.value == pytest.approx(truth)
        assert found.bound is not Bound.AT_LEAST or found.value <= truth * (1 + 1e-9)
        assert found.bound is not Bound.AT_MOST or found.value >= truth * (1 - 1e-9)


def test_unusual_is_measured_by_what_is_usual_and_unknown_without_it() -> None:
    unusual = Comparison(Measure.BROKER_CPU, Direction.ABOVE, 4, 2, unusual=True)
    usual = snapshot(
        usual={UsualKey("broker-cpu", "a"): Usual(0.3, 0.1), UsualKey("broker-cpu", "b"): "only 3 days are known"}
    )

    far, _ = compare(unusual, "a", Number("t", 0.75), None, usual)
    near, _ = compare(unusual, "a", Number("t", 0.65), None, usual)
    held, _ = compare(unusual, "a", Number("t", 0.65), Holding(START, counts=True), usual)
    cold, _ = compare(unusual, "b", Number("t", 0.75), None, usual)

    assert [one.truth for one in (far, near, held, cold)] == [Truth.TRUE, Truth.FALSE, Truth.TRUE, Truth.UNKNOWN]
    assert (far.why, cold.why) == ("usual at this hour: 30 %", "only 3 days are known")


@given(st.integers(0, 1439), st.integers(0, 1439), st.frozensets(st.integers(0, 6)), st.integers(0, 7 * 1440 - 1))
def test_hours_are_a_stretch_behind_their_start(start: int, end: int, days: frozenset[int], minute: int) -> None:
    monday = datetime(2026, 1, 5, tzinfo=ZoneInfo("UTC"))
    at = [time(number // 60, number % 60) for number in (start, end)]
    hours = Hours(days, at[0], at[1], ZoneInfo("UTC"), is_open=True)
    length = (end - start) % 1440 or 1440

    begins = [day * 1440 + start for day in days]
    expected = any(0 <= minute - begin < length or 0 <= minute + 7 * 1440 - begin < length for begin in begins)

    assert within_hours(hours, monday + timedelta(minutes=minute)) == expected


def test_topics_are_taken_by_scope_labels_and_excludes_and_never_if_they_are_the_brokers() -> None:
    warm, cold = NamespaceName("acme", "warm"), NamespaceName("acme", "cold")
    every = [
        TopicName("acme", "warm", "a"),
        *(TopicName("acme", "cold", name) for name in ("a", "b-partition-0", "b-partition-1", "tmp-1", "audit")),
        TopicName("acme", "cold", "__change_events"),
        TopicName("other", "cold", "a"),
    ]
    scope = ScheduleScope(
        Scope.of(tenants=["acme"]),
        labels=(("tier", "cold"),),
        not_topics=(TopicName("acme", "cold", "audit"),),
        not_match="/tmp-",
    )

    taken = members(scope, every, {cold: {"tier": "cold"}, warm: {"tier": "warm"}})

    assert [topic.local_name for topic in taken] == ["a", "b-partition-0", "b-partition-1"]
    assert members(scope, every, {}) == ()


def test_a_partitioned_topic_is_taken_with_its_partitions() -> None:
    parts = [ORDERS.with_partition(number) for number in range(2)]

    assert members(ScheduleScope(Scope.of(topics=[ORDERS])), [*parts, BILLS], {}) == tuple(parts)
    assert members(ScheduleScope(Scope.of(topics=parts[:1])), [*parts, BILLS], {}) == tuple(parts[:1])


def conditions() -> st.SearchStrategy[Condition]:
    return st.recursive(
        st.sampled_from([LARGE, FULL, EVERY_MINUTE]),
        lambda inner: st.lists(inner, min_size=1, max_size=3).flatmap(
            lambda parts: st.sampled_from([AllOf(tuple(parts)), AnyOf(tuple(parts))])
        ),
        max_leaves=6,
    )


@given(conditions(), st.lists(st.none() | st.floats(0, 200), min_size=3, max_size=3), st.none() | st.floats(0, 1))
def test_more_knowledge_never_takes_a_decision_back(
    when: Condition, sizes: list[float | None], disk: float | None
) -> None:
    """Whoever fired without a number would have fired with any value of it."""
    state = ScheduleState(handled={EVERY_MINUTE.key: START - MINUTE})
    less = snapshot(
        topics=local_bytes(dict(zip(TOPICS, sizes, strict=True))), instances={} if disk is None else disks(disk)
    )

    made = decision(schedule(when), less, state)

    for size, share in ((0.0, 0.0), (200.0, 1.0), (0.0, 1.0), (200.0, 0.0)):
        filled = local_bytes({t: size if s is None else s for t, s in zip(TOPICS, sizes, strict=True)})
        more = decision(
            schedule(when), snapshot(topics=filled, instances=disks(share if disk is None else disk)), state
        )
        if made.verdict is Verdict.FIRED:
            assert more.verdict is Verdict.FIRED
            assert set(made.topics) <= set(more.topics)
        if made.verdict is Verdict.QUIET:
            assert more.verdict is Verdict.QUIET


@pytest.mark.parametrize("when", [LARGE, AnyOf((LARGE, FULL))])
def test_a_scope_without_topics_is_told_where_it_decides(when: Condition) -> None:
    labelled = ScheduleScope(Scope.of(namespaces=[SHOP]), labels=(("tier", "cold"),))

    made, _ = decide(schedule(when, scope=labelled), (), snapshot(), ScheduleState())

    assert (made.verdict, [one.text for one in made.reasons]) == (
        Verdict.QUIET,
        ["nothing to do: its scope has no topics"],
    )


def test_of_what_is_unusual_it_is_told_that_thresholds_are_no_numbers_of_the_unit() -> None:
    unusual = above(Measure.BOOKIE_DISK, 4, unusual=True)

    made = decision(schedule(AnyOf((unusual, FULL))), snapshot(instances=disks(0.9)))

    assert [(one.unusual, one.seen[0].threshold) for one in made.when.parts] == [(True, 4), (False, 0.8)]
