"""The root command, and the only place that ends the process."""

import gc
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from types import FrameType
from typing import Annotated, Any, ClassVar, Final, NoReturn

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError, UsageError  # typer exports no base class

from offloadctl.cli.command_words import given
from offloadctl.cli.lazy import LazyCommand, LazyGroup
from offloadctl.cli.output import (
    Invocation,
    OutputClosed,
    emit,
    emit_document,
    say,
    scrubbed_streams,
    until_the_reader_goes,
)
from offloadctl.errors import Interrupted, OffloadctlError, Terminated, TerminationSignal
from offloadctl.exitcodes import ExitCode
from offloadctl.redaction import remember_environment

_OBJECTS_BETWEEN_COLLECTIONS: Final = 200_000


def main() -> NoReturn:
    """Run the command line of this process and end it."""
    # Ledgers and plans are values without cycles, by the hundred thousand, that live to the end of the process: looking
    # through all of them again whenever a few more were made is a third of the time that a long topic's plan takes.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code is all that is left of any failure."""
    invocation = Invocation.of(arguments, os.environ)
    remember_environment(os.environ)
    with scrubbed_streams(), given(arguments), _termination() as terminated:
        code: int = ExitCode.OK
        try:
            code = _run(arguments, invocation, terminated)
            sys.stdout.flush()
        except OutputClosed as closed:
            # A reader that has gone has what it wanted; the code is that of the work.
            if reason := str(closed):
                say(f"error: cannot write to standard output: {reason}")
                code = ExitCode.FAILED
            _close_stdout()
        if code == ExitCode.INTERRUPTED and terminated:
            return ExitCode.TERMINATED
        return code


COMMANDS: Final[dict[str, LazyCommand]] = {
    "offload": LazyCommand(
        "offloadctl.cli.offload_app", "app", "Move ledgers to S3, and confirm that they moved.", "Ledgers"
    ),
    "offload-status": LazyCommand(
        "offloadctl.cli.offload_status", "status", "As `offload status`, with pulsar-admin's flags.", "Ledgers"
    ),
    "check": LazyCommand(
        "offloadctl.cli.check_app", "app", "Prove that what is in S3 is there, whole and readable.", "Ledgers"
    ),
    "schedule": LazyCommand(
        "offloadctl.cli.schedule_app", "app", "Offload and check when conditions hold, and tell why.", "Ledgers"
    ),
    "serve": LazyCommand(
        "offloadctl.cli.serve", "serve", "Evaluate schedules all the time, and do what they decide.", "Ledgers"
    ),
    "doctor": LazyCommand("offloadctl.cli.doctor", "app", "Why does it not work?", "Ledgers"),
    "object": LazyCommand("offloadctl.cli.object", "app", "Look into the objects of one ledger.", "Ledgers"),
    "context": LazyCommand("offloadctl.cli.context", "app", "Clusters by name, and the settings in force.", "Settings"),
    "broker-conf": LazyCommand(
        "offloadctl.cli.broker_conf",
        "app",
        "Offload's part of broker.conf: write it, check it, compare it.",
        "Settings",
    ),
    "offload-policies": LazyCommand(
        "offloadctl.cli.offload_policies",
        "app",
        "Pulsar's offload policies: what is in force, and changing it.",
        "Settings",
    ),
    "retention": LazyCommand(
        "offloadctl.cli.retention", "app", "How long consumed data is kept, in the bucket too; changing it.", "Settings"
    ),
    "demo": LazyCommand("offloadctl.cli.demo", "app", "The whole story on an embedded cluster.", "Learning"),
    "explain": LazyCommand("offloadctl.cli.explain", "explain", "What a code, a key or a word means.", "Learning"),
    "schema": LazyCommand("offloadctl.cli.schema", "schema", "The JSON Schema of the documents.", "Learning"),
}


class _Root(LazyGroup):
    """The root group, which knows the commands below its own too."""

    lazy: ClassVar[Mapping[str, LazyCommand]] = COMMANDS

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except UsageError as error:
            if args and (near := _subcommands_like(args[0])):
                # In front of commands that are only spelt alike, as click names them.
                error.message = f"no such command {args[0]!r}. Did you mean {', '.join(map(repr, near))}?"
            raise


