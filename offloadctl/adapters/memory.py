"""A clock that is moved by hand and a bucket in memory: the embedded cluster and the tests run on them.

They keep the promises of `ports` as the real ones do; tests/contract holds both to the same suite.
"""

import hashlib
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from offloadctl.adapters.ranges import check_chunk_size, check_range
from offloadctl.ports import CHUNK_SIZE, MultipartUpload, ObjectInfo, ObjectVersion, UploadPart

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class ManualClock:
    """Time that passes only when someone sleeps or advances it; `on_sleep` is told how many seconds passed."""

    def __init__(self, start: datetime = _EPOCH, *, on_sleep: Callable[[float], None] | None = None) -> None:
        if start.utcoffset() is None:
            raise ValueError(f"a clock starts at a time with a time zone, not at {start}")
        self._start = start.astimezone(UTC)
        self._passed = timedelta()
        self._on_sleep = on_sleep
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return self._start + self._passed

    def monotonic(self) -> float:
        """Seconds since the start."""
        return self._passed.total_seconds()

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once, then tell `on_sleep`, which may change the world or raise."""
        self.advance(timedelta(seconds=max(seconds, 0)))
        if self._on_sleep is not None:
            self._on_sleep(seconds)

    def advance(self, duration: timedelta) -> None:
        """Move on; time does not run backwards."""
        if duration < timedelta():
            raise ValueError(f"time does not run backwards: {duration}")
        with self._lock:
            self._passed += duration


@dataclass(frozen=True, slots=True)
class _Stored:
    info: ObjectInfo
    data: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class _Version:
    number: str
    stored: _Stored | None
    """None: the mark that it was deleted."""
    at: datetime


class MemoryObjectStore:
    """A bucket in memory that behaves as S3 does; safe to use from several threads."""

    def __init__(
        self, bucket: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC), versioned: bool = False
    ) -> None:
        self._bucket = bucket
        self._now = now
        self._objects: dict[str, _Stored] = {}
        self._uploads: dict[str, MultipartUpload] = {}
        self._parts: dict[str, list[UploadPart]] = {}
        self._upload_numbers = itertools.count(1)
        self._versioned = versioned
        self._history: dict[str, list[_Version]] = {}
        self._version_numbers = itertools.count(1)

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._bucket

    @property
    def location(self) -> str:
        """Where the bucket is, for people."""
        return f"s3://{self._bucket} in memory"

    @property
    def endpoint(self) -> str:
        """There is none."""
        return ""

    def head(self, key: str) -> ObjectInfo | None:
        """The object's facts, or None if there is no such object."""
        stored = self._objects.get(key)
        return None if stored is None else stored.info

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes | None:
        """Up to `length` bytes from `start`; none at or behind the object's end; None if there is no such object."""
        check_range(start, length)
        stored = self._objects.get(key)
        if stored is None:
            return None
        return stored.data[start : None if length is None else start + length]

    def read_chunks(
        self, key: str, *, start: int = 0, length: int | None = None, chunk_size: int = CHUNK_SIZE
    ) -> Iterator[bytes] | None:
        """The same bytes in chunks, of the object as it was when this was called."""
        check_chunk_size(chunk_size)
        data = self.read(key, start=start, length=length)
        if data is None:
            return None
        return (data[at : at + chunk_size] for at in range(0, len(data), chunk_size))

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        """The objects with that prefix behind `after`, ascending by key; a listing does not tell user metadata."""
        every = self._objects.copy().items()
        found = {key: stored.info for key, stored in every if key.startswith(prefix) and key > after}
        # S3 orders keys by their UTF-8 bytes, which is the order of code points.
        for key in sorted(found):
            info = found[key]
            yield ObjectInfo(key, info.size, info.etag, info.last_modified, info.storage_class)

    @property
    def is_versioned(self) -> bool:
        """As it was made."""
        return self._versioned

    def versions(self, prefix: str = "") -> Iterator[ObjectVersion]:
        """All versions and delete markers, ascending by key, the newest first; without versioning the objects."""
        if not self._versioned:
            for one in self.list(prefix):
                yield ObjectVersion(one.key, "null", True, False, one.size, one.last_modified)
            return
        for key in sorted(key for key in self._history.copy() if key.startswith(prefix)):
            history = self._history[key]
            for version in reversed(history):
                size = version.stored.info.size if version.stored is not None else 0
                yield ObjectVersion(
                    key, version.number, version is history[-1], version.stored is None, size, version.at
                )

    def delete_version(self, key: str, version_id: str) -> None:
        """Remove one version for good, or a delete marker, so that what it hid is there again."""
        left = self._history[key] = [one for one in self._history.get(key, []) if one.number != version_id]
        self._show(key, left[-1].stored if left else None)

    def uploads(self, prefix: str = "") -> Iterator[MultipartUpload]:
        """Multipart uploads that were begun and not ended, ascending by key and then by age."""
        found = (upload for upload in self._uploads.copy().values() if upload.key.startswith(prefix))
        yield from sorted(found, key=lambda upload: upload.key)

    def upload_parts(self, upload: MultipartUpload, *, after: int = 0) -> tuple[UploadPart, ...] | None:
        """What has arrived of an open upload; None once it is not open any more."""
        if upload.upload_id not in self._uploads:
            return None
        return tuple(part for part in self._parts.get(upload.upload_id, ()) if part.number > after)

    @property
    def uploads_listable(self) -> bool:
        """All there are are told."""
        return True

    def put(self, key: str, data: bytes, *, user_metadata: Mapping[str, str], content_type: str) -> None:
        """Store one object in one request; its etag is the MD5 of its bytes."""
        self._store(key, bytes(data), _md5(data).hexdigest(), user_metadata, content_type)

    def put_multipart(
        self, key: str, parts: Iterator[bytes], *, user_metadata: Mapping[str, str], content_type: str
    ) -> None:
        """Store one object from its parts; its etag is the MD5 of the parts' MD5s and their number, as in S3."""
        upload = self.begin_upload(key)
        try:
            taken: list[bytes] = []
            for part in parts:
                taken.append(bytes(part))
                self.add_part(upload, len(part))
            if not taken:
                raise ValueError(f"a multipart upload of {key} needs at least one part")
        finally:
            self.abort_upload(upload)
        digest = _md5(b"".join(_md5(part).digest() for part in taken)).hexdigest()
        self._store(key, b"".join(taken), f"{digest}-{len(taken)}", user_metadata, content_type)

    def begin_upload(self, key: str) -> MultipartUpload:
        """Begin an upload and leave it open, as a broker does that dies meanwhile."""
        upload = MultipartUpload(key, f"upload-{next(self._upload_numbers)}", self._now())
        self._uploads[upload.upload_id] = upload
        return upload

    def add_part(self, upload: MultipartUpload, size: int) -> None:
        """The next part of an open upload has arrived."""
        parts = self._parts.setdefault(upload.upload_id, [])
        parts.append(UploadPart(len(parts) + 1, size, self._now()))

    def abort_upload(self, upload: MultipartUpload) -> None:
        """End an upload without an object; one that is not open any more is no error."""
        self._uploads.pop(upload.upload_id, None)
        self._parts.pop(upload.upload_id, None)

    def delete(self, key: str) -> None:
        """Remove the object; removing one that is not there is no error. With versioning it is only hidden."""
        self._add_version(key, None)
        self._show(key, None)

    def _store(self, key: str, data: bytes, etag: str, user_metadata: Mapping[str, str], content_type: str) -> None:
        metadata = MappingProxyType({name.lower(): value for name, value in user_metadata.items()})
        info = ObjectInfo(key, len(data), etag, self._now(), user_metadata=metadata)
        stored = _Stored(info, data, content_type)
        self._add_version(key, stored)
        self._show(key, stored)

    def _add_version(self, key: str, stored: _Stored | None) -> None:
        if self._versioned:
            version = _Version(f"version-{next(self._version_numbers)}", stored, self._now())
            self._history.setdefault(key, []).append(version)

    def _show(self, key: str, stored: _Stored | None) -> None:
        if stored is None:
            self._objects.pop(key, None)
        else:
            self._objects[key] = stored


def _md5(data: bytes) -> "hashlib._Hash":
    return hashlib.md5(data, usedforsecurity=False)
