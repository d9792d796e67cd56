"""Many topics' status in numbers: in which order they are shown, and what they come to."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadProgress, OffloadState, OffloadStatus
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Reason
from offloadctl.model.status import (
    Amount,
    Bound,
    DataObject,
    SortKey,
    StatusGroup,
    StatusReport,
    TopicStatus,
    UnreadTopic,
)
from offloadctl.plan.status_totals import NOT_ASKED, LedgerSum, StatusTotals, shown
from offloadctl.units import ByteSize

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LOCAL, OFFLOADED, BEGUN = OffloadProgress.LOCAL, OffloadProgress.OFFLOADED, OffloadProgress.BEGUN


def status(
    name: str, *ledgers: tuple[OffloadProgress, int], hours: int = 1, claim: OffloadState | None = OffloadState.NOT_RUN
) -> TopicStatus:
    """Closed ledgers of these sizes, the first one so many hours ago, and an open one."""
    closed = [
        Ledger(number, 10, ByteSize(size), is_open=False, progress=progress, closed_at=NOW - timedelta(hours=hours))
        for number, (progress, size) in enumerate(ledgers)
    ]
    last = Ledger(99, 0, ByteSize(0), is_open=True, progress=LOCAL)
    managed = ManagedLedger(TopicName("acme", "shop", name), (*closed, last), NOW, served=claim is not None)
    return TopicStatus(managed, OffloadStatus(claim) if claim is not None else None)


def report(*parts: TopicStatus | UnreadTopic, sort: SortKey | None = None, top: int | None = None) -> StatusReport:
    by_topic: dict[TopicName, list[TopicStatus | UnreadTopic]] = {}
    for part in parts:
        by_topic.setdefault(part.topic.parent, []).append(part)
    groups = tuple(
        StatusGroup(topic, sum(part.topic != topic for part in found), tuple(found))
        for topic, found in by_topic.items()
    )
    return StatusReport(groups, NOW, sort=sort, top=top)


def names(groups: Sequence[StatusGroup]) -> list[str]:
    return [group.topic.local_name for group in groups]


GONE = UnreadTopic(TopicName("acme", "shop", "a-gone"), Reason("not-found", "gone"))
TOPICS = (
    status("old", (LOCAL, 10), hours=90),
    status("local", (LOCAL, 30), (LOCAL, 30)),
    status("moved", (OFFLOADED, 50)),
    status("unknown", (BEGUN, 20), (LOCAL, 1), claim=None),
)


@pytest.mark.parametrize(
    ("key", "order"),
    [
        (None, ["a-gone", "old", "local", "moved", "unknown"]),
        (SortKey.NAME, ["local", "moved", "old", "unknown", "a-gone"]),
        (SortKey.ELIGIBLE, ["local", "old", "unknown", "moved", "a-gone"]),
        (SortKey.LOCAL, ["local", "old", "unknown", "moved", "a-gone"]),
        (SortKey.OFFLOADED, ["moved", "local", "old", "unknown", "a-gone"]),
        (SortKey.CLOSED, ["local", "moved", "unknown", "old", "a-gone"]),
        (SortKey.UNFINISHED, ["unknown", "local", "moved", "old", "a-gone"]),
        (SortKey.AGE, ["old", "local", "unknown", "moved", "a-gone"]),
    ],
)
def test_topics_are_in_the_order_that_was_asked_for_and_unread_ones_last(key: SortKey | None, order: list[str]) -> None:
    assert names(shown(report(GONE, *TOPICS, sort=key))) == order


def test_partitions_count_together() -> None:
    parts = [status(f"parted-partition-{number}", (LOCAL, 25)) for number in range(3)]

    found = report(*TOPICS, *parts, sort=SortKey.LOCAL, top=2)

    assert names(shown(found)) == ["parted", "local"]
    assert [len(group.parts) for group in shown(found)] == [3, 1]


def test_what_is_not_shown_is_in_the_exit_code_all_the_same() -> None:
    assert report(GONE, *TOPICS, sort=SortKey.LOCAL, top=1).exit_code == 1


def test_totals_are_those_of_all_topics() -> None:
    totals = StatusTotals.of(report(GONE, *TOPICS, sort=SortKey.LOCAL, top=1).parts)

    assert (totals.parts, totals.unread) == (5, 1)
    assert totals.claims == {"NOT_RUN": 3, NOT_ASKED: 1}
    assert totals.closed == LedgerSum(6, ByteSize(141))
    assert totals.local == LedgerSum(4, ByteSize(71))
    assert totals.offloaded == LedgerSum(1, ByteSize(50))
    assert totals.begun == LedgerSum(1, ByteSize(20))
    assert totals.oldest_eligible == NOW - timedelta(hours=90)


def test_sums_of_bounds_are_bounds_and_of_both_sorts_nothing_is_known() -> None:
    seen = TopicStatus(TOPICS[2].managed_ledger, TOPICS[2].claim, objects=(DataObject(0, 200, NOW),))

    assert StatusTotals.of([seen]).in_s3 == Amount(ByteSize(200), Bound.EXACT)
    assert StatusTotals.of([seen, TOPICS[2]]).in_s3 == Amount(ByteSize(200 + 128 + 120 + 50), Bound.AT_LEAST)
    assert StatusTotals.of([TOPICS[2]]).doubly_stored == Amount(ByteSize(50), Bound.AT_MOST)
    assert StatusTotals.of([]).in_s3 == Amount(ByteSize(0))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.lists(st.tuples(st.sampled_from([LOCAL, OFFLOADED, BEGUN]), st.integers(0, 99)), max_size=4),
        ),
        max_size=8,
        unique_by=lambda one: one[0],
    ),
    st.sampled_from(list(SortKey)),
    st.integers(1, 9),
)
def test_every_order_shows_each_topic_once_and_totals_do_not_depend_on_it(
    topics: list[tuple[int, list[tuple[OffloadProgress, int]]]], key: SortKey, top: int
) -> None:
    plain = report(*(status(f"t{number}", *ledgers) for number, ledgers in topics))
    ranked = StatusReport(plain.groups, NOW, sort=key, top=top)

    found = names(shown(ranked))

    assert len(found) == len(set(found)) == min(top, len(topics))
    assert sorted(names(shown(StatusReport(plain.groups, NOW, sort=key)))) == sorted(names(plain.groups))
    assert StatusTotals.of(ranked.parts) == StatusTotals.of(plain.parts)
