"""What `offloadctl object` shows, as documents."""

from offloadctl.check.index import created_at
from offloadctl.check.subject import Subject
from offloadctl.format.index_object import IndexObject
from offloadctl.model.finding import Finding
from offloadctl.model.inspection import BlockListing, EntryLine, EntryListing, MessagePlace, Verification
from offloadctl.ports import ObjectInfo
from offloadctl.report import check_object_documents as doc
from offloadctl.report.check import finding_document


def verification_document(one: Verification) -> doc.ObjectVerification:
    """What was verified, and what was found."""
    look, counts = one.inspection, one.inspection.counts

    def counted(name: str) -> int | None:
        return getattr(counts, name) if counts is not None else None

    return doc.ObjectVerification(
        status=look.status.value,
        level=look.level.value,
        data=one.data,
        index=one.index,
        ledger_id=one.ledger_id,
        blocks=look.blocks,
        entries=counted("entries"),
        messages=counted("messages"),
        entry_bytes=counted("entry_bytes"),
        checksums=doc.ChecksumsDocument(
            ok=counted("checksums_ok"),
            absent=counted("checksums_absent"),
            bad=counted("checksums_bad"),
            unreadable=counted("unreadable"),
        ),
        markers=counted("markers"),
        chunks=counted("chunks"),
        encrypted=counted("encrypted"),
        compressed=counted("compressed"),
        object_bytes=look.object_bytes,
        bytes_read=look.bytes_read,
        findings=[_object_finding(finding) for finding in look.findings],
        more_findings=look.more_findings,
        not_covered=list(look.not_covered),
        exit_code=int(look.exit_code),
    )


def objects_document(location: str, subject: Subject, data: ObjectInfo, index: ObjectInfo) -> doc.LedgerObjects:
    """Both objects' facts."""
    return doc.LedgerObjects(
        location=location,
        topic=str(subject.topic) if subject.topic is not None else None,
        ledger_id=subject.ledger_id,
        data=_stored(data),
        index=_stored(index),
    )


def index_document(key: str, index: IndexObject | Finding) -> doc.LedgerIndex:
    """The index, or what is wrong with it."""
    if isinstance(index, Finding):
        return doc.LedgerIndex(
            key=key,
            data_object_length=None,
            block_header_length=None,
            ledger=None,
            blocks=None,
            finding=finding_document(index),
        )
    written = index.ledger_metadata
    return doc.LedgerIndex(
        key=key,
        data_object_length=index.data_object_length,
        block_header_length=index.data_header_length,
        ledger=doc.LedgerMetadataDocument(
            length=written.length,
            last_entry_id=written.last_entry_id,
            state=written.state.value,
            created_at=created_at(index),
            managed_ledger=written.managed_ledger_name,
            ensemble_size=written.ensemble_size,
            write_quorum_size=written.quorum_size,
            ack_quorum_size=written.ack_quorum_size,
            digest_type=written.digest_type.value if written.digest_type is not None else None,
            bookies=[list(segment.ensemble_members) for segment in written.segments],
        ),
        blocks=[
            doc.IndexLineDocument(part=line.part_id, offset=line.offset, first_entry_id=line.first_entry_id)
            for line in index.entries
        ],
        finding=None,
    )


def blocks_document(key: str, listing: BlockListing) -> doc.LedgerBlocks:
    """The blocks, or why they cannot be listed."""
    return doc.LedgerBlocks(
        key=key,
        blocks=[
            doc.BlockDocument(
                number=block.number,
                offset=block.offset,
                length=block.length,
                first_entry_id=block.first_entry_id,
                last_entry_id=block.last_entry_id,
                problem=block.problem,
            )
            for block in listing.blocks
        ],
        finding=finding_document(listing.finding) if listing.finding is not None else None,
    )


def entries_document(key: str, listing: EntryListing) -> doc.LedgerEntries:
    """The entries, and why there are no more."""
    return doc.LedgerEntries(
        key=key,
        entries=[_entry(entry) for entry in listing.entries],
        stopped=listing.stopped,
        finding=finding_document(listing.finding) if listing.finding is not None else None,
    )


def entry_documents(key: str, listing: EntryListing) -> list[doc.LedgerEntry]:
    """One document for each entry."""
    return [doc.LedgerEntry(key=key, entry=_entry(entry)) for entry in listing.entries]


def place_document(place: MessagePlace) -> doc.MessagePlace:
    """Where a message lies."""
    return doc.MessagePlace(
        topic=str(place.topic),
        position=str(place.position),
        bucket=place.bucket,
        key=place.data_key,
        block=place.block,
        block_offset=place.block_offset,
        entry_offset=place.entry_offset,
        entry_length=place.entry_length,
    )


def _entry(entry: EntryLine) -> doc.EntryDocument:
    return doc.EntryDocument(
        entry_id=entry.entry_id,
        block=entry.block,
        offset=entry.offset,
        length=entry.length,
        checksum=entry.checksum,
        messages=entry.messages,
        published_at=entry.published_at,
        producer=entry.producer,
        sequence_id=entry.sequence_id,
        key=entry.key,
        compression=entry.compression,
        encrypted=entry.encrypted,
        chunk=entry.chunk,
        marker=entry.marker,
        properties=dict(entry.properties),
        broker_index=entry.broker_index,
        payload_length=entry.payload_length,
        payload=entry.payload,
        problem=entry.problem,
    )


def _stored(info: ObjectInfo) -> doc.StoredObjectDocument:
    return doc.StoredObjectDocument(
        key=info.key,
        size=info.size,
        etag=info.etag,
        last_modified=info.last_modified,
        storage_class=info.storage_class,
        user_metadata=dict(info.user_metadata),
    )


def _object_finding(finding: Finding) -> doc.ObjectFindingDocument:
    """The part of a finding that is about objects alone, under the names that `object verify` has."""
    whole = finding_document(finding)
    return doc.ObjectFindingDocument(
        **{name: getattr(whole, name) for name in doc.ObjectFindingDocument.__struct_fields__}
    )
