"""A listed bucket for people."""

from collections.abc import Iterator

from rich.console import RenderableType

from offloadctl.model.bucket import BucketCheck, ObjectSum, OldVersions, OpenUploads, Strays
from offloadctl.report.text import Style, count, labelled
from offloadctl.units import format_size


def bucket_text(check: BucketCheck) -> Iterator[RenderableType]:
    """What it holds, and what of that belongs to no ledger that was read."""
    if not check.listed:
        return
    classes = ", ".join(f"{format_size(sums.size)} {name}" for name, sums in check.classes)
    yield labelled("bucket", f"{check.location}: {_sum(check.ledger_objects)}{f' ({classes})' if classes else ''}")
    if check.unknown.objects:
        yield labelled("others'", f"{_sum(check.unknown)} under keys that are not those of ledgers", style=Style.QUIET)
    yield from _strays(check.strays)
    yield from _uploads(check.uploads)
    yield from _versions(check.versions)
    if check.more_findings:
        yield labelled("more", f"{count(check.more_findings, 'finding')} of this bucket are not shown")


def _strays(strays: Strays) -> Iterator[RenderableType]:
    words = (
        (strays.judged, "belong to no ledger any more: see above", Style.CAREFUL),
        (strays.owner_unknown, "that no metadata names that was read; whose they are is unknown", Style.CAREFUL),
        (strays.young, "that no metadata names, younger than a day: perhaps in flight", Style.QUIET),
        (strays.foreign, "of other clusters", Style.QUIET),
        (strays.not_pulsars, "under ledgers' keys that no broker wrote", Style.QUIET),
    )
    for sums, text, style in words:
        if sums.objects:
            yield labelled("strays", f"{_sum(sums)} {text}", style=style)


def _uploads(uploads: OpenUploads) -> Iterator[RenderableType]:
    if uploads.seen:
        young = f", {uploads.young} of them younger than a day" if uploads.young else ""
        unknown = f", {uploads.owner_unknown} of nobody known" if uploads.owner_unknown else ""
        size = f", {format_size(uploads.size)}" if uploads.size else ""
        yield labelled("uploads", f"{count(uploads.seen, 'open multipart upload')}{size}{young}{unknown}")
    if not uploads.is_complete and uploads.keys_asked:
        text = f"only {count(uploads.keys_asked, 'key')} looked up, of metadata and of runs: this store lists no others"
        yield labelled("uploads", text, style=Style.CAREFUL)


def _versions(versions: OldVersions) -> Iterator[RenderableType]:
    old = versions.noncurrent
    if old.objects or versions.delete_markers:
        text = (
            f"{count(old.objects, 'version')} of the past, {format_size(old.size)}: billed, and in no listing; "
            f"{count(versions.delete_markers, 'delete marker')}"
        )
        yield labelled("versions", text, style=Style.CAREFUL)


def _sum(sums: ObjectSum) -> str:
    return f"{count(sums.objects, 'object')}, {format_size(sums.size)}"
