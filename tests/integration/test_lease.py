"""The lease on a real broker: who has it acts, who lost it harms nobody, and the next one knows what was decided."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from offloadctl.adapters.lease_history import PauseLog, TopicHistory
from offloadctl.adapters.lease_lines import KEPT_FOR
from offloadctl.adapters.lease_policies import LeasePolicies
from offloadctl.adapters.lease_tail import pauses_beside
from offloadctl.adapters.lease_topic import TopicLease
from offloadctl.adapters.memory import ManualClock
from offloadctl.adapters.pulsar_connection import PulsarConnection
from offloadctl.errors import LeaseLost, SettingsError
from offloadctl.model.decision import EntryKind, LogEntry
from offloadctl.model.names import TopicName
from offloadctl.model.settings import BrokerSettings
from offloadctl.operations.schedule_pauses import pause, pause_of
from offloadctl.plan.lease_dangers import dangers
from offloadctl.ports.schedule import DecisionLog
from tests.contract.test_decision_log import (  # noqa: F401 - they run here over the log on the topic
    test_entries_are_asked_for_by_their_time,
    test_the_newest_entry_of_a_schedule_is_found_by_its_kind,
)
from tests.integration.command import Offloadctl
from tests.integration.conftest import TopicMaker
from tests.integration.door import Door
from tests.integration.ledgers import closed_ledger, keys_of, offloaded_ledgers
from tests.integration.messages import publish_payloads
from tests.integration.stack import Stack, Topic, eventually
from tests.schedules import START
from tests.served import Served

pytestmark = pytest.mark.integration

KINDS = (EntryKind.DECIDED, EntryKind.INTENT, EntryKind.RESULT)


@pytest.fixture
def lease_topic(shared_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> TopicName:
    """Of the test's own, in a namespace that keeps nothing by itself."""
    namespace = f"public/lease-{uuid4().hex[:8]}"
    shared_stack.put(f"namespaces/{namespace}")
    topic = TopicName.parse(f"{namespace}/__offloadctl_lease")
    monkeypatch.setenv("OFFLOADCTL_LEASE_TOPIC", str(topic))
    return topic


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def connection(shared_stack: Stack, clock: ManualClock) -> PulsarConnection:
    settings = BrokerSettings((shared_stack.admin_url,))
    return PulsarConnection(shared_stack.broker_url, settings, clock, "serve", "a lease topic")


@pytest.fixture
def log(connection: PulsarConnection, lease_topic: TopicName) -> Iterator[DecisionLog]:
    with TopicLease(connection, lease_topic, "one") as lease:
        term = lease.wait(240)
        assert term is not None
        yield term.log
        term.hand_back()


def entry(kind: EntryKind, text: str, clock: ManualClock, schedule: str = "nightly") -> LogEntry:
    return LogEntry(clock.now(), kind, schedule, text)


def unload(stack: Stack, topic: TopicName) -> None:
    """The broker lets go of all who are connected to it; they connect again."""
    stack.put(f"persistent/{topic.rest_path}/unload")


def test_what_is_decided_outlives_a_namespace_that_keeps_nothing_and_is_forgotten_when_it_is_old(
    connection: PulsarConnection, lease_topic: TopicName, clock: ManualClock, shared_stack: Stack
) -> None:
    with TopicLease(connection, lease_topic, "one") as one, TopicLease(connection, lease_topic, "two") as two:
        first = one.wait(240)
        assert first is not None
        assert two.wait(0) is None
        for kind in KINDS:
            first.log.append(entry(kind, f"old {kind}", clock))
        pause(PauseLog(connection, lease_topic), "nightly", clock.now(), until=None, reason="", by="ann")
        for topic in (lease_topic, pauses_beside(lease_topic)):
            unload(shared_stack, topic)
        first.log.append(entry(EntryKind.DECIDED, "young", clock))
        first.hand_back()

        clock.advance(KEPT_FOR * 2)
        second = two.wait(240)
        assert second is not None
        second.log.append(entry(EntryKind.DECIDED, "now", clock, "weekly"))
        read_again = TopicHistory(connection, lease_topic)

        with pytest.raises(LeaseLost):
            first.log.append(entry(EntryKind.INTENT, "too late", clock))
        assert [second.log.newest([kind], "nightly").text for kind in KINDS] == [  # type: ignore[union-attr]
            "young",
            "old schedule-intent",
            "old schedule-result",
        ]
        assert read_again.newest(KINDS, "nightly") == second.log.newest(KINDS, "nightly")
        paused = pause_of(second.log, "nightly")
        assert paused is not None
        assert paused.by == "ann"
        # What was acknowledged the broker may delete: nothing that counts is in front of that.
        cursor = shared_stack.get(f"persistent/{lease_topic.rest_path}/internalStats")["cursors"]["offloadctl"]
        assert cursor["numberOfEntriesSinceFirstNotAckedMessage"] < 10
        second.hand_back()


