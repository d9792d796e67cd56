"""A condition judged: over single topics where its numbers are theirs, for all of them at once where they are not."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from offloadctl.model.decision import SHOWN, Judged, Seen, Truth
from offloadctl.model.measures import Number, Snapshot, UsualKey
from offloadctl.model.names import TopicName
from offloadctl.model.schedule import AllOf, AnyOf, Comparison, Condition, Cron, Direction, Extent
from offloadctl.plan.comparing import Holding, combine, compare, lacking, numbers_of
from offloadctl.plan.schedule_words import comparison_words, cron_words

_UNKNOWN_SHOWN: Final = 5

Memory = Mapping[tuple[str, str], Holding]
"""What holds, by comparison and subject."""


@dataclass(frozen=True, slots=True)
class View:
    """What a condition is judged by."""

    snapshot: Snapshot
    topics: Sequence[TopicName]
    due: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    """By cron: its times that are due and not served."""
    memory: Memory = field(default_factory=dict)
    schedule: str = ""
    """Whose condition it is: what is summed up over topics is usual for these topics only."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a condition."""

    judged: Judged
    by_topic: Mapping[TopicName, Truth] | None = None
    """None: the same for each topic."""
    memory: Memory = field(default_factory=dict)

    def of(self, topic: TopicName) -> Truth:
        """What it is for one topic."""
        return self.judged.truth if self.by_topic is None else self.by_topic[topic]


def judge(condition: Condition, view: View) -> Answer:
    """Whether the condition holds; of conditions on topics, for which of them."""
    match condition:
        case Cron():
            return _judge_cron(condition, view)
        case Comparison():
            return judge_comparison(condition, view)
        case AllOf(parts):
            return _together("all", Truth.FALSE, [judge(one, view) for one in parts], view)
        case AnyOf(parts):
            return _together("any", Truth.TRUE, [judge(one, view) for one in parts], view)


def judge_comparison(comparison: Comparison, view: View) -> Answer:
    """One comparison, of each topic, or of all brokers, bookies or series at once.

    Something is above if it is so anywhere, and below only if it is so everywhere.
    """
    if comparison.measure.is_of_topics:
        return _judge_topics(comparison, view)
    memory: dict[tuple[str, str], Holding] = {}
    every = [
        _compared(comparison, subject, number, view, memory)
        for subject, number in numbers_of(comparison, view.snapshot).items()
    ]
    decisive = Truth.TRUE if comparison.direction is Direction.ABOVE else Truth.FALSE
    truth = _fold((one.truth for one in every), decisive)
    return Answer(_judged(comparison, truth, every), None, memory)


def _judge_cron(cron: Cron, view: View) -> Answer:
    due = view.due.get(cron.key, ())
    if not due:
        return Answer(Judged(cron_words(cron), Truth.FALSE, why="not due"))
    more = f", and {len(due) - 1} before it" if len(due) > 1 else ""
    return Answer(Judged(cron_words(cron), Truth.TRUE, why=f"due at {due[-1]:%Y-%m-%d %H:%M} UTC{more}"))


def _judge_topics(comparison: Comparison, view: View) -> Answer:
    memory: dict[tuple[str, str], Holding] = {}
    by_topic: dict[TopicName, Truth] = {}
    every: list[Seen] = []
    for subject, topics, number in numbers_of_topics(comparison, view.topics, view.snapshot):
        seen = _compared(comparison, subject, number, view, memory)
        every.append(seen)
        by_topic.update(dict.fromkeys(topics, seen.truth))
    truth = _fold((one.truth for one in every), Truth.TRUE) if every else Truth.FALSE
    return Answer(_judged(comparison, truth, every), by_topic, memory)


