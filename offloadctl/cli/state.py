"""The options of commands that ask nobody, and use only what is remembered on this machine."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from offloadctl.cli.connection import PANEL, complete_contexts
from offloadctl.cli.injection import injecting
from offloadctl.config.layers import ConnectionFlags
from offloadctl.config.resolve import resolve
from offloadctl.model.settings import Context

R = TypeVar("R")


def with_state(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command the options that lead to its state; it receives the context as its parameter `context`."""
    return injecting("context", _OPTIONS, _context)(command)


def _context(*, context: str | None, state: Path | None, debug: bool) -> Context:  # noqa: ARG001 - main looks for it
    return resolve(ConnectionFlags(context=context, state=state), os.environ).context


def _option(*names: str, help: str, **how: Any) -> Any:  # noqa: A002 - as typer has it
    return typer.Option(*names, help=help, rich_help_panel=PANEL, **{"show_default": False, **how})


_OPTIONS: Final[dict[str, tuple[Any, object]]] = {
    "context": (
        Annotated[
            str | None,
            _option(
                "--context",
                metavar="NAME",
                help="The context to use, instead of the current one.",
                autocompletion=complete_contexts,
            ),
        ],
        None,
    ),
    "state": (
        Annotated[
            Path | None,
            _option("--state", metavar="DIR", help="Where runs and checks are remembered between commands."),
        ],
        None,
    ),
    "debug": (Annotated[bool, _option("--debug", help="Show the traceback of an error.", show_default=True)], False),
}
