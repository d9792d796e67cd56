"""What a run takes on: the largest and the oldest first, never more than its limits allow, and nothing is lost."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadProgress
from offloadctl.model.names import TopicName
from offloadctl.model.offload import OffloadLimits, OffloadPlan, OffloadWish
from offloadctl.plan.offload import plan_offload
from offloadctl.plan.selection import Selection, select
from offloadctl.units import ByteSize

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def plan(name: str, size: int, *, age: timedelta = timedelta(hours=1)) -> OffloadPlan:
    """One closed ledger of this size, and an open one; of size 0 it has nothing to move."""
    ledgers = (
        Ledger(1, 10, ByteSize(size), False, OffloadProgress.LOCAL, NOW - age),
        Ledger(2, 0, ByteSize(0), True, OffloadProgress.LOCAL),
    )
    return plan_offload(ManagedLedger(TopicName("a", "b", name), ledgers, NOW, True), OffloadWish(ByteSize(0)), NOW)


def names(plans: Sequence[OffloadPlan]) -> list[str]:
    return [one.topic.local_name for one in plans]


def test_the_largest_comes_first_and_of_equal_ones_the_oldest() -> None:
    plans = [plan("small", 1), plan("young", 5), plan("old", 5, age=timedelta(days=1)), plan("large", 9)]

    assert names(select(plans, OffloadLimits()).chosen) == ["large", "old", "young", "small"]


def test_what_moves_nothing_is_neither_chosen_nor_left() -> None:
    assert select([plan("empty", 0)], OffloadLimits()) == Selection(())


def test_planning_stops_when_enough_is_free() -> None:
    selection = select([plan("a", 50), plan("b", 30), plan("c", 20)], OffloadLimits(free=ByteSize(60)))

    assert names(selection.chosen) == ["a", "b"]
    assert [(left.plan.topic.local_name, left.reason.code) for left in selection.left] == [("c", "enough")]


def test_what_would_be_too_much_is_left_and_what_still_fits_is_taken() -> None:
    selection = select([plan("a", 50), plan("b", 30), plan("c", 10)], OffloadLimits(at_most=ByteSize(60)))

    assert names(selection.chosen) == ["a", "c"]
    assert "80 B" not in selection.left[0].reason.text
    assert "30 B on top of 50 B would be more than 60 B" in selection.left[0].reason.text


sizes = st.lists(st.integers(0, 1000), max_size=30)
limits = st.builds(
    OffloadLimits,
    free=st.none() | st.integers(1, 5000).map(ByteSize),
    at_most=st.none() | st.integers(1, 5000).map(ByteSize),
)


@given(sizes, limits)
def test_every_plan_that_moves_something_is_chosen_or_left_and_limits_hold(
    given_sizes: list[int], given_limits: OffloadLimits
) -> None:
    plans = [plan(f"t{number}", size) for number, size in enumerate(given_sizes)]

    selection = select(plans, given_limits)

    every = [*names(selection.chosen), *(left.plan.topic.local_name for left in selection.left)]
    assert sorted(every) == sorted(one.topic.local_name for one in plans if one.before is not None)
    chosen = [one.bytes_to_move for one in selection.chosen]
    assert chosen == sorted(chosen, reverse=True)
    if given_limits.at_most is not None:
        assert sum(chosen) <= given_limits.at_most
    if given_limits.free is not None:
        assert sum(chosen[:-1]) < given_limits.free
