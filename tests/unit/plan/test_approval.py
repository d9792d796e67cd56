"""Which runs need a yes, and when an approved plan no longer holds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.model.approval import ApprovedLedger, ApprovedPart, ApprovedRun
from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadProgress, Position
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.offload import OffloadPlan, OffloadWish
from offloadctl.model.scope import Scope
from offloadctl.plan.approval import differences, needs_approval, still_holds
from offloadctl.plan.offload import plan_before, plan_offload
from offloadctl.units import ByteSize

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOPIC = TopicName("a", "b", "c")
NAMED = Scope.of(topics=[TOPIC])
NAMESPACE = Scope.of(namespaces=[NamespaceName("a", "b")])
ZERO, SOME = OffloadWish(ByteSize(0)), OffloadWish(ByteSize(1))
TIB = 1024**4


def plan(size: int = 10, *ids: int) -> OffloadPlan:
    """Closed ledgers of these ids, 1 by default, each of this size, and an open one."""
    closed = [Ledger(one, 5, ByteSize(size), False, OffloadProgress.LOCAL, NOW) for one in ids or (1,)]
    ledgers = (*closed, Ledger(100, 0, ByteSize(0), True, OffloadProgress.LOCAL))
    return plan_offload(ManagedLedger(TOPIC, ledgers, NOW, True), ZERO, NOW)


@pytest.mark.parametrize(
    ("scope", "wish", "plans", "codes"),
    [
        (NAMED, ZERO, [plan()], []),
        (NAMED, SOME, [plan()] * 100, []),
        (NAMED, SOME, [plan()] * 101, ["many-topics"]),
        (NAMED, SOME, [plan(TIB)], []),
        (NAMED, ZERO, [plan(TIB + 1)], ["much"]),
        (NAMESPACE, SOME, [plan()], []),
        (NAMESPACE, ZERO, [plan()], ["threshold-0"]),
        (NAMESPACE, OffloadWish(ByteSize(-1)), [plan()], ["threshold-0"]),
        (NAMESPACE, OffloadWish(None, timedelta(0)), [plan()], []),
        (Scope.of(everything=True), SOME, [plan()], ["everything"]),
        (Scope.of(tenants=["a"]), SOME, [plan()], ["everything"]),
        (Scope.of(everything=True), ZERO, [plan(TIB)] * 101, ["everything", "threshold-0", "many-topics", "much"]),
        (Scope.of(everything=True), ZERO, [], []),
    ],
)
def test_what_needs_a_yes(scope: Scope, wish: OffloadWish, plans: list[OffloadPlan], codes: list[str]) -> None:
    assert [reason.code for reason in needs_approval(scope, wish, plans)] == codes


RUN = ApprovedRun(ZERO, (), "prod", NOW, "sha256:x")


@pytest.mark.parametrize(
    ("cluster", "now", "codes"),
    [
        ("prod", NOW, []),
        ("prod", NOW + timedelta(microseconds=1), ["expiry"]),
        ("test", NOW, ["cluster"]),
        (None, NOW, ["cluster"]),
        ("test", NOW + timedelta(days=1), ["cluster", "expiry"]),
    ],
)
def test_a_plan_holds_for_its_cluster_until_it_expires(cluster: str | None, now: datetime, codes: list[str]) -> None:
    assert [reason.code for reason in still_holds(RUN, cluster, now)] == codes


def approved(*ids: int, size: int = 10) -> ApprovedPart:
    return ApprovedPart(TOPIC, Position(100, 0), tuple(ApprovedLedger(one, 5, size) for one in ids))


def test_ledgers_that_came_went_or_changed_are_named() -> None:
    def told(part: ApprovedPart, now: OffloadPlan) -> list[str]:
        return [reason.text.partition(": ")[2] for reason in differences(part, now)]

    assert told(approved(1, 2), plan(10, 1, 2)) == []
    assert told(approved(1, 2), plan(10, 2)) == ["no longer to be moved: ledger 1"]
    assert told(approved(1), plan(10, 1, 2, 3)) == ["would move as well: ledgers 2, 3"]
    assert told(approved(1, size=9), plan(10, 1)) == ["not what they were: ledger 1"]


@given(st.sets(st.integers(1, 20)), st.sets(st.integers(1, 20), min_size=1))
def test_a_plan_differs_exactly_when_other_ledgers_move(then: set[int], now: set[int]) -> None:
    assert bool(list(differences(approved(*sorted(then)), plan(10, *sorted(now))))) == (then != now)


def test_a_settled_boundary_takes_nothing_that_lies_beyond_it() -> None:
    wide = plan(10, 1, 2, 3)

    narrow = plan_before(wide.managed_ledger, Position(3, 0), ZERO, NOW)

    assert [one.ledger_id for one in narrow.moves] == [1, 2]
    assert narrow.before == Position(3, 0)
    assert plan_before(replace(wide.managed_ledger, ledgers=()), Position(3, 0), ZERO, NOW).before is None
