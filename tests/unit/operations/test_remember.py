"""Findings of ledgers and of buckets are remembered, and what is acknowledged fails nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from offloadctl.adapters.memory_findings import MemoryFindings
from offloadctl.check.standing import standing
from offloadctl.errors import BadValue
from offloadctl.exitcodes import ExitCode
from offloadctl.operations.acknowledge import Note, acknowledge, acknowledgements
from offloadctl.operations.remember import remembered
from tests.unit.operations.test_check_buckets import DAY, ORDERS, codes, make_stray, new_world


def test_a_stray_and_a_lost_object_are_known_from_check_to_check_and_can_both_be_noted() -> None:
    world, store = new_world("remembered"), MemoryFindings()
    make_stray(world)
    world.store.delete(world.keys(ORDERS)[0])
    world.memory.advance(DAY)
    first = remembered(world.check(), store)
    note = Note("ada", "known", first.finished_at + timedelta(days=30))
    acknowledge(store, [one.id for one in first.findings], note, first.finished_at)

    again = remembered(world.check(), store)

    assert sorted(codes(again)) == ["data-missing", "orphan"]
    assert (first.exit_code, again.exit_code) == (ExitCode.DAMAGE, ExitCode.OK)
    assert [one.seen.times for one in again.findings if one.seen is not None] == [2, 2]
    assert all(one.is_acknowledged for one in again.findings)


def test_an_acknowledgement_that_something_else_was_found_since_is_listed_as_ended() -> None:
    world, store = new_world("ended"), MemoryFindings()
    world.store.delete(world.keys(ORDERS)[0])
    (finding,) = remembered(world.check(), store).findings
    now = world.memory.clock.now()
    acknowledge(store, [finding.id], Note("ada", "known", now + timedelta(days=1)), now)

    store.see([replace(finding, found="something else")], now)

    assert [one.ended for one in acknowledgements(store, now)] == [True]


def test_of_several_one_that_is_not_known_leaves_all_unnoted() -> None:
    world, store = new_world("several"), MemoryFindings()
    world.store.delete(world.keys(ORDERS)[0])
    (finding,) = remembered(world.check(), store).findings
    now = world.memory.clock.now()

    with pytest.raises(BadValue, match="000000000000"):
        acknowledge(store, [finding.id, "000000000000"], Note("ada", "known", now + timedelta(days=1)), now)

    assert store.acknowledgements() == ()


def test_what_a_full_check_does_not_find_any_more_is_gone_and_each_check_leaves_what_it_has_covered() -> None:
    world, store = new_world("gone"), MemoryFindings()
    key = world.keys(ORDERS)[0]
    lost = world.store.read(key)
    info = world.store.head(key)
    assert lost is not None
    assert info is not None
    world.store.delete(key)
    first = remembered(world.check(), store)
    stood = standing(store.remembered(), store.ended_checks())
    world.store.put(key, lost, user_metadata=info.user_metadata, content_type="application/octet-stream")
    world.memory.advance(DAY)
    unseen = remembered(replace(world.check(), interrupted=ExitCode.INTERRUPTED), store)
    still = standing(store.remembered(), store.ended_checks())

    again = remembered(world.check(), store)

    assert (codes(first), codes(unseen), codes(again)) == (["data-missing"], [], [])
    assert [one.finding.code for one in stood] == [one.finding.code for one in still] == ["data-missing"]
    assert standing(store.remembered(), store.ended_checks()) == ()
    (ended,) = store.ended_checks()
    assert (ended.scope.everything, ended.full_at, ended.covered) == (True, again.finished_at, again.coverage.ledgers)


def test_a_check_that_is_not_to_be_remembered_leaves_nothing() -> None:
    world, store = new_world("unnoted"), MemoryFindings()

    remembered(world.check(), store, keep=False)

    assert store.ended_checks() == []
