"""How often and when again: the rate limit, the pauses between attempts, and Retry-After."""

import random
import threading
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from offloadctl.ports import Clock

LONGEST_RETRY_AFTER: Final = 30.0
"""Seconds; a broker that asks for more gets the error shown to a person instead."""

_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 5.0


class TokenBucket:
    """At most `rate` calls a second over time, and a second's worth at once; shared by all threads."""

    def __init__(self, rate: float, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._burst = max(1.0, rate)
        self._tokens = self._burst
        self._filled_at = clock.monotonic()
        self._lock = threading.Lock()

    def take(self) -> None:
        """Wait until the next call may go out."""
        with self._lock:
            now = self._clock.monotonic()
            self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
            self._filled_at = now
            # Below zero is a place in the queue: the next caller waits behind this one.
            self._tokens -= 1
            wait = -self._tokens / self._rate
        if wait > 0:
            self._clock.sleep(wait)


def pause_before(attempt: int) -> float:
    """Seconds to wait before attempt 2, 3 and so on: doubling, and by chance between half and all of it."""
    pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** (attempt - 2))
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 - it spreads callers, it guards nothing


def retry_after(value: str, clock: Clock) -> float:
    """Seconds that a Retry-After header asks for, given as seconds or as a date; 0 if it cannot be read."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(LONGEST_RETRY_AFTER, float(text[:9]))
    try:
        moment = parsedate_to_datetime(text)
        # A date "in -0000" comes without a zone; HTTP dates are in GMT.
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return min(LONGEST_RETRY_AFTER, max(0.0, (moment - clock.now()).total_seconds()))
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
