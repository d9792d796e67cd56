"""The labelled series of the study: the same for the same seed, and labelled where they are off."""

from statistics import median

import pytest

from tests.study.series import LENGTH, QUIET_DAYS, REPORTING, TUNING, Kind, make


def test_tuning_and_reporting_share_no_seed() -> None:
    assert not set(TUNING) & set(REPORTING)


@pytest.mark.parametrize("seed", [TUNING[0], REPORTING[0]])
def test_a_series_follows_from_its_seed_and_is_off_where_it_is_labelled(seed: int) -> None:
    series = make(seed)
    labelled = {minute for one in series.incidents for minute in range(one.first, one.last + 1)}

    assert make(seed) == series
    assert len(series.values) == LENGTH
    assert series.incidents
    assert min(labelled) >= QUIET_DAYS * 1440
    for one in series.incidents:
        if one.kind is Kind.JUMP:
            inside = [value for value in series.values[one.first : one.last + 1] if value is not None]
            before = [value for value in series.values[one.first - 60 : one.first] if value is not None]
            assert median(inside) > median(before)
