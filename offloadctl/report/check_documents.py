"""The documents of `offloadctl check`, as in `documents.py`."""

from typing import Literal

from offloadctl.report.document_base import ApiVersion, Moment, Part
from offloadctl.report.scope_documents import ScopeDocument
from offloadctl.report.word_types import (
    CoverageWord,
    LevelWord,
    ProgressWord,
    ReadableWord,
    SeverityWord,
    VerdictWord,
)


class ReadersDocument(Part, frozen=True, kw_only=True):
    """Subscriptions that have a ledger still before them; of those in `perhaps` only a lower bound is known."""

    before: list[str]
    perhaps: list[str]


class AcknowledgementDocument(Part, frozen=True, kw_only=True):
    """Somebody has taken note of a finding: until then it makes no command fail."""

    by: str
    at: Moment
    until: Moment
    reason: str


class FindingDocument(Part, frozen=True, kw_only=True):
    """Something that is not as Pulsar writes it. `id` is the same whenever the same is found in the same place."""

    id: str
    code: str
    severity: SeverityWord
    what: str
    topic: str | None
    ledger_id: int | None
    key: str | None
    offset: int | None
    expected: str
    found: str
    meaning: str
    next_step: str
    readers: ReadersDocument | None
    """Of damage to a topic's ledger: whom it will hit."""
    bookkeeper_copy: str
    """Of damage: what is known of the copy that may still save the ledger."""
    restore: str
    """How the object can be brought back, if it can."""
    etag: str
    """The object's, as it was looked at."""
    first_seen: Moment | None
    """Null if nothing is remembered, as by commands other than `check`."""
    last_seen: Moment | None
    times_seen: int | None
    acknowledgement: AcknowledgementDocument | None
    """Null if nobody has taken note of just this, or the time is over."""


class EntryCountsDocument(Part, frozen=True, kw_only=True):
    """What the entries hold that were looked at; each is in one of the four counts from `checksumsOk` on.

    `messages` is what a consumer is given: all of a batch, a chunked message at its last chunk, no broker's marker.
    """

    entries: int
    messages: int
    entry_bytes: int
    checksums_ok: int
    checksums_absent: int
    """Their producers sent none: nothing proves these entries whole."""
    checksums_bad: int
    unreadable: int
    markers: int
    chunks: int
    encrypted: int
    compressed: int


class LedgerCheckDocument(Part, frozen=True, kw_only=True):
    """One ledger. `findings` are ids; `counts` is null if no entry was looked at."""

    ledger_id: int
    entries: int
    size: int
    progress: ProgressWord
    """offloaded: complete, says the broker; begun: only a broker that serves the topic would know."""
    uuid: str | None
    bucket: str
    verdict: VerdictWord
    verified_at: Moment | None
    """When an earlier check looked, if that is why this one did not."""
    status: CoverageWord
    object_bytes: int
    bytes_read: int
    blocks: int | None
    counts: EntryCountsDocument | None
    findings: list[str]
    more_findings: int
    not_covered: list[str]


class ReadBackDocument(Part, frozen=True, kw_only=True):
    """Samples of ledgers that were asked of the broker, and how many of them it gave."""

    samples: int
    given: int


class CursorPlaceDocument(Part, frozen=True, kw_only=True):
    """Where a subscription stands. `readable`: yes, no, unknown, not-in-s3, at-the-end."""

    subscription: str
    readable: ReadableWord
    next_entry: str | None
    """`ledger:entry`, the first one that is not acknowledged."""
    is_exact: bool
    """False: it may be further on."""
    key: str | None
    bucket: str
    damaged_ahead: list[int]
    """Ledgers that it has not passed, the one it stands in included."""


class CheckedTopicDocument(Part, frozen=True, kw_only=True):
    """One topic or partition; `error` says why it could not be read. Of wide scopes sound ledgers are only counted."""

    topic: str
    parent: str
    served: bool | None
    ledgers: list[LedgerCheckDocument]
    sound_ledgers: int
    """So many more there are than in `ledgers`, of which there is nothing to tell."""
    in_flight: int
    local: int
    not_begun: int
    """Ledgers whose turn never came, since the check was interrupted."""
    place: CursorPlaceDocument | None
    """Of the subscription that was asked for."""
    readback: ReadBackDocument | None
    error: str | None
    hint: str


class EarlierDocument(Part, frozen=True, kw_only=True):
    """Ledgers that were not looked at, since an earlier check had found nothing and both objects are unchanged."""

    ledgers: int
    oldest: Moment | None
    """When the first of these looks was."""
    object_bytes: int


