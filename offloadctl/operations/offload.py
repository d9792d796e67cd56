"""Offload one topic or partition: plan, trigger, wait, and judge by the ledgers, never by the status alone."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from offloadctl.errors import BrokerError, Busy, Interrupted, OffloadctlError, PlanChanged, Refused
from offloadctl.model.ledger import OffloadPolicies, OffloadState, OffloadStatus
from offloadctl.model.names import TopicName
from offloadctl.model.offload import OffloadPlan, OffloadResult, OffloadWish, Outcome, Reason
from offloadctl.operations.facts import LedgerReader, read_policies, read_served
from offloadctl.operations.offload_judging import (
    RUNNING_IS_A_CLAIM,
    Judge,
    ObjectsCheck,
    ObjectsSeen,
    asked_for_less,
    not_looked_at,
    see,
)
from offloadctl.operations.waiting import Wait, Waited
from offloadctl.plan.offload import plan_before, plan_offload
from offloadctl.ports import Ports

__all__ = ["RUNNING_IS_A_CLAIM", "ObjectsCheck", "ObjectsSeen", "Offload", "Watcher", "not_looked_at"]

_LOOKS_AFTER_A_LOST_ANSWER: Final = 4
_PAUSE_AFTER_A_LOST_ANSWER_S: Final = 1.0

_FRESH: Final = timedelta(minutes=1)
"""What was read of a served topic so short a time ago is not read again before the trigger."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """What is known after the request: whether another run is waited for, and the error if the answer was lost."""

    joined: bool = False
    lost: BrokerError | None = None


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
    exactly: bool = False
    """Whether a plan is refused when the loaded topic would move other ledgers than it has."""

    def plan(self, topic: TopicName, reader: LedgerReader) -> OffloadPlan:
        """The plan for a topic, from what `reader` may read of it."""
        return plan_offload(
            reader.read_or_empty(topic), self.wish, self.ports.clock.now(), policies=self._policies(topic)
        )

    def dry_run(self, topic: TopicName, reader: LedgerReader) -> OffloadResult:
        """The plan as a result; nothing is sent."""
        try:
            plan = self.plan(topic, reader)
        except BrokerError as error:
            return _failed(topic, Outcome.FAILED, error)
        except Interrupted:
            return OffloadResult(topic, Outcome.NOT_STARTED)
        nothing = Outcome.NOTHING_TO_DO if plan.is_known else Outcome.UNKNOWN
        outcome = Outcome.PLANNED if plan.before is not None else nothing
        return OffloadResult(topic, outcome, plan, reasons=plan.reasons)

    def run(self, topic: TopicName, *, wait: bool = True) -> OffloadResult:
        """Offload the topic and say what really moved. Failures of this topic are outcomes, not exceptions."""
        reader = LedgerReader(self.ports.admin, self.ports.clock, may_load=True)
        return self._told(topic, lambda: self._act(self.plan(topic, reader), wait=wait))

    def act(self, plan: OffloadPlan, *, wait: bool = True) -> OffloadResult:
        """The same for a plan that was made before, by its boundary: nothing beyond it is sent."""
        return self._told(plan.topic, lambda: self._act(self.refreshed(plan), wait=wait))

    def refreshed(self, plan: OffloadPlan) -> OffloadPlan:
        """The plan's boundary on the ledgers of now; loads the topic, unless the plan has just been made of it so."""
        now = self.ports.clock.now()
        if plan.before is None or (plan.managed_ledger.served and now - plan.managed_ledger.observed_at < _FRESH):
            return plan
        ledgers = read_served(self.ports.admin, self.ports.clock, plan.topic)
        again = plan_before(ledgers, plan.before, self.wish, now, policies=plan.policies)
        if self.exactly and [one.ledger_id for one in again.moves] != [one.ledger_id for one in plan.moves]:
            raise PlanChanged(
                f"the plan no longer holds: with {plan.topic} loaded, other ledgers would move than were approved",
                hint="make a new plan, with --load-topics if offloads were begun earlier",
            )
        return again

    def _told(self, topic: TopicName, work: Callable[[], OffloadResult]) -> OffloadResult:
        begun = self.ports.clock.monotonic()
        try:
            result = work()
        except Refused as error:
            result = _failed(topic, Outcome.REFUSED, error)
        except Interrupted:
            result = OffloadResult(topic, Outcome.NOT_STARTED)
        except OffloadctlError as error:
            result = _failed(topic, Outcome.FAILED, error)
        return replace(result, seconds=self.ports.clock.monotonic() - begun)

    def _act(self, plan: OffloadPlan, *, wait: bool) -> OffloadResult:
        self.watcher.planned(plan)
        if plan.before is None:
            return OffloadResult(plan.topic, Outcome.NOTHING_TO_DO, plan, reasons=plan.reasons)
        # The last moment at which an interruption means that nothing was sent.
        self.ports.clock.sleep(0)
        sent = self._send(plan)
        self.watcher.triggered(plan, joined=sent.joined)
        if not wait:
            outcome, hint = (Outcome.BUSY, see(plan)) if sent.joined else (Outcome.ACCEPTED, "")
            return OffloadResult(plan.topic, outcome, plan, reasons=plan.reasons, hint=hint)
        return self._follow(plan, sent)

    def _follow(self, plan: OffloadPlan, sent: "_Sent") -> OffloadResult:
        """Wait and judge. Something was sent, so whatever goes wrong from here on, the result says so."""
        reasons = plan.reasons if sent.lost is None else (*plan.reasons, Reason(sent.lost.code, sent.lost.message))
        result = OffloadResult(plan.topic, Outcome.FAILED, plan, joined=sent.joined, reasons=reasons)
        try:
            judged = self._judge(result, plan, self._wait(plan))
            if sent.joined and asked_for_less(judged):
                # The run that was waited for had a smaller boundary; ours was refused, so it is sent again.
                again = self._send(plan)
                judged = self._judge(replace(result, joined=again.joined), plan, self._wait(plan))
        except Interrupted:
            return replace(result, outcome=Outcome.INTERRUPTED, hint=see(plan))
        except OffloadctlError as error:
            told = (*reasons, Reason(error.code, error.message))
            return replace(result, reasons=told, hint=f"the request was sent; {see(plan)}")
        return judged

    def _send(self, plan: OffloadPlan) -> "_Sent":
        """Send the plan's boundary, once."""
        assert plan.before is not None  # noqa: S101 - a plan without a boundary is never triggered
        try:
            self.ports.admin.trigger_offload(plan.topic, plan.before)
        except Busy:
            return _Sent(joined=True)
        except BrokerError as error:
            if not error.retryable:
                raise
            if not self._may_have_been_accepted(plan):
                raise type(error)(error.message, hint=f"nothing runs; {see(plan)}", status=error.status) from error
            return _Sent(lost=error)
        return _Sent()

    def _may_have_been_accepted(self, plan: OffloadPlan) -> bool:
        """After a lost answer: anything but a broker that goes on saying that nothing runs, and has moved nothing.

        A second trigger might be a second run, and a request can arrive after its sender has given up. So a status of
        whatever run counts as an answer; the ledgers judge in the end.
        """
        for attempt in range(_LOOKS_AFTER_A_LOST_ANSWER):
            self.ports.clock.sleep(attempt * _PAUSE_AFTER_A_LOST_ANSWER_S)
            try:
                if self.ports.admin.offload_status(plan.topic).state is not OffloadState.NOT_RUN:
                    return True
            except BrokerError:
                if attempt + 1 == _LOOKS_AFTER_A_LOST_ANSWER:
                    return True
        return bool(self._complete(plan))

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

    def _judge(self, result: OffloadResult, plan: OffloadPlan, waited: Waited) -> OffloadResult:
        judge = Judge(
            self.ports, plan, self.check_objects, lambda number, total: self.watcher.confirming(plan, number, total)
        )
        return judge.judge(result, waited)

    def _policies(self, topic: TopicName) -> OffloadPolicies | None:
        return read_policies(self.ports.admin, topic)


def _failed(topic: TopicName, outcome: Outcome, error: OffloadctlError) -> OffloadResult:
    return OffloadResult(topic, outcome, reasons=(Reason(error.code, error.message),), hint=error.hint)
