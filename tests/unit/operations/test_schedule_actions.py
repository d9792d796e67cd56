"""What schedules do on the embedded cluster: the offloads and checks of the commands, for the topics of an intent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from offloadctl.adapters.decision_logs import MemoryDecisionLog
from offloadctl.adapters.memory import MemoryObjectStore
from offloadctl.adapters.memory_checks import MemoryChecks, SharedMemory
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.scene import CLICKS, ORDERS, RETURNS, TUNING, set_up
from offloadctl.errors import Terminated, TerminationSignal
from offloadctl.exitcodes import ExitCode
from offloadctl.model.check import Level
from offloadctl.model.decision import EntryKind, Intent
from offloadctl.model.limits import Limits
from offloadctl.model.measures import Measure
from offloadctl.model.names import NamespaceName
from offloadctl.model.schedule import CheckAction
from offloadctl.model.scope import Scope
from offloadctl.operations import check
from offloadctl.operations.check import Check
from offloadctl.operations.check_memory import Memory
from offloadctl.operations.confirm import ObjectsInStores
from offloadctl.operations.offload_run import OffloadTopics
from offloadctl.operations.schedule import Scheduler
from offloadctl.operations.schedule_actions import ScheduleActions
from offloadctl.operations.schedule_codec import decode
from offloadctl.operations.workers import Stop
from offloadctl.plan.schedule_reading import read_schedules
from tests.schedules import Told, local_bytes, snapshot

TEXT = """\
apiVersion: offloadctl/v1
kind: Schedule
name: large
scope: {namespaces: [acme/shop]}
when: {localBytes: {above: 1K}}
action: {offload: {sizeThreshold: 0}}
---
apiVersion: offloadctl/v1
kind: Schedule
name: proof
scope: {namespaces: [acme/shop]}
when: {cron: "0 * * * *"}
action: {check: {level: blocks, sample: 1/2}}
"""


@pytest.fixture
def cluster() -> InMemoryCluster:
    made = InMemoryCluster(tuning=TUNING)
    set_up(made.cluster, advance=made.advance)
    return made


def test_a_schedule_offloads_the_topics_for_which_it_fires_and_another_one_checks_them(
    cluster: InMemoryCluster,
) -> None:
    ports, log = cluster.ports(), MemoryDecisionLog()
    sizes = local_bytes({ORDERS: 5000.0, RETURNS: 10.0, CLICKS.with_partition(1): 2000.0})
    told = Told(lambda at: snapshot(at, topics=sizes), topics=tuple(sizes[Measure.LOCAL_BYTES]))
    act = ScheduleActions(ports, check_objects=ObjectsInStores(ports.stores))
    scheduler = Scheduler(read_schedules(TEXT, "schedules.yaml"), log, told, act, cluster.clock)

    tick = scheduler.tick()

    (intent,) = tick.begun
    assert intent.topics == (ORDERS, CLICKS.with_partition(1))
    result = decode(log.entries()[0] if log.entries()[0].kind is EntryKind.RESULT else log.entries()[1]).result
    assert result is not None
    assert (result.schedule, result.exit_code) == ("large", ExitCode.OK)
    assert result.bytes_moved > 0
    assert result.summary.endswith("topics: 2 confirmed")

    cluster.advance(scheduler.next_time(every=timedelta(hours=1)) - cluster.clock.now())
    tick = scheduler.tick()

    assert [one.schedule for one in tick.begun if one.whole_scope] == ["proof"]
    proofs = [decode(one).result for one in log.entries(schedule="proof") if one.kind is EntryKind.RESULT]
    assert [one.exit_code for one in proofs if one] == [ExitCode.OK]
    assert "ledgers looked at, 0 findings" in (proofs[0].summary if proofs[0] else "")


def test_a_run_for_which_nothing_is_left_says_where_the_rest_is(cluster: InMemoryCluster) -> None:
    kept = TEXT.replace("{sizeThreshold: 0}", "{sizeThreshold: 1G, olderThan: 1000d}")
    large = read_schedules(kept, "schedules.yaml")[0]
    intent = Intent("run", large.name, cluster.clock.now(), (ORDERS, RETURNS), whole_scope=False)

    result = ScheduleActions(cluster.ports())(large, intent)

    assert result.summary == (
        "0 B moved; topics: 2 nothing-to-do: what is left is within sizeThreshold 1 GiB of each topic and is younger "
        "than 1000d, or is in the last ledger of a topic"
    )
    assert result.exit_code is ExitCode.OK


def test_a_run_takes_no_more_than_its_limit(cluster: InMemoryCluster) -> None:
    ports = cluster.ports()
    (large, _) = read_schedules(TEXT.replace("when:", "limits: {bytesARun: 1}\nwhen:", 1), "schedules.yaml")
    sizes = local_bytes({ORDERS: 5000.0})
    told = Told(lambda at: snapshot(at, topics=sizes), topics=(ORDERS,))
    scheduler = Scheduler((large,), MemoryDecisionLog(), told, ScheduleActions(ports), cluster.clock)

    scheduler.tick()

    result = decode(scheduler.log.entries()[0]).result
    assert result is not None
    assert (result.bytes_moved, result.summary) == (0, "0 B moved; topics: 1 left-for-later")


class HangsAt(MemoryObjectStore):
    """A bucket that does not answer any more from some read of a data object on, until it is told to."""

    def __init__(self, behind: MemoryObjectStore, stop: Stop, *, at: int) -> None:
        super().__init__(behind.bucket)
        self._objects = behind._objects
        self.stop, self.at, self.answers = stop, at, threading.Event()
        self.read_keys: list[str] = []

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes | None:
        self.read_keys.append(key)
        if len(self.read_keys) >= self.at:
            self.stop.by(TerminationSignal())
            self.answers.wait(60)
        return super().read(key, start=start, length=length)


def test_a_check_that_the_service_stops_is_gone_on_with_by_whoever_comes_after(
    cluster: InMemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "LEDGERS_AT_ONCE", 1)
    ports, log, shared = cluster.ports(), MemoryDecisionLog(), SharedMemory()
    Scheduler(
        read_schedules(TEXT, "schedules.yaml")[:1],
        MemoryDecisionLog(),
        Told(lambda at: snapshot(at, topics=local_bytes({ORDERS: 5000.0, RETURNS: 5000.0})), topics=(ORDERS, RETURNS)),
        ScheduleActions(ports),
        cluster.clock,
    ).tick()
    cluster.advance(timedelta(minutes=5))
    whole = Check(ports, Level.BLOCKS).report_scope(Scope.of(namespaces=[NamespaceName("acme", "shop")]))
    proof = replace(read_schedules(TEXT, "schedules.yaml")[1], action=CheckAction(Level.BLOCKS))
    stop = Stop()
    store = HangsAt(cluster.store, stop, at=4)
    memory = Memory(MemoryChecks(shared), MemoryChecks(shared))
    stopped = ScheduleActions(replace(ports, stores=(store,)), memory=memory, stop=stop)

    intent = Scheduler((proof,), log, Told(), stopped, cluster.clock).run_now("proof", asked_by="ann").intent
    kinds = [one.kind for one in log.entries()]
    looked = dict.fromkeys(one.run for places in shared.verified.values() for looks in places.values() for one in looks)
    stored = len(shared.verified)
    shared.held.clear()
    again = HangsAt(cluster.store, Stop(), at=10**9)
    acts = ScheduleActions(replace(ports, stores=(again,)), memory=Memory(MemoryChecks(shared), MemoryChecks(shared)))
    (begun,) = Scheduler((proof,), log, Told(), acts, cluster.clock).recover()
    store.answers.set()

    assert kinds == [EntryKind.HANDED_OVER, EntryKind.INTENT]
    assert (len(looked), 0 < stored < whole.coverage.ledgers) == (1, True)
    assert intent is not None
    assert begun.run_id == intent.run_id
    result = decode(log.entries()[0]).result
    assert result is not None
    assert result.summary == f"{whole.coverage.ledgers} of {whole.coverage.ledgers} ledgers looked at, 0 findings: full"
    assert not set(store.read_keys[:2]) & set(again.read_keys)
    assert MemoryChecks(shared).unfinished() == []


def test_a_check_whose_budget_is_too_small_for_all_comes_to_all_of_them_in_turn(cluster: InMemoryCluster) -> None:
    ports, shared = cluster.ports(), SharedMemory()
    (large, proof) = read_schedules(TEXT, "schedules.yaml")
    told = Told(lambda at: snapshot(at, topics=local_bytes({ORDERS: 5000.0})), topics=(ORDERS,))
    Scheduler((large,), MemoryDecisionLog(), told, ScheduleActions(ports), cluster.clock).tick()
    rolling = replace(proof, action=CheckAction(Level.BLOCKS, Limits(requests=10), max_age=timedelta(days=7)))
    log, memory = MemoryDecisionLog(), Memory(MemoryChecks(shared), MemoryChecks(shared))
    scheduler = Scheduler((rolling,), log, Told(), ScheduleActions(ports, memory=memory), cluster.clock)

    known = []
    for _ in range(3):
        scheduler.run_now("proof", asked_by="ann")
        known.append(len(shared.verified))

    whole = Check(ports, Level.BLOCKS).report_scope(rolling.scope.scope)
    assert 0 < known[0] < known[1] <= whole.coverage.ledgers
    assert len(shared.runs) == len(shared.ended) == 3


def test_a_check_that_ended_is_not_gone_on_with_by_the_next_run(cluster: InMemoryCluster) -> None:
    ports, shared = cluster.ports(), SharedMemory()
    (large, proof) = read_schedules(TEXT, "schedules.yaml")
    told = Told(lambda at: snapshot(at, topics=local_bytes({ORDERS: 5000.0})), topics=(ORDERS,))
    Scheduler((large,), MemoryDecisionLog(), told, ScheduleActions(ports), cluster.clock).tick()
    cut_short = replace(proof, action=CheckAction(Level.BLOCKS, Limits(requests=3)))
    log = MemoryDecisionLog()
    memory = Memory(MemoryChecks(shared), MemoryChecks(shared))

    Scheduler((cut_short,), log, Told(), ScheduleActions(ports, memory=memory), cluster.clock).run_now(
        "proof", asked_by="ann"
    )

    result = decode(log.entries()[0]).result
    assert result is not None
    assert result.exit_code is ExitCode.NOT_COVERED
    assert len(shared.runs) == len(shared.ended) == 1


def test_a_run_that_the_service_stops_is_handed_over_and_done_by_whoever_comes_after(cluster: InMemoryCluster) -> None:
    ports, log = cluster.ports(), MemoryDecisionLog()
    (large, _) = read_schedules(TEXT, "schedules.yaml")
    sizes = local_bytes({ORDERS: 5000.0})
    told = Told(lambda at: snapshot(at, topics=sizes), topics=(ORDERS,))
    stopped = ScheduleActions(ports)
    stopped.stop.by(Terminated("the service ends"))

    Scheduler((large,), log, told, stopped, cluster.clock).tick()
    open_runs = [one.kind for one in log.entries()]
    begun = Scheduler((large,), log, told, ScheduleActions(ports), cluster.clock).recover()

    assert open_runs == [EntryKind.HANDED_OVER, EntryKind.INTENT]
    assert [(one.topics, one.attempt, one.died) for one in begun] == [((ORDERS,), 2, 1)]
    result = decode(log.entries()[0]).result
    assert result is not None
    assert result.bytes_moved > 0


def test_a_signal_that_comes_between_two_pieces_of_work_keeps_its_name(cluster: InMemoryCluster) -> None:
    @contextmanager
    def interrupted(work: OffloadTopics) -> Iterator[OffloadTopics]:
        yield work
        raise TerminationSignal

    log = MemoryDecisionLog()
    (large, _) = read_schedules(TEXT, "schedules.yaml")
    told = Told(lambda at: snapshot(at, topics=local_bytes({ORDERS: 5000.0})), topics=(ORDERS,))
    actions = ScheduleActions(cluster.ports(), interrupted)

    Scheduler((large,), log, told, actions, cluster.clock).tick()

    with pytest.raises(Terminated):
        actions(large, Intent("large-1", "large", cluster.clock.now(), (ORDERS,), whole_scope=False))
    assert log.entries()[0].kind is EntryKind.HANDED_OVER
