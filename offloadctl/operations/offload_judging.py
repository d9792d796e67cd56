"""What a run has brought about: the ledgers read again, the objects of those that moved, and the outcome of both."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from offloadctl.errors import BrokerError, Interrupted, NotFound
from offloadctl.model.finding import Finding
from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadPolicies, OffloadState
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Confirmation, MovedLedger, OffloadPlan, OffloadResult, Outcome, Reason
from offloadctl.operations.facts import read_served
from offloadctl.operations.once_owned import once_owned
from offloadctl.operations.waiting import Waited, WaitEnd
from offloadctl.plan.broker_errors import known_error
from offloadctl.plan.bucket_in_force import offered
from offloadctl.plan.offload import confirm_ledger
from offloadctl.plan.policy_changes import changed, moved_elsewhere
from offloadctl.ports import Ports

RUNNING_IS_A_CLAIM: Final = (
    "RUNNING is only a claim: if no ledger moves for long, the offload driver may lack its credentials or "
    "endpoint; the broker's log tells, and unloading the topic ends such a run"
)
"""A driver that cannot be made dies of an exception, and its status stays (facts of a real 4.0.7)."""

# ManagedLedgerImpl.java, OffloadInProgressException: an automatic run holds the topic's offload mutex.
AUTOMATIC_RUN: Final = "Offload operation already running"

_NAMED: Final = 10

_HOW_TO_CONFIRM: Final = (
    "to have the objects confirmed, give the bucket (--bucket, or in the context) and credentials that may read it"
)


@dataclass(frozen=True, slots=True)
class ObjectsSeen:
    """What a look at the objects of one complete ledger brought."""

    confirmation: Confirmation
    findings: tuple[Finding, ...] = ()
    object_bytes: int = 0
    not_covered: str = ""


class ObjectsCheck(Protocol):
    """Looks at both objects of a ledger that is complete in the metadata."""

    def __call__(self, topic: TopicName, ledger: MovedLedger, policies: OffloadPolicies | None) -> ObjectsSeen:
        """Say whether they are what Pulsar writes; never raises for what it cannot reach, but says so."""
        ...


def not_looked_at(topic: TopicName, ledger: MovedLedger, policies: OffloadPolicies | None) -> ObjectsSeen:  # noqa: ARG001
    """Without access to S3 nothing is confirmed, and that is said."""
    return ObjectsSeen(Confirmation.UNCONFIRMED, not_covered="no bucket is configured, so no object was looked at")


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges one plan's run by its ledgers first, their objects second, and the broker's claim last."""

    ports: Ports
    plan: OffloadPlan
    check_objects: ObjectsCheck
    on_look: Callable[[int, int], None]
    """Is told how many of how many ledgers' objects were looked at."""
    policies_since: Callable[[float], OffloadPolicies | None] = lambda _since: None
    """The policies in force, read after that moment; None: not known."""
    begun_at: float = 0.0
    """When the request was sent, by the monotonic clock."""

    def judge(self, result: OffloadResult, waited: Waited) -> OffloadResult:
        """The result with what really moved, after a wait that ended so."""
        result = replace(result, status=waited.status)
        if waited.end is WaitEnd.DELETED:
            return deleted(result)
        if waited.end is WaitEnd.UNREACHABLE and waited.error is not None:
            reason = Reason(waited.error.code, waited.error.message)
            return replace(result, reasons=(*result.reasons, reason), hint="the offload may still be running")
        now = self.policies_since(self.begun_at)
        try:
            after = once_owned(self.ports.clock, self._read)
            looked = list(self._looks(_compare(self.plan, after), self._place(now)))
            if any(moved.confirmation is Confirmation.DAMAGED for moved, _ in looked):
                # Before that is told, nothing may be older than this moment.
                now = self.policies_since(self.ports.clock.monotonic())
                looked = self._sure(looked, self._place(now))
        except NotFound:
            return deleted(result)
        except BrokerError as error:
            gave_up = waited.end in (WaitEnd.TIMED_OUT, WaitEnd.STALLED)
            outcome = _why_not_all(waited)[0] if gave_up else Outcome.FAILED
            reasons = (*result.reasons, Reason(error.code, error.message))
            return replace(result, outcome=outcome, reasons=reasons, hint=f"the request was sent; {see(self.plan)}")
        return self._result(replace(result, warnings=changed(self.plan.policies, now)), looked, waited)

    def _place(self, now: OffloadPolicies | None) -> OffloadPolicies | None:
        """By which policies to look for objects: where they may be in two places, missing in one proves nothing."""
        return None if moved_elsewhere(self.plan.policies, now) else self.plan.policies

    def _read(self) -> ManagedLedger:
        return read_served(self.ports.admin, self.ports.clock, self.plan.topic)

    def _looks(
        self, compared: Sequence[tuple[Ledger, Confirmation]], policies: OffloadPolicies | None
    ) -> Iterator[tuple[MovedLedger, ObjectsSeen | None]]:
        for number, each in enumerate(compared):
            self.on_look(number, len(compared))
            try:
                self.ports.clock.sleep(0)
            except Interrupted:
                # What was found so far is kept; the rest is told as not looked at.
                yield from (_not_reached(MovedLedger(*left)) for left in compared[number:])
                return
            yield self._look(MovedLedger(*each), policies)

    def _sure(
        self, looked: list[tuple[MovedLedger, ObjectsSeen | None]], policies: OffloadPolicies | None
    ) -> list[tuple[MovedLedger, ObjectsSeen | None]]:
        """Damage is told only if fresh metadata still names those objects and a second look finds it again."""
        after = self._read()
        return [
            one if one[0].confirmation is not Confirmation.DAMAGED else self._look_again(one[0].ledger, after, policies)
            for one in looked
        ]

    def _look_again(
        self, ledger: Ledger, after: ManagedLedger, policies: OffloadPolicies | None
    ) -> tuple[MovedLedger, ObjectsSeen | None]:
        now = after.ledger(ledger.ledger_id)
        return self._look(MovedLedger(now or ledger, confirm_ledger(ledger, after)), policies)

    def _look(self, ledger: MovedLedger, policies: OffloadPolicies | None) -> tuple[MovedLedger, ObjectsSeen | None]:
        if ledger.confirmation is not Confirmation.UNCONFIRMED:
            return ledger, None
        seen = self.check_objects(self.plan.topic, ledger, policies)
        return replace(ledger, confirmation=seen.confirmation, object_bytes=seen.object_bytes), seen

    def _result(
        self, result: OffloadResult, looked: Sequence[tuple[MovedLedger, ObjectsSeen | None]], waited: Waited
    ) -> OffloadResult:
        ledgers = tuple(ledger for ledger, _ in looked)
        outcome, hint = outcome_of(ledgers, waited)
        reasons = tuple(_what_the_error_left(ledgers, waited)) if outcome is Outcome.FAILED else ()
        if outcome is Outcome.UNCONFIRMED:
            hint += offered([self.plan.policies], known={store.bucket for store in self.ports.stores})
        seen = [one for _, one in looked if one is not None]
        return replace(
            result,
            outcome=outcome,
            hint=hint,
            reasons=(*result.reasons, *reasons),
            ledgers=ledgers,
            findings=tuple(finding for one in seen for finding in one.findings),
            not_covered=tuple(dict.fromkeys(one.not_covered for one in seen if one.not_covered)),
        )


