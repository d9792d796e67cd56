"""Look at the objects of a ledger right after its offload: the index level of the check."""

from dataclasses import dataclass, field

from offloadctl.check.presence import missing_objects
from offloadctl.check.subject import Subject
from offloadctl.errors import StoreError
from offloadctl.model.check import Inspection, Level
from offloadctl.model.ledger import OffloadPolicies
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Confirmation, MovedLedger
from offloadctl.operations.ledger_check import look_at_ledger
from offloadctl.operations.locate import find_objects, is_surely_todays
from offloadctl.operations.offload_judging import ObjectsCheck, ObjectsSeen, not_looked_at
from offloadctl.ports import ObjectStore


@dataclass(frozen=True, slots=True)
class ObjectsInStores:
    """An ObjectsCheck over the buckets where the ledger may have gone."""

    stores: tuple[ObjectStore, ...]
    _proven: set[str] = field(default_factory=set)

    def __call__(self, topic: TopicName, ledger: MovedLedger, policies: OffloadPolicies | None) -> ObjectsSeen:
        """Both objects must be there, of the sizes that the ledger implies, and end with its last entry."""
        uuid = ledger.ledger.context_uuid
        if uuid is None:
            return _unseen(f"the metadata names no object for ledger {ledger.ledger.ledger_id}")
        subject = Subject.of(topic, ledger.ledger, uuid)
        bucket = policies.bucket if policies else None
        # The ledger was written just now, so it is where the policies say, and a copy elsewhere proves nothing.
        named = tuple(store for store in self.stores if bucket in (None, store.bucket))
        if not named:
            known = ", ".join(store.location for store in self.stores) or "no bucket"
            return _unseen(f"the broker writes to bucket {bucket}, and only {known} can be read here")
        # An object of this run that was found there proves it as well.
        certain = any(
            is_surely_todays(store, policies) or (bucket and store.location in self._proven) for store in named
        )
        try:
            seen = _look(subject, named, certain=certain)
        except StoreError as error:
            return _unseen(f"the objects of ledger {ledger.ledger.ledger_id} could not be read: {error.message}")
        if seen.object_bytes:
            self._proven.update(store.location for store in named)
        return seen


def objects_check(stores: tuple[ObjectStore, ...]) -> ObjectsCheck:
    """Looks at objects in these buckets; without one nothing is looked at, and that is said."""
    return ObjectsInStores(stores) if stores else not_looked_at


def _look(subject: Subject, stores: tuple[ObjectStore, ...], *, certain: bool) -> ObjectsSeen:
    found = find_objects(stores, subject)
    if found.objects is not None:
        return _seen(subject, look_at_ledger(found.objects, subject, Level.INDEX))
    if found.is_anywhere or certain:
        missing = missing_objects(subject, data=found.has_data, index=found.has_index, looked_in=found.looked_in)
        return ObjectsSeen(Confirmation.DAMAGED, tuple(missing))
    return _unseen(
        f"the objects of ledger {subject.ledger_id} are not in {found.looked_in}; the broker may write elsewhere"
    )


def _seen(subject: Subject, inspection: Inspection) -> ObjectsSeen:
    if inspection.is_damaged:
        return ObjectsSeen(Confirmation.DAMAGED, inspection.findings, inspection.object_bytes)
    if inspection.not_covered:
        why = inspection.not_covered[0]
        return _unseen(f"the objects of ledger {subject.ledger_id} could not be read: {why}")
    return ObjectsSeen(Confirmation.CONFIRMED, inspection.findings, inspection.object_bytes)


def _unseen(why: str) -> ObjectsSeen:
    return ObjectsSeen(Confirmation.UNCONFIRMED, not_covered=why)
