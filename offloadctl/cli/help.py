"""Help as plain text with the options in groups; typer's own groups need rich, half of the time of `--help`."""

from typing import Any, Final

from typer.core import TyperCommand, TyperGroup

_ARGUMENTS: Final = "Arguments"
_OPTIONS: Final = "Options"
_COMMANDS: Final = "Commands"
_FIRST_PANELS: Final = {_ARGUMENTS: 0, _OPTIONS: 1}


class GroupedCommand(TyperCommand):
    """A command whose options are listed under the panels that they name."""

    def format_options(self, ctx: Any, formatter: Any) -> None:  # click's types, which typer vendors
        """Arguments first, the command's own options next, then one section for each panel."""
        _write_parameters(self, ctx, formatter)


class GroupedGroup(TyperGroup):
    """A group of commands whose subcommands are listed under the panels that they name."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Options first, then the commands of each panel."""
        _write_parameters(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """One section for each panel, in the order in which the commands were added."""
        commands = [self.get_command(ctx, name) for name in self.list_commands(ctx)]
        visible = [command for command in commands if command is not None and not command.hidden]
        limit = formatter.width - 6 - max((len(command.name or "") for command in visible), default=0)
        rows = [
            (_panel_of(command, _COMMANDS), (command.name, command.get_short_help_str(limit))) for command in visible
        ]
        _write_sections(formatter, rows)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order in which they were added: the most used first."""
        return list(self.commands)


class CommandWithOthers(GroupedGroup):
    """A command that does something itself, and has others below its name: `check TOPIC...` and `check diff A B`.

    Only its first argument is looked at: a topic of such a name is written in full, `public/default/diff`.
    """

    allow_interspersed_args = True

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Options of the command itself are none of those below it."""
        if not args or args[0] not in self.commands:
            return super().parse_args(ctx, args)
        ctx._protected_args, ctx.args = args[:1], args[1:]  # noqa: SLF001 - where click keeps a subcommand's name
        return args[1:]

    def invoke(self, ctx: Any) -> Any:
        """One of them; what is below is no part of what is above."""
        named = ctx._protected_args  # noqa: SLF001 - as above
        if not named:
            return super().invoke(ctx)
        with ctx:
            name, command, rest = self.resolve_command(ctx, [*named, *ctx.args])
            assert name is not None  # noqa: S101 - parse_args has looked
            assert command is not None  # noqa: S101
            ctx.invoked_subcommand = name
            with command.make_context(name, rest, parent=ctx) as below:
                return below.command.invoke(below)

    def get_params(self, ctx: Any) -> list[Any]:
        """Arguments are no part of the line of a command below; and a shell that completes is offered those instead."""
        every = super().get_params(ctx)
        if ctx.command is self and not ctx.resilient_parsing:
            return every
        return [one for one in every if one.param_type_name != "argument"]

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The command's own; the list of the others says what else there is."""
        return [piece for piece in super().collect_usage_pieces(ctx) if piece != self.subcommand_metavar]


def _write_parameters(command: Any, ctx: Any, formatter: Any) -> None:
    rows = []
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None:
            is_argument = parameter.param_type_name == "argument"
            rows.append((_ARGUMENTS if is_argument else _panel_of(parameter, _OPTIONS), record))
    # A stable sort: the connection, the same for all commands, comes after what is the command's own.
    _write_sections(formatter, sorted(rows, key=lambda row: _FIRST_PANELS.get(row[0], len(_FIRST_PANELS))))


def _write_sections(formatter: Any, rows: list[tuple[str, Any]]) -> None:
    for panel in dict.fromkeys(panel for panel, _ in rows):
        with formatter.section(panel):
            formatter.write_dl([row for of_panel, row in rows if of_panel == panel])


def _panel_of(parameter_or_command: Any, default: str) -> str:
    panel = getattr(parameter_or_command, "rich_help_panel", None)
    return panel if isinstance(panel, str) else default
