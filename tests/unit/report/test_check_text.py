"""A check for people: nothing that was not looked at looks sound."""

import io
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from rich.console import Console, RenderableType

from offloadctl.check.subject import Subject
from offloadctl.exitcodes import ExitCode
from offloadctl.model.check import (
    ALWAYS_TOLD,
    CheckedGroup,
    CheckReport,
    Inspection,
    LedgerCheck,
    Level,
    TopicCheck,
    Verdict,
)
from offloadctl.model.entry_counts import EntryCounts
from offloadctl.model.finding import Acknowledgement, Sighting
from offloadctl.model.ledger import Ledger, OffloadProgress
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Reason
from offloadctl.model.status import UnreadTopic
from offloadctl.report.check_text import check_text, counts_text
from offloadctl.report.origin import Origin
from offloadctl.report.text import findings
from offloadctl.units import ByteSize

TOPIC = TopicName("acme", "shop", "orders")
NOW = datetime(2026, 11, 24, tzinfo=UTC)
SOUND = Inspection(Level.BLOCKS, object_bytes=5292, bytes_read=5292, blocks=1)


def ledger(number: int, inspection: Inspection = SOUND, *, trimmed: bool = False) -> LedgerCheck:
    one = Ledger(number, 20, ByteSize(4720), False, OffloadProgress.OFFLOADED, NOW, UUID(int=number))
    return LedgerCheck(TOPIC, one, inspection, "ledgers", trimmed)


def damaged(number: int) -> LedgerCheck:
    finding = Subject(f"data-{number}", "index", TOPIC, number).finding("checksum", f"entry {number} is bad", offset=7)
    return ledger(number, replace(SOUND, findings=(finding,), more_findings=3))


def report(*parts: TopicCheck | UnreadTopic, level: Level = Level.BLOCKS) -> CheckReport:
    groups = tuple(CheckedGroup(part.topic, 0, (part,)) for part in parts)
    return CheckReport(level, groups, NOW, NOW, ALWAYS_TOLD)


def text(lines: Iterable[RenderableType]) -> str:
    file = io.StringIO()
    screen = Console(width=200, no_color=True, highlight=False, file=file)
    for one in lines:
        screen.print(one)
    return " ".join(file.getvalue().split())


def shown(*parts: TopicCheck | UnreadTopic, wide: bool = False) -> str:
    return text(check_text(report(*parts), Origin("prod", "east"), wide=wide))


def test_a_sound_topic_tells_how_deep_it_was_looked_into() -> None:
    said = shown(TopicCheck(TOPIC, True, (ledger(1), ledger(2))))

    assert "2 of 2 ledgers in S3, at the level blocks" in said
    assert "not verified: that is the level entries" in said
    assert "coverage full" in said


def test_damage_tells_where_and_what_to_do_and_how_much_more_there_is() -> None:
    said = shown(TopicCheck(TOPIC, True, (ledger(1), damaged(2))))

    assert "damage: entry 2 is bad [checksum]" in said
    assert "ledger 2, data-2, offset 7" in said
    assert "3 findings of the same ledgers are not shown" in said
    assert "set-offload-deletion-lag -l -1 acme/shop" in said


def test_of_very_many_ledgers_those_with_something_to_tell_are_never_left_out() -> None:
    ledgers = tuple(damaged(number) if number == 500 else ledger(number) for number in range(1000))

    narrow, wide = shown(TopicCheck(TOPIC, True, ledgers)), shown(TopicCheck(TOPIC, True, ledgers), wide=True)

    assert "500 20 4.6 KiB 5.2 KiB 1 damaged" in narrow
    assert "… 979 more" in narrow
    assert "250 20 4.6 KiB" not in narrow
    assert "250 20 4.6 KiB" in wide


def test_what_was_not_looked_at_is_said_with_its_reasons() -> None:
    denied = ledger(2, Inspection(Level.BLOCKS, not_covered=("AccessDenied",), looked_at=False))
    unread = UnreadTopic(TopicName("acme", "shop", "gone"), Reason("not-found", "there is no such topic"))

    said = shown(TopicCheck(TOPIC, False, (ledger(1), denied), in_flight=4, not_begun=7), unread)

    assert "1 of 2 topics, 1 of 9 ledgers in S3" in said
    assert "acme/shop/gone - - - - not read" in said
    assert "not seen AccessDenied" in said
    assert "there is no such topic" in said
    assert "4 ledgers whose offload is not complete" in said
    assert "whether the offload of 9 ledgers is complete" in said
    assert "coverage partial" in said


