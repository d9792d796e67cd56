"""`context list`, `use`, `set`, `show`, `import` and `delete`."""

import os
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from offloadctl.cli.connection import ConnectionFlags, complete_contexts, with_connection
from offloadctl.cli.context_changes import changes_for, replaced_by
from offloadctl.cli.help import GroupedGroup
from offloadctl.cli.output import OutputFormat, OutputOption, console, emit, emit_result, say
from offloadctl.config.auth import strongest_auth
from offloadctl.config.belonging import strays
from offloadctl.config.contexts import ContextFile, config_path, load_contexts, parse_contexts
from offloadctl.config.defaults import DEFAULTS
from offloadctl.config.diff import masked_diff
from offloadctl.config.edit import Change, KeyChange, with_changes, with_current, without_context
from offloadctl.config.keys import KEYS
from offloadctl.config.layers import CONTEXT_VARIABLE
from offloadctl.config.private_file import change_text, read_text
from offloadctl.config.resolve import gather, merged, problems_of
from offloadctl.errors import SettingsError, UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.settings import BrokerSettings
from offloadctl.redaction import Secret

app = typer.Typer(
    name="context", cls=GroupedGroup, no_args_is_help=True, help="Clusters by name, and the settings in force."
)


Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The context.", show_default=False, autocompletion=complete_contexts)
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change in the file, and change nothing.")]
_KEYS: Final = ", ".join(key.path for key in KEYS)
Settings = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...",
        help=f"Lists with commas; `offloadctl explain KEY` tells what a key means. Keys: {_KEYS}.",
        show_default=False,
    ),
]
Unset = Annotated[list[str] | None, typer.Option("--unset", metavar="KEY", help="Take a key out; may be repeated.")]
Buckets = Annotated[
    list[str] | None,
    typer.Option(
        "--bucket",
        metavar="NAME[,KEY=VALUE...]",
        help="Add a bucket, or change one. Keys: endpoint, region, profile, path_style, ca_file, note.",
    ),
]
RemovedBuckets = Annotated[list[str] | None, typer.Option("--remove-bucket", metavar="NAME", help="Take a bucket out.")]
NewName = Annotated[
    str | None, typer.Option("--as", metavar="NAME", help="The context's name here.", show_default=False)
]
Chosen = Annotated[
    list[str] | None,
    typer.Option("--pulsarctl-context", metavar="NAME", help="Only this one of the file; may be repeated."),
]
_NAME: Final = re.compile(r"[\w.][\w.-]*")

Use = Annotated[bool, typer.Option("--use", help="Make it the current context, too.")]


@app.command("list")
def list_contexts(*, output: OutputOption = OutputFormat.TABLE) -> None:
    """The contexts there are; the current one is marked."""
    from offloadctl.cli import context_text as view  # noqa: PLC0415 - rich and msgspec are slow to load

    file = _load()
    if not file.contexts and not output.is_document:
        say(f"{file.path} holds no contexts")
        say("hint: offloadctl context set NAME admin_urls=http://HOST:8080, or offloadctl context import FILE")
        return
    emit_result(
        output,
        document=lambda: view.list_document(file),
        lines=lambda: view.list_document(file).items,
        text=lambda *, wide: view.list_text(file, wide=wide),
    )
    if file.current is not None and file.get(file.current) is None:
        say(f"warning: the current context is {file.current}, and there is none of that name")
    _tell_of_variable(file.current)


@app.command("use")
def use(name: Name, *, dry_run: DryRun = False) -> None:
    """Make a context the current one, which commands use by themselves."""
    _load().require(name, "argument NAME")
    if not _change(lambda text: with_current(text, name), dry_run=dry_run):
        say(f"Context {name} is the current one already.")
    elif not dry_run:
        say(f"Switched to context {name}.")
    _tell_of_variable(name)


