"""`offload topic`, `offload namespace`, `offload all`, `offload apply`; `offload_app` tells what else there is."""

from typing import Annotated

import typer

from offloadctl.cli.connection import ConnectionFlags, with_connection
from offloadctl.cli.offload_run import RunFlags, apply_plan, offload_scope, with_run_flags
from offloadctl.cli.output import OutputFormat, OutputOption
from offloadctl.cli.scope import read_topics
from offloadctl.cli.timeout import StallTimeout, Timeout, stall_timeout_of, timeout_of
from offloadctl.errors import UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.scope import Scope

Match = Annotated[
    str | None,
    typer.Option(
        "--match",
        metavar="REGEX",
        help="Of these only topics whose tenant/namespace/topic matches.",
        show_default=False,
    ),
]


@with_connection
@with_run_flags
def topic(
    topics: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TOPIC...", help="persistent://t/ns/x, t/ns/x, or x of public/default.", show_default=False
        ),
    ] = None,
    *,
    match: Match = None,
    from_file: Annotated[
        str | None,
        typer.Option(
            "--from-file",
            metavar="FILE",
            help="Topics from a file, one a line; - is standard input.",
            show_default=False,
        ),
    ] = None,
    flags: RunFlags,
    connection: ConnectionFlags,
) -> ExitCode:
    """Offload topics' closed ledgers, wait, and confirm by ledgers and objects that they moved.

    Which ledgers move follows pulsar-admin's rule: the newest ones whose sum does not exceed the threshold stay, the
    open one counted; everything closed before them moves. With both options a ledger moves if either wants it.
    """
    named = [TopicName.parse(text) for text in topics or ()]
    listed = read_topics(from_file) if from_file is not None else ()
    if not named and not listed:
        raise UsageError("no topic", hint="name topics, give a file of them (--from-file), or `offload namespace`")
    return offload_scope(Scope.of(topics=(*named, *listed), match=match or ""), flags, connection)


@with_connection
@with_run_flags
def namespace(
    namespaces: Annotated[list[str], typer.Argument(metavar="T/NS...", help="Namespaces.", show_default=False)],
    *,
    match: Match = None,
    flags: RunFlags,
    connection: ConnectionFlags,
) -> ExitCode:
    """Offload all topics of namespaces, largest first.

    Everything is planned first, topics that nobody uses from their metadata alone: these are loaded only if they have
    something to move. What is closed after the plan was made waits for the next run. At most two topics at once
    are sent to one broker, which is as many as it works on, and 16 in all.
    """
    names = [NamespaceName.parse(text) for text in namespaces]
    return offload_scope(Scope.of(namespaces=names, match=match or ""), flags, connection)


@with_connection
@with_run_flags
def everything(
    *,
    tenants: Annotated[
        list[str] | None,
        typer.Option(
            "--tenant", metavar="NAME", help="Only this tenant's topics; may be repeated.", show_default=False
        ),
    ] = None,
    match: Match = None,
    flags: RunFlags,
    connection: ConnectionFlags,
) -> ExitCode:
    """Offload all topics of all tenants, or of some; as `offload namespace` does."""
    scope = Scope.of(tenants=tenants or (), everything=not tenants, match=match or "")
    return offload_scope(scope, flags, connection)


@with_connection
def apply(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="What --dry-run -o json printed; - is standard input.")],
    *,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait for the end and confirm it; or only have it accepted.")
    ] = True,
    timeout: Timeout = None,
    stall_timeout: StallTimeout = None,
    reason: Annotated[
        str,
        typer.Option("--reason", metavar="TEXT", help="Why; the plan's own if left out.", show_default=False),
    ] = "",
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """Do exactly what an approved plan says, or nothing.

    Refused (exit 6, nothing is sent) if the file was changed, if it was made for another cluster, if it is older than
    a day, or if other ledgers would move by now than it names. It asks no more questions.
    """
    return apply_plan(
        plan,
        connection,
        wait=wait,
        timeout=timeout_of(timeout),
        stall_timeout=stall_timeout_of(stall_timeout),
        reason=reason,
        output=output,
    )
