"""Each promise of `ports.FindingStore` and of `ports.checks.CheckHistory`, held against the file and against memory."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from offloadctl.adapters import sqlite_findings
from offloadctl.adapters.checks_shape import CHECKS, CHECKS_FILE, WHAT
from offloadctl.adapters.memory_findings import MemoryFindings
from offloadctl.adapters.sqlite_file import SqliteFile
from offloadctl.adapters.sqlite_findings import SqliteFindings
from offloadctl.model.check_words import Level
from offloadctl.model.ended_check import EndedCheck
from offloadctl.model.finding import Acknowledgement, Finding, Severity
from offloadctl.model.names import TopicName
from offloadctl.model.scope import Scope
from offloadctl.ports import FindingStore
from offloadctl.ports.checks import CheckHistory

NOW = datetime(2026, 11, 24, 12, 30, 0, 5, tzinfo=UTC)
DAY = timedelta(days=1)
ORDERS = TopicName("acme", "shop", "orders")
LOST = Finding(
    "data-missing",
    Severity.DAMAGE,
    "the data object is not there",
    ORDERS,
    7,
    "a-ledger-7",
    expected="an object",
    found="none in s3://ledgers",
)
STRAY = Finding("orphan", Severity.WARNING, "nobody's", key="b-ledger-8", found="two objects", etag="e1")


class Store(FindingStore, CheckHistory, Protocol):
    """Whoever keeps the one can tell the other."""


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SqliteFile]:
    file = SqliteFile(tmp_path / CHECKS_FILE, CHECKS, what=WHAT)
    yield file
    file.close()


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, file: SqliteFile) -> Store:
    return MemoryFindings() if request.param == "memory" else SqliteFindings(file)


def note(finding: Finding, *, until: datetime = NOW + 30 * DAY, reason: str = "known") -> Acknowledgement:
    return Acknowledgement(finding.id, finding.evidence, "ada", NOW, until, reason)


def test_a_finding_is_known_since_it_was_first_seen(store: Store) -> None:
    store.see([LOST], NOW)

    seen = store.see([LOST, STRAY], NOW + DAY)

    assert [(one.first, one.last, one.times) for one in (seen[LOST.id], seen[STRAY.id])] == [
        (NOW, NOW + DAY, 2),
        (NOW + DAY, NOW + DAY, 1),
    ]


def test_a_check_that_has_a_finding_twice_has_seen_it_once(store: Store) -> None:
    assert store.see([LOST, LOST], NOW)[LOST.id].times == 1
    assert store.see([], NOW) == {}


def test_a_finding_is_remembered_as_it_was_last_told_also_by_a_clock_that_was_set_back(store: Store) -> None:
    store.see([LOST], NOW)
    changed = replace(LOST, what="both are gone", found="none in two buckets")

    store.see([changed], NOW - DAY)

    known = store.known(LOST.id)
    assert known is not None
    assert (known.what, known.evidence, known.place) == ("both are gone", changed.evidence, LOST.place)
    assert (known.first_seen, known.last_seen, known.times) == (NOW, NOW, 2)
    assert store.known("000000000000") is None


def test_what_is_only_looked_up_is_not_remembered(store: Store) -> None:
    store.see([STRAY], NOW)
    store.acknowledge([note(STRAY)])

    seen = store.see([STRAY, LOST], NOW + DAY, keep=False)

    assert [(number, one.times, one.acknowledgement) for number, one in seen.items()] == [(STRAY.id, 1, note(STRAY))]
    assert store.known(LOST.id) is None
    assert store.see([STRAY], NOW + DAY)[STRAY.id].times == 2


def test_an_acknowledgement_comes_with_the_finding_until_it_ends(store: Store) -> None:
    store.see([STRAY], NOW)
    store.acknowledge([note(STRAY, until=NOW + DAY)])

    within, after = store.see([STRAY], NOW + DAY / 2), store.see([STRAY], NOW + DAY)

    assert within[STRAY.id].acknowledgement == note(STRAY, until=NOW + DAY)
    assert after[STRAY.id].acknowledgement is None


@pytest.mark.parametrize(
    "changed",
    [
        replace(STRAY, found="one object"),
        replace(STRAY, expected="none"),
        replace(STRAY, etag="e2"),
        replace(STRAY, severity=Severity.DAMAGE),
    ],
)
def test_an_acknowledgement_says_nothing_of_other_evidence(store: FindingStore, changed: Finding) -> None:
    store.see([STRAY], NOW)
    store.acknowledge([note(STRAY)])

    assert store.see([changed], NOW)[STRAY.id].acknowledgement is None
    # What was acknowledged is there again.
    assert store.see([STRAY], NOW)[STRAY.id].acknowledgement is not None


def test_a_later_acknowledgement_replaces_an_earlier_one_and_can_be_taken_back(store: Store) -> None:
    store.see([LOST, STRAY], NOW)
    store.acknowledge([note(STRAY), note(LOST, until=NOW + DAY)])
    store.acknowledge([note(STRAY, reason="another")])

    assert [(one.reason, known.code) for one, known in store.acknowledgements()] == [
        ("known", "data-missing"),
        ("another", "orphan"),
    ]
    assert store.unacknowledge([STRAY.id, "000000000000", STRAY.id]) == (STRAY.id,)
    assert store.see([STRAY], NOW)[STRAY.id].acknowledgement is None
    assert len(store.acknowledgements()) == 1


EVERYTHING = Scope.of(everything=True)


def ended(at: datetime, **changes: object) -> EndedCheck:
    made = EndedCheck(Level.INDEX, EVERYTHING, at, 10, 10, at, at - DAY / 24)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_the_last_check_of_a_level_and_scope_is_known_with_the_last_one_that_covered_all(store: Store) -> None:
    shop = Scope.of(namespaces=[ORDERS.namespace_name], match="^acme/shop/o,.* x$")
    store.ended(ended(NOW))
    store.ended(ended(NOW, scope=shop))
    store.ended(ended(NOW + DAY, covered=4, full_at=None, clear_before=None))
    store.ended(ended(NOW + 2 * DAY, level=Level.ENTRIES, scope=Scope.of(topics=[ORDERS])))

    assert list(store.ended_checks()) == [
        ended(NOW + 2 * DAY, level=Level.ENTRIES, scope=Scope.of(topics=[ORDERS])),
        replace(ended(NOW), ended_at=NOW + DAY, covered=4),
        ended(NOW, scope=shop),
    ]


def test_every_finding_is_remembered_with_its_acknowledgement(store: Store) -> None:
    store.see([LOST, STRAY], NOW)
    store.acknowledge([note(STRAY, until=NOW + DAY)])

    found = {one.finding.id: one for one in store.remembered()}

    assert {one.finding.code for one in found.values()} == {"data-missing", "orphan"}
    assert found[STRAY.id].is_acknowledged(NOW)
    assert not found[STRAY.id].is_acknowledged(NOW + DAY)
    assert not found[LOST.id].is_acknowledged(NOW)
    store.see([replace(STRAY, found="three objects")], NOW)
    assert not any(one.is_acknowledged(NOW) for one in store.remembered()), "of other evidence nobody has taken note"


def test_checks_of_single_topics_are_remembered_so_many_and_those_of_wide_scopes_stay(
    file: SqliteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_findings, "MOST_ENDED", 3)
    store, topics = SqliteFindings(file), [TopicName("acme", "shop", f"t{number}") for number in range(4)]
    store.ended(ended(NOW - 30 * DAY))
    for number, topic in enumerate(topics):
        store.ended(ended(NOW + number * DAY, scope=Scope.of(topics=[topic])))

    kept = [one.scope for one in store.ended_checks()]

    assert kept == [*(Scope.of(topics=[one]) for one in (topics[3], topics[2])), EVERYTHING]


def test_what_one_process_has_noted_another_one_knows(file: SqliteFile) -> None:
    SqliteFindings(file).see([LOST], NOW)
    SqliteFindings(file).acknowledge([note(LOST)])
    file.close()

    other = SqliteFindings(SqliteFile(file.path, CHECKS, what=WHAT))

    assert other.see([LOST], NOW)[LOST.id].acknowledgement == note(LOST)


def test_a_check_without_findings_makes_no_file(file: SqliteFile) -> None:
    SqliteFindings(file).see([], NOW)
    SqliteFindings(file).see([LOST], NOW, keep=False)

    assert not file.path.exists()
