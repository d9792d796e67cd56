"""What the journal tells, for people: runs as a table, one run with its topics, and what was noted beside them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from rich.console import RenderableType

from offloadctl.exitcodes import ExitCode
from offloadctl.model.journal import Note, Run, RunState, Step, StepState
from offloadctl.model.offload import Outcome
from offloadctl.operations.history import HistoryReport
from offloadctl.report.text import (
    Cell,
    Column,
    Style,
    ago,
    count,
    labelled,
    line,
    short_name,
    style_of,
    styled,
    table,
)
from offloadctl.units import format_duration, format_size

_LONGEST_FACT: Final = 80
_SHOWN: Final = 20
"""So many topics of one run, and so many notes, are shown; `-o wide` shows all."""

_WITHOUT_A_TOPIC: Final[Mapping[int, str]] = {
    ExitCode.REFUSED: "refused",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "terminated",
    ExitCode.FAILED: "failed",
    ExitCode.DAMAGE: "damage of another run found",
}


def history_text(report: HistoryReport, *, wide: bool = False) -> Iterator[RenderableType]:
    """The runs, and the steps that were asked for."""
    if not report.runs and not report.notes:
        yield line(f"no {'such run' if report.is_filtered else 'run so far'} in {report.location}")
        return
    if report.runs:
        yield _runs(report, wide=wide)
    steps = [(run, step) for run in report.runs for step in report.steps.get(run.run_id, ())]
    if steps:
        yield line("")
        yield _steps(steps, wide=wide, with_run=True)
    yield from _notes(report, report.notes, wide=wide)
    if report.has_more:
        yield line(("older runs are not shown: --limit", Style.QUIET), indent=2)


def run_text(report: HistoryReport, *, wide: bool = False) -> Iterator[RenderableType]:
    """One run with all that is known of it."""
    (run,) = report.runs
    start = run.start
    yield line((f"run {run.run_id}", Style.HEAD), f"  (context {start.context}, cluster {start.cluster})")
    yield labelled("command", f"offloadctl {start.command}" if start.command else "-")
    if start.reason:
        yield labelled("reason", start.reason)
    if start.plan_hash:
        yield labelled("plan", start.plan_hash)
    yield labelled("by", f"{start.actor}, process {start.actor.pid}")
    yield labelled("began", f"{run.started_at:%F %T} UTC, {ago(run.started_at, report.now)}")
    yield labelled("result", _result(run), style=_style(run))
    steps = [(run, step) for step in report.steps[run.run_id]]
    if steps:
        shown = steps if wide else steps[:_SHOWN]
        yield _steps(shown, wide=wide, with_run=False)
        if len(shown) < len(steps):
            yield labelled("…", f"{len(steps) - len(shown):,} more: -o wide shows all", style=Style.QUIET)
        yield from _troubles(run, [step for _, step in shown], wide=wide)
    yield from _notes(report, report.notes, wide=wide)


def _runs(report: HistoryReport, *, wide: bool) -> RenderableType:
    one_cluster = len({run.start.cluster for run in report.runs}) == 1
    has_reasons = wide or any(run.start.reason for run in report.runs)
    columns = [
        Column("run"),
        Column("began", is_number=True),
        *([Column("context", may_fold=True)] if wide else []),
        Column("cluster", may_fold=True, may_go=one_cluster and not wide),
        Column("by", may_fold=True),
        Column("outcome", may_fold=True),
        Column("moved", is_number=True),
        *([Column("time", is_number=True)] * wide),
        *([Column("reason", may_fold=True, may_go=not wide)] * has_reasons),
        *([Column("command", may_fold=True)] * wide),
    ]

    def row(run: Run) -> list[Cell]:
        start = run.start
        took = format_duration(run.ended_at - run.started_at) if run.ended_at is not None else "-"
        return [
            run.run_id,
            ago(run.started_at, report.now),
            *([start.context] if wide else []),
            start.cluster,
            str(start.actor),
            styled(_result(run), _style(run)),
            format_size(run.counts.bytes_moved) if run.counts.steps else "-",
            *([took] * wide),
            *([start.reason or "-"] * has_reasons),
            *([start.command or "-"] * wide),
        ]

    return table(columns, (row(run) for run in report.runs))


def _result(run: Run) -> str:
    """What came of it, in a few words."""
    outcomes = [f"{number:,} {outcome}" for outcome, number in sorted(run.counts.outcomes.items())]
    if run.counts.unfinished and run.state is not RunState.GOING_ON:
        outcomes.append(f"{run.counts.unfinished:,} unfinished")
    if run.state is not RunState.ENDED:
        return ", ".join([run.state.value, *outcomes])
    code = f"exit code {run.exit_code}" if run.exit_code else ""
    # Of a run that came to no topic, the code is all there is to tell.
    why = _WITHOUT_A_TOPIC.get(run.exit_code or 0, "") if not outcomes else ""
    return ", ".join(filter(None, [*outcomes, why, code])) or "nothing to do"


def _style(run: Run) -> Style:
    match run.state:
        case RunState.GOING_ON:
            return Style.PLAIN
        case RunState.BROKEN_OFF:
            return Style.CAREFUL
        case RunState.ENDED:
            return style_of(ExitCode(run.exit_code or 0))


def _steps(steps: Sequence[tuple[Run, Step]], *, wide: bool, with_run: bool) -> RenderableType:
    columns = [
        *([Column("run")] if with_run else []),
        Column("topic", may_fold=True),
        *([Column("before")] if wide else []),
        Column("outcome"),
        Column("ledgers", is_number=True, may_go=with_run and not wide),
        Column("moved", is_number=True),
        *([Column("in S3", is_number=True)] if wide else []),
        Column("time", is_number=True),
    ]

    def row(run: Run, step: Step) -> list[Cell]:
        end, planned = step.end, len(step.plan.ledgers)
        return [
            *([run.run_id] if with_run else []),
            short_name(step.topic),
            *([str(step.plan.before)] if wide else []),
            styled(_word(run, step), _style_of_step(step)),
            f"{len(end.moved):,} of {planned:,}" if end is not None else f"{planned:,}",
            format_size(end.moved_size) if end is not None else "-",
            *([format_size(end.object_bytes) if end is not None and end.object_bytes else "-"] if wide else []),
            format_duration(timedelta(seconds=end.seconds)) if end is not None and end.seconds else "-",
        ]

    return table(columns, (row(run, step) for run, step in steps))


def _word(run: Run, step: Step) -> str:
    """How it ended, or how far it is."""
    return step.end.outcome.value if step.end is not None else step.state(is_alive=run.is_alive).value


def _style_of_step(step: Step) -> Style:
    return style_of(step.end.exit_code) if step.end is not None else Style.CAREFUL


def _troubles(run: Run, steps: Sequence[Step], *, wide: bool) -> Iterator[RenderableType]:
    """Why what did not go well did not, and who found out."""
    for step in steps:
        if step.end is None or (step.end.exit_code is ExitCode.OK and not step.end.judged_by and not wide):
            continue
        yield line("")
        yield line((str(step.topic), Style.HEAD), indent=2)
        yield labelled("outcome", f"{step.end.outcome.value}: {step.end.outcome.meaning}")
        if step.end.judged_by:
            yield labelled("judged by", f"run {step.end.judged_by}, since this one had been broken off")
        for text in dict.fromkeys(reason.text for reason in step.end.reasons):
            yield labelled("because", text)
        if step.end.outcome is Outcome.DAMAGED:
            yield labelled("do next", f"offloadctl check {step.topic}")
    left = [step for step in steps if step.state(is_alive=run.is_alive) is StepState.UNFINISHED]
    if left:
        yield line("")
        yield labelled(
            "do next", f"{count(len(left), 'topic')} unfinished: any offload of them joins or judges what was left"
        )


def _notes(report: HistoryReport, notes: Sequence[Note], *, wide: bool) -> Iterator[RenderableType]:
    if not notes:
        return
    yield line("")
    columns = [Column("noted", is_number=True), Column("kind"), Column("what", may_fold=True)]
    shown = notes if wide else notes[:_SHOWN]
    yield table(columns, ([ago(note.at, report.now), note.kind, _told(note)] for note in shown))
    if len(shown) < len(notes):
        yield labelled("…", f"{len(notes) - len(shown):,} more: -o wide shows all", style=Style.QUIET)


def _told(note: Note) -> str:
    # What is longer is for programs.
    facts = ", ".join(f"{name} {value}" for name, value in note.facts.items() if value and len(value) <= _LONGEST_FACT)
    return f"{note.text} ({facts})" if facts else note.text
