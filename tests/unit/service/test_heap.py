"""What is loaded once is not gone through again and again; what is made and dropped later still is."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from offloadctl.service.heap import THRESHOLDS, settle


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


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
