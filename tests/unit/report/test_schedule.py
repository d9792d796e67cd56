"""Decisions as documents and as text: the same numbers in both."""

import io
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from jsonschema import Draft202012Validator
from msgspec import to_builtins
from rich.console import Console, RenderableType

from offloadctl.model.decision import Decision, EntryKind, Intent, LogEntry
from offloadctl.model.measures import Measure, Number
from offloadctl.model.schedule import AllOf
from offloadctl.operations.schedule_overview import RunStory
from offloadctl.plan.schedule import decide
from offloadctl.plan.schedule_state import ScheduleState
from offloadctl.report.schedule_command_text import attempt_words, explanation_text
from offloadctl.report.schedule_documents import ScheduleDecision
from offloadctl.report.schedule_text import decision_text
from offloadctl.report.schema import schema_of
from tests.schedules import BILLS, NIGHTLY, ORDERS, START, TOPICS, above, below, disks, local_bytes, schedule, snapshot

HOUR = timedelta(hours=1)


def held() -> Decision:
    """Fires but for a gate that nobody can judge; of one topic the number is not known."""
    when = AllOf((above(Measure.BOOKIE_DISK, 0.8, until=0.7), above(Measure.LOCAL_BYTES, 1024)))
    one = schedule(when, gates=(below(Measure.BROKER_CPU, 0.7),))
    sizes = local_bytes({ORDERS: 4096.0, BILLS: None})
    missing = {"broker-cpu": Number("http://broker/metrics", why="nobody answers")}
    return decide(one, TOPICS, snapshot(instances=disks(0.91), topics=sizes, missing=missing), ScheduleState())[0]


def text_of(decision: Decision) -> str:
    return shown(decision_text(decision))


def shown(lines: Iterable[RenderableType]) -> str:
    console = Console(file=io.StringIO(), width=200)
    for one in lines:
        console.print(one)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_a_document_has_every_number_with_source_threshold_and_since_when() -> None:
    document = to_builtins(ScheduleDecision.of(held()), builtin_types=())

    Draft202012Validator(schema_of("ScheduleDecision")).validate(document)
    disk, sizes = document["when"]["parts"]
    assert disk["seen"][0] == {
        "subject": "bookie-0",
        "truth": "true",
        "value": 0.91,
        "bound": "exact",
        "source": "test",
        "measuredAt": None,
        "threshold": 0.8,
        "since": "2026-01-01T00:00:00Z",
        "why": "",
    }
    assert sizes["counts"] == {"true": 1, "unknown": 2}
    assert document["decision"] == "held"
    assert [one["code"] for one in document["reasons"]] == ["gate-unknown", "condition"]


def test_the_text_says_what_holds_what_is_unknown_and_by_which_source() -> None:
    text = text_of(held())

    assert "nightly: held at 2026-01-01 00:00:00 UTC" in text
    assert "gate: broker CPU below 70 % - unknown" in text
    assert "nobody answers" in text
    assert "bookie-0" in text
    assert "91 %" in text
    assert "acme/shop/orders" in text
    # Where there is nothing to say beside a number, there is no column for it.
    assert [line.split()[-1] for line in text.splitlines() if "WHOSE" in line] == ["SOURCE", "WHY", "WHY"]


def test_the_text_tells_the_fates_of_cron_times() -> None:
    state = ScheduleState(handled={NIGHTLY.key: START})

    fired = decide(schedule(NIGHTLY), TOPICS, snapshot(START.replace(hour=1, minute=30)), state)[0]

    assert "2026-01-01 01:30 UTC: served (cron 30 2 * * * Europe/Berlin)" in text_of(fired)
    assert "the whole scope" in text_of(fired)


def test_a_threshold_of_what_is_unusual_is_told_in_deviations() -> None:
    when = above(Measure.BOOKIE_DISK, 4, unusual=True)

    text = text_of(decide(schedule(when), TOPICS, snapshot(instances=disks(0.5)), ScheduleState())[0])

    assert ("50 %" in text, "4 deviations " in text, "400 %" in text) == (True, True, False)


def test_a_run_tells_in_order_how_often_it_was_begun_and_handed_over() -> None:
    first = Intent("nightly-1", "nightly", START, (ORDERS,), whole_scope=False)
    again = replace(first, at=START + 2 * HOUR, attempt=2, handed_over=1)
    entry = LogEntry(START + HOUR, EntryKind.HANDED_OVER, "nightly", "3 GiB moved", "nightly-1")

    text = shown(explanation_text(RunStory((first, again), handed_over=(entry,), is_handed_over=False)))
    waits = shown(explanation_text(RunStory((first,), handed_over=(entry,), is_handed_over=True)))

    words = ["began", "handed over", "3 GiB moved", "attempt 2, after 1 handed over", "none so far: it goes on"]
    places = [text.index(one) for one in words]
    assert places == sorted(places)
    assert "whoever evaluates this schedule next goes on" in waits


def test_attempts_are_told_with_what_became_of_those_before() -> None:
    third = Intent("nightly-1", "nightly", START, (), whole_scope=True, attempt=3, handed_over=1)

    assert attempt_words(third) == "attempt 3, after 1 handed over and 1 that died"
    assert attempt_words(replace(third, attempt=1, handed_over=0)) == "attempt 1"