def see(plan: OffloadPlan) -> str:
    """How to look again later."""
    return f"see how it goes on: offloadctl offload-status -w {plan.topic}"


def asked_for_less(judged: OffloadResult) -> bool:
    """Whether the broker is done with a run and planned ledgers have not moved, though nothing failed."""
    moved = [one.confirmation for one in judged.ledgers]
    return judged.outcome is Outcome.FEWER and Confirmation.NOT_MOVED in moved


def deleted(result: OffloadResult) -> OffloadResult:
    """The topic is gone."""
    return replace(result, outcome=Outcome.DELETED, hint="the topic is gone; its objects in S3 may be left over")


def outcome_of(ledgers: Sequence[MovedLedger], waited: Waited) -> tuple[Outcome, str]:
    """The outcome and what to do next, from the ledgers first and the broker's claim second."""
    met = {ledger.confirmation for ledger in ledgers}
    if Confirmation.DAMAGED in met:
        return Outcome.DAMAGED, (
            "BookKeeper may still hold these ledgers: set the deletion lag to -1 now, before its copy is deleted"
        )
    if Confirmation.NOT_MOVED in met:
        return _why_not_all(waited)
    if Confirmation.TRIMMED in met:
        return Outcome.TRIMMED, "retention trimmed planned ledgers during the run; offload does not keep them"
    if Confirmation.UNCONFIRMED in met:
        return Outcome.UNCONFIRMED, _HOW_TO_CONFIRM
    return Outcome.CONFIRMED, ""


