"""The documents that programs read, one class for each shape: field names are the interface, docstrings its manual.

Sizes are bytes, durations seconds, times RFC 3339 in UTC. Within one apiVersion fields may be added; none is taken
away.
"""

from typing import Literal

from offloadctl.report.check_documents import FindingDocument
from offloadctl.report.document_base import ApiVersion, Moment
from offloadctl.report.document_base import Part as _Part
from offloadctl.report.scope_documents import ScopeDocument
from offloadctl.report.word_types import (
    BoundWord,
    ConfirmationWord,
    FateWord,
    MovementWord,
    OutcomeWord,
    ProgressWord,
    SortWord,
    StateWord,
)


class ReasonDocument(_Part, frozen=True, kw_only=True):
    """Why something is as it is: `code` for programs, `text` for people."""

    code: str
    text: str


class AmountDocument(_Part, frozen=True, kw_only=True):
    """Bytes that may not be known exactly: `bound` is exact, at-least or at-most."""

    bytes: int
    bound: BoundWord


class LedgerDocument(_Part, frozen=True, kw_only=True):
    """One ledger of a plan. `size` is BookKeeper's, replication left out."""

    ledger_id: int
    entries: int
    size: int
    open: bool
    progress: ProgressWord
    fate: FateWord
    closed_at: Moment | None
    uuid: str | None


class ExpectedObjectsDocument(_Part, frozen=True, kw_only=True):
    """What the offload is going to write, and where."""

    count: int
    data: AmountDocument
    driver: str | None
    bucket: str | None
    endpoint: str | None


class PlanDocument(_Part, frozen=True, kw_only=True):
    """What is asked of the broker: every closed ledger before the message id `before` moves."""

    before: str | None
    served: bool
    observed_at: Moment
    ledgers_to_move: int
    bytes_to_move: int
    ledgers: list[LedgerDocument]
    objects: ExpectedObjectsDocument | None
    deletion_lag_seconds: float | None
    bookkeeper_copy_kept_until: Moment | None
    """The earliest moment at which BookKeeper can delete its copy, if the offload ended now; null: never or unknown."""


class MovedLedgerDocument(_Part, frozen=True, kw_only=True):
    """A planned ledger after the run."""

    ledger_id: int
    entries: int
    size: int
    confirmation: ConfirmationWord
    object_bytes: int
    uuid: str | None


class BrokerStatusDocument(_Part, frozen=True, kw_only=True):
    """What the broker claims of the last manual offload."""

    state: StateWord
    last_error: str
    first_unoffloaded: str | None


class OffloadResultDocument(_Part, frozen=True, kw_only=True):
    """The run of one topic or partition.

    `joined`: a run was going on already, and this one waited for it. `attempts`: how often the request was sent.
    `warnings`: what changed under the run.
    """

    topic: str
    outcome: OutcomeWord
    meaning: str
    exit_code: int
    joined: bool
    attempts: int
    seconds: float
    plan: PlanDocument | None
    ledgers: list[MovedLedgerDocument]
    broker_status: BrokerStatusDocument | None
    reasons: list[ReasonDocument]
    warnings: list[ReasonDocument]
    hint: str
    findings: list[FindingDocument]
    not_covered: list[str]


class OffloadTopicDocument(_Part, frozen=True, kw_only=True):
    """One topic that was asked for: one result, or one for each partition."""

    topic: str
    partitions: int
    results: list[OffloadResultDocument]


class OffloadRequestDocument(_Part, frozen=True, kw_only=True):
    """What was asked for. `free` and `max_bytes` are the run's limits; `reason` is the caller's.

    `plan_hash` is the `content_hash` of the plan that was applied.
    """

    size_threshold: int | None
    older_than_seconds: float | None
    free: int | None
    max_bytes: int | None
    reason: str
    plan_hash: str | None
    dry_run: bool


class OffloadSummaryDocument(_Part, frozen=True, kw_only=True):
    """Totals over all results; `outcomes` counts each outcome that was met."""

    results: int
    ledgers_to_move: int
    bytes_to_move: int
    ledgers_confirmed: int
    bytes_confirmed: int
    outcomes: dict[str, int]


class _Document(_Part, frozen=True, kw_only=True):
    """The frame of each document: where it comes from; `adminUrlsFrom` if the context did not name the addresses."""

    api_version: ApiVersion = "offloadctl/v1"
    context: str
    cluster: str | None
    admin_urls_from: str | None = None


class OffloadRun(_Document, frozen=True, kw_only=True):
    """`offloadctl offload topic`, `namespace`, `all` and `apply`. Only a dry run is a plan that `apply` takes.

    It expires, and `content_hash` is of everything else that it says. `run_id` is the run's in the journal;
    `journal_problem` tells what could not be written there after the work was done.
    """

    kind: Literal["OffloadRun"] = "OffloadRun"
    request: OffloadRequestDocument
    scope: ScopeDocument | None
    started_at: Moment
    finished_at: Moment
    interrupted: bool
    topics: list[OffloadTopicDocument]
    summary: OffloadSummaryDocument
    expires_at: Moment | None = None
    content_hash: str | None = None
    run_id: str | None = None
    journal_problem: str | None = None
    remarks: list[str]
    exit_code: int


class OffloadResult(_Document, frozen=True, kw_only=True):
    """One line of `offloadctl offload topic|namespace|all -o ndjson`."""

    kind: Literal["OffloadResult"] = "OffloadResult"
    run_id: str | None
    parent: str
    result: OffloadResultDocument


class LedgerSumDocument(_Part, frozen=True, kw_only=True):
    """A number of ledgers and their bytes in BookKeeper, replication left out."""

    ledgers: int
    size: int


