"""The numbers of an evaluation, summed up by namespace: worked out once, and not at every scrape."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from heapq import nsmallest
from typing import Final

from offloadctl.model.measures import Measure, Number
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.operations.schedule import Tick
from offloadctl.service.surveying import Beside

MOST_NAMESPACES: Final = 200
"""The largest ones have their own series; all others share one, so that their number is bounded."""
OTHERS: Final = "(others)"
MOST_TOPICS: Final = 1000
"""So many topics can be asked for at most, and none is told of unless it is asked for."""


@dataclass(frozen=True, slots=True)
class TopicNumbers:
    """One of the largest topics; None: unknown."""

    topic: str
    local_bytes: float
    offloaded_bytes: float | None = None
    eligible_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """By namespace, then over all."""

    local_bytes: Mapping[str, float] = field(default_factory=dict)
    offloaded_bytes: Mapping[str, float] = field(default_factory=dict)
    eligible_bytes: Mapping[str, float] = field(default_factory=dict)
    """Of the topics that were asked for their ledgers."""
    twice_at_least: Mapping[str, float] = field(default_factory=dict)
    twice_at_most: Mapping[str, float] = field(default_factory=dict)
    oldest_eligible: Mapping[str, float] = field(default_factory=dict)
    """Seconds, of the topic that has waited longest."""
    topics: int | None = None
    """None: none could be listed."""
    topics_told: int | None = None
    """So many topics' sizes are known; None: no broker has told any."""
    topics_asked: int | None = None
    """So many of them were asked for their ledgers."""
    largest: tuple[TopicNumbers, ...] = ()
    """By bytes in BookKeeper alone, the largest first."""
    unknown: Mapping[str, int] = field(default_factory=dict)
    """By measure: of how many topics, brokers or bookies there is no number."""
    incomplete: int | None = None
    """So many schedules lack some of their topics."""


def totals_of(tick: Tick, beside: Beside) -> Totals:
    """The totals of one evaluation, and of what is known beside it."""
    collected, waiting, twice = tick.collected, beside.surveyed.waiting, beside.surveyed.twice
    eligible = {topic: float(one.eligible(beside.offloaded.get(topic))) for topic, one in waiting.items()}
    oldest = {topic: _seconds_since(one.oldest, tick.at) for topic, one in waiting.items()}
    oldest |= _known(collected.snapshot.topics.get(Measure.OLDEST_ELIGIBLE, {}))
    topics = len({topic for listed in collected.topics.values() for topic in listed})
    told = len(beside.local.keys() | beside.offloaded.keys())
    sizes_are_known = told or beside.brokers_told
    return Totals(
        local_bytes=_bounded(_summed(beside.local)),
        offloaded_bytes=_bounded(_summed(beside.offloaded)),
        eligible_bytes=_bounded(_summed(eligible)),
        twice_at_least=_bounded(_summed({topic: one.at_least for topic, one in twice.items()})),
        twice_at_most=_bounded(_summed({topic: one.at_most for topic, one in twice.items()})),
        oldest_eligible=_bounded(_largest(oldest), is_largest=True),
        topics=topics if topics or not collected.unlisted else None,
        topics_told=told if sizes_are_known else None,
        topics_asked=len(waiting) if sizes_are_known else None,
        largest=_largest_topics(beside, eligible),
        unknown=_unknown(tick),
        incomplete=len(collected.unlisted),
    )


def _largest_topics(beside: Beside, eligible: Mapping[TopicName, float]) -> tuple[TopicNumbers, ...]:
    names = nsmallest(MOST_TOPICS, beside.local, key=lambda topic: (-beside.local[topic], topic))
    return tuple(
        TopicNumbers(str(topic), beside.local[topic], beside.offloaded.get(topic), eligible.get(topic))
        for topic in names
    )


def _known(numbers: Mapping[TopicName, Number]) -> dict[TopicName, float]:
    """Unknown numbers are counted elsewhere."""
    return {topic: number.value for topic, number in numbers.items() if number.value is not None}


def _seconds_since(at: datetime | None, now: datetime) -> float:
    """Where nothing waits, it is no time."""
    return 0.0 if at is None else max(0.0, (now - at).total_seconds())


def _summed(values: Mapping[TopicName, float]) -> dict[str, float]:
    found: dict[NamespaceName, float] = defaultdict(float)
    for topic, value in values.items():
        found[topic.namespace_name] += value
    return {str(name): value for name, value in found.items()}


def _largest(values: Mapping[TopicName, float]) -> dict[str, float]:
    found: dict[NamespaceName, float] = {}
    for topic, value in values.items():
        name = topic.namespace_name
        found[name] = max(value, found.get(name, value))
    return {str(name): value for name, value in found.items()}


def _bounded(values: dict[str, float], *, is_largest: bool = False) -> dict[str, float]:
    """The largest ones by name, and what is left of the others as one."""
    if len(values) <= MOST_NAMESPACES:
        return values
    ordered = sorted(values, key=lambda one: (-values[one], one))
    rest = [values[one] for one in ordered[MOST_NAMESPACES:]]
    shown = {one: values[one] for one in ordered[:MOST_NAMESPACES]}
    return shown | {OTHERS: max(rest) if is_largest else sum(rest)}


def _unknown(tick: Tick) -> dict[str, int]:
    """A measure of which there is no number at all counts once for each topic that it was wanted of, or once.

    Of a schedule whose topics nobody knows it counts once, too.
    """
    collected, snapshot = tick.collected, tick.collected.snapshot
    topics = {topic for listed in collected.topics.values() for topic in listed}
    counts = Counter(measure.value for measure in tick.unseen)
    for measure, numbers in snapshot.topics.items():
        known = sum(1 for topic in topics if _is_known(numbers.get(topic)))
        counts[measure.value] += len(topics) - known
    for measure, by_instance in snapshot.instances.items():
        counts[measure.value] += sum(not _is_known(one) for one in by_instance.values())
    for name in snapshot.missing:
        try:
            measure = Measure(name)
        except ValueError:
            # An expression: they share one series, since their texts are anybody's.
            counts[Measure.PROMQL.value] += 1
            continue
        if measure not in snapshot.topics and measure not in snapshot.instances:
            counts[measure.value] += 1
    return dict(counts)


def _is_known(number: Number | None) -> bool:
    return number is not None and number.value is not None
