"""Offload one topic or partition: plan, trigger, wait, and judge by the ledgers, never by the status alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from offloadctl.errors import BrokerError, Busy, Interrupted, NotFound, Refused
from offloadctl.model.finding import Finding
from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadPolicies, OffloadState, OffloadStatus
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Confirmation, MovedLedger, OffloadPlan, OffloadResult, OffloadWish, Outcome, Reason
from offloadctl.operations.facts import LedgerReader, read_policies, read_served
from offloadctl.operations.waiting import Wait, Waited, WaitEnd
from offloadctl.plan.bucket_in_force import offered
from offloadctl.plan.offload import confirm_ledger, plan_offload
from offloadctl.ports import Ports

# ManagedLedgerImpl.java, OffloadInProgressException: an automatic run holds the topic's offload mutex.
_AUTOMATIC_RUN = "Offload operation already running"
_HOW_TO_CONFIRM = (
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


class Watcher:
    """Is told how a run goes on, from the thread that runs it; this one does nothing with it."""

    def planned(self, plan: OffloadPlan) -> None:
        """The plan is made, and about to be acted on if it moves anything."""

    def triggered(self, plan: OffloadPlan, *, joined: bool) -> None:
        """The broker has accepted the request, or was busy with another one that is waited for now."""

    def progressed(self, plan: OffloadPlan, status: OffloadStatus, complete: frozenset[int]) -> None:
        """The broker was asked again: what it claims, and which of the plan's ledgers are complete by now."""

    def confirming(self, plan: OffloadPlan, looked_at: int, total: int) -> None:
        """The run is over, and so many of its complete ledgers' objects were looked at."""

    def finished(self, result: OffloadResult) -> None:
        """The topic is done with, one way or another."""


@dataclass(frozen=True, slots=True)
class Offload:
    """How to run offloads: through which ports, for which ledgers, and how long to wait for them."""

    ports: Ports
    wish: OffloadWish
    timeout_s: float | None = None
    check_objects: ObjectsCheck = not_looked_at
    watcher: Watcher = field(default_factory=Watcher)

    def plan(self, topic: TopicName, reader: LedgerReader) -> OffloadPlan:
        """The plan for a topic, from what `reader` may read of it."""
        return plan_offload(reader.read(topic), self.wish, self.ports.clock.now(), policies=self._policies(topic))

    def dry_run(self, topic: TopicName, reader: LedgerReader) -> OffloadResult:
        """The plan as a result; nothing is sent."""
        try:
            plan = self.plan(topic, reader)
        except BrokerError as error:
            return _failed(topic, Outcome.FAILED, error)
        outcome = Outcome.PLANNED if plan.before is not None else Outcome.NOTHING_TO_DO
        return OffloadResult(topic, outcome, plan, reasons=plan.reasons)

    def run(self, topic: TopicName, *, wait: bool = True) -> OffloadResult:
        """Offload the topic and say what really moved. Failures of this topic are outcomes, not exceptions."""
        begun = self.ports.clock.monotonic()
        try:
            result = self._run(topic, wait=wait)
        except BrokerError as error:
            result = _failed(topic, Outcome.FAILED, error)
        except Refused as error:
            result = _failed(topic, Outcome.REFUSED, error)
        except Interrupted:
            result = OffloadResult(topic, Outcome.NOT_STARTED)
        return replace(result, seconds=self.ports.clock.monotonic() - begun)

    def _run(self, topic: TopicName, *, wait: bool) -> OffloadResult:
        plan = self.plan(topic, LedgerReader(self.ports.admin, self.ports.clock, may_load=True))
        self.watcher.planned(plan)
        if plan.before is None:
            return OffloadResult(topic, Outcome.NOTHING_TO_DO, plan, reasons=plan.reasons)
        # The last moment at which an interruption means that nothing was sent.
        self.ports.clock.sleep(0)
        joined = self._trigger(plan)
        self.watcher.triggered(plan, joined=joined)
        if not wait:
            return OffloadResult(topic, Outcome.ACCEPTED, plan, joined=joined, reasons=plan.reasons)
        try:
            return replace(self._judge(plan, self._wait(plan)), joined=joined)
        except Interrupted:
            hint = f"see how it goes on: offloadctl offload-status -w {topic}"
            return OffloadResult(topic, Outcome.INTERRUPTED, plan, joined=joined, reasons=plan.reasons, hint=hint)

    def _trigger(self, plan: OffloadPlan) -> bool:
        """Send the plan's boundary; True if another run is going on, which is then waited for instead."""
        assert plan.before is not None  # noqa: S101 - a plan without a boundary is never triggered
        try:
            self.ports.admin.trigger_offload(plan.topic, plan.before)
        except Busy:
            return True
        except BrokerError as error:
            if not error.retryable or not self._was_accepted(plan):
                raise
        return False

    def _was_accepted(self, plan: OffloadPlan) -> bool:
        """After a lost answer: the broker runs, or has moved the ledgers already. A second trigger might run twice."""
        if self.ports.admin.offload_status(plan.topic).state is OffloadState.RUNNING:
            return True
        return {ledger.ledger_id for ledger in plan.moves} == self._complete(plan)

    def _wait(self, plan: OffloadPlan) -> Waited:
        def polled(status: OffloadStatus) -> None:
            if status.state is OffloadState.RUNNING:
                self.watcher.progressed(plan, status, self._complete(plan))

        return Wait(self.ports.admin, self.ports.clock, plan.topic, self.timeout_s, polled).until_done()

    def _complete(self, plan: OffloadPlan) -> frozenset[int]:
        """Which of the plan's ledgers are complete by now; none if the broker does not say."""
        try:
            served = self.ports.admin.served_ledgers(plan.topic)
        except BrokerError:
            return frozenset()
        return frozenset(
            one.ledger_id for one in served.ledgers if one.offloaded and plan.managed_ledger.ledger(one.ledger_id)
        ) & {ledger.ledger_id for ledger in plan.moves}

    def _judge(self, plan: OffloadPlan, waited: Waited) -> OffloadResult:
        result = OffloadResult(plan.topic, Outcome.FAILED, plan, status=waited.status, reasons=plan.reasons)
        if waited.end is WaitEnd.DELETED:
            return _deleted(result)
        if waited.end is WaitEnd.UNREACHABLE and waited.error is not None:
            reason = Reason(waited.error.code, waited.error.message)
            return replace(result, reasons=(*plan.reasons, reason), hint="the offload may still be running")
        try:
            after = read_served(self.ports.admin, self.ports.clock, plan.topic)
        except NotFound:
            return _deleted(result)
        return self._result(result, list(self._looks(plan, _compare(plan, after))), waited)

    def _looks(
        self, plan: OffloadPlan, compared: Sequence[tuple[Ledger, Confirmation]]
    ) -> Iterator[tuple[MovedLedger, ObjectsSeen | None]]:
        for number, each in enumerate(compared):
            self.watcher.confirming(plan, number, len(compared))
            yield self._look(plan, MovedLedger(*each))

    def _look(self, plan: OffloadPlan, ledger: MovedLedger) -> tuple[MovedLedger, ObjectsSeen | None]:
        if ledger.confirmation is not Confirmation.UNCONFIRMED:
            return ledger, None
        seen = self.check_objects(plan.topic, ledger, plan.policies)
        return replace(ledger, confirmation=seen.confirmation, object_bytes=seen.object_bytes), seen

    def _result(
        self, result: OffloadResult, looked: Sequence[tuple[MovedLedger, ObjectsSeen | None]], waited: Waited
    ) -> OffloadResult:
        ledgers = tuple(ledger for ledger, _ in looked)
        outcome, hint = judge(ledgers, waited)
        if outcome is Outcome.UNCONFIRMED and result.plan is not None:
            hint += offered([result.plan.policies], known={store.bucket for store in self.ports.stores})
        seen = [one for _, one in looked if one is not None]
        return replace(
            result,
            outcome=outcome,
            hint=hint,
            ledgers=ledgers,
            findings=tuple(finding for one in seen for finding in one.findings),
            not_covered=tuple(dict.fromkeys(one.not_covered for one in seen if one.not_covered)),
        )

    def _policies(self, topic: TopicName) -> OffloadPolicies | None:
        return read_policies(self.ports.admin, topic)


