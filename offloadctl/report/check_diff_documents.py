"""The documents of `offloadctl check diff`, as in `documents.py`."""

from typing import Literal

from offloadctl.report.document_base import ApiVersion, Moment, Part
from offloadctl.report.word_types import ChangeWord, LevelWord, SeverityWord


class ComparedReportDocument(Part, frozen=True, kw_only=True):
    """One of the two reports."""

    source: str
    finished_at: Moment
    level: LevelWord
    scope: str
    findings: int


class ComparedFindingDocument(Part, frozen=True, kw_only=True):
    """A finding of either report; `before` and `after` are what was found, null where a report has it not."""

    change: ChangeWord
    id: str
    code: str
    severity: SeverityWord
    what: str
    place: str
    before: str | None
    after: str | None
    acknowledged: bool
    why: str
    """Why it is not known whether it is gone."""


class CheckDiff(Part, frozen=True, kw_only=True):
    """`offloadctl check diff`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["CheckDiff"] = "CheckDiff"
    before: ComparedReportDocument
    after: ComparedReportDocument
    findings: list[ComparedFindingDocument]
    lost: list[str]
    """What only the first report looked at."""
    gained: list[str]
    exit_code: int


CHECK_DIFF_KINDS = (CheckDiff,)
