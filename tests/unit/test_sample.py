"""A share of the ledgers: always the same for a seed, and all of them in a row of seeds."""

from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.errors import BadValue
from offloadctl.model.sample import Sample

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
