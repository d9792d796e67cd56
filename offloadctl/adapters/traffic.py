"""What this process has sent and got so far: for a service that tells it of itself. Loads nothing heavy."""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""The upper ends of the classes of durations; a bulk read of a large broker takes seconds, and 60 is where it ends."""

NO_ANSWER: Final = "none"
_TOO_MANY_REQUESTS: Final = 429
_SLOW_DOWN: Final = 503
"""S3's throttling, and what stores like it answer when they are busy."""


@dataclass(frozen=True, slots=True)
class Told:
    """Requests of one kind."""

    answers: Mapping[str, int]
    """By the answer's first digit, `2xx`; `none` had no answer."""
    seconds: float
    durations: tuple[int, ...] = (0,) * (len(BOUNDS_S) + 1)
    """How many took no longer than each of BOUNDS_S, then how many there were."""


@dataclass(slots=True)
class Traffic:
    """Counts; safe to use from several threads."""

    _answers: Counter[str] = field(default_factory=Counter)
    _seconds: float = 0.0
    _classes: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, status: int | None, seconds: float) -> None:
        """One request has ended so."""
        with self._lock:
            self._answers[answer_of(status)] += 1
            self._seconds += seconds
            self._classes[bisect_left(BOUNDS_S, seconds)] += 1

    def told(self) -> Told:
        """All so far."""
        with self._lock:
            return Told(dict(self._answers), self._seconds, tuple(accumulate(self._classes)))


@dataclass(frozen=True, slots=True)
class StoreTold:
    """Requests to object stores, each attempt counted for itself."""

    requests: Mapping[tuple[str, str], int]
    """By S3's name of the operation, and the answer's first digit."""
    throttled: int
    """Answered with 429 or 503: the store is busy, or has had too much of us."""
    bytes_read: int
    """Of objects; what comes of listings and facts is little, and not charged by its size."""


@dataclass(slots=True)
class StoreTraffic:
    """Counts; safe to use from several threads."""

    _requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    _throttled: int = 0
    _bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, operation: str, status: int | None) -> None:
        """One attempt has ended so."""
        with self._lock:
            self._requests[operation, answer_of(status)] += 1
            self._throttled += status in (_TOO_MANY_REQUESTS, _SLOW_DOWN)

    def read(self, size: int) -> None:
        """So many bytes of an object have come."""
        with self._lock:
            self._bytes += size

    def told(self) -> StoreTold:
        """All so far."""
        with self._lock:
            return StoreTold(dict(self._requests), self._throttled, self._bytes)


def answer_of(status: int | None) -> str:
    """`2xx`, or `none`."""
    return NO_ANSWER if status is None else f"{status // 100}xx"


HTTP: Final = Traffic()
"""Of the whole process, to brokers, bookies and Prometheus."""

S3: Final = StoreTraffic()
"""Of the whole process, to object stores."""
