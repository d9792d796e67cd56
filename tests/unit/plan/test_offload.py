"""The boundary is pulsar-admin's, the ledgers that move are the broker's, and every decision has its reason."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadProgress, Position
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Confirmation, Fate, OffloadPlan, OffloadWish
from offloadctl.plan.offload import boundary_by_size, confirm_ledger, plan_offload
from offloadctl.units import ByteSize

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOPIC = TopicName("public", "rec", "t1")
LOCAL, OFFLOADED = OffloadProgress.LOCAL, OffloadProgress.OFFLOADED


def closed(
    ledger_id: int, size: int, *, entries: int = 1000, progress: OffloadProgress = LOCAL, age: timedelta = timedelta(0)
) -> Ledger:
    uuid = None if progress is LOCAL else UUID(int=ledger_id)
    return Ledger(ledger_id, entries, ByteSize(size), False, progress, NOW - age, uuid)


def still_open(ledger_id: int, size: int = 0, *, entries: int = 0) -> Ledger:
    return Ledger(ledger_id, entries, ByteSize(size), True, LOCAL)


def managed(*ledgers: Ledger, served: bool = True, terminated_at: Position | None = None) -> ManagedLedger:
    return ManagedLedger(TOPIC, ledgers, NOW, served, terminated_at)


def plan(threshold: int | None, *ledgers: Ledger, older_than: timedelta | None = None) -> OffloadPlan:
    wish = OffloadWish(None if threshold is None else ByteSize(threshold), older_than)
    return plan_offload(managed(*ledgers), wish, NOW)


# The recorded topic: two closed ledgers of 1,000 entries and an open one of 500.
RECORDED = (closed(31, 1_046_762), closed(32, 1_048_000), still_open(33, 524_000, entries=500))


@pytest.mark.parametrize(
    ("threshold", "boundary"),
    [
        (0, 33),
        (523_999, 33),
        (524_000, 33),  # the open ledger stays and the one before it crosses the limit
        (1_571_999, 33),
        (1_572_000, 32),  # the comparison is strict: a sum of exactly the threshold stays
        (2_618_761, 32),
        (2_618_762, None),
    ],
)
def test_the_boundary_follows_pulsar_admins_rule(threshold: int, boundary: int | None) -> None:
    assert boundary_by_size(RECORDED, threshold) == boundary


def test_the_open_ledgers_bytes_count_and_it_never_moves() -> None:
    made = plan(0, *RECORDED)

    assert made.before == Position(33, 0)
    assert [ledger.ledger_id for ledger in made.moves] == [31, 32]
    assert made.ledgers[-1].fate is Fate.OPEN


def test_the_oldest_ledger_moves_when_it_is_the_one_that_crosses_the_limit() -> None:
    made = plan(1_572_000, *RECORDED)

    assert made.before == Position(32, 0)
    assert [ledger.ledger_id for ledger in made.moves] == [31]


def test_nothing_above_the_threshold_says_how_much_is_kept_and_how_much_of_it_is_open() -> None:
    made = plan(4 * 1024**2, *RECORDED)

    assert made.before is None
    (reason,) = made.reasons
    assert reason.text == (
        "kept: 3 ledgers, 2.5 MiB, not above the threshold of 4 MiB; "
        "the open ledger holds 511.7 KiB of them, and an open ledger never moves"
    )


def test_offloaded_ledgers_count_in_the_sum_but_do_not_move_again() -> None:
    made = plan(0, closed(1, 100, progress=OFFLOADED), closed(2, 100), still_open(3))

    assert [planned.fate for planned in made.ledgers] == [Fate.ALREADY_OFFLOADED, Fate.MOVES, Fate.OPEN]


def test_nothing_is_sent_when_all_before_the_boundary_is_offloaded() -> None:
    made = plan(0, closed(1, 100, progress=OFFLOADED), still_open(3, 5, entries=1))

    assert made.before is None
    assert "already-offloaded" in {reason.code for reason in made.reasons}


def test_a_failed_attempt_is_moved_again() -> None:
    made = plan(0, closed(1, 100, progress=OffloadProgress.IN_FLIGHT), still_open(3))

    assert [ledger.ledger_id for ledger in made.moves] == [1]


def test_a_ledger_with_entries_and_no_length_is_named() -> None:
    made = plan(0, closed(1, 0, entries=320), closed(2, 100), still_open(3, 1, entries=1))

    assert made.ledgers[0].fate is Fate.NO_LENGTH
    assert "no-length" in {reason.code for reason in made.reasons}


def test_the_last_ledger_of_a_terminated_topic_stays() -> None:
    ended = managed(closed(1, 100), closed(2, 100), terminated_at=Position(2, 999))

    made = plan_offload(ended, OffloadWish(ByteSize(0)), NOW)

    assert [planned.fate for planned in made.ledgers] == [Fate.MOVES, Fate.LAST]
    assert "terminated" in {reason.code for reason in made.reasons}


def test_a_topic_without_data_says_so() -> None:
    assert [reason.code for reason in plan(0, still_open(1)).reasons] == ["empty"]
    assert [reason.code for reason in plan(0).reasons] == ["empty"]


def test_a_plan_from_metadata_alone_says_what_it_cannot_know() -> None:
    idle = managed(closed(1, 100, progress=OffloadProgress.BEGUN), closed(2, 100), closed(3, 100), served=False)

    made = plan_offload(idle, OffloadWish(ByteSize(0)), NOW)

    assert made.ledgers[0].fate is Fate.UNKNOWN
    assert {"begun", "not-loaded"} <= {reason.code for reason in made.reasons}


def test_age_moves_what_was_closed_long_enough_ago() -> None:
    day = timedelta(days=1)

    made = plan(None, closed(1, 9, age=9 * day), closed(2, 9, age=7 * day), closed(3, 9, age=day), older_than=7 * day)

    assert [ledger.ledger_id for ledger in made.moves] == [1, 2]


def test_a_ledger_moves_if_either_rule_wants_it() -> None:
    day = timedelta(days=1)
    ledgers = (closed(1, 100, age=9 * day), closed(2, 100), closed(3, 100), still_open(4, 100, entries=1))

    assert [m.ledger_id for m in plan(300, *ledgers, older_than=7 * day).moves] == [1]
    assert [m.ledger_id for m in plan(200, *ledgers, older_than=7 * day).moves] == [1, 2]


def test_only_the_ledgers_read_again_say_what_moved() -> None:
    planned = closed(1, 100)

    assert confirm_ledger(planned, managed(closed(1, 100, progress=OFFLOADED))) is Confirmation.UNCONFIRMED
    assert confirm_ledger(planned, managed(closed(1, 100))) is Confirmation.NOT_MOVED
    in_flight = managed(closed(1, 100, progress=OffloadProgress.IN_FLIGHT))
    assert confirm_ledger(planned, in_flight) is Confirmation.NOT_MOVED
    assert confirm_ledger(planned, managed(closed(2, 100))) is Confirmation.TRIMMED


sizes = st.lists(st.integers(0, 1000), max_size=12)


@given(sizes, st.integers(-5, 8000))
def test_what_stays_never_exceeds_the_threshold_unless_the_newest_ledger_alone_does(
    ledger_sizes: list[int], threshold: int
) -> None:
    ledgers: Sequence[Ledger] = [closed(number, size) for number, size in enumerate(ledger_sizes)]

    boundary = boundary_by_size(ledgers, threshold)

    kept = sum(size for number, size in enumerate(ledger_sizes) if boundary is None or number >= boundary)
    assert kept <= threshold or not ledgers or boundary == len(ledgers) - 1
    if boundary is not None and boundary > 0 and boundary < len(ledgers) - 1:
        assert kept + ledger_sizes[boundary - 1] > threshold


@given(sizes, st.integers(0, 8000))
def test_every_ledger_has_one_fate_and_nothing_moves_twice(ledger_sizes: list[int], threshold: int) -> None:
    ledgers = [
        closed(number, size, progress=OFFLOADED if size % 3 == 0 else LOCAL) for number, size in enumerate(ledger_sizes)
    ]

    made = plan(threshold, *ledgers, still_open(99, 7, entries=1))

    assert len(made.ledgers) == len(ledgers) + 1
    assert all(ledger.size > 0 and not ledger.is_offloaded and not ledger.is_open for ledger in made.moves)
    assert (made.before is None) == (made.moves == ())
    assert made.reasons


def text_of(made: OffloadPlan, code: str) -> str:
    return next(reason.text for reason in made.reasons if reason.code == code)


def test_the_last_ledger_of_the_list_has_its_reason() -> None:
    made = plan(0, closed(5, 1000))

    assert [planned.fate for planned in made.ledgers] == [Fate.LAST]
    assert text_of(made, "last") == "the last ledger of the list is never offloaded by hand: 5"


def test_old_ledgers_behind_a_young_one_have_their_reason() -> None:
    day = timedelta(days=1)
    ledgers = (closed(1, 9, age=day), closed(2, 9, age=9 * day), still_open(3))

    made = plan(None, *ledgers, older_than=7 * day)

    assert made.before is None
    assert "closed 7d ago and more, but behind a ledger that was not, and a boundary skips none: 2" in text_of(
        made, "kept"
    )


def test_a_young_ledger_that_is_offloaded_already_keeps_the_old_ones_behind_it_too() -> None:
    day = timedelta(days=1)
    ledgers = (closed(1, 9, age=day, progress=OFFLOADED), closed(2, 9, age=9 * day), still_open(3))

    assert "a boundary skips none: 2" in text_of(plan(None, *ledgers, older_than=7 * day), "kept")


def test_a_clock_that_is_ahead_of_ours_makes_no_negative_age() -> None:
    made = plan(None, closed(1, 9, age=-timedelta(hours=1)), still_open(2), older_than=timedelta(days=7))

    assert "the oldest closed 0s ago" in text_of(made, "kept")


def test_an_open_ledger_of_unknown_size_is_not_counted_as_nothing() -> None:
    idle = managed(closed(1, 100, progress=OffloadProgress.BEGUN), still_open(2), served=False)

    made = plan_offload(idle, OffloadWish(ByteSize(0)), NOW)

    assert text_of(made, "kept") == "kept: the open ledger, of unknown size"


def test_nothing_is_open_in_a_terminated_topic() -> None:
    ended = managed(closed(1, 100), still_open(2), served=False, terminated_at=Position(2, 5))

    made = plan_offload(ended, OffloadWish(ByteSize(0)), NOW)

    assert made.ledgers[-1].fate is Fate.LAST
    assert "opens a new one" not in " ".join(reason.text for reason in made.reasons)
