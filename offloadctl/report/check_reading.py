"""A report of `offloadctl check -o json`, read back: only what comparing takes, so that older reports do too."""

import json
from datetime import datetime
from typing import Any, Final

import msgspec

from offloadctl.errors import BadValue
from offloadctl.model.check import CheckStatus, Level, Verdict
from offloadctl.model.check_diff import (
    ReportedBucket,
    ReportedCheck,
    ReportedFinding,
    ReportedLedger,
    ReportedTopic,
)
from offloadctl.model.finding import Severity

_HOW: Final = "make one by: offloadctl check ... -o json > report.json"


class _Part(msgspec.Struct, rename="camel", kw_only=True):
    """A piece of a report; what it has besides is left aside."""


class _Finding(_Part, kw_only=True):
    id: str
    code: str
    severity: Severity
    what: str
    topic: str | None = None
    ledger_id: int | None = None
    key: str | None = None
    offset: int | None = None
    expected: str = ""
    found: str = ""
    etag: str = ""
    acknowledgement: dict[str, Any] | None = None


class _Ledger(_Part, kw_only=True):
    ledger_id: int
    verdict: Verdict
    status: CheckStatus
    more_findings: int = 0
    not_covered: list[str] = []


class _Topic(_Part, kw_only=True):
    topic: str
    ledgers: list[_Ledger]
    not_begun: int = 0
    error: str | None = None


class _Bucket(_Part, kw_only=True):
    bucket: str
    listed: bool
    findings: list[str] = []
    more_findings: int = 0
    not_covered: list[str] = []


class _Scope(_Part, kw_only=True):
    text: str
    unread: list[dict[str, Any]] = []


class _Report(_Part, kw_only=True):
    level: Level
    finished_at: datetime
    interrupted: bool
    findings: list[_Finding]
    topics: list[_Topic]
    buckets: list[_Bucket] = []
    scope: _Scope | None = None
    sample: str | None = None
    cluster: str | None = None


def read_report(text: str, source: str) -> ReportedCheck:
    """The report in a file's text; BadValue, with what it is instead, if there is none."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise BadValue(f"{source} is no report of a check: {_not_json(text, exc)}", hint=_HOW) from exc
    kind = raw.get("kind") if isinstance(raw, dict) else None
    if kind != "CheckReport":
        what = f"it is a document of the kind {kind}" if isinstance(kind, str) else "it has no kind"
        raise BadValue(f"{source} is no report of a check: {what}", hint=_HOW)
    try:
        return _reported(msgspec.convert(raw, _Report))
    except msgspec.ValidationError as exc:
        raise BadValue(f"{source} is no report of a check that can be read: {exc}", hint=_HOW) from exc


def _not_json(text: str, why: Exception) -> str:
    if not text.strip():
        return "it is empty"
    first = text.lstrip().partition("\n")[0]
    try:
        is_a_line = isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        is_a_line = False
    return "it has a document on each line, as -o ndjson writes them" if is_a_line else f"it is not JSON: {why}"


def _reported(report: _Report) -> ReportedCheck:
    of_buckets = {number: bucket.bucket for bucket in report.buckets for number in bucket.findings}
    scope = report.scope
    return ReportedCheck(
        level=report.level,
        finished_at=report.finished_at,
        scope=scope.text if scope is not None else "",
        is_everything=scope is not None and scope.text == "--all" and not scope.unread and not report.interrupted,
        sample=report.sample or "",
        findings=tuple(_finding(one, of_buckets.get(one.id, "")) for one in report.findings),
        topics={one.topic: _topic(one) for one in report.topics},
        buckets={
            one.bucket: ReportedBucket(
                one.listed and not one.not_covered, bool(one.more_findings), tuple(one.not_covered)
            )
            for one in report.buckets
        },
        cluster=report.cluster or "",
    )


def _topic(one: _Topic) -> ReportedTopic:
    return ReportedTopic(
        one.error or "",
        {
            ledger.ledger_id: ReportedLedger(
                is_covered=ledger.status is CheckStatus.FULL,
                is_trimmed=ledger.verdict is Verdict.TRIMMED,
                has_more=bool(ledger.more_findings),
                not_covered="; ".join(ledger.not_covered),
            )
            for ledger in one.ledgers
        },
        one.not_begun,
    )


def _finding(one: _Finding, bucket: str) -> ReportedFinding:
    ledger = f"ledger {one.ledger_id}" if one.ledger_id is not None else ""
    offset = f"offset {one.offset:,}" if one.offset is not None else ""
    return ReportedFinding(
        id=one.id,
        code=one.code,
        severity=one.severity,
        what=one.what,
        topic=one.topic or "",
        ledger_id=one.ledger_id,
        place=", ".join(part for part in (one.topic or "", ledger, one.key or "", offset) if part),
        bucket=bucket,
        expected=one.expected,
        found=one.found,
        etag=one.etag,
        acknowledged=one.acknowledgement is not None,
    )
