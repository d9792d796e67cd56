"""What is loaded once is not gone through again and again, what is dropped later still is; and turns are short."""

import gc
import sys
import weakref
from collections.abc import Iterator

import pytest

from offloadctl.service.turns import THRESHOLDS, TURN_S, settle


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before, turn = gc.get_threshold(), sys.getswitchinterval()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)
    sys.setswitchinterval(turn)


class Cycle:
    def __init__(self) -> None:
        self.me = self


def test_what_is_there_is_not_gone_through_any_more_and_what_comes_later_is() -> None:
    settle()
    gone_through = len(gc.get_objects())
    lost = weakref.ref(Cycle())

    gc.collect()

    assert gc.get_freeze_count() > 10_000 > gone_through
    assert lost() is None
    assert gc.get_threshold() == THRESHOLDS
    assert sys.getswitchinterval() == pytest.approx(TURN_S)
