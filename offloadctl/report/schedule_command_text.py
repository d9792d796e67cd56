"""`offloadctl schedule` for people: how schedules stand, what was decided, one run, a simulation."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from rich.console import RenderableType

from offloadctl.exitcodes import ExitCode
from offloadctl.model.decision import Decision, EntryKind, Intent, LogEntry, RunResult, Verdict
from offloadctl.operations.schedule_overview import RunStory, Standing
from offloadctl.operations.simulate import SimulatedSchedule, Simulation
from offloadctl.plan.schedule_words import action_words, condition_words
from offloadctl.report.schedule_text import decision_text
from offloadctl.report.text import Cell, Column, Style, ago, count, labelled, line, short_name, style_of, styled, table
from offloadctl.units import format_duration, format_size

_SHOWN: Final = 20
_STANDINGS: Final = (
    Column("schedule"),
    Column("when", may_fold=True),
    Column("does", may_fold=True),
    Column("next"),
    Column("decision"),
    Column("last run"),
    Column("result", may_fold=True),
)
_ENTRIES: Final = (
    Column("at"),
    Column("schedule"),
    Column("entry"),
    Column("run"),
    Column("why", may_fold=True),
)
_DECISIONS: Final = (Column("at"), Column("decision"), Column("topics", is_number=True), Column("why", may_fold=True))
_STYLES: Final = {Verdict.FIRED: Style.GOOD, Verdict.QUIET: Style.QUIET}


def list_text(found: Sequence[Standing], now: datetime, *, wide: bool = False) -> Iterator[RenderableType]:
    """A row for each schedule; why it stands so below it, if it does nothing that it might do."""
    yield table(_STANDINGS, (_standing_row(one, now) for one in found), indent=0)
    for one in found:
        pause, decision = one.state.pause, one.decision
        if pause is not None and one.state.is_paused(now):
            yield labelled("paused", f"{one.schedule.name}: by {pause.by}, {pause.end_words}" + _because(pause.reason))
        elif decision is not None and (wide or decision.verdict in (Verdict.HELD, Verdict.UNKNOWN)):
            # What the reasons say of times was so then.
            yield labelled("why", f"{one.schedule.name}: at {_second(decision.at)}: {_reasons(decision)}")


def history_text(entries: Sequence[LogEntry], *, has_more: bool) -> Iterator[RenderableType]:
    """The newest first."""
    if not entries:
        yield line("nothing was decided so far")
        return
    yield table(_ENTRIES, (_entry_row(one) for one in entries), indent=0)
    if has_more:
        yield line(("older ones are not shown: --limit", Style.QUIET), indent=2)


def explanation_text(story: RunStory, *, wide: bool = False) -> Iterator[RenderableType]:
    """One run: the decision with its numbers, what it was for, and its end."""
    first = story.first
    yield line((f"run {first.run_id}", Style.HEAD), f"  (run {first.number} of schedule {first.schedule})")
    yield from _beginnings(story)
    yield labelled("acts on", "the whole scope" if first.whole_scope else count(len(first.topics), "topic"))
    shown = first.topics if wide else first.topics[:_SHOWN]
    for topic in shown:
        yield labelled("", short_name(topic))
    if len(shown) < len(first.topics):
        yield labelled("…", f"{len(first.topics) - len(shown):,} more: -o wide shows all", style=Style.QUIET)
    if first.at_most is not None:
        yield labelled("limit", f"at most {format_size(first.at_most)}")
    yield result_text(story.result, is_handed_over=story.is_handed_over)
    if story.decision is not None:
        yield line("")
        yield from decision_text(story.decision)


def _beginnings(story: RunStory) -> Iterator[RenderableType]:
    """Each time that it was begun, and handed over, in this order."""
    told: list[tuple[datetime, str, str]] = [(one.at, "handed over", f": {one.text}") for one in story.handed_over]
    for intent in story.intents:
        again = f", {attempt_words(intent)}" if intent.attempt > 1 else ""
        # The decision below tells why, with its numbers.
        why = "" if story.decision is not None else _because("; ".join(one.text for one in intent.reasons))
        told.append((intent.at, "began", again + why))
    for at, label, words in sorted(told, key=lambda one: one[0]):
        yield labelled(label, f"{_minute(at)}{words}")


def attempt_words(intent: Intent) -> str:
    """The how-manieth it is, and what became of those before: `attempt 3, after 1 handed over and 1 that died`."""
    died = intent.died - 1
    before = [f"{intent.handed_over} handed over"] if intent.handed_over else []
    before += [f"{died} that died"] if died else []
    return f"attempt {intent.attempt}" + (f", after {' and '.join(before)}" if before else "")


def result_text(result: RunResult | None, *, is_handed_over: bool = False) -> RenderableType:
    """How a run ended, and where its offloads can be looked at."""
    if result is None and is_handed_over:
        return labelled("result", "none so far: whoever evaluates this schedule next goes on", style=Style.CAREFUL)
    if result is None:
        return labelled("result", "none so far: it goes on, or its process was ended", style=Style.CAREFUL)
    runs = "".join(f"; offloadctl offload history --run {one}" for one in result.journal_runs)
    took = format_duration(result.ended_at - result.began_at)
    words = f"{result.summary} (exit code {int(result.exit_code)}, took {took}{runs})"
    return labelled("result", words, style=style_of(result.exit_code))


def simulation_text(made: Simulation, *, wide: bool = False) -> Iterator[RenderableType]:
    """What each schedule would have decided: runs, and changes; `wide` shows the numbers of each."""
    span = f"{_minute(made.start)} to {_minute(made.end)}, every {format_duration(made.every)}"
    yield line((f"simulated from {made.source}", Style.HEAD), f": {span}")
    for one in made.schedules:
        yield line("")
        yield from _simulated(one, wide=wide)
    yield line("")
    yield line(("what runs would have changed is not known: numbers are as they were recorded", Style.QUIET))


def _simulated(one: SimulatedSchedule, *, wide: bool) -> Iterator[RenderableType]:
    counts = ", ".join(f"{number:,} {verdict.value}" for verdict, number in sorted(one.counts.items()))
    told = f": {count(one.topics, 'topic')}, {count(one.evaluations, 'evaluation')}: {counts}"
    yield line((one.schedule, Style.HEAD), told)
    if wide:
        for decision in one.decisions:
            yield from decision_text(decision)
        return
    yield table(_DECISIONS, (_decision_row(decision) for decision in one.decisions))


def _decision_row(decision: Decision) -> tuple[Cell, ...]:
    topics = "all" if decision.whole_scope else f"{len(decision.topics):,}"
    return (
        _minute(decision.at),
        styled(decision.verdict.value, _STYLES.get(decision.verdict, Style.CAREFUL)),
        topics if decision.verdict is Verdict.FIRED else "-",
        _reasons(decision),
    )


def _standing_row(one: Standing, now: datetime) -> tuple[Cell, ...]:
    schedule, state = one.schedule, one.state
    decision: Cell = "-"
    if not schedule.enabled:
        decision = styled("off", Style.QUIET)
    elif state.is_paused(now):
        decision = styled("paused", Style.CAREFUL)
    elif one.decision is not None:
        decision = styled(one.decision.verdict.value, _STYLES.get(one.decision.verdict, Style.CAREFUL))
    running = state.running
    return (
        schedule.name,
        condition_words(schedule.when),
        action_words(schedule.action),
        _minute(one.next_at) if one.next_at is not None else "-",
        decision,
        ago(state.last_begun, now),
        _running_cell(running, one) if running is not None else _result_cell(one.result),
    )


def _running_cell(running: Intent, one: Standing) -> Cell:
    return (
        styled(f"handed over: {running.run_id}", Style.CAREFUL) if one.is_handed_over else f"goes on: {running.run_id}"
    )


def _result_cell(result: RunResult | None) -> Cell:
    if result is None:
        return "-"
    code = f"exit code {int(result.exit_code)}: " if result.exit_code is not ExitCode.OK else ""
    return styled(code + result.summary, style_of(result.exit_code))


def _entry_row(entry: LogEntry) -> tuple[Cell, ...]:
    style = Style.CAREFUL if entry.kind is EntryKind.PAUSED else Style.PLAIN
    return (
        _second(entry.at),
        entry.schedule or ("-" if entry.kind is EntryKind.TAKEN else "all"),
        styled(entry.kind.value.removeprefix("schedule-"), style),
        entry.run_id or "-",
        entry.text or "-",
    )


def _reasons(decision: Decision) -> str:
    return "; ".join(one.text for one in decision.reasons)


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _second(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
