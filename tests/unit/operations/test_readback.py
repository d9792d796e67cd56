"""Samples of checked ledgers, read through a broker that gives what the test says."""

from collections.abc import Callable
from dataclasses import dataclass, field

from offloadctl.errors import BrokerUnreachable
from offloadctl.exitcodes import ExitCode
from offloadctl.model.check import CheckReport, CheckStatus, Level, TopicCheck
from offloadctl.model.finding import Readers
from offloadctl.model.ledger import Cursor, OffloadPolicies, Position
from offloadctl.model.names import TopicName
from offloadctl.model.scope import Scope
from offloadctl.operations.check import Check
from offloadctl.operations.facts import LedgerReader
from offloadctl.operations.readback import Sampler
from offloadctl.ports import Ports
from tests.fake_broker import VirtualClock
from tests.unit.operations.test_check import BUCKET, IDS, TOPIC, Bucket, CorpusBroker, recorded_broker

FIRST, SECOND, THIRD = IDS
Answer = Callable[[Position, int], Position | None]


@dataclass
class FakeReader:
    """Gives each position itself, unless the test says something else; is told how often it was asked for it."""

    answer: Answer = lambda position, _: position
    asked: list[Position] = field(default_factory=list)

    def first_from(self, topic: TopicName, position: Position, *, timeout: float) -> Position | None:
        assert topic == TOPIC
        assert timeout > 0
        self.asked.append(position)
        return self.answer(position, self.asked.count(position))


def read_back(
    reader: FakeReader, broker: CorpusBroker | None = None, *, may_load: bool = True, without: str = ""
) -> CheckReport:
    admin, store, clock = broker or recorded_broker(), Bucket(), VirtualClock()
    if without:
        store.delete(without)
    report = Check(Ports(admin, clock, (store,)), Level.READBACK, may_load=may_load).report([TOPIC])
    ledgers = LedgerReader(admin, clock, may_load=may_load)
    return Sampler(admin, reader, ledgers, may_load=may_load).read_back(report)


def samples(report: CheckReport) -> tuple[int, int]:
    (part,) = report.parts
    assert isinstance(part, TopicCheck)
    assert part.readback is not None
    return part.readback.given, part.readback.samples


def test_of_a_wide_scope_sound_ledgers_are_sampled_too_and_then_only_counted() -> None:
    admin, clock, reader = recorded_broker(), VirtualClock(), FakeReader()
    sampler = Sampler(admin, reader, LedgerReader(admin, clock, may_load=True), may_load=True)
    ports = Ports(admin, clock, (Bucket(),))
    scope = Scope.of(namespaces=[TOPIC.namespace_name])

    report = Check(ports, Level.READBACK, may_load=True, then=sampler.read_back).report_scope(scope)

    (part,) = report.parts
    assert isinstance(part, TopicCheck)
    assert (report.exit_code, part.ledgers, part.sound.ledgers) == (ExitCode.OK, (), 3)
    given, asked = samples(report)
    assert given == asked >= 3
    assert {position.ledger_id for position in reader.asked} >= set(IDS)


def test_what_the_broker_gives_is_covered_and_each_byte_of_the_objects_was_read_too() -> None:
    reader = FakeReader()

    report = read_back(reader)

    assert (report.exit_code, report.status, report.level) == (ExitCode.OK, CheckStatus.FULL, Level.READBACK)
    assert samples(report) == (9, 9)
    assert report.coverage.counts is not None
    assert {position.ledger_id for position in reader.asked} == {*IDS, max(recorded_broker().ledgers)}


def test_a_reader_that_hangs_where_later_places_answer_is_damage_with_whom_it_hits() -> None:
    broker = recorded_broker()
    broker.cursors = (Cursor("ahead", Position(THIRD, 3)), Cursor("behind", Position(FIRST, 3)))
    reader = FakeReader(lambda position, _: None if position.ledger_id == SECOND else position)

    report = read_back(reader, broker)

    (finding,) = report.findings
    assert (finding.code, finding.ledger_id, report.exit_code) == ("readback", SECOND, ExitCode.DAMAGE)
    assert f"a message at {SECOND}:0 or behind it" in finding.expected
    assert finding.readers == Readers(("behind",))
    assert samples(report) == (6, 9)


def test_a_broker_that_answers_when_it_is_asked_again_was_only_busy() -> None:
    reader = FakeReader(lambda position, times: None if times == 1 else position)

    report = read_back(reader)

    assert (report.exit_code, report.findings) == (ExitCode.OK, ())


def test_a_broker_that_gives_nothing_at_all_is_no_proof_of_damage() -> None:
    report = read_back(FakeReader(lambda _position, _: None))

    assert (report.exit_code, report.status, report.findings) == (ExitCode.NOT_COVERED, CheckStatus.PARTIAL, ())
    assert f"nothing came from {FIRST}:0 on, nor from any later place" in " ".join(report.coverage.reasons)


def test_a_ledger_that_is_passed_over_is_not_covered_since_markers_are_never_given() -> None:
    reader = FakeReader(lambda position, _: Position(THIRD, 0) if position.ledger_id == SECOND else position)

    report = read_back(reader)

    assert (report.exit_code, report.findings) == (ExitCode.NOT_COVERED, ())
    assert f"{SECOND}:0 was not given" in " ".join(report.coverage.reasons)


def test_damage_that_is_known_is_not_waited_for() -> None:
    broker, reader = recorded_broker(), FakeReader()
    uuid = broker.ledgers[SECOND].context_uuid

    report = read_back(reader, broker, without=f"{uuid}-ledger-{SECOND}")

    assert [finding.code for finding in report.findings] == ["data-missing"]
    assert SECOND not in {position.ledger_id for position in reader.asked}


def test_an_idle_topic_is_not_loaded_to_be_read() -> None:
    reader = FakeReader()

    report = read_back(reader, may_load=False)

    assert (reader.asked, report.status) == ([], CheckStatus.PARTIAL)
    assert "reading would load it" in " ".join(report.coverage.reasons)


def test_where_bookkeeper_is_read_first_reading_proves_nothing() -> None:
    policies = OffloadPolicies(driver="S3", bucket=BUCKET, read_priority="bookkeeper-first")
    reader = FakeReader()

    report = read_back(reader, recorded_broker(policies))

    assert (reader.asked, report.exit_code) == ([], ExitCode.NOT_COVERED)


def test_a_broker_that_cannot_be_reached_stops_nothing_and_is_not_covered() -> None:
    def unreachable(_position: Position, _: int) -> Position | None:
        raise BrokerUnreachable("pulsar://nowhere:6650: refused")

    report = read_back(FakeReader(unreachable))

    assert (report.exit_code, report.coverage.ledgers_covered) == (ExitCode.NOT_COVERED, 3)
    assert "not read through the broker: pulsar://nowhere:6650: refused" in " ".join(report.coverage.reasons)


def test_an_interruption_keeps_what_was_looked_at() -> None:
    def interrupted(_position: Position, _: int) -> Position | None:
        raise KeyboardInterrupt

    report = read_back(FakeReader(interrupted))

    assert (report.exit_code, report.coverage.ledgers_covered) == (ExitCode.INTERRUPTED, 3)


def test_the_level_before_asks_no_broker_for_messages() -> None:
    ports = Ports(recorded_broker(), VirtualClock(), (Bucket(),))

    report = Check(ports, Level.ENTRIES, may_load=True).report([TOPIC])

    assert [part.readback for part in report.parts if isinstance(part, TopicCheck)] == [None]
