"""How a broker offloads: manual and automatic runs, the threads that they share, and the steps for one ledger.

ManagedLedgerImpl.java (asyncOffloadPrefix, maybeOffload, offloadLoop) and BlobStoreManagedLedgerOffloader.java are the
authorities. Everything happens at a time that is handed in; nothing here waits.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from offloadctl.demo.faults import Fault, Faults
from offloadctl.demo.ledgers import ManagedLedgerMetadata, OffloadContext, SimulatedLedger
from offloadctl.demo.object_writer import LedgerObjects, delete_objects, write_objects
from offloadctl.demo.policies import EffectivePolicy
from offloadctl.errors import StoreError
from offloadctl.model.ledger import OffloadState, OffloadStatus, Position
from offloadctl.model.names import TopicName
from offloadctl.ports import WritableObjectStore

_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_EXCEPTION: Final = "org.apache.bookkeeper.mledger.ManagedLedgerException"


class OffloadInProgress(Exception):
    """A manual run of the topic is not finished; the broker answers 409."""


@dataclass(slots=True, eq=False)
class OffloadRun:
    """One run over a topic's ledgers, oldest first; a failing ledger does not stop the next one."""

    topic: TopicName
    manual: bool
    left: deque[int]
    first_unoffloaded: Position | None = None
    first_error: str = ""
    detached: bool = False
    """The topic was unloaded or deleted: an upload goes on, but its last metadata write fails."""


@dataclass(slots=True, eq=False)
class _Upload:
    run: OffloadRun
    ledger_id: int
    uuid: UUID
    takes: timedelta
    due_at: datetime | None = None


@dataclass(slots=True)
class LoadedTopic:
    """What a broker has in memory about a topic that it serves; gone when the topic is unloaded."""

    broker: str
    entries_added: int = 0
    bytes_in: int = 0
    messages_in: int = 0
    status: OffloadStatus = field(default_factory=lambda: OffloadStatus(OffloadState.NOT_RUN))
    run: OffloadRun | None = None
    """Holds the mutex that manual and automatic runs share."""
    automatic_run_waits: bool = False
    last_offload_ledger_id: int = 0
    last_success_at: datetime | None = None
    last_failure_at: datetime | None = None


@dataclass(slots=True)
class _Threads:
    """The offload threads of one broker: what runs, and what waits for its turn."""

    size: int
    running: list[_Upload] = field(default_factory=list)
    waiting: deque[_Upload] = field(default_factory=deque)

    def start_waiting(self, now: datetime) -> None:
        while self.waiting and len(self.running) < self.size:
            upload = self.waiting.popleft()
            upload.due_at = now + upload.takes
            self.running.append(upload)

    def next_due(self) -> _Upload | None:
        return min(self.running, key=lambda upload: upload.due_at or _NEVER, default=None)


class OffloadWorld(Protocol):
    """What offloading needs to know of the cluster around it."""

    name: str
    version: str
    faults: Faults

    def metadata_of(self, topic: TopicName) -> ManagedLedgerMetadata | None:
        """The topic's ledgers, or None if it is gone."""
        ...

    def loaded_topic(self, topic: TopicName) -> LoadedTopic | None:
        """What the serving broker has in memory."""
        ...

    def policy_of(self, topic: TopicName) -> EffectivePolicy:
        """The offload policy in force."""
        ...

    def store_of(self, bucket: str | None) -> WritableObjectStore | None:
        """The bucket of that name."""
        ...

    def new_uuid(self) -> UUID:
        """A random uuid."""
        ...

    def crash_broker(self, broker: str) -> None:
        """The broker dies and comes back."""
        ...