def test_a_line_behind_the_beginning_of_another_term_counts_for_nobody(
    connection: PulsarConnection, lease_topic: TopicName, clock: ManualClock, shared_stack: Stack
) -> None:
    with TopicLease(connection, lease_topic, "one") as one, TopicLease(connection, lease_topic, "two") as two:
        first = one.wait(240)
        assert first is not None
        taken: list[Any] = []
        waits = threading.Thread(target=lambda: taken.append(two.wait(240)))
        waits.start()
        stats = f"persistent/{lease_topic.rest_path}/stats?getPreciseBacklog=false"
        eventually(lambda: len(shared_stack.get(stats)["publishers"]) == 1, "one writes")
        first.log.append(entry(EntryKind.INTENT, "in time", clock))

        def is_taken() -> bool:
            """Whoever of them connects first has it: perhaps the same one as before."""
            unload(shared_stack, lease_topic)
            waits.join(10)
            return bool(taken)

        eventually(is_taken, "the second one is let in")
        second = taken[0]
        assert second is not None

        eventually(lambda: first.lost != "", "the first one hears of it")
        with pytest.raises(LeaseLost, match="taken by two"):
            first.log.append(entry(EntryKind.RESULT, "too late", clock))

        assert second.log.newest(KINDS, "nightly").text == "in time"
        first.hand_back()
        second.hand_back()


def test_settings_that_would_lose_what_was_decided_are_told_and_their_mends_mend_them(
    lease_topic: TopicName, shared_stack: Stack, clock: ManualClock
) -> None:
    namespace, path = f"namespaces/{lease_topic.namespace_name}", f"persistent/{lease_topic.rest_path}"
    shared_stack.put(path)
    with LeasePolicies(BrokerSettings((shared_stack.admin_url,)), clock) as policies:
        at_first = list(dangers(policies.of(lease_topic)))
        shared_stack.post(f"{namespace}/messageTTL", 3600)
        shared_stack.post(f"{namespace}/subscriptionExpirationTime", 10)
        shared_stack.post(
            f"{namespace}/backlogQuota?backlogQuotaType=message_age",
            {"limitTime": 3600, "policy": "consumer_backlog_eviction"},
        )
        eventually(lambda: len(list(dangers(policies.of(lease_topic)))) == 3, "all three are told")
        told = [one.text for one in dangers(policies.of(lease_topic))]

        # What the commands that are told send.
        shared_stack.post(f"{path}/messageTTL?messageTTL=0")
        shared_stack.call("DELETE", f"{namespace}/subscriptionExpirationTime").raise_for_status()
        shared_stack.post(
            f"{path}/backlogQuota?backlogQuotaType=message_age",
            {"limitSize": -1, "limitTime": -1, "policy": "consumer_backlog_eviction"},
        )

        eventually(lambda: not list(dangers(policies.of(lease_topic))), "nothing is left of them")
        assert at_first == []
        assert [word in text for word, text in zip(("1h", "10m", "1h"), told, strict=True)] == [True] * 3


def test_a_partitioned_topic_is_no_lease(
    connection: PulsarConnection, lease_topic: TopicName, shared_stack: Stack
) -> None:
    shared_stack.put(f"persistent/{lease_topic.rest_path}/partitions", 2)

    with TopicLease(connection, lease_topic, "one") as lease, pytest.raises(SettingsError, match="partitioned"):
        lease.wait(0)


# -- processes


@dataclass
class Scene:
    """A topic that a schedule offloads, and the way to start services for it."""

    topic: Topic
    offloadctl: Offloadctl
    directory: Path

    def __post_init__(self) -> None:
        self.file.write_text(
            f"""
apiVersion: offloadctl/v1
kind: Schedule
name: grown
scope: {{topics: [{self.topic.name}]}}
when: {{localBytes: {{above: 1}}}}
coolDown: 1h
action: {{offload: {{sizeThreshold: 0}}}}
"""
        )

    @property
    def file(self) -> Path:
        return self.directory / "schedules.yaml"

    def fill(self) -> None:
        """A closed ledger, and an open one behind it."""
        closed_ledger(self.topic)
        publish_payloads(self.topic.stack, self.topic.name, count=5, size=100)

    def serving(self, name: str, *, admin_url: str | None = None) -> AbstractContextManager[Served]:
        command = self.offloadctl
        if admin_url is not None:
            command = replace(command, stack=replace(command.stack, admin_url=admin_url))
        flags = ("--every", "1s", "--grace", "5s", "--listen", "none", "--state", str(self.directory / name))
        return command.serving("-f", str(self.file), *flags)

    @contextmanager
    def leading(self, *, admin_url: str | None = None) -> Iterator[Served]:
        """An instance that has the lease."""
        with self.serving("one", admin_url=admin_url) as one:
            one.awaits("lease-acquired")
            yield one

    @contextmanager
    def standing_by(self) -> Iterator[Served]:
        """Another one, which waits for it."""
        with self.serving("two") as two:
            two.awaits("standing-by")
            yield two

    def schedule(self, *arguments: str) -> Any:
        return self.offloadctl("schedule", *arguments, "--state", str(self.directory / "person"))

    def history(self) -> list[dict[str, Any]]:
        """The oldest first."""
        entries = self.schedule("history").document["entries"]
        return list(reversed(entries))

    def kinds(self) -> list[str]:
        """What was written of runs and of the lease."""
        return [one["entry"] for one in self.history() if one["entry"] != "schedule-decided"]


