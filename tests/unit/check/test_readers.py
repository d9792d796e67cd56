"""What subscriptions have still before them, and whether they can read on."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.check.readers import has_before_it, place_of, readers_of
from offloadctl.format.keys import data_key
from offloadctl.model.check import Inspection, LedgerCheck, Level
from offloadctl.model.cursor_place import Readable
from offloadctl.model.finding import Finding, Readers, Severity
from offloadctl.model.ledger import Cursor, Ledger, ManagedLedger, OffloadProgress, Position
from offloadctl.model.names import TopicName
from offloadctl.units import ByteSize

TOPIC = TopicName("acme", "shop", "orders")
UUID_OF_ALL = UUID("9b44a5cb-c717-401e-84fe-2e572f2782bb")
DAMAGE = Finding("data-missing", Severity.DAMAGE, "it is not there")
WARNING = Finding("part-count", Severity.WARNING, "it is odd")


def ledger(number: int, progress: OffloadProgress = OffloadProgress.OFFLOADED, *, is_open: bool = False) -> Ledger:
    uuid = UUID_OF_ALL if progress is not OffloadProgress.LOCAL else None
    return Ledger(number, 20, ByteSize(2000), is_open, progress, context_uuid=uuid)


def topic(
    *cursors: Cursor, served: bool = True, progress: OffloadProgress = OffloadProgress.OFFLOADED
) -> ManagedLedger:
    """Ledgers 5 and 7 in S3, or as far as is said, 9 in BookKeeper, and 11, which is open."""
    local = OffloadProgress.LOCAL
    ledgers = (ledger(5, progress), ledger(7, progress), ledger(9, local), ledger(11, local, is_open=True))
    return ManagedLedger(TOPIC, ledgers, datetime(2026, 11, 24, tzinfo=UTC), served, cursors=cursors)


def looked_at(number: int, *findings: Finding, not_covered: tuple[str, ...] = ()) -> LedgerCheck:
    inspection = Inspection(Level.BLOCKS, findings, not_covered=not_covered)
    return LedgerCheck(TOPIC, ledger(number), inspection, "tiered")


@pytest.mark.parametrize(
    ("mark_delete", "before"),
    [
        (Position(5, -1), [5, 7, 9, 11]),
        (Position(5, 18), [5, 7, 9, 11]),
        (Position(5, 19), [7, 9, 11]),
        (Position(7, -1), [7, 9, 11]),
        (Position(9, 19), [11]),
        (Position(11, 19), [11]),
        (Position(3, 999), [5, 7, 9, 11]),
    ],
)
def test_a_ledger_is_before_a_subscription_until_its_last_entry_is_acknowledged(
    mark_delete: Position, before: list[int]
) -> None:
    cursor = Cursor("billing", mark_delete)

    assert [one.ledger_id for one in topic().ledgers if has_before_it(cursor, one)] == before


@given(st.integers(0, 11), st.integers(-1, 25))
def test_what_is_before_a_subscription_begins_with_its_next_entry(ledger_id: int, entry_id: int) -> None:
    cursor = Cursor("billing", Position(ledger_id, entry_id))
    before = [one.ledger_id for one in topic().ledgers if has_before_it(cursor, one)]

    place = place_of("billing", topic(cursor), ())

    assert before == [one.ledger_id for one in topic().ledgers][-len(before) :]
    assert place.next_entry is not None
    assert place.next_entry > cursor.mark_delete
    assert place.next_entry.ledger_id in {before[0], ledger_id}


def test_a_subscription_that_may_have_passed_a_ledger_is_told_apart() -> None:
    cursors = (
        Cursor("ahead", Position(7, 3)),
        Cursor("at-it", Position(5, 3)),
        Cursor("old", Position(5, 3), is_current=False),
    )

    assert readers_of(ledger(5), cursors) == Readers(("at-it",), ("old",))


@pytest.mark.parametrize(
    ("check", "readable"),
    [
        (looked_at(7), Readable.YES),
        (looked_at(7, WARNING), Readable.YES),
        (looked_at(7, DAMAGE), Readable.NO),
        (looked_at(7, not_covered=("denied",)), Readable.UNKNOWN),
        (looked_at(5), Readable.UNKNOWN),
    ],
)
def test_whether_it_can_read_on_is_what_the_check_says_of_its_ledger(check: LedgerCheck, readable: Readable) -> None:
    place = place_of("billing", topic(Cursor("billing", Position(5, 19))), (check,))

    assert (place.readable, place.next_entry) == (readable, Position(7, 0))
    assert bool(place.not_covered) == (readable is Readable.UNKNOWN)


def test_its_object_is_named_and_so_is_what_is_damaged_further_on() -> None:
    checks = (looked_at(5), looked_at(7, DAMAGE))

    place = place_of("billing", topic(Cursor("billing", Position(5, 3))), checks)

    assert (place.key, place.bucket) == (data_key(UUID_OF_ALL, 5), "tiered")
    assert (place.readable, place.damaged_ahead) == (Readable.YES, (7,))


def test_damage_that_it_has_passed_is_not_ahead() -> None:
    place = place_of("billing", topic(Cursor("billing", Position(5, 19))), (looked_at(5, DAMAGE), looked_at(7)))

    assert (place.readable, place.damaged_ahead) == (Readable.YES, ())


@pytest.mark.parametrize(
    ("mark_delete", "readable"),
    [
        (Position(9, 3), Readable.NOT_IN_S3),
        (Position(11, 3), Readable.NOT_IN_S3),
        (Position(11, 19), Readable.AT_THE_END),
    ],
)
def test_what_is_not_in_s3_is_nothing_that_a_check_has_left_out(mark_delete: Position, readable: Readable) -> None:
    place = place_of("billing", topic(Cursor("billing", mark_delete)), (looked_at(5), looked_at(7)))

    assert (place.readable, place.key, place.not_covered) == (readable, None, ())


def test_the_end_of_an_idle_topics_open_ledger_is_not_known() -> None:
    place = place_of("billing", topic(Cursor("billing", Position(11, 19)), served=False), ())

    assert place.readable is Readable.NOT_IN_S3


def test_a_place_that_is_only_a_lower_bound_is_not_covered() -> None:
    cursor = Cursor("billing", Position(5, 3), is_current=False)

    place = place_of("billing", topic(cursor, served=False, progress=OffloadProgress.BEGUN), (looked_at(5),))

    assert (place.is_exact, place.readable) == (False, Readable.YES)
    assert "at 5:4 or further on" in place.not_covered[0]


def test_a_subscription_that_a_topic_has_not_is_not_covered_and_the_others_are_named() -> None:
    place = place_of("biling", topic(Cursor("audit", Position(5, 3)), Cursor("billing", Position(5, 3))), ())

    assert place.readable is Readable.UNKNOWN
    assert "no subscription biling; it has audit, billing" in place.not_covered[0]