class Offloading:
    """All runs of all brokers."""

    def __init__(self, world: OffloadWorld, brokers: tuple[str, ...], *, threads: int, rate: float, overhead: float):
        self._world = world
        self._threads = {broker: _Threads(threads) for broker in brokers}
        self._rate = rate
        self._overhead = overhead

    def start_manual(self, topic: TopicName, loaded: LoadedTopic, position: Position, now: datetime) -> None:
        """PUT offload. Whatever goes wrong from here on shows up in the status only."""
        if loaded.status.state is OffloadState.RUNNING:
            raise OffloadInProgress
        metadata = self._metadata(topic)
        if self._store(topic) is None:
            loaded.status = _failed(f"{_EXCEPTION}: [NullLedgerOffloader] does not support offload")
        elif not _is_valid(metadata, position):
            text = f"Invalid position for offload: {position}"
            loaded.status = _failed(f"{_EXCEPTION}$InvalidCursorPositionException: {text}")
        elif not (candidates := _candidates(metadata, position)):
            loaded.status = OffloadStatus(OffloadState.SUCCESS, first_unoffloaded=_first_kept(metadata, position))
        elif loaded.run is not None:
            text = "Offload operation already running"
            loaded.status = _failed(f"{_EXCEPTION}$OffloadInProgressException: {text}")
        else:
            loaded.status = OffloadStatus(OffloadState.RUNNING)
            loaded.run = OffloadRun(topic, True, candidates, _first_kept(metadata, position))
            self._continue(loaded.run, now)

    def start_automatic(self, topic: TopicName, loaded: LoadedTopic, now: datetime) -> None:
        """What happens when a ledger was closed; never touches the status of manual runs."""
        policy = self._world.policy_of(topic)
        if self._store(topic) is None or (policy.threshold < 0 and policy.threshold_in_seconds < 0):
            return
        if loaded.run is not None:
            # The broker tries again every 100 ms until the mutex is free.
            loaded.automatic_run_waits = True
            return
        loaded.automatic_run_waits = False
        if candidates := _automatic_candidates(self._metadata(topic), policy, now):
            loaded.run = OffloadRun(topic, False, candidates)
            self._continue(loaded.run, now)

    def finish_next(self, until: datetime) -> datetime | None:
        """Finish the upload that is due first, at its own time, and tell that time; None if none is due yet."""
        due = [(broker, upload) for broker, threads in self._threads.items() if (upload := threads.next_due())]
        if not due:
            return None
        broker, upload = min(due, key=lambda one: one[1].due_at or _NEVER)
        if upload.due_at is None or upload.due_at > until:
            return None
        threads = self._threads[broker]
        threads.running.remove(upload)
        self._finish(broker, upload, upload.due_at)
        threads.start_waiting(upload.due_at)
        return upload.due_at

    def forget(self, broker: str) -> None:
        """The broker died: whatever it was uploading never ends."""
        threads = self._threads[broker]
        threads.running.clear()
        threads.waiting.clear()

    @property
    def busy(self) -> bool:
        """Whether anything is being uploaded or waits for a thread."""
        return any(threads.running or threads.waiting for threads in self._threads.values())

    def _continue(self, run: OffloadRun, now: datetime) -> None:
        """Prepare the run's next ledger, or end the run."""
        metadata = self._world.metadata_of(run.topic)
        loaded = self._world.loaded_topic(run.topic)
        if run.detached or metadata is None or loaded is None:
            return
        while run.left:
            ledger = metadata.ledgers.get(run.left.popleft())
            if ledger is not None:
                self._prepare(run, metadata, ledger, loaded.broker, now)
                return
        self._end(run, loaded, now)

    def _prepare(
        self, run: OffloadRun, metadata: ManagedLedgerMetadata, ledger: SimulatedLedger, broker: str, now: datetime
    ) -> None:
        """Step 1: a new uuid goes into the metadata before anything is uploaded."""
        store = self._store(run.topic)
        if store is None:
            return
        if ledger.context is not None:
            self._try_delete(store, ledger.context.uuid, ledger.ledger_id)
        ledger.context = OffloadContext(self._world.new_uuid(), store.bucket)
        metadata.written(now, in_hash_order=True)
        if self._world.faults.take(Fault.STUCK_RUNNING, run.topic):
            # The exception kills the task; the promise that the run waits for is never kept.
            return
        takes = timedelta(seconds=self._overhead + ledger.length / self._rate)
        threads = self._threads[broker]
        threads.waiting.append(_Upload(run, ledger.ledger_id, ledger.context.uuid, takes))
        threads.start_waiting(now)

    def _finish(self, broker: str, upload: _Upload, at: datetime) -> None:
        """Steps 4 to 6: data object, index object, `complete`."""
        run, faults = upload.run, self._world.faults
        metadata = self._world.metadata_of(run.topic)
        ledger = metadata.ledgers.get(upload.ledger_id) if metadata is not None else None
        if metadata is None or ledger is None or ledger.context is None or ledger.context.uuid != upload.uuid:
            # Trimmed or deleted meanwhile, or another attempt took over: nothing may be left in the bucket.
            self._continue(run, at)
            return
        store = self._world.store_of(ledger.context.bucket)
        objects = self._objects(metadata, ledger, upload.uuid)
        crashes = faults.take(Fault.CRASH_BEFORE_INDEX, run.topic)
        try:
            write_objects(_existing(store, ledger.context.bucket), objects, with_index=not crashes)
        except StoreError as error:
            self._fail(run, error, at)
            return
        if crashes:
            self._world.crash_broker(broker)
            return
        if run.detached:
            # The new owner changed the metadata: the write fails with a bad version and the objects stay behind.
            return
        ledger.context.completed_at = at
        metadata.written(at, in_hash_order=True)
        self._lose(_existing(store, ledger.context.bucket), objects, run.topic)
        if (loaded := self._world.loaded_topic(run.topic)) is not None:
            loaded.last_offload_ledger_id, loaded.last_success_at = ledger.ledger_id, at
        self._continue(run, at)

    def _fail(self, run: OffloadRun, error: StoreError, at: datetime) -> None:
        cause = f"java.util.concurrent.CompletionException: org.jclouds.http.HttpResponseException: {error.message}"
        run.first_error = run.first_error or f"{_EXCEPTION}: {cause}"
        if (loaded := self._world.loaded_topic(run.topic)) is not None:
            loaded.last_failure_at = at
        self._continue(run, at)

    def _end(self, run: OffloadRun, loaded: LoadedTopic, now: datetime) -> None:
        loaded.run = None
        if run.manual:
            loaded.status = (
                _failed(run.first_error)
                if run.first_error
                else OffloadStatus(OffloadState.SUCCESS, first_unoffloaded=run.first_unoffloaded)
            )
        if loaded.automatic_run_waits:
            self.start_automatic(run.topic, loaded, now)

    def _objects(self, metadata: ManagedLedgerMetadata, ledger: SimulatedLedger, uuid: UUID) -> LedgerObjects:
        return LedgerObjects.of(
            metadata.topic,
            ledger,
            uuid,
            cluster=self._world.name,
            version=self._world.version,
            max_block_size=self._world.policy_of(metadata.topic).max_block_size,
            truncated=self._world.faults.take(Fault.TRUNCATED_LEDGER, metadata.topic),
        )

    def _lose(self, store: WritableObjectStore, objects: LedgerObjects, topic: TopicName) -> None:
        if self._world.faults.take(Fault.LOST_OBJECT, topic):
            store.delete(objects.data_key)
        if self._world.faults.take(Fault.LOST_INDEX, topic):
            store.delete(objects.index_key)

    def _try_delete(self, store: WritableObjectStore, uuid: UUID, ledger_id: int) -> None:
        try:
            delete_objects(store, uuid, ledger_id)
        except StoreError:
            # The broker gives up after ten tries; what is left is an orphan for ever.
            return

    def _store(self, topic: TopicName) -> WritableObjectStore | None:
        policy = self._world.policy_of(topic)
        return self._world.store_of(policy.bucket) if policy.driver else None

    def _metadata(self, topic: TopicName) -> ManagedLedgerMetadata:
        metadata = self._world.metadata_of(topic)
        if metadata is None:
            raise LookupError(f"{topic} has no managed ledger")
        return metadata


