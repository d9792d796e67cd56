"""What is usual, from a collector's numbers to a schedule that fires; and what is kept of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from offloadctl.errors import StateBusy
from offloadctl.model.decision import Verdict
from offloadctl.model.measures import Measure, Number, Snapshot, Usual, UsualKey
from offloadctl.model.schedule import Direction, Extent, Schedule
from offloadctl.model.status import Bound
from offloadctl.operations.simulate import Window, simulate
from offloadctl.operations.usual import Asked, UsualCollector, Usuals
from offloadctl.plan.recording import Recording
from offloadctl.plan.schedule import decide
from offloadctl.plan.schedule_state import ScheduleState
from offloadctl.ports.schedule import Collected
from tests.schedules import BILLS, ORDERS, START, TOPICS, above, local_bytes, schedule

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BUSY = above(Measure.BROKER_CPU, 4, unusual=True)
UNUSUAL = schedule(BUSY, cool_down=timedelta())


def busy(at: datetime) -> float:
    """Busier in the second half of the day."""
    return (0.6 if at.hour >= 12 else 0.2) + at.timestamp() // 1800 % 3 / 100


def seen(at: datetime, value: float, *, bound: Bound = Bound.EXACT) -> Snapshot:
    return Snapshot(at, instances={Measure.BROKER_CPU: {"broker-1": Number("load report", value, at, bound)}})


@dataclass
class Given:
    """A collector of numbers that are given."""

    load: float | None = None

    def collect(self, schedules: Sequence[Schedule], now: datetime) -> Collected:
        value = busy(now) if self.load is None else self.load
        return Collected(seen(now, value), {one.name: TOPICS for one in schedules})


@dataclass
class InMemory:
    """A store; `broken` as a locked file is."""

    kept: dict[UsualKey, bytes] = field(default_factory=dict)
    broken: bool = False
    saved: int = 0

    def load(self) -> Mapping[UsualKey, bytes]:
        if self.broken:
            raise StateBusy("it is locked")
        return dict(self.kept)

    def save(self, changed: Mapping[UsualKey, bytes], gone: Collection[UsualKey]) -> None:
        if self.broken:
            raise StateBusy("it is locked")
        self.saved += 1
        self.kept |= changed
        for key in gone:
            self.kept.pop(key, None)


def collect(collector: UsualCollector, hours: int, start: datetime = START) -> datetime:
    for half in range(2 * hours):
        collector.collect([UNUSUAL], start + half * HOUR / 2)
    return start + hours * HOUR


def test_a_schedule_fires_by_what_is_unusual_at_this_hour_and_says_what_is_usual() -> None:
    collector = UsualCollector(given := Given())

    cold = collector.collect([UNUSUAL], START).snapshot
    at = collect(collector, 100)
    assert at.hour == 4
    quiet = collector.collect([UNUSUAL], at).snapshot
    given.load = 0.6
    loud = collector.collect([UNUSUAL], at + HOUR / 2).snapshot
    decisions = [decide(UNUSUAL, TOPICS, one, ScheduleState())[0] for one in (cold, quiet, loud)]

    assert [one.verdict for one in decisions] == [Verdict.UNKNOWN, Verdict.QUIET, Verdict.FIRED]
    assert "0 hours of 3 days are known" in decisions[0].reasons[0].text
    assert "usual at this hour: 21 %" in decisions[2].reasons[0].text


def test_numbers_that_no_schedule_compares_with_the_usual_are_not_learnt() -> None:
    plain = schedule(replace(BUSY, unusual=False))
    collector = UsualCollector(Given(), store := InMemory(broken=True))

    snapshot = collector.collect([plain], START).snapshot

    assert not snapshot.usual
    assert (collector.usuals.baselines, collector.problem, store.saved) == ({}, "", 0)


def test_a_sum_over_topics_is_another_one_for_each_schedule() -> None:
    summed = above(Measure.LOCAL_BYTES, 4, unusual=True, extent=Extent.SCOPE)
    single = replace(summed, extent=Extent.TOPIC)
    asked = [
        Asked(schedule(summed, name="all"), TOPICS),
        Asked(schedule(summed, name="some"), (ORDERS, BILLS)),
        Asked(schedule(single, name="each"), (ORDERS,)),
    ]
    usuals = Usuals()

    for hours in range(100):
        usuals.fill(Snapshot(START + hours * HOUR, topics=local_bytes(dict.fromkeys(TOPICS, 100.0))), asked)
    snapshot = Snapshot(START + 100 * HOUR, topics=local_bytes(dict.fromkeys(TOPICS, 100.0)))
    snapshot = usuals.fill(snapshot, asked)

    centres = {key.subject: one.centre for key, one in snapshot.usual.items() if isinstance(one, Usual)}
    assert centres == {
        "the whole scope, by schedule all": 300,
        "the whole scope, by schedule some": 200,
        str(ORDERS): 100,
    }
    for one in asked:
        below_usual = replace(one.schedule.comparisons[0], direction=Direction.BELOW, threshold=1, until=1)
        decision, _ = decide(replace(one.schedule, when=below_usual), one.topics, snapshot, ScheduleState())
        assert decision.verdict is Verdict.FIRED, decision.reasons


def test_another_zone_learns_apart_and_begins_anew() -> None:
    usuals, given = Usuals(), Given()
    tokyo, berlin = (replace(BUSY, zone=zone) for zone in ("Asia/Tokyo", "Europe/Berlin"))
    asked = [Asked(schedule(tokyo), TOPICS), Asked(schedule(BUSY, name="utc"), TOPICS)]
    for half in range(200):
        usuals.fill(given.collect([], START + half * HOUR / 2).snapshot, asked)
    asked.append(Asked(schedule(berlin), TOPICS))

    found = usuals.fill(given.collect([], START + 100 * HOUR).snapshot, asked)

    seen_by = {key.zone: one for key, one in found.usual.items()}
    assert isinstance(seen_by["UTC"], Usual)
    assert isinstance(seen_by["Asia/Tokyo"], Usual)
    assert seen_by["Europe/Berlin"] == "what is usual is not known yet: 0 hours of 3 days are known"
    assert {str(one.zone) for one in usuals.baselines.values()} == {"UTC", "Asia/Tokyo", "Europe/Berlin"}


@pytest.mark.parametrize(("zone", "fired"), [("Europe/Berlin", 0), ("UTC", 1)])
def test_the_morning_after_clocks_were_changed_is_as_usual_by_the_clock_on_the_wall(zone: str, fired: int) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    recording, change = Recording("recorded"), datetime(2026, 10, 25, tzinfo=berlin).astimezone(UTC)
    for quarter in range(24 * 4 * 24):
        at = change - 21 * DAY + quarter * HOUR / 4
        load = 0.5 if at.astimezone(berlin).hour == 9 else 0.2
        recording.add(Measure.BROKER_CPU, "broker-1", at, load + quarter % 3 / 100)
    unusual = schedule(above(Measure.BROKER_CPU, 4, unusual=True, zone=zone), cool_down=20 * DAY)

    made = simulate([unusual], recording, Window(every=HOUR / 4))

    assert made.schedules[0].counts.get(Verdict.FIRED, 0) == fired


def test_bounds_are_compared_and_not_learnt() -> None:
    usuals = Usuals()
    asked = [Asked(UNUSUAL, TOPICS)]
    for hours in range(100):
        usuals.fill(seen(START + hours * HOUR, 0.2), asked)
        usuals.fill(seen(START + hours * HOUR + HOUR / 2, 0.9, bound=Bound.AT_LEAST), asked)

    found = usuals.fill(seen(START + 100 * HOUR, 0.9, bound=Bound.AT_LEAST), asked)

    usual = found.usual[UsualKey("broker-cpu", "broker-1")]
    assert isinstance(usual, Usual)
    assert usual.centre == pytest.approx(0.2)
    assert decide(UNUSUAL, TOPICS, found, ScheduleState())[0].verdict is Verdict.FIRED


def test_one_number_more_than_are_learnt_is_said_and_the_forgotten_make_room() -> None:
    usuals = Usuals(most=1)
    asked = [Asked(UNUSUAL, TOPICS)]
    usuals.fill(seen(START, 0.2), asked)
    other = Snapshot(START, instances={Measure.BROKER_CPU: {"broker-2": Number("t", 0.2)}})

    refused = usuals.fill(other, asked).usual[UsualKey("broker-cpu", "broker-2")]
    past = usuals.forget_past(START + 40 * DAY)
    learnt = usuals.fill(other, asked).usual[UsualKey("broker-cpu", "broker-2")]

    assert refused == "what is usual is learnt of 1 numbers at most, and this is one more"
    assert past == {UsualKey("broker-cpu", "broker-1")}
    assert learnt == "what is usual is not known yet: 0 hours of 3 days are known"


def test_what_was_learnt_is_kept_once_an_hour_and_outlives_the_process() -> None:
    store = InMemory()
    first = UsualCollector(Given(), store)
    at = collect(first, 90)
    first.keep(at)

    second = UsualCollector(Given(), store)
    usual = second.collect([UNUSUAL], at).snapshot.usual

    assert store.saved == 90
    assert usual == first.collect([UNUSUAL], at).snapshot.usual
    assert isinstance(usual[UsualKey("broker-cpu", "broker-1")], Usual)


def test_a_store_that_fails_is_said_and_what_it_keeps_is_not_replaced_unread() -> None:
    store = InMemory()
    before = UsualCollector(Given(), store)
    at = collect(before, 90)
    before.keep(at)
    store.broken = True

    told: list[str] = []
    collector = UsualCollector(Given(), store, tell=told.append)
    unread = collector.collect([UNUSUAL], at).snapshot.usual[UsualKey("broker-cpu", "broker-1")]
    problem = collector.problem
    store.broken = False
    known = collector.collect([UNUSUAL], at + HOUR).snapshot.usual[UsualKey("broker-cpu", "broker-1")]
    collector.collect([UNUSUAL], at + HOUR * 1.5)
    store.broken = True
    collector.keep(at + HOUR)
    not_kept = collector.problem
    store.broken = False
    collector.keep(at + HOUR)

    assert (unread, problem) == ("what is usual cannot be read: it is locked", "it is locked")
    assert isinstance(known, Usual)
    assert told == ["what is usual: it is locked"] * 2
    assert (not_kept, collector.problem) == ("it is locked", "")


def test_bytes_that_cannot_be_read_are_learnt_anew_and_that_is_said() -> None:
    collector = UsualCollector(Given(), InMemory({UsualKey("broker-cpu", "broker-1"): b"?"}))

    usual = collector.collect([UNUSUAL], START).snapshot.usual[UsualKey("broker-cpu", "broker-1")]

    assert usual == "what is usual is not known yet: 0 hours of 3 days are known"
    assert collector.problem.startswith("broker-cpu of broker-1 is learnt anew")


def test_a_simulation_learns_from_its_recording() -> None:
    recording = Recording("recorded")
    for half in range(2 * 100):
        at = START + half * HOUR / 2
        recording.add(Measure.BROKER_CPU, "broker-1", at, 0.6 if half >= 198 else busy(at))

    made = simulate([UNUSUAL], recording, Window(every=HOUR / 2, run_takes=DAY))

    fired = [one for one in made.schedules[0].decisions if one.verdict is Verdict.FIRED]
    assert [one.at for one in fired] == [START + 99 * HOUR]
