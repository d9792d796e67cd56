"""The pages: what they show, to whom, and what of it is gone with what it was about."""

import http.client
import json
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus

import pytest
from prometheus_client.parser import text_string_to_metric_families
from waitress.trigger import trigger

from offloadctl import __version__
from offloadctl.adapters.decision_logs import MemoryDecisionLog
from offloadctl.adapters.memory import ManualClock
from offloadctl.errors import BadValue, SettingsError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.measures import Measure
from offloadctl.model.names import TopicName
from offloadctl.model.schedule import Schedule
from offloadctl.operations.schedule import Scheduler
from offloadctl.ports.schedule import Collected
from offloadctl.redaction import Secret
from offloadctl.service.board import Board
from offloadctl.service.surveying import Beside
from offloadctl.service.web import Pages
from offloadctl.service.web_server import Address, listening, require_token
from tests.schedules import BILLS, ORDERS, START, Acts, Told, above, local_bytes, schedule, snapshot

FULL = above(Measure.LOCAL_BYTES, 1000)
EVERY = timedelta(minutes=5)


@dataclass
class World:
    """A board with one evaluation behind it, and its pages."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    told: Told = field(default_factory=lambda: Told(topics=(ORDERS, BILLS)))

    def __post_init__(self) -> None:
        self.board = Board(START)
        self.board.in_force(("nightly",))
        acts, log = Acts(self.clock), MemoryDecisionLog()
        self.scheduler = Scheduler((schedule(FULL),), log, self.told, acts, self.clock)
        self.pages = Pages(self.board.facts, self.clock, EVERY)

    def evaluate(self, sizes: dict[TopicName, float | None], offloaded: dict[TopicName, int] | None = None) -> None:
        self.told.tell = lambda at: snapshot(at, topics=local_bytes(sizes))
        known = {topic: size for topic, size in sizes.items() if size is not None}
        self.board.evaluated(self.scheduler.tick(), 0.5, Beside(known, offloaded or {}))

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        answer = self.pages.answer("GET", path, **{"host": "localhost:9477", **headers})
        return answer.status, answer.body.decode()

    def series(self) -> dict[str, float]:
        _, text = self.get("/metrics")
        return {
            f"{one.name}{sorted(one.labels.values())}": one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
        }


def test_metrics_hold_what_the_last_evaluation_has_read() -> None:
    world = World()
    world.evaluate({ORDERS: 600, BILLS: 300}, {ORDERS: 5000})

    found = world.series()

    assert found["offloadctl_local_bytes['acme/shop']"] == 900
    assert found["offloadctl_offloaded_bytes['acme/shop']"] == 5000
    assert found["offloadctl_decisions_total['nightly', 'quiet']"] == 1
    assert found["offloadctl_unknown_numbers['local-bytes']"] == 0
    assert found["offloadctl_evaluated_timestamp_seconds[]"] == START.timestamp()
    assert found["process_resident_memory_bytes[]"] > 0
    assert not any(one.startswith("python_") for one in found)


def test_what_is_gone_has_no_series_any_more() -> None:
    world = World()
    world.board.run_ended("nightly", ExitCode.OK, 10, START)
    world.evaluate({ORDERS: 600, BILLS: 300}, {ORDERS: 5000})
    before = world.series()

    world.evaluate({})
    world.board.in_force(("another",))

    gone = before.keys() - world.series().keys()
    assert {one.partition("[")[0] for one in gone} >= {
        "offloadctl_local_bytes",
        "offloadctl_offloaded_bytes",
        "offloadctl_runs_total",
        "offloadctl_decisions_total",
        "offloadctl_moved_bytes_total",
        "offloadctl_last_success_timestamp_seconds",
    }
    assert not any("nightly" in one for one in world.series())


def test_a_run_of_a_schedule_that_was_taken_away_meanwhile_leaves_no_series() -> None:
    world = World()
    world.board.in_force(("another",))

    world.board.run_ended("nightly", ExitCode.OK, 10, START)

    assert not any("nightly" in one for one in world.series())


def test_unknown_numbers_are_counted_and_not_summed_up() -> None:
    world = World()

    world.evaluate({ORDERS: None, BILLS: 300})

    assert world.series()["offloadctl_unknown_numbers['local-bytes']"] == 1
    assert world.series()["offloadctl_local_bytes['acme/shop']"] == 300


def test_readiness_tells_whether_it_evaluates() -> None:
    world = World()
    told = [world.get("/readyz")]
    world.evaluate({ORDERS: 1, BILLS: 1})
    told.append(world.get("/readyz"))
    world.board.not_evaluated("nobody there, at broker-1")
    told.append(world.get("/readyz"))
    world.evaluate({ORDERS: 1, BILLS: 1})
    world.clock.advance(4 * EVERY)
    told.append(world.get("/readyz"))
    world.board.ending()
    told.append(world.get("/readyz"))

    assert [status for status, _ in told] == [503, 200, 503, 503, 503]
    assert "broker-1" not in told[2][1], "this page needs no token"
    assert world.get("/healthz") == (200, "alive\n")


def test_it_is_ready_as_long_as_something_that_asks_the_cluster_can_be_evaluated() -> None:
    world = World()
    world.evaluate({ORDERS: 1, BILLS: 1})
    tick = world.scheduler.tick()
    told = []

    for decisions in (tick.decisions, ()):
        failed = replace(tick, decisions=decisions, not_evaluated=(("another", "no route, at broker-1"),))
        world.board.evaluated(failed, 0.5, Beside({}, {}))
        told.append(world.get("/readyz"))

    assert [status for status, _ in told] == [200, 503]
    assert "broker-1" not in told[1][1], "this page needs no token"


class Unreachable:
    """A collector before whose cluster there is a wall."""

    def collect(self, schedules: Sequence[Schedule], now: datetime) -> Collected:
        return Collected(snapshot(now), {}, {one.name: "no route, at broker-1" for one in schedules})


def test_where_no_broker_can_be_reached_nothing_is_0_but_unknown_and_the_evaluation_has_failed() -> None:
    world = World()
    world.evaluate({ORDERS: 600, BILLS: 300})
    before = world.series()
    world.clock.advance(EVERY)

    world.scheduler.collector = Unreachable()
    world.evaluate({})

    told = world.series()
    assert told["offloadctl_unknown_numbers['local-bytes']"] == 1
    assert told["offloadctl_schedules_incomplete[]"] == 1
    gone = {f"offloadctl_{one}[]" for one in ("topics", "topics_told", "topics_asked")}
    assert gone <= before.keys() - told.keys()
    assert told["offloadctl_evaluations_total[]"] == before["offloadctl_evaluations_total[]"]
    assert told["offloadctl_evaluations_failed_total[]"] == 1
    assert told["offloadctl_evaluated_timestamp_seconds[]"] == START.timestamp()


def test_of_a_cluster_that_nobody_has_asked_yet_there_are_no_numbers() -> None:
    told = World().series()

    numbers = {f"offloadctl_{one}[]" for one in ("topics", "topics_told", "topics_asked", "schedules_incomplete")}
    assert not numbers & told.keys()


def test_decisions_are_shown_with_their_numbers_to_people_and_to_programs() -> None:
    world = World()
    world.evaluate({ORDERS: None, BILLS: 300})

    _, text = world.get("/")
    _, documents = world.get("/decisions")

    assert text.startswith(f"offloadctl {__version__}, up since ")
    assert "1 schedule, evaluated at 2026-01-01 00:00:00 UTC" in text.splitlines()[0]
    assert "schedule explain" not in text
    world.board.succeeded("nightly", START)
    assert "do next      offloadctl schedule explain nightly: its last run" in world.get("/")[1]
    assert "nightly: unknown" in text
    assert "acme/shop/orders" in text
    (decision,) = json.loads(documents)
    assert (decision["kind"], decision["schedule"], decision["decision"]) == ("ScheduleDecision", "nightly", "unknown")


@pytest.mark.parametrize("path", ["/metrics", "/", "/decisions", "/nonsense"])
def test_with_a_token_nothing_but_health_is_shown_without_it(path: str) -> None:
    world = World()
    world.pages = Pages(world.board.facts, world.clock, EVERY, Secret("correct horse battery"))

    without = world.get(path)[0]
    wrong = world.get(path, authorization="Bearer correct horse batterz")[0]
    bare = world.get(path, authorization="correct horse battery")[0]
    right = world.get(path, host="pulsar-1.example", authorization="Bearer correct horse battery")[0]

    browser, broken = (
        world.get(path, authorization=f"Basic {given}")[0]
        for given in (b64encode(b":correct horse battery").decode(), "c%%%")
    )

    assert (without, wrong, bare, broken) == (HTTPStatus.UNAUTHORIZED,) * 4
    assert browser == right
    assert right == (HTTPStatus.NOT_FOUND if path == "/nonsense" else HTTPStatus.OK)
    assert world.get("/healthz")[0] == HTTPStatus.OK


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:9477", 200),
        ("127.0.0.1", 200),
        ("[::1]:9477", 200),
        ("[::1]", 200),
        ("evil.example:9477", 403),
        ("", 403),
    ],
)
def test_without_a_token_a_name_from_elsewhere_is_not_answered(host: str, status: int) -> None:
    assert World().get("/metrics", host=host)[0] == status


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 200), ("topics=0", 200), ("topics=2", 200), ("topics=1001", 400), ("topics=", 400), ("topics=-1", 400)],
)
def test_topics_are_told_of_only_if_so_many_are_asked_for(query: str, status: int) -> None:
    world = World()
    world.evaluate({ORDERS: 600, BILLS: 300}, {ORDERS: 7})

    answer = world.pages.answer("GET", "/metrics", query=query, host="localhost")

    assert answer.status == status
    assert (b"offloadctl_topic_local_bytes" in answer.body) is (query == "topics=2")


def test_nothing_can_be_changed() -> None:
    assert World().pages.answer("POST", "/", host="localhost").status is HTTPStatus.METHOD_NOT_ALLOWED


@pytest.fixture
def served() -> Iterator[Address]:
    world = World()
    with listening(Address.parse("127.0.0.1:0"), world.pages) as address:
        yield address


def test_the_pages_are_on_a_port_and_one_who_says_nothing_is_in_nobodys_way(served: Address) -> None:
    with socket.create_connection((served.host, served.port)), socket.create_connection((served.host, served.port)):
        connection = http.client.HTTPConnection(served.host, served.port, timeout=10)
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        body = answer.read()
        connection.request("HEAD", "/healthz")
        head = connection.getresponse()
        empty = head.read()
        connection.close()

    assert (answer.status, answer.headers["Content-Type"].split(";")[0]) == (200, "text/plain")
    assert b"offloadctl_build_info{" in body
    assert (head.status, empty) == (200, b"")
    assert answer.headers["Server"] in (None, "waitress")


def test_it_ends_in_order_though_it_does_so_before_whoever_wakes_it_up_for_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wake_up, ends = trigger._physical_pull, threading.Event()

    def late(woken: trigger) -> None:
        if woken.thunks:
            wake_up(woken)  # somebody else does, and all is done that there is to do
            while woken.thunks:
                time.sleep(0.001)
            ends.set()
        wake_up(woken)

    monkeypatch.setattr(trigger, "_physical_pull", late)
    with listening(Address.parse("127.0.0.1:0"), World().pages) as address:
        answer = http.client.HTTPConnection(address.host, address.port, timeout=60)
        answer.request("GET", "/healthz")
        answer.getresponse().read()
        answer.close()

    assert ends.is_set()
    assert not [one for one in threading.enumerate() if one.name == "pages"]


def test_a_port_that_is_taken_is_told(served: Address) -> None:
    with pytest.raises(SettingsError, match="cannot listen"), listening(served, World().pages):
        pytest.fail("two listen there")


@pytest.mark.parametrize(
    "text", ["", "9477", "127.0.0.1", "me@127.0.0.1:1", "example.org:1", "127.0.0.1:99999", "1.2.3.4:1/x"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        Address.parse(text)


@pytest.mark.parametrize(
    ("text", "needs"),
    [("127.0.0.1:1", False), ("[::1]:1", False), ("localhost:1", False), ("0.0.0.0:1", True), ("[::]:1", True)],
)
def test_whoever_can_be_reached_from_elsewhere_needs_a_token(text: str, needs: bool) -> None:
    address = Address.parse(text)

    require_token(address, Secret("a long token"))
    if not needs:
        require_token(address, None)
        return
    with pytest.raises(SettingsError, match="whoever reaches"):
        require_token(address, None)
