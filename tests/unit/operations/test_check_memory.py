"""What a check leaves out since an earlier one has looked, what it remembers, and how it goes on where it ended."""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from offloadctl.adapters.memory import ManualClock, MemoryObjectStore
from offloadctl.adapters.memory_checks import MemoryChecks, SharedMemory
from offloadctl.errors import CannotResume, StateUnwritable, StoreDenied, TerminationSignal
from offloadctl.exitcodes import ExitCode
from offloadctl.model.check import CheckReport, CheckStatus, Level, TopicCheck, Verdict
from offloadctl.model.limits import Limits
from offloadctl.model.readback import ReadBack
from offloadctl.model.sample import ByteSample, Sample
from offloadctl.model.scope import Scope
from offloadctl.model.verified import OffloadedLedger, Verified
from offloadctl.operations import check as operation
from offloadctl.operations.check import Check
from offloadctl.operations.check_memory import Memory
from offloadctl.operations.workers import Stop
from offloadctl.ports import Ports
from offloadctl.units import ByteSize
from tests.unit.operations.test_check import IDS, TOPIC, Bucket, CorpusBroker, recorded_broker
from tests.unit.operations.test_check_killed import SCOPES, Asked, Life
from tests.unit.operations.test_check_killed import World as KilledWorld

MONTH = timedelta(days=30)


class World:
    """A recorded topic, its bucket, and what checks remember; each check is a process of its own."""

    def __init__(self) -> None:
        self.broker: CorpusBroker = recorded_broker()
        self.bucket = Bucket()
        self.shared = SharedMemory()
        self.clock = ManualClock(datetime(2026, 11, 24, 12, tzinfo=UTC))
        # The recorded objects are older than any check of them.
        self.written_at(self.clock.now() - timedelta(days=1))

    def written_at(self, moment: datetime) -> None:
        for key, stored in self.bucket._objects.items():
            self.bucket._objects[key] = replace(stored, info=replace(stored.info, last_modified=moment))

    def check(self, level: Level = Level.BLOCKS, *, checks: MemoryChecks | None = None, **how: Any) -> CheckReport:
        memory_options = {name: how.pop(name) for name in ("max_age", "keeps", "resumes", "context") if name in how}
        mine = checks or MemoryChecks(self.shared)
        memory = Memory(mine, mine, **memory_options)
        try:
            ports = Ports(self.broker, self.clock, (self.bucket,))
            report = Check(ports, level, may_load=True, memory=memory, **how).report([TOPIC])
            memory.told(self.clock.now())
            return report
        finally:
            mine.close()

    def reads(self) -> int:
        """How often bytes of objects were asked for since the last time."""
        asked, self.bucket.asked = self.bucket.asked, []
        return sum(one.startswith("read") for one in asked)

    def known(self, level: Level = Level.BLOCKS) -> list[int]:
        """Of which ledgers a clean look is remembered."""
        asked = []
        for number in IDS:
            uuid = self.broker.ledgers[number].context_uuid if number in self.broker.ledgers else None
            asked += [OffloadedLedger(TOPIC, number, uuid)] if uuid is not None else []
        found = MemoryChecks(self.shared).clean_since(asked, level, datetime.min.replace(tzinfo=UTC))
        return sorted(one.ledger.ledger_id for one in found)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """One ledger after the other, so that it is known which ones a budget leaves out."""
    monkeypatch.setattr(operation, "LEDGERS_AT_ONCE", 1)
    return World()


def verdicts(report: CheckReport) -> list[Verdict]:
    return [one.verdict for one in report.ledgers]


# -- what is left out


def test_what_was_verified_and_is_unchanged_is_counted_as_covered_and_not_read_again(world: World) -> None:
    first = world.check()
    world.reads()
    world.clock.sleep(86_400)

    again = world.check(max_age=MONTH)

    assert world.reads() == 0
    assert verdicts(again) == [Verdict.EARLIER] * 3
    assert (again.exit_code, again.status) == (ExitCode.OK, CheckStatus.FULL)
    earlier = again.coverage.earlier
    assert (earlier.ledgers, earlier.object_bytes) == (3, first.coverage.object_bytes)
    assert earlier.oldest is not None
    assert first.started_at <= earlier.oldest <= first.finished_at
    assert (again.coverage.ledgers_covered, again.coverage.bytes_read, again.coverage.blocks) == (3, 0, 0)


def test_without_max_age_everything_is_looked_at(world: World) -> None:
    world.check()
    world.reads()

    assert verdicts(world.check()) == [Verdict.SOUND] * 3
    assert world.reads() > 0


