"""What all commands that offload have in common: their options, and the way from a scope to a report.

@with_connection
@with_run_flags
def topic(topics: Topics, *, flags: RunFlags, connection: ConnectionFlags) -> ExitCode: ...
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from offloadctl.cli.connection import ConnectionFlags, Session, connect
from offloadctl.cli.injection import injecting
from offloadctl.cli.journal import recorded
from offloadctl.cli.output import OutputFormat, OutputOption, emit_result, say
from offloadctl.cli.scope import say_if_none_match
from offloadctl.cli.timeout import StallTimeout, Timeout, stall_timeout_of, timeout_of
from offloadctl.errors import ApprovalNeeded, BadValue, UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.offload import OffloadLimits, OffloadRun, OffloadWish
from offloadctl.model.scope import Scope
from offloadctl.units import ByteSize, format_size, parse_duration, parse_size

if TYPE_CHECKING:
    from offloadctl.operations.offload_run import OffloadTopics, Planned

_FEW: Final = 20

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class RunFlags:
    """The options of one command that offloads, parsed."""

    wish: OffloadWish
    limits: OffloadLimits
    timeout: timedelta | None
    stall_timeout: timedelta | None
    dry_run: bool
    wait: bool
    load_topics: bool
    reason: str
    yes: bool
    output: OutputFormat


def with_run_flags(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command all options of an offload; it receives them as one value, its parameter `flags`."""
    return injecting("flags", _OPTIONS, _flags)(command)


def offload_scope(scope: Scope, flags: RunFlags, connection: ConnectionFlags) -> ExitCode:
    """Plan the scope, show the plan or act on it, and report."""
    with connect(connection) as session:
        if not flags.dry_run:
            session.allow_change()
            session.warn_of_untested_version()
        work = _prepare(session, flags.wish, flags.timeout, flags.stall_timeout, reason=flags.reason)
        may_load = flags.load_topics or not (scope.is_wide or flags.dry_run)
        work = replace(work, may_load=may_load, limits=flags.limits)
        if flags.dry_run:
            run = work.report(_plan(session, work, scope), dry_run=True)
        else:
            with recorded(session, work) as work:
                planned = _plan(session, work, scope)
                _require_approval(session, scope, flags, planned)
                run = _act(session, work, planned, wait=flags.wait)
        _show(session, run, flags.output)
    return run.exit_code


def apply_plan(
    source: str,
    connection: ConnectionFlags,
    *,
    wait: bool,
    timeout: timedelta | None,
    stall_timeout: timedelta | None,
    reason: str,
    output: OutputFormat,
) -> ExitCode:
    """Read an approved plan, and do exactly what it says."""
    from offloadctl.operations.offload_apply import plan_approved  # noqa: PLC0415 - protobuf is slow to load
    from offloadctl.report.offload_plan import read_plan  # noqa: PLC0415 - and so is msgspec

    name = "standard input" if source == "-" else source
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"cannot read a plan from {name}: {exc}") from exc
    approved = read_plan(text, name)
    with connect(connection) as session:
        session.allow_change()
        work = _prepare(session, approved.wish, timeout, stall_timeout, reason=reason or approved.reason)
        work = replace(work, plan_hash=approved.content_hash, offload=replace(work.offload, exactly=True))
        with recorded(session, work) as work:
            run = _act(session, work, plan_approved(work, approved, session.origin().cluster), wait=wait)
        _show(session, run, output)
    return run.exit_code


def _prepare(
    session: Session, wish: OffloadWish, timeout: timedelta | None, stall_timeout: timedelta | None, *, reason: str
) -> "OffloadTopics":
    """The operation, as yet without anybody who watches it."""
    from offloadctl.operations.confirm import objects_check  # noqa: PLC0415 - protobuf is slow to load
    from offloadctl.operations.offload import Offload  # noqa: PLC0415
    from offloadctl.operations.offload_run import OffloadTopics  # noqa: PLC0415

    offload = Offload(
        ports=session.ports,
        wish=wish,
        timeout_s=timeout.total_seconds() if timeout is not None else None,
        check_objects=objects_check(session.ports.stores),
        stall_timeout_s=stall_timeout.total_seconds() if stall_timeout is not None else None,
    )
    return OffloadTopics(offload, reason=reason)


