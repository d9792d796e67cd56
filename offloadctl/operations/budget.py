"""What a check may cost: requests to buckets, time, requests a second."""

import threading
from collections.abc import Iterator
from typing import Final

from offloadctl.errors import Interrupted, StoreFailed
from offloadctl.model.limits import Limits
from offloadctl.operations.workers import StoppableClock
from offloadctl.ports import CHUNK_SIZE, MultipartUpload, ObjectInfo, ObjectStore, ObjectVersion, UploadPart
from offloadctl.units import format_duration

_PAGE: Final = 1000


class Budget:
    """What is left of the limits; safe to use from several threads."""

    def __init__(self, limits: Limits, clock: StoppableClock) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._requests = 0
        self._until = None if limits.duration is None else clock.monotonic() + limits.duration.total_seconds()
        self._next_at = 0.0

    @property
    def spent(self) -> str:
        """What is used up, for people; nothing as long as there is something left."""
        limits = self._limits
        if limits.requests is not None and self._requests >= limits.requests:
            return f"the budget of {limits.requests:,} requests to buckets is spent"
        if self._until is not None and limits.duration is not None and self._clock.monotonic() >= self._until:
            return f"the budget of {format_duration(limits.duration)} is spent"
        return ""

    def request(self) -> None:
        """One request is about to be made; waits for its turn. StoreFailed once the budget is spent, or Interrupted."""
        if self._clock.stop.is_set():
            raise Interrupted("interrupted")
        with self._lock:
            if spent := self.spent:
                raise StoreFailed(spent)
            self._requests += 1
            wait = self._wait()
        if wait > 0:
            self._clock.sleep(wait)

    def _wait(self) -> float:
        if self._limits.rate is None:
            return 0.0
        now = self._clock.monotonic()
        at = max(now, self._next_at)
        self._next_at = at + 1 / self._limits.rate
        return at - now


class MeteredStore:
    """A bucket whose requests are counted, and refused once the budget is spent."""

    def __init__(self, store: ObjectStore, budget: Budget) -> None:
        self._store = store
        self._budget = budget

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._store.bucket

    @property
    def location(self) -> str:
        """Bucket and endpoint for people."""
        return self._store.location

    @property
    def endpoint(self) -> str:
        """The address of the store."""
        return self._store.endpoint

    def head(self, key: str) -> ObjectInfo | None:
        """The object's facts."""
        self._budget.request()
        return self._store.head(key)

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes | None:
        """Some of its bytes."""
        self._budget.request()
        return self._store.read(key, start=start, length=length)

    def read_chunks(
        self, key: str, *, start: int = 0, length: int | None = None, chunk_size: int = CHUNK_SIZE
    ) -> Iterator[bytes] | None:
        """The same in chunks, by one request."""
        self._budget.request()
        return self._store.read_chunks(key, start=start, length=length, chunk_size=chunk_size)

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        """All objects; each page is a request."""
        for number, info in enumerate(self._store.list(prefix, after=after)):
            if number % _PAGE == 0:
                self._budget.request()
            yield info

    @property
    def is_versioned(self) -> bool:
        """Whether older versions are kept."""
        self._budget.request()
        return self._store.is_versioned

    def versions(self, prefix: str = "") -> Iterator[ObjectVersion]:
        """All versions; each page is a request."""
        for number, one in enumerate(self._store.versions(prefix)):
            if number % _PAGE == 0:
                self._budget.request()
            yield one

    def uploads(self, prefix: str = "") -> Iterator[MultipartUpload]:
        """Open uploads, by one request or a few."""
        self._budget.request()
        return self._store.uploads(prefix)

    def upload_parts(self, upload: MultipartUpload, *, after: int = 0) -> tuple[UploadPart, ...] | None:
        """What has arrived of an open upload, by one request or a few."""
        self._budget.request()
        return self._store.upload_parts(upload, after=after)

    @property
    def uploads_listable(self) -> bool:
        """Whether all there are are told."""
        return self._store.uploads_listable
