"""Waiting for a run that the broker has accepted: what the polls said, and how the wait ended."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from offloadctl.errors import BrokerError, NotFound
from offloadctl.model.ledger import OffloadState, OffloadStatus
from offloadctl.model.names import TopicName
from offloadctl.ports import BrokerAdmin, Clock

_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 10.0
_GROWTH: Final = 1.5
_JITTER: Final = 0.2
# A broker that restarts is back within about a minute; its topics then answer NOT_RUN.
_PATIENCE_S: Final = 120.0


class WaitEnd(StrEnum):
    """Why the wait is over."""

    FINISHED = "finished"
    """The broker claims SUCCESS or ERROR."""
    FORGOTTEN = "forgotten"
    """NOT_RUN after RUNNING: the topic was unloaded, and the status with it."""
    DELETED = "deleted"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed-out"
    STALLED = "stalled"
    """Nothing of it has moved for so long that whoever was polled with gave it up."""


@dataclass(frozen=True, slots=True)
class Waited:
    """How a wait ended, and the last thing that the broker said."""

    end: WaitEnd
    status: OffloadStatus
    error: BrokerError | None = None


@dataclass(slots=True)
class Wait:
    """One wait, polled with back-off and jitter until the broker is done or the deadline has passed."""

    admin: BrokerAdmin
    clock: Clock
    topic: TopicName
    timeout_s: float | None
    on_poll: Callable[[OffloadStatus], WaitEnd | None]
    """Is told each answer, and may end the wait."""

    def until_done(self) -> Waited:
        """Poll `offload-status`. Passing errors are ridden out; a missing topic and a forgotten run are ends."""
        begun = answered = self.clock.monotonic()
        pause, last = _FIRST_PAUSE_S, Waited(WaitEnd.TIMED_OUT, OffloadStatus(OffloadState.RUNNING))
        while True:
            try:
                status = self.admin.offload_status(self.topic)
            except NotFound as error:
                return replace(last, end=WaitEnd.DELETED, error=error)
            except BrokerError as error:
                last = replace(last, error=error)
                if not error.retryable or self.clock.monotonic() - answered > _PATIENCE_S:
                    return replace(last, end=WaitEnd.UNREACHABLE)
            else:
                answered, last = self.clock.monotonic(), Waited(WaitEnd.TIMED_OUT, status)
                given_up = self.on_poll(status)
                if (end := _end(status) or given_up) is not None:
                    return replace(last, end=end)
            pause = self._pause(begun, pause)
            if pause <= 0:
                return replace(last, end=WaitEnd.TIMED_OUT)

    def _pause(self, begun: float, pause: float) -> float:
        """Sleep, but not beyond the deadline; the next pause, or 0 if no time is left."""
        left = float("inf") if self.timeout_s is None else self.timeout_s - (self.clock.monotonic() - begun)
        if left <= 0:
            return 0
        self.clock.sleep(min(left, pause * random.uniform(1 - _JITTER, 1 + _JITTER)))  # noqa: S311 - not a secret
        return min(pause * _GROWTH, _LONGEST_PAUSE_S)


def _end(status: OffloadStatus) -> WaitEnd | None:
    match status.state:
        case OffloadState.RUNNING:
            return None
        case OffloadState.NOT_RUN:
            return WaitEnd.FORGOTTEN
        case OffloadState.SUCCESS | OffloadState.ERROR:
            return WaitEnd.FINISHED