def _plan(session: Session, work: "OffloadTopics", scope: Scope) -> "Planned":
    """Plan the scope; how far the reading is stands on stderr."""
    from offloadctl.cli.progress_reading import reading_topics  # noqa: PLC0415 - not for `--help`

    with reading_topics(session.ports.clock) as reading:
        return work.plan(scope, reading)


def _require_approval(session: Session, scope: Scope, flags: RunFlags, planned: "Planned") -> None:
    """Ask, where somebody is there to answer; ApprovalNeeded without a yes, and then nothing is sent."""
    from offloadctl.plan.approval import needs_approval  # noqa: PLC0415 - only when something is acted on

    causes = needs_approval(scope, flags.wish, planned.selection.chosen)
    if not causes or flags.yes or planned.interrupted:
        return
    why = "; ".join(cause.text for cause in causes)
    what = f"{_amount(planned)} would be offloaded ({session.origin()})"
    if sys.stdin.isatty() and sys.stderr.isatty():
        say(f"{what}: {why}")
        if _confirmed():
            return
    raise ApprovalNeeded(
        f"{what}, and that needs a yes: {why}",
        hint="nothing was sent; add --yes, or have the plan looked at: --dry-run -o json > plan.json, then "
        "`offloadctl offload apply plan.json`",
    )


def _confirmed() -> bool:
    """Whether somebody says yes; the end of what is typed is no yes, and an interruption is one for the journal too."""
    try:
        return typer.confirm("Offload all of it?", err=True)
    except typer.Abort as abort:
        say("")
        if isinstance(abort.__context__, KeyboardInterrupt):
            raise abort.__context__ from None
        return False


def _act(session: Session, work: "OffloadTopics", planned: "Planned", *, wait: bool) -> OffloadRun:
    """Act on the plan, with its progress on stderr."""
    from offloadctl.cli.progress import watching  # noqa: PLC0415 - rich is slow to load

    assert work.record is not None  # noqa: S101 - nothing is acted on that is not written down
    if planned.selection.chosen and not planned.interrupted:
        say(f"offloading {_amount(planned)}: {session.origin()}, run {work.record.run_id}")
    with watching(session.ports.clock, planned.selection.chosen) as watcher:
        run = replace(work, offload=replace(work.offload, watcher=watcher)).act(planned, wait=wait)
    return work.record.close(run)


def _amount(planned: "Planned") -> str:
    plans = planned.selection.chosen
    topics = "1 topic" if len(plans) == 1 else f"{len(plans):,} topics"
    return f"{format_size(sum(plan.bytes_to_move for plan in plans))} of {topics}"


def _show(session: Session, run: OffloadRun, output: OutputFormat) -> None:
    from offloadctl.report import offload as documents  # noqa: PLC0415 - msgspec and rich are slow to load
    from offloadctl.report.offload_many_text import many_text  # noqa: PLC0415
    from offloadctl.report.offload_text import run_text  # noqa: PLC0415

    say_if_none_match(run.scope, looked_at=len(run.topics))
    for remark in (*run.remarks, run.journal_problem):
        if remark:
            say(f"warning: {remark}")
    origin = session.origin(may_ask=run.interrupted is None)
    as_text = many_text if _is_many(run) else run_text
    emit_result(
        output,
        document=lambda: documents.run_document(run, origin),
        lines=lambda: documents.result_documents(run, origin),
        text=lambda *, wide: as_text(run, origin, wide=wide),
    )


def _is_many(run: OffloadRun) -> bool:
    """Whether a block for each topic would be too much to read."""
    return (run.scope is not None and run.scope.scope.is_wide) or len(run.topics) > _FEW


