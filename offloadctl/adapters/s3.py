"""One bucket over boto3.

The product only reads; `put`, `put_multipart` and `delete` exist for the embedded cluster, whose simulated broker
writes where a real one would. Credentials are AWS's own business: environment, profile, web identity, container,
instance.
"""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import ClientError

from offloadctl.adapters.closing import Closing
from offloadctl.adapters.ranges import check_chunk_size, check_range
from offloadctl.adapters.s3_bodies import NO_KEY, Body, in_chunks, open_body, pieces
from offloadctl.adapters.s3_client import check_settings, connect
from offloadctl.adapters.s3_errors import (
    FOREIGN,
    LIST_PARTS,
    LIST_UPLOADS,
    Where,
    error_code,
    error_status,
    is_expired,
    translate,
)
from offloadctl.adapters.s3_versions import is_versioned, versions
from offloadctl.errors import StoreError, StoreFailed
from offloadctl.model.settings import BucketSettings
from offloadctl.ports import CHUNK_SIZE, MultipartUpload, ObjectInfo, ObjectVersion, UploadPart

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

_T = TypeVar("_T")

# HEAD answers have no body, so these say *that* but not *why*.
_MUTE_STATUS: Final = frozenset({301, 400, 403, 404})

# Stores that are known to list uploads by prefix, as their Server header names them: AWS itself, and moto.
_LISTS_UPLOADS: Final = frozenset({"amazons3", "amazon.com"})


