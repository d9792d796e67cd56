"""Retention: which one counts, what a lower one lets go; the embedded cluster's trim is the referee."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.demo import trimming
from offloadctl.demo.ledgers import ManagedLedgerMetadata, SimulatedCursor, SimulatedLedger
from offloadctl.model.ledger import Cursor, Position, StoredLedger, StoredLedgers
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.policies import NamespaceFacts, PolicyLevel, PolicyLevels, Retention
from offloadctl.plan.offload_policies import DangerKind
from offloadctl.plan.policy_dangers import dangers_of_retention
from offloadctl.plan.policy_words import retention_story, retention_words
from offloadctl.plan.retention import Due, due, due_of_all, is_lower, retention_in_force, with_own_retention
from offloadctl.units import ByteSize

NAMESPACE = NamespaceName("acme", "shop")
TOPIC = TopicName("acme", "shop", "orders")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MEBIBYTE = 1024 * 1024
ALL, NOTHING, WEEK = Retention(-1, -1), Retention(0, 0), Retention(7 * 24 * 60, -1)
DEFAULT = {"defaultRetentionTimeInMinutes": "0", "defaultRetentionSizeInMB": "0"}


def levels(
    *, topic: Retention | None = None, everywhere: Retention | None = None, namespace: Retention | None = None
) -> PolicyLevels:
    facts = NamespaceFacts(retention=namespace)
    return PolicyLevels(TOPIC, topic_retention=topic, global_retention=everywhere, facts=facts, settings=DEFAULT)


def ledger(ledger_id: int, *, days: float, mebibytes: int = 1, offloaded: bool = False) -> StoredLedger:
    uuid = UUID(int=ledger_id) if offloaded else None
    return StoredLedger(ledger_id, 10, ByteSize(mebibytes * MEBIBYTE), NOW - timedelta(days=days), uuid)


def topic_of(*ledgers: StoredLedger, cursors: tuple[Cursor, ...] = ()) -> StoredLedgers:
    return StoredLedgers(1, (*ledgers, StoredLedger(99, None, None, None, None)), cursors=cursors)


@pytest.mark.parametrize(
    ("found", "level", "retention"),
    [
        (levels(topic=WEEK, everywhere=ALL, namespace=ALL), PolicyLevel.TOPIC, WEEK),
        (levels(everywhere=WEEK, namespace=ALL), PolicyLevel.GLOBAL_TOPIC, WEEK),
        (levels(namespace=WEEK), PolicyLevel.NAMESPACE, WEEK),
        (levels(), PolicyLevel.BROKER, NOTHING),
        (PolicyLevels(TOPIC), PolicyLevel.BROKER, None),
    ],
)
def test_the_nearest_retention_counts_as_a_whole(
    found: PolicyLevels, level: PolicyLevel, retention: Retention | None
) -> None:
    in_force = retention_in_force(found)

    assert (in_force.level, in_force.retention) == (level, retention)
    assert all(one != retention for _, one in in_force.shadows)


def test_a_scope_s_own_is_changed_and_no_other() -> None:
    of_namespace = PolicyLevels(NAMESPACE, facts=NamespaceFacts(retention=WEEK))

    assert with_own_retention(levels(namespace=WEEK), ALL) == levels(topic=ALL, namespace=WEEK)
    assert with_own_retention(of_namespace, None).facts.retention is None


@pytest.mark.parametrize(
    ("new", "old", "lower"),
    [
        (NOTHING, ALL, True),
        (WEEK, ALL, True),
        (ALL, WEEK, False),
        (ALL, None, False),
        (WEEK, None, True),
        (None, WEEK, True),
        (None, None, False),
        (WEEK, WEEK, False),
        (Retention(-1, 100), WEEK, True),
        (Retention(WEEK.minutes, 100), WEEK, True),
        (Retention(WEEK.minutes + 1, -1), WEEK, False),
        (NOTHING, Retention(0, 5), False),
    ],
)
def test_lower_is_whatever_may_let_something_go_sooner(
    new: Retention | None, old: Retention | None, *, lower: bool
) -> None:
    assert is_lower(new, old) is lower


def test_what_is_too_old_goes_up_to_the_first_ledger_that_stays() -> None:
    stored = topic_of(ledger(1, days=9, offloaded=True), ledger(2, days=8), ledger(3, days=1), ledger(4, days=9))

    found = due(stored, WEEK, NOW)

    assert found == Due(2, ByteSize(2 * MEBIBYTE), 1, ByteSize(MEBIBYTE))


def test_what_is_too_much_goes_oldest_first() -> None:
    stored = topic_of(*(ledger(one, days=1, mebibytes=10) for one in range(1, 6)))

    assert due(stored, Retention(-1, 25), NOW).ledgers == 2
    assert due(stored, Retention(-1, 50), NOW).ledgers == 0


def test_nothing_goes_that_a_subscription_has_not_consumed() -> None:
    ledgers = (ledger(1, days=9), ledger(2, days=9), ledger(3, days=9))

    inside, behind, stale = (
        due(topic_of(*ledgers, cursors=(Cursor("s", position, is_current=is_current),)), NOTHING, NOW)
        for position, is_current in ((Position(2, 8), True), (Position(2, 9), True), (Position(1, 0), False))
    )

    assert (inside.ledgers, behind.ledgers) == (1, 2)
    assert inside.is_exact
    assert (stale.ledgers, stale.is_exact) == (3, False)


def test_an_unknown_retention_may_be_the_shortest() -> None:
    found = due_of_all({TOPIC: topic_of(ledger(1, days=1))}, None, NOW)

    assert (found.ledgers, found.is_exact) == (1, False)


LEDGERS = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 400), st.booleans()), min_size=1, max_size=6)
POSITIONS = st.lists(st.tuples(st.integers(0, 7), st.integers(-1, 9)), max_size=2)
RETENTIONS = st.builds(Retention, st.integers(-1, 300), st.integers(-1, 60))


@given(LEDGERS, POSITIONS, RETENTIONS)
def test_what_is_due_is_what_the_embedded_cluster_trims(
    shapes: list[tuple[int, int, bool]], positions: list[tuple[int, int]], retention: Retention
) -> None:
    metadata = ManagedLedgerMetadata(TOPIC, NOW, NOW)
    for number, (mebibytes, minutes, _) in enumerate(shapes, 1):
        closed_at = NOW - timedelta(minutes=minutes, seconds=1)
        metadata.ledgers[number] = SimulatedLedger(number, closed_at, 10, mebibytes * MEBIBYTE, closed_at)
    metadata.ledgers[99] = SimulatedLedger(99, NOW)
    for number, position in enumerate(positions):
        place = Position(*position)
        metadata.cursors[f"s{number}"] = SimulatedCursor(NOW, NOW, place, place, place)
    if retention.keeps_nothing:
        retention = NOTHING

    gone = trimming.expired(metadata, trimming.Retention(retention.minutes, retention.mebibytes), NOW)

    stored = StoredLedgers(
        1,
        tuple(
            StoredLedger(one.ledger_id, one.entry_count or None, ByteSize(one.length), one.closed_at, None)
            for one in metadata.ascending
        ),
        cursors=tuple(Cursor(f"s{number}", Position(*one)) for number, one in enumerate(positions)),
    )
    assert due(stored, retention, NOW).ledgers == len(gone)


def test_dangers_say_how_much_goes_and_from_where() -> None:
    before, after = retention_in_force(levels(topic=ALL)), retention_in_force(levels(topic=WEEK))
    goes = Due(3, ByteSize(3 * MEBIBYTE), 2, ByteSize(2 * MEBIBYTE), is_exact=False)

    sooner, now = dangers_of_retention(before, after, goes, has_offloaded=True)

    assert sooner.kind is DangerKind.OFFLOADED_DELETABLE
    assert "7d is kept of what is consumed, and not everything" in sooner.text
    assert "up to 3 ledgers go altogether, 3 MiB; 2 of them, 2 MiB, from the bucket too" in now.text
    assert not list(dangers_of_retention(before, after, Due(), has_offloaded=False))


@pytest.mark.parametrize(
    ("retention", "words", "story"),
    [
        (ALL, "everything", "no limit"),
        (NOTHING, "nothing", "nothing is retained"),
        (Retention(0, 5), "nothing", "nothing is retained"),
        (Retention(60, 100), "1h, and at most 100 MiB", "older than 1h or beyond 100 MiB"),
        (Retention(2**31 - 1, -1), "2147483647 minutes", "older than 2147483647 minutes"),
        (None, "the brokers' own default, which is not known", "is not known"),
    ],
)
def test_a_retention_is_told_in_words(retention: Retention | None, words: str, story: str) -> None:
    assert retention_words(retention) == words
    assert story in retention_story(retention)
