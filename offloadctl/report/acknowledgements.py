"""What is acknowledged, as documents and for people."""

from collections.abc import Iterator, Sequence
from typing import Literal

from rich.console import RenderableType

from offloadctl.operations.acknowledge import Acknowledged
from offloadctl.report.document_base import ApiVersion, Moment, Part
from offloadctl.report.text import Column, Style, line, styled, table
from offloadctl.report.word_types import SeverityWord


class AcknowledgedFindingDocument(Part, frozen=True, kw_only=True):
    """A finding that somebody has taken note of; `ended` if its time is over, or something else was found since."""

    id: str
    code: str
    severity: SeverityWord
    what: str
    place: str
    first_seen: Moment
    last_seen: Moment
    times_seen: int
    by: str
    at: Moment
    until: Moment
    reason: str
    ended: bool


class AcknowledgementList(Part, frozen=True, kw_only=True):
    """`offloadctl check acknowledgements`, and what `acknowledge` and `unacknowledge` have done."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["AcknowledgementList"] = "AcknowledgementList"
    dry_run: bool
    """Nothing was changed."""
    acknowledgements: list[AcknowledgedFindingDocument]


ACKNOWLEDGEMENT_KINDS = (AcknowledgementList,)


def acknowledgements_document(found: Sequence[Acknowledged], *, dry_run: bool) -> AcknowledgementList:
    """All of them."""
    return AcknowledgementList(dry_run=dry_run, acknowledgements=[_document(one) for one in found])


def acknowledgements_text(found: Sequence[Acknowledged], *, dry_run: bool) -> Iterator[RenderableType]:
    """A table of them."""
    if not found:
        yield line("nothing is acknowledged")
        return
    columns = [
        Column("id"),
        Column("code"),
        Column("until"),
        Column("by"),
        Column("reason", may_fold=True),
        Column("where", may_fold=True),
    ]
    yield table(
        columns,
        [
            [
                one.finding.id,
                one.finding.code,
                styled("ended", Style.CAREFUL) if one.ended else f"{one.acknowledgement.until:%Y-%m-%d %H:%M}",
                one.acknowledgement.by,
                one.acknowledgement.reason,
                one.finding.place,
            ]
            for one in found
        ],
    )
    if dry_run:
        yield line("nothing was changed")


def _document(one: Acknowledged) -> AcknowledgedFindingDocument:
    known, note = one.finding, one.acknowledgement
    return AcknowledgedFindingDocument(
        id=known.id,
        code=known.code,
        severity=known.severity.value,
        what=known.what,
        place=known.place,
        first_seen=known.first_seen,
        last_seen=known.last_seen,
        times_seen=known.times,
        by=note.by,
        at=note.at,
        until=note.until,
        reason=note.reason,
        ended=one.ended,
    )