@app.command("set")
def set_context(
    name: Name,
    settings: Settings = None,
    *,
    unset: Unset = None,
    bucket: Buckets = None,
    remove_bucket: RemovedBuckets = None,
    use: Use = False,
    dry_run: DryRun = False,
) -> None:
    """Make a context, or change one.

    What is not named stays as it is. A secret is better kept in a file (auth.token_file) or a variable
    (auth.token_env). Where it must be text, KEY=- asks for it, and keeps it out of the shell's history.
    """
    file = _load()
    context = file.get(name)
    if context is None:
        _check_name(name)
    changes = changes_for(
        context, settings or [], unset=unset or [], buckets=bucket or [], remove_buckets=remove_bucket or []
    )
    if not changes and not use:
        raise UsageError(
            "there is nothing to set",
            hint=f"offloadctl context set {shlex.quote(name)} admin_urls=http://HOST:8080",
        )

    def edit(text: str) -> str:
        text = with_changes(text, name, changes) if changes else text
        return with_current(text, name) if use else text

    changed = _change(edit, dry_run=dry_run, checked=(name,))
    if not changed:
        say(f"Context {name} says that already; there is nothing to change.")
    elif not dry_run:
        say(f"Context {name} created in {file.path}." if context is None else f"Context {name} changed.")
        for path in replaced_by(changes, unset or ()):
            say(f"note: {path} was taken out, as it cannot stand beside what was set")
    if not dry_run:
        _tell_of_secrets(changes, file.path)
        _tell_of_no_address(name)
        _after_change(name)


@app.command("show")
@with_connection
def show(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="A context other than the one in use.",
            show_default=False,
            autocompletion=complete_contexts,
        ),
    ] = None,
    *,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """Every setting in force, and where it comes from.

    Flags win over variables, these over the context, that over client.conf, and that over the defaults. The exit code
    is 2 if the settings cannot be used as they are.
    """
    from offloadctl.cli import context_text as view  # noqa: PLC0415 - rich and msgspec are slow to load

    sources = gather(_with_name(connection, name), os.environ)
    in_force = merged(sources.layers)
    stray = [one.error for one in strays(sources.layers, in_force)]
    problems = (*problems_of(sources.name, in_force, os.environ), *(error.message for error in stray))
    file = _load()
    shown = view.Shown(sources, in_force, file, problems)
    emit_result(
        output,
        document=lambda: view.show_document(shown),
        lines=lambda: [view.show_document(shown)],
        text=lambda *, wide: view.show_text(shown, wide=wide),
    )
    for warning in sources.warnings:
        say(f"warning: {warning}")
    for problem in problems:
        say(f"error: {problem}")
    for hint in dict.fromkeys(error.hint for error in stray):
        say(f"hint: {hint}")
    if not in_force.buckets and not output.is_document:
        how = _bucket_command(sources.name) if file.get(sources.name) else "--bucket NAME,endpoint=https://HOST"
        say(f"hint: without a bucket no offload can be confirmed in S3: {how}")
    return ExitCode.USAGE if problems else ExitCode.OK


@app.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A client.conf, or pulsarctl's ~/.config/pulsar/config.")
    ],
    *,
    name: NewName = None,
    pulsarctl_context: Chosen = None,
    update: Annotated[
        bool, typer.Option("--update", help="Change a context that is there already; what only we know stays.")
    ] = False,
    use: Use = False,
    dry_run: DryRun = False,
) -> None:
    """Make contexts from Pulsar's client.conf or pulsarctl's file.

    Says what was taken, what was left out, and what no other tool knows. Tokens and passwords that stand in the file
    as text are copied.
    """
    from offloadctl.cli import context_text as view  # noqa: PLC0415 - rich is slow to load
    from offloadctl.cli.context_changes import changes_from_import, named  # noqa: PLC0415
    from offloadctl.config.importing import load_any  # noqa: PLC0415 - and so are other tools' formats

    found = load_any(file, only=tuple(pulsarctl_context or ()))
    imported = named(found, name)
    there = _load()
    for target in imported:
        if there.get(target) is None:
            _check_name(target)
        if not update:
            _refuse_overwriting(target, there)
    if use and len(imported) > 1:
        raise UsageError("--use is meant for one context", hint="choose it with --pulsarctl-context NAME")

    def edit(text: str) -> str:
        for target, one in imported.items():
            text = with_changes(text, target, changes_from_import(there.get(target), one))
        return with_current(text, next(iter(imported))) if use else text

    _change(edit, dry_run=dry_run, checked=tuple(imported))
    screen = console()
    for target, one in imported.items():
        for part in view.import_text(target, one, bucket_command=_bucket_command(target)):
            screen.print(part)
    if not dry_run:
        contexts = "context " if len(imported) == 1 else "contexts "
        say(f"Imported {contexts}{', '.join(imported)} from {found.tool.value} into {there.path}.")
        _after_change(*imported)


