"""The bucket of the soak: what brokers do there may fail, what our processes ask may fail, and both are remembered."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from offloadctl.adapters.memory import MemoryObjectStore
from offloadctl.errors import StoreBusy, StoreDenied, StoreError, StoreFailed, StoreUnreachable
from offloadctl.format.keys import split_key

_READS: Final = frozenset(
    {"head", "read", "read_chunks", "list", "uploads", "upload_parts", "versions"},
)


class StoreTrouble(StrEnum):
    """What a store does wrong for a while."""

    BROKER_PUTS = "s3-denies-brokers-uploads"
    BROKER_UPLOADS_BREAK = "s3-breaks-brokers-uploads-off"
    BROKER_INDEXES = "s3-denies-brokers-indexes"
    BROKER_DELETES = "s3-denies-brokers-deletes"
    OURS_THROTTLED = "s3-throttles-us"
    OURS_DENIED = "s3-denies-us"
    OURS_UNREACHABLE = "s3-does-not-answer-us"


_OURS: Final[Mapping[StoreTrouble, type[StoreError]]] = {
    StoreTrouble.OURS_THROTTLED: StoreBusy,
    StoreTrouble.OURS_DENIED: StoreDenied,
    StoreTrouble.OURS_UNREACHABLE: StoreUnreachable,
}


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something was left in the bucket, or is not there."""

    what: str
    at: datetime


@dataclass
class Troubles:
    """Which of them go on, until when, and how often they happen."""

    random: random.Random
    now: Callable[[], datetime]
    going_on: dict[StoreTrouble, datetime] = field(default_factory=dict)
    happened: dict[StoreTrouble, int] = field(default_factory=dict)

    def take(self, trouble: StoreTrouble) -> bool:
        """Whether it happens to this request: to two of three, while it goes on."""
        if self.now() >= self.going_on.get(trouble, self.now()) or self.random.random() < 1 / 3:
            return False
        self.happened[trouble] = self.happened.get(trouble, 0) + 1
        return True


class SoakBucket(MemoryObjectStore):
    """The bucket as brokers use it."""

    def __init__(self, name: str, *, now: Callable[[], datetime], random: random.Random) -> None:
        super().__init__(name, now=now)
        self.troubles = Troubles(random, now)
        self.kept: dict[str, Cause] = {}
        """Keys whose deletion was refused."""
        self.left_open: dict[str, Cause] = {}
        """Uploads, by key, that nobody goes on with."""
        self.deleted: set[str] = set()

    def put(self, key: str, data: bytes, *, user_metadata: Mapping[str, str], content_type: str) -> None:
        """Of brokers these are indexes."""
        if self.troubles.take(StoreTrouble.BROKER_INDEXES):
            raise StoreDenied(f"{key} is not taken")
        super().put(key, data, user_metadata=user_metadata, content_type=content_type)

    def put_multipart(
        self, key: str, parts: Iterator[bytes], *, user_metadata: Mapping[str, str], content_type: str
    ) -> None:
        """Denied at once, or broken off after a part, which stays."""
        if self.troubles.take(StoreTrouble.BROKER_PUTS):
            raise StoreDenied(f"{key} is not taken")
        if self.troubles.take(StoreTrouble.BROKER_UPLOADS_BREAK):
            self.add_part(self.begin_upload(key), len(next(parts)))
            self.left_open[key] = Cause(StoreTrouble.BROKER_UPLOADS_BREAK, self._now())
            raise StoreFailed(f"the upload of {key} broke off")
        super().put_multipart(key, parts, user_metadata=user_metadata, content_type=content_type)

    def delete(self, key: str) -> None:
        """May be refused; then whatever is there stays."""
        if key in self._objects and self.troubles.take(StoreTrouble.BROKER_DELETES):
            self.kept[key] = Cause(StoreTrouble.BROKER_DELETES, self._now())
            # A broker deletes both objects of a ledger in one request.
            other = _other(key)
            if other in self._objects:
                self.kept[other] = self.kept[key]
            raise StoreDenied(f"{key} is not deleted")
        super().delete(key)
        self.deleted.add(key)


class OurView:
    """The same bucket as our processes ask it; `before` is called for each request."""

    def __init__(self, bucket: SoakBucket, before: Callable[[], None]) -> None:
        self._bucket = bucket
        self._before = before

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._bucket, name)
        if name not in _READS:
            return found

        def read(*arguments: Any, **how: Any) -> Any:
            self._before()
            for trouble, error in _OURS.items():
                if self._bucket.troubles.take(trouble):
                    raise error(f"{name} of {self._bucket.location}: {trouble}")
            return found(*arguments, **how)

        return read


def _other(key: str) -> str:
    parts = split_key(key)
    return key.removesuffix("-index") if parts is not None and parts[2] else f"{key}-index"
