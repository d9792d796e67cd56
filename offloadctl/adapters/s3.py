"""One bucket over boto3.

The product only reads; `put`, `put_multipart` and `delete` exist for the embedded cluster, whose simulated broker
writes where a real one would. Credentials are AWS's own business: environment, profile, web identity, container,
instance.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, IncompleteReadError, ResponseStreamingError

from offloadctl import __version__
from offloadctl.adapters.s3_errors import FOREIGN, Where, error_code, error_status, is_expired, translate
from offloadctl.errors import SettingsError, StoreError, StoreFailed
from offloadctl.model.settings import BucketSettings
from offloadctl.ports import ObjectInfo

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

_T = TypeVar("_T")

_CONNECT_TIMEOUT: Final = 10
_READ_TIMEOUT: Final = 60
# More than the threads that any command reads with; botocore's 10 would make them wait for each other.
_POOL: Final = 32
# boto3 retries requests, but not a body that breaks off while it is read.
_BODY_ATTEMPTS: Final = 3
# HEAD answers have no body, so these say *that* but not *why*.
_MUTE_STATUS: Final = frozenset({301, 400, 403, 404})
_NO_KEY: Final = "NoSuchKey"
_ADDRESSING: Final[Mapping[bool | None, Literal["path", "virtual", "auto"]]] = {
    True: "path",
    False: "virtual",
    None: "auto",
}


class S3Store:
    """A bucket of S3 or of a store that speaks its language; safe to use from several threads.

    Requests are retried as boto3's standard mode does, bodies that break off are read again, and credentials that
    have expired are looked up anew, once, since another program may have renewed them.
    """

    def __init__(self, settings: BucketSettings, *, credentials: tuple[str, str] | None = None) -> None:
        self._settings = settings
        self._credentials = credentials
        self._client = _connect(settings, credentials)

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._settings.name

    @property
    def location(self) -> str:
        """Bucket and endpoint, for people."""
        return str(self._where())

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
            last_modified=reply.get("LastModified"),
            storage_class=reply.get("StorageClass", "STANDARD"),
            user_metadata={name.lower(): value for name, value in reply.get("Metadata", {}).items()},
        )

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes | None:
        """Up to `length` bytes from `start`; none at or behind the object's end; None if there is no such object."""
        if start < 0 or (length is not None and length < 0):
            raise ValueError(f"a range has no negative numbers: start={start} length={length}")
        if length == 0:
            # HTTP cannot ask for no bytes, but whether there is an object can be told.
            return None if self.head(key) is None else b""
        return self._ask("read", key, lambda client: self._read(client, key, start, length))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """All objects whose key begins with `prefix`, ascending by key; a listing does not tell user metadata."""
        token = ""
        while True:
            page = self._list_page(prefix, token)
            for item in page.get("Contents", ()):
                yield ObjectInfo(
                    item["Key"],
                    size=item["Size"],
                    etag=_bare(item.get("ETag", "")),
                    last_modified=item.get("LastModified"),
                    storage_class=item.get("StorageClass", "STANDARD"),
                )
            if not page.get("IsTruncated"):
                return
            last, token = token, page.get("NextContinuationToken", "")
            if token in ("", last):
                raise StoreFailed(
                    f"the listing of {self._where(prefix)} goes on without end",
                    hint="the store says that there is more, and gives no new continuation token",
                )

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

    def _where(self, key: str = "") -> Where:
        return Where(self.bucket, self._client.meta.endpoint_url, key, self._settings)

    def _ask(self, doing: str, key: str, request: "Callable[[S3Client], _T]") -> _T:
        """The answer, or the error in our words."""
        try:
            return request(self._client)
        except FOREIGN as exc:
            if self._credentials is not None or not is_expired(exc):
                raise translate(exc, doing, self._where(key)) from exc
        self._client = _connect(self._settings, None)
        try:
            return request(self._client)
        except FOREIGN as exc:
            raise translate(exc, doing, self._where(key)) from exc

    def _read(self, client: "S3Client", key: str, start: int, length: int | None) -> bytes | None:
        for attempt in range(1, _BODY_ATTEMPTS + 1):
            try:
                return self._read_once(client, key, start, length)
            except (ResponseStreamingError, IncompleteReadError):
                if attempt == _BODY_ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    def _read_once(self, client: "S3Client", key: str, start: int, length: int | None) -> bytes | None:
        ranged = _range_header(start, length)
        try:
            if ranged:
                reply = client.get_object(Bucket=self.bucket, Key=key, Range=ranged)
            else:
                reply = client.get_object(Bucket=self.bucket, Key=key)
        except ClientError as exc:
            if error_code(exc) == _NO_KEY:
                return None
            if error_status(exc) == 416:
                return b""
            raise
        with reply["Body"] as body:
            found = reply.get("ContentRange")
            if ranged and not _is_range_asked_for(found, reply.get("ContentLength", -1), start, length):
                raise StoreFailed(
                    f"another range came than was asked for, of {self._where(key)}: asked {ranged}, found {found}",
                    hint="the store, or a proxy on the way, does not keep to the Range header",
                )
            return body.read()

    def _list_page(self, prefix: str, token: str) -> Mapping[str, Any]:
        def request(client: "S3Client") -> Mapping[str, Any]:
            if token:
                return client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, ContinuationToken=token)
            return client.list_objects_v2(Bucket=self.bucket, Prefix=prefix)

        return self._ask("list", prefix, request)

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


