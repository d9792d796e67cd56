"""A share of the ledgers: always the same for a seed, and all of them in a row of seeds."""

from fractions import Fraction
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.errors import BadValue
from offloadctl.model.sample import ByteSample, Sample, parse_sample
from offloadctl.units import ByteSize

ledger_ids = st.integers(0, 2**63 - 1)


@given(st.uuids(), ledger_ids, st.integers(1, 50), st.integers(-100, 100))
def test_of_n_seeds_in_a_row_exactly_one_takes_a_ledger_by_nth_parts(
    uuid: UUID, ledger_id: int, parts: int, first: int
) -> None:
    taken = [Sample(Fraction(1, parts), seed).takes(uuid, ledger_id) for seed in range(first, first + parts)]

    assert taken.count(True) == 1


@given(st.uuids(), ledger_ids, st.fractions(Fraction(1, 50), 1))
def test_whatever_the_share_all_have_their_turn(uuid: UUID, ledger_id: int, share: Fraction) -> None:
    runs = Sample(share).runs

    assert any(Sample(share, seed).takes(uuid, ledger_id) for seed in range(runs))


def test_a_share_is_about_that_share() -> None:
    sample = Sample.parse("5%", seed=3)

    taken = sum(sample.takes(UUID(int=number), number) for number in range(20_000))

    assert 800 < taken < 1200


@pytest.mark.parametrize(
    ("text", "share"),
    [("5%", Fraction(1, 20)), ("1/7", Fraction(1, 7)), ("100%", Fraction(1)), ("0.5%", Fraction(1, 200))],
)
def test_shares_are_read_exactly(text: str, share: Fraction) -> None:
    assert Sample.parse(text).share == share


@pytest.mark.parametrize("text", ["", "5", "0%", "101%", "0/7", "8/7", "1/0", "-1/7", "1 / 7", "200GiB", "٣%"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        Sample.parse(text)


# -- by size

sized = st.lists(st.tuples(st.uuids(), ledger_ids, st.integers(0, 1000)), max_size=60, unique_by=lambda one: one[:2])
sizes = st.integers(1, 5000).map(ByteSize)


@given(sized, sizes, st.integers(-100, 100))
def test_by_size_as_many_seeds_in_a_row_as_it_says_take_every_ledger_exactly_once(
    ledgers: list[tuple[UUID, int, int]], size: ByteSize, first: int
) -> None:
    runs = ByteSample(size).window(ledgers).runs
    windows = [ByteSample(size, seed).window(ledgers) for seed in range(first, first + runs)]

    for uuid, ledger_id, _ in ledgers:
        assert sum(window.takes(uuid, ledger_id) for window in windows) == 1


@given(sized, sizes, st.integers(0, 10))
def test_by_size_no_seed_takes_more_than_was_asked_for_unless_it_is_one_ledger(
    ledgers: list[tuple[UUID, int, int]], size: ByteSize, seed: int
) -> None:
    window = ByteSample(size, seed).window(ledgers)

    taken = [one for uuid, ledger_id, one in ledgers if one and window.takes(uuid, ledger_id)]
    assert sum(taken) <= size or len(taken) == 1


@given(sized, sizes)
def test_by_size_there_are_no_more_seeds_than_needed(ledgers: list[tuple[UUID, int, int]], size: ByteSize) -> None:
    runs = ByteSample(size).window(ledgers).runs

    # Any two neighbours together are more than was asked for.
    assert (runs // 2) * size <= sum(one for _, _, one in ledgers)


@given(sized, sizes, st.integers(0, 10), st.randoms(use_true_random=False))
def test_by_size_the_order_in_which_ledgers_become_known_makes_no_difference(
    ledgers: list[tuple[UUID, int, int]], size: ByteSize, seed: int, random: Random
) -> None:
    shuffled = random.sample(ledgers, len(ledgers))

    assert ByteSample(size, seed).window(shuffled) == ByteSample(size, seed).window(ledgers)


@given(sized, sizes, st.integers(0, 10))
def test_a_window_is_the_same_again_from_its_bounds(
    ledgers: list[tuple[UUID, int, int]], size: ByteSize, seed: int
) -> None:
    sample = ByteSample(size, seed)
    window = sample.window(ledgers)

    assert sample.again(window.bounds) == window


@pytest.mark.parametrize(
    ("text", "size"), [("200GiB", 200 * 1024**3), ("200G", 200 * 1024**3), ("1kib", 1024), ("3M", 3 * 1024**2)]
)
def test_sizes_are_read_with_their_unit(text: str, size: int) -> None:
    assert parse_sample(text, seed=3) == ByteSample(ByteSize(size), 3)


@pytest.mark.parametrize("text", ["200", "0G", "-1G", "1.5G", "200GB", "200 GiB", "5", "99999999999T"])
def test_what_is_neither_a_share_nor_a_size_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        parse_sample(text)
