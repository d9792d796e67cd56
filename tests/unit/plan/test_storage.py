"""Bounds for what nobody can know exactly, and exact numbers where the layout gives them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadPolicies, OffloadProgress
from offloadctl.model.names import TopicName
from offloadctl.model.status import Amount, Bound, DataObject, TopicStatus
from offloadctl.plan.storage import doubly_stored, has_odd_size, implied_data_size, implied_data_sizes, stored_in_s3
from offloadctl.units import ByteSize
from tests.golden_objects import MAX_BLOCK_SIZE, GoldenLedger, offloaded_ledgers, topics

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LAG = OffloadPolicies(driver="S3", max_block_size=ByteSize(5 * 1024 * 1024), deletion_lag_ms=3_600_000)


def ledger(ledger_id: int, size: int = 1000, *, entries: int = 10) -> Ledger:
    return Ledger(ledger_id, entries, ByteSize(size), is_open=False, progress=OffloadProgress.OFFLOADED, closed_at=NOW)


def status(
    *ledgers: Ledger, policies: OffloadPolicies | None = LAG, objects: tuple[DataObject, ...] | None = None
) -> TopicStatus:
    managed = ManagedLedger(TopicName("t", "n", "x"), ledgers, NOW, served=True)
    return TopicStatus(managed, None, policies, objects)


def written(ledger_id: int, ago: timedelta, size: int = 1248) -> DataObject:
    return DataObject(ledger_id, size, NOW - ago)


@pytest.mark.parametrize("golden", offloaded_ledgers(), ids=lambda golden: f"ledger-{golden.ledger_id}")
def test_the_recorded_objects_have_the_implied_sizes(golden: GoldenLedger) -> None:
    recorded = next(
        one
        for topic in topics().values()
        for one in topic["internal_stats"]["ledgers"]
        if one["ledgerId"] == golden.ledger_id
    )

    implied = implied_data_size(ledger(1, recorded["size"], entries=recorded["entries"]), MAX_BLOCK_SIZE)

    if implied.bound is Bound.EXACT:
        assert implied.size == golden.data.size
    else:
        assert implied.size <= golden.data.size


def test_a_ledger_larger_than_a_block_has_only_a_lower_bound() -> None:
    assert implied_data_size(ledger(1, 6 * 1024 * 1024), 5 * 1024 * 1024).bound is Bound.AT_LEAST
    assert implied_data_size(ledger(1), None).bound is Bound.AT_LEAST


def test_exact_sizes_add_up_to_an_exact_sum_and_one_bound_makes_a_bound() -> None:
    assert implied_data_sizes([ledger(1), ledger(2)], 10**6) == Amount(ByteSize(2 * 1248))
    assert implied_data_sizes([ledger(1), ledger(2, 10**7)], 10**6).bound is Bound.AT_LEAST


def test_with_a_bucket_its_own_sizes_count() -> None:
    looked = status(ledger(1), ledger(2), objects=(written(1, timedelta(0), 7), written(2, timedelta(0), 8)))

    assert stored_in_s3(looked) == Amount(ByteSize(15))


def test_a_look_that_was_cut_short_gives_a_lower_bound() -> None:
    assert stored_in_s3(status(ledger(1), ledger(2), objects=(written(1, timedelta(0), 7),))).bound is Bound.AT_LEAST


def test_nothing_offloaded_is_exactly_nothing_twice() -> None:
    local = replace(ledger(1), progress=OffloadProgress.LOCAL)

    assert doubly_stored(status(local)) == Amount(ByteSize(0))


@pytest.mark.parametrize(
    ("block_size", "in_s3"),
    [(10**6, Amount(ByteSize(2 * 1248), Bound.AT_MOST)), (None, Amount(ByteSize(0), Bound.AT_LEAST))],
)
def test_what_may_be_complete_or_not_has_only_bounds(block_size: int | None, in_s3: Amount) -> None:
    begun = [replace(ledger(number), progress=OffloadProgress.BEGUN) for number in (1, 2)]
    policies = replace(LAG, max_block_size=None if block_size is None else ByteSize(block_size))

    idle = status(*begun, policies=policies)

    assert (stored_in_s3(idle), doubly_stored(idle)) == (in_s3, Amount(ByteSize(2000), Bound.AT_MOST))


def test_without_a_bucket_everything_offloaded_may_be_there_twice() -> None:
    assert doubly_stored(status(ledger(1), ledger(2))) == Amount(ByteSize(2000), Bound.AT_MOST)


@pytest.mark.parametrize("lag", [None, -1, 10**15, 2**63 - 1])
def test_without_a_deletion_lag_nothing_can_be_told_from_times(lag: int | None) -> None:
    old = status(ledger(1), policies=replace(LAG, deletion_lag_ms=lag), objects=(written(1, timedelta(days=30)),))

    assert doubly_stored(old) == Amount(ByteSize(1000), Bound.AT_MOST)


def test_as_long_as_one_object_was_not_seen_everything_may_be_there_twice() -> None:
    unseen = DataObject(2, None)
    looked = status(ledger(1), ledger(2), objects=(written(1, timedelta(days=3)), unseen))

    assert doubly_stored(looked) == Amount(ByteSize(2000), Bound.AT_MOST)


@pytest.mark.parametrize(
    ("size", "block_size", "odd"),
    [(1248, 10**6, False), (1247, 10**6, True), (1249, 10**6, True), (1249, None, False), (1247, None, True)],
)
def test_a_size_is_odd_when_the_entries_cannot_have_it(size: int, block_size: int | None, odd: bool) -> None:
    assert has_odd_size(ledger(1), size, block_size) is odd


def test_objects_older_than_the_lag_no_longer_count_as_twice() -> None:
    looked = status(
        ledger(1), ledger(2, 500), objects=(written(1, timedelta(hours=2)), written(2, timedelta(minutes=5)))
    )

    assert doubly_stored(looked) == Amount(ByteSize(500), Bound.AT_LEAST)
