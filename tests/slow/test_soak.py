"""Weeks on the embedded cluster with random faults, kills and changes of the lease: at the end nothing is unexplained.

Three instances share a lease and its log; producers, people and bad luck come from the seed. The seeds are the same
each time; SOAK_SEEDS=7,20-25 and SOAK_DAYS=14 ask for others, as `make soak` does.
"""

import os
from pathlib import Path

import pytest

from tests.soak.__main__ import seeds_of, summary
from tests.soak.audit import audit
from tests.soak.soak import soak

DAYS = float(os.environ.get("SOAK_DAYS", "7"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", seeds_of(os.environ.get("SOAK_SEEDS", "1-2")))
def test_after_weeks_of_faults_nothing_is_unexplained(seed: int, tmp_path: Path) -> None:
    print(f"once more: make soak SEEDS={seed} DAYS={DAYS:g}")

    soaked = soak(seed, days=DAYS, directory=tmp_path)
    unexplained = audit(soaked)

    print(summary(soaked))
    assert [f"{one.rule}: {one.what}" for one in unexplained] == []
    # Otherwise nothing would have been tried.
    assert len(soaked.world.truth.faults) > 20
    assert soaked.world.lease.epoch > 10
    assert sum(map(len, soaked.world.truth.completed.values())) > 100