def _existing(store: WritableObjectStore | None, bucket: str) -> WritableObjectStore:
    if store is None:
        raise StoreError(f"no bucket {bucket}")
    return store


def _failed(error: str) -> OffloadStatus:
    return OffloadStatus(OffloadState.ERROR, last_error=error)


def _is_valid(metadata: ManagedLedgerMetadata, position: Position) -> bool:
    """ManagedLedgerImpl.java, isValidPosition: an entry that exists, or the beginning of the current ledger."""
    ledger = metadata.ledgers.get(position.ledger_id)
    if ledger is None or position.entry_id < 0:
        return False
    return position.entry_id < ledger.entry_count or (position.entry_id == 0 and ledger is metadata.last)


def _candidates(metadata: ManagedLedgerMetadata, position: Position) -> deque[int]:
    """Before the position, never the last one of the list, not complete, with a length."""
    boundary = min(position.ledger_id, metadata.last.ledger_id)
    return deque(
        ledger.ledger_id
        for ledger in metadata.ascending
        if ledger.ledger_id < boundary and not ledger.is_offloaded and ledger.length > 0
    )


def _first_kept(metadata: ManagedLedgerMetadata, position: Position) -> Position:
    kept = (ledger_id for ledger_id in sorted(metadata.ledgers) if ledger_id >= position.ledger_id)
    return Position(next(kept, metadata.last.ledger_id), 0)


def _automatic_candidates(metadata: ManagedLedgerMetadata, policy: EffectivePolicy, now: datetime) -> deque[int]:
    """Newest to oldest over closed ledgers; the open one's bytes do not count, those of offloaded ones do."""
    taken: deque[int] = deque()
    total = 0
    for ledger in reversed(metadata.ascending):
        if ledger.closed_at is None:
            continue
        total += ledger.length
        too_much = policy.threshold >= 0 and total > policy.threshold
        age = (now - ledger.closed_at).total_seconds()
        too_old = policy.threshold_in_seconds >= 0 and age >= policy.threshold_in_seconds
        if (too_much or too_old) and not ledger.is_offloaded and ledger.length > 0:
            taken.appendleft(ledger.ledger_id)
    return taken
