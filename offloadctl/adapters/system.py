"""The machine's own clock."""

import time
from datetime import UTC, datetime


class SystemClock:
    """Real time, and real waiting."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; a signal handler that raises cuts it short."""
        if seconds > 0:
            time.sleep(seconds)
