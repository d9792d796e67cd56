"""One schedule evaluated by a command: what was begun before it and has no end, what fails, what is only looked at."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from offloadctl.adapters.decision_logs import MemoryDecisionLog
from offloadctl.adapters.memory import ManualClock
from offloadctl.errors import Interrupted, StoreDenied, UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.decision import EntryKind, Intent, LogEntry, RunResult, Verdict
from offloadctl.model.measures import Measure, Snapshot
from offloadctl.model.names import TopicName
from offloadctl.model.schedule import Cron, Schedule
from offloadctl.operations.schedule import Scheduler
from offloadctl.operations.schedule_once import Once, evaluate, force_run, look
from offloadctl.operations.schedule_overview import standing, story
from offloadctl.operations.schedule_pauses import EVERY, pause
from offloadctl.plan.cron import due_at, times
from offloadctl.ports.schedule import Collected
from tests.schedules import GIB, ORDERS, START, Acts, Told, above, local_bytes, schedule

LARGE = schedule(above(Measure.LOCAL_BYTES, GIB))


def full(at: object) -> Snapshot:
    return Snapshot(START, topics=local_bytes({ORDERS: 2 * GIB}))


NAMED = replace(LARGE, scope=replace(LARGE.scope, not_match="-live$"))
"""Names its topics, since they are not its whole scope."""


@dataclass
class World:
    """One schedule, its log, and whatever acts."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    log: MemoryDecisionLog = field(default_factory=MemoryDecisionLog)
    results: dict[str, RunResult] = field(default_factory=dict)

    def scheduler(self, acts: Acts) -> Scheduler:
        def act(one: Schedule, intent: Intent) -> RunResult:
            result = self.results[intent.run_id] = acts(one, intent)
            return result

        return Scheduler((LARGE,), self.log, Told(full, (ORDERS,)), act, self.clock)

    def evaluate(self, acts: Acts) -> Once:
        return evaluate(self.scheduler(acts), LARGE.name, results=self.results)


@pytest.mark.parametrize("force", [False, True])
def test_whoever_is_told_to_end_while_a_run_is_begun_again_decides_nothing_more(force: bool) -> None:
    world = World()
    with pytest.raises(RuntimeError):
        world.evaluate(Acts(world.clock, error=RuntimeError("the process dies")))
    acts = Acts(world.clock, exit_code=ExitCode.TERMINATED)

    if force:
        once = force_run(world.scheduler(acts), LARGE.name, asked_by="ann", reason="", results=world.results)
    else:
        once = world.evaluate(acts)

    assert (once.decision, once.intent, once.exit_code) == (None, None, ExitCode.TERMINATED)
    assert [one.attempt for one in once.resumed] == [2]
    assert world.log.entries()[0].kind is EntryKind.HANDED_OVER


def test_a_run_that_has_no_end_is_begun_again_before_anything_is_decided() -> None:
    world = World()
    with pytest.raises(RuntimeError):
        world.evaluate(Acts(world.clock, error=RuntimeError("the process dies")))

    acts = Acts(world.clock)
    once = world.evaluate(acts)

    assert [(one.run_id, one.attempt) for one in acts.done] == [(once.resumed[0].run_id, 2)]
    assert once.decision is not None
    assert (once.decision.verdict, once.exit_code) == (Verdict.HELD, ExitCode.OK)
    told = story(world.log, once.resumed[0].run_id)
    assert [one.attempt for one in told.intents] == [1, 2]
    assert told.result is not None


def test_the_code_is_that_of_the_run() -> None:
    world = World()

    once = world.evaluate(Acts(world.clock, exit_code=ExitCode.DAMAGE))

    assert (once.exit_code, once.result) == (ExitCode.DAMAGE, world.results[once.intent.run_id if once.intent else ""])


def test_a_run_that_left_no_result_is_a_failure() -> None:
    world = World()

    once = world.evaluate(Acts(world.clock, error=StoreDenied("no")))

    assert (once.result, once.exit_code) == (None, ExitCode.FAILED)


def test_a_run_that_was_interrupted_is_handed_over() -> None:
    world = World()
    world.evaluate(Acts(world.clock, error=Interrupted("Ctrl-C")))

    stands = standing(world.log, LARGE, world.clock.now())

    assert stands.state.running is not None
    assert world.log.newest((EntryKind.RESULT,), LARGE.name) is None


def test_a_run_may_be_asked_for_though_everything_is_quiet_or_paused() -> None:
    world = World()
    pause(world.log, LARGE.name, world.clock.now(), until=None, reason="", by="me")

    once = force_run(world.scheduler(Acts(world.clock)), LARGE.name, asked_by="me", reason="", results=world.results)

    assert once.decision is None
    assert once.intent is not None
    assert (once.intent.asked_by, once.exit_code) == ("me", ExitCode.OK)


