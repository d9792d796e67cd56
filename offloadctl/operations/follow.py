"""After the request: the wait, what may have to be sent again, and how it stood when it ended."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from offloadctl.errors import Interrupted, OffloadctlError
from offloadctl.model.ledger import OffloadState, OffloadStatus
from offloadctl.model.offload import OffloadPlan, OffloadResult, Outcome, Reason
from offloadctl.model.standing import Movement, Standing
from offloadctl.operations.offload_judging import AUTOMATIC_RUN, Judge, asked_for_less, see
from offloadctl.operations.sending import Sent, complete_by_now
from offloadctl.operations.standstill import Standstill
from offloadctl.operations.waiting import Wait, Waited, WaitEnd
from offloadctl.plan.standing import do_next, why
from offloadctl.ports import Ports
from offloadctl.units import format_duration

_FIRST_PAUSE_S: Final = 2.0
_LONGEST_PAUSE_S: Final = 60.0
_JITTER: Final = 0.2


class Watcher:
    """Is told how a run goes on, from the thread that runs it; this one does nothing with it."""

    def chosen(self, plans: Sequence[OffloadPlan]) -> None:
        """Of a run over topics: these have a turn each, and it comes later."""

    def planned(self, plan: OffloadPlan) -> None:
        """The plan is made, and about to be acted on if it moves anything."""

    def triggered(self, plan: OffloadPlan, *, joined: bool) -> None:
        """The broker has accepted the request, or was busy with another one that is waited for now."""

    def progressed(self, plan: OffloadPlan, status: OffloadStatus, complete: frozenset[int]) -> None:
        """The broker was asked again: what it claims, and which of the plan's ledgers are complete by now."""

    def stands(self, plan: OffloadPlan, standing: Standing) -> None:
        """Told after `progressed`: whether the run moves, waits for a thread of its broker, or stands still."""

    def delayed(self, plan: OffloadPlan, attempts: int, pause_s: float) -> None:
        """An automatic run was in the way each of so many times; the request is sent again after a pause."""

    def confirming(self, plan: OffloadPlan, looked_at: int, total: int) -> None:
        """The run is over, and so many of its complete ledgers' objects were looked at."""

    def finished(self, result: OffloadResult) -> None:
        """The topic is done with, one way or another."""


