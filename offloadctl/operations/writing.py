"""The ledger that a run is at: its uuid by the metadata, its open upload by the bucket; about four requests a look."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from offloadctl.check.subject import Subject
from offloadctl.errors import BrokerError, StoreError
from offloadctl.model.ledger import Ledger, OffloadPolicies, StoredLedger
from offloadctl.model.names import TopicName
from offloadctl.model.standing import Writing
from offloadctl.operations.locate import stores_in_order
from offloadctl.ports import MultipartUpload, ObjectStore, Ports

_CANDIDATES: Final = 3
"""Of so many ledgers that may be the one the keys are looked up; a failed one is passed over by the broker."""

NO_BUCKET: Final = "no bucket is configured"


@dataclass(frozen=True, slots=True)
class _Arrived:
    number: int = 0
    size: int = 0
    at: datetime | None = None


@dataclass(slots=True)
class WritingLook:
    """Looks at one topic's run again and again; of an upload only the parts that are new are asked for."""

    ports: Ports
    topic: TopicName
    planned: Sequence[Ledger]
    policies: OffloadPolicies | None
    without_stores: str = NO_BUCKET
    """Why there are none to look into, if there are none."""
    _arrived: dict[str, _Arrived] = field(default_factory=dict)

    def look(self, complete: frozenset[int]) -> Writing:
        """What is there of the ledger that is being written, `complete` being those that are done with."""
        try:
            stored = self.ports.admin.stored_ledgers(self.topic)
        except BrokerError as error:
            return Writing(not_seen=error.message)
        begun = list(self._begun({one.ledger_id: one for one in stored.ledgers}, complete))
        seen = [self._writing(ledger) for ledger in begun[:_CANDIDATES]]
        found = next((one for one in seen if one.has_a_thread), seen[0] if seen else Writing())
        return replace(found, changed_at=stored.modified_at)

    def _begun(self, stored: dict[int, StoredLedger], complete: frozenset[int]) -> Iterator[StoredLedger]:
        """The planned ledgers that may be the one: first those whose uuid is new since the plan, the latest first.

        A run that was joined had its uuid then already; it goes through its ledgers oldest first.
        """
        left = [one for one in self.planned if one.ledger_id in stored and one.ledger_id not in complete]
        anew = [one for one in left if stored[one.ledger_id].context_uuid not in (None, one.context_uuid)]
        before = [one for one in left if one not in anew and stored[one.ledger_id].context_uuid is not None]
        yield from (stored[one.ledger_id] for one in (*reversed(anew), *before))

    def _writing(self, stored: StoredLedger) -> Writing:
        if stored.context_uuid is None:
            return Writing()
        if not self.ports.stores:
            return Writing(stored.ledger_id, stored.context_uuid, not_seen=self.without_stores)
        ledger = next(one for one in self.planned if one.ledger_id == stored.ledger_id)
        subject = Subject.of(self.topic, ledger, stored.context_uuid)
        bucket = self.policies.bucket if self.policies is not None else None
        stores = [one for one in self.ports.stores if one.bucket == bucket] or stores_in_order(
            self.ports.stores, self.policies
        )
        try:
            looks = [self._in(store, subject, stored) for store in stores]
        except StoreError as error:
            return Writing(stored.ledger_id, stored.context_uuid, not_seen=error.message)
        return next((one for one in looks if one.has_a_thread), looks[0])

    def _in(self, store: ObjectStore, subject: Subject, stored: StoredLedger) -> Writing:
        key, at = subject.data_key, (stored.ledger_id, stored.context_uuid)
        # Others come with those of the key where it is the beginning of theirs.
        for upload in (one for one in store.uploads(key) if one.key == key):
            if (arrived := self._parts(store, upload)) is not None:
                return Writing(*at, True, arrived.number, arrived.size, arrived.at, looked_in=store.location)
        data = store.head(key)
        index = store.head(subject.index_key) if data is not None else None
        return Writing(*at, has_data=data is not None, has_index=index is not None, looked_in=store.location)

    def _parts(self, store: ObjectStore, upload: MultipartUpload) -> _Arrived | None:
        known = self._arrived.get(upload.upload_id, _Arrived())
        parts = store.upload_parts(upload, after=known.number)
        if parts is None:
            return None
        if parts:
            known = _Arrived(parts[-1].number, known.size + sum(part.size for part in parts), parts[-1].arrived_at)
        self._arrived[upload.upload_id] = known
        return known
