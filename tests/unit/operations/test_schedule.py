"""The schedules at work: intents before actions, results behind them, and what a successor finds."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from offloadctl.adapters.decision_logs import MemoryDecisionLog
from offloadctl.adapters.memory import ManualClock
from offloadctl.errors import BrokerUnreachable, StateUnwritable, UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.decision import EntryKind, Fate, LogEntry, Verdict
from offloadctl.model.measures import Measure
from offloadctl.model.schedule import Cron, Missed, ScheduleLimits
from offloadctl.operations.schedule import Scheduler
from offloadctl.operations.schedule_codec import decode
from offloadctl.operations.schedule_overview import story
from offloadctl.operations.schedule_pauses import EVERY, pause, resume
from offloadctl.plan.cron import times
from offloadctl.units import ByteSize
from tests.schedules import NIGHTLY, START, Acts, Told, above, disks, schedule, snapshot

HOUR = timedelta(hours=1)
FULL = above(Measure.BOOKIE_DISK, 0.8, until=0.7)


@dataclass
class FailingLog(MemoryDecisionLog):
    """A log that fails at some entry: before it is kept, or after."""

    fails_at: int = 0
    keeps: bool = False
    appended: int = field(default=0)

    def __post_init__(self) -> None:
        MemoryDecisionLog.__init__(self)

    def append(self, entry: LogEntry) -> None:
        self.appended += 1
        if self.appended == self.fails_at:
            if self.keeps:
                super().append(entry)
            raise StateUnwritable("no room")
        super().append(entry)


@dataclass
class World:
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    log: MemoryDecisionLog = field(default_factory=MemoryDecisionLog)
    told: Told = field(default_factory=Told)
    acts: Acts = field(init=False)

    def __post_init__(self) -> None:
        self.acts = Acts(self.clock)

    def scheduler(self, *schedules: object, **how: object) -> Scheduler:
        given = schedules or (schedule(NIGHTLY),)
        return Scheduler(given, self.log, self.told, self.acts, self.clock, **how)  # type: ignore[arg-type]

    def kinds(self) -> list[EntryKind]:
        return [entry.kind for entry in reversed(self.log.entries())]


def test_an_intent_is_written_down_before_anything_is_done() -> None:
    world = World()
    world.told.tell = lambda at: snapshot(at, instances=disks(0.9))
    scheduler = world.scheduler(schedule(FULL))
    seen: list[list[EntryKind]] = []

    def start(work: Callable[[], None]) -> None:
        seen.append(world.kinds())
        work()

    scheduler.start = start

    tick = scheduler.tick()

    assert seen == [[EntryKind.INTENT]]
    assert world.kinds() == [EntryKind.INTENT, EntryKind.RESULT]
    assert [one.verdict for one in tick.decisions] == [Verdict.FIRED]
    assert [intent.run_id for intent in world.acts.done] == ["nightly-20260101T000000Z-1"]


@pytest.mark.parametrize("keeps", [False, True])
def test_an_intent_that_may_not_be_written_is_not_acted_on_twice(keeps: bool) -> None:
    world = World(log=FailingLog(fails_at=1, keeps=keeps))
    world.told.tell = lambda at: snapshot(at, instances=disks(0.9))
    scheduler = world.scheduler(schedule(FULL))

    with pytest.raises(StateUnwritable):
        scheduler.tick()
    assert world.acts.done == []
    scheduler.tick()

    # Where the entry was kept after all, it is this run that is done; else it is decided anew.
    assert [one.attempt for one in world.acts.done] == ([2] if keeps else [1])
    assert {one.run_id for one in world.acts.done} == {"nightly-20260101T000000Z-1"}


def test_a_run_without_a_result_is_begun_again_by_whoever_comes_after() -> None:
    world = World()
    world.told.tell = lambda at: snapshot(at, instances=disks(0.9))
    world.scheduler(schedule(FULL), start=lambda work: None).tick()

    begun = world.scheduler(schedule(FULL)).recover()

    assert [(one.run_id, one.attempt) for one in begun] == [("nightly-20260101T000000Z-1", 2)]
    assert world.acts.done == list(begun)
    assert world.kinds() == [EntryKind.INTENT, EntryKind.INTENT, EntryKind.RESULT]


def test_what_several_instances_died_of_is_given_up() -> None:
    world = World()
    world.told.tell = lambda at: snapshot(at, instances=disks(0.9))
    dies = {"start": lambda work: None}
    world.scheduler(schedule(FULL), **dies).tick()
    for _ in range(2):
        world.scheduler(schedule(FULL), **dies).recover()

    assert world.scheduler(schedule(FULL)).recover() == ()

    last = decode(world.log.entries()[0])
    assert last.result is not None
    assert last.result.exit_code is ExitCode.FAILED
    assert "given up" in last.result.summary
    assert world.acts.done == []


def test_a_run_that_is_broken_off_is_handed_over_without_a_result() -> None:
    world = World()
    world.told.tell = lambda at: snapshot(at, instances=disks(0.9))
    world.acts.exit_code = ExitCode.TERMINATED
    world.scheduler(schedule(FULL)).tick()
    world.acts.exit_code = ExitCode.OK

    begun = world.scheduler(schedule(FULL)).recover()

    assert [one.attempt for one in begun] == [2]
    assert world.kinds() == [EntryKind.INTENT, EntryKind.HANDED_OVER, EntryKind.INTENT, EntryKind.RESULT]
    assert world.log.entries()[2].text == "done"


def test_a_run_that_is_handed_over_again_and_again_is_not_given_up() -> None:
    world = World()
    world.told.tell = lambda at: snapshot(at, instances=disks(0.9))
    world.acts.exit_code = ExitCode.INTERRUPTED
    world.scheduler(schedule(FULL)).tick()
    for _ in range(10):
        world.scheduler(schedule(FULL)).recover()
    world.acts.exit_code = ExitCode.OK

    (begun,) = world.scheduler(schedule(FULL)).recover()

    assert (begun.attempt, begun.handed_over, begun.died) == (12, 11, 1)
    assert world.kinds()[-1] is EntryKind.RESULT


def test_the_story_of_a_run_tells_when_it_was_handed_over_and_begun_again() -> None:
    world = World()
    world.told.tell = lambda at: snapshot(at, instances=disks(0.9))
    world.acts.exit_code = ExitCode.TERMINATED
    world.scheduler(schedule(FULL)).tick()
    before = story(world.log, "nightly")
    world.clock.advance(HOUR)
    world.acts.exit_code = ExitCode.OK
    world.scheduler(schedule(FULL)).recover()

    after = story(world.log, "nightly")

    assert (before.is_handed_over, after.is_handed_over) == (True, False)
    assert [one.at for one in after.intents] == [START, START + HOUR]
    assert [one.at for one in after.handed_over] == [START]


def test_hand_overs_between_deaths_do_not_save_a_run_that_three_died_of() -> None:
    world = World()
    world.told.tell = lambda at: snapshot(at, instances=disks(0.9))
    dies = {"start": lambda work: None}
    world.scheduler(schedule(FULL), **dies).tick()
    world.acts.exit_code = ExitCode.TERMINATED
    world.scheduler(schedule(FULL)).recover()
    for _ in range(2):
        world.scheduler(schedule(FULL), **dies).recover()

    assert world.scheduler(schedule(FULL)).recover() == ()

    last = decode(world.log.entries()[0])
    assert last.result is not None
    assert last.result.summary == "given up: it was begun 4 times, and of 3 nobody lived to tell the end"


def test_what_was_moved_until_a_hand_over_counts_by_the_hour_and_by_the_run() -> None:
    world = World()
    world.told.tell = lambda at: snapshot(at, instances=disks(0.9))
    world.acts.exit_code, world.acts.moves = ExitCode.TERMINATED, 300
    limited = schedule(FULL, limits=ScheduleLimits(bytes_a_run=ByteSize(1000)))
    world.scheduler(limited).tick()
    world.acts.exit_code = ExitCode.OK

    successor = world.scheduler(limited)
    (begun,) = successor.recover()

    assert begun.at_most == 700
    assert [one.size for one in successor.states["nightly"].moved] == [300, 300]


def test_a_hand_over_that_cannot_be_written_down_counts_as_a_death() -> None:
    world = World(log=FailingLog(fails_at=2))
    world.told.tell = lambda at: snapshot(at, instances=disks(0.9))
    world.acts.exit_code = ExitCode.INTERRUPTED
    world.scheduler(schedule(FULL)).tick()
    world.acts.exit_code = ExitCode.OK

    (begun,) = world.scheduler(schedule(FULL)).recover()

    assert (begun.attempt, begun.died) == (2, 2)


def test_whoever_is_told_to_end_while_it_begins_hands_over_and_says_so_once() -> None:
    world = World()
    world.told.tell = lambda at: snapshot(at, instances=disks(0.9))

    def interrupt(work: Callable[[], None]) -> None:
        world.acts.exit_code = ExitCode.INTERRUPTED
        work()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.scheduler(schedule(FULL), start=interrupt).tick()

    assert world.kinds() == [EntryKind.INTENT, EntryKind.HANDED_OVER]


def test_whoever_was_overtaken_hands_nothing_over() -> None:
    world = World()
    world.told.tell = lambda at: snapshot(at, instances=disks(0.9))
    waiting: list[Callable[[], None]] = []
    slow = world.scheduler(schedule(FULL), start=waiting.append)
    slow.tick()
    world.scheduler(schedule(FULL), start=lambda work: None).recover()
    world.acts.exit_code = ExitCode.TERMINATED

    slow._in_doubt = True
    waiting[0]()

    assert world.kinds() == [EntryKind.INTENT, EntryKind.INTENT]


def test_a_run_that_fails_is_a_result_and_the_schedule_goes_on() -> None:
    world = World()
    world.told.tell = lambda at: snapshot(at, instances=disks(0.9))
    world.acts.error = BrokerUnreachable("nobody answers")
    scheduler = world.scheduler(schedule(FULL))
    scheduler.tick()
    world.clock.advance(2 * HOUR)
    world.acts.error = None

    scheduler.tick()

    results = [decode(one).result for one in world.log.entries() if one.kind is EntryKind.RESULT]
    assert [(one.exit_code, one.summary) for one in results if one] == [
        (ExitCode.OK, "done"),
        (ExitCode.FAILED, "nobody answers"),
    ]


def test_steady_evaluations_are_counted_and_a_change_is_written() -> None:
    world = World()
    world.told.tell = lambda at: snapshot(at, instances=disks(0.5))
    scheduler = world.scheduler(schedule(FULL))
    for _ in range(100):
        scheduler.tick()
        world.clock.advance(timedelta(minutes=5))

    assert world.kinds() == [EntryKind.DECIDED]
    assert scheduler.states["nightly"].steady == 99
    world.told.tell = snapshot
    scheduler.tick()
    assert world.kinds() == [EntryKind.DECIDED, EntryKind.DECIDED]
    assert "nobody has told it" in world.log.entries()[0].text


def test_hysteresis_outlives_a_restart() -> None:
    world = World()
    world.told.tell = lambda at: snapshot(at, instances=disks(0.85))
    world.scheduler(schedule(FULL)).tick()
    world.told.tell = lambda at: snapshot(at, instances=disks(0.75))
    world.clock.advance(timedelta(minutes=5))
    world.scheduler(schedule(FULL)).tick()
    world.clock.advance(2 * HOUR)

    (decision,) = world.scheduler(schedule(FULL)).tick().decisions

    assert decision.verdict is Verdict.FIRED
    assert decision.when.seen[0].threshold == 0.7


def test_cron_times_while_nobody_was_there_follow_the_rule_for_what_is_missed() -> None:
    world = World()
    world.scheduler().tick()
    world.clock.advance(timedelta(days=3))

    (decision,) = world.scheduler().tick().decisions

    assert [(one.fate, one.count) for one in decision.settled] == [(Fate.TOO_LATE, 3)]
    assert world.acts.done == []


def test_a_cron_that_is_new_in_the_file_counts_from_then_on_whoever_evaluates_next() -> None:
    world = World()
    scheduler = world.scheduler()
    scheduler.tick()
    world.clock.advance(HOUR)
    later = schedule(Cron("30 6 * * *"), missed=Missed.ONCE)
    scheduler.reload((later,))
    scheduler.tick()
    world.clock.advance(6 * HOUR)

    (decision,) = world.scheduler(later).tick().decisions

    assert [(one.fate, one.first.hour) for one in decision.settled] == [(Fate.SERVED, 6)]
    assert len(world.acts.done) == 1


def test_a_pause_uses_up_cron_times_and_a_resume_catches_up_with_none() -> None:
    world = World()
    scheduler = world.scheduler()
    scheduler.tick()
    pause(world.log, EVERY, world.clock.now(), until=None, reason="audit", by="ann")
    world.clock.advance(timedelta(days=2))

    (paused,) = scheduler.tick().decisions
    resume(world.log, "nightly", world.clock.now(), by="bob")
    (resumed,) = scheduler.tick().decisions

    assert paused.verdict is Verdict.HELD
    assert "audit" in paused.reasons[0].text
    assert [(one.fate, one.count) for one in paused.settled] == [(Fate.TOO_LATE, 2)]
    assert resumed.verdict is Verdict.QUIET
    assert world.acts.done == []


def test_a_pause_with_an_end_ends_by_itself() -> None:
    world = World()
    scheduler = world.scheduler(schedule(FULL))
    world.told.tell = lambda at: snapshot(at, instances=disks(0.9))
    pause(world.log, "nightly", START, until=START + HOUR, reason="", by="ann")

    (before,) = scheduler.tick().decisions
    world.clock.advance(HOUR)
    (after,) = scheduler.tick().decisions

    assert (before.verdict, after.verdict) == (Verdict.HELD, Verdict.FIRED)


def test_a_run_by_hand_needs_no_condition_and_gives_way_to_one_that_goes_on() -> None:
    world = World()
    scheduler = world.scheduler(start=lambda work: None)

    intent = scheduler.run_now("nightly", asked_by="ann", reason="OPS-17").intent

    assert intent is not None
    assert intent.reasons[0].text == "asked for by ann: OPS-17"
    with pytest.raises(UsageError, match="has not ended"):
        scheduler.run_now("nightly", asked_by="bob")
    with pytest.raises(UsageError, match="no schedule 'weekly'"):
        scheduler.run_now("weekly", asked_by="bob")


def test_the_next_evaluation_is_no_later_than_the_next_cron_time() -> None:
    world = World()
    scheduler = world.scheduler()
    scheduler.tick()

    assert scheduler.next_time(every=timedelta(minutes=5)) == START + timedelta(minutes=5)
    assert scheduler.next_time(every=timedelta(days=1)) == START + timedelta(hours=1, minutes=30)


def test_a_year_of_nights_is_a_year_of_runs() -> None:
    world = World()
    end = START + timedelta(days=365)
    scheduler = world.scheduler()
    scheduler.tick()

    while world.clock.now() < end:
        at = scheduler.next_time(every=timedelta(days=1))
        world.clock.advance(at - world.clock.now())
        # Every few weeks an instance dies and another one takes over.
        if world.clock.now().day % 13 == 0:
            scheduler = world.scheduler()
        scheduler.tick()

    served = [one for entry in world.log.entries() for one in _settled(entry)]
    assert {one.fate for one in served} == {Fate.SERVED}
    assert sorted(one.first for one in served) == list(times(NIGHTLY, START, world.clock.now()))
    assert len(world.acts.done) == len(served) >= 365


def _settled(entry: LogEntry):  # type: ignore[no-untyped-def]
    decision = decode(entry).decision
    return decision.settled if decision is not None else ()


def test_a_reload_keeps_what_is_remembered() -> None:
    world = World()
    scheduler = world.scheduler()
    scheduler.tick()
    handled = dict(scheduler.states["nightly"].handled)
    world.clock.advance(HOUR)

    scheduler.reload([replace(schedule(NIGHTLY), description="another")])
    scheduler.tick()

    assert scheduler.states["nightly"].handled == handled


def test_a_run_whose_result_is_just_being_written_is_not_taken_for_dead() -> None:
    world = World()
    world.told.tell = lambda at: snapshot(at, instances=disks(0.9))
    begun_again: list[object] = []

    @dataclass
    class ReadMeanwhile(MemoryDecisionLog):
        """Somebody reloads and recovers while a result is on its way to the disk."""

        def __post_init__(self) -> None:
            MemoryDecisionLog.__init__(self)

        def append(self, entry: LogEntry) -> None:
            if entry.kind is EntryKind.RESULT:
                begun_again.extend(scheduler.recover())
            super().append(entry)

    world.log = ReadMeanwhile()
    scheduler = world.scheduler(schedule(FULL))

    scheduler.tick()

    assert begun_again == []
    assert [intent.attempt for intent in world.acts.done] == [1]
