"""Once a request was sent, nothing that goes wrong later hides that it was, nor what it moved, nor what it broke."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from offloadctl.errors import BrokerError, BrokerUnreachable, Busy, Interrupted, NotFound, SettingsError
from offloadctl.model.finding import Finding, Severity
from offloadctl.model.ledger import OffloadPolicies, OffloadState, OffloadStatus, Position, ServedLedgers
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Confirmation, MovedLedger, OffloadResult, OffloadWish, Outcome
from offloadctl.operations.offload import ObjectsCheck, ObjectsSeen, Offload
from offloadctl.ports import Ports
from offloadctl.units import ByteSize
from tests.fake_broker import RUNNING, SUCCESS, FakeBroker, VirtualClock

TOPIC = TopicName("public", "rec", "t1")
NOT_RUN = OffloadStatus(OffloadState.NOT_RUN)
AWAY = BrokerUnreachable("no connection")
DAMAGE = ObjectsSeen(Confirmation.DAMAGED, (Finding("data-missing", Severity.DAMAGE, "gone"),))
WHOLE = ObjectsSeen(Confirmation.CONFIRMED)


@dataclass
class Leaving(FakeBroker):
    """Gives no ledgers any more once the test says so."""

    away: BrokerError | None = None
    away_after_status: OffloadState | None = None

    def offload_status(self, topic: TopicName) -> OffloadStatus:
        status = super().offload_status(topic)
        if status.state is self.away_after_status:
            self.away = AWAY
        return status

    def served_ledgers(self, topic: TopicName) -> ServedLedgers:
        if self.away is not None:
            raise self.away
        return super().served_ledgers(topic)


def whole(topic: TopicName, ledger: MovedLedger, policies: OffloadPolicies | None) -> ObjectsSeen:
    return WHOLE


def nothing(broker: FakeBroker, before: Position) -> None:
    """Accept and move nothing."""


def run(
    broker: FakeBroker, *, check: ObjectsCheck = whole, wait: bool = True, clock: VirtualClock | None = None
) -> OffloadResult:
    return Offload(Ports(broker, clock or VirtualClock()), OffloadWish(ByteSize(0)), 60, check).run(TOPIC, wait=wait)


def lost(then: Callable[[FakeBroker, Position], None]) -> Callable[[FakeBroker, Position], None]:
    def trigger(broker: FakeBroker, before: Position) -> None:
        then(broker, before)
        raise BrokerUnreachable("no answer within 60 s")

    return trigger


def test_a_broker_that_leaves_after_success_does_not_hide_that_the_request_was_sent() -> None:
    result = run(Leaving([RUNNING, SUCCESS], away_after_status=OffloadState.SUCCESS))

    assert (result.outcome, result.status) == (Outcome.FAILED, SUCCESS)
    assert result.plan is not None
    assert "the request was sent" in result.hint


def test_a_wait_that_timed_out_stays_a_timeout_when_the_ledgers_cannot_be_read() -> None:
    result = run(Leaving([RUNNING], nothing, away_after_status=OffloadState.RUNNING))

    assert result.outcome is Outcome.TIMED_OUT


def test_a_lost_answer_is_told_even_if_the_broker_stays_away() -> None:
    broker = Leaving([AWAY], lost(nothing))

    result = run(broker)

    assert result.outcome is Outcome.TIMED_OUT
    assert "no answer within 60 s" in [reason.text for reason in result.reasons]


def test_a_request_that_is_accepted_a_moment_later_is_waited_for() -> None:
    broker = FakeBroker(
        [NOT_RUN, NOT_RUN, RUNNING, SUCCESS], lost(lambda broker, before: broker.complete_before(before))
    )

    assert run(broker).outcome is Outcome.CONFIRMED
    assert len(broker.triggers) == 1


def test_of_an_accepted_request_whose_answer_was_lost_the_moved_ledger_is_confirmed() -> None:
    failed = OffloadStatus(OffloadState.ERROR, "Read timed out")
    result = run(FakeBroker([failed], lost(lambda broker, before: broker.finish(31))))

    assert result.outcome is Outcome.FAILED
    assert [one.confirmation for one in result.ledgers] == [Confirmation.CONFIRMED, Confirmation.NOT_MOVED]


def test_bad_settings_in_the_middle_of_a_wait_are_this_topics_failure() -> None:
    class NoToken(FakeBroker):
        def offload_status(self, topic: TopicName) -> OffloadStatus:
            raise SettingsError("the file token holds no token")

    result = run(NoToken())

    assert result.outcome is Outcome.FAILED
    assert "the request was sent" in result.hint


@dataclass
class Trimming(FakeBroker):
    """Retention takes ledger 31, or the whole topic, while its objects are looked at."""

    deleted: bool = False
    looks: list[int] = field(default_factory=list)

    def look(self, topic: TopicName, ledger: MovedLedger, policies: OffloadPolicies | None) -> ObjectsSeen:
        ledger_id = ledger.ledger.ledger_id
        self.looks.append(ledger_id)
        if ledger_id != 31:
            return WHOLE
        if 31 in self.ledgers:
            del self.ledgers[31]
        return DAMAGE

    def served_ledgers(self, topic: TopicName) -> ServedLedgers:
        if self.deleted and self.looks:
            raise NotFound("the topic is gone", status=404)
        return super().served_ledgers(topic)


def test_a_ledger_that_is_trimmed_while_its_objects_are_looked_at_is_no_damage() -> None:
    broker = Trimming()

    result = run(broker, check=broker.look)

    assert result.outcome is Outcome.TRIMMED
    assert [one.confirmation for one in result.ledgers] == [Confirmation.TRIMMED, Confirmation.CONFIRMED]
    assert result.findings == ()


def test_a_topic_that_is_deleted_while_its_objects_are_looked_at_is_no_damage() -> None:
    broker = Trimming(deleted=True)

    assert run(broker, check=broker.look).outcome is Outcome.DELETED


@pytest.mark.parametrize(("second", "outcome"), [(WHOLE, Outcome.CONFIRMED), (DAMAGE, Outcome.DAMAGED)])
def test_damage_is_told_only_when_a_second_look_finds_it_again(second: ObjectsSeen, outcome: Outcome) -> None:
    looks = {31: [DAMAGE, second], 32: [WHOLE]}

    def look(topic: TopicName, ledger: MovedLedger, policies: OffloadPolicies | None) -> ObjectsSeen:
        return looks[ledger.ledger.ledger_id].pop(0)

    assert run(FakeBroker(), check=look).outcome is outcome


def test_an_interruption_among_the_looks_keeps_the_damage_that_was_found() -> None:
    class Stopping(VirtualClock):
        stopped = False

        def sleep(self, seconds: float) -> None:
            if self.stopped:
                raise Interrupted("interrupted")
            super().sleep(seconds)

    clock = Stopping()

    def look(topic: TopicName, ledger: MovedLedger, policies: OffloadPolicies | None) -> ObjectsSeen:
        clock.stopped = True
        return DAMAGE

    result = run(FakeBroker(), check=look, clock=clock)

    assert result.outcome is Outcome.DAMAGED
    assert [one.confirmation for one in result.ledgers] == [Confirmation.DAMAGED, Confirmation.UNCONFIRMED]
    assert "interrupted" in result.not_covered[0]


def busy(broker: FakeBroker, before: Position) -> None:
    raise Busy("Offload already in progress", status=409)


def test_a_busy_broker_has_accepted_nothing() -> None:
    result = run(FakeBroker(on_trigger=busy), wait=False)

    assert (result.outcome, result.joined) == (Outcome.BUSY, False)
    assert "offload-status -w" in result.hint


def test_after_a_joined_run_that_asked_for_less_the_rest_is_asked_for() -> None:
    def first_busy_then_free(broker: FakeBroker, before: Position) -> None:
        if len(broker.triggers) == 1:
            broker.finish(31)
            raise Busy("Offload already in progress", status=409)
        broker.complete_before(before)

    broker = FakeBroker([RUNNING, SUCCESS, SUCCESS], first_busy_then_free)

    result = run(broker)

    assert result.outcome is Outcome.CONFIRMED
    assert len(broker.triggers) == 2
