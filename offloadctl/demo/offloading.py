"""How a broker offloads: manual and automatic runs, the threads that they share, and the steps for one ledger.

ManagedLedgerImpl.java (asyncOffloadPrefix, maybeOffload, offloadLoop) and BlobStoreManagedLedgerOffloader.java are the
authorities. Everything happens at a time that is handed in; nothing here waits.
"""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from offloadctl.demo.faults import Fault, Faults
from offloadctl.demo.ledgers import ManagedLedgerMetadata, OffloadContext, SimulatedLedger
from offloadctl.demo.object_writer import LedgerObjects, delete_objects, leave_upload_open, write_objects
from offloadctl.demo.offload_threads import Threads, Upload
from offloadctl.demo.policies import EffectivePolicy
from offloadctl.demo.tuning import Tuning
from offloadctl.errors import StoreError
from offloadctl.format.keys import data_key, index_key
from offloadctl.model.ledger import OffloadState, OffloadStatus, Position
from offloadctl.model.names import TopicName
from offloadctl.ports import WritableObjectStore

_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_EXCEPTION: Final = "org.apache.bookkeeper.mledger.ManagedLedgerException"
_NO_OFFLOADER: Final = "[NullLedgerOffloader] does not support offload"


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


@dataclass(slots=True)
class LoadedTopic:
    """What a broker has in memory about a topic that it serves; gone when the topic is unloaded."""

    broker: str
    last_confirmed: Position
    """The last entry that was stored, even if its ledger has been trimmed since."""
    for_reading: bool = False
    """The topic had been terminated before it was loaded: no ledger is open, and an empty last one is left out."""
    entries_added: int = 0
    bytes_in: int = 0
    messages_in: int = 0
    upload_errors: int = 0
    bytes_out: int = 0
    """Nobody consumes in here: whoever wants a topic to be read says so."""
    producers: int = 0
    consumers: int = 0
    """Nor is anybody connected, unless somebody says so; an unload disconnects them, and nobody connects again."""
    status: OffloadStatus = field(default_factory=lambda: OffloadStatus(OffloadState.NOT_RUN))
    run: OffloadRun | None = None
    """Holds the mutex that manual and automatic runs share."""
    automatic_run_waits: bool = False
    last_offload_ledger_id: int = 0
    last_success_at: datetime | None = None
    last_failure_at: datetime | None = None

    def ledgers(self, metadata: ManagedLedgerMetadata) -> tuple[SimulatedLedger, ...]:
        """The ledgers as the broker has them in memory, ascending."""
        stored = metadata.ascending
        return stored[:-1] if self.for_reading and not stored[-1].entry_count else stored

    def open_ledger(self, metadata: ManagedLedgerMetadata) -> SimulatedLedger | None:
        """The ledger whose numbers are told apart from the list's: the last one, also of a topic just terminated."""
        return None if self.for_reading else metadata.last


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

    def __init__(self, world: OffloadWorld, brokers: tuple[str, ...], tuning: Tuning) -> None:
        self._world = world
        self._threads = {broker: Threads(tuning.offload_threads) for broker in brokers}
        self._tuning = tuning

    def start_manual(self, topic: TopicName, loaded: LoadedTopic, position: Position, now: datetime) -> None:
        """PUT offload. Whatever goes wrong from here on shows up in the status only."""
        if loaded.status.state is OffloadState.RUNNING:
            raise OffloadInProgress
        metadata = self._metadata(topic)
        if self._store(topic) is None:
            loaded.status = _failed(f"{_EXCEPTION}: {_NO_OFFLOADER}")
        elif not _is_valid(metadata, position):
            text = f"Invalid position for offload: {position}"
            loaded.status = _failed(f"{_EXCEPTION}$InvalidCursorPositionException: {text}")
        elif not (candidates := _candidates(loaded.ledgers(metadata), position)):
            first_kept = _first_kept(loaded.ledgers(metadata), position)
            loaded.status = OffloadStatus(OffloadState.SUCCESS, first_unoffloaded=first_kept)
        elif loaded.run is not None:
            text = "Offload operation already running"
            loaded.status = _failed(f"{_EXCEPTION}$OffloadInProgressException: {text}")
        else:
            loaded.status = OffloadStatus(OffloadState.RUNNING)
            loaded.run = OffloadRun(
                topic, manual=True, left=candidates, first_unoffloaded=_first_kept(loaded.ledgers(metadata), position)
            )
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
        if candidates := _automatic_candidates(self._metadata(topic).ascending, policy, now):
            loaded.run = OffloadRun(topic, manual=False, left=candidates)
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
        for upload in threads.running:
            if upload.open is None:
                leave_upload_open(upload.store, upload.uuid, upload.ledger_id)
        threads.running.clear()
        threads.waiting.clear()

    def grow(self, now: datetime) -> None:
        """Let arrive what has been uploaded by now."""
        for threads in self._threads.values():
            for upload in threads.running:
                upload.grow(now)

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
            if ledger is not None and self._prepare(run, metadata, ledger, loaded.broker, now):
                return
        self._end(run, loaded, now)

    def _prepare(
        self, run: OffloadRun, metadata: ManagedLedgerMetadata, ledger: SimulatedLedger, broker: str, now: datetime
    ) -> bool:
        """Step 1: a new uuid goes into the metadata before anything is uploaded. False: that failed already."""
        store = self._store(run.topic)
        if store is None:
            self._note_failure(run, f"{_EXCEPTION}: {_NO_OFFLOADER}", now)
            return False
        if ledger.context is not None:
            self._delete_earlier(ledger.context, ledger.ledger_id)
        ledger.context = OffloadContext(self._world.new_uuid(), store.bucket)
        metadata.written(now, by_offload=True)
        if self._world.faults.take(Fault.STUCK_RUNNING, run.topic):
            # The exception kills the task; the promise that the run waits for is never kept.
            return True
        takes = timedelta(seconds=self._tuning.upload_overhead + ledger.length / self._tuning.upload_rate)
        stalls = self._world.faults.take(Fault.STALLED_UPLOAD, run.topic)
        parts = _parts(ledger.length, self._world.policy_of(run.topic).max_block_size)
        threads = self._threads[broker]
        threads.waiting.append(Upload(run, ledger.ledger_id, ledger.context.uuid, store, takes, parts, stalls))
        threads.start_waiting(now)
        return True

    def _finish(self, broker: str, upload: Upload, at: datetime) -> None:
        """Steps 4 to 6: data object, index object, `complete`."""
        run, faults = upload.run, self._world.faults
        upload.close()
        metadata = self._world.metadata_of(run.topic)
        ledger = metadata.ledgers.get(upload.ledger_id) if metadata is not None else None
        if metadata is None or ledger is None or ledger.context is None or ledger.context.uuid != upload.uuid:
            # Trimmed or deleted meanwhile, or another attempt took over: nothing may be left in the bucket.
            self._continue(run, at)
            return
        crashes = faults.take(Fault.CRASH_BEFORE_INDEX, run.topic)
        try:
            store = _existing(self._world.store_of(ledger.context.bucket), ledger.context.bucket)
            write_objects(store, self._objects(metadata, ledger, upload.uuid), with_index=not crashes)
        except (StoreError, ValueError) as error:
            cause = "java.util.concurrent.CompletionException: org.jclouds.http.HttpResponseException"
            self._note_failure(run, f"{_EXCEPTION}: {cause}: {error}", at)
            self._continue(run, at)
            return
        if crashes:
            self._world.crash_broker(broker)
            return
        if run.detached:
            # The new owner changed the metadata: the write fails with a bad version and the objects stay behind.
            return
        ledger.context.completed_at = at
        metadata.written(at, by_offload=True)
        self._lose(store, ledger, run.topic)
        if (loaded := self._world.loaded_topic(run.topic)) is not None:
            loaded.last_offload_ledger_id, loaded.last_success_at = ledger.ledger_id, at
        self._continue(run, at)

    def _note_failure(self, run: OffloadRun, error: str, at: datetime) -> None:
        """The first error is the one that is told; the next ledger is tried all the same."""
        run.first_error = run.first_error or error
        if not run.detached and (loaded := self._world.loaded_topic(run.topic)) is not None:
            loaded.last_failure_at = at
            loaded.upload_errors += 1

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
        return LedgerObjects(
            metadata.topic,
            ledger,
            uuid,
            cluster=self._world.name,
            version=self._world.version,
            max_block_size=self._world.policy_of(metadata.topic).max_block_size,
            truncated=self._world.faults.take(Fault.TRUNCATED_LEDGER, metadata.topic),
        )

    def _lose(self, store: WritableObjectStore, ledger: SimulatedLedger, topic: TopicName) -> None:
        if ledger.context is None:
            return
        if self._world.faults.take(Fault.LOST_OBJECT, topic):
            store.delete(data_key(ledger.context.uuid, ledger.ledger_id))
        if self._world.faults.take(Fault.LOST_INDEX, topic):
            store.delete(index_key(ledger.context.uuid, ledger.ledger_id))

    def _delete_earlier(self, context: OffloadContext, ledger_id: int) -> None:
        """What an earlier attempt may have left."""
        if (store := self._world.store_of(context.bucket)) is not None:
            # The broker gives up after ten tries; what is left is an orphan for ever.
            with suppress(StoreError):
                delete_objects(store, context.uuid, ledger_id)

    def _store(self, topic: TopicName) -> WritableObjectStore | None:
        policy = self._world.policy_of(topic)
        return self._world.store_of(policy.bucket) if policy.driver else None

    def _metadata(self, topic: TopicName) -> ManagedLedgerMetadata:
        metadata = self._world.metadata_of(topic)
        if metadata is None:
            raise LookupError(f"{topic} has no managed ledger")
        return metadata


