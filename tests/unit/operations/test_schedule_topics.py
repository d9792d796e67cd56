"""Schedules roll over and trim on the embedded cluster: only what is idle, only what is proved, only by leave."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.messages import Producer
from offloadctl.demo.tuning import Tuning
from offloadctl.errors import Interrupted, Refused, StateUnwritable, Terminated
from offloadctl.exitcodes import ExitCode
from offloadctl.format.keys import data_key
from offloadctl.model.decision import Intent
from offloadctl.model.ledger import Position
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.schedule import Action, RollOverAction, Schedule, TrimAction
from offloadctl.model.scope import Scope
from offloadctl.model.topic_action import TopicActionRun, TopicResult, TopicState, TopicVerb
from offloadctl.model.verified import OffloadedLedger
from offloadctl.operations.policy_guard import Verify, verified_by_check
from offloadctl.operations.schedule_actions import ScheduleActions
from offloadctl.operations.schedule_topics import TopicRuns, topic_words
from offloadctl.operations.workers import Stop
from tests.schedules import NIGHTLY, SHOP, schedule

NAMES = ("orders", "bills", "audit")
ORDERS, BILLS, AUDIT = TOPICS = tuple(TopicName("acme", "shop", name) for name in NAMES)
DAY = timedelta(days=1)
ALLOWED = frozenset(TopicVerb)
IDLE = RollOverAction(DAY)
WHOLE = Scope.of(namespaces=[SHOP])
NEVER = timedelta(days=10_000)


def cluster_of(*topics: TopicName, entries: int = 25, retention_minutes: int = -1) -> InMemoryCluster:
    """Topics with two closed ledgers of ten entries and an open one, whose brokers trim nothing by themselves."""
    tuning = Tuning(max_entries_per_ledger=10, retention_minutes=retention_minutes, trim_interval=NEVER)
    made = InMemoryCluster(tuning=tuning)
    for topic in topics:
        made.cluster.create_topic(topic)
        write(made, topic, entries)
    made.cluster.refresh_stats()
    return made


def write(made: InMemoryCluster, topic: TopicName, entries: int = 1) -> None:
    made.cluster.publish(topic, Producer("p", made.clock.now(), payload_size=50).entries(entries))


def offloaded(*topics: TopicName) -> InMemoryCluster:
    """All that is closed is offloaded, and for longer than the deletion lag."""
    made = cluster_of(*topics)
    for topic in topics:
        made.admin().trigger_offload(topic, Position(made.cluster.metadata[topic].last.ledger_id, 0))
    made.advance(timedelta(minutes=5))
    made.advance(timedelta(hours=5))
    return made


def damage(made: InMemoryCluster, topic: TopicName) -> None:
    first = made.cluster.metadata[topic].ascending[0]
    assert first.context is not None
    made.store.delete(data_key(first.context.uuid, first.ledger_id))


def runs(
    made: InMemoryCluster, *, allowed: frozenset[TopicVerb] = ALLOWED, notes: list[str] | None = None
) -> TopicRuns:
    kept = notes if notes is not None else []

    def proving(stop: Stop, *, acts: bool) -> AbstractContextManager[Verify]:
        return nullcontext(verified_by_check(made.ports(), may_load=acts, stop=stop))

    def note(run_id: str, verb: TopicVerb, result: TopicResult) -> None:
        kept.append(f"{run_id} {verb} {result.topic.local_name} {result.state}")

    return TopicRuns(made.ports(), allowed, proving, note)


def of(action: Action, **limits: int) -> Schedule:
    made = schedule(NIGHTLY, action=action)
    return replace(made, limits=replace(made.limits, **limits))  # type: ignore[arg-type] # a misspelt one is told


def act(made: InMemoryCluster, action: Action, **limits: int) -> TopicActionRun:
    return runs(made).run(of(action, **limits), WHOLE, "run-1", Stop())


def states(run: TopicActionRun) -> dict[str, tuple[str, str]]:
    return {one.topic.local_name: (one.state.value, one.reason.code) for one in run.results}


def copies(made: InMemoryCluster, topic: TopicName) -> list[bool]:
    """Whether BookKeeper has each ledger."""
    return [one.in_bookkeeper for one in made.cluster.metadata[topic].ascending]


# -- by leave


@pytest.mark.parametrize("action", [IDLE, TrimAction()])
def test_an_instance_that_was_not_allowed_to_does_nothing_whatever_the_schedule_says(action: Action) -> None:
    made = offloaded(*TOPICS)
    made.advance(2 * DAY)
    before = {topic: made.cluster.metadata[topic].version for topic in TOPICS}
    act_of_schedules = ScheduleActions(made.ports())
    intent = Intent("run-1", "nightly", made.clock.now(), (), whole_scope=True)

    with pytest.raises(Refused, match="not allowed to"):
        act_of_schedules(of(action), intent)

    assert {topic: made.cluster.metadata[topic].version for topic in TOPICS} == before


def test_a_look_tells_the_same_as_a_run_would_do_and_does_nothing() -> None:
    made, notes = offloaded(*TOPICS), list[str]()
    damage(made, BILLS)
    before = {topic: made.cluster.metadata[topic].version for topic in TOPICS}

    looked = runs(made, allowed=frozenset(), notes=notes).look(of(TrimAction()), WHOLE)

    assert states(looked) == {
        "audit": ("planned", "due"),
        "bills": ("refused", "unverified"),
        "orders": ("planned", "due"),
    }
    assert notes == []
    assert {topic: made.cluster.metadata[topic].version for topic in TOPICS} == before
    assert all(all(copies(made, topic)) for topic in TOPICS)


# -- roll over


def test_the_last_ledger_of_an_idle_topic_is_closed_and_can_be_offloaded() -> None:
    made = cluster_of(ORDERS)
    made.advance(2 * DAY)
    last = made.cluster.metadata[ORDERS].last

    run = act(made, IDLE)

    assert (states(run), run.exit_code) == ({"orders": ("done", "closed")}, ExitCode.OK)
    assert (last.entry_count, last.closed_at) == (5, made.clock.now())
    assert made.cluster.metadata[ORDERS].last.entry_count == 0
    assert topic_words(run) == "roll-over: 1 done"
    assert states(act(made, IDLE)) == {"orders": ("left", "empty")}, "there is nothing to do a second time"


def test_topics_that_are_written_to_and_those_with_clients_are_left_alone() -> None:
    made = cluster_of(*TOPICS)
    made.advance(2 * DAY)
    write(made, ORDERS)
    made.advance(timedelta(hours=1))
    made.cluster.loaded[BILLS].consumers = 2

    run = act(made, IDLE)

    assert states(run) == {
        "audit": ("done", "closed"),
        "bills": ("left", "connected"),
        "orders": ("left", "written-lately"),
    }
    assert made.cluster.loaded[BILLS].consumers == 2, "nobody was disconnected"
    assert topic_words(run) == "roll-over: 2 left, 1 done (1 connected, 1 written-lately)"
    assert states(act(made, replace(IDLE, while_connected=True)))["bills"] == ("done", "closed")


def test_topics_that_no_broker_serves_are_loaded_only_where_the_schedule_says_so() -> None:
    made = cluster_of(ORDERS)
    made.cluster.unload(ORDERS)
    made.cluster.refresh_stats()
    made.advance(2 * DAY)

    left = act(made, IDLE)
    was_loaded = ORDERS in made.cluster.loaded
    done = act(made, replace(IDLE, load_topics=True))

    assert (states(left), was_loaded) == ({"orders": ("left", "not-loaded")}, False)
    assert states(done) == {"orders": ("done", "closed")}


def test_a_topic_that_was_served_all_along_is_judged_as_that_whatever_the_brokers_list_says() -> None:
    made = cluster_of(ORDERS, BILLS)
    made.advance(2 * DAY)
    write(made, BILLS)
    made.cluster.served_at_last_stats = {}

    run = act(made, replace(IDLE, load_topics=True))

    assert states(run) == {"bills": ("left", "written-lately"), "orders": ("done", "closed")}


def test_no_more_topics_are_unloaded_than_a_run_may() -> None:
    made = cluster_of(*TOPICS)
    made.advance(2 * DAY)

    looked = runs(made).look(of(IDLE, topics_a_run=2), WHOLE)
    run = act(made, IDLE, topics_a_run=2)

    assert sorted(states(looked).values()) == [("left", "limit"), ("planned", "idle"), ("planned", "idle")]
    assert sorted(states(run).values()) == [("done", "closed"), ("done", "closed"), ("left", "limit")]
    assert made.cluster.topics_loaded.total() == len(TOPICS) + 2


def test_each_run_begins_behind_the_topics_of_the_one_before() -> None:
    made = offloaded(*TOPICS)
    trims, limited = TrimAction(), {"topics_a_run": 2}

    first, second = (
        runs(made).run(of(trims, **limited), WHOLE, f"run-{number}", Stop(), number=number) for number in (1, 2)
    )

    done = [{one.topic for one in run.of(TopicState.DONE)} for run in (first, second)]
    assert [len(one) for one in done] == [2, 2]
    assert done[0] | done[1] == set(TOPICS)


def test_what_is_about_to_be_done_is_written_down_before_and_nothing_is_done_where_it_cannot_be() -> None:
    made, notes = cluster_of(ORDERS), list[str]()
    made.advance(2 * DAY)

    def broken(run_id: str, verb: TopicVerb, result: TopicResult) -> None:
        raise StateUnwritable("the disk is full")

    with pytest.raises(StateUnwritable):
        replace(runs(made), note=broken).run(of(IDLE), WHOLE, "run-1", Stop())
    is_open = made.cluster.metadata[ORDERS].last.entry_count
    runs(made, notes=notes).run(of(IDLE), WHOLE, "run-1", Stop())

    assert is_open == 5
    assert notes == ["run-1 roll-over orders planned", "run-1 roll-over orders done"]


def test_what_came_of_a_request_is_told_where_it_cannot_be_written_down_any_more() -> None:
    made, written = cluster_of(ORDERS), list[str]()
    made.advance(2 * DAY)

    def full(run_id: str, verb: TopicVerb, result: TopicResult) -> None:
        if written:
            raise StateUnwritable("the disk is full")
        written.append(run_id)

    run = replace(runs(made), note=full).run(of(IDLE), WHOLE, "run-1", Stop())

    assert states(run) == {"orders": ("done", "closed")}
    assert run.results[0].reason.text.endswith("this is not in the journal: the disk is full")


def test_a_run_that_is_stopped_before_it_acts_does_nothing_and_is_handed_over() -> None:
    made = cluster_of(ORDERS)
    made.advance(2 * DAY)
    actions = ScheduleActions(made.ports(), topics=runs(made))
    actions.stop.by(Terminated("the service ends"))

    with pytest.raises(Interrupted):
        actions(of(IDLE), Intent("run-1", "nightly", made.clock.now(), (ORDERS,), whole_scope=False))

    assert made.cluster.metadata[ORDERS].last.entry_count == 5


# -- trim


def test_copies_go_where_all_objects_are_whole_and_stay_where_one_is_damaged() -> None:
    made, notes = offloaded(*TOPICS), list[str]()
    damage(made, BILLS)

    run = runs(made, notes=notes).run(of(TrimAction()), WHOLE, "run-1", Stop())

    assert states(run) == {
        "audit": ("done", "trimmed"),
        "bills": ("refused", "unverified"),
        "orders": ("done", "trimmed"),
    }
    assert copies(made, BILLS) == [True, True, True]
    assert copies(made, ORDERS) == copies(made, AUDIT) == [False, False, True]
    assert run.exit_code is ExitCode.FAILED, "one was refused beside others that were done"
    assert "acme/shop/bills: what is in the store is not proved to be whole: a check found damage" in topic_words(run)
    assert notes == [
        "run-1 trim audit planned",
        "run-1 trim audit done",
        "run-1 trim bills refused",
        "run-1 trim orders planned",
        "run-1 trim orders done",
    ]


def test_a_topic_of_which_nothing_is_due_is_neither_checked_nor_trimmed() -> None:
    made = cluster_of(ORDERS)
    made.asked.clear()

    run = act(made, TrimAction())

    assert (states(run), run.exit_code) == ({"orders": ("left", "nothing-due")}, ExitCode.OK)
    assert made.asked["trim"] == 0


def test_what_retention_lets_go_is_told_and_goes() -> None:
    made = cluster_of(ORDERS, retention_minutes=60)
    made.advance(timedelta(hours=2))

    looked = runs(made).look(of(TrimAction()), WHOLE)
    run = act(made, TrimAction())

    assert looked.results[0].reason.text.startswith("retention lets 2 ledgers go")
    assert run.results[0].reason.text.startswith("trimmed: 2 ledgers gone")
    assert len(made.cluster.metadata[ORDERS].ledgers) == 1


def test_nothing_is_trimmed_where_a_part_of_the_scope_cannot_be_listed() -> None:
    made = offloaded(*TOPICS)
    scope = Scope.of(namespaces=[SHOP, NamespaceName("acme", "gone")])

    run = runs(made).run(of(TrimAction()), scope, "run-1", Stop())
    rolled = runs(made).run(of(IDLE), scope, "run-2", Stop())

    assert (run.results, run.exit_code) == ((), ExitCode.REFUSED)
    assert "acme/gone" in topic_words(run)
    assert made.asked["trim"] == 0
    assert (len(rolled.results), rolled.exit_code) == (3, ExitCode.NOT_COVERED)


def test_a_ledger_that_was_offloaded_while_the_others_were_checked_stops_the_trim() -> None:
    made = offloaded(ORDERS)

    def proving(stop: Stop, *, acts: bool) -> AbstractContextManager[Verify]:
        def verify(ledgers: object) -> str:
            made.cluster.roll_over(ORDERS)
            made.admin().trigger_offload(ORDERS, Position(made.cluster.metadata[ORDERS].last.ledger_id, 0))
            return ""

        return nullcontext(verify)

    run = replace(runs(made), proving=proving).run(of(TrimAction()), WHOLE, "run-1", Stop())

    assert (states(run), run.exit_code) == ({"orders": ("refused", "changed")}, ExitCode.REFUSED)
    assert made.asked["trim"] == 0


def test_a_check_that_is_stopped_refuses_nothing_and_lets_nothing_go() -> None:
    made, notes = offloaded(*TOPICS), list[str]()

    def proving(stop: Stop, *, acts: bool) -> AbstractContextManager[Verify]:
        def verify(ledgers: Sequence[OffloadedLedger]) -> str:
            stop.by(Terminated("the service ends"))
            return verified_by_check(made.ports(), may_load=acts, stop=stop)(ledgers)

        return nullcontext(verify)

    actions = ScheduleActions(made.ports(), topics=replace(runs(made, notes=notes), proving=proving))
    result = actions(of(TrimAction()), Intent("run-1", "nightly", made.clock.now(), (), whole_scope=True))

    assert (result.exit_code, notes) == (ExitCode.TERMINATED, [])
    assert made.asked["trim"] == 0


@settings(max_examples=15)
@given(
    damaged=st.sets(st.sampled_from(TOPICS)),
    written=st.sets(st.sampled_from(TOPICS)),
    connected=st.sets(st.sampled_from(TOPICS)),
    unloaded=st.sets(st.sampled_from(TOPICS)),
    load_topics=st.booleans(),
    while_connected=st.booleans(),
)
def test_whatever_the_topics_are_like_no_damaged_one_is_trimmed_and_none_that_is_in_use_unloaded(
    damaged: set[TopicName],
    written: set[TopicName],
    connected: set[TopicName],
    unloaded: set[TopicName],
    *,
    load_topics: bool,
    while_connected: bool,
) -> None:
    made = offloaded(*TOPICS)
    made.advance(2 * DAY)
    for topic in damaged:
        damage(made, topic)
    for topic in written:
        write(made, topic)
    for topic in unloaded - written:
        made.cluster.unload(topic)
    for topic in connected - unloaded:
        made.cluster.loaded[topic].producers = 1
    made.cluster.refresh_stats()
    made.advance(timedelta(hours=1))
    held = dict(made.cluster.loaded)

    rolled = act(made, RollOverAction(DAY, while_connected=while_connected, load_topics=load_topics))
    in_use = written | (set() if while_connected else connected - unloaded)

    assert all(made.cluster.loaded[topic] is held[topic] for topic in in_use)
    assert {one.topic for one in rolled.of(TopicState.DONE)}.isdisjoint(in_use)

    act(made, TrimAction(load_topics=load_topics))

    assert all(all(copies(made, topic)) for topic in damaged)
    assert load_topics or all(copies(made, topic)[0] for topic in unloaded - written)
