"""A real clock that can be moved forward: four hours of deletion lag pass in a moment, and everything else runs on."""

import threading
from datetime import datetime, timedelta

from offloadctl.ports import Clock


class MovableClock:
    """Another clock's time, and what was added to it; waiting takes as long as ever."""

    def __init__(self, clock: Clock, *, behind: timedelta = timedelta()) -> None:
        self._clock = clock
        self._added = -behind
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return self._clock.now() + self._added

    def monotonic(self) -> float:
        """Seconds that only ever grow; they do not jump when the clock is moved."""
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self._clock.sleep(seconds)

    def advance(self, duration: timedelta) -> None:
        """Move on; time does not run backwards."""
        if duration < timedelta():
            raise ValueError(f"time does not run backwards: {duration}")
        with self._lock:
            self._added += duration
