"""A bucket's doctor: what we may do there, how it is configured, and with a probe whether writing works.

It speaks for this program's identity: brokers have their own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from secrets import token_hex
from typing import Final

from offloadctl.errors import StoreError
from offloadctl.model.bucket_facts import BucketFacts
from offloadctl.model.doctor import DoctorReport, Symptom, Weight
from offloadctl.plan.bucket_diagnosis import diagnose_bucket
from offloadctl.ports import BucketProbe, ObjectInfo, ObjectStore, WritableObjectStore

_PART: Final = 5 * 1024 * 1024
"""The smallest that S3 takes for a part that is not the last."""

_PREFIX: Final = "offloadctl-write-probe-"
"""No key that Pulsar writes begins so: it begins with a uuid."""


@dataclass(frozen=True, slots=True)
class BucketDoctor:
    """How to look at one bucket."""

    store: ObjectStore
    probe: BucketProbe

    def visit(self, writable: WritableObjectStore | None = None) -> DoctorReport:
        """Everything that reading tells; with a writable store also whether we may write."""
        reading = tuple(self._reading())
        if any(one.weight is Weight.FAILURE for one in reading):
            return DoctorReport(f"bucket {self.store.location}", reading)
        facts = self.probe.facts()
        symptoms = [*reading, _identity(facts), *diagnose_bucket(facts)]
        if writable is not None:
            symptoms += _written(writable, facts)
        return DoctorReport(f"bucket {self.store.location}", tuple(symptoms))

    def _reading(self) -> Iterator[Symptom]:
        """List, head, get, a range, uploads: all that a check does."""
        try:
            first = next(iter(self.store.list()), None)
        except StoreError as error:
            yield Symptom("list", Weight.FAILURE, "The bucket cannot be listed.", error.message, do=error.hint)
            return
        yield Symptom("list", Weight.FINE, "The bucket can be listed.")
        yield from self._read(first) if first is not None else self._empty()
        try:
            count = sum(1 for _ in self.store.uploads())
            all_told = self.store.uploads_listable
        except StoreError as error:
            yield Symptom("uploads", Weight.WARNING, "Open uploads cannot be listed.", error.message, do=error.hint)
            return
        if all_told:
            yield Symptom("uploads", Weight.FINE, f"Open uploads can be listed; there are {count}.")
        else:
            what = "This store may not tell all uploads that are open: it must be asked key by key."
            yield Symptom("uploads", Weight.NOTE, what)

    def _read(self, first: ObjectInfo) -> Iterator[Symptom]:
        try:
            head = self.store.head(first.key)
            whole = self.store.read(first.key, length=64)
            part = self.store.read(first.key, start=1, length=16)
        except StoreError as error:
            yield Symptom("read", Weight.FAILURE, "Objects cannot be read.", error.message, do=error.hint)
            return
        if head is None or whole is None or part is None:
            yield Symptom("read", Weight.UNKNOWN, "The object that was to be read is gone meanwhile.", first.key)
        elif part != whole[1:17]:
            what = "A range of an object is not what its beginning says: the store or a proxy does not keep to ranges."
            yield Symptom("ranges", Weight.ERROR, what, first.key)
        else:
            yield Symptom("read", Weight.FINE, "Objects can be looked at and read, whole and in ranges.", first.key)

    def _empty(self) -> Iterator[Symptom]:
        what = "The bucket is empty, so reading was not tried."
        yield Symptom("read", Weight.UNKNOWN, what, do="offload a topic, or add --write-probe")


def _identity(facts: BucketFacts) -> Symptom:
    if not facts.credentials:
        return Symptom("identity", Weight.NOTE, "We have no credentials: requests are not signed.")
    what = f"Our credentials come from: {facts.credentials}. The brokers' are their own, and are not tried here."
    return Symptom("identity", Weight.FINE, what)


def _written(store: WritableObjectStore, facts: BucketFacts) -> Iterator[Symptom]:
    key = f"{_PREFIX}{token_hex(8)}"
    words, parts = b"offloadctl write probe", (b"\0" * _PART, b"end")
    steps: tuple[tuple[str, Callable[[], None]], ...] = (
        ("put an object", lambda: store.put(key, words, user_metadata={"a": "b"}, content_type="text/plain")),
        ("read it back", lambda: _expect(store.read(key) == words, "other bytes came back")),
        ("see its metadata", lambda: _expect(_metadata(store, key) == {"a": "b"}, "its metadata is gone")),
        (
            "put it anew in parts",
            lambda: store.put_multipart(key, iter(parts), user_metadata={}, content_type="text/plain"),
        ),
        ("see its size", lambda: _expect(_size(store, key) == _PART + 3, "it has another size")),
    )
    failed = False
    try:
        for what, step in steps:
            try:
                step()
            except StoreError as error:
                failed = True
                yield Symptom("write", Weight.ERROR, f"We cannot {what}.", error.message, do=error.hint)
                break
    finally:
        removed = _removed(store, key)
    if not failed:
        yield Symptom("write", Weight.FINE, "We can write: in one request and in parts.", key)
    yield removed
    if facts.versioning.value == "Enabled":
        what = "The bucket keeps versions, so two old ones of the probe and a marker stay behind."
        yield Symptom("probe-versions", Weight.NOTE, what, key)


def _removed(store: WritableObjectStore, key: str) -> Symptom:
    try:
        store.delete(key)
        if store.head(key) is None:
            return Symptom("delete", Weight.FINE, "We can delete: the probe is gone.", key)
    except StoreError as error:
        return Symptom(
            "delete", Weight.ERROR, "The probe cannot be deleted, and may stay behind.", f"{key}: {error.message}"
        )
    return Symptom("delete", Weight.ERROR, "The probe is still there after it was deleted.", key)


def _expect(is_so: bool, otherwise: str) -> None:  # noqa: FBT001 - it reads as a sentence
    if not is_so:
        raise StoreError(otherwise)


def _metadata(store: ObjectStore, key: str) -> dict[str, str]:
    found = store.head(key)
    return dict(found.user_metadata) if found is not None else {}


def _size(store: ObjectStore, key: str) -> int | None:
    found = store.head(key)
    return None if found is None else found.size