@pytest.mark.parametrize(
    ("was", "asked", "is_spared"),
    [
        (Level.BLOCKS, Level.INDEX, True),
        (Level.ENTRIES, Level.BLOCKS, True),
        (Level.BLOCKS, Level.ENTRIES, False),
        (Level.LISTING, Level.INDEX, False),
    ],
)
def test_only_a_look_as_deep_or_deeper_counts(world: World, was: Level, asked: Level, is_spared: bool) -> None:
    world.check(was)

    assert verdicts(world.check(asked, max_age=MONTH)) == [Verdict.EARLIER if is_spared else Verdict.SOUND] * 3


def test_a_look_that_is_too_old_does_not_count_and_the_new_one_does(world: World) -> None:
    world.check()
    world.clock.sleep(31 * 86_400)

    assert verdicts(world.check(max_age=MONTH)) == [Verdict.SOUND] * 3
    assert verdicts(world.check(max_age=MONTH)) == [Verdict.EARLIER] * 3


def test_what_is_left_out_does_not_become_younger_by_that(world: World) -> None:
    world.check()
    world.clock.sleep(20 * 86_400)
    world.check(max_age=MONTH)
    world.clock.sleep(20 * 86_400)

    assert verdicts(world.check(max_age=MONTH)) == [Verdict.SOUND] * 3


def put_again(world: World, key: str, data: bytes | None = None, **how: Any) -> None:
    """Write an object anew, by default as it was."""
    stored = world.bucket._objects[key]
    world.bucket.put(
        key, data or stored.data, user_metadata=how.get("metadata", stored.info.user_metadata), content_type=""
    )


def change_bytes(world: World, key: str) -> None:
    world.bucket.change(key, 5000, b"\xaa")


def archive(world: World, key: str) -> None:
    stored = world.bucket._objects[key]
    world.bucket._objects[key] = replace(stored, info=replace(stored.info, storage_class="DEEP_ARCHIVE"))


def lose_user_metadata(world: World, key: str) -> None:
    before = world.bucket._objects[key].info
    world.bucket._now = world.clock.now
    put_again(world, key, metadata={})
    assert world.bucket._objects[key].info.etag == before.etag


@pytest.mark.parametrize("change", [change_bytes, archive, lose_user_metadata])
def test_what_was_changed_since_is_looked_at(world: World, change: Callable[[World, str], None]) -> None:
    world.check(Level.ENTRIES)
    world.clock.sleep(60)

    change(world, world.broker.keys(46)[0])

    report = world.check(Level.ENTRIES, max_age=MONTH)
    assert verdicts(report) == [Verdict.EARLIER, Verdict.DAMAGED, Verdict.EARLIER]


def test_what_is_gone_since_is_damage(world: World) -> None:
    world.check()
    world.bucket.delete(world.broker.keys(46)[1])

    report = world.check(max_age=MONTH)

    assert verdicts(report) == [Verdict.EARLIER, Verdict.DAMAGED, Verdict.EARLIER]
    assert world.known() == [45, 47]


def test_a_look_of_a_time_to_come_does_not_count(world: World) -> None:
    world.check()
    world.clock = ManualClock(world.clock.now() - timedelta(days=9))

    assert verdicts(world.check(max_age=MONTH)) == [Verdict.SOUND] * 3


@pytest.mark.parametrize("scope", SCOPES[1:], ids=["namespace", "everything"])
def test_of_a_listed_bucket_nothing_is_asked_for_again(scope: Scope, tmp_path: Path) -> None:
    cluster = KilledWorld(0, tmp_path)
    cluster.check(Asked(scope, Level.INDEX), Life(None), "state")
    asked = set[str]()

    def noting(call: Callable[..., Any]) -> Callable[..., Any]:
        def noted(key: str, **how: Any) -> Any:
            asked.add(key.removesuffix("-index"))
            return call(key, **how)

        return noted

    store: Any = cluster.memory.store
    store.head, store.read = noting(store.head), noting(store.read)

    report = cluster.check(Asked(scope, Level.INDEX, max_age=MONTH), Life(None), "state")

    # One is missing, which is asked for and seen twice, and one belongs to nobody.
    spared = report.coverage.earlier.ledgers
    assert spared == report.coverage.ledgers - 1
    assert len(asked) <= 2


