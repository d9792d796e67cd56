"""The versions of a bucket's objects, and whether there are any."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from botocore.exceptions import ClientError

from offloadctl.adapters.s3_errors import LIST_VERSIONS, LOOK_AT_VERSIONING, error_code
from offloadctl.errors import StoreFailed
from offloadctl.ports import ObjectVersion

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Ask: TypeAlias = "Callable[[str, str, Callable[[S3Client], Mapping[str, Any]]], Mapping[str, Any]]"
"""Doing what, with which key, by which request; raises a StoreError."""

_NO_VERSIONING: Final = frozenset({"NotImplemented", "MethodNotAllowed"})
"""Stores without versions say so; that is an answer."""

_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


def is_versioned(ask: Ask, bucket: str) -> bool:
    """Whether versions are kept, or were once: the versions of then stay."""

    def request(client: "S3Client") -> Mapping[str, Any]:
        try:
            return client.get_bucket_versioning(Bucket=bucket)
        except ClientError as exc:
            if error_code(exc) in _NO_VERSIONING:
                return {}
            raise

    return ask(LOOK_AT_VERSIONING, "", request).get("Status") in ("Enabled", "Suspended")


def versions(ask: Ask, bucket: str, prefix: str) -> Iterator[ObjectVersion]:
    """All versions and delete markers, ascending by key, of each the newest first."""
    after = ("", "")
    while True:
        page = ask(LIST_VERSIONS, prefix, _page(bucket, prefix, after))
        yield from _in_order(page, bucket)
        if not page.get("IsTruncated"):
            return
        last, after = after, (page.get("NextKeyMarker", ""), page.get("NextVersionIdMarker", ""))
        if after in (("", ""), last):
            raise StoreFailed(
                f"the listing of versions in s3://{bucket} goes on without end",
                hint="the store says that there is more, and does not say from where on",
            )


def _page(bucket: str, prefix: str, after: tuple[str, str]) -> "Callable[[S3Client], Mapping[str, Any]]":
    key, version_id = after
    markers: dict[str, Any] = {"KeyMarker": key, "VersionIdMarker": version_id} if version_id else {"KeyMarker": key}
    return lambda client: client.list_object_versions(Bucket=bucket, Prefix=prefix, **(markers if key else {}))


def _in_order(page: Mapping[str, Any], bucket: str) -> list[ObjectVersion]:
    """A page has versions and delete markers each for itself."""
    found = [_version(item, bucket, is_marker=False) for item in page.get("Versions", ())]
    found += [_version(item, bucket, is_marker=True) for item in page.get("DeleteMarkers", ())]
    found.sort(key=lambda one: one.last_modified or _BEGINNING, reverse=True)
    # Two of the same second: the latest one is the one that is called so.
    return sorted(found, key=lambda one: (one.key, not one.is_latest))


def _version(item: Mapping[str, Any], bucket: str, *, is_marker: bool) -> ObjectVersion:
    if not {"Key", "VersionId"} <= item.keys():
        raise StoreFailed(f"the listing of versions in s3://{bucket} does not tell each key and its version")
    modified = item.get("LastModified")
    return ObjectVersion(
        item["Key"],
        item["VersionId"],
        is_latest=bool(item.get("IsLatest")),
        is_delete_marker=is_marker,
        size=item.get("Size", 0),
        last_modified=modified.astimezone(UTC) if modified is not None else None,
    )