def test_several_topics_are_a_table_with_the_worst_of_each() -> None:
    other = TopicName("acme", "shop", "payments")

    said = shown(TopicCheck(TOPIC, True, (ledger(1), damaged(2))), TopicCheck(other, True, (ledger(3),), not_begun=1))

    assert "acme/shop/orders 2 2 10.3 KiB 1 damaged" in said
    assert "acme/shop/payments 2 1 5.2 KiB - not-covered" in said


def test_many_reasons_are_shortened_and_counted() -> None:
    ledgers = tuple(ledger(number, replace(SOUND, not_covered=(f"reason {number}",))) for number in range(50))

    said = shown(TopicCheck(TOPIC, True, ledgers))

    assert "reason 19" in said
    assert "reason 20" not in said
    assert "and 30 more reasons" in said


def test_a_trimmed_ledger_counts_neither_as_covered_nor_as_not() -> None:
    said = shown(TopicCheck(TOPIC, True, (ledger(1), ledger(2, Inspection(Level.BLOCKS), trimmed=True))))

    assert "1 of 1 ledger in S3" in said
    assert "1 ledger gone during the check" in said


def test_an_interrupted_check_is_never_full() -> None:
    interrupted = replace(report(TopicCheck(TOPIC, True, (ledger(1),))), interrupted=ExitCode.INTERRUPTED)

    assert "partial: Not all that was asked for was looked at. The check was interrupted." in text(
        check_text(interrupted, Origin("prod"))
    )


def test_counts_tell_what_proves_nothing() -> None:
    counts = EntryCounts(entries=10, messages=9, checksums_ok=6, checksums_absent=2, checksums_bad=1, unreadable=1)

    assert counts_text(counts) == (
        "10 entries with 9 messages; checksums: 6 right, 1 wrong, 1 unreadable, "
        "2 without one, which nothing proves whole"
    )
    assert counts_text(EntryCounts(entries=1, messages=1, checksums_ok=1, markers=1, chunks=2, encrypted=3)) == (
        "1 entry with 1 message, 1 markers of the broker, 2 chunks, 3 encrypted; checksums: 1 right"
    )


def test_each_verdict_is_explained() -> None:
    assert all(verdict.meaning.endswith(".") for verdict in Verdict)


def test_what_findings_mean_is_said_once_with_the_codes_that_it_holds_for() -> None:
    lost = [Subject(f"data-{number}", "index", TOPIC, number).finding("data-missing", "lost") for number in (1, 2)]
    cut = Subject("data-3", "index", TOPIC, 3).finding("truncated", "cut")
    bad = Subject("data-4", "index", TOPIC, 4).finding("checksum", "bad", offset=7)
    copies = [replace(one, copy=f"BookKeeper's copy of {one.ledger_id} stays.") for one in (*lost, cut, bad)]

    said = text(findings(copies))

    assert said.count("Readers hang or fail once they reach this ledger") == 1
    assert "data-missing, truncated: Readers hang" in said
    assert "checksum: Consumers of this entry discard it" in said
    assert said.count("set-offload-deletion-lag -l -1 acme/shop") == 1
    assert [f"copy of {number} stays" in said for number in (1, 2, 3, 4)] == [True] * 4


def test_an_acknowledged_finding_tells_by_whom_until_when_and_why() -> None:
    found = Subject("data-1", "index", TOPIC, 1).finding("data-missing", "lost", expected="an object", found="none")
    note = Acknowledgement(found.id, found.evidence, "ada", NOW, NOW + timedelta(days=30), "OPS-4711")
    seen = replace(found, seen=Sighting(NOW, NOW + timedelta(days=1), 3, note), restore="paste this")

    said = text(findings([seen, found]))

    assert "damage, acknowledged: lost [data-missing]" in said
    assert f"{found.id}, found 3 times since 2026-11-24 00:00 UTC" in said
    assert "by ada on 2026-11-24 00:00 UTC, until 2026-12-24 00:00 UTC: OPS-4711" in said
    assert "restore paste this" in said
    assert said.count("damage: lost") == 1


def test_an_acknowledged_ledger_stays_damaged_and_fails_nothing_unless_there_is_more() -> None:
    one = damaged(1)
    finding = one.inspection.findings[0]
    note = Acknowledgement(finding.id, finding.evidence, "ada", NOW, NOW + timedelta(days=30), "known")
    noted = replace(finding, seen=Sighting(NOW, NOW, 1, note))

    alone = replace(one, inspection=replace(one.inspection, findings=(noted,), more_findings=0))
    with_more = replace(one, inspection=replace(one.inspection, findings=(noted,)))
    beside = replace(one, inspection=replace(alone.inspection, findings=(noted, finding)))

    codes = [report(TopicCheck(TOPIC, True, (each,))).exit_code for each in (alone, with_more, beside)]
    assert codes == [ExitCode.OK, ExitCode.DAMAGE, ExitCode.DAMAGE]
    assert alone.verdict is Verdict.DAMAGED