def test_a_finding_is_looked_for_again_each_time(world: World) -> None:
    world.bucket.change(world.broker.data_key(46), 0, b"\0\0\0\0")
    world.check()

    assert verdicts(world.check(max_age=MONTH)) == [Verdict.EARLIER, Verdict.DAMAGED, Verdict.EARLIER]
    assert world.known() == [45, 47]


def test_an_object_that_was_swapped_for_an_older_one_is_found_beside_ledgers_that_are_left_out(world: World) -> None:
    world.check(max_age=MONTH)
    # The three recorded ledgers are alike in size: only times tell their objects apart.
    for ours, theirs in zip(world.broker.keys(47), world.broker.keys(45), strict=True):
        put_again(world, ours, world.bucket._objects[theirs].data)

    alone = world.check(keeps=False)
    beside = world.check(max_age=MONTH, keeps=False)

    assert verdicts(beside)[:2] == [Verdict.EARLIER, Verdict.EARLIER]
    assert sorted(one.id for one in beside.findings) == sorted(one.id for one in alone.findings)
    assert beside.findings


def test_what_could_not_be_looked_at_wholly_is_not_remembered(world: World) -> None:
    def deny(what: str, key: str) -> None:
        if what == "read" and key == world.broker.data_key(46):
            raise StoreDenied("no")

    world.bucket.before = deny

    world.check()

    assert world.known() == [45, 47]


def test_what_was_trimmed_is_forgotten(world: World) -> None:
    world.check()
    uuid = world.broker.ledgers[46].context_uuid
    assert uuid is not None
    keys = world.broker.keys(46)

    def trim(what: str, key: str) -> None:
        if key == keys[0] and 46 in world.broker.ledgers:
            del world.broker.ledgers[46]
            world.broker.complete.discard(46)
            for each in keys:
                MemoryObjectStore.delete(world.bucket, each)

    world.bucket.before = trim
    world.check()

    found = MemoryChecks(world.shared).clean_since(
        [OffloadedLedger(TOPIC, 46, uuid)], Level.INDEX, datetime.min.replace(tzinfo=UTC)
    )
    assert list(found) == []


def test_a_check_that_is_not_to_be_remembered_leaves_nothing_and_may_use_what_there_is(world: World) -> None:
    world.check(keeps=False)
    assert world.known() == []

    world.check()
    assert verdicts(world.check(max_age=MONTH, keeps=False)) == [Verdict.EARLIER] * 3
    assert len(world.shared.runs) == 1


@pytest.mark.parametrize(("not_covered", "known"), [((), list(IDS)), (("nothing came",), [])])
def test_what_a_broker_gave_is_the_deepest_look(world: World, not_covered: tuple[str, ...], known: list[int]) -> None:
    def read_back(report: CheckReport) -> CheckReport:
        (group,) = report.groups
        (part,) = group.parts
        assert isinstance(part, TopicCheck)
        told = replace(part, readback=ReadBack(samples=9, given=9, not_covered=not_covered))
        return replace(report, groups=(replace(group, parts=(told,)),))

    world.check(Level.READBACK, then=read_back)

    assert world.known(Level.READBACK) == known
    assert world.known(Level.ENTRIES) == list(IDS)
    # A broker is asked each time; only the objects are not read again.
    assert verdicts(world.check(Level.READBACK, then=read_back, max_age=MONTH)) == [Verdict.EARLIER] * 3


class Broken(MemoryChecks):
    """Fails from the n-th call on."""

    def __init__(self, shared: SharedMemory, after: int) -> None:
        super().__init__(shared)
        self.left = after

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise StateUnwritable("no space left on device")

    def begin(self, *arguments: Any) -> Any:
        self._count()
        return super().begin(*arguments)

    def clean_since(self, *arguments: Any) -> Sequence[Verified]:
        self._count()
        return super().clean_since(*arguments)

    def remember(self, looks: Sequence[Verified]) -> None:
        self._count()
        super().remember(looks)

    def end(self, *arguments: Any) -> None:
        self._count()
        super().end(*arguments)


@pytest.mark.parametrize("after", range(5))
def test_a_memory_that_fails_costs_no_check_its_result(world: World, after: int) -> None:
    world.bucket.change(world.broker.data_key(46), 0, b"\0\0\0\0")
    expected = world.check(keeps=False)

    report = world.check(max_age=MONTH, checks=Broken(world.shared, after))

    assert (report.groups, report.exit_code) == (expected.groups, expected.exit_code)
    assert ("no space left" in report.not_remembered) is (after < 3)
    assert not report.is_resumable


# -- going on


