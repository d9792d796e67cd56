"""One ledger of a topic in a check: found in a bucket, looked at, and looked at again before anything is told of it."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Final

from offloadctl.check.presence import missing_objects, not_found
from offloadctl.check.readers import readers_of
from offloadctl.check.subject import Subject
from offloadctl.errors import Interrupted, StoreError
from offloadctl.model.check import Inspection, LedgerCheck, Level
from offloadctl.model.finding import Finding, Severity
from offloadctl.model.ledger import Cursor, Ledger, ManagedLedger, OffloadPolicies, OffloadProgress
from offloadctl.model.names import TopicName
from offloadctl.operations.ledger_check import look_at_ledger
from offloadctl.operations.ledger_objects import LedgerObjects
from offloadctl.operations.locate import Located, find_objects, is_todays_among, stores_in_order
from offloadctl.operations.restore import how_to_restore
from offloadctl.plan.storage import deletion_lag
from offloadctl.ports import ObjectInfo, ObjectStore
from offloadctl.units import format_duration

_IN_S3: Final = frozenset({OffloadProgress.OFFLOADED, OffloadProgress.BEGUN})


@dataclass(frozen=True, slots=True)
class Asked:
    """A ledger that is in S3 or may be, and what is known of its topic."""

    topic: TopicName
    ledger: Ledger
    policies: OffloadPolicies | None
    begun_after: datetime | None
    cursors: tuple[Cursor, ...] = ()

    @property
    def subject(self) -> Subject:
        """What its objects are measured by."""
        assert self.ledger.context_uuid is not None  # noqa: S101 - whatever was begun has one
        return Subject.of(self.topic, self.ledger, self.ledger.context_uuid, begun_after=self.begun_after)

    @property
    def is_complete(self) -> bool:
        """Whether the broker says that the offload is complete; otherwise nobody was asked."""
        return self.ledger.progress is OffloadProgress.OFFLOADED


def ledgers_in_s3(managed: ManagedLedger, policies: OffloadPolicies | None) -> list[Asked]:
    """Those that are complete, and without a broker that would know, those whose offload was begun."""
    closed_before = {one.ledger_id: before.closed_at for before, one in pairwise(managed.ledgers)}
    return [
        Asked(managed.topic, ledger, policies, closed_before.get(ledger.ledger_id), managed.cursors)
        for ledger in managed.closed
        if ledger.progress in _IN_S3 and ledger.context_uuid is not None
    ]


@dataclass(frozen=True, slots=True)
class Looked:
    """What the look at a ledger brought, and at which objects it was."""

    asked: Asked
    check: LedgerCheck
    found: Located | None = None
    """None if that could not be asked."""

    @property
    def is_unsettled(self) -> bool:
        """Whether there is something to tell, which must be seen twice; also that something could not be seen."""
        return bool(self.check.inspection.findings or self.check.inspection.not_covered)

    @property
    def is_missing(self) -> bool:
        """Whether an object was not there."""
        return self.found is not None and self.found.objects is None


Known = Callable[[Asked, LedgerObjects], LedgerCheck | None]
"""What is known of a ledger's objects without a look at them."""