def _connect(settings: BucketSettings, credentials: tuple[str, str] | None) -> "S3Client":
    """A client with a session of its own, so that credentials are looked up when it is made and not before."""
    if settings.ca_file is not None and not settings.ca_file.is_file():
        raise SettingsError(f"bucket {settings.name}: there is no CA file {settings.ca_file}")
    access_key, secret_key = credentials or (None, None)
    try:
        session = boto3.Session(profile_name=settings.profile, region_name=settings.region)
        custom = settings.endpoint is not None or _environment_names_endpoint()
        return session.client(
            "s3",
            endpoint_url=settings.endpoint,
            # A custom endpoint seldom cares, but a signature must name some region.
            region_name=session.region_name or ("us-east-1" if custom else None),
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            verify=None if settings.ca_file is None else str(settings.ca_file),
            config=_config(settings, custom=custom),
        )
    except (BotoCoreError, ValueError) as exc:
        raise SettingsError(f"bucket {settings.name} cannot be used: {exc}", hint=_settings_hint(settings)) from exc


def _config(settings: BucketSettings, *, custom: bool) -> Config:
    path_style = (custom or None) if settings.path_style is None else settings.path_style
    config = Config(
        connect_timeout=_CONNECT_TIMEOUT,
        read_timeout=_READ_TIMEOUT,
        max_pool_connections=_POOL,
        retries={"mode": "standard"},
        user_agent_extra=f"offloadctl/{__version__}",
        s3={"addressing_style": _ADDRESSING[path_style]},
    )
    if not custom:
        return config
    # Since 1.36 boto3 adds checksums that many other stores do not know or reject.
    return config.merge(
        Config(request_checksum_calculation="when_required", response_checksum_validation="when_required")
    )


def _environment_names_endpoint() -> bool:
    return any(os.environ.get(name) for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))


def _settings_hint(settings: BucketSettings) -> str:
    if settings.profile is not None:
        return f"profile {settings.profile!r} must stand in ~/.aws/config or ~/.aws/credentials"
    return "an endpoint is a URL such as https://minio.example.com:9000" if settings.endpoint else ""


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
        if error_code(reason) == _NO_KEY:
            return None
        if error_status(reason) != 416:
            raise
    # It can be read, so it has appeared in between (416: and is empty).
    return client.head_object(Bucket=bucket, Key=key)


def _uploading(bucket: str, key: str, upload_id: str, number: int, part: bytes) -> "Callable[[S3Client], str]":
    return lambda client: client.upload_part(Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=part)[
        "ETag"
    ]


def _range_header(start: int, length: int | None) -> str:
    if length is not None:
        return f"bytes={start}-{start + length - 1}"
    return f"bytes={start}-" if start else ""


def _is_range_asked_for(found: str | None, announced: int, start: int, length: int | None) -> bool:
    if found is not None:
        return found.startswith(f"bytes {start}-") and (length is None or announced <= length)
    # The whole object instead of a range of it is right only when they are the same.
    return start == 0 and length is not None and 0 <= announced <= length


def _bare(etag: str) -> str:
    return etag.strip('"')
