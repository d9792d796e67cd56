"""The options by which commands are told what they are about: topics, namespaces, tenants, everything.

@with_connection
@with_scope
def check(*, scope: Scope, connection: ConnectionFlags) -> ExitCode: ...
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from offloadctl.cli.injection import injecting
from offloadctl.cli.output import say
from offloadctl.errors import BadValue, UsageError
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.scope import Scope, ScopeRead

PANEL: Final = "Scope"

R = TypeVar("R")


def with_scope(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command all scope options; it receives them as one value, its parameter `scope`."""
    return injecting("scope", _OPTIONS, _scope)(command)


def read_topics(source: str) -> tuple[TopicName, ...]:
    """The topics of a file, or of stdin for `-`: one a line; empty lines and those that begin with # say nothing."""
    name = "standard input" if source == "-" else source
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"cannot read topics from {name}: {exc}") from exc
    topics = tuple(_lines(text, name))
    if not topics:
        raise UsageError(f"{name} names no topic", hint="one topic a line, as on the command line")
    return topics


def say_if_none_match(read: ScopeRead | None, *, looked_at: int) -> None:
    """An expression that fits no topic may well be mistyped: nothing done is told, though it is no failure."""
    if read is not None and read.scope.match and not looked_at:
        say(f"0 of {read.not_matched} topics match {read.scope.match}")
        say("hint: --match is searched for in tenant/namespace/topic, without persistent:// and -partition-N")


def _lines(text: str, source: str) -> Iterator[TopicName]:
    for number, line in enumerate(text.splitlines(), start=1):
        name = line.strip()
        if not name or name.startswith("#"):
            continue
        try:
            yield TopicName.parse(name)
        except UsageError as error:
            raise BadValue(f"{source}, line {number}: {error.message}", hint=error.hint) from error


def _scope(
    *,
    topics: Sequence[str] | None,
    namespaces: Sequence[str] | None,
    tenants: Sequence[str] | None,
    everything: bool,
    match: str | None,
    from_file: str | None,
) -> Scope:
    named = [TopicName.parse(text) for text in topics or ()]
    return Scope.of(
        topics=(*named, *read_topics(from_file)) if from_file is not None else named,
        namespaces=[NamespaceName.parse(text) for text in namespaces or ()],
        tenants=tenants or (),
        everything=everything,
        match=match or "",
    )


def _option(*names: str, help: str, metavar: str | None = None) -> Any:  # noqa: A002 - as typer has it
    return typer.Option(*names, help=help, metavar=metavar, rich_help_panel=PANEL, show_default=False)


_OPTIONS: Final[dict[str, tuple[Any, object]]] = {
    "topics": (
        Annotated[
            list[str] | None,
            typer.Argument(
                metavar="[TOPIC...]", help="persistent://t/ns/x, t/ns/x, or x of public/default.", show_default=False
            ),
        ],
        None,
    ),
    "namespaces": (
        Annotated[
            list[str] | None,
            _option("--namespace", "-n", metavar="T/NS", help="All topics of a namespace; may be repeated."),
        ],
        None,
    ),
    "tenants": (
        Annotated[
            list[str] | None,
            _option("--tenant", metavar="NAME", help="All namespaces of a tenant; may be repeated."),
        ],
        None,
    ),
    "everything": (Annotated[bool, _option("--all", help="All tenants that there are.")], False),
    "match": (
        Annotated[
            str | None,
            _option("--match", metavar="REGEX", help="Of these only topics whose tenant/namespace/topic matches."),
        ],
        None,
    ),
    "from_file": (
        Annotated[
            str | None,
            _option("--from-file", metavar="FILE", help="Topics from a file, one a line; - is standard input."),
        ],
        None,
    ),
}
