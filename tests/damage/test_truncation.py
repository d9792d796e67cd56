"""Objects that end too early, at every length; and objects that hold another ledger's bytes."""

from dataclasses import replace

import pytest

from offloadctl.format.index_object import IndexObject
from offloadctl.model.check import Level
from tests.damage.breakages import put_back
from tests.damage.worlds import World, recorded_world, recorded_worlds, world
from tests.golden_objects import offloaded_ledgers


def named(name: str) -> World:
    return next(one for one in recorded_worlds() if one.name == name)


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("name", ["one block", "3 bytes of padding"])
def test_a_data_object_cut_at_any_length_is_found_as_too_short(name: str, level: Level) -> None:
    whole = world(name)

    for length in range(len(whole.data)):
        assert replace(whole, data=whole.data[:length]).codes(level) == ["data-size"], length


@pytest.mark.parametrize("name", ["one block", "3 bytes of padding"])
def test_an_index_cut_at_any_length_is_found_as_corrupt(name: str) -> None:
    whole = world(name)

    for length in range(len(whole.index)):
        assert replace(whole, index=whole.index[:length]).codes(Level.INDEX) == ["index-corrupt"], length


def test_what_is_left_of_a_data_object_that_was_cut_is_verified() -> None:
    whole = world("one block")
    four_entries = len(whole.data) - 20

    look = replace(whole, data=whole.data[:four_entries]).look()

    assert look.counts is not None
    assert (look.counts.entries, look.counts.checksums_ok) == (4, 4)
    assert look.not_covered != ()


@pytest.mark.parametrize(("one", "other"), [("plain-45", "plain-46"), ("random-bytes-60", "random-bytes-62")])
@pytest.mark.parametrize("swapped", ["data", "index", "both"])
def test_two_recorded_ledgers_that_are_alike_in_every_number_are_told_apart_by_time(
    one: str, other: str, swapped: str
) -> None:
    first, second = named(one), named(other)
    assert (first.entries, first.size, len(first.data)) == (second.entries, second.size, len(second.data))

    def with_objects_of(whole: World, source: World) -> World:
        data = source.data if swapped in ("data", "both") else whole.data
        index = source.index if swapped in ("index", "both") else whole.index
        return replace(whole, data=data, index=index)

    assert with_objects_of(first, second).codes() == ["ledger-time"]
    assert with_objects_of(second, first).codes() == ["ledger-time"]


@pytest.mark.parametrize("level", [Level.BLOCKS, Level.ENTRIES])
def test_two_recorded_ledgers_that_differ_are_told_apart_by_length(level: Level) -> None:
    first, second = named("batched-lz4-52"), named("batched-zlib-53")

    swapped = replace(first, data=second.data, data_metadata=first.data_metadata)

    assert swapped.codes(level) == ["data-size"]


def test_two_recorded_ledgers_of_several_blocks_with_swapped_data() -> None:
    first, second = named("multi-block-58"), named("multi-block-exact-59")

    assert replace(first, data=second.data).codes() == ["data-size"]
    assert replace(second, data=first.data).codes() == ["data-size"]
    assert replace(first, data=second.data, data_metadata=second.data_metadata).codes() == ["object-owner"]


def test_the_index_of_another_ledger_of_several_blocks() -> None:
    first, second = named("multi-block-58"), named("multi-block-exact-59")

    for level in Level:
        assert replace(first, index=second.index).codes(level) == ["index-metadata"]


@pytest.mark.parametrize("name", ["one block", "11 bytes of padding"])
def test_yesterdays_object_put_back_is_found(name: str) -> None:
    whole = world(name)
    yesterday = put_back(whole, -1)
    assert len(yesterday.data) == len(whole.data)

    assert yesterday.codes(Level.ENTRIES) == ["ledger-time"]


def test_what_an_operator_is_told_of_swapped_data() -> None:
    first, second = (recorded_world(ledger) for ledger in offloaded_ledgers() if ledger.ledger_id in (46, 45))

    (finding,) = replace(second, data=first.data).look().findings

    assert finding.what.startswith("the messages are of another time than the ledger")
    assert finding.key == second.subject.data_key
    assert IndexObject.parse(second.index).ledger_metadata.ctime is not None