@pytest.mark.parametrize(
    ("listed", "begun", "code"), [((), [], ExitCode.FAILED), ((ORDERS,), [(ORDERS,)], ExitCode.NOT_COVERED)]
)
def test_a_run_that_is_asked_for_tells_what_of_its_topics_could_not_be_listed_and_begins_without_none(
    listed: tuple[TopicName, ...], begun: list[tuple[TopicName, ...]], code: ExitCode
) -> None:
    world, acts = World(), Acts(ManualClock(START))
    topics = {NAMED.name: listed} if listed else {}
    collector = Listed(Collected(Snapshot(START), topics, {NAMED.name: "no route to acme/other"}))

    def act(one: Schedule, intent: Intent) -> RunResult:
        result = world.results[intent.run_id] = acts(one, intent)
        return result

    scheduler = Scheduler((NAMED,), world.log, collector, act, world.clock)
    once = force_run(scheduler, NAMED.name, asked_by="me", reason="", results=world.results)

    assert [one.topics for one in acts.done] == begun
    assert once.exit_code is code
    assert "no route to acme/other" in (once.not_evaluated, once.left_out)


def test_a_look_goes_by_what_was_before_and_leaves_nothing() -> None:
    world = World()
    world.evaluate(Acts(world.clock))
    before = list(world.log.entries())
    world.clock.advance(timedelta(minutes=1))

    once = look(world.log, Told(full, (ORDERS,)), LARGE, world.clock)

    assert once.decision is not None
    assert [one.code for one in once.decision.reasons] == ["cool-down", "condition"]
    assert list(world.log.entries()) == before


@dataclass
class Listed:
    """Tells always the same."""

    collected: Collected

    def collect(self, schedules: object, now: object) -> Collected:
        return self.collected


class Unlisted(Told):
    """Cannot list a thing."""

    def collect(self, schedules: object, now: object) -> Collected:
        return Collected(Snapshot(START), unlisted={LARGE.name: "no route"})


def test_topics_that_cannot_be_listed_are_a_failure_and_some_that_cannot_are_not_covered() -> None:
    world = World()

    nothing = look(world.log, Unlisted(), LARGE, world.clock)

    assert (nothing.not_evaluated, nothing.exit_code) == ("no route", ExitCode.FAILED)
    assert replace(nothing, not_evaluated="", left_out="x").exit_code is ExitCode.NOT_COVERED


def test_a_run_is_found_by_the_beginning_or_end_of_its_id_if_there_is_only_one() -> None:
    world = World()
    world.evaluate(Acts(world.clock))
    world.clock.advance(timedelta(hours=2))
    scheduler = world.scheduler(Acts(world.clock))
    force_run(scheduler, LARGE.name, asked_by="me", reason="", results=world.results)

    assert story(world.log, "-2").first.number == 2
    with pytest.raises(UsageError, match="several runs"):
        story(world.log, "nightly-")
    with pytest.raises(UsageError, match="no run"):
        story(world.log, "")


def test_the_last_run_of_a_schedule_is_found_by_its_name() -> None:
    world = World()
    world.evaluate(Acts(world.clock))
    world.clock.advance(timedelta(hours=2))
    force_run(world.scheduler(Acts(world.clock)), LARGE.name, asked_by="me", reason="", results=world.results)
    world.log.append(LogEntry(START, EntryKind.DECIDED, "quiet-one", "nothing to do"))

    assert story(world.log, LARGE.name).first.number == 2
    with pytest.raises(UsageError, match="schedule quiet-one has had no run so far"):
        story(world.log, "quiet-one")


@pytest.mark.parametrize(
    ("until", "next_at"),
    [
        (timedelta(minutes=30), timedelta(hours=1)),
        (timedelta(hours=1), timedelta(hours=1)),
        (timedelta(hours=2, minutes=1), timedelta(hours=3)),
        (timedelta(minutes=-1), timedelta(hours=1)),
        (None, None),
    ],
)
def test_the_next_time_is_the_first_that_no_pause_takes(until: timedelta | None, next_at: timedelta | None) -> None:
    log, hourly = MemoryDecisionLog(), schedule(Cron("0 * * * *"))
    end = START + until if until is not None else None
    pause(log, EVERY, START - timedelta(days=1), until=end, reason="", by="me")

    stands = standing(log, hourly, START)

    assert stands.next_at == (START + next_at if next_at is not None else None)


def test_a_time_that_is_put_off_beyond_the_end_of_a_pause_is_the_next() -> None:
    log, cron = MemoryDecisionLog(), Cron("0 * * * *", jitter=timedelta(minutes=50))
    (first, due) = next((one, due_at(cron, one)) for one in times(cron, START, START + timedelta(days=1)))
    pause(log, EVERY, START, until=first + (due - first) / 2, reason="", by="me")

    assert standing(log, schedule(cron), START).next_at == due


def test_of_a_brief_pause_the_seconds_are_told() -> None:
    ends = [
        pause(MemoryDecisionLog(), EVERY, START, until=START + one, reason="", by="me").end_words
        for one in (timedelta(seconds=2), timedelta(hours=2))
    ]

    assert ends == ["until 2026-01-01 00:00:02 UTC", "until 2026-01-01 02:00 UTC"]
