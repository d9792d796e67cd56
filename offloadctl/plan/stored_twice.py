"""What may be stored twice: in S3, and in BookKeeper until the deletion lag after an offload's end has passed.

No call tells whether BookKeeper's copy is gone. But whoever looks again and again sees how much became offloaded
between two looks, and from that on the lag counts:

    at least   what became offloaded after a look that is no longer ago than the lag
    at most    that of a look more, with some time for the trim; and what was offloaded before the first look,
               until the lag has passed since then
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from offloadctl.model.names import TopicName

TRIM: Final = timedelta(minutes=5)
"""Brokers trim every two minutes (retentionCheckIntervalInSeconds), and begin when they are free."""

FOR_EVER: Final = timedelta.max
"""The lag where BookKeeper's copy is never deleted."""


MOST_GROWN: Final = 96
"""So much is remembered of a topic; half of it are the looks of the default lag, four hours, one every five minutes."""


class Twice(NamedTuple):
    """Bytes, from below and from above."""

    at_least: int = 0
    at_most: int = 0


class _Grown(NamedTuple):
    after: datetime
    """A look at which they were not offloaded."""
    by: datetime
    """The next one, at which they were."""
    size: int


@dataclass(slots=True)
class _Watched:
    since: datetime
    before: int
    """Offloaded at the first look."""
    at: datetime
    size: int
    grown: deque[_Grown] = field(default_factory=deque)


@dataclass(slots=True)
class TwiceWatch:
    """Remembers what became offloaded when; of what is long ago, and much, less and less exactly."""

    most: int = MOST_GROWN
    _topics: dict[TopicName, _Watched] = field(default_factory=dict)

    def look(self, offloaded: Mapping[TopicName, int], now: datetime) -> None:
        """So much of each topic is offloaded now; what is not told of any more is forgotten."""
        for topic in self._topics.keys() - offloaded.keys():
            del self._topics[topic]
        for topic, size in offloaded.items():
            seen = self._topics.get(topic)
            if seen is None or now < seen.at:
                # Of a clock that was put back nothing older counts.
                self._topics[topic] = _Watched(now, size, now, size)
                continue
            if size > seen.size:
                seen.grown.append(_Grown(seen.at, now, size - seen.size))
                if len(seen.grown) > self.most:
                    seen.grown = _coarser(tuple(seen.grown))
            seen.at, seen.size = now, size

    def twice(self, topic: TopicName, lag: timedelta | None) -> Twice:
        """By the deletion lag in force; None: unknown."""
        seen = self._topics.get(topic)
        if seen is None or not seen.size:
            return Twice()
        if lag is None:
            return Twice(0, seen.size)
        if lag == FOR_EVER:
            return Twice(seen.size, seen.size)
        now = seen.at
        while seen.grown and now - seen.grown[0].by > lag + TRIM:
            seen.grown.popleft()
        least = sum(one.size for one in seen.grown if now - one.after <= lag)
        most = sum(one.size for one in seen.grown)
        if now - seen.since <= lag + TRIM:
            most += seen.before
        # Retention may have deleted some of it since.
        return Twice(min(least, seen.size), min(most, seen.size))


def _coarser(grown: Sequence[_Grown]) -> deque[_Grown]:
    """The older half two by two: from below they count by the first look of both, from above by the last."""
    old, new = grown[: len(grown) // 4 * 2], grown[len(grown) // 4 * 2 :]
    pairs = zip(old[::2], old[1::2], strict=True)
    return deque([*(_Grown(one.after, other.by, one.size + other.size) for one, other in pairs), *new])
