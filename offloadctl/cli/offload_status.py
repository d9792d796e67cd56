"""`offload status`, and `offload-status` with pulsar-admin's flags. Asked often, so it loads as little as it can."""

from typing import TYPE_CHECKING, Annotated

import typer

from offloadctl.cli.connection import ConnectionFlags, Session, connect, with_connection
from offloadctl.cli.output import OutputFormat, OutputOption, emit_result
from offloadctl.cli.scope import say_if_none_match, with_scope
from offloadctl.cli.timeout import Timeout, timeout_of
from offloadctl.exitcodes import ExitCode
from offloadctl.model.scope import Scope
from offloadctl.model.status import StatusReport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from offloadctl.report.documents import OffloadStatus, TopicOffloadStatus


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
    load_topics: Annotated[
        bool, typer.Option("--load-topics", help="Let brokers load topics that nobody uses, for a complete answer.")
    ] = False,
    objects: Annotated[
        bool, typer.Option("--objects/--no-objects", help="Look at the data objects, if a bucket is configured.")
    ] = True,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """What the broker claims of topics' offload, beside what their ledgers and objects show."""
    from offloadctl.operations.status import Status  # noqa: PLC0415 - slow to load, and not for `--help`

    limit = timeout_of(timeout)
    with connect(connection) as session:
        reading = Status(session.ports, may_load=load_topics or wait, look_at_objects=objects)
        seconds = limit.total_seconds() if limit else None
        report = reading.report_scope_when_done(scope, seconds) if wait else reading.report_scope(scope)
        _show(session, report, output)
    return report.exit_code


def _show(session: Session, report: StatusReport, output: OutputFormat) -> None:
    say_if_none_match(report.scope, looked_at=len(report.parts))
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

    emit_result(output, document=document, lines=lines, text=text)