@app.command("delete")
def delete(name: Name, *, dry_run: DryRun = False) -> None:
    """Take a context out of the file."""
    file = _load()
    file.require(name, "argument NAME")

    def edit(text: str) -> str:
        was_current = parse_contexts(text, file.path).current == name
        text = without_context(text, name)
        return with_current(text, None) if was_current else text

    _change(edit, dry_run=dry_run)
    if dry_run:
        return
    say(f"Context {name} deleted from {file.path}.")
    if file.current == name:
        say("hint: it was the current one; choose another one with offloadctl context use NAME")


def _load() -> ContextFile:
    return load_contexts(config_path(os.environ))


def _with_name(flags: ConnectionFlags, name: str | None) -> ConnectionFlags:
    if name is None or name == flags.context:
        return flags
    if flags.context is not None:
        raise UsageError(f"two contexts are named, {name} and {flags.context}", hint="keep one of them")
    return replace(flags, context=name)


def _check_name(name: str) -> None:
    # One that is there already may have any name: whoever wrote the file may change and delete it.
    if _NAME.fullmatch(name) is None:
        raise UsageError(
            f"{name!r} is no name for a context: letters, digits and - _ . are, and it does not begin with -",
            hint="choose a word, such as prod; an import takes --as NAME",
        )


def _change(edit: Callable[[str], str], *, dry_run: bool, checked: Sequence[str] = ()) -> bool:
    """Whether the file is another one afterwards, or would be; a result that could not be read back is refused."""
    path = config_path(os.environ)
    texts: list[str] = []

    def change(text: str) -> str:
        parse_contexts(text, path)
        after = edit(text)
        file = parse_contexts(after, path)
        for name in checked:
            _refuse_contradictions(file, name)
        texts.extend((text, after))
        return after

    if dry_run:
        change(read_text(path))
    else:
        change_text(path, change)
    before, after = texts
    if dry_run:
        if before != after:
            emit(masked_diff(before, after, path))
        say("Dry run: nothing was written.")
    return before != after


def _refuse_overwriting(name: str, there: ContextFile) -> None:
    if there.get(name) is not None:
        raise SettingsError(
            f"there is a context {name} already, in {there.path}",
            hint="--as NAME imports under another name, --update changes the one that is there",
        )


def _refuse_contradictions(file: ContextFile, name: str) -> None:
    context = file.get(name)
    try:
        strongest_auth((context.layer,) if context else ())
    except SettingsError as error:
        raise SettingsError(
            error.message, hint="name one of them, or take the other one out with --unset KEY"
        ) from None


def _after_change(*names: str) -> None:
    """What a person should know of contexts that were changed just now."""
    file = _load()
    for name in names:
        context = file.require(name, "argument NAME")
        for problem in problems_of(name, merged((context.layer, DEFAULTS)), os.environ):
            say(f"warning: {name} cannot be used yet: {problem}")
    if file.current is None:
        say(f"hint: make it the current one: offloadctl context use {shlex.quote(names[0])}")


def _tell_of_secrets(changes: Sequence[Change], file: Path) -> None:
    for one in changes:
        if isinstance(one, KeyChange) and isinstance(one.value, Secret):
            say(
                f"warning: {one.path} stands in {file} as text; better keep it in a file or a variable: "
                f"{one.path}_file=FILE, or {one.path}_env=VARIABLE"
            )


def _tell_of_no_address(name: str) -> None:
    if _load().require(name, "argument NAME").layer.get("admin_urls") is None:
        (address,) = BrokerSettings().admin_urls
        command = f"offloadctl context set {shlex.quote(name)} admin_urls=http://HOST:8080"
        say(f"warning: {name} has no address, and so means {address}; to set it: {command}")


def _tell_of_variable(current: str | None) -> None:
    named = os.environ.get(CONTEXT_VARIABLE)
    if named and named != current:
        say(f"note: {CONTEXT_VARIABLE}={named} is set, and wins over the current context")


def _bucket_command(name: str) -> str:
    return f"offloadctl context set {shlex.quote(name)} --bucket NAME,endpoint=https://HOST"
