"""A data object gives the same events however its bytes arrive."""

from collections.abc import Iterable, Sequence
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.format.data_object import DataObjectReader, Event
from offloadctl.format.errors import FormatError
from tests import strategies
from tests.builders import Ledger
from tests.golden_objects import GoldenLedger, offloaded_ledgers, truncated_ledger

SMALL = 20_000
"""Bytes that can be fed one by one in no time."""


def read(chunks: Iterable[bytes], *, object_length: int | None = None) -> tuple[list[Event], str | None]:
    """The events, and how it ended: None or the error's words."""
    reader = DataObjectReader(object_length=object_length)
    events: list[Event] = []
    try:
        for chunk in chunks:
            events.extend(reader.feed(chunk))
        events.extend(reader.close())
    except FormatError as error:
        return events, f"{type(error).__name__}: {error}"
    return events, None


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def pieces_of(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@given(strategies.ledgers(), st.data())
def test_chunks_of_any_size_give_the_same_events(ledger: Ledger, data: st.DataObject) -> None:
    whole = read([ledger.data], object_length=len(ledger.data))

    split = read(data.draw(strategies.splits(ledger.data)), object_length=len(ledger.data))

    assert whole[1] is None
    assert split == whole == read(byte_by_byte(ledger.data), object_length=len(ledger.data))


@given(strategies.ledgers(), st.data())
def test_chunks_of_any_size_give_the_same_events_and_the_same_error_for_damage(
    ledger: Ledger, data: st.DataObject
) -> None:
    damaged = data.draw(strategies.mutations(ledger.data))
    whole = read([damaged], object_length=len(ledger.data))

    split = read(data.draw(strategies.splits(damaged)), object_length=len(ledger.data))

    assert split == whole == read(byte_by_byte(damaged), object_length=len(ledger.data))


@given(st.binary(max_size=300))
def test_chunks_of_any_size_give_the_same_events_for_noise(noise: bytes) -> None:
    assert read([noise]) == read(byte_by_byte(noise)) == read([b"", *pieces_of(noise, 7), b""])


@given(strategies.ledgers(), st.data())
def test_what_is_not_taken_yet_comes_with_the_next_chunk_or_at_the_end(ledger: Ledger, data: st.DataObject) -> None:
    reader = DataObjectReader()
    taken: list[Event] = []

    for chunk in data.draw(strategies.splits(ledger.data)):
        taken += islice(reader.feed(chunk), data.draw(st.integers(0, 3)))
    taken += reader.close()

    assert (taken, None) == read([ledger.data])


def golden(at_most: int, *, over: int = 0) -> Sequence[GoldenLedger]:
    return [found for found in (*offloaded_ledgers(), truncated_ledger()) if over < found.data.size <= at_most]


@pytest.mark.parametrize("ledger", golden(SMALL), ids=lambda found: str(found.ledger_id))
def test_a_recorded_object_gives_the_same_events_byte_by_byte(ledger: GoldenLedger) -> None:
    body = ledger.data.body

    assert read(byte_by_byte(body), object_length=len(body)) == read([body], object_length=len(body))


@pytest.mark.parametrize("size", [1000, 4096, 65_537, 5 * 1024 * 1024, 8 * 1024 * 1024])
@pytest.mark.parametrize("ledger", golden(2**30, over=SMALL), ids=lambda found: str(found.ledger_id))
def test_a_large_recorded_object_gives_the_same_events_in_pieces(ledger: GoldenLedger, size: int) -> None:
    body = ledger.data.body

    assert read(pieces_of(body, size), object_length=len(body)) == read([body], object_length=len(body))


@pytest.mark.slow
@pytest.mark.parametrize("ledger", golden(2**30, over=SMALL), ids=lambda found: str(found.ledger_id))
def test_a_large_recorded_object_gives_the_same_events_byte_by_byte(ledger: GoldenLedger) -> None:
    body = ledger.data.body

    assert read(byte_by_byte(body), object_length=len(body)) == read([body], object_length=len(body))
