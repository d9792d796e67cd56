"""What `offloadctl schedule learn` tells."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

import msgspec
from rich.console import RenderableType

from offloadctl.model.measures import Learning
from offloadctl.operations.learn import Learnt, LearntNumber
from offloadctl.report.document_base import ApiVersion, Moment, Part
from offloadctl.report.text import Cell, Column, Style, count, labelled, line, styled, table

LearningWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [word.value for word in Learning]})]

_COLUMNS: Final = (
    Column("learning"),
    Column("measure"),
    Column("whose"),
    Column("zone"),
    Column("hours", is_number=True),
    Column("why", may_fold=True),
)
_STYLES: Final = {Learning.LEARNT: Style.GOOD, Learning.NOTHING: Style.CAREFUL}


class LearntNumberDocument(Part, frozen=True, kw_only=True):
    """What is known of one number now."""

    measure: str
    """Or the PromQL expression."""
    subject: str
    """Whose number it is."""
    zone: str
    learning: LearningWord
    hours: int
    """Of so many hours something is known."""
    why: str


class ScheduleLearning(Part, frozen=True, kw_only=True):
    """`offloadctl schedule learn`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["ScheduleLearning"] = "ScheduleLearning"
    since: Moment
    until: Moment
    every_seconds: float
    requests: int
    """To Prometheus."""
    dry_run: bool
    left_out: dict[str, str]
    """By schedule: why its numbers, or some of them, were not looked at."""
    numbers: list[LearntNumberDocument]


SCHEDULE_LEARNING_KINDS: Final = (ScheduleLearning,)


def learning_document(learnt: Learnt, left_out: Mapping[str, str], *, dry_run: bool) -> ScheduleLearning:
    """As a document."""
    return ScheduleLearning(
        since=learnt.span.start,
        until=learnt.span.end,
        every_seconds=learnt.span.every.total_seconds(),
        requests=learnt.requests,
        dry_run=dry_run,
        left_out=dict(left_out),
        numbers=list(learning_lines(learnt)),
    )


def learning_lines(learnt: Learnt) -> Iterator[LearntNumberDocument]:
    """One by one."""
    for one in learnt.numbers:
        measure, subject, zone = one.key
        yield LearntNumberDocument(
            measure=measure, subject=subject, zone=zone, learning=one.learning, hours=one.hours, why=one.why
        )


def learning_text(learnt: Learnt, left_out: Mapping[str, str], *, dry_run: bool) -> Iterator[RenderableType]:
    """For people."""
    yield table(_COLUMNS, map(_row, learnt.numbers), indent=0)
    for schedule, why in left_out.items():
        yield labelled("not seen", f"{schedule}: {why}", style=Style.CAREFUL)
    span = f"{learnt.span.start:%Y-%m-%d %H:%M} to {learnt.span.end:%Y-%m-%d %H:%M} UTC"
    yield line((f"looked at {span}, by {count(learnt.requests, 'request')} to Prometheus", Style.QUIET))
    if dry_run:
        yield line(("nothing was written down (--dry-run)", Style.QUIET))


def _row(one: LearntNumber) -> tuple[Cell, ...]:
    learning = styled(one.learning.value, _STYLES.get(one.learning, Style.PLAIN))
    return learning, one.key.measure, one.key.subject or "-", one.key.zone, f"{one.hours:,}", one.why or "-"