@pytest.fixture
def scene(make_topic: TopicMaker, offloadctl: Offloadctl, lease_topic: TopicName, tmp_path: Path) -> Scene:
    return Scene(make_topic("grown"), offloadctl, tmp_path)


@pytest.fixture
def admin_door(shared_stack: Stack) -> Iterator[Door]:
    """A door before the broker's admin REST service."""
    with Door(shared_stack.admin_url).standing() as door:
        yield door


@dataclass(frozen=True, slots=True)
class Held:
    """A run whose intent is written down, while its request stands at the door and another instance stands by."""

    run: str
    one: Served
    two: Served


@pytest.fixture
def held(scene: Scene, admin_door: Door) -> Iterator[Held]:
    scene.fill()
    admin_door.hold(r"PUT \S+/offload ")
    with scene.leading(admin_url=f"http://127.0.0.1:{admin_door.port}") as one:
        begun = one.awaits("run-begun")
        one.until(lambda: admin_door.is_holding, "the request stands at the door")
        assert offloaded_ledgers(scene.topic) == []
        with scene.standing_by() as two:
            yield Held(begun["run"], one, two)


def test_of_an_instance_that_was_killed_between_intent_and_request_the_next_one_does_the_work(
    scene: Scene, held: Held, admin_door: Door
) -> None:
    held.one.send(signal.SIGKILL)
    ended = held.two.awaits("run-ended")
    objects = keys_of(scene.topic)

    # The request of the dead comes late.
    admin_door.open()

    assert (ended["run"], ended["exit_code"]) == (held.run, 0)
    assert held.two.awaits("run-begun")["attempt"] == 2
    kinds = ["lease-taken", "schedule-intent", "lease-taken", "schedule-intent", "schedule-result"]
    assert scene.kinds() == kinds
    assert len(offloaded_ledgers(scene.topic)) == 1
    eventually(lambda: scene.topic.offload_status()["status"] != "RUNNING", "nothing goes on")
    assert keys_of(scene.topic) == objects


def test_the_late_request_of_an_instance_that_stood_still_changes_nothing_and_it_stands_by_again(
    scene: Scene, held: Held, admin_door: Door, lease_topic: TopicName
) -> None:
    one, two = held.one, held.two
    one.send(signal.SIGSTOP)
    # Brokers drop who does not answer after a minute; an unload does the same at once.
    two.until(lambda: _taken(scene, lease_topic, two), "the second one has the lease")
    assert two.awaits("run-ended")["exit_code"] == 0
    objects = keys_of(scene.topic)

    admin_door.open()
    one.send(signal.SIGCONT)

    assert "the lease was taken by" in one.awaits("lease-lost")["why"]
    one.until(lambda: bool(one.events("run-handed-over") or one.events("result-not-written")), "its run is nobody's")
    results = [entry for entry in scene.history() if entry["entry"] == "schedule-result"]
    assert [result["runId"] for result in results] == [held.run]
    assert len(offloaded_ledgers(scene.topic)) == 1
    assert keys_of(scene.topic) == objects

    # In order it goes within seconds, and whoever stood still is an instance like any other.
    assert two.end(signal.SIGTERM) == 0
    one.until(lambda: len(one.events("lease-acquired")) == 2, "the first one has the lease again")
    assert two.events("lease-handed-back")
    assert [event for event in one.events("run-begun") if event["attempt"] > 1] == []


def _taken(scene: Scene, topic: TopicName, service: Served) -> bool:
    if not service.events("lease-acquired"):
        unload(scene.topic.stack, topic)
        time.sleep(1)
    return bool(service.events("lease-acquired"))


def test_a_pause_reaches_whoever_has_the_lease_and_outlives_the_term(scene: Scene) -> None:
    scene.fill()
    scene.schedule("pause", "grown", "-f", str(scene.file), "--reason", "before anybody has the lease")
    with scene.leading() as first, scene.standing_by() as second:
        first.awaits("decided", decision="held")
        paused = scene.schedule("pause", "grown", "-f", str(scene.file), "--reason", "month end")
        refused = scene.schedule("run", "grown", "-f", str(scene.file))
        assert first.end(signal.SIGTERM) == 0
        second.awaits("lease-acquired")
        second.awaits("decided", decision="held")
        assert second.events("run-begun") == []
        (listed,) = scene.schedule("list", "-f", str(scene.file)).document["schedules"]

        scene.schedule("resume", "grown", "-f", str(scene.file))
        ended = second.awaits("run-ended")

        assert paused.code == 0
        assert refused.code == 8
        assert listed["pause"]["reason"] == "month end"
        assert ended["exit_code"] == 0
        pauses = ["schedule-paused", "lease-taken", "schedule-paused", "lease-taken", "schedule-resumed"]
        assert scene.kinds() == [*pauses, "schedule-intent", "schedule-result"]
        told = scene.schedule("explain", ended["run"]).document
        assert told["result"]["exitCode"] == 0
