"""The documents of `offloadctl object`, as in `documents.py`."""

from typing import Literal

import msgspec

from offloadctl.report.check_documents import FindingDocument
from offloadctl.report.document_base import ApiVersion, Moment, Part
from offloadctl.report.word_types import CoverageWord, LevelWord, SeverityWord


class ChecksumsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries have a right checksum, none, a wrong one; `unreadable` ones have neither that nor metadata."""

    ok: int | None
    absent: int | None
    bad: int | None
    unreadable: int | None


class ObjectFindingDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not as Pulsar writes it; `offset` is one in the object that `key` names."""

    id: str
    code: str
    severity: SeverityWord
    what: str
    key: str | None
    offset: int | None
    expected: str
    found: str
    meaning: str
    next_step: str


class ObjectVerification(msgspec.Struct, frozen=True, kw_only=True):
    """`offloadctl object verify`. Its names are written as they are here, unlike those of other documents.

    `status` tells how much was looked at: full, partial or failed. What the level does not look at is null.
    """

    apiVersion: ApiVersion = "offloadctl/v1"  # noqa: N815 - the one name that all documents share
    kind: Literal["ObjectVerification"] = "ObjectVerification"
    status: CoverageWord
    level: LevelWord
    data: str
    index: str
    ledger_id: int | None
    blocks: int | None
    entries: int | None
    messages: int | None
    """What a consumer is given: all of a batch, a chunked message at its last chunk, no broker's marker."""
    entry_bytes: int | None
    checksums: ChecksumsDocument
    markers: int | None
    chunks: int | None
    encrypted: int | None
    compressed: int | None
    object_bytes: int
    bytes_read: int
    findings: list[ObjectFindingDocument]
    more_findings: int
    not_covered: list[str]
    exit_code: int


class StoredObjectDocument(Part, frozen=True, kw_only=True):
    """One object as HEAD tells it."""

    key: str
    size: int
    etag: str
    last_modified: Moment | None
    storage_class: str
    user_metadata: dict[str, str]


class LedgerObjects(Part, frozen=True, kw_only=True):
    """`offloadctl object show`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["LedgerObjects"] = "LedgerObjects"
    location: str
    topic: str | None
    ledger_id: int | None
    data: StoredObjectDocument
    index: StoredObjectDocument


class IndexLineDocument(Part, frozen=True, kw_only=True):
    """One block by the index."""

    part: int
    offset: int
    first_entry_id: int


class LedgerMetadataDocument(Part, frozen=True, kw_only=True):
    """BookKeeper's metadata of the ledger, as the index carries it."""

    length: int
    last_entry_id: int | None
    state: str
    created_at: Moment | None
    managed_ledger: str | None
    ensemble_size: int
    write_quorum_size: int
    ack_quorum_size: int | None
    digest_type: str | None
    bookies: list[list[str]]
    """Of each ensemble; the offloader writes those of the time of the offload."""


class LedgerIndex(Part, frozen=True, kw_only=True):
    """`offloadctl object index`; everything is null but `finding` if the index cannot be read."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["LedgerIndex"] = "LedgerIndex"
    key: str
    data_object_length: int | None
    block_header_length: int | None
    ledger: LedgerMetadataDocument | None
    blocks: list[IndexLineDocument] | None
    finding: FindingDocument | None


class BlockDocument(Part, frozen=True, kw_only=True):
    """One block, by the index and by its own header; `problem` if they disagree or it cannot be read."""

    number: int
    offset: int
    length: int | None
    first_entry_id: int
    last_entry_id: int | None
    problem: str


class LedgerBlocks(Part, frozen=True, kw_only=True):
    """`offloadctl object blocks`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["LedgerBlocks"] = "LedgerBlocks"
    key: str
    blocks: list[BlockDocument]
    finding: FindingDocument | None


class EntryDocument(Part, frozen=True, kw_only=True):
    """One entry. `offset` is that of its header in the data object; `payload` is base64, and only if asked for."""

    entry_id: int
    block: int
    offset: int
    length: int
    checksum: str
    messages: int | None
    published_at: Moment | None
    producer: str | None
    sequence_id: int | None
    key: str | None
    compression: str | None
    encrypted: bool
    chunk: str | None
    marker: int | None
    properties: dict[str, str]
    broker_index: int | None
    payload_length: int | None
    payload: bytes | None
    problem: str


class LedgerEntries(Part, frozen=True, kw_only=True):
    """`offloadctl object entries`; `stopped` says why there are fewer than were asked for."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["LedgerEntries"] = "LedgerEntries"
    key: str
    entries: list[EntryDocument]
    stopped: str
    finding: FindingDocument | None


class LedgerEntry(Part, frozen=True, kw_only=True):
    """One line of `offloadctl object entries -o ndjson`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["LedgerEntry"] = "LedgerEntry"
    key: str
    entry: EntryDocument


class MessagePlace(Part, frozen=True, kw_only=True):
    """`offloadctl object where`. Offsets are in the data object; that of the entry is its header's."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["MessagePlace"] = "MessagePlace"
    topic: str
    position: str
    bucket: str
    key: str
    block: int
    block_offset: int
    entry_offset: int
    entry_length: int


CHECK_OBJECT_KINDS = (
    ObjectVerification,
    LedgerObjects,
    LedgerIndex,
    LedgerBlocks,
    LedgerEntries,
    LedgerEntry,
    MessagePlace,
)