def _flags(
    *,
    size_threshold: str | None,
    older_than: str | None,
    free: str | None,
    max_bytes: str | None,
    dry_run: bool,
    wait: bool,
    timeout: str | None,
    stall_timeout: str | None,
    load_topics: bool,
    reason: str,
    yes: bool,
    output: OutputFormat,
) -> RunFlags:
    if size_threshold is None and older_than is None:
        raise UsageError(
            "say what should move: --size-threshold, --older-than, or both",
            hint="-s 0 offloads everything that is closed; add --dry-run to see it first",
        )
    return RunFlags(
        wish=OffloadWish(
            size_threshold=_threshold(size_threshold),
            older_than=parse_duration(older_than) if older_than is not None else None,
        ),
        limits=OffloadLimits(free=_limit(free, "--free"), at_most=_limit(max_bytes, "--max-bytes")),
        timeout=timeout_of(timeout),
        stall_timeout=stall_timeout_of(stall_timeout),
        dry_run=dry_run,
        wait=wait,
        load_topics=load_topics,
        reason=reason,
        yes=yes,
        output=output,
    )


def _threshold(text: str | None) -> ByteSize | None:
    size = parse_size(text) if text is not None else None
    if size is not None and size < 0:
        raise BadValue(
            f"--size-threshold {text} keeps less than nothing",
            hint="-s 0 offloads everything that is closed; -1 means never, but only in policies",
        )
    return size


def _limit(text: str | None, option: str) -> ByteSize | None:
    size = parse_size(text) if text is not None else None
    if size is not None and size <= 0:
        raise BadValue(f"{option} {text} is no limit", hint="give a size above 0, or leave the option out")
    return size


def _option(*names: str, help: str, metavar: str | None = None) -> Any:  # noqa: A002 - as typer has it
    return typer.Option(*names, help=help, metavar=metavar, show_default=False)


_OPTIONS: Final[dict[str, tuple[Any, object]]] = {
    "size_threshold": (
        Annotated[
            str | None,
            _option(
                "--size-threshold",
                "-s",
                metavar="SIZE",
                help="Keep so much of the newest data in BookKeeper, offload the rest: 0, 100K, 10M, 16G.",
            ),
        ],
        None,
    ),
    "older_than": (
        Annotated[
            str | None,
            _option("--older-than", metavar="DURATION", help="Offload what was closed so long ago: 12h, 7d."),
        ],
        None,
    ),
    "free": (
        Annotated[
            str | None,
            _option("--free", metavar="SIZE", help="Take on no more topics once so much is planned: 500G."),
        ],
        None,
    ),
    "max_bytes": (
        Annotated[
            str | None,
            _option("--max-bytes", metavar="SIZE", help="Leave out topics that would make it more than this."),
        ],
        None,
    ),
    "dry_run": (
        Annotated[bool, _option("--dry-run", "-n", help="Show the plan and its reasons; send nothing.")],
        False,
    ),
    "wait": (
        Annotated[bool, _option("--wait/--no-wait", help="Wait for the end and confirm it; or only have it accepted.")],
        True,
    ),
    "timeout": (Timeout, None),
    "stall_timeout": (StallTimeout, None),
    "load_topics": (
        Annotated[
            bool, _option("--load-topics", help="Let brokers load topics that nobody uses, for a complete answer.")
        ],
        False,
    ),
    "reason": (
        Annotated[
            str,
            _option(
                "--reason", metavar="TEXT", help="Why this is done, as a ticket's number; kept in report and journal."
            ),
        ],
        "",
    ),
    "yes": (
        Annotated[
            bool,
            _option(
                "--yes",
                help="Go on without a question: needed, where nobody can be asked, for -s 0 of whole namespaces, for "
                "`all`, for more than 100 topics or 1 TiB.",
            ),
        ],
        False,
    ),
    "output": (OutputOption, OutputFormat.TABLE),
}
