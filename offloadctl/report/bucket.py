"""A listed bucket as a document."""

from dataclasses import fields

from offloadctl.model.bucket import BucketCheck, ObjectSum
from offloadctl.report import check_documents as doc


def bucket_document(check: BucketCheck) -> doc.BucketCheckDocument:
    """What a bucket holds."""
    strays = {field.name: _sum(getattr(check.strays, field.name)) for field in fields(check.strays)}
    uploads = check.uploads
    return doc.BucketCheckDocument(
        bucket=check.bucket,
        location=check.location,
        listed=check.listed,
        ledger_objects=_sum(check.ledger_objects),
        classes={name: _sum(sums) for name, sums in check.classes},
        unknown=_sum(check.unknown),
        strays=doc.StraysDocument(**strays),
        uploads=doc.OpenUploadsDocument(
            is_complete=uploads.is_complete,
            seen=uploads.seen,
            bytes=uploads.size,
            young=uploads.young,
            owner_unknown=uploads.owner_unknown,
            oldest=uploads.oldest,
            keys_asked=uploads.keys_asked,
            keys_left=uploads.keys_left,
        ),
        versions=doc.OldVersionsDocument(
            is_versioned=check.versions.is_versioned,
            noncurrent=_sum(check.versions.noncurrent),
            delete_markers=check.versions.delete_markers,
        ),
        findings=[finding.id for finding in check.findings],
        more_findings=check.more_findings,
        not_covered=list(check.not_covered),
    )


def _sum(sums: ObjectSum) -> doc.ObjectSumDocument:
    return doc.ObjectSumDocument(objects=sums.objects, bytes=sums.size)
