"""`retention effective`, `set` and `unset`: how long consumed data is kept, in the bucket too."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from offloadctl.cli.connection import ConnectionFlags, Session, connect, with_connection
from offloadctl.cli.help import GroupedGroup
from offloadctl.cli.offload_policies import DryRun, Namespace, TopicArgument, one_scope, read_levels
from offloadctl.cli.output import OutputFormat, OutputOption, emit_result, say
from offloadctl.errors import BadValue, UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.names import TopicName

if TYPE_CHECKING:
    from offloadctl.model.policies import PolicyLevels, PolicyScope, Retention

app = typer.Typer(
    name="retention",
    cls=GroupedGroup,
    no_args_is_help=True,
    help="How long data is kept that was consumed: with it go its objects in the bucket.",
)

Time = Annotated[
    str | None,
    typer.Option("--time", "-t", metavar="AGE", help="How long: 90d, 12h; -1 is for ever.", show_default=False),
]
Size = Annotated[
    str | None,
    typer.Option("--size", "-s", metavar="SIZE", help="How much at most: 500G, 2T; -1 is all.", show_default=False),
]
AcceptUnverified = Annotated[
    bool,
    typer.Option(
        "--accept-unverified",
        help="Let offloaded data go although nobody proved that it is whole; the journal keeps that.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Agree that data goes at the brokers' next look.")]


@app.command("get", hidden=True)
@app.command("effective")
@with_connection
def effective(
    topic: TopicArgument = None,
    *,
    namespace: Namespace = None,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """What is in force, where it comes from, and what goes next.

    Loads no topic.
    """
    from offloadctl.cli.progress_reading import reading_topics  # noqa: PLC0415 - only when it is needed
    from offloadctl.operations.retention import look_at_retention  # noqa: PLC0415
    from offloadctl.report import retention as report  # noqa: PLC0415 - msgspec and rich are slow to load

    scope = one_scope(topic, namespace)
    with connect(connection) as session:
        with reading_topics(session.ports.clock) as reading:
            view, origin = look_at_retention(session.ports, scope, reading), session.origin()
        document = report.effective_document(view, origin)
        emit_result(
            output,
            document=lambda: document,
            lines=lambda: [document],
            text=lambda *, wide: report.effective_text(view, origin),  # noqa: ARG005 - there is no more to tell
        )
    return ExitCode(document.exit_code)


@app.command("set")
@with_connection
def set_(
    topic: TopicArgument = None,
    *,
    namespace: Namespace = None,
    time: Time = None,
    size: Size = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    accept_unverified: AcceptUnverified = False,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """Set it; what of --time and --size is not given stays as it is in force.

    Less than before lets data go, from the bucket too: it is refused (exit code 6) unless checks have proved what is
    there, and what goes at once takes --yes. For example: retention set -n acme/shop --time 90d --size -1
    """
    if topic is not None and "=" in topic:
        raise UsageError("how much is to be kept is said by options", hint="as in --time 90d --size -1")
    scope = one_scope(topic, namespace)
    if time is None and size is None:
        raise UsageError("say how much is to be kept", hint="as in --time 90d --size -1")
    minutes, megabytes = _minutes(time), _megabytes(size)
    with connect(connection) as session:
        levels = read_levels(session, scope)
        wish = _wish(levels, minutes, megabytes)
        return _change(session, levels, wish, output, dry_run=dry_run, yes=yes, accept_unverified=accept_unverified)


@app.command("unset")
@with_connection
def unset(
    topic: TopicArgument = None,
    *,
    namespace: Namespace = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    accept_unverified: AcceptUnverified = False,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """Remove it: the namespace's, or the brokers' default, counts again."""
    scope = one_scope(topic, namespace)
    with connect(connection) as session:
        levels = read_levels(session, scope)
        return _change(session, levels, None, output, dry_run=dry_run, yes=yes, accept_unverified=accept_unverified)


_MEBIBYTE: Final = 1024 * 1024
_LARGEST: Final = 2**31 - 1
"""RetentionPolicies.java: minutes are an int."""


def _minutes(text: str | None) -> int | None:
    from offloadctl.units import parse_duration  # noqa: PLC0415 - as all that only one command needs

    if text is None or text == "-1":
        return None if text is None else -1
    duration = parse_duration(text)
    minutes, rest = divmod(duration, timedelta(minutes=1))
    if rest:
        raise BadValue(f"--time counts whole minutes, and {text} is none", hint="write 10m, 12h, 90d; -1 is for ever")
    if minutes > _LARGEST:
        raise BadValue(f"--time {text} is more than a broker can hold", hint="-1 is for ever")
    return minutes


def _megabytes(text: str | None) -> int | None:
    from offloadctl.units import parse_size  # noqa: PLC0415 - as above

    if text is None or text == "-1":
        return None if text is None else -1
    size, rest = divmod(parse_size(text), _MEBIBYTE)
    if rest or size < 0:
        raise BadValue(f"--size counts whole megabytes, and {text} is none", hint="write 500M, 100G, 2T; -1 is all")
    return size


def _wish(levels: "PolicyLevels", minutes: int | None, megabytes: int | None) -> "Retention":
    from offloadctl.model.policies import Retention  # noqa: PLC0415 - as above
    from offloadctl.plan.retention import retention_in_force  # noqa: PLC0415

    now = retention_in_force(levels).retention
    if now is None and None in (minutes, megabytes):
        raise UsageError("what is in force now is the brokers' own default, which is not known", hint="give both")
    minutes = minutes if minutes is not None or now is None else now.minutes
    megabytes = megabytes if megabytes is not None or now is None else now.mebibytes
    wish = Retention(minutes or 0, megabytes or 0)
    # RetentionPolicies.java: one of them 0 and the other not is refused with 400.
    if wish.keeps_nothing and wish != Retention(0, 0):
        zero = "--time" if not wish.minutes else "--size"
        raise UsageError(
            f"with {zero} 0 nothing is kept, whatever the other says, and brokers refuse that",
            hint=f"give {zero}, too: -1 is without limit; or 0 for both",
        )
    return wish


def _change(
    session: Session,
    levels: "PolicyLevels",
    wish: "Retention | None",
    output: OutputFormat,
    *,
    dry_run: bool,
    yes: bool,
    accept_unverified: bool,
) -> ExitCode:
    from offloadctl.cli.policy_guard import guarding  # noqa: PLC0415 - only when it is needed
    from offloadctl.cli.progress_reading import reading_topics  # noqa: PLC0415
    from offloadctl.operations.retention import ChangeRetention  # noqa: PLC0415
    from offloadctl.plan.policy_outcome import Approval  # noqa: PLC0415
    from offloadctl.report import retention as report  # noqa: PLC0415 - msgspec and rich are slow to load
    from offloadctl.report.policies_text import scope_name  # noqa: PLC0415

    if not dry_run:
        session.allow_change()
    origin = session.origin()

    def tell(scope: "PolicyScope", asked: "Retention | None") -> None:
        say(f"{origin}: {scope_name(scope)}: {report.request_words(asked)}")

    approval = Approval(unverified=accept_unverified, yes=yes)
    # One topic is acted on, and may be loaded for it; whole namespaces are left as they are.
    may_load = isinstance(levels.scope, TopicName) and not dry_run
    with guarding(session, may_load=may_load) as (verify, note), reading_topics(session.ports.clock) as reading:
        work = ChangeRetention(
            session.ports, verify, approval, dry_run=dry_run, on_change=tell, note=note, reading=reading
        )
        outcome = work.run(levels, wish)
    document = report.change_document(outcome, approval, origin, dry_run=dry_run)
    emit_result(
        output,
        document=lambda: document,
        lines=lambda: [document],
        text=lambda *, wide: report.change_text(outcome, approval, origin, dry_run=dry_run or wide),
    )
    return outcome.exit_code
