"""What is usual, learnt from what Prometheus has recorded, so that a new instance need not look for weeks.

Learnt are the numbers that schedules compare now, by the names that they have now. Each begins anew with what is
recorded of it, or keeps what was learnt by looking, whichever knows more hours: the two are never mixed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from offloadctl.errors import UsageError
from offloadctl.model.measures import Learning, Measure, Series, Snapshot, UsualKey
from offloadctl.model.schedule import Comparison, Extent
from offloadctl.operations.usual import Asked, Usuals, numbers_asked
from offloadctl.plan.comparing import numbers_of
from offloadctl.plan.judging import usual_key
from offloadctl.plan.promql_measures import expression_of, subject_of, why_without
from offloadctl.plan.recording import Recording
from offloadctl.ports.schedule import Queries

LONGEST: Final = timedelta(days=30)
"""Older hours are not kept."""
_MOST_POINTS: Final = 100_000
"""So many of an expression are asked for at once; they take some 20 MB."""
_LONGEST_PIECE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """What of the recording is looked at, and how often."""

    start: datetime
    end: datetime
    every: timedelta


@dataclass(frozen=True, slots=True)
class LearntNumber:
    """What is known of one number now."""

    key: UsualKey
    learning: Learning
    hours: int = 0
    """Of so many hours something is known."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Learnt:
    """All of them."""

    span: Span
    requests: int
    numbers: tuple[LearntNumber, ...]

    @property
    def is_whole(self) -> bool:
        """Whether something is known of each."""
        return all(one.learning is not Learning.NOTHING for one in self.numbers)


def _nobody_listens(_reached: datetime, /) -> None:
    """There is nobody to tell."""


def learn(
    asked: Sequence[Asked],
    seen: Snapshot,
    queries: Queries,
    usuals: Usuals,
    span: Span,
    *,
    told: Callable[[datetime], None] = _nobody_listens,
) -> Learnt:
    """Put what is recorded of the numbers that are compared in `seen` into `usuals`, where it is more than is known.

    Any error changes nothing there; UsageError if nothing is compared with the usual. `told` hears how far it is.
    """
    wanted = _wanted(asked, seen)
    if not wanted:
        raise UsageError("no schedule compares a number with what is usual", hint="as in brokerCpu: {aboveUsual: 4}")
    recorded, fresh = _Recorded(_sources(asked, seen), queries, span), Usuals(usuals.most)
    for recording, times in recorded.pieces():
        for now in times:
            fresh.fill(recording.at(now), asked)
        told(times[-1])
    numbers = tuple(_settled(key, *whose, fresh, usuals) for key, whose in wanted.items())
    return Learnt(span, recorded.requests, numbers)


@dataclass(frozen=True, slots=True)
class _Source:
    """One expression, and whose numbers of it are learnt."""

    measure: Measure
    query: str
    expression: str
    names: frozenset[str]

    def wants(self, series: Series) -> bool:
        return (series.name if self.query else subject_of(self.measure, series.labels)) in self.names


@dataclass(slots=True)
class _Recorded:
    """What Prometheus has, piece by piece, so that neither has to hold much of it at once."""

    sources: Sequence[_Source]
    queries: Queries
    span: Span
    requests: int = 0
    _most_series: int = field(default=1, init=False)

    def pieces(self) -> Iterator[tuple[Recording, list[datetime]]]:
        """Each with the times at which it is looked at; those of which nothing is recorded are left out."""
        for source in self.sources:
            self._now(source)
        at, every = self.span.start, self.span.every
        while self.sources and at <= self.span.end:
            steps = max(1, min(_MOST_POINTS // self._most_series, _LONGEST_PIECE // every))
            times = [at + step * every for step in range(steps) if at + step * every <= self.span.end]
            recording = Recording("Prometheus")
            for source in self.sources:
                series = self._between(source, times)
                recording.add_series(source.measure, source.query, [one for one in series if source.wants(one)])
            if recording.span is not None:
                yield recording, times
            at = times[-1] + every

    def _now(self, source: _Source) -> None:
        """How many series there are to be expected."""
        with self._asking(source):
            self._count(len(self.queries.instant(source.expression, self.span.end)))

    def _between(self, source: _Source, times: Sequence[datetime]) -> Sequence[Series]:
        with self._asking(source):
            every = self.queries.over_time(source.expression, times[0], times[-1], self.span.every.total_seconds())
        self._count(len(every))
        return every

    @contextmanager
    def _asking(self, source: _Source) -> Iterator[None]:
        self.requests += 1
        try:
            yield
        except UsageError as error:
            raise UsageError(f"{source.expression}: {error.message}", hint=error.hint) from error

    def _count(self, series: int) -> None:
        self._most_series = max(self._most_series, series)


def _wanted(asked: Sequence[Asked], seen: Snapshot) -> dict[UsualKey, tuple[Comparison, str]]:
    """What is compared now, by whom it is of; and why it is unknown now."""
    return {
        usual_key(comparison, subject, one.schedule.name): (comparison, number.why)
        for one in asked
        for comparison in one.schedule.comparisons
        if comparison.unusual
        for subject, number in numbers_asked(comparison, one.topics, seen)
    }


def _sources(asked: Sequence[Asked], seen: Snapshot) -> list[_Source]:
    """Each expression once."""
    names: dict[tuple[Measure, str, str], frozenset[str]] = {}
    for one in asked:
        for comparison in (each for each in one.schedule.comparisons if each.unusual):
            theirs = map(str, one.topics) if comparison.measure.is_of_topics else numbers_of(comparison, seen)
            by = comparison.measure, comparison.query, expression_of(comparison)
            names[by] = names.get(by, frozenset()) | frozenset(theirs)
    return [_Source(*by, whose) for by, whose in names.items() if by[2]]


def _settled(key: UsualKey, comparison: Comparison, why_unknown: str, fresh: Usuals, usuals: Usuals) -> LearntNumber:
    """Take over what knows more."""
    new, old = fresh.baselines.get(key), usuals.baselines.get(key)
    hours, known = new.known_hours if new is not None else 0, old.known_hours if old is not None else 0
    if new is not None and hours > known:
        if old is None and len(usuals.baselines) >= usuals.most:
            return LearntNumber(
                key, Learning.NOTHING, why=f"what is usual is learnt of {usuals.most:,} numbers at most"
            )
        usuals.baselines[key] = new
        usuals.changed.add(key)
        return LearntNumber(key, Learning.LEARNT, hours)
    if known:
        return LearntNumber(key, Learning.KEPT, known, f"Prometheus has {hours:,} hours of it")
    return LearntNumber(key, Learning.NOTHING, why=_why_nothing(comparison, why_unknown))


def _why_nothing(comparison: Comparison, why_unknown: str) -> str:
    if not (expression := expression_of(comparison)):
        return f"Prometheus has nothing of it: {why_without(comparison.measure)}"
    if comparison.measure.is_of_topics and comparison.extent is not Extent.TOPIC:
        return f"at no time Prometheus has all of its topics by {expression}"
    unknown = f"; it is unknown now, too: {why_unknown}" if why_unknown else ""
    return f"Prometheus has nothing of it by this name, by {expression}{unknown}"
