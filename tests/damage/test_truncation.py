"""Objects that end too early, at every length."""

from dataclasses import replace

import pytest

from offloadctl.model.check import Level
from tests.damage.worlds import READING, world


@pytest.mark.parametrize("level", READING)
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
