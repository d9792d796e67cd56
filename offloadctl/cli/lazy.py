"""Commands that are imported and built when they are used; their names and help are known before."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand

from offloadctl.cli.help import GroupedCommand, GroupedGroup


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """Where a command, or a group of them, is to be had."""

    module: str
    attribute: str
    help: str
    panel: str = ""
    hidden: bool = False

    def load(self, name: str) -> Any:
        """The real command of that name."""
        found = getattr(importlib.import_module(self.module), self.attribute)
        if not isinstance(found, typer.Typer):
            function, found = found, typer.Typer()
            found.command(name)(function)
        return typer.main.get_command(_in_house_style(found))


class LazyGroup(GroupedGroup):
    """A group in which a stub stands for each command until it is used, so that help and completion load nothing."""

    lazy: ClassVar[Mapping[str, LazyCommand]] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, lazy in self.lazy.items():
            stub = TyperCommand(name, help=lazy.help, hidden=lazy.hidden, rich_help_panel=lazy.panel or None)
            self.add_command(stub, name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] in self.lazy:
            self.add_command(self.lazy[args[0]].load(args[0]), args[0])
        return super().resolve_command(ctx, args)


def _in_house_style(found: typer.Typer) -> typer.Typer:
    """One look for all help: plain text in groups, as fast as the root's."""
    found.rich_markup_mode = None
    found._add_completion = False  # noqa: SLF001 - only the root has it, and typer has no other way to say so later
    for command in found.registered_commands:
        command.cls = GroupedCommand
        command.context_settings = {"help_option_names": ["-h", "--help"], **(command.context_settings or {})}
    for group in found.registered_groups:
        if group.typer_instance is not None:
            _in_house_style(group.typer_instance)
    if found.registered_callback is not None:
        own = found.info.cls
        found.registered_callback.cls = own if _is_in_house_style(own) else GroupedGroup
    return found


def _is_in_house_style(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, GroupedGroup)
