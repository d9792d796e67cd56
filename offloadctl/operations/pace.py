"""How fast a store is asked: several requests at once, fewer when it asks for that, and slowly more again."""

import threading
from collections.abc import Callable
from typing import Final, TypeVar

from offloadctl.errors import Interrupted, StoreBusy
from offloadctl.operations.workers import StoppableClock

T = TypeVar("T")

MOST_REFUSALS: Final = 6
"""So often in a row, each time after a longer wait, before a store counts as one that cannot be asked."""

ANSWERS_FOR_ONE_MORE: Final = 10
"""So many answers without a refusal, and one request more is made at once."""

_LONGEST_WAIT_S: Final = 30.0
_LOOK_S: Final = 0.2


class Pace:
    """Gives requests to one store their turn; safe to use from several threads.

    Requests that are on their way when the store refuses one are refused too, most likely, and that is one refusal:
    half as many at once, not a two hundred and fifty-sixth.
    """

    def __init__(self, most: int, clock: StoppableClock) -> None:
        self._most = self.at_once = most
        self._clock = clock
        self._turns = threading.Condition()
        self._asking = 0
        self._answers = 0  # since the last refusal, or since one more was allowed
        self._refusals = 0  # in a row
        self._slowed = 0  # how often, ever

    def ask(self, request: Callable[[], T]) -> T:
        """The answer; a refusal is waited out. StoreBusy if there are too many in a row, Interrupted when stopped."""
        while True:
            slowed_before = self._begin()
            try:
                answer = request()
            except StoreBusy:
                wait = self._end(refused=True, slowed_before=slowed_before)
                if wait is None:
                    raise
                self._clock.sleep(wait)
            except BaseException:
                self._leave()
                raise
            else:
                self._end(refused=False, slowed_before=slowed_before)
                return answer

    def _begin(self) -> int:
        with self._turns:
            while self._asking >= self.at_once:
                if self._clock.stop.is_set():
                    raise Interrupted("interrupted")
                self._turns.wait(_LOOK_S)
            self._asking += 1
            return self._slowed

    def _leave(self) -> None:
        with self._turns:
            self._asking -= 1
            self._turns.notify()

    def _end(self, *, refused: bool, slowed_before: int) -> float | None:
        """How long to wait; None if waiting is of no use any more."""
        with self._turns:
            self._leave()
            if not refused:
                self._answered()
            elif slowed_before == self._slowed:
                self._slowed += 1
                self._refusals += 1
                self._answers = 0
                self.at_once = max(1, self.at_once // 2)
            return None if self._refusals >= MOST_REFUSALS else min(2.0 ** (self._refusals - 1), _LONGEST_WAIT_S)

    def _answered(self) -> None:
        self._refusals = 0
        self._answers += 1
        if self._answers >= ANSWERS_FOR_ONE_MORE and self.at_once < self._most:
            self._answers = 0
            self.at_once += 1
            self._turns.notify()
