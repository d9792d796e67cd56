"""In which bucket a ledger's objects are: no REST call tells, so the keys are looked up in one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from offloadctl.check.subject import Subject
from offloadctl.errors import StoreError
from offloadctl.model.ledger import OffloadPolicies
from offloadctl.operations.ledger_objects import LedgerObjects
from offloadctl.ports import ObjectInfo, ObjectStore

_AWS: Final = ".amazonaws.com"
"""In the endpoint of each of AWS's regions; a broker whose policies name no endpoint writes there."""


@dataclass(frozen=True, slots=True)
class Located:
    """What was found; `objects` only if both are in one bucket."""

    objects: LedgerObjects | None
    has_data: bool
    has_index: bool
    looked_in: str
    """The buckets, for people."""
    bucket: str = ""
    data: ObjectInfo | None = None
    """The data object, with or without its index."""

    @property
    def is_anywhere(self) -> bool:
        """Whether one of the two is there; the other one must then be beside it."""
        return self.has_data or self.has_index


def stores_in_order(stores: Sequence[ObjectStore], policies: OffloadPolicies | None) -> tuple[ObjectStore, ...]:
    """The buckets that may hold a ledger: all of them, today's first. Policies change, and what was moved stays."""
    bucket = policies.bucket if policies is not None else None
    return tuple(sorted(stores, key=lambda store: store.bucket != bucket))


def is_todays_among(stores: Sequence[ObjectStore], policies: OffloadPolicies | None) -> bool:
    """Whether the bucket that the broker writes to is one of these; else what they lack may be in that one."""
    return policies is not None and any(store.bucket == policies.bucket for store in stores)


def is_surely_todays(store: ObjectStore, policies: OffloadPolicies | None) -> bool:
    """Whether this is surely where the broker writes: a bucket of the same name may lie at another endpoint.

    A broker may know the endpoint by an internal name, so different names prove nothing either way.
    """
    if policies is None or policies.bucket is None or store.bucket != policies.bucket:
        return False
    return (urlsplit(policies.endpoint or "").netloc or _AWS) in store.location


def find_objects(stores: Sequence[ObjectStore], subject: Subject) -> Located:
    """Look for both objects in each bucket, until they are found.

    Raises the StoreError of a bucket that could not be asked if they are in none of the others: they may be there.
    """
    half: tuple[ObjectStore, ObjectInfo | None, ObjectInfo | None] | None = None
    unasked: StoreError | None = None
    for store in stores:
        try:
            data, index = store.head(subject.data_key), store.head(subject.index_key)
        except StoreError as error:
            unasked = unasked or error
            continue
        if data is not None and index is not None:
            return Located(LedgerObjects(store, data, index), True, True, store.location, store.bucket, data)
        if half is None and (data is not None or index is not None):
            half = store, data, index
    if unasked is not None:
        raise unasked
    if half is not None:
        store, data, index = half
        return Located(None, data is not None, index is not None, store.location, store.bucket, data)
    return Located(None, False, False, ", ".join(store.location for store in stores) or "no bucket")
