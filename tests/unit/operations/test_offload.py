"""A run is judged by the ledgers; the broker's status only explains what they show."""

from offloadctl.errors import (
    BrokerError,
    BrokerUnreachable,
    Busy,
    Interrupted,
    NotAuthorised,
    NotFound,
    ReadOnlyContext,
)
from offloadctl.exitcodes import ExitCode
from offloadctl.model.finding import Finding, Severity
from offloadctl.model.ledger import OffloadPolicies, OffloadState, OffloadStatus, Position
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Confirmation, MovedLedger, OffloadResult, OffloadWish, Outcome
from offloadctl.operations.facts import LedgerReader
from offloadctl.operations.offload import ObjectsCheck, ObjectsSeen, Offload, not_looked_at
from offloadctl.ports import Ports
from offloadctl.units import ByteSize
from tests.fake_broker import RUNNING, SUCCESS, FakeBroker, VirtualClock

TOPIC = TopicName("public", "rec", "t1")
NOT_RUN = OffloadStatus(OffloadState.NOT_RUN)


def error(text: str) -> OffloadStatus:
    return OffloadStatus(OffloadState.ERROR, text)


def whole(topic: TopicName, ledger: MovedLedger, policies: OffloadPolicies | None) -> ObjectsSeen:
    return ObjectsSeen(Confirmation.CONFIRMED, object_bytes=ledger.ledger.size)


def cut_short(topic: TopicName, ledger: MovedLedger, policies: OffloadPolicies | None) -> ObjectsSeen:
    return ObjectsSeen(Confirmation.DAMAGED, (Finding("truncated", Severity.DAMAGE, "the object ends early"),))


def offload(broker: FakeBroker, *, check: ObjectsCheck = whole, threshold: int = 0) -> Offload:
    return Offload(Ports(broker, VirtualClock()), OffloadWish(ByteSize(threshold)), 600, check)


def run(broker: FakeBroker, *, check: ObjectsCheck = whole, threshold: int = 0) -> OffloadResult:
    return offload(broker, check=check, threshold=threshold).run(TOPIC)


def nothing(broker: FakeBroker, before: Position) -> None:
    """Accept and do nothing."""


def only_the_first(broker: FakeBroker, before: Position) -> None:
    broker.finish(31)


def fail_with(failure: BrokerError) -> FakeBroker:
    def on_trigger(broker: FakeBroker, before: Position) -> None:
        raise failure

    return FakeBroker(on_trigger=on_trigger)


def test_ledgers_that_moved_and_objects_that_are_whole_are_confirmed() -> None:
    broker = FakeBroker()

    result = run(broker)

    assert result.outcome is Outcome.CONFIRMED
    assert broker.triggers == [Position(33, 0)]
    assert [(one.ledger.ledger_id, one.confirmation) for one in result.ledgers] == [
        (31, Confirmation.CONFIRMED),
        (32, Confirmation.CONFIRMED),
    ]


def test_without_a_look_at_the_objects_done_is_not_confirmed() -> None:
    result = run(FakeBroker(), check=not_looked_at)

    assert result.outcome is Outcome.UNCONFIRMED
    assert result.not_covered == ("no bucket is configured, so no object was looked at",)
    assert "--bucket" in result.hint
    assert "credentials" in result.hint


def test_success_with_a_damaged_object_is_damage() -> None:
    result = run(FakeBroker(), check=cut_short)

    assert result.outcome is Outcome.DAMAGED
    assert [finding.code for finding in result.findings] == ["truncated", "truncated"]
    assert "deletion lag to -1" in result.hint


def test_success_without_moved_ledgers_is_no_success() -> None:
    assert run(FakeBroker(on_trigger=nothing)).outcome is Outcome.FEWER


def test_an_error_can_hide_ledgers_that_did_move() -> None:
    result = run(FakeBroker([RUNNING, error("Read timed out\n at org.jclouds")], only_the_first))

    assert result.outcome is Outcome.FAILED
    assert result.hint.startswith("the broker says: Read timed out; check the way from the broker")
    told = {reason.code: reason.text for reason in result.reasons}
    assert "cannot reach the store" in told["broker-error"]
    assert told["moved-in-spite"] == "of 2 ledgers 1 moved: 31; not: 32"
    assert [one.confirmation for one in result.ledgers] == [Confirmation.CONFIRMED, Confirmation.NOT_MOVED]


def test_a_forgotten_run_whose_ledgers_all_moved_is_confirmed() -> None:
    assert run(FakeBroker([RUNNING, NOT_RUN])).outcome is Outcome.CONFIRMED


def test_a_forgotten_run_that_moved_too_little_is_told_apart() -> None:
    assert run(FakeBroker([RUNNING, NOT_RUN], only_the_first)).outcome is Outcome.UNLOADED


def test_running_for_ever_times_out_and_says_what_may_be_wrong() -> None:
    result = run(FakeBroker([RUNNING], nothing))

    assert result.outcome is Outcome.TIMED_OUT
    assert "credentials" in result.hint


IN_THE_WAY = error("ManagedLedgerException$OffloadInProgressException: Offload operation already running")


def test_an_automatic_run_in_the_way_for_the_whole_time_is_named_with_the_attempts() -> None:
    broker = FakeBroker([IN_THE_WAY], nothing)

    result = run(broker)

    assert result.outcome is Outcome.AUTOMATIC_RUN
    assert result.attempts == len(broker.triggers)
    # 600 s, with pauses that double up to a minute.
    assert 10 < result.attempts < 20
    assert [reason.code for reason in result.reasons][-1] == "automatic-run"
    assert f"asked {result.attempts} times" in result.reasons[-1].text