class S3Store(Closing):
    """A bucket of S3 or of a store that speaks its language; safe to use from several threads.

    Settings that cannot be used are found when it is made, and nobody is asked anything before the first use. Requests
    are retried as boto3's standard mode does, bodies that break off are resumed, and credentials that have expired are
    looked up anew, once, since another program may have renewed them.
    """

    def __init__(self, settings: BucketSettings, *, credentials: tuple[str, str] | None = None) -> None:
        self._settings = settings
        self._credentials = credentials
        check_settings(settings)
        self._made: S3Client | None = None
        self._making = threading.Lock()
        self._lists_uploads: bool | None = None

    def close(self) -> None:
        """Give the connections back; a later use opens new ones."""
        with self._making:
            made, self._made = self._made, None
        if made is not None:
            made.close()

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._settings.name

    @property
    def location(self) -> str:
        """Bucket and endpoint, for people."""
        return str(self._where())

    @property
    def endpoint(self) -> str:
        """The address of the store."""
        return self._client().meta.endpoint_url

    def head(self, key: str) -> ObjectInfo | None:
        """The object's facts, or None if the bucket exists and has no such object."""
        reply = self._ask("look at", key, lambda client: _head(client, self.bucket, key))
        if reply is None:
            return None
        if "ContentLength" not in reply:
            raise StoreFailed(f"the store does not tell the size of {self._where(key)}", hint="is this an S3 endpoint?")
        return ObjectInfo(
            key,
            size=reply["ContentLength"],
            etag=_bare(reply.get("ETag", "")),
            last_modified=_utc(reply.get("LastModified")),
            storage_class=reply.get("StorageClass", "STANDARD"),
            user_metadata={name.lower(): value for name, value in reply.get("Metadata", {}).items()},
        )

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes | None:
        """Up to `length` bytes from `start`; none at or behind the object's end; None if there is no such object."""
        opened = self._open(key, start, length, size=CHUNK_SIZE)
        return None if opened is None else b"".join(opened)

    def read_chunks(
        self, key: str, *, start: int = 0, length: int | None = None, chunk_size: int = CHUNK_SIZE
    ) -> Iterator[bytes] | None:
        """The same bytes in chunks, over one GET that is resumed where it breaks off."""
        check_chunk_size(chunk_size)
        opened = self._open(key, start, length, size=chunk_size)
        return None if opened is None else in_chunks(opened, chunk_size)

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        """The objects with that prefix behind `after`, ascending by key; a listing does not tell user metadata."""
        token = ""
        while True:
            page = self._list_page(prefix, after, token)
            for item in page.get("Contents", ()):
                yield self._listed(item, prefix)
            if not page.get("IsTruncated"):
                return
            last, token = token, page.get("NextContinuationToken", "")
            if token in ("", last):
                raise self._endless(prefix)

    @property
    def is_versioned(self) -> bool:
        """Whether older versions are kept, or once were."""
        return is_versioned(self._ask, self.bucket)

    def versions(self, prefix: str = "") -> Iterator[ObjectVersion]:
        """All versions and delete markers, ascending by key, of each the newest first."""
        return versions(self._ask, self.bucket, prefix)

    def uploads(self, prefix: str = "") -> Iterator[MultipartUpload]:
        """Multipart uploads that were begun and not ended, ascending by key; all of them where `uploads_listable`."""
        # Not every store keeps to the order, and there are few of them.
        yield from sorted(self._all_uploads(prefix), key=lambda upload: upload.key)

    def upload_parts(self, upload: MultipartUpload, *, after: int = 0) -> tuple[UploadPart, ...] | None:
        """What has arrived of an open upload; None once it is not open any more."""
        found: list[UploadPart] = []
        while True:
            page = self._ask(LIST_PARTS, upload.key, _listing_parts(self.bucket, upload, after))
            if page is None:
                return None
            found += (self._listed_part(item, upload.key) for item in page.get("Parts", ()))
            last, after = after, found[-1].number if found else after
            if not page.get("IsTruncated"):
                return tuple(found)
            if after == last:
                raise self._endless(upload.key)

    @property
    def uploads_listable(self) -> bool:
        """Whether the store is one that is known to list uploads by prefix; it is asked once, for its name."""
        if self._lists_uploads is None:
            server = self._uploads_page("", ("", ""))["ResponseMetadata"]["HTTPHeaders"].get("server", "")
            self._lists_uploads = not _LISTS_UPLOADS.isdisjoint(re.split(r",\s*", server.lower()))
        return self._lists_uploads

    # -- for the embedded cluster only

    def put(self, key: str, data: bytes, *, user_metadata: Mapping[str, str], content_type: str) -> None:
        """Store one object in one request."""
        self._ask(
            "write",
            key,
            lambda client: client.put_object(
                Bucket=self.bucket, Key=key, Body=data, Metadata=dict(user_metadata), ContentType=content_type
            ),
        )

    def put_multipart(
        self, key: str, parts: Iterator[bytes], *, user_metadata: Mapping[str, str], content_type: str
    ) -> None:
        """Store one object from its parts; it appears only when all of them are there. Aborted on any failure."""
        upload_id = self._ask(
            "write",
            key,
            lambda client: client.create_multipart_upload(
                Bucket=self.bucket, Key=key, Metadata=dict(user_metadata), ContentType=content_type
            ),
        )["UploadId"]
        try:
            self._upload(key, upload_id, parts)
        except BaseException as failure:
            self._abort(key, upload_id, failure)
            raise

    def delete(self, key: str) -> None:
        """Remove the object; removing one that is not there is no error."""
        self._ask("delete", key, lambda client: client.delete_object(Bucket=self.bucket, Key=key))

    # -- below: requests

    def _client(self, *, anew: bool = False) -> "S3Client":
        with self._making:
            if self._made is None or anew:
                self._made = connect(self._settings, self._credentials)
            return self._made

    def _where(self, key: str = "") -> Where:
        return Where(self.bucket, self._client().meta.endpoint_url, key, self._settings)

    def _ask(self, doing: str, key: str, request: "Callable[[S3Client], _T]") -> _T:
        """The answer, or the error in our words."""
        try:
            return request(self._client())
        except FOREIGN as exc:
            if self._credentials is not None or not is_expired(exc):
                raise translate(exc, doing, self._where(key)) from exc
        try:
            return request(self._client(anew=True))
        except FOREIGN as exc:
            raise translate(exc, doing, self._where(key)) from exc

    def _open(self, key: str, start: int, length: int | None, *, size: int) -> Iterator[bytes] | None:
        check_range(start, length)
        if length == 0:
            # HTTP cannot ask for no bytes, but whether there is an object can be told.
            return None if self.head(key) is None else iter(())
        where = self._where(key)

        def ask(request: "Callable[[S3Client], Body | None]") -> Body | None:
            return self._ask("read", key, request)

        body = ask(lambda client: open_body(client, where, start=start, length=length))
        return None if body is None else pieces(ask, where, body, start=start, length=length, size=size)

    def _list_page(self, prefix: str, after: str, token: str) -> Mapping[str, Any]:
        def request(client: "S3Client") -> Mapping[str, Any]:
            if token:
                return client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, ContinuationToken=token)
            if after:
                return client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, StartAfter=after)
            return client.list_objects_v2(Bucket=self.bucket, Prefix=prefix)

        return self._ask("list", prefix, request)

    def _all_uploads(self, prefix: str) -> Iterator[MultipartUpload]:
        after = ("", "")
        while True:
            page = self._uploads_page(prefix, after)
            for item in page.get("Uploads", ()):
                yield self._listed_upload(item, prefix)
            if not page.get("IsTruncated"):
                return
            last, after = after, (page.get("NextKeyMarker", ""), page.get("NextUploadIdMarker", ""))
            if after in (("", ""), last):
                raise self._endless(prefix)

    def _uploads_page(self, prefix: str, after: tuple[str, str]) -> Mapping[str, Any]:
        def request(client: "S3Client") -> Mapping[str, Any]:
            if any(after):
                key, upload_id = after
                return client.list_multipart_uploads(
                    Bucket=self.bucket, Prefix=prefix, KeyMarker=key, UploadIdMarker=upload_id
                )
            return client.list_multipart_uploads(Bucket=self.bucket, Prefix=prefix)

        return self._ask(LIST_UPLOADS, prefix, request)

    def _listed(self, item: Mapping[str, Any], prefix: str) -> ObjectInfo:
        if not {"Key", "Size"} <= item.keys():
            raise StoreFailed(f"the listing of {self._where(prefix)} does not tell each key and its size")
        return ObjectInfo(
            item["Key"],
            size=item["Size"],
            etag=_bare(item.get("ETag", "")),
            last_modified=_utc(item.get("LastModified")),
            storage_class=item.get("StorageClass", "STANDARD"),
        )

    def _listed_upload(self, item: Mapping[str, Any], prefix: str) -> MultipartUpload:
        if not {"Key", "UploadId"} <= item.keys():
            raise StoreFailed(f"the listing of uploads of {self._where(prefix)} does not tell each key and its id")
        return MultipartUpload(item["Key"], item["UploadId"], _utc(item.get("Initiated")))

    def _listed_part(self, item: Mapping[str, Any], key: str) -> UploadPart:
        if not {"PartNumber", "Size"} <= item.keys():
            raise StoreFailed(f"the listing of parts of {self._where(key)} does not tell each number and its size")
        return UploadPart(item["PartNumber"], item["Size"], _utc(item.get("LastModified")))

    def _endless(self, prefix: str) -> StoreFailed:
        return StoreFailed(
            f"the listing of {self._where(prefix)} goes on without end",
            hint="the store says that there is more, and gives no new continuation token",
        )

    def _upload(self, key: str, upload_id: str, parts: Iterator[bytes]) -> None:
        done: list[CompletedPartTypeDef] = []
        for number, part in enumerate(parts, start=1):
            reply = self._ask("write", key, _uploading(self.bucket, key, upload_id, number, part))
            done.append({"PartNumber": number, "ETag": reply})
        if not done:
            raise ValueError(f"a multipart upload of {key} needs at least one part")
        self._ask(
            "write",
            key,
            lambda client: client.complete_multipart_upload(
                Bucket=self.bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": done}
            ),
        )

    def _abort(self, key: str, upload_id: str, failure: BaseException) -> None:
        # An upload that nobody ends is invisible in listings, and is paid for until someone finds it.
        try:
            self._ask(
                "abort the upload of",
                key,
                lambda client: client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id),
            )
        except StoreError as exc:
            failure.add_note(f"multipart upload {upload_id} stays open: {exc}")


