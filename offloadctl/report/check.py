"""A check as documents."""

from collections.abc import Iterator
from dataclasses import asdict

from offloadctl.model.check import CheckedGroup, CheckReport, Coverage, LedgerCheck, TopicCheck
from offloadctl.model.cursor_place import CursorPlace
from offloadctl.model.entry_counts import EntryCounts
from offloadctl.model.finding import Acknowledgement, Finding, Readers
from offloadctl.model.readback import ReadBack
from offloadctl.model.status import UnreadTopic
from offloadctl.report import check_documents as doc
from offloadctl.report.bucket import bucket_document
from offloadctl.report.origin import Origin
from offloadctl.report.scope_documents import scope_document


def check_document(report: CheckReport, origin: Origin) -> doc.CheckReport:
    """The whole report."""
    return doc.CheckReport(
        context=origin.context,
        cluster=origin.cluster,
        admin_urls_from=origin.admin_urls_from,
        level=report.level.value,
        started_at=report.started_at,
        finished_at=report.finished_at,
        interrupted=report.interrupted is not None,
        scope=scope_document(report.scope) if report.scope is not None else None,
        sample=str(report.sample) if report.sample is not None else None,
        status=report.status.value,
        coverage=coverage_document(report.coverage),
        findings=[finding_document(one) for one in report.findings],
        topics=[_topic(group, part) for group in report.groups for part in group.parts],
        buckets=[bucket_document(one) for one in report.buckets],
        exit_code=int(report.exit_code),
    )


def check_lines(report: CheckReport, origin: Origin) -> Iterator[doc.LedgerCheck | doc.CheckSummary]:
    """One document for each ledger, and at the end what was looked at."""
    for part in report.parts:
        if isinstance(part, UnreadTopic):
            yield _line(report, origin, part, None)
        else:
            for one in part.ledgers:
                yield _line(report, origin, part, one)
    yield doc.CheckSummary(
        context=origin.context,
        cluster=origin.cluster,
        admin_urls_from=origin.admin_urls_from,
        level=report.level.value,
        started_at=report.started_at,
        finished_at=report.finished_at,
        interrupted=report.interrupted is not None,
        scope=scope_document(report.scope) if report.scope is not None else None,
        sample=str(report.sample) if report.sample is not None else None,
        status=report.status.value,
        coverage=coverage_document(report.coverage),
        buckets=[bucket_document(one) for one in report.buckets],
        bucket_findings=[finding_document(finding) for one in report.buckets for finding in one.findings],
        exit_code=int(report.exit_code),
    )


def finding_document(finding: Finding) -> doc.FindingDocument:
    """A finding, wherever it comes from."""
    seen = finding.seen
    return doc.FindingDocument(
        id=finding.id,
        code=finding.code,
        severity=finding.severity.value,
        what=finding.what,
        topic=str(finding.topic) if finding.topic is not None else None,
        ledger_id=finding.ledger_id,
        key=finding.key,
        offset=finding.offset,
        expected=finding.expected,
        found=finding.found,
        meaning=finding.meaning,
        next_step=finding.next_step,
        readers=_readers(finding.readers),
        bookkeeper_copy=finding.copy,
        restore=finding.restore,
        etag=finding.etag,
        first_seen=seen.first if seen is not None else None,
        last_seen=seen.last if seen is not None else None,
        times_seen=seen.times if seen is not None else None,
        acknowledgement=acknowledgement_document(seen.acknowledgement) if seen is not None else None,
    )


def acknowledgement_document(one: Acknowledgement | None) -> doc.AcknowledgementDocument | None:
    """Who has taken note of a finding; None if nobody has."""
    return doc.AcknowledgementDocument(by=one.by, at=one.at, until=one.until, reason=one.reason) if one else None


