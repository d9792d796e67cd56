"""Look at the objects of a ledger that the metadata calls complete: point reads of its two keys, nothing else."""

from dataclasses import dataclass
from typing import Final

from offloadctl.check.offloaded_ledger import (
    OffloadedLedger,
    check_index,
    check_last_block,
    looks_like_padding,
    missing_objects,
    read_index,
)
from offloadctl.errors import StoreError
from offloadctl.format.index_object import IndexObject
from offloadctl.model.finding import Finding
from offloadctl.model.ledger import OffloadPolicies
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Confirmation, MovedLedger
from offloadctl.operations.offload import ObjectsSeen
from offloadctl.ports import ObjectStore

_TAIL: Final = 16


@dataclass(frozen=True, slots=True)
class ObjectsInStores:
    """An ObjectsCheck over the buckets where the ledger may have gone."""

    stores: tuple[ObjectStore, ...]

    def __call__(self, topic: TopicName, ledger: MovedLedger, policies: OffloadPolicies | None) -> ObjectsSeen:
        """Both objects must be there, of the sizes that the ledger implies, and end with its last entry."""
        uuid = ledger.ledger.context_uuid
        if uuid is None:
            return _unseen(f"the metadata names no object for ledger {ledger.ledger.ledger_id}")
        subject = OffloadedLedger(topic, ledger.ledger, uuid)
        bucket = policies.bucket if policies else None
        named = tuple(store for store in self.stores if bucket in (None, store.bucket))
        if not named:
            known = ", ".join(store.location for store in self.stores) or "no bucket"
            return _unseen(f"the broker writes to bucket {bucket}, and only {known} can be read here")
        try:
            return self._look(subject, named, certain=bucket is not None)
        except StoreError as error:
            return _unseen(f"the objects of ledger {ledger.ledger.ledger_id} could not be read: {error.message}")

    def _look(self, subject: OffloadedLedger, stores: tuple[ObjectStore, ...], *, certain: bool) -> ObjectsSeen:
        for store in stores:
            data, index = store.head(subject.data_key), store.read(subject.index_key)
            if data is not None and index is not None:
                findings = _check(store, subject, data.size, index)
                return _seen(findings, data.size + len(index))
            if data is not None or index is not None or certain:
                return _seen(tuple(missing_objects(subject, data=data is not None, index=index is not None)), 0)
        looked = ", ".join(store.location for store in stores)
        return _unseen(
            f"the objects of ledger {subject.ledger.ledger_id} are not in {looked}; the broker's bucket is unknown"
        )


def _check(store: ObjectStore, subject: OffloadedLedger, data_size: int, index_bytes: bytes) -> tuple[Finding, ...]:
    index = read_index(subject, index_bytes)
    if isinstance(index, Finding):
        return (index,)
    return (*check_index(subject, index, data_size), *_check_tail(store, subject, data_size, index))


def _check_tail(
    store: ObjectStore, subject: OffloadedLedger, data_size: int, index: IndexObject
) -> tuple[Finding, ...]:
    key = subject.data_key
    tail = store.read(key, start=max(0, data_size - _TAIL))
    if tail is None:
        return tuple(missing_objects(subject, data=False, index=True))
    if not index.entries or not looks_like_padding(tail):
        return ()
    at = index.entries[-1].offset
    block = store.read(key, start=at)
    if block is None:
        return tuple(missing_objects(subject, data=False, index=True))
    return tuple(check_last_block(subject, block, at=at))


def _seen(findings: tuple[Finding, ...], object_bytes: int) -> ObjectsSeen:
    return ObjectsSeen(Confirmation.DAMAGED if findings else Confirmation.CONFIRMED, findings, object_bytes)


def _unseen(why: str) -> ObjectsSeen:
    return ObjectsSeen(Confirmation.UNCONFIRMED, not_covered=why)
