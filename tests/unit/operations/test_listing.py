"""A bucket listed from several places at once: each key once, whatever lies between uuids, however often it fails."""

import threading
from collections.abc import Iterator, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.adapters.memory import ManualClock, MemoryObjectStore
from offloadctl.errors import StoreBusy, StoreDenied
from offloadctl.operations import listing
from offloadctl.operations.listing import list_bucket
from offloadctl.operations.pace import MOST_REFUSALS
from offloadctl.operations.workers import StoppableClock
from offloadctl.ports import ObjectInfo

PAGE = 4

# What may stand first: digits of uuids, and neighbours of them that are none.
first_letters = st.sampled_from(" -/0123456789:A`abcdefghz~é😀\U0010ffff")
bucket_keys = st.sets(
    st.builds("{}{}".format, first_letters, st.text(st.sampled_from("09af-é\U0010ffff"), max_size=4)), max_size=80
)


class Bucket(MemoryObjectStore):
    """Counts listings; at the keys that are due it is busy, once each."""

    def __init__(self, keys: set[str]) -> None:
        super().__init__("ledgers")
        for key in keys:
            self.put(key, b"", user_metadata={}, content_type="")
        self.listings = 0
        self.busy_at: set[str] = set()
        self.error: Exception | None = None
        self._lock = threading.Lock()

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        with self._lock:
            self.listings += 1
        for info in super().list(prefix, after=after):
            with self._lock:
                is_busy = info.key in self.busy_at
                self.busy_at.discard(info.key)
            if is_busy:
                raise StoreBusy("SlowDown")
            if self.error is not None and prefix == "e":
                raise self.error
            yield info


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", PAGE)


def listed(bucket: Bucket) -> list[str]:
    keys: list[str] = []

    def take(objects: Sequence[ObjectInfo]) -> None:
        keys.extend(info.key for info in objects)

    list_bucket(bucket, take, StoppableClock(ManualClock()))
    return keys


@given(keys=bucket_keys)
def test_each_key_comes_once(keys: set[str]) -> None:
    assert sorted(listed(Bucket(keys))) == sorted(keys)


@given(keys=bucket_keys, seed=st.integers(0, 2**32))
def test_a_store_that_is_busy_now_and_then_loses_no_key_and_tells_none_twice(keys: set[str], seed: int) -> None:
    bucket = Bucket(keys)
    # Fewer than what makes it given up.
    bucket.busy_at = set(Random(seed).sample(sorted(keys), min(len(keys), MOST_REFUSALS - 1)))

    assert sorted(listed(bucket)) == sorted(keys)


def test_less_than_a_page_is_asked_for_once() -> None:
    bucket = Bucket({"1", "2", "3"})

    assert listed(bucket) == ["1", "2", "3"]

    assert bucket.listings == 1


def test_an_error_in_one_place_is_told() -> None:
    bucket = Bucket({f"{digit}{number}" for digit in "0123456789abcdef" for number in range(PAGE)})
    bucket.error = StoreDenied("no")

    with pytest.raises(StoreDenied):
        listed(bucket)


def test_a_store_that_stays_busy_is_told() -> None:
    class Closed(Bucket):
        def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
            raise StoreBusy("SlowDown")

    with pytest.raises(StoreBusy):
        listed(Closed(set()))