def _deleted(result: OffloadResult) -> OffloadResult:
    return replace(result, outcome=Outcome.DELETED, hint="the topic is gone; its objects in S3 may be left over")


def judge(ledgers: Sequence[MovedLedger], waited: Waited) -> tuple[Outcome, str]:
    """The outcome and what to do next, from the ledgers first and the broker's claim second."""
    met = {ledger.confirmation for ledger in ledgers}
    if Confirmation.DAMAGED in met:
        return Outcome.DAMAGED, (
            "BookKeeper may still hold these ledgers: set the deletion lag to -1 now, before its copy is deleted"
        )
    if Confirmation.NOT_MOVED in met:
        return _why_not_all(waited)
    if Confirmation.TRIMMED in met:
        return Outcome.FEWER, "retention trimmed planned ledgers during the run; offload does not keep them"
    if Confirmation.UNCONFIRMED in met:
        return Outcome.UNCONFIRMED, _HOW_TO_CONFIRM
    return Outcome.CONFIRMED, ""


def _why_not_all(waited: Waited) -> tuple[Outcome, str]:
    if waited.end is WaitEnd.TIMED_OUT:
        return Outcome.TIMED_OUT, (
            "RUNNING is only a claim: if no ledger moves for long, the offload driver may lack its credentials or "
            "endpoint; the broker's log tells, and unloading the topic ends such a run"
        )
    if waited.end is WaitEnd.FORGOTTEN:
        return Outcome.UNLOADED, "run the command again: what has moved is not moved twice"
    if _AUTOMATIC_RUN in waited.status.last_error:
        return Outcome.AUTOMATIC_RUN, "run the command again when the automatic run is done"
    if waited.status.state is OffloadState.ERROR:
        return Outcome.FAILED, f"the broker says: {waited.status.last_error.partition(chr(10))[0]}"
    return Outcome.FEWER, "the broker claims success, its ledgers do not; run the command again"


def _compare(plan: OffloadPlan, after: ManagedLedger) -> list[tuple[Ledger, Confirmation]]:
    """Each planned ledger as it is now, and what that says."""
    return [(after.ledger(one.ledger_id) or one, confirm_ledger(one, after)) for one in plan.moves]


def _failed(topic: TopicName, outcome: Outcome, error: BrokerError | Refused) -> OffloadResult:
    return OffloadResult(topic, outcome, reasons=(Reason(error.code, error.message),), hint=error.hint)