def _why_not_all(waited: Waited) -> tuple[Outcome, str]:
    if waited.end is WaitEnd.STALLED:
        return Outcome.STALLED, RUNNING_IS_A_CLAIM
    if waited.end is WaitEnd.FORGOTTEN:
        return Outcome.UNLOADED, "run the command again: what has moved is not moved twice"
    if AUTOMATIC_RUN in waited.status.last_error:
        return Outcome.AUTOMATIC_RUN, "run the command again when the automatic run is done, or with a longer --timeout"
    if waited.end is WaitEnd.TIMED_OUT:
        return Outcome.TIMED_OUT, RUNNING_IS_A_CLAIM
    if waited.status.state is OffloadState.ERROR:
        return Outcome.FAILED, _hint_of_error(waited.status.last_error)
    return Outcome.FEWER, "the broker claims success, its ledgers do not; run the command again"


def _hint_of_error(said: str) -> str:
    """The broker's words, and what is known to help."""
    known = known_error(said)
    words = f"the broker says: {said.partition(chr(10))[0]}"
    return words if known is None else f"{words}; {known.do}"


def _what_the_error_left(ledgers: Sequence[MovedLedger], waited: Waited) -> Iterator[Reason]:
    """An error is the first one of a run that went on with the next ledger: what it means, and what moved."""
    if waited.status.state is not OffloadState.ERROR or AUTOMATIC_RUN in waited.status.last_error:
        return
    if (known := known_error(waited.status.last_error)) is not None:
        yield Reason("broker-error", f"what the broker's error means: {known.means}")
    left = [one.ledger.ledger_id for one in ledgers if one.confirmation is Confirmation.NOT_MOVED]
    moved = [one.ledger.ledger_id for one in ledgers if one.ledger.ledger_id not in left]
    if left:
        yield Reason(
            "moved-in-spite", f"of {len(ledgers)} ledgers {len(moved)} moved: {_ids(moved)}; not: {_ids(left)}"
        )


def _ids(ledger_ids: Sequence[int]) -> str:
    shown = ", ".join(map(str, ledger_ids[:_NAMED])) + (", …" if len(ledger_ids) > _NAMED else "")
    return shown or "none"


def _not_reached(moved: MovedLedger) -> tuple[MovedLedger, ObjectsSeen | None]:
    if moved.confirmation is not Confirmation.UNCONFIRMED:
        return moved, None
    why = "interrupted before the objects of every ledger were looked at"
    return moved, ObjectsSeen(Confirmation.UNCONFIRMED, not_covered=why)


def _compare(plan: OffloadPlan, after: ManagedLedger) -> list[tuple[Ledger, Confirmation]]:
    """Each planned ledger as it is now, and what that says."""
    return [(after.ledger(one.ledger_id) or one, confirm_ledger(one, after)) for one in plan.moves]
