"""`schedule simulate`."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from offloadctl.cli.output import OutputFormat, OutputOption, emit_result
from offloadctl.cli.schedule_file import File, find, past, read_file, read_text
from offloadctl.errors import BadValue, UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.units import parse_duration

if TYPE_CHECKING:
    from offloadctl.model.schedule import Schedule
    from offloadctl.plan.recording import Recording

_DAY = timedelta(days=1)


_Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME...]", help="Only these schedules of the file.", show_default=False),
]
_FromFile = Annotated[
    str | None,
    typer.Option(
        "--from-file",
        metavar="NUMBERS",
        help="Recorded numbers, one JSON object a line; - is standard input.",
        show_default=False,
    ),
]
_FromPrometheus = Annotated[
    str | None,
    typer.Option(
        "--from-prometheus", metavar="URL", help="Ask Prometheus for what it has recorded.", show_default=False
    ),
]
_Since = Annotated[
    str | None,
    typer.Option("--since", metavar="WHEN", help="From then on: 7d, 2026-11-24. Prometheus: 1d.", show_default=False),
]
_Until = Annotated[
    str | None,
    typer.Option("--until", metavar="WHEN", help="Until then: 1h, 2026-11-25.", show_default=False),
]


def simulate_schedules(
    *,
    names: _Names = None,
    file: File,
    from_file: _FromFile = None,
    from_prometheus: _FromPrometheus = None,
    since: _Since = None,
    until: _Until = None,
    every: Annotated[str, typer.Option("--every", metavar="DURATION", help="Evaluate so often.")] = "5m",
    run_takes: Annotated[
        str, typer.Option("--run-takes", metavar="DURATION", help="How long each run is thought to take.")
    ] = "0s",
    output: OutputOption = OutputFormat.TABLE,
) -> ExitCode:
    """What would have fired when, and why: schedules evaluated against recorded numbers, by the recording's clock.

    Nothing is done, and no broker is asked. What runs would have changed is not known. -o wide shows every number.
    """
    from offloadctl.operations.simulate import Window, simulate  # noqa: PLC0415 - `--help` must stay fast
    from offloadctl.report import schedule_command_documents as documents  # noqa: PLC0415
    from offloadctl.report.schedule_command_text import simulation_text  # noqa: PLC0415

    now = datetime.now(UTC)
    schedules: Sequence[Schedule] = read_file(file)
    if names:
        schedules = [find(schedules, name) for name in names]
    window = Window(
        past(since, now, "--since") if since is not None else None,
        past(until, now, "--until") if until is not None else None,
        _positive(every, "--every"),
        parse_duration(run_takes),
    )
    if (from_file is None) == (from_prometheus is None):
        raise UsageError("say where the numbers come from", hint="--from-file NUMBERS, or --from-prometheus URL")
    if from_file is not None:
        recording = _from_file(from_file)
    else:
        end = window.until or now
        start = window.since or end - _DAY
        window = Window(start, end, window.every, window.run_takes)
        recording = _from_prometheus(from_prometheus or "", schedules, start, end, window.every)
    made = simulate(schedules, recording, window)
    emit_result(
        output,
        document=lambda: documents.simulation_document(made),
        lines=lambda: documents.simulation_lines(made),
        text=lambda *, wide: simulation_text(made, wide=wide),
    )
    return ExitCode.OK


def _from_file(source: str) -> "Recording":
    from offloadctl.plan.recording import read_recording  # noqa: PLC0415 - msgspec is slow to load

    return read_recording(*read_text(source, "numbers"))


def _from_prometheus(
    url: str, schedules: "Sequence[Schedule]", start: datetime, end: datetime, every: timedelta
) -> "Recording":
    from offloadctl.operations.simulate import record  # noqa: PLC0415
    from offloadctl.wiring import open_prometheus  # noqa: PLC0415 - requests is slow to load

    with open_prometheus(url) as queries:
        return record(schedules, queries, start, end, every)


def _positive(text: str, option: str) -> timedelta:
    found = parse_duration(text)
    if found <= timedelta(0):
        raise BadValue(f"{option} {text} is no time at all", hint="write 1m, 5m")
    return found
