"""In which bucket a ledger's objects are, and what is said when one of the buckets cannot be asked."""

from uuid import UUID

import pytest

from offloadctl.adapters.memory import MemoryObjectStore
from offloadctl.check.subject import Subject
from offloadctl.errors import StoreDenied
from offloadctl.model.ledger import Ledger, OffloadProgress
from offloadctl.model.names import TopicName
from offloadctl.operations.locate import find_objects
from offloadctl.ports import ObjectInfo
from offloadctl.units import ByteSize

UUID_OF_OBJECTS = UUID("385c4894-2041-461f-9161-a199311fcaf1")
SUBJECT = Subject.of(
    TopicName.parse("acme/shop/orders"),
    Ledger(7, 10, ByteSize(1000), False, OffloadProgress.OFFLOADED, None, UUID_OF_OBJECTS),
    UUID_OF_OBJECTS,
)


class Denying(MemoryObjectStore):
    """A bucket that our credentials may not read."""

    def head(self, key: str) -> ObjectInfo | None:
        raise StoreDenied(f"access to {self.location} is denied: HEAD {key}")


def bucket(name: str, *keys: str) -> MemoryObjectStore:
    store = MemoryObjectStore(name)
    for key in keys:
        store.put(key, b"x", user_metadata={}, content_type="")
    return store


def test_a_bucket_that_denies_access_does_not_hide_what_the_next_one_has() -> None:
    whole = bucket("new", SUBJECT.data_key, SUBJECT.index_key)

    found = find_objects((Denying("old"), whole), SUBJECT)

    assert found.bucket == "new"
    assert found.objects is not None


@pytest.mark.parametrize("keys", [(), (SUBJECT.data_key,)], ids=["nothing", "one of the two"])
def test_what_the_others_lack_may_be_in_the_bucket_that_denies_access(keys: tuple[str, ...]) -> None:
    with pytest.raises(StoreDenied, match="old"):
        find_objects((bucket("new", *keys), Denying("old")), SUBJECT)


def test_without_the_objects_all_buckets_are_named() -> None:
    found = find_objects((bucket("new"), bucket("old")), SUBJECT)

    assert not found.is_anywhere
    assert "new" in found.looked_in
    assert "old" in found.looked_in


def test_a_half_is_told_with_its_bucket() -> None:
    found = find_objects((bucket("new"), bucket("old", SUBJECT.index_key)), SUBJECT)

    assert (found.has_data, found.has_index, found.bucket) == (False, True, "old")
