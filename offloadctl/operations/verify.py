"""Verify two objects by name, whoever they belong to: the engine of the check, for files, addresses and ledgers."""

from dataclasses import replace

from offloadctl.check.presence import missing_objects
from offloadctl.check.subject import Subject
from offloadctl.check.user_metadata import OWNER_KEY
from offloadctl.errors import OffloadctlError, StoreFailed
from offloadctl.format.keys import ObjectKey, data_key, index_key
from offloadctl.model.check import Inspection, Level
from offloadctl.model.inspection import Verification
from offloadctl.model.names import TopicName
from offloadctl.operations.check_ledger import Asked, LedgerChecker
from offloadctl.operations.ledger_check import look_at_ledger
from offloadctl.operations.ledger_objects import LedgerObjects
from offloadctl.operations.locate import Located, find_objects
from offloadctl.operations.workers import StoppableClock
from offloadctl.ports import ObjectStore, Ports


def subject_of_key(key: ObjectKey, store: ObjectStore) -> tuple[Subject, Located]:
    """The ledger that a key names, with the topic that its data object names, and what is there of it."""
    subject = Subject(data_key(key.uuid, key.ledger_id), index_key(key.uuid, key.ledger_id), ledger_id=key.ledger_id)
    found = find_objects((store,), subject)
    owner = found.objects.data.user_metadata.get(OWNER_KEY) if found.objects is not None else None
    return replace(subject, topic=_topic(owner)), found


def verify_files(objects: LedgerObjects, subject: Subject, level: Level) -> Verification:
    """Two files, or two objects that were found."""
    return _verification(subject, look_at_ledger(objects, subject, level))


def verify_key(
    key: ObjectKey, store: ObjectStore, level: Level, *, entries: int | None = None, size: int | None = None
) -> Verification:
    """The objects of that key; StoreFailed if neither is there."""
    subject, found = subject_of_key(key, store)
    subject = replace(subject, entries=entries, size=size)
    if found.objects is not None:
        return verify_files(found.objects, subject, level)
    if not found.is_anywhere:
        raise StoreFailed(
            f"neither {subject.data_key} nor its index is in {store.location}", hint="right bucket, right endpoint?"
        )
    missing = missing_objects(subject, data=found.has_data, index=found.has_index, looked_in=found.looked_in)
    return _verification(subject, Inspection(level, tuple(missing)))


def verify_ledger(ports: Ports, asked: Asked, level: Level) -> Verification:
    """A ledger of a topic, as a check of the topic looks at it."""
    clock = StoppableClock(ports.clock)
    checker = LedgerChecker(ports.stores, level, clock.stop)
    return _verification(asked.subject, checker.look(asked).check.inspection)


def _verification(subject: Subject, inspection: Inspection) -> Verification:
    return Verification(subject.data_key, subject.index_key, inspection, subject.ledger_id)


def _topic(managed_ledger_name: str | None) -> TopicName | None:
    try:
        return TopicName.from_managed_ledger_name(managed_ledger_name) if managed_ledger_name is not None else None
    except OffloadctlError:
        return None