def test_a_check_that_was_cut_short_goes_on_and_ends_with_the_same_report(world: World) -> None:
    expected = world.check(Level.ENTRIES, keeps=False)
    cut = world.check(Level.ENTRIES, limits=Limits(requests=7))
    assert (cut.is_resumable, cut.status) == (True, CheckStatus.PARTIAL)
    done = world.known(Level.ENTRIES)
    assert done
    world.bucket.asked = []

    went_on = world.check(Level.ENTRIES, resumes=True)

    assert went_on.groups == expected.groups
    assert went_on.coverage == expected.coverage
    assert went_on.started_at == cut.started_at
    assert not [one for one in world.bucket.asked for number in done if f" {number}" in one]


def test_a_ledger_that_vanished_meanwhile_counts_as_trimmed(world: World) -> None:
    world.check(limits=Limits(requests=9))
    gone = world.known()[0]
    del world.broker.ledgers[gone]
    world.broker.complete.discard(gone)

    report = world.check(resumes=True)

    assert report.coverage.ledgers_trimmed == 1
    assert [one.ledger.ledger_id for one in report.ledgers] == [number for number in IDS if number != gone]
    assert report.exit_code is ExitCode.OK


def test_a_ledger_that_was_offloaded_anew_meanwhile_is_looked_at_anew(world: World) -> None:
    world.check(limits=Limits(requests=9))
    number = world.known()[0]
    before = world.broker.keys(number)
    stored = world.broker.ledgers[number]
    assert stored.context_uuid is not None
    world.broker.ledgers[number] = replace(stored, context_uuid=type(stored.context_uuid)(int=1))
    for old, new in zip(before, world.broker.keys(number), strict=True):
        world.bucket.put(
            new,
            world.bucket._objects[old].data,
            user_metadata=world.bucket._objects[old].info.user_metadata,
            content_type="",
        )
    world.bucket.asked = []

    report = world.check(resumes=True)

    assert report.coverage.ledgers_trimmed == 0
    assert f"head {number}" in world.bucket.asked


def test_what_was_found_before_is_told_only_if_it_is_so_still(world: World) -> None:
    key = world.broker.data_key(45)
    whole = world.bucket._objects[key]
    world.bucket.change(key, 0, b"\0\0\0\0")
    world.check(limits=Limits(requests=9))
    world.bucket._objects[key] = whole

    report = world.check(resumes=True)

    assert (report.findings, report.exit_code) == ((), ExitCode.OK)


def test_there_must_be_something_to_go_on_with(world: World) -> None:
    world.check()

    with pytest.raises(CannotResume, match="no unfinished check"):
        world.check(resumes=True)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"level": Level.ENTRIES}, "had level blocks, here entries"),
        ({"sample": Sample.parse("1/2", seed=1)}, "had sample none, here 1/2, seed 1"),
        ({"max_age": MONTH}, "had --max-age none, here 30d"),
        ({"context": "other"}, "had context none, here other"),
    ],
)
def test_another_check_is_not_gone_on_with(world: World, how: dict[str, Any], words: str) -> None:
    world.check(limits=Limits(requests=7))

    with pytest.raises(CannotResume, match=words):
        world.check(resumes=True, **how)


def test_what_goes_on_elsewhere_is_left_alone(world: World) -> None:
    ports = Ports(world.broker, world.clock, (world.bucket,))
    memory = Memory(MemoryChecks(world.shared), MemoryChecks(world.shared))
    asked = Check(ports, Level.BLOCKS, may_load=True, memory=memory)

    def steal(what: str, key: str) -> None:
        world.bucket.before = lambda what, key: None
        with pytest.raises(CannotResume, match="goes on in another process"):
            world.check(resumes=True)

    world.bucket.before = steal
    asked.report([TOPIC])

    assert world.bucket.asked


def test_a_terminated_check_says_so_and_can_be_gone_on_with(world: World) -> None:
    expected = world.check(keeps=False)

    def terminate(number: int, frame: FrameType | None) -> None:
        raise TerminationSignal

    def signal_main(what: str, key: str) -> None:
        if (what, key) == ("read", world.broker.data_key(46)):
            world.bucket.before = lambda what, key: None
            main = threading.main_thread().ident
            assert main is not None
            signal.pthread_kill(main, signal.SIGTERM)
            # Long enough for the main thread to be told.
            time.sleep(0.3)

    world.bucket.before = signal_main
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        report = world.check()
    finally:
        signal.signal(signal.SIGTERM, before)

    assert (report.interrupted, report.exit_code) == (ExitCode.TERMINATED, ExitCode.TERMINATED)
    assert report.is_resumable
    assert world.check(resumes=True).groups == expected.groups