class StandingDocument(_Part, frozen=True, kw_only=True):
    """How a run stands that the broker calls RUNNING, by one look at it.

    `still_seconds`: how long ago something of it moved, by the clocks of metadata store and bucket. `ledger_id` is the
    ledger that it is at, null if none was begun; `upload_open` is null if no bucket was looked at.
    """

    movement: MovementWord
    still_seconds: float
    ledger_id: int | None
    upload_open: bool | None
    parts: int
    parts_bytes: int
    text: str


class TopicStatusDocument(_Part, frozen=True, kw_only=True):
    """One topic or partition. What is null was not asked, since asking would have made a broker load the topic."""

    topic: str
    served: bool
    broker_status: BrokerStatusDocument | None
    standing: StandingDocument | None
    observed_at: Moment
    closed: LedgerSumDocument
    open_size: int | None
    offloaded: LedgerSumDocument
    judged_by_objects: LedgerSumDocument
    """Those of the offloaded ones that no broker was asked about: both objects are there."""
    in_flight: LedgerSumDocument
    begun: LedgerSumDocument
    """Offload begun; complete or not is unknown without loading the topic."""
    local: LedgerSumDocument
    eligible: LedgerSumDocument
    oldest_eligible_closed_at: Moment | None
    in_s3: AmountDocument
    doubly_stored: AmountDocument
    missing_objects: list[int]
    """Ids of offloaded ledgers of which no configured bucket has both objects."""
    odd_sizes: list[int]
    """Ids of offloaded ledgers whose data object is not as large as their entries imply."""
    driver: str | None
    bucket: str | None
    deletion_lag_seconds: float | None
    not_covered: list[str]


class UnreadTopicDocument(_Part, frozen=True, kw_only=True):
    """A topic whose status could not be had."""

    topic: str
    code: str
    message: str
    hint: str


class TopicStatusGroupDocument(_Part, frozen=True, kw_only=True):
    """One topic that was asked for."""

    topic: str
    partitions: int
    statuses: list[TopicStatusDocument]
    unread: list[UnreadTopicDocument]


class StatusSummaryDocument(_Part, frozen=True, kw_only=True):
    """Totals over all topics and partitions that were asked for, shown or not.

    `claims` counts what brokers say, with `not asked` for topics that would have had to be loaded. An amount is null
    if some of its parts are known from above only and others from below.
    """

    topics: int
    shown: int
    """So many of the topics are in `topics`: --top leaves out the others."""
    parts: int
    """Topics that are not partitioned, and partitions of the others."""
    unread: int
    claims: dict[str, int]
    closed: LedgerSumDocument
    offloaded: LedgerSumDocument
    in_flight: LedgerSumDocument
    begun: LedgerSumDocument
    local: LedgerSumDocument
    eligible: LedgerSumDocument
    oldest_eligible_closed_at: Moment | None
    in_s3: AmountDocument | None
    doubly_stored: AmountDocument | None
    missing_objects: int
    odd_sizes: int


class OffloadStatus(_Document, frozen=True, kw_only=True):
    """`offloadctl offload status`; `sort` is the order that was asked for."""

    kind: Literal["OffloadStatus"] = "OffloadStatus"
    observed_at: Moment
    interrupted: bool
    """Topics that were not read for it are among the unread ones."""
    waited: int
    """The exit code of the wait for running offloads alone; 0 if all ended well, or nobody waited."""
    scope: ScopeDocument | None
    sort: SortWord | None
    topics: list[TopicStatusGroupDocument]
    summary: StatusSummaryDocument
    exit_code: int


class TopicOffloadStatus(_Document, frozen=True, kw_only=True):
    """One line of `offloadctl offload status -o ndjson`."""

    kind: Literal["TopicOffloadStatus"] = "TopicOffloadStatus"
    parent: str
    status: TopicStatusDocument | None
    unread: UnreadTopicDocument | None


class SettingDocument(_Part, frozen=True, kw_only=True):
    """One setting in force. `origin` is flag, variable, context, client.conf or default; `source` names which one.

    Secrets are masked.
    """

    key: str
    value: str | bool | float | list[str]
    origin: str
    source: str


class BucketDocument(_Part, frozen=True, kw_only=True):
    """One bucket in force; credentials are AWS's own business and are not looked up."""

    name: str
    settings: list[SettingDocument]


class Context(_Part, frozen=True, kw_only=True):
    """`offloadctl context show`. With problems the settings cannot be used as they are, and the exit code is 2."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["Context"] = "Context"
    name: str
    file: str
    current: bool
    settings: list[SettingDocument]
    buckets: list[BucketDocument]
    problems: list[str]


class ContextSummary(_Part, frozen=True, kw_only=True):
    """One context of the file, as the file has it. `auth` is token, basic, oauth2, certificate or none."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["ContextSummary"] = "ContextSummary"
    name: str
    current: bool
    admin_urls: list[str]
    cluster: str | None
    auth: str
    buckets: list[str]
    read_only: bool
    protected: bool


class ContextList(_Part, frozen=True, kw_only=True):
    """`offloadctl context list`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["ContextList"] = "ContextList"
    file: str
    current: str | None
    items: list[ContextSummary]


class ErrorDetailsDocument(_Part, frozen=True, kw_only=True):
    """A failure: `code` for programs, the rest for people."""

    code: str
    message: str
    hint: str
    retryable: bool
    exit_code: int


class Error(_Part, frozen=True, kw_only=True):
    """Any command that failed before it had a result."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["Error"] = "Error"
    error: ErrorDetailsDocument
