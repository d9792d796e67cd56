"""Break one thing and expect exactly that finding: every code, in each block, at boundaries, small and large."""

from typing import Any

import pytest

from offloadctl.check.catalogue import KINDS
from tests.damage.breakages import Breakage, breakages
from tests.damage.worlds import LOOKING

BREAKAGES = tuple(breakages())

# The large ledger takes a second where the small ones take a hundredth: of its breakages the fast tests take some.
_LARGE = [breakage for breakage in BREAKAGES if "large" in breakage.what]
_FAST_OF_LARGE = frozenset(map(str, _LARGE[::15]))


def parameter(breakage: Breakage) -> Any:
    slow = "large" in breakage.what and str(breakage) not in _FAST_OF_LARGE
    return pytest.param(breakage, id=str(breakage), marks=pytest.mark.slow if slow else ())


# What is nowhere needs buckets to look into (tests/unit/operations/test_check.py), what is of another time needs
# neighbours (test_swaps.py).
ELSEWHERE = {"data-missing", "index-missing", "objects-not-found", "ledger-time"} | {
    # What a broker does not give needs a broker (tests/unit/operations/test_readback.py).
    "readback",
    # What belongs to nobody needs a whole bucket (tests/unit/operations/test_check_buckets.py).
    "older-attempt",
    "orphan",
    "unfinished-offload",
    "open-upload",
}


@pytest.mark.parametrize("breakage", [parameter(one) for one in BREAKAGES])
def test_what_is_broken_is_found_under_its_code_and_nothing_else_is(breakage: Breakage) -> None:
    kind, broken = KINDS[breakage.code], breakage.broken()
    expected = [breakage.code] * breakage.times

    for level in LOOKING:
        found = broken.codes(level)
        if level.includes(kind.seen_at):
            assert found == expected, level
        elif kind.maybe_at is not None and level.includes(kind.maybe_at):
            assert found in ([], expected), level
        else:
            assert found == [], level


def test_every_code_is_broken_somewhere() -> None:
    assert {breakage.code for breakage in BREAKAGES} == KINDS.keys() - ELSEWHERE


@pytest.mark.parametrize(
    "code", [code for code, kind in KINDS.items() if kind.maybe_at is not None and code not in ELSEWHERE]
)
def test_what_may_be_seen_at_a_shallower_level_is_seen_there_in_some_cases(code: str) -> None:
    kind = KINDS[code]
    assert kind.maybe_at is not None

    cheap = (breakage for breakage in BREAKAGES if breakage.code == code and "large" not in breakage.what)
    assert any(breakage.broken().codes(kind.maybe_at) for breakage in cheap)