class CoverageDocument(Part, frozen=True, kw_only=True):
    """What was looked at, beside all that was asked for."""

    topics: int
    topics_read: int
    ledgers: int
    ledgers_covered: int
    """Looked at as deep as was asked, now or by an earlier check."""
    earlier: EarlierDocument
    """Of these, what an earlier check has looked at; `bytesRead`, `blocks` and `counts` are without them."""
    ledgers_trimmed: int
    completeness_unknown: int
    not_sampled: int
    """Left to other seeds; not among `ledgers`."""
    in_flight: int
    object_bytes: int
    bytes_read: int
    blocks: int
    counts: EntryCountsDocument | None
    reasons: list[str]


class ObjectSumDocument(Part, frozen=True, kw_only=True):
    """So many objects and their bytes."""

    objects: int
    bytes: int


class StraysDocument(Part, frozen=True, kw_only=True):
    """Ledgers' objects that no metadata names that was read; each is in exactly one of these sums."""

    young: ObjectSumDocument
    """Younger than a day: perhaps in flight."""
    gone: ObjectSumDocument
    foreign: ObjectSumDocument
    """Another cluster's: never judged."""
    not_pulsars: ObjectSumDocument
    owner_unknown: ObjectSumDocument
    """Not all metadata that may own them was read."""
    named_meanwhile: ObjectSumDocument
    judged: ObjectSumDocument
    """Nobody will read these: see the findings."""


class OpenUploadsDocument(Part, frozen=True, kw_only=True):
    """Multipart uploads that were begun and not ended. Without `isComplete` single keys were looked up."""

    is_complete: bool
    seen: int
    bytes: int
    """What has arrived of them, as far as the store tells."""
    young: int
    owner_unknown: int
    oldest: Moment | None
    keys_asked: int
    """So many keys were looked up where not all uploads can be listed: of metadata and of the journal of runs."""
    keys_left: int


class OldVersionsDocument(Part, frozen=True, kw_only=True):
    """What a versioned bucket keeps of ledgers' objects that are deleted or replaced: billed, and in no listing."""

    is_versioned: bool
    """False also if nobody looked: only `--all` does."""
    noncurrent: ObjectSumDocument
    delete_markers: int


class BucketCheckDocument(Part, frozen=True, kw_only=True):
    """One bucket that was listed, or should have been; `unknown` are objects under other keys than those of ledgers."""

    bucket: str
    location: str
    listed: bool
    ledger_objects: ObjectSumDocument
    classes: dict[str, ObjectSumDocument]
    unknown: ObjectSumDocument
    strays: StraysDocument
    uploads: OpenUploadsDocument
    versions: OldVersionsDocument
    findings: list[str]
    more_findings: int
    not_covered: list[str]


class CheckReport(Part, frozen=True, kw_only=True):
    """`offloadctl check`. `status` tells how much was looked at (full, partial, failed), `findings` what was found."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["CheckReport"] = "CheckReport"
    context: str
    cluster: str | None
    admin_urls_from: str | None = None
    level: LevelWord
    started_at: Moment
    finished_at: Moment
    interrupted: bool
    scope: ScopeDocument | None
    sample: str | None
    """The share of the ledgers that was asked for, and its seed."""
    status: CoverageWord
    coverage: CoverageDocument
    findings: list[FindingDocument]
    topics: list[CheckedTopicDocument]
    buckets: list[BucketCheckDocument]
    exit_code: int


class LedgerCheck(Part, frozen=True, kw_only=True):
    """One line of `offloadctl check -o ndjson`: a ledger, or a topic that could not be read."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["LedgerCheck"] = "LedgerCheck"
    context: str
    cluster: str | None
    admin_urls_from: str | None = None
    level: LevelWord
    topic: str
    ledger: LedgerCheckDocument | None
    findings: list[FindingDocument]
    error: str | None


class CheckSummary(Part, frozen=True, kw_only=True):
    """The last line of `offloadctl check -o ndjson`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["CheckSummary"] = "CheckSummary"
    context: str
    cluster: str | None
    admin_urls_from: str | None = None
    level: LevelWord
    started_at: Moment
    finished_at: Moment
    interrupted: bool
    scope: ScopeDocument | None
    sample: str | None
    """The share of the ledgers that was asked for, and its seed."""
    status: CoverageWord
    coverage: CoverageDocument
    buckets: list[BucketCheckDocument]
    bucket_findings: list[FindingDocument]
    """What was found that is no ledger's."""
    exit_code: int


CHECK_KINDS = (CheckReport, LedgerCheck, CheckSummary)
