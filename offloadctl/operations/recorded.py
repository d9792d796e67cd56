"""Offloads of one run in the journal: written down before they are sent, and giving way to those of other runs.

Another run that is alive is waited for. Of a dead one the broker is asked: what still goes on is joined as after a 409,
and what does not is judged by its ledgers and objects. Then it is planned anew, on what is there by now.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Self

from offloadctl.errors import BrokerError, Interrupted, NotFound, OffloadctlError, StateError
from offloadctl.model.journal import Step, StepLedger
from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadProgress, OffloadState, OffloadStatus
from offloadctl.model.offload import (
    Confirmation,
    Fate,
    OffloadPlan,
    OffloadResult,
    Outcome,
    PlannedLedger,
    Reason,
)
from offloadctl.model.standing import Standing
from offloadctl.operations.offload import Offload
from offloadctl.operations.offload_judging import see
from offloadctl.operations.run_record import RunRecord, UnderWay
from offloadctl.operations.sending import complete_by_now
from offloadctl.operations.standstill import Standstill
from offloadctl.operations.waiting import Waited, WaitEnd
from offloadctl.plan.standing import why

_LOOK_AGAIN_S: Final = 1.0
_LOOK_AT_LEDGERS_S: Final = 10.0

_GOES_ON: Final = (Outcome.TIMED_OUT, Outcome.STALLED, Outcome.INTERRUPTED, Outcome.AUTOMATIC_RUN)
"""After these nobody can say what becomes of the request that was waited for."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An `Offload` whose requests are in the journal."""

    offload: Offload
    record: RunRecord

    @classmethod
    def of(cls, offload: Offload, record: RunRecord) -> Self:
        """The same offloads, none of them without the journal."""
        return cls(replace(offload, before_sending=record.before_sending), record)

    def act(self, plan: OffloadPlan, *, wait: bool = True) -> OffloadResult:
        """Offload by the plan, after whatever another run has under way there."""
        clock = self.offload.ports.clock
        begun = clock.monotonic()
        result = replace(self._act(plan, wait=wait), seconds=clock.monotonic() - begun)
        self.record.ended(result)
        return result

    def settle(self, step: Step) -> str:
        """Judge what a dead run has left unfinished, unless it still goes on; tells why not, if it cannot be known."""
        try:
            status = self.offload.ports.admin.offload_status(step.topic)
            if status.state is not OffloadState.RUNNING:
                self._judge(step, status)
        except NotFound:
            self.record.judged(step, OffloadResult(step.topic, Outcome.DELETED))
        except BrokerError as error:
            return f"what run {step.run_id} left unfinished of {step.topic} is still not known: {error.message}"
        return ""

    def settle_if_gone(self, step: Step) -> str:
        """The same of a topic that nobody has asked for: only if there is no such topic any more; never tells why not.

        No scope but that of its own name has it, so nobody else would judge it. It is not loaded to find out.
        """
        try:
            self.offload.ports.admin.stored_ledgers(step.topic)
        except NotFound:
            self.record.judged(step, OffloadResult(step.topic, Outcome.DELETED))
        except BrokerError:
            pass
        return ""

    def _act(self, plan: OffloadPlan, *, wait: bool) -> OffloadResult:
        anew = False
        while True:
            try:
                return self.offload.act(plan, wait=wait, anew=anew)
            except UnderWay as other:
                step = other.step
            if (result := self._told(step, plan, lambda: self._give_way(step, plan, wait=wait))) is not None:  # noqa: B023 - called at once
                return result
            anew = True

    def _give_way(self, step: Step, plan: OffloadPlan, *, wait: bool) -> OffloadResult | None:
        """What came of the plan by the other run's work; None if there is something left to do for us."""
        is_alive = self.record.journal.is_alive(step.run_id)
        if not is_alive:
            status = self.offload.ports.admin.offload_status(step.topic)
            if status.state is not OffloadState.RUNNING:
                self._judge(step, status)
                return None
        if not wait:
            return OffloadResult(plan.topic, Outcome.BUSY, plan, reasons=(*plan.reasons, _whose(step)))
        self.offload.watcher.triggered(plan, joined=True)
        return self._outlast(step, plan) if is_alive else self._join(step, plan)

    def _outlast(self, step: Step, plan: OffloadPlan) -> OffloadResult | None:
        """Wait until the other run has said what came of its step, or is dead too."""
        if (given_up := self._wait_for(step, plan)) is not None:
            return given_up
        # It died before it said so: what it has begun may still go on.
        is_dead = not self.record.journal.is_alive(step.run_id) and self._is_unfinished(step)
        if is_dead and (result := self._give_way(step, plan, wait=True)) is not None:
            return result
        status = self.offload.ports.admin.offload_status(plan.topic)
        if status.state is OffloadState.RUNNING:
            # It did not wait for its end: asked for the same, the broker says 409, and that is joined.
            return None
        judged = self.offload.judged(plan, _over(status))
        is_done = judged.ledgers and all(one.confirmation is not Confirmation.NOT_MOVED for one in judged.ledgers)
        return replace(judged, joined=True) if is_done else None

    def _wait_for(self, step: Step, plan: OffloadPlan) -> OffloadResult | None:
        """Until the step has an end or its run is dead; why not any longer, if that is not to be waited for.

        A process that is suspended or hangs is alive for as long as it likes, so it is watched like a run of our own.
        """
        ports, limit, stall_s = self.offload.ports, self.offload.timeout_s, self.offload.stall_timeout_s
        standstill = Standstill(ports, plan, self.offload.activity, stall_s)
        between_s = _LOOK_AT_LEDGERS_S if stall_s is None else min(_LOOK_AT_LEDGERS_S, stall_s / 4)
        begun, looked_at = ports.clock.monotonic(), float("-inf")
        try:
            while self.record.journal.is_alive(step.run_id) and self._is_unfinished(step):
                now = ports.clock.monotonic()
                left = float("inf") if limit is None else limit - (now - begun)
                if left <= 0:
                    reasons = (*plan.reasons, _whose(step))
                    return OffloadResult(plan.topic, Outcome.TIMED_OUT, plan, joined=True, reasons=reasons)
                if now - looked_at >= between_s:
                    looked_at, complete = now, complete_by_now(ports.admin, plan)
                    if (standing := standstill.watch(complete)).is_stalled:
                        # Nothing moves any more where all has moved: that can be judged without its word.
                        return None if len(complete) == len(plan.moves) else self._stalled(step, plan, standing)
                ports.clock.sleep(min(left, _LOOK_AGAIN_S))
            return None
        finally:
            standstill.end()

    def _is_unfinished(self, step: Step) -> bool:
        """Whether it still is: its own run, or another one, may have said by now what came of it."""
        now = self.record.journal.step(step.run_id, step.topic)
        return now is not None and now.is_unfinished

    def _stalled(self, step: Step, plan: OffloadPlan, standing: Standing) -> OffloadResult:
        reasons = (*plan.reasons, _whose(step), why(standing, self.offload.ports.clock.now()))
        hint = f"its process lives and may hang: let it go on, or end it; then {see(plan)}"
        return OffloadResult(plan.topic, Outcome.STALLED, plan, joined=True, reasons=reasons, hint=hint)

    def _join(self, step: Step, plan: OffloadPlan) -> OffloadResult | None:
        """Wait for what a dead run has begun, as after a 409, and say of both plans what came of it."""
        try:
            result = self.offload.join(plan)
        except UnderWay:
            # It asked for less than we do, and its step must be judged before the rest is sent.
            return None
        if not result.ledgers or result.status is None or result.outcome in _GOES_ON:
            return result
        try:
            self._judge(step, result.status)
        except (BrokerError, StateError) as error:
            # The next command judges it; what is known of ours is not given up for that.
            return replace(result, reasons=(*result.reasons, Reason(error.code, error.message)))
        return result

    def _judge(self, step: Step, status: OffloadStatus) -> None:
        """Write what became of a dead run's step; raises BrokerError if its ledgers cannot be read."""
        judged = self.offload.judged(_plan_of(step), _over(status))
        if not judged.ledgers and judged.outcome is not Outcome.DELETED:
            why = "; ".join(reason.text for reason in judged.reasons)
            raise BrokerError(f"what run {step.run_id} left unfinished of {step.topic} cannot be judged: {why}")
        left = [one for one in judged.ledgers if one.confirmation is Confirmation.NOT_MOVED]
        moved = f"{len(judged.ledgers) - len(left)} of {len(judged.ledgers)} ledgers have moved"
        said = f"; the broker says {status.state.value}" + (f": {status.last_error}" if status.last_error else "")
        reasons = (*judged.reasons, Reason("judged", moved + said))
        outcome = Outcome.ABANDONED if left and judged.outcome is not Outcome.DAMAGED else judged.outcome
        self.record.judged(step, replace(judged, outcome=outcome, reasons=reasons))

    def _told(self, step: Step, plan: OffloadPlan, work: Callable[[], OffloadResult | None]) -> OffloadResult | None:
        """Failures as outcomes; nothing of ours was sent."""
        try:
            return work()
        except Interrupted:
            reasons = (*plan.reasons, _whose(step))
            return OffloadResult(plan.topic, Outcome.INTERRUPTED, plan, joined=True, reasons=reasons)
        except OffloadctlError as error:
            reasons = (*plan.reasons, _whose(step), Reason(error.code, error.message))
            return OffloadResult(plan.topic, Outcome.FAILED, plan, reasons=reasons, hint=error.hint)


def _over(status: OffloadStatus) -> Waited:
    """A run that does not go on (any more)."""
    return Waited(WaitEnd.FORGOTTEN if status.state is OffloadState.NOT_RUN else WaitEnd.FINISHED, status)


def _whose(step: Step) -> Reason:
    return Reason("under-way", f"run {step.run_id} has sent it before: offloadctl offload history --run {step.run_id}")


def _plan_of(step: Step) -> OffloadPlan:
    """The plan of a step, as far as it is needed to judge it. Its policies are not known any more."""
    assert step.sent_at is not None  # noqa: S101 - only what may have been sent is judged
    ledgers = tuple(_ledger(one) for one in step.plan.ledgers)
    managed_ledger = ManagedLedger(step.topic, ledgers, step.sent_at, served=True)
    planned = tuple(PlannedLedger(ledger, Fate.MOVES) for ledger in ledgers)
    return OffloadPlan(managed_ledger, step.plan.before, planned, ())


def _ledger(one: StepLedger) -> Ledger:
    progress = OffloadProgress.LOCAL if one.uuid is None else OffloadProgress.IN_FLIGHT
    return Ledger(one.ledger_id, one.entries, one.size, is_open=False, progress=progress, context_uuid=one.uuid)