@dataclass(slots=True)
class Follow:
    """One run from its request to its result."""

    ports: Ports
    plan: OffloadPlan
    judge: Judge
    standstill: Standstill
    timeout_s: float | None
    watcher: Watcher
    send: Callable[[OffloadPlan], Sent]
    joined: bool = False
    attempts: int = 1
    is_between_attempts: bool = False
    """Nothing of ours runs then: the broker has refused the last request, and there is no new one."""
    _is_second: bool = False
    """Whether an automatic run was there first."""
    _lost: tuple[Reason, ...] = ()
    _begun_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._begun_at = self.ports.clock.monotonic()

    def to_the_end(self, result: OffloadResult) -> OffloadResult:
        """Wait and judge. Something was sent, so whatever goes wrong from here on, the result says so."""
        try:
            judged = self._judged(result)
        except Interrupted:
            judged = self._interrupted(result)
        except OffloadctlError as error:
            told = (*result.reasons, Reason(error.code, error.message))
            judged = replace(result, reasons=told, hint=f"the request was sent; {see(self.plan)}")
        finally:
            self.standstill.end()
        reasons = (*judged.reasons, *self._lost, *self._history(judged))
        return replace(judged, attempts=self.attempts, joined=self.joined, reasons=reasons)

    def _judged(self, result: OffloadResult) -> OffloadResult:
        waited = self._waited()
        judged = self.judge.judge(result, waited)
        if self.joined and asked_for_less(judged):
            # The run that was waited for had a smaller boundary; ours was refused, so it is sent again.
            self._send_again()
            waited = self._waited()
            judged = self.judge.judge(result, waited)
        return self._explained(judged)

    def _waited(self) -> Waited:
        """The end of the wait; what an automatic run kept from being accepted is sent again, later and later."""
        waited, pause = self._wait(), _FIRST_PAUSE_S
        while _was_in_the_way(waited):
            self._is_second = True
            if (end := self._pause(pause)) is not None:
                return replace(waited, end=end)
            if self._is_all_complete():
                return waited
            self.attempts += 1
            self._send_again()
            waited, pause = self._wait(), min(2 * pause, _LONGEST_PAUSE_S)
        return waited

    def _wait(self) -> Waited:
        def polled(status: OffloadStatus) -> WaitEnd | None:
            if status.state is not OffloadState.RUNNING:
                return None
            complete = complete_by_now(self.ports.admin, self.plan)
            self.watcher.progressed(self.plan, status, complete)
            standing = self.standstill.watch(complete)
            self.watcher.stands(self.plan, standing)
            return WaitEnd.STALLED if standing.is_stalled else None

        return Wait(self.ports.admin, self.ports.clock, self.plan.topic, self._left(), polled).until_done()

    def _pause(self, pause_s: float) -> WaitEnd | None:
        """Leave the automatic run some time; why not to go on, if it takes all there is, or stands still itself."""
        standing = self.standstill.watch(complete_by_now(self.ports.admin, self.plan))
        if standing.is_stalled:
            return WaitEnd.STALLED
        left = self._left()
        pause_s *= random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - not a secret
        self.watcher.delayed(self.plan, self.attempts, pause_s)
        self.is_between_attempts = True
        self.ports.clock.sleep(pause_s if left is None else min(pause_s, left))
        self.is_between_attempts = False
        # A request that nobody has the time to wait for is not sent.
        return WaitEnd.TIMED_OUT if left is not None and left <= pause_s else None

    def _send_again(self) -> None:
        sent = self.send(self.plan)
        self.joined = sent.joined
        if sent.lost is not None:
            self._lost = (*self._lost, Reason(sent.lost.code, sent.lost.message))

    def _interrupted(self, result: OffloadResult) -> OffloadResult:
        if not self.is_between_attempts:
            return replace(result, outcome=Outcome.INTERRUPTED, hint=see(self.plan))
        text = "interrupted between two attempts: nothing of this command runs, and the automatic run goes on"
        told = (*result.reasons, Reason(Interrupted.code, text))
        return replace(result, outcome=Outcome.INTERRUPTED, reasons=told, hint="run the command again later")

    def _is_all_complete(self) -> bool:
        return len(complete_by_now(self.ports.admin, self.plan)) == len(self.plan.moves)

    def _left(self) -> float | None:
        if self.timeout_s is None:
            return None
        return max(0.0, self.timeout_s - (self.ports.clock.monotonic() - self._begun_at))

    def _explained(self, judged: OffloadResult) -> OffloadResult:
        """Of a run that did not end: whether it was queued, stood still or went on, by a last look."""
        if judged.outcome not in (Outcome.TIMED_OUT, Outcome.STALLED, Outcome.AUTOMATIC_RUN):
            return judged
        standing = self.standstill.watch(complete_by_now(self.ports.admin, self.plan), at_end=True)
        reasons = (*judged.reasons, why(standing, self.ports.clock.now()))
        hint = judged.hint
        if judged.outcome is Outcome.STALLED:
            hint = do_next(standing, str(self.plan.topic))
        elif judged.outcome is Outcome.TIMED_OUT and standing.movement in (Movement.QUEUED, Movement.MOVING):
            hint = f"wait longer (--timeout); {see(self.plan)}"
        return replace(judged, reasons=reasons, hint=hint)

    def _history(self, judged: OffloadResult) -> tuple[Reason, ...]:
        """What the way to the end was like."""
        reasons = []
        if self._is_second:
            took = format_duration(timedelta(seconds=self.ports.clock.monotonic() - self._begun_at))
            times = "once" if self.attempts == 1 else f"{self.attempts} times"
            reasons.append(Reason("automatic-run", f"an automatic run was in the way: asked {times} within {took}"))
        if self.standstill.queued_s and judged.outcome not in (Outcome.TIMED_OUT, Outcome.STALLED):
            waited = format_duration(timedelta(seconds=self.standstill.queued_s))
            reasons.append(Reason(Movement.QUEUED.value, f"it waited {waited} for an offload thread of its broker"))
        return tuple(reasons)


def _was_in_the_way(waited: Waited) -> bool:
    """Whether an automatic run kept the broker from accepting ours; its mutex is the topic's."""
    return (
        waited.end is WaitEnd.FINISHED
        and waited.status.state is OffloadState.ERROR
        and AUTOMATIC_RUN in waited.status.last_error
    )
