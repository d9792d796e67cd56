"""Numbers that one look does not tell: rates of counters, and how long nobody has read; by looking again and again.

It lives in the collector and dies with it: whoever begins to look knows nothing at first, and says so.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from offloadctl.model.measures import Measure, Number
from offloadctl.model.names import TopicName
from offloadctl.model.status import Bound
from offloadctl.operations.collect_bulk import SOURCES, WRITE_ERRORS
from offloadctl.ports.schedule import Scrape, TopicLoad

_MINUTE: Final = 60.0

_Counters = dict[tuple[tuple[str, str], ...], float]


@dataclass(slots=True)
class Errors:
    """Failed writes of offloaded data, by broker."""

    _before: dict[str, tuple[datetime, _Counters]] = field(default_factory=dict)

    def rates(self, scrapes: Sequence[Scrape]) -> dict[str, Number]:
        """A minute, since the last look. Brokers drop a topic's series after two quiet minutes: each may begin anew."""
        source = SOURCES[Measure.S3_ERRORS]
        found: dict[str, Number] = {}
        for scrape in scrapes:
            if scrape.why or WRITE_ERRORS not in scrape.families:
                why = scrape.why or "the broker does not know the metric: no offloader, or it is not exposed"
                found[scrape.instance] = Number(source, why=why)
                continue
            counted: _Counters = {
                tuple(sorted(one.labels.items())): one.value
                for one in scrape.samples
                if one.name == f"{WRITE_ERRORS}_total"
            }
            before = self._before.get(scrape.instance)
            self._before[scrape.instance] = (scrape.at, counted)
            found[scrape.instance] = _rate(source, before, scrape.at, counted)
        return found


@dataclass(slots=True)
class _Reader:
    since: datetime
    """Since when it is known that nobody has read."""
    out_bytes: int
    has_read: bool = False
    """Whether that is when somebody has read, and not only when we began to look."""


@dataclass(slots=True)
class Reads:
    """When topics were read last, as far as it was seen."""

    _seen: dict[TopicName, _Reader] = field(default_factory=dict)

    def unread_for(
        self,
        topics: Collection[TopicName],
        loads: Mapping[TopicName, TopicLoad],
        last_reads: Mapping[TopicName, datetime],
        now: datetime,
        telling: float,
    ) -> dict[TopicName, Number]:
        """Seconds. Of a topic whose last read was not seen, the bound that says more about `telling` seconds.

        Topics that are not asked for any more are forgotten.
        Readers that are gone took their time stamp with them, so that of a subscription is only the latest that is
        known: it cannot have been longer ago.
        """
        source = SOURCES[Measure.UNREAD_FOR]
        for gone in self._seen.keys() - frozenset(topics):
            del self._seen[gone]
        found = {}
        for topic in topics:
            seen = self._look(topic, loads.get(topic), now)
            known = (now - seen.since).total_seconds()
            if seen.has_read:
                found[topic] = Number(source, known, now)
                continue
            at = last_reads.get(topic)
            most = None if at is None else max(0.0, (now - at).total_seconds())
            if most is not None and most < telling:
                found[topic] = Number(source, most, now, Bound.AT_MOST)
            else:
                why = f"looked at since {seen.since:%Y-%m-%d %H:%M} UTC"
                found[topic] = Number(source, known, now, Bound.AT_LEAST, why)
        return found

    def _look(self, topic: TopicName, load: TopicLoad | None, now: datetime) -> _Reader:
        # A topic that is not loaded has no readers.
        out = load.out_bytes if load is not None else 0
        seen = self._seen.get(topic)
        if seen is None or seen.since > now:
            seen = self._seen[topic] = _Reader(now, out)
        elif out > seen.out_bytes or 0 < out < seen.out_bytes:
            # Less than before: it was loaded anew, and read since.
            seen.since, seen.has_read = now, True
        seen.out_bytes = out
        return seen


def _rate(source: str, before: tuple[datetime, _Counters] | None, at: datetime, counted: _Counters) -> Number:
    if before is None:
        return Number(source, why="a rate needs two looks, and this is the first")
    then, known = before
    seconds = (at - then).total_seconds()
    if seconds <= 0:
        return Number(source, why="the clock has not gone on since the last look")
    more = 0.0
    for key, value in counted.items():
        old = known.get(key, 0.0)
        more += value - old if value >= old else value
    return Number(source, more * _MINUTE / seconds, at)
