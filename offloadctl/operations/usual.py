"""What is usual, for the conditions that ask for it: each number that they compare is learnt, and compared then.

Only conditions with `aboveUsual` or `belowUsual` cost anything: some 9 KB for each number that they are about, and some
microseconds at an evaluation. Bounds teach nothing: a number that is only known to be at least so much is compared with
what is usual, and not learnt.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from typing import Final

from offloadctl.errors import BadValue, StateError
from offloadctl.model.measures import Number, Snapshot, Usual, UsualKey
from offloadctl.model.names import TopicName
from offloadctl.model.schedule import Comparison, Schedule
from offloadctl.model.status import Bound
from offloadctl.plan.baseline import Baseline
from offloadctl.plan.comparing import numbers_of
from offloadctl.plan.cron import parse_zone
from offloadctl.plan.judging import numbers_of_topics, usual_key
from offloadctl.ports.schedule import Collected, Collector, UsualStore

MOST: Final = 2000
"""So many numbers are learnt; some 20 MB."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A schedule whose conditions are to be judged, and its topics."""

    schedule: Schedule
    topics: Sequence[TopicName]


@dataclass(slots=True)
class Usuals:
    """Learns of each evaluation's numbers. One thread at a time."""

    most: int = MOST
    baselines: dict[UsualKey, Baseline] = field(default_factory=dict)
    changed: set[UsualKey] = field(default_factory=set)
    """What was learnt of, or asked, since somebody has emptied it."""

    def fill(self, snapshot: Snapshot, asked: Iterable[Asked], *, why_not: str = "") -> Snapshot:
        """With what is usual of the numbers that these compare with it; and learn them, unless `why_not`."""
        found: dict[UsualKey, Usual | str] = {}
        for one in asked:
            for comparison in (each for each in one.schedule.comparisons if each.unusual):
                for subject, number in numbers_asked(comparison, one.topics, snapshot):
                    key = usual_key(comparison, subject, one.schedule.name)
                    if number.value is not None and key not in found:
                        found[key] = why_not or self._learn(key, number, number.value, snapshot.at)
        return replace(snapshot, usual={**snapshot.usual, **found}) if found else snapshot

    def forget_past(self, now: datetime) -> frozenset[UsualKey]:
        """Those that nobody has asked for as long as anything is kept; tells which."""
        past = frozenset(key for key, one in self.baselines.items() if one.is_past(now))
        for key in past:
            del self.baselines[key]
        self.changed -= past
        return past

    def _learn(self, key: UsualKey, number: Number, value: float, now: datetime) -> Usual | str:
        baseline = self.baselines.get(key)
        if baseline is None:
            if len(self.baselines) >= self.most:
                return f"what is usual is learnt of {self.most:,} numbers at most, and this is one more"
            baseline = self.baselines[key] = Baseline(_zone(key.zone))
        self.changed.add(key)
        usual = baseline.usual(now)
        if number.bound is Bound.EXACT:
            baseline.observe(number.at or now, value)
        return usual


def _nobody_listens(problem: str, /) -> None:
    """There is nobody to tell."""


@dataclass(slots=True)
class UsualCollector:
    """Keeps the promises of `ports.schedule.Collector`: another one's numbers, and what is usual of them."""

    inner: Collector
    store: UsualStore | None = None
    """None: what is learnt ends with the process."""
    usuals: Usuals = field(default_factory=Usuals)
    problem: str = ""
    """Why what was learnt could not be read or is not kept; empty if it is."""
    tell: Callable[[str], None] = _nobody_listens
    """Hears of each problem once."""
    is_loaded: bool = False
    """Whether what is kept is known; until it is, nothing is learnt."""
    _kept_hour: int = -1

    def collect(self, schedules: Sequence[Schedule], now: datetime) -> Collected:
        """What the other one collects; once an hour what was learnt is kept."""
        collected = self.inner.collect(schedules, now)
        asked = [
            Asked(one, collected.topics[one.name])
            for one in schedules
            if one.name in collected.topics and any(comparison.unusual for comparison in one.comparisons)
        ]
        if not asked:
            return collected
        # Nothing is learnt before what is kept is known: it would be put in its place.
        why_not = "" if self.is_loaded or self._load() else f"what is usual cannot be read: {self.problem}"
        snapshot = self.usuals.fill(collected.snapshot, asked, why_not=why_not)
        hour = int(now.timestamp() // 3600)
        if hour != self._kept_hour:
            if self._kept_hour >= 0:
                self.keep(now)
            self._kept_hour = hour
        return replace(collected, snapshot=snapshot)

    def _load(self) -> bool:
        """Take up what is kept; False if it cannot be read, until it can."""
        try:
            kept = self.store.load() if self.store is not None else {}
        except StateError as error:
            self._met(error.message)
            return False
        self.is_loaded, self.problem = True, ""
        for key, data in kept.items():
            try:
                self.usuals.baselines[key] = Baseline.from_bytes(data, _zone(key.zone))
            except (ValueError, BadValue) as error:
                self._met(f"{key.measure} of {key.subject} is learnt anew: {error}")
        return True

    def keep(self, now: datetime) -> None:
        """Write down what was learnt; what goes wrong is told by `problem` and tried again, and nothing else fails."""
        if self.store is None:
            return
        gone = self.usuals.forget_past(now)
        changed = {key: self.usuals.baselines[key].to_bytes() for key in self.usuals.changed}
        if not changed and not gone:
            return
        try:
            self.store.save(changed, gone)
        except StateError as error:
            self._met(error.message)
            return
        self.usuals.changed.clear()
        self.problem = ""

    def _met(self, problem: str) -> None:
        if problem != self.problem:
            self.tell(f"what is usual: {problem}")
        self.problem = problem


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else parse_zone(name)


def numbers_asked(
    comparison: Comparison, topics: Sequence[TopicName], snapshot: Snapshot
) -> Iterator[tuple[str, Number]]:
    """The numbers that a comparison is about, by whom they are of; one of nobody says why there are none."""
    if comparison.measure.is_of_topics:
        yield from ((subject, number) for subject, _, number in numbers_of_topics(comparison, topics, snapshot))
    else:
        yield from numbers_of(comparison, snapshot).items()