def test_when_the_automatic_run_is_over_the_request_is_accepted() -> None:
    def accepted_the_third_time(broker: FakeBroker, before: Position) -> None:
        if len(broker.triggers) == 3:
            broker.statuses = [RUNNING, SUCCESS]
            broker.complete_before(before)

    broker = FakeBroker([IN_THE_WAY], accepted_the_third_time)

    result = run(broker)

    assert (result.outcome, result.attempts, len(broker.triggers)) == (Outcome.CONFIRMED, 3, 3)
    assert "an automatic run was in the way: asked 3 times" in result.reasons[-1].text


def test_what_the_automatic_run_has_moved_is_not_asked_for_again() -> None:
    def moved_by_the_other(broker: FakeBroker, before: Position) -> None:
        broker.complete_before(before)

    broker = FakeBroker([IN_THE_WAY], moved_by_the_other)

    result = run(broker)

    assert (result.outcome, result.attempts, len(broker.triggers)) == (Outcome.CONFIRMED, 1, 1)
    assert "an automatic run was in the way: asked once" in result.reasons[-1].text


def test_an_interruption_between_two_attempts_says_that_nothing_of_ours_runs() -> None:
    broker = FakeBroker([IN_THE_WAY], nothing)
    clock = Impatient(patience_s=5)

    result = Offload(Ports(broker, clock), OffloadWish(ByteSize(0)), 600, whole).run(TOPIC)

    assert (result.outcome, result.attempts) == (Outcome.INTERRUPTED, len(broker.triggers))
    assert "nothing of this command runs" in result.reasons[-2].text


class Impatient(VirtualClock):
    """Somebody presses Ctrl-C after so many seconds."""

    def __init__(self, *, patience_s: float) -> None:
        super().__init__()
        self._patience_s = patience_s

    def sleep(self, seconds: float) -> None:
        if self.elapsed + seconds > self._patience_s:
            raise Interrupted("interrupted")
        super().sleep(seconds)


def test_a_run_that_goes_on_already_is_joined_and_not_triggered_again() -> None:
    def busy(broker: FakeBroker, before: Position) -> None:
        broker.complete_before(before)
        raise Busy("Offload already in progress", status=409)

    broker = FakeBroker(on_trigger=busy)

    result = run(broker)

    assert (result.outcome, result.joined, len(broker.triggers)) == (Outcome.CONFIRMED, True, 1)


def test_a_lost_answer_to_a_trigger_is_never_sent_again() -> None:
    def accepted_but_lost(broker: FakeBroker, before: Position) -> None:
        broker.complete_before(before)
        raise BrokerUnreachable("connection reset")

    broker = FakeBroker([RUNNING, RUNNING, SUCCESS], accepted_but_lost)

    assert run(broker).outcome is Outcome.CONFIRMED
    assert len(broker.triggers) == 1


def test_a_trigger_that_never_arrived_is_a_failure() -> None:
    broker = fail_with(BrokerUnreachable("no route"))
    broker.statuses = [NOT_RUN]

    assert run(broker).outcome is Outcome.FAILED


def test_a_trigger_without_the_right_is_a_failure_with_the_brokers_reason() -> None:
    result = run(fail_with(NotAuthorised("Unauthorized to validateTopicOperation")))

    assert result.outcome is Outcome.FAILED
    assert [reason.code for reason in result.reasons] == ["not-authorised"]


def test_a_read_only_context_refuses() -> None:
    def refuse(broker: FakeBroker, before: Position) -> None:
        raise ReadOnlyContext("the context is read_only")

    assert run(FakeBroker(on_trigger=refuse)).outcome is Outcome.REFUSED


def test_a_topic_deleted_during_the_wait_is_told_apart() -> None:
    assert run(FakeBroker([RUNNING, NotFound("gone")])).outcome is Outcome.DELETED


def test_a_ledger_trimmed_during_the_wait_is_no_damage_and_not_confirmed() -> None:
    def trimmed(broker: FakeBroker, before: Position) -> None:
        broker.finish(32)
        del broker.ledgers[31]

    result = run(FakeBroker(on_trigger=trimmed))

    assert result.outcome is Outcome.TRIMMED
    assert result.ledgers[0].confirmation is Confirmation.TRIMMED
    assert "retention" in result.hint


def test_nothing_to_do_sends_nothing() -> None:
    broker = FakeBroker()

    result = run(broker, threshold=10**9)

    assert (result.outcome, broker.triggers) == (Outcome.NOTHING_TO_DO, [])
    assert result.reasons


def test_no_wait_claims_no_more_than_acceptance() -> None:
    result = offload(FakeBroker()).run(TOPIC, wait=False)

    assert (result.outcome, result.ledgers) == (Outcome.ACCEPTED, ())


def test_planning_without_loading_asks_nothing_that_loads() -> None:
    broker = FakeBroker()

    plan = offload(broker).plan(TOPIC, LedgerReader(broker, VirtualClock(), may_load=False))

    assert broker.loading_calls == 0
    assert [ledger.ledger_id for ledger in plan.moves] == [31, 32]


def test_a_dry_run_that_cannot_know_which_ledgers_are_complete_says_so() -> None:
    broker = FakeBroker()
    broker.finish(31, 32)
    ports = Ports(broker, VirtualClock())
    reader = LedgerReader(broker, ports.clock, may_load=False)

    result = Offload(ports, OffloadWish(ByteSize(0))).dry_run(TOPIC, reader)

    assert (result.outcome, result.exit_code) == (Outcome.UNKNOWN, ExitCode.NOT_COVERED)
    assert broker.loading_calls == 0
