"""Virtual time for several processes at once: whoever sleeps gives way to whatever comes first, one at a time.

    at        something happens at a time; it takes none itself
    spawn     work of a process, on a thread of its own; it runs alone until it sleeps or ends
    kill      every thread of a process ends where it sleeps; no call of it reaches anybody any more

Threads that a process starts itself count as the one that waits for them: no two of them may sleep at the same time.
Nothing depends on the machine's clock or speed, so that a seed is the same run again.
"""

import heapq
import itertools
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from offloadctl.adapters.memory import ManualClock

_PATIENCE_S: Final = 300.0
"""Of the machine's time: a process that neither sleeps nor ends hangs."""

_TURNS: Final = 20_000
"""So many at one moment mean that it never ends."""
_MOMENT_S: Final = 1e-6
"""What the clock can tell."""


class Killed(BaseException):
    """kill -9: nothing of the process runs any more."""


class Hangs(Exception):
    """A process neither sleeps nor ends, or no time passes."""


@dataclass(eq=False)
class Life:
    """One process, from its start to its death."""

    name: str
    is_over: bool = False
    frozen_until: float = 0.0
    """SIGSTOP: it notices nothing until then."""


@dataclass(eq=False)
class _Sleeper:
    life: Life
    go: threading.Event = field(default_factory=threading.Event)


@dataclass(eq=False)
class Timeline:
    """What happens when."""

    clock: ManualClock
    failures: list[BaseException] = field(default_factory=list)
    """What ended work other than its own end or its process'."""
    _heap: list[tuple[float, int, "_Sleeper | Callable[[], None]"]] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _token: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return self.clock.monotonic()

    def at(self, when: float, do: Callable[[], None]) -> None:
        """Something happens then, or now if that is over."""
        self._push(max(when, self.now), do)

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Something happens so much later."""
        self.at(self.now + seconds, do)

    def spawn(self, life: Life, work: Callable[[], None]) -> None:
        """Begin work of a process as soon as whoever runs now sleeps."""
        sleeper = _Sleeper(life)

        def run() -> None:
            sleeper.go.wait()
            try:
                if not life.is_over:
                    work()
            except Killed:
                pass
            except BaseException as error:  # noqa: BLE001 - told by whoever looks at the end
                self.failures.append(error)
            finally:
                self._token.release()

        threading.Thread(target=run, name=f"soak-{life.name}", daemon=True).start()
        self._push(self.now, sleeper)

    def sleep(self, life: Life, seconds: float) -> None:
        """Let the time pass, for a process; raises Killed once that is dead."""
        if life.is_over:
            raise Killed
        until = self.now + max(seconds, 0.0)
        if life.frozen_until <= until and (not self._heap or self._heap[0][0] > until):
            self._advance(until)
            return
        sleeper = _Sleeper(life)
        self._push(until, sleeper)
        self._token.release()
        sleeper.go.wait()
        if life.is_over:
            raise Killed

    def run_until(self, end: float) -> None:
        """Let everything happen up to a time."""
        self.at(end, lambda: None)
        moment, turns = self.now, 0
        while self._heap and self._heap[0][0] <= end:
            when, _, what = heapq.heappop(self._heap)
            self._advance(when)
            moment, turns = self.now, turns + 1 if self.now == moment else 0
            if turns > _TURNS:
                raise Hangs(f"no time passes: {turns:,} turns at {moment:g}")
            if not isinstance(what, _Sleeper):
                what()
            elif what.life.frozen_until > self.now + _MOMENT_S and not what.life.is_over:
                self._push(what.life.frozen_until, what)
            else:
                self._hand_over(what)
        self._advance(end)

    def wake(self, life: Life) -> None:
        """Let whoever of a process sleeps look around now."""
        woken = [one for one in self._heap if isinstance(one[2], _Sleeper) and one[2].life is life]
        self._heap = [one for one in self._heap if one not in woken]
        heapq.heapify(self._heap)
        for _, _, sleeper in sorted(woken, key=lambda one: one[:2]):
            self._push(self.now, sleeper)

    def kill(self, life: Life) -> None:
        """End a process; by whoever handles an event, not by a process itself."""
        life.is_over = True
        while sleepers := sorted(
            (one for one in self._heap if isinstance(one[2], _Sleeper) and one[2].life is life),
            key=lambda one: one[:2],
        ):
            self._heap = [one for one in self._heap if one not in sleepers]
            heapq.heapify(self._heap)
            for _, _, sleeper in sleepers:
                assert isinstance(sleeper, _Sleeper)
                self._hand_over(sleeper)

    def _hand_over(self, sleeper: _Sleeper) -> None:
        sleeper.go.set()
        if not self._token.acquire(timeout=_PATIENCE_S):
            raise Hangs(f"{sleeper.life.name} neither sleeps nor ends")

    def _advance(self, until: float) -> None:
        # Rounded up to what the clock can tell, so that what is due then is not a moment too early.
        passed = math.ceil((until - self.now) * 1e6)
        if passed > 0:
            self.clock.advance(timedelta(microseconds=passed))

    def _push(self, when: float, what: "_Sleeper | Callable[[], None]") -> None:
        heapq.heappush(self._heap, (when, next(self._numbers), what))


@dataclass(eq=False)
class ProcessClock:
    """The clock on the wall of one process' machine, which may be set; waiting takes as long as everywhere."""

    timeline: Timeline
    life: Life
    off: timedelta = timedelta()

    def now(self) -> datetime:
        """The wall clock, in UTC, right or not."""
        return self.timeline.clock.now() + self.off

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        return self.timeline.now

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.timeline.sleep(self.life, seconds)
