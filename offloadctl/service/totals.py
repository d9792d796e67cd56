"""The numbers of an evaluation, summed up by namespace: worked out once, and not at every scrape."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from offloadctl.model.measures import Measure, Number, Snapshot
from offloadctl.model.names import NamespaceName
from offloadctl.ports.schedule import Collected

MOST_NAMESPACES: Final = 200
"""The largest ones have their own series; all others share one, so that their number is bounded."""
OTHERS: Final = "(others)"


@dataclass(frozen=True, slots=True)
class Totals:
    """By namespace, then over all."""

    local_bytes: Mapping[str, float] = field(default_factory=dict)
    offloaded_bytes: Mapping[str, float] = field(default_factory=dict)
    oldest_eligible: Mapping[str, float] = field(default_factory=dict)
    """Seconds, of the topic that has waited longest."""
    topics: int = 0
    unknown: Mapping[str, int] = field(default_factory=dict)
    """By measure: of how many topics, brokers or bookies there is no number."""
    incomplete: int = 0
    """So many schedules lack some of their topics."""


def totals_of(collected: Collected, offloaded: Mapping[NamespaceName, float]) -> Totals:
    """The totals of one evaluation; `offloaded` as brokers tell it."""
    snapshot = collected.snapshot
    local = _by_namespace(snapshot, Measure.LOCAL_BYTES)
    oldest = _by_namespace(snapshot, Measure.OLDEST_ELIGIBLE)
    return Totals(
        local_bytes=_bounded({one: sum(values) for one, values in local.items()}),
        offloaded_bytes=_bounded({str(one): value for one, value in offloaded.items()}),
        oldest_eligible=_bounded({one: max(values) for one, values in oldest.items()}, is_largest=True),
        topics=len({topic for topics in collected.topics.values() for topic in topics}),
        unknown=_unknown(collected),
        incomplete=len(collected.unlisted),
    )


def _by_namespace(snapshot: Snapshot, measure: Measure) -> dict[str, list[float]]:
    """What is known; unknown numbers are counted elsewhere."""
    found: dict[str, list[float]] = defaultdict(list)
    for topic, number in snapshot.topics.get(measure, {}).items():
        if number.value is not None:
            found[str(topic.namespace_name)].append(number.value)
    return found


def _bounded(values: dict[str, float], *, is_largest: bool = False) -> dict[str, float]:
    """The largest ones by name, and what is left of the others as one."""
    if len(values) <= MOST_NAMESPACES:
        return values
    ordered = sorted(values, key=lambda one: (-values[one], one))
    rest = [values[one] for one in ordered[MOST_NAMESPACES:]]
    shown = {one: values[one] for one in ordered[:MOST_NAMESPACES]}
    return shown | {OTHERS: max(rest) if is_largest else sum(rest)}


def _unknown(collected: Collected) -> dict[str, int]:
    """A measure of which there is no number at all counts once for each topic that it was wanted of, or once."""
    snapshot = collected.snapshot
    topics = {topic for listed in collected.topics.values() for topic in listed}
    counts: Counter[str] = Counter()
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
