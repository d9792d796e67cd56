"""`broker-conf render`, `lint`, `diff`, `profiles` and `settings`."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from offloadctl.brokerconf.formats import Format
from offloadctl.cli.connection import ConnectionFlags, connect, with_connection
from offloadctl.cli.help import GroupedGroup
from offloadctl.cli.output import OutputFormat, OutputOption, emit, emit_result, say
from offloadctl.errors import UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.names import TopicName

if TYPE_CHECKING:
    from offloadctl.brokerconf.diff import Side
    from offloadctl.brokerconf.render import Rendered

app = typer.Typer(
    name="broker-conf",
    cls=GroupedGroup,
    no_args_is_help=True,
    help="Write, check and compare broker.conf for offload.",
)


LIVE: Final = "live"
"""The brokers themselves, as one side of a comparison."""


class InputFormat(StrEnum):
    """What sort of file is read."""

    AUTO = "auto"
    CONF = "conf"
    ENV = "env"
    YAML = "yaml"


Values = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A value of the profile, or any key: sizes as 64M, times as 4h; NAME=- asks for it. May be repeated.",
        show_default=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Show what would change in the file; change nothing.")]
BothFamilies = Annotated[
    bool,
    typer.Option(
        "--both-families",
        help="Bucket, region, endpoint and sizes under the s3 and the general keys, for policies with another driver.",
    ),
]


@app.command("render")
def render(
    *,
    profile: Annotated[
        str,
        typer.Option("--profile", "-p", metavar="NAME", help="A store: aws-s3, minio; `broker-conf profiles` lists."),
    ],
    values: Values = None,
    wanted: Annotated[Format, typer.Option("--format", "-f", help="How the settings are written.")] = Format.CONF,
    into: Annotated[
        Path | None,
        typer.Option(
            "--into", metavar="FILE", help="Put them into this broker.conf, where they belong.", show_default=False
        ),
    ] = None,
    dry_run: DryRun = False,
    comments: Annotated[bool, typer.Option("--comments", help="With the templates' comments and options.")] = False,
    both_families: BothFamilies = False,
    name: Annotated[
        str,
        typer.Option("--name", metavar="NAME", help="Of the ConfigMap, or of the compose service.", show_default=False),
    ] = "",
) -> ExitCode:
    """The settings for a store; --into puts them in place.

    Plain numbers, nothing blank, each value under the key that the driver reads. For example: broker-conf render
    -p aws-s3 --set bucket=pulsar-offload-bucket --set region=us-west-2
    """
    from offloadctl.brokerconf.formats import written  # noqa: PLC0415 - only when it is needed
    from offloadctl.cli.broker_conf_changes import given_values, put_into, refuse_errors, rendered  # noqa: PLC0415

    if wanted is not Format.CONF and (into is not None or comments):
        raise UsageError("--into and --comments are for broker.conf itself", hint="leave --format out")
    if name and wanted not in (Format.CONFIGMAP, Format.COMPOSE):
        raise UsageError("--name is for ConfigMaps and compose services", hint="add --format configmap")
    if dry_run and into is None:
        raise UsageError("--dry-run shows what would change in a file", hint="name it: --into broker.conf")
    made = rendered(profile, given_values(values), both_families=both_families)
    refuse_errors(made)
    if into is not None and not put_into(into, made, dry_run=dry_run):
        return ExitCode.OK
    if into is None:
        _refuse_secrets(made)
        emit(made.commented() if comments else written(made.values, wanted, name=name))
    _say_notes(made)
    return ExitCode.OK


@app.command("lint")
def lint(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="broker.conf, an env file, a ConfigMap, Helm values; - is stdin.")
    ],
    *,
    wanted: Annotated[InputFormat, typer.Option("--format", "-f", help="What sort of file it is.")] = InputFormat.AUTO,
    pulsar_version: Annotated[
        str | None,
        typer.Option(
            "--pulsar-version", metavar="VERSION", help="The brokers' release, such as 4.0.7.", show_default=False
        ),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Put right what needs no decision, in the file itself.")] = False,
    dry_run: DryRun = False,
    output: OutputOption = OutputFormat.TABLE,
) -> ExitCode:
    """What is wrong, and what the broker will do about it.

    Exit code 0: nothing but notes; 3: errors or warnings; 2: the file cannot be read.
    """
    from offloadctl.cli.broker_conf_changes import fix_file, lint_file  # noqa: PLC0415 - yaml is slow to load
    from offloadctl.report import broker_conf as documents  # noqa: PLC0415 - msgspec and rich are slow to load
    from offloadctl.report.broker_conf_text import lint_text  # noqa: PLC0415

    if dry_run and not fix:
        raise UsageError("--dry-run shows what --fix would change", hint="add --fix")
    layout = None if wanted is InputFormat.AUTO else wanted.value
    report = lint_file(file, layout=layout, version=pulsar_version)
    if fix:
        report = fix_file(
            report, layout=layout, version=pulsar_version, dry_run=dry_run, show_diff=not output.is_document
        )
    document = documents.lint_document(report)
    emit_result(
        output,
        document=lambda: document,
        lines=lambda: [document],
        text=lambda *, wide: lint_text(report, wide=wide),
    )
    fixable = sum(1 for one in report.findings if one.is_fixable)
    if fixable and not fix and file != "-":
        say(f"hint: --fix puts {fixable} of them right; with --dry-run it only shows how")
    return report.exit_code


@app.command("diff")
@with_connection
def diff(
    a: Annotated[
        str, typer.Argument(metavar="A", help="A file of any sort that lint reads, a profile, or `live`: the brokers.")
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="The other one.")],
    *,
    values: Values = None,
    topic: Annotated[
        str | None,
        typer.Option(
            "--topic",
            metavar="TOPIC",
            help="Ask live brokers about this topic; best one without a policy. It is not loaded.",
            show_default=False,
        ),
    ] = None,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """What brokers would do differently.

    Keys that offload depends on are compared. A profile says something of its own keys only; what --set leaves open may
    have any value. `live` is what REST tells, never all; what it does not tell is named, and a file of that name is
    ./live. Exit code 0: the same, 3: they differ, 5: live brokers hide something that they could show.
    """
    from offloadctl.brokerconf.diff import compare  # noqa: PLC0415 - only when it is needed
    from offloadctl.cli.broker_conf_changes import given_values  # noqa: PLC0415
    from offloadctl.report import broker_conf as documents  # noqa: PLC0415 - msgspec and rich are slow to load
    from offloadctl.report.broker_conf_text import diff_text  # noqa: PLC0415

    one, other = _sides(a, b, given_values(values), topic, connection)
    report = documents.DiffReport(one.name, other.name, compare(one, other), (*one.unseen, *other.unseen))
    document = documents.diff_document(report)
    emit_result(
        output,
        document=lambda: document,
        lines=lambda: [document],
        text=lambda *, wide: diff_text(report, wide=wide),
    )
    return report.exit_code


@app.command("profiles")
def profiles(*, output: OutputOption = OutputFormat.TABLE) -> None:
    """The stores there are profiles for, and what they need."""
    from offloadctl.cli.broker_conf_changes import all_profiles  # noqa: PLC0415 - only when it is needed
    from offloadctl.report import broker_conf as documents  # noqa: PLC0415 - msgspec and rich are slow to load
    from offloadctl.report.broker_conf_text import profiles_text  # noqa: PLC0415

    found = all_profiles()
    document = documents.profile_list(found)
    emit_result(
        output,
        document=lambda: document,
        lines=lambda: document.items,
        text=lambda *, wide: profiles_text(found, wide=wide),
    )


@app.command("settings")
def settings(
    keys: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY]...", help="Only these keys, in words; all of them without.", show_default=False),
    ] = None,
    *,
    markdown: Annotated[bool, typer.Option("--markdown", help="As the table of the documentation.")] = False,
    output: OutputOption = OutputFormat.TABLE,
) -> None:
    """Every key that offload depends on."""
    from offloadctl.brokerconf.settings import SETTINGS, find  # noqa: PLC0415 - only when it is needed
    from offloadctl.report import broker_conf as documents  # noqa: PLC0415 - msgspec and rich are slow to load
    from offloadctl.report.broker_conf_text import settings_markdown, settings_text  # noqa: PLC0415

    chosen = [find(key) for key in keys] if keys else list(SETTINGS)
    if markdown:
        emit(settings_markdown(chosen))
        return
    document = documents.setting_list(chosen)
    emit_result(
        output,
        document=lambda: document,
        lines=lambda: document.items,
        text=lambda *, wide: settings_text(chosen, wide=wide),
    )


def _refuse_secrets(made: "Rendered") -> None:
    if made.secrets:
        raise UsageError(
            f"{made.secrets[0]} is a secret, and is not printed",
            hint="put it into the file with --into; or better, give the broker a role, or AWS_* variables",
        )


def _say_notes(made: "Rendered") -> None:
    from textwrap import fill  # noqa: PLC0415 - only here

    say(fill(f"note: {made.profile.notes}", width=100, subsequent_indent="      "))


def _sides(a: str, b: str, given: dict[str, str], topic: str | None, connection: ConnectionFlags) -> "Sequence[Side]":
    from offloadctl.cli.broker_conf_changes import side  # noqa: PLC0415 - yaml is slow to load

    if a == b == "-":
        raise UsageError("stdin can be read only once", hint="name a file for one side")
    if a == b == LIVE:
        raise UsageError("both sides are the live brokers", hint="name a file or a profile for one side")
    if topic is not None and LIVE not in (a, b):
        raise UsageError("--topic is what live brokers are asked about", hint=f"name {LIVE} for one side")
    # The files first: what is wrong with them needs no broker.
    there = {name: side(name, given) for name in (a, b) if name != LIVE}
    if given and all(one.keys is None for one in there.values()):
        raise UsageError("--set gives values to a profile, and no side is one", hint="leave --set out")
    return [there[name] if name in there else _live(connection, topic) for name in (a, b)]


def _live(connection: ConnectionFlags, topic: str | None) -> "Side":
    from offloadctl.operations.broker_conf import live_side  # noqa: PLC0415 - only when it is needed

    name = TopicName.parse(topic) if topic is not None else None
    with connect(connection) as session:
        return live_side(session.ports.admin, f"{LIVE} ({session.origin()})", name)
