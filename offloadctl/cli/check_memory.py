"""The options by which a check uses what earlier ones remember, and is remembered itself."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from offloadctl.cli.connection import Session
from offloadctl.cli.injection import injecting
from offloadctl.cli.journal import cluster_of
from offloadctl.cli.output import say
from offloadctl.errors import CannotResume, StateError, UsageError
from offloadctl.model.check import CheckReport, Level
from offloadctl.model.journal import Attempt
from offloadctl.units import parse_duration
from offloadctl.wiring import open_checks, open_history

if TYPE_CHECKING:
    from offloadctl.operations.check_memory import Memory

PANEL: Final = "Memory"

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class MemoryFlags:
    """What was asked for."""

    max_age: timedelta | None
    resume: bool
    remember: bool

    def refuse_nonsense(self, level: Level) -> None:
        """UsageError for what cannot be meant."""
        if self.resume and not self.remember:
            raise UsageError("--resume goes on with a check that is remembered: leave --no-remember out")
        if self.max_age is not None and level is Level.LISTING:
            raise UsageError(
                "--max-age spares nothing at the level listing",
                hint="to see that objects are unchanged costs there what the whole look costs; leave --max-age out",
            )


def with_memory(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command the options of its memory; it receives them as one value, its parameter `memory`."""
    return injecting("memory", _OPTIONS, _flags)(command)


@contextmanager
def remembering(session: Session, flags: MemoryFlags, shared_with: Sequence[str]) -> "Iterator[Memory | None]":
    """The memory of a check, whose report is out at the end of the block; None if it has none and needs none."""
    from offloadctl.operations.check_memory import Memory  # noqa: PLC0415 - it loads what a check loads

    if not flags.remember and flags.max_age is None:
        yield None
        return
    with open_checks(session.context, read_only=not flags.remember) as checks:
        if checks is None:
            if flags.resume:
                raise CannotResume("nothing is remembered here", hint="say where: --state DIR")
            yield None
            return
        memory = Memory(
            checks,
            checks,
            max_age=flags.max_age,
            keeps=flags.remember,
            resumes=flags.resume,
            context=target_of(session),
            shared_with=tuple(shared_with),
        )
        yield memory
        memory.told(session.ports.clock.now())


def left_by_runs(session: Session) -> tuple[Attempt, ...]:
    """What runs of this cluster have left, by their journal; one that cannot be read costs no check its result."""
    try:
        with open_history(session.context) as history:
            return history.attempts(cluster_of(session, session.origin()))
    except StateError as error:
        say(f"warning: what uploads earlier runs may have left open is not known: {error.message}")
        return ()


def say_what_is_remembered(report: CheckReport) -> None:
    """A memory that failed, and a run that can be gone on with."""
    if report.not_remembered:
        say(
            f"warning: what checks remember could not be used, so this one looked at everything and may be forgotten: "
            f"{report.not_remembered}"
        )
    if report.is_resumable:
        say("what was looked at is remembered: the same command with --resume goes on")


def target_of(session: Session) -> str:
    """The context, and what it leads to: variables and options may lead it elsewhere the next time."""
    context = session.context
    return f"{context.name} ({context.cluster or ', '.join(context.broker.admin_urls)})"


def _flags(*, max_age: str | None, resume: bool, no_remember: bool) -> MemoryFlags:
    return MemoryFlags(parse_duration(max_age) if max_age is not None else None, resume, not no_remember)


def _option(*names: str, help: str, **how: Any) -> Any:  # noqa: A002 - as typer has it
    return typer.Option(*names, help=help, rich_help_panel=PANEL, **{"show_default": False, **how})


_OPTIONS: Final[dict[str, tuple[Any, object]]] = {
    "max_age": (
        Annotated[
            str | None,
            _option(
                "--max-age",
                metavar="DURATION",
                help="Leave out what an earlier check found clean at this level or deeper, within this time, and what "
                "is unchanged since: 7d, 30d.",
            ),
        ],
        None,
    ),
    "resume": (
        Annotated[bool, _option("--resume", help="Go on with this very check where it was interrupted or killed.")],
        False,
    ),
    "no_remember": (
        Annotated[bool, _option("--no-remember", help="Keep nothing of this check for later ones.")],
        False,
    ),
}
