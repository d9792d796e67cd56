"""How many requests this process has sent, and how long their answers took: for a service that tells it of itself."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Told:
    """Requests of one kind."""

    answers: Mapping[str, int]
    """By the answer's first digit, `2xx`; `none` had no answer."""
    seconds: float


@dataclass(slots=True)
class Traffic:
    """Counts; safe to use from several threads."""

    _answers: Counter[str] = field(default_factory=Counter)
    _seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, status: int | None, seconds: float) -> None:
        """One request has ended so."""
        with self._lock:
            self._answers["none" if status is None else f"{status // 100}xx"] += 1
            self._seconds += seconds

    def told(self) -> Told:
        """All so far."""
        with self._lock:
            return Told(dict(self._answers), self._seconds)


HTTP: Final = Traffic()
"""Of the whole process, to brokers, bookies and Prometheus; to the object store goes none of them."""
