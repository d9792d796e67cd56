"""The index by itself: what Pulsar writes passes, whatever else comes is one finding."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given

from offloadctl.check.index import check_block_list, check_metadata, created_at, line_offset, read_index
from offloadctl.check.sizes import check_data_size, check_implied_size, check_part_count, least_data_size
from offloadctl.check.subject import Subject
from offloadctl.format.index_object import IndexEntry, IndexObject
from offloadctl.format.ledger_metadata import LedgerState
from offloadctl.model.finding import Finding
from tests.builders import Ledger
from tests.golden_objects import truncated_ledger
from tests.strategies import ledgers

SUBJECT = Subject("data", "index")


def known(ledger: Ledger) -> Subject:
    return replace(SUBJECT, entries=len(ledger.entries), size=ledger.metadata.length)


@given(ledgers())
def test_the_index_of_any_ledger_is_right(ledger: Ledger) -> None:
    encoded, size, subject = ledger.index.build(), len(ledger.data), known(ledger)

    index = read_index(subject, encoded)

    assert index == ledger.index
    assert isinstance(index, IndexObject)
    assert list(check_metadata(subject, index)) == []
    assert list(check_block_list(subject, index, index_size=len(encoded), data_size=size)) == []
    assert list(check_data_size(subject, index, size)) == []
    assert list(check_implied_size(subject, index, size)) == []
    assert list(check_part_count(subject, index, f"{'0' * 32}-{len(index.entries)}")) == []


@given(ledgers())
def test_sizes_in_a_finding_are_written_with_thousands_apart(ledger: Ledger) -> None:
    too_small = least_data_size(len(ledger.index.entries), 0, 0) - 1_000_000

    (finding,) = check_implied_size(known(ledger), ledger.index, too_small)

    assert finding.found == f"{too_small:,} bytes"
    assert re.fullmatch(r"(at least )?\d{1,3}(,\d{3})* bytes", finding.expected)


@given(ledgers())
def test_without_the_broker_the_index_is_measured_by_itself(ledger: Ledger) -> None:
    index = ledger.index

    assert list(check_metadata(SUBJECT, index)) == []
    assert list(check_implied_size(SUBJECT, index, len(ledger.data))) == []


def test_all_differences_are_one_finding() -> None:
    ledger = Ledger((b"one", b"two"))
    metadata = replace(ledger.metadata, length=7, last_entry_id=4, state=LedgerState.OPEN)

    (finding,) = check_metadata(known(ledger), replace(ledger.index, ledger_metadata=metadata))

    assert finding.expected == "length 6, last entry 1, state CLOSED"
    assert finding.found == "length 7, last entry 4, state OPEN"


@pytest.mark.parametrize(("length", "last"), [(-1, 0), (5, None), (5, -1)])
def test_numbers_that_no_ledger_has_are_a_difference_even_without_the_broker(length: int, last: int | None) -> None:
    ledger = Ledger((b"one",))
    metadata = replace(ledger.metadata, length=length, last_entry_id=last)

    assert len(list(check_metadata(SUBJECT, replace(ledger.index, ledger_metadata=metadata)))) == 1


def lines(*offsets: int) -> IndexObject:
    entries = tuple(IndexEntry(2 * number, number + 1, offset) for number, offset in enumerate(offsets))
    return replace(Ledger((b"x",)).index, entries=entries, data_object_length=1000)


@pytest.mark.parametrize(
    ("offsets", "wrong"),
    [
        ((0,), None),
        ((0, 500), None),
        ((0, 501), None),
        ((0, 499), 1),
        ((0, 400, 800), None),
        ((0, 400, 801), 2),
        ((0, 400, 400), 2),
        ((0, 128), 1),
        ((0, 1000), 1),
        ((0, 872), 1),
        ((0, 871), None),
        ((1, 500), 0),
        ((0, 300, 600), 2),
    ],
)
def test_all_blocks_but_the_last_are_equally_long_and_the_last_is_no_longer(
    offsets: tuple[int, ...], wrong: int | None
) -> None:
    index = lines(*offsets)

    found = list(check_block_list(SUBJECT, index, index_size=500, data_size=1000))

    expected = [] if wrong is None else [line_offset(index.entries, wrong, index_size=500)]
    assert [finding.offset for finding in found] == expected


def test_the_last_block_is_not_judged_where_the_lengths_disagree_as_that_is_a_finding_itself() -> None:
    assert list(check_block_list(SUBJECT, lines(0, 499), index_size=500, data_size=999)) == []


def test_the_recorded_truncation_has_a_list_as_pulsar_writes_it() -> None:
    ledger = truncated_ledger()
    index = IndexObject.parse(ledger.index.body)

    found = list(check_block_list(SUBJECT, index, index_size=len(ledger.index.body), data_size=ledger.data.size))

    assert found == []


@pytest.mark.parametrize("etag", ["", "0" * 32, "not-an-etag", "0" * 32 + "-", "0" * 31 + "-2", "0" * 32 + "-123456"])
def test_an_etag_that_tells_no_number_of_parts_is_not_judged(etag: str) -> None:
    assert list(check_part_count(SUBJECT, lines(0, 500), etag)) == []


def test_an_etag_of_other_parts_is_a_warning() -> None:
    (finding,) = check_part_count(SUBJECT, lines(0, 500), "0" * 32 + "-7")

    assert (finding.expected, finding.found) == ("2 parts", "7 parts")


@pytest.mark.parametrize(
    ("ctime", "expected"),
    [
        (None, None),
        (0, None),
        (-1, None),
        (2**62, None),
        (1_795_486_284_553, datetime(2026, 11, 24, 2, 11, 24, 553000, UTC)),
    ],
)
def test_a_time_that_is_none_is_not_told(ctime: int | None, expected: datetime | None) -> None:
    index = Ledger((b"x",)).index

    assert created_at(replace(index, ledger_metadata=replace(index.ledger_metadata, ctime=ctime))) == expected


@given(ledgers(max_size=3))
def test_an_index_with_something_in_front_of_it_is_a_finding(ledger: Ledger) -> None:
    found = read_index(SUBJECT, b"\0" + ledger.index.build())

    assert isinstance(found, Finding)
    assert found.code == "index-corrupt"
