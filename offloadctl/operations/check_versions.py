"""What a bucket keeps of ledgers' objects that are deleted or replaced: paid for, and in no listing of objects."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from typing import Final

from offloadctl.errors import Interrupted, StoreError
from offloadctl.format.keys import split_key
from offloadctl.model.bucket import ObjectSum, OldVersions
from offloadctl.operations.workers import PATIENCE_S, StoppableClock, one_answer, work_through
from offloadctl.ports import ObjectStore, ObjectVersion

_AT_ONCE: Final = 8
_PAGE: Final = 1000
"""S3's ListObjectVersions gives no more in one answer."""

_DIGITS: Final = "0123456789abcdef"
"""With which ledgers' keys begin: uuids are random, so these share them evenly."""


def count_versions(store: ObjectStore, clock: StoppableClock) -> OldVersions:
    """The sums of one bucket; may raise a StoreError or Interrupted."""
    if not store.is_versioned:
        return OldVersions()
    first = one_answer(lambda: list(islice(store.versions(), _PAGE)), clock.stop)
    if len(first) < _PAGE:
        return _sum(first)
    if clock.stop.is_set():
        raise Interrupted("interrupted before versions were listed")
    finished = work_through(
        _DIGITS,
        lambda digit: _count(store, digit, clock),
        at_once=_AT_ONCE,
        stop=clock.stop,
        done=lambda _sums: None,
        patience=PATIENCE_S,
    )
    sums = [one for one in finished.results.values() if one is not None]
    if finished.interrupted or len(sums) < len(_DIGITS):
        raise Interrupted("interrupted while versions were listed")
    for one in sums:
        if isinstance(one, StoreError):
            raise one
    return sum((one for one in sums if isinstance(one, OldVersions)), OldVersions())


def _count(store: ObjectStore, prefix: str, clock: StoppableClock) -> OldVersions | StoreError | None:
    """None if it was interrupted."""
    total = OldVersions(is_versioned=True)
    versions = store.versions(prefix)
    try:
        while page := list(islice(versions, _PAGE)):
            if clock.stop.is_set():
                return None
            total += _sum(page)
    except StoreError as error:
        return error
    return total


def _sum(versions: Iterable[ObjectVersion]) -> OldVersions:
    total = OldVersions(is_versioned=True)
    objects = size = markers = 0
    for one in versions:
        if split_key(one.key) is None:
            continue
        if one.is_delete_marker:
            markers += 1
        elif not one.is_latest:
            objects, size = objects + 1, size + one.size
    return replace(total, noncurrent=ObjectSum(objects, size), delete_markers=markers)
