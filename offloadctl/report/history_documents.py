"""The documents of `offloadctl offload history`, as in `documents.py`."""

from typing import Annotated, Literal

import msgspec

from offloadctl.model.journal import RunState, StepState
from offloadctl.report.document_base import ApiVersion, Moment, Part
from offloadctl.report.documents import ReasonDocument
from offloadctl.report.word_types import ConfirmationWord, OutcomeWord

RunStateWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [word.value for word in RunState]})]
StepStateWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [word.value for word in StepState]})]


class HistoryLedgerDocument(Part, frozen=True, kw_only=True):
    """A ledger of a step: as it was planned, or after the step as far as somebody has looked.

    `confirmation` is null before the end.
    """

    ledger_id: int
    entries: int
    size: int
    uuid: str | None
    confirmation: ConfirmationWord | None
    object_bytes: int


class HistoryStepDocument(Part, frozen=True, kw_only=True):
    """One topic or partition of a run. `before` is the message id that was sent, or was to be.

    `outcome` and what follows from it are null before the end; `judged_by` is the run that found out, where the step's
    own had been broken off.
    """

    topic: str
    state: StepStateWord
    before: str
    sent_at: Moment | None
    ended_at: Moment | None
    outcome: OutcomeWord | None
    exit_code: int | None
    joined: bool | None
    seconds: float | None
    judged_by: str | None
    ledgers_planned: int
    bytes_planned: int
    ledgers_moved: int
    bytes_moved: int
    object_bytes: int
    reasons: list[ReasonDocument]
    ledgers: list[HistoryLedgerDocument]


class HistoryRunDocument(Part, frozen=True, kw_only=True):
    """One run: who gave which command when and why, and what came of it.

    `steps` is null where no steps were asked for (--run, --topic, --unfinished).
    """

    run_id: str
    state: RunStateWord
    started_at: Moment
    ended_at: Moment | None
    exit_code: int | None
    context: str
    cluster: str
    user: str
    host: str
    pid: int
    command: str
    reason: str
    plan_hash: str | None
    size_threshold: int | None
    older_than_seconds: float | None
    topics: int
    topics_ended: int
    topics_unfinished: int
    ledgers_planned: int
    bytes_planned: int
    ledgers_moved: int
    bytes_moved: int
    object_bytes: int
    outcomes: dict[str, int]
    """How often each outcome was met."""
    steps: list[HistoryStepDocument] | None


class HistoryNoteDocument(Part, frozen=True, kw_only=True):
    """Something that was written down beside the runs, as an override that somebody used."""

    at: Moment
    note: str
    """What sort of note it is."""
    text: str
    facts: dict[str, str]
    run_id: str | None


class OffloadHistory(Part, frozen=True, kw_only=True):
    """`offloadctl offload history`. `has_more` tells that older runs were left out (--limit)."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["OffloadHistory"] = "OffloadHistory"
    journal: str
    runs: list[HistoryRunDocument]
    notes: list[HistoryNoteDocument]
    has_more: bool