def _subcommands_like(word: str) -> list[str]:
    """`offload status` for `status` or `statu`: who forgets the noun remembers the verb."""
    if word in COMMANDS or get_close_matches(word, COMMANDS, n=1, cutoff=_NEAR):
        return []
    by_verb: dict[str, list[str]] = {}
    for noun in COMMANDS:
        for verb in getattr(load_command(noun), "commands", ()):
            by_verb.setdefault(verb, []).append(f"{noun} {verb}")
    return [command for verb in get_close_matches(word, by_verb, n=1, cutoff=_NEAR) for command in by_verb[verb]]


_NEAR: Final = 0.75
"""How alike two words must be for one to be a slip of the other."""


def load_command(name: str) -> Any:
    """The real command behind a name of the table."""
    return COMMANDS[name].load(name)


app = typer.Typer(
    name="offloadctl",
    cls=_Root,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`offloadctl explain exit-codes` tells what the exit codes mean.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from offloadctl import __version__  # noqa: PLC0415 - only here

        emit(f"offloadctl {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Run Apache Pulsar's tiered storage on S3, and prove that what was offloaded is really there."""


def _run(arguments: Sequence[str], invocation: Invocation, terminated: Sequence[int]) -> int:
    try:
        result = app(args=list(arguments), prog_name="offloadctl", standalone_mode=False)
        # A command that was interrupted and could report it returns an ExitCode; a bare number is typer's own.
        if result == ExitCode.INTERRUPTED and not isinstance(result, ExitCode):
            raise typer.Abort  # noqa: TRY301 - as it does when a question is not answered
    except OffloadctlError as error:
        return _fail(error, invocation)
    except NoArgsIsHelpError as error:
        with until_the_reader_goes():
            emit(error.format_message())
        return ExitCode.USAGE
    except ClickException as error:
        return _fail(_usage_error(error), invocation)
    except (typer.Abort, KeyboardInterrupt):
        kind = Terminated if terminated else Interrupted
        return _fail(kind("interrupted before there was a result"), invocation)
    except OutputClosed:
        raise
    except Exception as error:  # noqa: BLE001 - the last net: a bug is a failure with words, not a page of code
        bug = OffloadctlError(
            f"this is a bug in offloadctl: {type(error).__name__}: {error}",
            hint="run it again with --debug and report what it prints",
        )
        return _fail(bug, invocation, cause=error)
    return result if isinstance(result, int) else ExitCode.OK


def _fail(error: OffloadctlError, invocation: Invocation, *, cause: BaseException | None = None) -> ExitCode:
    """Tell the error: on stdout as a document for programs, on stderr for people."""
    if invocation.debug:
        say("".join(traceback.format_exception(cause or error)), is_prose=False)
    if invocation.output.is_document:
        from offloadctl.report.errors import error_document  # noqa: PLC0415 - only when something failed

        with until_the_reader_goes():
            emit_document(error_document(error), invocation.output)
    say(f"error: {error.message}")
    if error.hint:
        say(f"hint: {error.hint}")
    return error.exit_code


def _usage_error(error: ClickException) -> OffloadctlError:
    from offloadctl.errors import UsageError as OurUsageError  # noqa: PLC0415 - the name is taken by click's

    # With pydantic beside it, typer hands on pydantic's words.
    message = error.format_message().replace("\n", " ").replace("Value error, ", "").rstrip(".")
    context = getattr(error, "ctx", None) if isinstance(error, UsageError) else None
    path = context.command_path if context is not None else "offloadctl"
    return OurUsageError(message[:1].lower() + message[1:], hint=f"{path} --help")


@contextmanager
def _termination() -> Iterator[list[int]]:
    """SIGTERM, or a terminal that is gone, ends a command as Ctrl-C does; what came is in the list."""
    received: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's signature
        received.append(number)
        raise TerminationSignal

    try:
        before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    except ValueError:
        # Not in the main thread: whoever runs commands there has the signals.
        yield received
        return
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _close_stdout() -> None:
    """Nobody reads: let the interpreter's last flush at exit go nowhere instead of failing."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
