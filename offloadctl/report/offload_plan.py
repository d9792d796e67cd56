"""A plan as a document that can be approved: sealed when it is written, and read back only as it was written."""

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import msgspec

from offloadctl.errors import BadValue, PlanChanged
from offloadctl.model.approval import ApprovedLedger, ApprovedPart, ApprovedRun, ApprovedTopic
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Fate, OffloadWish, Outcome
from offloadctl.report import documents as doc
from offloadctl.units import ByteSize

VALID_FOR: Final = timedelta(hours=24)
"""Ledgers close and are trimmed all the time; who approves tomorrow should see tomorrow's plan."""

_HASH: Final = "contentHash"
_HOW: Final = "a plan is what `offload ... --dry-run -o json` prints"


def sealed(document: doc.OffloadRun) -> doc.OffloadRun:
    """The document with its expiry, and the hash of everything that it says."""
    dated = msgspec.structs.replace(document, expires_at=document.finished_at + VALID_FOR)
    return msgspec.structs.replace(dated, content_hash=_hash(json.loads(msgspec.json.encode(dated))))


def read_plan(text: str, source: str) -> ApprovedRun:
    """The plan in a file's text; BadValue if there is none, PlanChanged if it is not what was written."""
    try:
        raw = json.loads(text)
        document = msgspec.convert(raw, doc.OffloadRun)
    except (ValueError, RecursionError) as exc:
        raise BadValue(f"{source} is not a plan: {exc}", hint=_HOW) from exc
    if document.expires_at is None or document.content_hash is None or document.interrupted:
        what = "an interrupted one" if document.interrupted else "the report of a run"
        raise BadValue(f"{source} is not a plan but {what}", hint=_HOW)
    if _hash(raw) != document.content_hash:
        raise PlanChanged(
            f"the plan no longer holds: content hash: {source} was changed after it was made",
            hint=f"nothing was sent; {_HOW}, byte for byte or formatted anew, but with the same content",
        )
    return _approved(document)


def _approved(document: doc.OffloadRun) -> ApprovedRun:
    request = document.request
    assert document.expires_at is not None  # noqa: S101 - read_plan has seen to it
    older_than = request.older_than_seconds
    return ApprovedRun(
        wish=OffloadWish(
            ByteSize(request.size_threshold) if request.size_threshold is not None else None,
            timedelta(seconds=older_than) if older_than is not None else None,
        ),
        topics=tuple(
            ApprovedTopic(TopicName.parse(one.topic), one.partitions, tuple(_parts(one))) for one in document.topics
        ),
        cluster=document.cluster,
        expires_at=document.expires_at,
        content_hash=document.content_hash or "",
        reason=request.reason,
    )


def _parts(topic: doc.OffloadTopicDocument) -> Iterator[ApprovedPart]:
    for result in topic.results:
        plan = result.plan
        if result.outcome == Outcome.PLANNED and plan is not None and plan.before is not None:
            ledger_id, _, entry_id = plan.before.partition(":")
            moves = (one for one in plan.ledgers if one.fate == Fate.MOVES)
            yield ApprovedPart(
                TopicName.parse(result.topic),
                Position(int(ledger_id), int(entry_id)),
                tuple(ApprovedLedger(one.ledger_id, one.entries, one.size) for one in moves),
            )


def _hash(raw: dict[str, Any]) -> str:
    """Of the content, however it is formatted."""
    content = {name: value for name, value in raw.items() if name != _HASH}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
