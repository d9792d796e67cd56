"""The documents of `offloadctl schedule`, as in `documents.py`: decisions with every number that they go by."""

from typing import Literal

from offloadctl.model.decision import Decision, Judged, Seen, Settled
from offloadctl.report.document_base import ApiVersion, Moment, Part
from offloadctl.report.word_types import BoundWord, CronFateWord, DecisionWord, TruthWord, UnitWord


class ScheduleReasonDocument(Part, frozen=True, kw_only=True):
    """Why it is decided so."""

    code: str
    text: str


class SeenNumberDocument(Part, frozen=True, kw_only=True):
    """One subject's number beside the threshold."""

    subject: str
    """A topic, a namespace, a broker, a bookie, a series."""
    truth: TruthWord
    value: float | None
    """null: unknown."""
    bound: BoundWord
    source: str
    """Where the number comes from, or would come from."""
    measured_at: Moment | None
    threshold: float | None
    """The one that counted: of what held already, the one that ends it."""
    since: Moment | None
    """Since when it has been so."""
    why: str
    """What else there is to say: why it is unknown, what is usual, how long it must last."""


class JudgedDocument(Part, frozen=True, kw_only=True):
    """A condition or gate, and what came of it."""

    words: str
    truth: TruthWord
    unit: UnitWord | None
    seen: list[SeenNumberDocument]
    """The most telling ones; `counts` has all of them."""
    counts: dict[str, int]
    parts: list["JudgedDocument"]
    why: str
    unusual: bool = False
    """Thresholds are deviations from what is usual; numbers are in the unit as ever."""

    @classmethod
    def of(cls, judged: Judged) -> "JudgedDocument":
        """The document of a judgement."""
        return cls(
            words=judged.words,
            truth=judged.truth,
            unit=judged.unit,
            seen=[_seen(one) for one in judged.seen],
            counts={truth.value: number for truth, number in judged.counts.items()},
            parts=[cls.of(one) for one in judged.parts],
            why=judged.why,
            unusual=judged.unusual,
        )


class CronTimesDocument(Part, frozen=True, kw_only=True):
    """Cron times in a row that had the same fate."""

    cron: str
    fate: CronFateWord
    first: Moment
    last: Moment
    count: int


class ScheduleDecision(Part, frozen=True, kw_only=True):
    """One evaluation of one schedule."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["ScheduleDecision"] = "ScheduleDecision"
    schedule: str
    at: Moment
    decision: DecisionWord
    reasons: list[ScheduleReasonDocument]
    when: JudgedDocument
    gates: list[JudgedDocument]
    topics: list[str]
    """What to act on, the most bytes first; empty with `wholeScope`."""
    whole_scope: bool
    topics_left: int
    """So many more would be acted on, but for the limit."""
    bytes_at_most: int | None
    """What the limits leave for a run that begins now."""
    cron_times: list[CronTimesDocument]

    @classmethod
    def of(cls, decision: Decision) -> "ScheduleDecision":
        """The document of a decision."""
        return cls(
            schedule=decision.schedule,
            at=decision.at,
            decision=decision.verdict,
            reasons=[ScheduleReasonDocument(code=one.code, text=one.text) for one in decision.reasons],
            when=JudgedDocument.of(decision.when),
            gates=[JudgedDocument.of(one) for one in decision.gates],
            topics=[str(topic) for topic in decision.topics],
            whole_scope=decision.whole_scope,
            topics_left=decision.left,
            bytes_at_most=decision.at_most,
            cron_times=[_cron_times(one) for one in decision.settled],
        )


def _seen(one: Seen) -> SeenNumberDocument:
    return SeenNumberDocument(
        subject=one.subject,
        truth=one.truth,
        value=one.value,
        bound=one.bound,
        source=one.source,
        measured_at=one.at,
        threshold=one.threshold,
        since=one.since,
        why=one.why,
    )


def _cron_times(one: Settled) -> CronTimesDocument:
    return CronTimesDocument(cron=one.cron, fate=one.fate, first=one.first, last=one.last, count=one.count)


SCHEDULE_KINDS = (ScheduleDecision,)
