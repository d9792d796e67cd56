"""Many topics for people: a row for each, its partitions together, totals of all; nothing that fails is left out."""

from dataclasses import replace

import pytest

from offloadctl.model.ledger import OffloadProgress, OffloadState
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.scope import Scope, ScopeRead
from offloadctl.model.status import DataObject, SortKey, StatusReport
from offloadctl.report.origin import Origin
from offloadctl.report.status import status_document
from offloadctl.report.status_text import status_text
from tests.unit.plan.test_status_totals import GONE, LOCAL, OFFLOADED, TOPICS, report, status
from tests.unit.report.test_text import printed

ORIGIN = Origin("prod", "standalone")
MIB = 1024 * 1024


def rows(found: StatusReport, *, wide: bool = False, width: int = 80) -> list[list[str]]:
    text = printed(status_text(found, ORIGIN, wide=wide), width=width)
    return [line.split() for line in text.splitlines()]


def test_each_topic_has_a_row_and_all_of_them_have_one_too() -> None:
    parts = [
        status(f"parted-partition-{number}", (LOCAL, MIB), claim=claim)
        for number, claim in enumerate([OffloadState.RUNNING, OffloadState.ERROR, OffloadState.ERROR])
    ]

    head, titles, first, second, last, claims = rows(
        report(*parts, status("orders", (LOCAL, MIB), (OFFLOADED, MIB), hours=30), sort=SortKey.LOCAL)
    )

    assert head[0] == "acme/shop"
    assert titles == ["TOPIC", "PARTITIONS", "BROKER", "SAYS", "LOCAL", "OFFLOADED", "ELIGIBLE", "OLDEST"]
    assert first == ["parted", "3", "2", "of", "3", "ERROR", "3", "MiB", "-", "3", "MiB", "1h"]
    assert second == ["orders", "0", "NOT_RUN", "1", "MiB", "1", "MiB", "1", "MiB", "1d"]
    assert last == ["all", "2", "topics", "3", "4", "MiB", "1", "MiB", "4", "MiB", "1d"]
    assert claims == ["broker", "says", "2", "ERROR,", "1", "RUNNING,", "1", "NOT_RUN"]


def test_a_wide_scope_is_ranked_without_being_asked_for_it_and_shows_partitions_if_it_is_to() -> None:
    parts = [status(f"parted-partition-{number}", (LOCAL, MIB)) for number in range(2)]
    scope = ScopeRead(Scope.of(namespaces=[NamespaceName("acme", "shop")]))
    found = replace(report(*parts), scope=scope)

    assert ["parted", "2", "2", "NOT_RUN"] in [row[:4] for row in rows(found)]
    assert [row[0] for row in rows(found, wide=True, width=200)] == [
        "persistent://acme/shop/parted",
        "PARTITION",
        "0",
        "1",
    ]


def test_topics_of_several_namespaces_keep_theirs() -> None:
    other = status("orders", (LOCAL, MIB))
    other = replace(other, managed_ledger=replace(other.managed_ledger, topic=TopicName("acme", "other", "orders")))

    found = rows(report(TOPICS[0], other, sort=SortKey.NAME))

    assert [row[0] for row in found[2:4]] == ["acme/other/orders", "acme/shop/old"]


def test_what_of_the_topics_that_are_not_shown_is_not_as_it_should_be_is_told() -> None:
    lost = replace(TOPICS[2], objects=(DataObject(0, None, has_index=False),))

    text = " ".join(printed(status_text(report(GONE, *TOPICS[:2], lost, sort=SortKey.LOCAL, top=1), ORIGIN)).split())

    assert (
        "3 more topics (--top); among them 1 topic could not be read, "
        "1 ledger not both of whose objects are in the configured buckets" in text
    )


def test_of_very_many_remarks_some_are_shown_and_the_others_counted() -> None:
    found = report(*(replace(TOPICS[0], not_covered=("no bucket answers",)) for _ in range(1)), sort=SortKey.NAME)
    groups = tuple(replace(found.groups[0], topic=TopicName("acme", "shop", f"t{number}")) for number in range(25))

    text = printed(status_text(replace(found, groups=groups), ORIGIN))

    assert text.count("no bucket answers") == 20
    assert "5 more topics" in text
    assert printed(status_text(replace(found, groups=groups), ORIGIN, wide=True), width=200).count("no bucket") == 25


def test_the_document_has_totals_of_all_topics_and_says_how_many_are_shown() -> None:
    document = status_document(report(GONE, *TOPICS, sort=SortKey.LOCAL, top=2), ORIGIN)

    assert [topic.topic for topic in document.topics] == ["persistent://acme/shop/local", "persistent://acme/shop/old"]
    assert (document.sort, document.exit_code) == ("local", 1)
    summary = document.summary
    assert (summary.topics, summary.shown, summary.parts, summary.unread) == (5, 2, 5, 1)
    assert (summary.local.ledgers, summary.local.size) == (4, 71)
    assert summary.claims == {"NOT_RUN": 3, "not asked": 1}


@pytest.mark.parametrize("width", [72, 80, 100])
def test_columns_are_left_out_before_names_lose_their_room(width: int) -> None:
    parts = [
        status(f"customers-parted-partition-{number}", (LOCAL, MIB), (OffloadProgress.IN_FLIGHT, MIB))
        for number in range(2)
    ]

    _, titles, row, *_ = rows(report(*parts, status("orders", (LOCAL, MIB)), sort=SortKey.NAME), width=width)

    assert row[0] == "customers-parted"
    assert titles[-2:] == ["ELIGIBLE", "OLDEST"]
    assert "UNFINISHED" in titles
    assert ("PARTITIONS" in titles, "LOCAL" in titles) == ((width > 80), (width > 80))
