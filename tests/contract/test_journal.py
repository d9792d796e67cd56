"""What every journal promises: the one in SQLite, and the one in memory that tests of operations use."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from uuid import UUID

import pytest

from offloadctl.adapters.memory import ManualClock
from offloadctl.adapters.memory_journal import JournalStore, MemoryJournal
from offloadctl.adapters.sqlite_journal import SqliteJournal
from offloadctl.exitcodes import ExitCode
from offloadctl.model.journal import (
    Actor,
    Attempt,
    HistoryFilter,
    RunStart,
    RunState,
    StepEnd,
    StepLedger,
    StepPlan,
    StepState,
)
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Confirmation, OffloadWish, Outcome, Reason
from offloadctl.units import ByteSize

AnyJournal = SqliteJournal | MemoryJournal
Process = Callable[[], AnyJournal]
"""Opens the same journal once more, as another process does."""

ORDERS, BILLS = TopicName("acme", "shop", "orders"), TopicName("acme", "shop", "bills")
FIRST_TRY = UUID(int=7)
START = RunStart(
    context="prod",
    cluster="east",
    actor=Actor("ann", "host-1", 4711),
    command="offload topic acme/shop/orders -s 0",
    wish=OffloadWish(ByteSize(2**70), timedelta(days=7, microseconds=1)),
    reason="CHANGE-7 “ä”",
    plan_hash="sha256:1",
)
LEDGERS = (StepLedger(31, 100, ByteSize(1000)), StepLedger(32, 200, ByteSize(2000), FIRST_TRY))
PLAN = StepPlan(ORDERS, Position(33, 0), LEDGERS)


def moved(*ledgers: StepLedger) -> StepEnd:
    return StepEnd(
        Outcome.CONFIRMED,
        ExitCode.OK,
        (Reason("moves", "moves: “both”"),),
        tuple(replace(one, confirmation=Confirmation.CONFIRMED, object_bytes=one.size + 10) for one in ledgers),
        seconds=1.5,
    )


LOST = StepEnd(
    Outcome.ABANDONED,
    ExitCode.FAILED,
    ledgers=tuple(replace(one, confirmation=Confirmation.NOT_MOVED) for one in LEDGERS),
    judged_by="another",
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["sqlite", "memory"])
def process(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[Process]:
    store, opened = JournalStore(), list[AnyJournal]()

    def start() -> AnyJournal:
        in_sqlite = request.param == "sqlite"
        opened.append(SqliteJournal(tmp_path, clock) if in_sqlite else MemoryJournal(clock, store))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_a_run_is_there_as_it_was_told_before_it_does_anything(process: Process, clock: ManualClock) -> None:
    run_id = process().begin_run(START)

    run = process().run(run_id)
    assert run is not None
    assert (run.start, run.started_at) == (START, clock.now())
    assert (run.ended_at, run.exit_code, run.state) == (None, None, RunState.GOING_ON)
    assert run.counts.steps == 0


def test_a_run_is_alive_until_it_ends(process: Process, clock: ManualClock) -> None:
    ours, theirs = process(), process()
    run_id = ours.begin_run(START)
    assert ours.is_alive(run_id)
    assert theirs.is_alive(run_id)
    clock.advance(timedelta(minutes=1))

    ours.end_run(run_id, ExitCode.NOT_COVERED, {})

    run = theirs.run(run_id)
    assert run is not None
    assert (run.state, run.exit_code, run.ended_at) == (RunState.ENDED, 5, clock.now())
    assert not theirs.is_alive(run_id)


def test_a_run_whose_process_is_gone_is_dead_at_once(process: Process) -> None:
    ours, theirs = process(), process()
    run_id = ours.begin_run(START)

    ours.close()

    assert not theirs.is_alive(run_id)
    run = theirs.run(run_id)
    assert run is not None
    assert run.state is RunState.BROKEN_OFF


def test_nobody_is_alive_whom_nobody_knows(process: Process) -> None:
    journal = process()

    assert not journal.is_alive("20260101-000000-000000")
    assert journal.run("20260101-000000-000000") is None


def test_a_step_goes_from_planned_to_sent_to_its_end(process: Process, clock: ManualClock) -> None:
    journal = process()
    run_id = journal.begin_run(START)
    journal.plan_steps(run_id, [PLAN, replace(PLAN, topic=BILLS)])
    planned = journal.step(run_id, ORDERS)
    clock.advance(timedelta(seconds=5))
    sent_at = clock.now()
    assert journal.begin_step(run_id, PLAN) is None
    sent = journal.step(run_id, ORDERS)
    clock.advance(timedelta(seconds=5))
    assert journal.end_step(run_id, ORDERS, moved(*LEDGERS))

    ended = process().step(run_id, ORDERS)
    assert planned is not None
    assert sent is not None
    assert ended is not None
    assert (planned.plan, planned.state(is_alive=True)) == (PLAN, StepState.PLANNED)
    assert planned.state(is_alive=False) is StepState.NEVER_SENT
    assert (sent.sent_at, sent.state(is_alive=True)) == (sent_at, StepState.SENT)
    assert sent.state(is_alive=False) is StepState.UNFINISHED
    assert (ended.end, ended.sent_at, ended.ended_at) == (moved(*LEDGERS), sent_at, clock.now())
    assert [one.topic for one in journal.steps(run_id)] == [BILLS, ORDERS]
    assert journal.step(run_id, TopicName("acme", "shop", "other")) is None


def test_a_run_counts_what_its_steps_planned_and_moved(process: Process) -> None:
    journal = process()
    run_id = journal.begin_run(START)
    journal.plan_steps(run_id, [PLAN, replace(PLAN, topic=BILLS)])
    journal.begin_step(run_id, PLAN)
    journal.begin_step(run_id, replace(PLAN, topic=BILLS))
    journal.end_step(run_id, ORDERS, moved(LEDGERS[0]))

    run = journal.run(run_id)
    assert run is not None
    counts = run.counts
    assert (counts.steps, counts.ended, counts.unfinished) == (2, 1, 1)
    assert (counts.ledgers_planned, counts.bytes_planned) == (4, 6000)
    assert (counts.ledgers_moved, counts.bytes_moved, counts.object_bytes) == (1, 1000, 1010)
    assert counts.outcomes == {"confirmed": 1}


def test_a_step_may_begin_again_with_what_is_left(process: Process) -> None:
    journal = process()
    run_id = journal.begin_run(START)
    journal.begin_step(run_id, PLAN)
    less = replace(PLAN, ledgers=LEDGERS[1:])

    assert journal.begin_step(run_id, less) is None

    (step,) = journal.steps(run_id)
    assert step.plan == less


@pytest.mark.parametrize("dies", [False, True])
def test_an_unfinished_step_of_another_run_is_in_the_way(process: Process, dies: bool) -> None:
    ours, theirs = process(), process()
    other = theirs.begin_run(START)
    theirs.begin_step(other, PLAN)
    if dies:
        theirs.close()
    run_id = ours.begin_run(START)

    in_the_way = ours.begin_step(run_id, PLAN)

    assert in_the_way is not None
    assert (in_the_way.run_id, in_the_way.plan) == (other, PLAN)
    assert ours.step(run_id, ORDERS) is None
    assert ours.unfinished("east") == ours.unfinished("east", [ORDERS]) == (in_the_way,)
    assert ours.unfinished("east", [BILLS]) == ours.unfinished("west") == ()


def test_nothing_else_is_in_the_way(process: Process) -> None:
    journal = process()
    other = journal.begin_run(START)
    journal.plan_steps(other, [replace(PLAN, topic=BILLS)])
    journal.begin_step(other, PLAN)
    journal.end_step(other, ORDERS, moved(*LEDGERS))
    elsewhere = journal.begin_run(replace(START, cluster="west"))
    journal.begin_step(elsewhere, replace(PLAN, topic=TopicName("acme", "shop", "third")))
    run_id = journal.begin_run(START)

    topics = [ORDERS, BILLS, TopicName("acme", "shop", "third")]
    assert [journal.begin_step(run_id, replace(PLAN, topic=topic)) for topic in topics] == [None] * 3


def test_of_many_that_begin_the_same_at_once_one_may(process: Process) -> None:
    journals = [process() for _ in range(4)]
    runs = [one.begin_run(START) for one in journals]
    ready, answers = Barrier(4), list[object]()

    def begin(number: int) -> None:
        ready.wait()
        answers.append(journals[number].begin_step(runs[number], PLAN))

    threads = [Thread(target=begin, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers.count(None) == 1
    assert len({step.run_id for step in journals[0].unfinished("east")}) == 1


def test_a_dead_runs_step_is_judged_once(process: Process) -> None:
    journal = process()
    run_id = journal.begin_run(START)
    journal.begin_step(run_id, PLAN)

    assert journal.end_step(run_id, ORDERS, LOST)
    assert not journal.end_step(run_id, ORDERS, replace(LOST, outcome=Outcome.CONFIRMED))

    (step,) = journal.steps(run_id)
    assert step.end == LOST
    assert journal.unfinished("east") == ()


def test_a_steps_own_run_knows_better_than_a_judge(process: Process) -> None:
    journal = process()
    run_id = journal.begin_run(START)
    journal.begin_step(run_id, PLAN)
    journal.end_step(run_id, ORDERS, LOST)

    assert journal.end_step(run_id, ORDERS, moved(*LEDGERS))

    (step,) = journal.steps(run_id)
    assert step.end == moved(*LEDGERS)


def test_the_end_of_a_step_that_nobody_planned_is_not_written(process: Process) -> None:
    journal = process()
    run_id = journal.begin_run(START)

    assert not journal.end_step(run_id, ORDERS, moved(*LEDGERS))
    assert journal.steps(run_id) == ()


def test_the_end_of_a_run_brings_what_was_left_to_say(process: Process) -> None:
    journal = process()
    run_id = journal.begin_run(START)
    journal.plan_steps(run_id, [PLAN])
    never = StepEnd(Outcome.NOT_STARTED, ExitCode.INTERRUPTED)

    journal.end_run(run_id, ExitCode.INTERRUPTED, {ORDERS: never})

    (step,) = journal.steps(run_id)
    assert (step.end, step.sent_at) == (never, None)


def test_attempts_are_known_until_they_are_seen_to_be_complete(process: Process) -> None:
    journal = process()
    run_id = journal.begin_run(START)
    first = Attempt(ORDERS, 32, FIRST_TRY)

    journal.begin_step(run_id, PLAN)
    assert journal.attempts("east") == (first,)
    assert journal.attempts("west") == ()

    again = replace(LEDGERS[1], uuid=UUID(int=8))
    journal.end_step(run_id, ORDERS, replace(LOST, ledgers=(replace(again, confirmation=Confirmation.NOT_MOVED),)))
    assert journal.attempts("east") == (first, Attempt(ORDERS, 32, UUID(int=8)))

    journal.begin_step(run_id, PLAN)
    journal.end_step(run_id, ORDERS, moved(again))
    assert journal.attempts("east") == (first,)


def test_runs_are_told_newest_first_and_by_what_is_asked(process: Process, clock: ManualClock) -> None:
    journal = process()
    ids = []
    for number, topic in enumerate([ORDERS, BILLS.with_partition(0), TopicName("acme", "shop", "bills-2")]):
        clock.advance(timedelta(hours=1))
        ids.append(journal.begin_run(replace(START, context=f"context-{number}")))
        journal.plan_steps(ids[-1], [replace(PLAN, topic=topic)])
    journal.begin_step(ids[1], replace(PLAN, topic=BILLS.with_partition(0)))

    def told(**asked: object) -> list[str]:
        return [run.run_id for run in journal.runs(HistoryFilter(**asked))]  # type: ignore[arg-type]

    assert told() == ids[::-1]
    assert told(limit=1) == [ids[2]]
    assert told(topic=ORDERS) == [ids[0]]
    assert told(topic=BILLS) == told(topic=BILLS.with_partition(0)) == [ids[1]]
    assert told(since=clock.now() - timedelta(minutes=90)) == [ids[2], ids[1]]
    assert told(context="context-0") == [ids[0]]
    assert told(only_unfinished=True) == [ids[1]]
    assert [step.topic for step in journal.steps(ids[1], only_unfinished=True)] == [BILLS.with_partition(0)]
    assert journal.steps(ids[0], only_unfinished=True) == ()
    assert journal.steps(ids[1], topic=BILLS) == journal.steps(ids[1], topic=BILLS.with_partition(0)) != ()
    assert journal.steps(ids[1], topic=ORDERS) == journal.steps(ids[2], topic=BILLS) == ()


def test_a_run_is_found_by_a_part_of_its_id(process: Process, clock: ManualClock) -> None:
    journal = process()
    first = journal.begin_run(START)
    clock.advance(timedelta(days=1))
    second = journal.begin_run(START)

    assert journal.ids_like(first[:8]) == journal.ids_like(first[-6:]) == (first,)
    assert journal.ids_like("20") == (first, second)
    assert journal.ids_like("%") == journal.ids_like("") == ()


def test_notes_are_told_newest_first(process: Process, clock: ManualClock) -> None:
    journal = process()
    journal.note("override", "--accept-unverified “CHANGE-7”", {"topic": "acme/shop/orders"}, run_id="r")
    clock.advance(timedelta(hours=1))
    journal.note("decision", "the gate is closed", {})

    both, overrides = journal.notes(), journal.notes(kind="override")
    assert [one.kind for one in both] == ["decision", "override"]
    (override,) = overrides
    assert (override.facts, override.run_id) == ({"topic": "acme/shop/orders"}, "r")
    assert journal.notes(since=clock.now()) == journal.notes(besides=["override", "nonsense"]) == both[:1]
    assert journal.notes(besides=["override", "decision"]) == ()


def test_the_newest_note_about_a_schedule_is_the_one_that_was_written_last(process: Process) -> None:
    journal = process()
    for kind, schedule in (("intent", "nightly"), ("result", "nightly"), ("intent", "weekly"), ("paused", "")):
        journal.note(kind, "", {"schedule": schedule})
    journal.note("intent", "again", {"schedule": "nightly"})
    journal.note("intent", "no schedule's", {})

    newest = journal.newest_note(["intent", "result"], "nightly")

    assert newest is not None
    assert newest.text == "again"
    assert journal.newest_note(["paused"], "") is not None
    assert journal.newest_note(["paused"], "nightly") is None
    assert journal.newest_note([], "nightly") is None
