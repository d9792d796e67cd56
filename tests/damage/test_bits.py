"""Bits flipped one at a time: found under one code, or in a byte of which it is known why nothing vouches for it.

Every bit of the smallest objects, and every seventh of some others; the slow tests flip every bit of those too.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.damage.uncovered import REASONS, Uncovered, uncovered_of_data, uncovered_of_index
from tests.damage.worlds import World, recorded_worlds, small_worlds

SMALLEST = ("empty-payload-48", "one entry")
SMALL = ("ordering-key-50", "json-schema-63", "3 bytes of padding", "broker metadata", "no checksums")
OTHERS = ("0", "1", "2", "4", "11", "39")
RECORDED = ("keyed-properties-49", "compressed-unbatched-56", "batched-zstd-54", "plain-45", "batched-51")


def named(name: str) -> World:
    return next(one for one in (*recorded_worlds(), *small_worlds()) if one.name == name)


def flips(data: bytes, *, every: int = 1, first: int = 0) -> Iterator[tuple[int, bytes]]:
    """The object with one bit another, and the byte that it is in."""
    for bit in range(first, 8 * len(data), every):
        at = bit // 8
        yield at, data[:at] + bytes([data[at] ^ 1 << bit % 8]) + data[at + 1 :]


def unseen(broken: Iterator[tuple[int, World]], uncovered: tuple[Uncovered, ...]) -> Counter[str]:
    """How many flips nothing was found of, by reason; fails for one without a reason, or with several findings."""
    reasons: Counter[str] = Counter()
    for at, one in broken:
        codes = one.codes()
        assert len(codes) <= 1, f"one bit at {at} is found as {codes}"
        if not codes:
            known = [each.reason for each in uncovered if each.start <= at < each.end]
            assert known, f"a bit at {at} of {one.name} changed unseen, and nobody knows why"
            reasons[known[0]] += 1
    return reasons


def of_data(whole: World, **how: int) -> Iterator[tuple[int, World]]:
    return ((at, replace(whole, data=data)) for at, data in flips(whole.data, **how))


def of_index(whole: World, **how: int) -> Iterator[tuple[int, World]]:
    return ((at, replace(whole, index=index)) for at, index in flips(whole.index, **how))


@pytest.mark.parametrize("name", SMALLEST)
def test_every_bit_of_the_smallest_objects_is_covered_or_known_to_matter_to_nobody(name: str) -> None:
    whole = named(name)
    assert uncovered_of_data(whole) == ()

    assert unseen(of_data(whole), ()) == {}
    reasons = unseen(of_index(whole), uncovered_of_index(whole))

    # No reason is there for show: of each some flips go unseen.
    assert reasons.keys() == {one.reason for one in uncovered_of_index(whole)}


@pytest.mark.parametrize("name", SMALL)
def test_every_seventh_bit_of_small_objects_is_covered_or_known_not_to_be(name: str) -> None:
    whole = named(name)

    reasons = unseen(of_data(whole, every=7), uncovered_of_data(whole))
    unseen(of_index(whole, every=7, first=3), uncovered_of_index(whole))

    assert reasons.keys() == {one.reason for one in uncovered_of_data(whole)}


def test_each_reason_is_met() -> None:
    worlds = [named(name) for name in (*SMALLEST, *SMALL)]

    met = {one.reason for whole in worlds for one in (*uncovered_of_index(whole), *uncovered_of_data(whole))}

    assert met == set(REASONS)


@pytest.mark.parametrize("name", ["multi-block-exact-59", "multi-block-58", "chunked-57", "random-bytes-60"])
def test_bits_here_and_there_of_large_recorded_objects_are_covered(name: str) -> None:
    whole = named(name)
    # Odd, so that the places within a byte differ.
    step = 8 * len(whole.data) // 7 | 1

    assert unseen(of_data(whole, every=step, first=3), ()) == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SMALL, *RECORDED, *(f"{padding} bytes of padding" for padding in OTHERS)])
def test_every_bit_is_covered_or_known_not_to_be(name: str) -> None:
    whole = named(name)

    unseen(of_data(whole), uncovered_of_data(whole))
    unseen(of_index(whole), uncovered_of_index(whole))