def _head(client: "S3Client", bucket: str, key: str) -> Mapping[str, Any] | None:
    try:
        return client.head_object(Bucket=bucket, Key=key)
    except ClientError as exc:
        if error_status(exc) not in _MUTE_STATUS:
            raise
    # A 404 may mean the object or the whole bucket, a 403 a missing right or a wrong key: GET's answer has the reason.
    try:
        client.get_object(Bucket=bucket, Key=key, Range="bytes=0-0")["Body"].close()
    except ClientError as reason:
        if error_code(reason) == NO_KEY:
            return None
        if error_status(reason) != 416:
            raise
    # It can be read, so it has appeared in between (416: and is empty).
    return client.head_object(Bucket=bucket, Key=key)


def _listing_parts(
    bucket: str, upload: MultipartUpload, after: int
) -> "Callable[[S3Client], Mapping[str, Any] | None]":
    def request(client: "S3Client") -> Mapping[str, Any] | None:
        try:
            return client.list_parts(Bucket=bucket, Key=upload.key, UploadId=upload.upload_id, PartNumberMarker=after)
        except ClientError as exc:
            if error_code(exc) == "NoSuchUpload":
                return None
            raise

    return request


def _uploading(bucket: str, key: str, upload_id: str, number: int, part: bytes) -> "Callable[[S3Client], str]":
    return lambda client: client.upload_part(Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=part)[
        "ETag"
    ]


def _bare(etag: str) -> str:
    return etag.strip('"')


def _utc(moment: datetime | None) -> datetime | None:
    try:
        return None if moment is None else moment.astimezone(UTC)
    except OverflowError:
        # A time at the end of all times, which no object was written at.
        return None