@dataclass(frozen=True, slots=True)
class LedgerChecker:
    """Looks at ledgers in these buckets."""

    stores: tuple[ObjectStore, ...]
    level: Level
    stop: threading.Event

    def look(self, asked: Asked, *, unless: Known = lambda _asked, _objects: None) -> Looked:
        """Find the objects and look at them, unless they are known; what cannot be reached is said.

        Raises only Interrupted.
        """
        if self.stop.is_set():
            raise Interrupted("interrupted")
        try:
            found = find_objects(stores_in_order(self.stores, asked.policies), asked.subject)
        except StoreError as error:
            return Looked(asked, self._not_looked_at(asked, error.message))
        if found.objects is None:
            return Looked(asked, self._missing(asked, found), found)
        if (known := unless(asked, found.objects)) is not None:
            return Looked(asked, known, found)
        inspection = look_at_ledger(found.objects, asked.subject, self.level, stop=self.stop)
        told = tuple(_told(one, asked, found.objects) for one in inspection.findings)
        inspection = replace(inspection, findings=told)
        seen = found.objects.seen
        return Looked(asked, LedgerCheck(asked.topic, asked.ledger, inspection, found.bucket, objects=seen), found)

    def is_unchanged(self, looked: Looked) -> bool:
        """Whether the same objects are still where they were, or still nowhere; raises a StoreError."""
        again = find_objects(stores_in_order(self.stores, looked.asked.policies), looked.asked.subject)
        return _identity(again) == _identity(looked.found)

    def _missing(self, asked: Asked, found: Located) -> LedgerCheck:
        subject = asked.subject
        if not asked.is_complete:
            why = (
                f"ledger {asked.ledger.ledger_id} of {asked.topic}: its offload was begun and not both objects are "
                "there; whether it is complete, only a broker that serves the topic knows (--load-topics)"
            )
            return self._not_looked_at(asked, why)
        bucket = asked.policies.bucket if asked.policies is not None else None
        if found.is_anywhere or is_todays_among(self.stores, asked.policies):
            missing = missing_objects(subject, data=found.has_data, index=found.has_index, looked_in=found.looked_in)
            restore = self._restore(asked, found)
            findings = tuple(replace(_with_rescue(one, asked, None), restore=restore) for one in missing)
            return LedgerCheck(asked.topic, asked.ledger, Inspection(self.level, findings), found.bucket)
        why = f"ledger {asked.ledger.ledger_id} of {asked.topic}: in no known bucket, " + (
            f"and the broker now writes to {bucket}" if bucket else "and where the broker writes to is not known"
        )
        finding = replace(not_found(subject, looked_in=found.looked_in), restore=self._restore(asked, found))
        inspection = Inspection(self.level, (finding,), 0, (why,), looked_at=False)
        return LedgerCheck(asked.topic, asked.ledger, inspection)

    def _restore(self, asked: Asked, found: Located) -> str:
        """Of what is missing: whether a bucket with versions still keeps it."""
        subject = asked.subject
        there = {subject.data_key: found.has_data, subject.index_key: found.has_index}
        missing = [key for key, is_there in there.items() if not is_there]
        return how_to_restore(stores_in_order(self.stores, asked.policies), missing)

    def _not_looked_at(self, asked: Asked, why: str) -> LedgerCheck:
        return LedgerCheck(asked.topic, asked.ledger, Inspection(self.level, not_covered=(why,), looked_at=False))


def with_readers(finding: Finding, ledger: Ledger, cursors: Sequence[Cursor]) -> Finding:
    """The finding with the subscriptions that it will hit."""
    return replace(finding, readers=readers_of(ledger, cursors))


def _identity(found: Located | None) -> tuple[object, ...]:
    if found is None or found.objects is None:
        return () if found is None else (found.has_data, found.has_index)
    objects = found.objects
    return (found.bucket, *(part for one in (objects.data, objects.index) for part in _facts(one)))


def _facts(info: ObjectInfo) -> tuple[object, ...]:
    return info.size, info.etag, info.last_modified


def _told(finding: Finding, asked: Asked, objects: LedgerObjects) -> Finding:
    info = objects.index if finding.key == objects.index.key else objects.data
    return replace(_with_rescue(finding, asked, objects.index), etag=info.etag)


def _with_rescue(finding: Finding, asked: Asked, index: ObjectInfo | None) -> Finding:
    """Of damage: whom it will hit, and what is known of BookKeeper's copy, which may still save the ledger."""
    if finding.severity is not Severity.DAMAGE:
        return finding
    finding = with_readers(finding, asked.ledger, asked.cursors)
    if asked.policies is None:
        return finding
    return replace(finding, copy=_bookkeepers_copy(asked, index))


def _bookkeepers_copy(asked: Asked, index: ObjectInfo | None) -> str:
    lag = deletion_lag(asked.policies)
    if lag is None:
        return "BookKeeper keeps its copy: no deletion lag is set, if that was so since the offload."
    written = index.last_modified if index is not None else asked.ledger.closed_at
    if written is None:
        return f"BookKeeper's copy goes {format_duration(lag)} after the offload was complete."
    goes_at = (written + lag).strftime("%Y-%m-%d %H:%M:%S UTC")
    since = "the index was written" if index is not None else "the ledger was closed, at the earliest"
    return f"BookKeeper's copy goes at {goes_at}, {format_duration(lag)} after {since}, or at the next retention check."
