"""How often and when again: the rate limit, the pauses between attempts, and Retry-After."""

import math
import random
import threading
from collections import deque
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from offloadctl.ports import Clock

LONGEST_RETRY_AFTER: Final = 30.0
"""Seconds; a broker that asks for more is not asked again, and the error tells a person what it said."""

_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 5.0


class TokenBucket:
    """At most `rate` calls in any second, which may come all at once; shared by all threads.

    There are a second's worth of tokens, one at least, and each comes back only a second after it was used. A bucket
    that fills up steadily would let twice the rate pass in its first second.
    """

    def __init__(self, rate: float, clock: Clock) -> None:
        tokens = max(1, math.floor(rate))
        self._away = tokens / rate
        self._clock = clock
        self._used: deque[float] = deque(maxlen=tokens)
        self._lock = threading.Lock()

    def take(self) -> None:
        """Wait until the next call may go out."""
        with self._lock:
            now = self._clock.monotonic()
            everyone_out = len(self._used) == self._used.maxlen
            at = max(now, self._used[0] + self._away) if everyone_out else now
            # A time to come is a place in the queue: the next caller waits behind this one.
            self._used.append(at)
        if at > now:
            self._clock.sleep(at - now)


def pause_before(attempt: int) -> float:
    """Seconds to wait before attempt 2, 3 and so on: doubling, and by chance between half and all of it."""
    pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** (attempt - 2))
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 - it spreads callers, it guards nothing


def retry_after(value: str, clock: Clock) -> float:
    """Seconds that a Retry-After header asks for, given as seconds or as a date; 0 if it cannot be read."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
        # A date "in -0000" comes without a zone; HTTP dates are in GMT.
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - clock.now()).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
