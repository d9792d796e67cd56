"""`schedule list`, `validate`, `pause`, `resume`, `history`, `explain`: what needs the file or the decision log."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from offloadctl.adapters.system import SystemClock, this_process
from offloadctl.cli.connection import ConnectionFlags, guard_change, resolved, with_connection
from offloadctl.cli.output import OutputFormat, OutputOption, emit_result
from offloadctl.cli.schedule_file import File, find, future, past, read_file
from offloadctl.errors import UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.wiring import open_decision_history, open_decision_log

if TYPE_CHECKING:
    from offloadctl.plan.schedule_state import Pause

_MaybeName = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="The name of a schedule of the file.", show_default=False)
]
_MaybeFile = Annotated[
    str | None,
    typer.Option("--file", "-f", metavar="FILE", help="The file of schedules that has it.", show_default=False),
]
_All = Annotated[bool, typer.Option("--all", help="All schedules that there are, or will be.")]


@with_connection
def list_schedules(*, file: File, output: OutputOption = OutputFormat.TABLE, connection: ConnectionFlags) -> ExitCode:
    """How each schedule of a file stands: its next cron time, what was decided last, its last run; nobody is asked.

    What was decided is told by the decision log in the state directory (--state).
    """
    from offloadctl.operations.schedule_overview import standings  # noqa: PLC0415 - `--help` must stay fast
    from offloadctl.report import schedule_command_documents as documents  # noqa: PLC0415
    from offloadctl.report.schedule_command_text import list_text  # noqa: PLC0415

    schedules, now = read_file(file), datetime.now(UTC)
    with open_decision_history(resolved(connection).context) as log:
        found = standings(log, schedules, now)
    emit_result(
        output,
        document=lambda: documents.list_document(found),
        lines=lambda: documents.standing_lines(found),
        text=lambda *, wide: list_text(found, now, wide=wide),
    )
    return ExitCode.OK


def validate(*, file: File, output: OutputOption = OutputFormat.TABLE) -> ExitCode:
    """Read a file of schedules; its first mistake is told with line and place, and ends with exit code 2."""
    from offloadctl.report.schedule_command_documents import validation_document  # noqa: PLC0415
    from offloadctl.report.text import count, line  # noqa: PLC0415 - rich is slow to load

    schedules = read_file(file)
    document = validation_document(file, schedules)
    emit_result(
        output,
        document=lambda: document,
        lines=lambda: [document],
        text=lambda **_: [line(f"{file}: {count(len(schedules), 'schedule')}: {', '.join(document.schedules)}")],
    )
    return ExitCode.OK


@with_connection
def pause(
    *,
    name: _MaybeName = None,
    file: _MaybeFile = None,
    every: _All = False,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="WHEN", help="It ends by itself then: 2h, 2026-11-25T06:00Z.", show_default=False
        ),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the decision log.")] = "",
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """Tell a schedule, or all of them, to do nothing; a run that goes on is not ended by it.

    Cron times of the pause are settled as paused, and not caught up with. It changes nothing but our own decision log,
    so that it is allowed in read-only and protected contexts, too.
    """
    from offloadctl.operations.schedule_pauses import EVERY  # noqa: PLC0415
    from offloadctl.operations.schedule_pauses import pause as pause_schedule  # noqa: PLC0415

    which = _which(name, file, every=every)
    clock, by = SystemClock(), str(this_process())
    end = future(until, clock.now(), "--until") if until is not None else None
    with open_decision_log(resolved(connection).context, clock) as log:
        made = pause_schedule(log, EVERY if which is None else which, clock.now(), until=end, reason=reason, by=by)
    end_words = f" {made.end_words}" if end is not None else ""
    _tell_change(output, which, f"paused{end_words} by {by}", by, pause=made)
    return ExitCode.OK


@with_connection
def resume(
    *,
    name: _MaybeName = None,
    file: _MaybeFile = None,
    every: _All = False,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """Tell a schedule, or all of them, to go on. Of its own pause and that of all, what was told last counts.

    Where nothing is paused nothing is written down.
    """
    from offloadctl.operations.schedule_pauses import EVERY  # noqa: PLC0415
    from offloadctl.operations.schedule_pauses import resume as resume_schedule  # noqa: PLC0415

    which, settings = _which(name, file, every=every), resolved(connection)
    guard_change(settings)
    clock, by = SystemClock(), str(this_process())
    with open_decision_log(settings.context, clock) as log:
        resumed = resume_schedule(log, EVERY if which is None else which, clock.now(), by=by)
    words = f"resumed by {by}" if resumed else "not paused: nothing was resumed, and nothing was written down"
    _tell_change(output, which, words, by, changed=resumed)
    return ExitCode.OK


@with_connection
def history(
    *,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Of this schedule only.", show_default=False)
    ] = None,
    schedule: Annotated[
        str | None, typer.Option("--schedule", metavar="NAME", help="The same as NAME.", show_default=False)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="WHEN", help="Only since then: 7d, 12h, 2026-11-24.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=0, help="The newest so many; 0 shows all.")] = 50,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """What schedules decided, and what came of it, the newest first; from the decision log, without asking a broker.

    Steady decisions are not written each time: an entry tells what is another than before.
    """
    from offloadctl.report import schedule_command_documents as documents  # noqa: PLC0415
    from offloadctl.report.schedule_command_text import history_text  # noqa: PLC0415

    if name is not None and schedule not in (None, name):
        raise UsageError(f"{name} and --schedule {schedule} are two schedules", hint="name one of them")
    start = past(since, datetime.now(UTC), "--since") if since is not None else None
    with open_decision_history(resolved(connection).context) as log:
        every = log.entries(schedule=schedule or name, since=start)
    shown = every[:limit] if limit else every
    has_more = len(shown) < len(every)
    emit_result(
        output,
        document=lambda: documents.history_document(shown, has_more=has_more),
        lines=lambda: documents.entry_lines(shown),
        text=lambda **_: history_text(shown, has_more=has_more),
    )
    return ExitCode.OK


@with_connection
def explain(
    *,
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="The run's id, its beginning or end; or a schedule's name, for its last run.",
            show_default=False,
        ),
    ],
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """Why a run began: its decision with every number, source and threshold; what it was for, and how it ended."""
    from offloadctl.operations.schedule_overview import story  # noqa: PLC0415
    from offloadctl.report.schedule_command_documents import explanation_document  # noqa: PLC0415
    from offloadctl.report.schedule_command_text import explanation_text  # noqa: PLC0415

    with open_decision_history(resolved(connection).context) as log:
        found = story(log, run)
    emit_result(
        output,
        document=lambda: explanation_document(found),
        lines=lambda: [explanation_document(found)],
        text=lambda *, wide: explanation_text(found, wide=wide),
    )
    return ExitCode.OK


def _which(name: str | None, file: str | None, *, every: bool) -> str | None:
    """The schedule's name; None for all of them."""
    if every == (name is not None):
        raise UsageError("name a schedule with its file, or say --all", hint="NAME -f FILE, or --all")
    if name is None:
        return None
    if file is None:
        raise UsageError("a schedule is looked for in its file", hint=f"add -f FILE, which has {name}")
    return find(read_file(file), name).name


def _tell_change(
    output: OutputFormat, which: str | None, words: str, by: str, *, pause: "Pause | None" = None, changed: bool = True
) -> None:
    from offloadctl.report.schedule_command_documents import SchedulePauseChange  # noqa: PLC0415
    from offloadctl.report.text import line  # noqa: PLC0415

    document = SchedulePauseChange(
        schedule=which,
        paused=pause is not None,
        changed=changed,
        until=pause.until if pause is not None else None,
        reason=pause.reason if pause is not None else "",
        by=by,
    )
    told = line(f"{which or 'all schedules'}: {words}")
    emit_result(output, document=lambda: document, lines=lambda: [document], text=lambda **_: [told])