def coverage_document(coverage: Coverage) -> doc.CoverageDocument:
    """What was looked at."""
    return doc.CoverageDocument(
        topics=coverage.topics,
        topics_read=coverage.topics_read,
        ledgers=coverage.ledgers,
        ledgers_covered=coverage.ledgers_covered,
        earlier=doc.EarlierDocument(
            ledgers=coverage.earlier.ledgers,
            oldest=coverage.earlier.oldest,
            object_bytes=coverage.earlier.object_bytes,
        ),
        ledgers_trimmed=coverage.ledgers_trimmed,
        completeness_unknown=coverage.completeness_unknown,
        not_sampled=coverage.not_sampled,
        in_flight=coverage.in_flight,
        object_bytes=coverage.object_bytes,
        bytes_read=coverage.bytes_read,
        blocks=coverage.blocks,
        counts=_counts(coverage.counts),
        reasons=list(coverage.reasons),
    )


def _line(
    report: CheckReport, origin: Origin, part: TopicCheck | UnreadTopic, one: LedgerCheck | None
) -> doc.LedgerCheck:
    return doc.LedgerCheck(
        context=origin.context,
        cluster=origin.cluster,
        admin_urls_from=origin.admin_urls_from,
        level=report.level.value,
        topic=str(part.topic),
        ledger=_ledger(one) if one is not None else None,
        findings=[finding_document(finding) for finding in one.inspection.findings] if one is not None else [],
        error=part.reason.text if isinstance(part, UnreadTopic) else None,
    )


def _topic(group: CheckedGroup, part: TopicCheck | UnreadTopic) -> doc.CheckedTopicDocument:
    read = part if isinstance(part, TopicCheck) else None
    unread = part if isinstance(part, UnreadTopic) else None
    return doc.CheckedTopicDocument(
        topic=str(part.topic),
        parent=str(group.topic),
        served=read.served if read is not None else None,
        ledgers=[_ledger(one) for one in read.ledgers] if read is not None else [],
        sound_ledgers=read.sound.ledgers if read is not None else 0,
        in_flight=read.in_flight if read is not None else 0,
        local=read.local if read is not None else 0,
        not_begun=read.not_begun if read is not None else 0,
        place=_place(read.place) if read is not None and read.place is not None else None,
        readback=_readback(read.readback) if read is not None and read.readback is not None else None,
        error=unread.reason.text if unread is not None else None,
        hint=unread.hint if unread is not None else "",
    )


def _readers(readers: Readers | None) -> doc.ReadersDocument | None:
    return doc.ReadersDocument(before=list(readers.before), perhaps=list(readers.perhaps)) if readers else None


def _readback(one: ReadBack) -> doc.ReadBackDocument:
    return doc.ReadBackDocument(samples=one.samples, given=one.given)


def _place(place: CursorPlace) -> doc.CursorPlaceDocument:
    return doc.CursorPlaceDocument(
        subscription=place.subscription,
        readable=place.readable.value,
        next_entry=str(place.next_entry) if place.next_entry is not None else None,
        is_exact=place.is_exact,
        key=place.key,
        bucket=place.bucket,
        damaged_ahead=list(place.damaged_ahead),
    )


def _ledger(one: LedgerCheck) -> doc.LedgerCheckDocument:
    look, ledger = one.inspection, one.ledger
    return doc.LedgerCheckDocument(
        ledger_id=ledger.ledger_id,
        entries=ledger.entries,
        size=ledger.size,
        progress=ledger.progress.value,
        uuid=str(ledger.context_uuid) if ledger.context_uuid is not None else None,
        bucket=one.bucket,
        verdict=one.verdict.value,
        verified_at=one.earlier,
        status=look.status.value,
        object_bytes=look.object_bytes,
        bytes_read=look.bytes_read,
        blocks=look.blocks,
        counts=_counts(look.counts),
        findings=[finding.id for finding in look.findings],
        more_findings=look.more_findings,
        not_covered=list(look.not_covered),
    )


def _counts(counts: EntryCounts | None) -> doc.EntryCountsDocument | None:
    return doc.EntryCountsDocument(**asdict(counts)) if counts is not None else None
