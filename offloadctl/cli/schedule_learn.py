"""`schedule learn`."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from offloadctl.cli.connection import ConnectionFlags, Session, connect, with_connection
from offloadctl.cli.output import OutputFormat, OutputOption, emit_result, say
from offloadctl.cli.schedule_file import File, find, past, read_file
from offloadctl.errors import BadValue, StateError, UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.ports import Clock
from offloadctl.units import parse_duration
from offloadctl.wiring import only_scheduler, open_collector, open_prometheus, open_usual

if TYPE_CHECKING:
    from offloadctl.model.schedule import Schedule
    from offloadctl.operations.learn import Learnt, Span

_BETWEEN_LINES_S: Final = 10.0


@with_connection
def learn(
    *,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME...]", help="Only these schedules of the file.", show_default=False),
    ] = None,
    file: File,
    from_prometheus: Annotated[
        str | None,
        typer.Option(
            "--from-prometheus", metavar="URL", help="Whom to ask; without it prometheus_url.", show_default=False
        ),
    ] = None,
    since: Annotated[
        str, typer.Option("--since", metavar="WHEN", help="From then on: 14d, 2026-11-01; 30d at most.")
    ] = "30d",
    every: Annotated[str, typer.Option("--every", metavar="DURATION", help="Look at the recording so often.")] = "10m",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Tell what would be learnt; write nothing down.")
    ] = False,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """Learn from Prometheus what is usual of the numbers that schedules compare, instead of looking for weeks.

    Their names now are asked of the cluster; nothing is changed there. It is not for beside `serve`, which remembers
    what it has learnt itself. Exit code 5: of some numbers nothing is known; 8: another process runs schedules.
    """
    schedules: Sequence[Schedule] = read_file(file)
    if names:
        schedules = [find(schedules, name) for name in names]
    with connect(connection) as session:
        span = _span(since, every, session.ports.clock.now())
        learnt, left_out = _learnt(session, schedules, from_prometheus, span, dry_run=dry_run)
    _show(learnt, left_out, output, dry_run=dry_run)
    return ExitCode.OK if learnt.is_whole and not left_out else ExitCode.NOT_COVERED


def _span(since: str, every: str, now: datetime) -> "Span":
    from offloadctl.operations.learn import LONGEST, Span  # noqa: PLC0415 - `--help` must stay fast

    step = parse_duration(every)
    if not 60 <= step.total_seconds() <= 3600:
        raise BadValue(f"--every {every} teaches too much or too little", hint="1m to 1h, as in 10m")
    start = past(since, now, "--since")
    if start >= now:
        raise BadValue(f"--since {since} has not come yet", hint="write 30d, or a day as 2026-11-01")
    return Span(max(start, now - LONGEST), now, step)


def _learnt(
    session: Session, schedules: "Sequence[Schedule]", url: str | None, span: "Span", *, dry_run: bool
) -> "tuple[Learnt, dict[str, str]]":
    from offloadctl.operations.learn import learn as learn_from  # noqa: PLC0415 - only where it is done
    from offloadctl.operations.usual import Asked  # noqa: PLC0415

    context, clock = session.context, session.ports.clock
    if context.state is None and not dry_run:
        raise UsageError("nothing is remembered, so nothing can be learnt", hint="give a directory: --state")
    url = url or context.prometheus_url
    if url is None:
        raise UsageError("nobody answers PromQL", hint="--from-prometheus URL, or prometheus_url of the context")
    # Live numbers and recorded ones are to be of the same Prometheus: by its names they are known.
    context = replace(context, prometheus_url=url)
    with (
        nullcontext() if dry_run else only_scheduler(context),
        open_prometheus(url, context) as queries,
        open_collector(context, session.ports) as numbers,
        open_usual(context, numbers, clock, say, read_only=dry_run) as collector,
    ):
        collected = collector.collect(schedules, clock.now())
        if collector.problem and not collector.is_loaded:
            raise StateError(f"what is known already cannot be read: {collector.problem}")
        asked = [Asked(one, collected.topics[one.name]) for one in schedules if one.name in collected.topics]
        learnt = learn_from(asked, collected.snapshot, queries, collector.usuals, span, told=_Told(span, clock))
        if not dry_run:
            collector.keep(clock.now())
            if collector.problem:
                raise StateError(f"what was learnt is not kept: {collector.problem}")
    return learnt, dict(collected.unlisted)


@dataclass
class _Told:
    """Says now and then on stderr how far it is."""

    span: "Span"
    clock: Clock
    said_at: float | None = None

    def __call__(self, reached: datetime, /) -> None:
        now = self.clock.monotonic()
        self.said_at = now if self.said_at is None else self.said_at
        if now - self.said_at >= _BETWEEN_LINES_S:
            self.said_at = now
            share = (reached - self.span.start) / (self.span.end - self.span.start)
            say(f"learnt up to {reached:%Y-%m-%d %H:%M} UTC, {share:.0%}")


def _show(learnt: "Learnt", left_out: dict[str, str], output: OutputFormat, *, dry_run: bool) -> None:
    from offloadctl.report import schedule_learning as told  # noqa: PLC0415 - msgspec and rich are slow to load

    emit_result(
        output,
        document=lambda: told.learning_document(learnt, left_out, dry_run=dry_run),
        lines=lambda: told.learning_lines(learnt),
        text=lambda **_: told.learning_text(learnt, left_out, dry_run=dry_run),
    )
