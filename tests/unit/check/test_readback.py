"""What a broker's silence proves."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.check.readback import control_of, passed_over, samples_of, silent, unproven
from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadProgress, Position
from offloadctl.model.names import TopicName
from offloadctl.model.readback import Probe
from offloadctl.units import ByteSize


def ledger(number: int, entries: int, *, is_open: bool = False) -> Ledger:
    return Ledger(number, entries, ByteSize(entries * 100), is_open, OffloadProgress.OFFLOADED)


def came(ledger_id: int, entry_id: int) -> Probe:
    return Probe(Position(ledger_id, entry_id), Position(ledger_id, entry_id))


def nothing(ledger_id: int, entry_id: int) -> Probe:
    return Probe(Position(ledger_id, entry_id), None)


@pytest.mark.parametrize(("entries", "expected"), [(0, []), (1, [0]), (2, [0, 1]), (3, [0, 1, 2]), (100, [0, 50, 99])])
def test_a_sample_is_the_first_the_middle_and_the_last_entry(entries: int, expected: list[int]) -> None:
    assert [position.entry_id for position in samples_of(ledger(5, entries))] == expected


def test_the_control_is_the_last_ledger_with_entries_behind_the_samples() -> None:
    sampled = (ledger(5, 10), ledger(7, 10))
    behind = (ledger(9, 10), ledger(11, 10), ledger(13, 0, is_open=True))
    managed = ManagedLedger(TopicName("acme", "shop", "a"), (*sampled, *behind), datetime.now(UTC), served=True)

    assert control_of(managed, sampled) == Position(11, 0)
    assert control_of(managed, managed.ledgers) is None


def test_silence_before_a_place_that_gives_something_is_damage() -> None:
    probes = [came(5, 0), nothing(5, 9), nothing(7, 0), came(9, 0)]

    assert silent(probes) == (Position(5, 9), Position(7, 0))
    assert unproven(probes) == ()


def test_silence_at_the_end_proves_nothing() -> None:
    probes = [came(5, 0), nothing(7, 0), nothing(9, 0)]

    assert silent(probes) == ()
    assert unproven(probes) == (Position(7, 0), Position(9, 0))


def test_a_broker_that_gives_nothing_at_all_proves_nothing() -> None:
    assert silent([nothing(5, 0), nothing(7, 0)]) == ()


@given(st.lists(st.booleans(), max_size=12))
def test_each_silence_is_either_proven_or_not(answers: list[bool]) -> None:
    probes = [came(number, 0) if answer else nothing(number, 0) for number, answer in enumerate(answers)]

    assert sorted((*silent(probes), *unproven(probes))) == [probe.asked for probe in probes if probe.given is None]


def test_what_gave_nothing_of_its_own_ledger_is_told_apart() -> None:
    over = Probe(Position(5, 0), Position(7, 0))
    within = Probe(Position(7, 3), Position(7, 4))

    assert list(passed_over([over, within], {5: ledger(5, 10), 7: ledger(7, 10)})) == [over]
