"""What schedules do on the embedded cluster: the offloads and checks of the commands, for the topics of an intent."""

from datetime import timedelta

import pytest

from offloadctl.adapters.decision_logs import MemoryDecisionLog
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.scene import CLICKS, ORDERS, RETURNS, TUNING, set_up
from offloadctl.errors import Terminated
from offloadctl.exitcodes import ExitCode
from offloadctl.model.decision import EntryKind
from offloadctl.model.measures import Measure
from offloadctl.operations.confirm import ObjectsInStores
from offloadctl.operations.schedule import Scheduler
from offloadctl.operations.schedule_actions import ScheduleActions
from offloadctl.operations.schedule_codec import decode
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

    assert open_runs == [EntryKind.INTENT]
    assert [(one.topics, one.attempt) for one in begun] == [((ORDERS,), 2)]
    result = decode(log.entries()[0]).result
    assert result is not None
    assert result.bytes_moved > 0