def _parts(length: int, block_size: int) -> tuple[int, ...]:
    """The sizes of the parts that a ledger makes, give or take headers and padding."""
    return tuple(min(block_size, length - at) for at in range(0, length, block_size))


def _existing(store: WritableObjectStore | None, bucket: str) -> WritableObjectStore:
    if store is None:
        raise StoreError(f"no bucket {bucket}")
    return store


def _failed(error: str) -> OffloadStatus:
    return OffloadStatus(OffloadState.ERROR, last_error=error)


def _is_valid(metadata: ManagedLedgerMetadata, position: Position) -> bool:
    """An entry that exists, or the place behind the last one of the current ledger (ManagedLedgerImpl.java)."""
    ledger = metadata.ledgers.get(position.ledger_id)
    if ledger is None or position.entry_id < 0:
        return False
    return position.entry_id < ledger.entry_count + (ledger is metadata.last)


def _candidates(ledgers: Sequence[SimulatedLedger], position: Position) -> deque[int]:
    """Before the position, never the last one of the list, not complete, with a length."""
    return deque(
        ledger.ledger_id
        for ledger in ledgers[:-1]
        if ledger.ledger_id < position.ledger_id and not ledger.is_offloaded and ledger.length > 0
    )


def _first_kept(ledgers: Sequence[SimulatedLedger], position: Position) -> Position:
    kept = (ledger.ledger_id for ledger in ledgers if ledger.ledger_id >= position.ledger_id)
    last = ledgers[-1].ledger_id if ledgers else position.ledger_id
    return Position(next(kept, last), 0)


def _automatic_candidates(ledgers: Sequence[SimulatedLedger], policy: EffectivePolicy, now: datetime) -> deque[int]:
    """Newest to oldest over closed ledgers; the open one's bytes do not count, those of offloaded ones do."""
    taken: deque[int] = deque()
    total = 0
    for ledger in reversed(ledgers):
        if ledger.closed_at is None:
            continue
        total += ledger.length
        too_much = policy.threshold >= 0 and total > policy.threshold
        age = (now - ledger.closed_at).total_seconds()
        too_old = policy.threshold_in_seconds >= 0 and age >= policy.threshold_in_seconds
        if (too_much or too_old) and not ledger.is_offloaded and ledger.length > 0:
            taken.appendleft(ledger.ledger_id)
    return taken
