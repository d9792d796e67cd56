"""`offload history`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from offloadctl.cli.connection import ConnectionFlags, resolved, with_connection
from offloadctl.cli.output import OutputFormat, OutputOption, emit_result
from offloadctl.errors import BadValue, UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.journal import HistoryFilter
from offloadctl.model.names import TopicName
from offloadctl.units import parse_duration
from offloadctl.wiring import open_history

_Run = Annotated[
    str | None,
    typer.Option(
        "--run",
        metavar="ID",
        help="One run with all its topics; the beginning or the end of its id is enough.",
        show_default=False,
    ),
]
_Topic = Annotated[
    str | None,
    typer.Option(
        "--topic",
        metavar="TOPIC",
        help="Only runs that had something to move of this topic, and what came of that.",
        show_default=False,
    ),
]
_Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="WHEN",
        help="Only what began since then: 7d, 12h, 2026-11-24, 2026-11-24T06:00Z.",
        show_default=False,
    ),
]
_Unfinished = Annotated[
    bool, typer.Option("--unfinished", help="Only what was sent and nobody knows yet what came of it, and whose it is.")
]
_Limit = Annotated[int, typer.Option("--limit", metavar="N", min=0, help="The newest so many runs; 0 shows all.")]


@with_connection
def history(
    *,
    run: _Run = None,
    topic: _Topic = None,
    since: _Since = None,
    unfinished: _Unfinished = False,
    limit: _Limit = 50,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """What was offloaded, by whom, when and why, and what came of it; from the journal, without asking a broker.

    Runs of all contexts are told, with --context only those of that one. Kept are 90 days, at most 1 GiB; and whatever
    is unfinished.
    """
    from offloadctl.operations.history import read_history, read_run  # noqa: PLC0415 - `--help` must stay fast
    from offloadctl.report import history as documents  # noqa: PLC0415 - msgspec and rich are slow to load
    from offloadctl.report import history_text as text  # noqa: PLC0415

    if run is not None and (topic is not None or since is not None or unfinished):
        raise UsageError("--run goes with no other filter: it tells all of one run")
    settings, now = resolved(connection), datetime.now(UTC)
    asked = HistoryFilter(
        topic=TopicName.parse(topic) if topic is not None else None,
        since=_moment(since, now) if since is not None else None,
        context=settings.context.name if settings.explicit_context else None,
        only_unfinished=unfinished,
        limit=limit or None,
    )
    with open_history(settings.context) as opened:
        report = read_history(opened, asked, now=now) if run is None else read_run(opened, run, now=now)
    as_text = text.history_text if run is None else text.run_text
    emit_result(
        output,
        document=lambda: documents.history_document(report),
        lines=lambda: documents.history_lines(report),
        text=lambda *, wide: as_text(report, wide=wide),
    )
    return ExitCode.OK


def _moment(text: str, now: datetime) -> datetime:
    """So long ago, or a date or time; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        try:
            return now - parse_duration(text)
        except (BadValue, OverflowError):
            raise BadValue(
                f"--since {text} is neither a duration nor a time", hint="write 7d, 12h, or a time as 2026-11-24T06:00Z"
            ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
