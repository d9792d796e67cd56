"""`offload status`, and `offload-status` with pulsar-admin's flags. Asked often, so it loads as little as it can."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from offloadctl.cli.connection import ConnectionFlags, Session, connect, with_connection
from offloadctl.cli.output import OutputFormat, OutputOption, Rendering, emit_result
from offloadctl.cli.scope import say_if_none_match, with_scope
from offloadctl.cli.timeout import Timeout, timeout_of
from offloadctl.errors import BadValue, UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.scope import Scope
from offloadctl.model.status import SortKey, StatusReport
from offloadctl.units import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from offloadctl.report.documents import OffloadStatus, TopicOffloadStatus

_EVERY: Final = timedelta(seconds=5)
_SHORTEST: Final = timedelta(seconds=1)

WaitComplete = Annotated[
    bool,
    typer.Option("--wait-complete", "-w", help="Wait for runs that go on; asks the broker as --load-topics does."),
]
LoadTopics = Annotated[
    bool, typer.Option("--load-topics", help="Let brokers load topics that nobody uses, for a complete answer.")
]
Objects = Annotated[
    bool, typer.Option("--objects/--no-objects", help="Look at the data objects, if a bucket is configured.")
]
Sort = Annotated[
    SortKey | None,
    typer.Option(
        "--sort",
        help="The order of the topics, the most bytes first, or the oldest; partitions count together. Default: name, "
        "with --top eligible.",
        show_default=False,
    ),
]
Top = Annotated[
    int | None,
    typer.Option("--top", metavar="N", min=1, help="Show only so many topics; totals are of all.", show_default=False),
]
Watch = Annotated[bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")]
Every = Annotated[
    str | None,
    typer.Option(
        "--every",
        metavar="DURATION",
        help="How long --watch waits between two looks: 5s, 1m. Default: 5s.",
        show_default=False,
    ),
]


@with_connection
@with_scope
def status(
    *,
    scope: Scope,
    wait: WaitComplete = False,
    timeout: Timeout = None,
    sort: Sort = None,
    top: Top = None,
    watch: Watch = False,
    every: Every = None,
    load_topics: LoadTopics = False,
    objects: Objects = True,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """What the broker claims of topics' offload, beside what their ledgers and objects show.

    --watch redraws on a terminal, and appends elsewhere: a block with its time, or a line of JSON for each look. Ctrl-C
    is how a watch ends, so it ends with the exit code of the last whole look.
    """
    from offloadctl.cli.progress_reading import reading_topics  # noqa: PLC0415 - slow to load, and not for `--help`
    from offloadctl.operations.reading import Reading  # noqa: PLC0415
    from offloadctl.operations.status import Status  # noqa: PLC0415

    if watch and wait:
        raise UsageError("--watch looks again and again, --wait-complete until all runs are over: one of them")
    pause, limit = _pause(every, watch=watch), timeout_of(timeout)
    top = top or (_fitting(output) if watch and scope.is_wide else None)
    order = sort or (SortKey.ELIGIBLE if top is not None else None)
    with connect(connection) as session:
        topics = Status(session.ports, may_load=load_topics or wait, look_at_objects=objects)
        seconds = limit.total_seconds() if limit else None

        def look(reading: Reading) -> StatusReport:
            told = replace(topics, reading=reading)
            report = told.report_scope_when_done(scope, seconds) if wait else told.report_scope(scope)
            return replace(report, sort=order, top=top)

        if watch:
            return _watch(session, lambda: look(Reading()), output, pause)
        with reading_topics(session.ports.clock) as reading:
            report = look(reading)
        say_if_none_match(report.scope, looked_at=len(report.parts))
        result = _rendering(session, report)
        emit_result(output, document=result.document, lines=result.lines, text=result.text)
    return report.exit_code


def _pause(every: str | None, *, watch: bool) -> timedelta:
    if every is None:
        return _EVERY
    if not watch:
        raise UsageError("--every is about --watch", hint="add --watch, or leave --every out")
    pause = parse_duration(every)
    if pause < _SHORTEST:
        raise BadValue(f"--every {every} asks brokers without a rest", hint="1s is the least")
    return pause


def _fitting(output: OutputFormat) -> int | None:
    """As many topics as the terminal has room for: what is redrawn cannot be scrolled."""
    from offloadctl.cli.watch import rows_of_terminal  # noqa: PLC0415 - rich is slow to load

    return rows_of_terminal(output)


def _watch(session: Session, look: Callable[[], StatusReport], output: OutputFormat, pause: timedelta) -> ExitCode:
    from offloadctl.cli.watch import Looked, watch  # noqa: PLC0415 - rich is slow to load

    def looked() -> Looked:
        report = look()
        is_whole = report.interrupted is None
        return Looked(_rendering(session, report), report.observed_at, report.exit_code, is_whole=is_whole)

    return watch(looked, output, pause, session.ports.clock)


def _rendering(session: Session, report: StatusReport) -> Rendering:
    origin = session.origin(may_ask=report.interrupted is None)

    # Each on its own: whoever reads a table need not wait until the documents are loaded.
    def document() -> "OffloadStatus":
        from offloadctl.report.status import status_document  # noqa: PLC0415

        return status_document(report, origin)

    def lines() -> "Iterator[TopicOffloadStatus]":
        from offloadctl.report.status import topic_documents  # noqa: PLC0415

        return topic_documents(report, origin)

    def text(*, wide: bool) -> "Iterator[RenderableType]":
        from offloadctl.report.status_text import status_text  # noqa: PLC0415

        return status_text(report, origin, wide=wide)

    return Rendering(document, lines, text)
