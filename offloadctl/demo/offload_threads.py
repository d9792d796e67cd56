"""The offload threads of one broker: what they upload, part by part, and what waits for its turn."""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable
from uuid import UUID

from offloadctl.demo.object_writer import KeepsUploads
from offloadctl.format.keys import data_key
from offloadctl.ports import MultipartUpload, WritableObjectStore

if TYPE_CHECKING:
    from offloadctl.demo.offloading import OffloadRun

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@runtime_checkable
class GrowsUploads(KeepsUploads, Protocol):
    """A bucket whose uploads can be seen growing."""

    def add_part(self, upload: MultipartUpload, size: int) -> None:
        """The next part has arrived."""
        ...

    def abort_upload(self, upload: MultipartUpload) -> None:
        """End it without an object."""
        ...


@dataclass(slots=True, eq=False)
class Upload:
    """One ledger on its way to a bucket."""

    run: "OffloadRun"
    ledger_id: int
    uuid: UUID
    store: WritableObjectStore
    takes: timedelta
    parts: tuple[int, ...]
    """Their sizes."""
    stalls: bool = False
    """The store stops answering in its middle, and the thread waits for ever."""
    due_at: datetime | None = None
    begun_at: datetime | None = None
    open: MultipartUpload | None = None
    _arrived: int = 0

    def begin(self, now: datetime) -> None:
        """A thread takes it up."""
        self.begun_at = now
        self.due_at = None if self.stalls else now + self.takes
        # Of a bucket that cannot show parts an upload is seen only where it stays for ever.
        if isinstance(self.store, GrowsUploads) or (self.stalls and isinstance(self.store, KeepsUploads)):
            self.open = self.store.begin_upload(data_key(self.uuid, self.ledger_id))

    def grow(self, now: datetime) -> None:
        """What has arrived by now; of one that stalls no more than half."""
        if self.open is None or self.begun_at is None or not isinstance(self.store, GrowsUploads):
            return
        share = (now - self.begun_at) / self.takes if self.takes else 1.0
        due = int(min(share, 0.5 if self.stalls else 1.0) * len(self.parts))
        for size in self.parts[self._arrived : due]:
            self.store.add_part(self.open, size)
        self._arrived = max(self._arrived, due)

    def close(self) -> None:
        """It is about to be completed, or nobody wants it any more."""
        if self.open is not None and isinstance(self.store, GrowsUploads):
            self.store.abort_upload(self.open)
        self.open = None


@dataclass(slots=True)
class Threads:
    """All threads of one broker; topics share them."""

    size: int
    running: list[Upload] = field(default_factory=list)
    waiting: deque[Upload] = field(default_factory=deque)

    def start_waiting(self, now: datetime) -> None:
        """Threads that have nothing to do take up what waits, in order."""
        while self.waiting and len(self.running) < self.size:
            upload = self.waiting.popleft()
            upload.begin(now)
            self.running.append(upload)

    def next_due(self) -> Upload | None:
        """The upload that ends first."""
        return min(self.running, key=lambda upload: upload.due_at or _NEVER, default=None)
