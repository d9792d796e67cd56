"""`offload topic`, `offload status` and `offload-status`."""

import sys
from datetime import timedelta
from typing import Annotated, Final

import typer

from offloadctl.cli.connection import ConnectionFlags, Session, connect, with_connection
from offloadctl.cli.help import GroupedGroup
from offloadctl.cli.output import OutputFormat, OutputOption, emit_result
from offloadctl.cli.scope import with_scope
from offloadctl.errors import UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.names import TopicName
from offloadctl.model.offload import OffloadRun, OffloadWish
from offloadctl.model.scope import Scope
from offloadctl.model.status import StatusReport
from offloadctl.units import parse_duration, parse_size

app = typer.Typer(
    name="offload", cls=GroupedGroup, no_args_is_help=True, help="Move ledgers to S3, and confirm that they moved."
)

UNATTENDED_TIMEOUT: Final = timedelta(hours=6)
"""How long a wait may take when nobody sits at a terminal; there it takes as long as the person likes."""

Topics = Annotated[
    list[str],
    typer.Argument(metavar="TOPIC...", help="persistent://t/ns/x, t/ns/x, or x of public/default.", show_default=False),
]
LoadTopics = Annotated[
    bool, typer.Option("--load-topics", help="Let brokers load topics that nobody uses, for a complete answer.")
]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        help="How long to wait for each topic: 30m, 6h. Default: 6h, without an end on a terminal.",
        show_default=False,
    ),
]


@app.command("topic")
@with_connection
def topic(
    topics: Topics,
    *,
    size_threshold: Annotated[
        str | None,
        typer.Option(
            "--size-threshold",
            "-s",
            metavar="SIZE",
            help="Keep so much of the newest data in BookKeeper, offload the rest: 0, 100K, 10M, 16G.",
            show_default=False,
        ),
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than", metavar="DURATION", help="Offload what was closed so long ago: 12h, 7d.", show_default=False
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Show the plan and its reasons; send nothing.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait for the end and confirm it; or only have it accepted.")
    ] = True,
    timeout: Timeout = None,
    load_topics: LoadTopics = False,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """Offload topics' closed ledgers, wait, and confirm by ledgers and objects that they moved.

    Which ledgers move follows pulsar-admin's rule: the newest ones whose sum does not exceed the threshold stay, the
    open one counted; everything closed before them moves. With both options a ledger moves if either wants it.
    """
    names = _parse_topics(topics)
    wish = _wish(size_threshold, older_than)
    limit = _timeout(timeout)
    with connect(connection) as session:
        if not dry_run:
            session.allow_change()
        run = _run(session, names, wish, limit, dry_run=dry_run, wait=wait, load_topics=load_topics)
        _show_run(session, run, output)
    return run.exit_code


@app.command("status")
@with_connection
@with_scope
def status(
    *,
    scope: Scope,
    wait: Annotated[
        bool,
        typer.Option("--wait-complete", "-w", help="Wait for runs that go on; asks the broker as --load-topics does."),
    ] = False,
    timeout: Timeout = None,
    load_topics: LoadTopics = False,
    objects: Annotated[
        bool, typer.Option("--objects/--no-objects", help="Look at the data objects, if a bucket is configured.")
    ] = True,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """What the broker claims of topics' offload, beside what their ledgers and objects show."""
    from offloadctl.operations.status import Status  # noqa: PLC0415 - `--help` must not load protobuf

    limit = _timeout(timeout)
    with connect(connection) as session:
        reading = Status(session.ports, may_load=load_topics or wait, look_at_objects=objects)
        seconds = limit.total_seconds() if limit else None
        report = reading.report_scope_when_done(scope, seconds) if wait else reading.report_scope(scope)
        _show_status(session, report, output)
    return report.exit_code


offload_status = status


def _parse_topics(texts: list[str]) -> tuple[TopicName, ...]:
    return tuple(dict.fromkeys(TopicName.parse(text) for text in texts))


def _wish(size_threshold: str | None, older_than: str | None) -> OffloadWish:
    if size_threshold is None and older_than is None:
        raise UsageError(
            "say what should move: --size-threshold, --older-than, or both",
            hint="-s 0 offloads everything that is closed; add --dry-run to see it first",
        )
    return OffloadWish(
        size_threshold=parse_size(size_threshold) if size_threshold is not None else None,
        older_than=parse_duration(older_than) if older_than is not None else None,
    )


def _timeout(text: str | None) -> timedelta | None:
    if text is not None:
        return parse_duration(text)
    return None if sys.stderr.isatty() else UNATTENDED_TIMEOUT


def _run(
    session: Session,
    topics: tuple[TopicName, ...],
    wish: OffloadWish,
    timeout: timedelta | None,
    *,
    dry_run: bool,
    wait: bool,
    load_topics: bool,
) -> OffloadRun:
    from offloadctl.cli.progress import watching  # noqa: PLC0415 - rich is slow to load
    from offloadctl.operations.confirm import ObjectsInStores  # noqa: PLC0415 - and so is protobuf
    from offloadctl.operations.offload import Offload, not_looked_at  # noqa: PLC0415
    from offloadctl.operations.offload_run import OffloadTopics  # noqa: PLC0415

    stores = session.ports.stores
    with watching(session.ports.clock) as watcher:
        offload = Offload(
            ports=session.ports,
            wish=wish,
            timeout_s=timeout.total_seconds() if timeout is not None else None,
            check_objects=ObjectsInStores(stores) if stores else not_looked_at,
            watcher=watcher,
        )
        work = OffloadTopics(offload, may_load=load_topics)
        return work.dry_run(topics) if dry_run else work.run(topics, wait=wait)


def _show_run(session: Session, run: OffloadRun, output: OutputFormat) -> None:
    from offloadctl.report import offload as documents  # noqa: PLC0415 - msgspec and rich are slow to load
    from offloadctl.report.offload_text import run_text  # noqa: PLC0415

    origin = session.origin(may_ask=run.interrupted is None)
    emit_result(
        output,
        document=lambda: documents.run_document(run, origin),
        lines=lambda: documents.result_documents(run, origin),
        text=lambda *, wide: run_text(run, origin, wide=wide),
    )


def _show_status(session: Session, report: StatusReport, output: OutputFormat) -> None:
    from offloadctl.report import status as documents  # noqa: PLC0415 - msgspec and rich are slow to load
    from offloadctl.report.status_text import status_text  # noqa: PLC0415

    origin = session.origin(may_ask=report.interrupted is None)
    emit_result(
        output,
        document=lambda: documents.status_document(report, origin),
        lines=lambda: documents.topic_documents(report, origin),
        text=lambda *, wide: status_text(report, origin, wide=wide),
    )