def numbers_of_topics(
    comparison: Comparison, topics: Sequence[TopicName], snapshot: Snapshot
) -> Iterator[tuple[str, Sequence[TopicName], Number]]:
    """Whose number, the topics that it is of, and the number itself: each topic's, or summed up over them."""
    known = snapshot.topics.get(comparison.measure, {})
    absent = lacking(comparison, snapshot)
    groups: dict[str, list[TopicName]] = {}
    for topic in topics:
        groups.setdefault(_subject(comparison.extent, topic), []).append(topic)
    for subject, members in groups.items():
        if comparison.extent is Extent.TOPIC:
            yield subject, members, known.get(members[0], absent)
        else:
            yield subject, members, combine(comparison.measure, (known.get(one, absent) for one in members), subject)


def usual_key(comparison: Comparison, subject: str, schedule: str) -> UsualKey:
    """By what `Snapshot.usual` knows it: a sum over topics is another one for each schedule."""
    is_sum = comparison.measure.is_of_topics and comparison.extent is not Extent.TOPIC
    whose = f"{subject}, by schedule {schedule}" if is_sum else subject
    return UsualKey(comparison.subject_of, whose, comparison.zone)


def _subject(extent: Extent, topic: TopicName) -> str:
    match extent:
        case Extent.TOPIC:
            return str(topic)
        case Extent.NAMESPACE:
            return str(topic.namespace_name)
        case Extent.SCOPE:
            return "the whole scope"


def _compared(
    comparison: Comparison, subject: str, number: Number, view: View, memory: dict[tuple[str, str], Holding]
) -> Seen:
    key = comparison.key, subject
    usual = usual_key(comparison, subject, view.schedule)
    seen, holding = compare(comparison, subject, number, view.memory.get(key), view.snapshot, usual_by=usual)
    if holding is not None:
        memory[key] = holding
    return seen


def _judged(comparison: Comparison, truth: Truth, every: Sequence[Seen]) -> Judged:
    """With the most telling subjects, and all of them counted."""
    sign = -1 if comparison.direction is Direction.ABOVE else 1
    counts = {one: sum(seen.truth is one for seen in every) for one in Truth}

    def rank(seen: Seen) -> float:
        return sign * (seen.value if seen.value is not None else 0.0)

    unknown = [one for one in every if one.truth is Truth.UNKNOWN][:_UNKNOWN_SHOWN]
    known = sorted((one for one in every if one.truth is not Truth.UNKNOWN), key=rank)
    # The sort is stable: what holds comes first, and of each the farthest from the threshold.
    known.sort(key=lambda one: one.truth is not Truth.TRUE)
    return Judged(
        comparison_words(comparison),
        truth,
        comparison.measure.unit,
        (*known[: SHOWN - len(unknown)], *unknown),
        {one: number for one, number in counts.items() if number},
        unusual=comparison.unusual,
    )


def _together(word: str, decisive: Truth, answers: Sequence[Answer], view: View) -> Answer:
    memory = {key: one for answer in answers for key, one in answer.memory.items()}
    parts = tuple(answer.judged for answer in answers)
    if all(answer.by_topic is None for answer in answers):
        truth = _fold((one.truth for one in parts), decisive)
        return Answer(Judged(word, truth, parts=parts), None, memory)
    by_topic = {topic: _fold((answer.of(topic) for answer in answers), decisive) for topic in view.topics}
    truth = _fold(by_topic.values(), Truth.TRUE) if by_topic else Truth.FALSE
    counts = {one: sum(truth is one for truth in by_topic.values()) for one in Truth}
    return Answer(Judged(word, truth, parts=parts, counts=counts), by_topic, memory)


def _fold(truths: Iterable[Truth], decisive: Truth) -> Truth:
    """One that is decisive decides; else one that is unknown leaves it unknown."""
    unknown = False
    for truth in truths:
        if truth is decisive:
            return decisive
        unknown = unknown or truth is Truth.UNKNOWN
    if unknown:
        return Truth.UNKNOWN
    return Truth.FALSE if decisive is Truth.TRUE else Truth.TRUE