def test_a_check_that_somebody_stops_waits_for_no_store_and_is_gone_on_with(world: World) -> None:
    expected = world.check(Level.ENTRIES, keeps=False)
    stop, never = Stop(), threading.Event()

    def hang(what: str, key: str) -> None:
        if (what, key) == ("read", world.broker.data_key(46)):
            stop.by(TerminationSignal())
            never.wait(60)

    world.bucket.before = hang
    report = world.check(Level.ENTRIES, stop=stop)

    assert (report.interrupted, report.exit_code, report.is_resumable) == (
        ExitCode.TERMINATED,
        ExitCode.TERMINATED,
        True,
    )
    assert world.known(Level.ENTRIES) == [45]
    world.bucket.before = lambda what, key: None
    world.bucket.asked = []
    went_on = world.check(Level.ENTRIES, resumes=True)
    assert (went_on.groups, went_on.coverage) == (expected.groups, expected.coverage)
    assert not [one for one in world.bucket.asked if " 45" in one]
    never.set()


def test_whoever_was_left_waiting_remembers_nothing_of_a_run_that_is_over(world: World) -> None:
    stop, never = Stop(), threading.Event()

    def hang(what: str, key: str) -> None:
        if (what, key) == ("read", world.broker.data_key(46)):
            world.bucket.before = lambda what, key: None
            stop.by(TerminationSignal())
            never.wait(60)

    world.bucket.before = hang
    before = set(threading.enumerate())
    world.check(Level.INDEX, stop=stop)
    left = set(threading.enumerate()) - before
    world.clock.sleep(60)
    never.set()
    for thread in left:
        thread.join(60)

    assert left
    assert world.known(Level.INDEX) == [45]


def test_a_check_that_was_stopped_before_it_began_asks_no_store(world: World) -> None:
    stop = Stop()
    stop.by(TerminationSignal())

    report = world.check(stop=stop)

    assert report.exit_code is ExitCode.TERMINATED
    assert not world.bucket.asked


def test_until_its_report_is_out_it_can_be_gone_on_with(world: World) -> None:
    mine = MemoryChecks(world.shared)
    ports = Ports(world.broker, world.clock, (world.bucket,))
    killed = Check(ports, Level.BLOCKS, may_load=True, memory=Memory(mine, mine)).report([TOPIC])
    mine.close()
    world.reads()

    report = world.check(resumes=True)

    assert report.groups == killed.groups
    assert world.reads() == 0


def test_whoever_hands_on_a_memory_can_tell_for_those_that_use_it(world: World) -> None:
    mine = MemoryChecks(world.shared)
    memory = Memory(mine, mine)
    ports = Ports(world.broker, world.clock, (world.bucket,))

    Check(ports, Level.BLOCKS, may_load=True, memory=replace(memory, max_age=MONTH)).report([TOPIC])
    assert mine.unfinished()
    memory.told(world.clock.now())

    assert not mine.unfinished()


def test_a_check_that_was_done_again_is_not_gone_on_with(world: World) -> None:
    world.check(limits=Limits(requests=7))
    world.check()

    with pytest.raises(CannotResume):
        world.check(resumes=True)


# -- samples by size


def test_a_sample_by_size_is_the_same_when_it_goes_on_although_ledgers_came(world: World) -> None:
    size = ByteSize(sum(world.broker.ledgers[number].size or 0 for number in IDS) // 2)
    sample = ByteSample(size)
    first = world.check(sample=sample, limits=Limits(requests=1))
    taken = {one.ledger.ledger_id for one in world.check(sample=sample, keeps=False).ledgers}
    assert 0 < len(taken) < 3
    world.broker.ledgers[44] = replace(world.broker.ledgers[45], ledger_id=44, size=ByteSize(10**9))
    world.broker.complete.add(44)

    went_on = world.check(sample=sample, resumes=True)

    assert first.is_resumable
    assert {one.ledger.ledger_id for one in went_on.ledgers} - {44} == taken


def test_as_many_seeds_as_it_says_look_at_every_ledger_once(world: World) -> None:
    size = ByteSize(world.broker.ledgers[45].size or 0)
    reports = [world.check(sample=ByteSample(size, seed), keeps=False) for seed in range(3)]

    assert reports[0].sample is not None
    assert reports[0].sample.runs == 3
    assert sorted(one.ledger.ledger_id for report in reports for one in report.ledgers) == list(IDS)
    assert [report.coverage.not_sampled for report in reports] == [2, 2, 2]
