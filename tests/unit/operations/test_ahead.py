"""What is fetched while the last piece is worked on."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.errors import Interrupted, StoreFailed
from offloadctl.operations.ahead import one_ahead


@given(st.lists(st.binary(max_size=4), max_size=20))
def test_the_same_comes_in_the_same_order(chunks: list[bytes]) -> None:
    assert list(one_ahead(iter(chunks), threading.Event())) == chunks


def test_the_next_one_is_fetched_while_the_last_one_is_worked_on() -> None:
    fetched = [threading.Event() for _ in range(3)]

    def chunks() -> Iterator[bytes]:
        for event in fetched:
            event.set()
            yield b"x"

    ahead = one_ahead(chunks(), threading.Event())
    next(ahead)

    assert fetched[1].wait(5)
    assert not fetched[2].is_set()


def test_an_error_comes_behind_what_came_before_it() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"first"
        raise StoreFailed("it broke off")

    ahead = one_ahead(chunks(), threading.Event())

    assert next(ahead) == b"first"
    with pytest.raises(StoreFailed, match="broke off"):
        next(ahead)


def test_whoever_stops_half_way_ends_the_thread_too() -> None:
    def chunks() -> Iterator[bytes]:
        while True:
            yield b"x"

    before = set(threading.enumerate())
    ahead = one_ahead(chunks(), threading.Event())
    next(ahead)
    (thread,) = set(threading.enumerate()) - before

    ahead.close()  # type: ignore[attr-defined]

    thread.join(5)
    assert not thread.is_alive()


def test_whoever_is_stopped_does_not_wait_for_what_does_not_come() -> None:
    stop, never = threading.Event(), threading.Event()

    def chunks() -> Iterator[bytes]:
        yield b"x"
        stop.set()
        never.wait(30)

    ahead = one_ahead(chunks(), stop)
    next(ahead)

    with pytest.raises(Interrupted):
        next(ahead)
    never.set()
