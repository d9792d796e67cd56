"""Two reports beside each other: gone is only what the second one would have seen."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.check.compare import compare
from offloadctl.exitcodes import ExitCode
from offloadctl.model.check import Level
from offloadctl.model.check_diff import (
    Change,
    ReportedBucket,
    ReportedCheck,
    ReportedFinding,
    ReportedLedger,
    ReportedTopic,
)
from offloadctl.model.finding import Severity

NOW = datetime(2026, 11, 24, tzinfo=UTC)
TOPIC = "persistent://acme/shop/orders"
SEEN = ReportedLedger(is_covered=True)
LOST = ReportedFinding("1", "data-missing", Severity.DAMAGE, "lost", TOPIC, 7, expected="an object", found="none")
BIT = ReportedFinding("2", "checksum", Severity.DAMAGE, "bad", TOPIC, 8, found="a", etag="e1")
STRAY = ReportedFinding("3", "orphan", Severity.WARNING, "stray", TOPIC, 9, bucket="ledgers")
BUCKETS = {"ledgers": ReportedBucket(is_whole=True)}


def topics(**of_topic: object) -> dict[str, ReportedTopic]:
    return {TOPIC: replace(ReportedTopic(ledgers={7: SEEN, 8: SEEN}), **of_topic)}  # type: ignore[arg-type]


def report(*findings: ReportedFinding, level: Level = Level.ENTRIES, **parts: object) -> ReportedCheck:
    made = ReportedCheck(level, NOW, "--all", True, findings=findings, topics=topics(), buckets=BUCKETS)
    return replace(made, **parts)  # type: ignore[arg-type]


def changes(before: ReportedCheck, after: ReportedCheck) -> dict[str, Change]:
    return {one.finding.id: one.change for one in compare(before, after).findings}


def test_each_finding_is_new_gone_changed_or_still_there() -> None:
    before = report(LOST, BIT, STRAY)
    after = report(LOST, replace(BIT, found="b"), replace(STRAY, id="4"))

    diff = compare(before, after)

    assert changes(before, after) == {"1": "still-there", "2": "changed", "3": "gone", "4": "new"}
    assert [one.change for one in diff.findings] == [Change.NEW, Change.CHANGED, Change.STILL_THERE, Change.GONE]
    assert (diff.exit_code, diff.lost, diff.gained) == (ExitCode.DAMAGE, (), ())


def test_another_object_with_the_same_fault_has_changed_unless_a_report_does_not_tell_the_etag() -> None:
    assert changes(report(BIT), report(replace(BIT, etag="e2"))) == {"2": Change.CHANGED}
    assert changes(report(replace(BIT, etag="")), report(BIT)) == {"2": Change.STILL_THERE}


@pytest.mark.parametrize(
    ("new", "code"),
    [
        ((STRAY,), ExitCode.WARNINGS),
        ((LOST,), ExitCode.DAMAGE),
        ((STRAY, LOST), ExitCode.DAMAGE),
        ((replace(LOST, acknowledged=True),), ExitCode.OK),
        ((), ExitCode.OK),
    ],
)
def test_the_exit_code_tells_how_bad_the_news_are(new: Iterable[ReportedFinding], code: ExitCode) -> None:
    assert compare(report(BIT), report(BIT, *new)).exit_code is code


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (report(level=Level.BLOCKS), "does not look so deep"),
        (report(topics=topics(error="denied")), "could not be read: denied"),
        (report(topics=topics(ledgers={}, not_begun=2)), "its turn never came"),
        (report(topics=topics(ledgers={}), sample="1/7, seed 0"), "only a sample"),
        (report(topics={}, is_everything=False), "not in its scope"),
        (report(topics=topics(ledgers={8: ReportedLedger(False, not_covered="503")})), "503"),
        (report(topics=topics(ledgers={8: ReportedLedger(True, has_more=True)})), "than the report keeps"),
    ],
)
def test_what_was_not_looked_at_is_not_gone(after: ReportedCheck, why: str) -> None:
    (one,) = compare(report(BIT), after).findings

    assert (one.change, why in one.why) == (Change.NOT_LOOKED_AT, True)
    assert compare(report(BIT), after).exit_code is ExitCode.NOT_COVERED


def test_a_stray_is_gone_only_where_the_whole_bucket_was_judged() -> None:
    unlisted = report(buckets={"ledgers": ReportedBucket(False, not_covered=("denied",))})

    assert changes(report(STRAY), report()) == {"3": Change.GONE}
    assert changes(report(STRAY), unlisted) == {"3": Change.NOT_LOOKED_AT}
    assert changes(report(STRAY), report(is_everything=False)) == {"3": Change.NOT_LOOKED_AT}
    assert compare(report(), unlisted).lost == ("denied",)


def test_a_shallower_look_shows_what_it_always_sees_to_be_gone() -> None:
    assert changes(report(LOST), report(level=Level.LISTING)) == {"1": Change.GONE}


def test_what_was_trimmed_or_belonged_to_a_deleted_topic_is_gone() -> None:
    trimmed = report(topics=topics(ledgers={8: ReportedLedger(True, is_trimmed=True)}), level=Level.LISTING)

    assert changes(report(BIT), trimmed) == {"2": Change.GONE}
    assert changes(report(BIT), report(topics={})) == {"2": Change.GONE}


def test_less_coverage_is_lost_and_more_is_gained() -> None:
    less = report(
        level=Level.INDEX,
        sample="1/7, seed 1",
        topics=topics(ledgers={7: ReportedLedger(False, not_covered="denied")}, not_begun=1),
        buckets={},
    )

    forth, back = compare(report(), less), compare(less, report())

    assert forth.lost == (
        "the level is index and not entries",
        "only a sample was looked at: 1/7, seed 1",
        f"{TOPIC}: the turn of 1 more ledgers never came",
        f"ledger 7 of {TOPIC}: denied",
        "the bucket ledgers was not listed",
    )
    assert (forth.gained, back.lost, back.gained) == ((), (), forth.lost)
    assert (forth.exit_code, back.exit_code) == (ExitCode.NOT_COVERED, ExitCode.OK)


FINDINGS = st.lists(st.sampled_from([LOST, BIT, STRAY]), unique=True).map(tuple)


@given(FINDINGS, FINDINGS)
def test_nothing_is_lost_between_two_reports(
    first: tuple[ReportedFinding, ...], second: tuple[ReportedFinding, ...]
) -> None:
    there, back = changes(report(*first), report(*second)), changes(report(*second), report(*first))

    assert there.keys() == back.keys() == {one.id for one in (*first, *second)}
    opposite = {Change.NEW: Change.GONE, Change.GONE: Change.NEW, Change.STILL_THERE: Change.STILL_THERE}
    assert {number: opposite[change] for number, change in there.items()} == back
    assert compare(report(*first), report(*first)).exit_code is ExitCode.OK
