"""Which remembered findings still stand: what a later check would have seen and has not is gone, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from offloadctl.check.catalogue import KINDS, STRAYS
from offloadctl.check.standing import standing
from offloadctl.model.check_words import Level
from offloadctl.model.ended_check import EndedCheck, RememberedFinding
from offloadctl.model.finding import Finding, KnownFinding, Severity
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.scope import Scope

NOW = datetime(2026, 11, 24, tzinfo=UTC)
HOUR = timedelta(hours=1)
ORDERS = TopicName("acme", "shop", "orders, ledger 9")
EVERYTHING = Scope.of(everything=True)
SHOP = Scope.of(namespaces=[ORDERS.namespace_name])


def seen(code: str, topic: TopicName | None = ORDERS, *, at: datetime = NOW) -> RememberedFinding:
    found = Finding(code, Severity.DAMAGE, "what", topic, 7 if topic else None, "uuid-ledger-7")
    return RememberedFinding(KnownFinding(found.id, "", code, found.severity, "what", found.place, at, at, 1))


def full(level: Level, scope: Scope, *, at: datetime = NOW + HOUR) -> EndedCheck:
    return EndedCheck(level, scope, at + HOUR, 1, 1, at + HOUR, at)


@pytest.mark.parametrize(
    ("scope", "covers"),
    [
        (EVERYTHING, True),
        (SHOP, True),
        (Scope.of(tenants=["acme"]), True),
        (Scope.of(topics=[ORDERS]), True),
        (Scope.of(topics=[ORDERS.with_partition(1)]), False),
        (Scope.of(everything=True, match="orders"), True),
        (Scope.of(everything=True, match="bills"), False),
        (Scope.of(namespaces=[NamespaceName("acme", "other")]), False),
        (Scope.of(tenants=["other"]), False),
    ],
    ids=str,
)
def test_a_finding_is_gone_after_a_full_check_of_whatever_it_is_in(scope: Scope, covers: bool) -> None:
    damage = seen("data-missing")

    left = standing([damage], [full(Level.LISTING, scope)])

    assert left == (() if covers else (damage,))


def test_a_partition_goes_with_its_topic() -> None:
    damage = seen("data-missing", ORDERS.with_partition(3))

    assert standing([damage], [full(Level.LISTING, Scope.of(topics=[ORDERS]))]) == ()


@pytest.mark.parametrize("code", sorted(KINDS))
def test_only_a_check_that_looks_deep_enough_tells_that_it_is_gone(code: str) -> None:
    finding = seen(code)

    gone_after = [level for level in Level if not standing([finding], [full(level, EVERYTHING)])]

    assert gone_after == [level for level in Level if level.includes(KINDS[code].seen_at)]


def test_what_a_check_has_seen_itself_or_what_came_since_stands() -> None:
    check = full(Level.ENTRIES, EVERYTHING)
    itself, later = seen("checksum", at=check.ended_at), seen("checksum", at=check.ended_at + HOUR)

    assert standing([itself, later], [check]) == (itself, later)


def test_a_check_that_did_not_cover_all_tells_of_nothing_that_it_is_gone() -> None:
    partial = replace(full(Level.ENTRIES, EVERYTHING), full_at=None, clear_before=None)
    damage = seen("data-missing")

    assert standing([damage], [partial]) == (damage,)


@pytest.mark.parametrize("code", sorted(STRAYS))
def test_what_is_nobodys_is_gone_only_after_a_check_of_everything(code: str) -> None:
    stray = seen(code, None)
    narrower = [SHOP, Scope.of(everything=True, match="o")]

    assert standing([stray], [full(Level.READBACK, one) for one in narrower]) == (stray,)
    assert standing([stray], [full(Level.LISTING, EVERYTHING)]) == ()


def test_a_code_of_another_version_stands_since_nobody_knows_where_it_shows() -> None:
    unknown = seen("of-another-version")

    assert standing([unknown], [full(Level.READBACK, EVERYTHING)]) == (unknown,)
