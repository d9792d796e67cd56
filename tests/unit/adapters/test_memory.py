"""The clock that is moved by hand, and what a bucket in memory does beyond the contract of all stores."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from offloadctl.adapters.memory import ManualClock, MemoryObjectStore

START = datetime(2026, 11, 24, 2, tzinfo=UTC)


# -- the clock


def test_time_passes_only_by_sleeping_and_advancing() -> None:
    clock = ManualClock(START)

    assert (clock.now(), clock.now(), clock.monotonic()) == (START, START, 0.0)
    clock.sleep(1.5)
    clock.advance(timedelta(minutes=1))

    assert clock.now() == START + timedelta(seconds=61.5)
    assert clock.monotonic() == 61.5


def test_the_clock_tells_utc_wherever_it_was_started() -> None:
    clock = ManualClock(datetime(2026, 11, 24, 3, tzinfo=timezone(timedelta(hours=1))))

    assert clock.now() == START
    assert clock.now().tzinfo is UTC


def test_a_clock_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        ManualClock(datetime(2026, 11, 24, 2))  # noqa: DTZ001 - that is the point


def test_time_does_not_run_backwards() -> None:
    clock = ManualClock(START)

    clock.sleep(-5)
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(timedelta(seconds=-1))

    assert clock.monotonic() == 0


def test_who_listens_hears_of_each_sleep_when_it_is_over() -> None:
    heard: list[tuple[float, float]] = []
    clock = ManualClock(START, on_sleep=lambda seconds: heard.append((seconds, clock.monotonic())))

    clock.sleep(2)
    clock.sleep(0)
    clock.advance(timedelta(seconds=5))

    assert heard == [(2, 2.0), (0, 2.0)]


def test_who_listens_may_interrupt() -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    clock = ManualClock(START, on_sleep=interrupt)

    with pytest.raises(KeyboardInterrupt):
        clock.sleep(1)

    assert clock.monotonic() == 1


def test_no_sleep_of_any_thread_is_lost() -> None:
    clock = ManualClock(START)

    def work() -> None:
        for _ in range(500):
            clock.sleep(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert clock.monotonic() == 2000


# -- the bucket; tests/contract holds it to what all stores promise


def put(store: MemoryObjectStore, key: str, data: bytes = b"data") -> None:
    store.put(key, data, user_metadata={"role": "data"}, content_type="application/octet-stream")


def test_the_bucket_tells_the_time_of_the_clock_that_it_was_given() -> None:
    clock = ManualClock(START)
    store = MemoryObjectStore("ledgers", now=clock.now)

    put(store, "a")
    clock.sleep(60)
    upload = store.begin_upload("b")

    info = store.head("a")
    assert info is not None
    assert info.last_modified == START
    assert upload.initiated == START + timedelta(minutes=1)


def test_what_was_put_cannot_be_changed_from_outside() -> None:
    store = MemoryObjectStore("ledgers")
    metadata = {"role": "data"}
    store.put("a", b"data", user_metadata=metadata, content_type="text/plain")

    metadata["role"] = "index"

    info = store.head("a")
    assert info is not None
    assert dict(info.user_metadata) == {"role": "data"}
    with pytest.raises(TypeError):
        info.user_metadata["role"] = "index"  # type: ignore[index]


def test_a_listing_that_has_begun_survives_what_happens_meanwhile() -> None:
    store = MemoryObjectStore("ledgers")
    for key in "abc":
        put(store, key)

    listed = []
    for info in store.list():
        listed.append(info.key)
        store.delete("c")
        put(store, "d")

    assert listed == ["a", "b", "c"]


def test_uploads_of_one_key_are_told_from_the_oldest_on() -> None:
    clock = ManualClock(START)
    store = MemoryObjectStore("ledgers", now=clock.now)
    first = store.begin_upload("b")
    clock.sleep(1)
    second = store.begin_upload("b")
    other = store.begin_upload("a")

    assert list(store.uploads()) == [other, first, second]


def test_an_upload_that_is_left_open_stays_open_when_another_one_of_its_key_succeeds() -> None:
    store = MemoryObjectStore("ledgers")
    left = store.begin_upload("a")

    store.put_multipart("a", iter([b"data"]), user_metadata={}, content_type="text/plain")

    assert list(store.uploads()) == [left]
    assert store.read("a") == b"data"


def test_an_interrupted_upload_is_no_more() -> None:
    store = MemoryObjectStore("ledgers")

    def parts() -> Iterator[bytes]:
        yield b"part"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.put_multipart("a", parts(), user_metadata={}, content_type="text/plain")

    assert list(store.uploads()) == []
