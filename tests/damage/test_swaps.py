"""Objects that are whole and not this ledger's: swapped, or put back from another day."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from offloadctl.check.subject import Subject
from offloadctl.check.times import Timed, check_order
from offloadctl.format.keys import data_key, index_key
from offloadctl.model.check import Level
from tests.builders import MANAGED_LEDGER, PUBLISH_TIME, Ledger, entry, message_metadata
from tests.damage.worlds import READING, World, recorded_worlds, world_of

HOUR_MS = 3_600_000
DEEP = (Level.BLOCKS, Level.ENTRIES)


def named(name: str) -> World:
    return next(one for one in recorded_worlds() if one.name == name)


def ledger_of_hour(hour: int, *, producer: str = "one", clock: int = 0) -> World:
    """A ledger of an hour, alike in every number to those of others; its producer is `clock` hours ahead."""
    begun = PUBLISH_TIME + hour * HOUR_MS
    entries = [
        entry(
            b"payload",
            metadata=replace(
                message_metadata(10 + 2 * hour + number),
                producer_name=producer,
                publish_time=begun + clock * HOUR_MS + 1000 * (number + 1),
            ),
        )
        for number in range(5)
    ]
    made = Ledger(tuple(entries), 128 + 3 * (12 + len(entries[0])))
    made.__dict__["metadata"] = replace(made.metadata, ctime=begun + 1)
    return replace(
        world_of(f"hour {hour}", made),
        ledger_id=45 + hour,
        closed_at=datetime.fromtimestamp((begun + HOUR_MS) / 1000, UTC),
        begun_after=datetime.fromtimestamp(begun / 1000, UTC),
    )


def found_in(ledgers: Sequence[World], level: Level) -> list[int | None]:
    """Of which ledgers something is found, each being sound by itself."""
    looks = [one.look(level) for one in ledgers]
    assert all(look.findings == () for look in looks)
    timed = [Timed(one.subject, look.times) for one, look in zip(ledgers, looks, strict=True)]
    findings = list(check_order(timed))
    assert all(finding.code == "ledger-time" for finding in findings)
    return [finding.ledger_id for finding in findings]


@pytest.mark.parametrize("level", Level)
def test_ledgers_in_order_are_no_finding(level: Level) -> None:
    assert found_in([ledger_of_hour(hour) for hour in range(4)], level) == []
    assert found_in([named("plain-45"), named("plain-46"), named("plain-47")], level) == []
    assert found_in([named("random-bytes-60"), named("random-bytes-62")], level) == []


@pytest.mark.parametrize("swapped", ["data", "index", "both"])
@pytest.mark.parametrize(("one", "other"), [("plain-45", "plain-46"), ("random-bytes-60", "random-bytes-62")])
def test_two_recorded_ledgers_that_are_alike_in_every_number_are_told_apart(one: str, other: str, swapped: str) -> None:
    first, second = named(one), named(other)
    assert (first.entries, first.size, len(first.data)) == (second.entries, second.size, len(second.data))

    exchanged = [with_objects_of(first, second, swapped), with_objects_of(second, first, swapped)]

    for level in DEEP:
        assert found_in(exchanged, level) == [first.ledger_id, second.ledger_id]
    assert found_in(exchanged, Level.INDEX) == ([] if swapped == "data" else [first.ledger_id, second.ledger_id])


def with_objects_of(whole: World, source: World, which: str) -> World:
    data = source.data if which in ("data", "both") else whole.data
    index = source.index if which in ("index", "both") else whole.index
    return replace(whole, data=data, index=index)


@pytest.mark.parametrize("level", DEEP)
@pytest.mark.parametrize("hour", [1, 2, 3])
def test_an_object_put_back_from_before_is_found(hour: int, level: Level) -> None:
    ledgers = [ledger_of_hour(number) for number in range(4)]

    ledgers[hour] = with_objects_of(ledgers[hour], ledgers[0], "data")

    assert found_in(ledgers, level) == ([] if hour == 1 else [45 + hour])


@pytest.mark.parametrize("level", DEEP)
def test_yesterdays_data_put_back_under_todays_key_is_found(level: Level) -> None:
    yesterday = ledger_of_hour(0)
    today = [ledger_of_hour(24), ledger_of_hour(25), ledger_of_hour(26)]

    assert found_in([today[0], with_objects_of(today[1], yesterday, "data"), today[2]], level) == [45 + 25]


@pytest.mark.parametrize("level", DEEP)
def test_the_data_of_a_later_ledger_is_found(level: Level) -> None:
    ledgers = [ledger_of_hour(number) for number in range(4)]

    ledgers[0] = with_objects_of(ledgers[0], ledgers[3], "data")

    assert found_in(ledgers, level) == [45]


def test_one_ledger_alone_is_not_judged_by_its_times() -> None:
    whole = with_objects_of(ledger_of_hour(25), ledger_of_hour(0), "both")

    assert found_in([whole], Level.ENTRIES) == []


def test_a_producer_whose_clock_is_wrong_is_no_finding() -> None:
    ledgers = [ledger_of_hour(number) for number in range(3)]

    moved = [
        replace(one, closed_at=one.closed_at.replace(year=2020), begun_after=one.begun_after.replace(year=2019))
        for one in ledgers
    ]

    assert found_in(moved, Level.ENTRIES) == []


def test_a_producer_whose_clock_is_far_off_is_no_finding() -> None:
    ledgers = [ledger_of_hour(0), ledger_of_hour(1, producer="fast", clock=1000), ledger_of_hour(2)]

    assert found_in(ledgers, Level.ENTRIES) == []


@pytest.mark.parametrize("level", Level)
def test_two_recorded_ledgers_that_differ_in_length_are_told_apart_by_it(level: Level) -> None:
    first, second = named("batched-lz4-52"), named("batched-zlib-53")

    assert replace(first, data=second.data).codes(level) == ["data-size"]


@pytest.mark.parametrize("level", READING)
def test_recorded_ledgers_of_several_blocks_are_told_apart(level: Level) -> None:
    first, second = named("multi-block-58"), named("multi-block-exact-59")

    assert replace(first, data=second.data).codes(level) == ["data-size"]
    assert replace(second, data=first.data).codes(level) == ["data-size"]
    assert replace(first, data=second.data, data_metadata=second.data_metadata).codes(level) == ["object-owner"]
    assert replace(first, index=second.index).codes(level) == ["index-metadata"]
    assert replace(second, index=first.index).codes(level) == ["index-metadata"]


def test_what_an_operator_is_told_of_swapped_data() -> None:
    first, second = named("plain-45"), named("plain-46")
    swapped = [with_objects_of(first, second, "data"), with_objects_of(second, first, "data")]

    found = list(check_order([Timed(one.subject, one.look().times) for one in swapped]))

    assert [finding.key for finding in found] == [first.subject.data_key, second.subject.data_key]
    assert found[0].expected == "before 2026-11-24T02:11:25.216Z, when the ledger was closed"
    assert found[0].found == "2026-11-24T02:11:25.220Z"


def test_a_subject_without_times_is_not_judged() -> None:
    uuid = UUID(int=1)
    bare = [Subject(data_key(uuid, number), index_key(uuid, number), ledger_id=number) for number in (1, 2)]
    times = [ledger_of_hour(2).look().times, ledger_of_hour(1).look().times]

    found = list(check_order([Timed(one, time) for one, time in zip(bare, times, strict=True)]))

    assert found == []
    assert MANAGED_LEDGER
