"""`offloadctl demo` and `demo serve`."""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from offloadctl.cli.help import GroupedGroup
from offloadctl.cli.output import OutputFormat, OutputOption, align, console, emit, emit_result, say, tell
from offloadctl.demo.faults import FAULTS, Fault
from offloadctl.errors import BadValue, MissingExtra
from offloadctl.exitcodes import ExitCode

if TYPE_CHECKING:
    from offloadctl.demo.embedded import EmbeddedCluster
    from offloadctl.demo.story import Chapter
    from offloadctl.report.learning_documents import Demo

app = typer.Typer(
    name="demo",
    cls=GroupedGroup,
    invoke_without_command=True,
    help="The whole story on an embedded cluster: no Java, no Docker, nothing outside is touched.",
)


def _complete_fault(incomplete: str) -> list[tuple[str, str]]:
    return [(one.value, words) for one, words in FAULTS.items() if one.startswith(incomplete)]


@app.callback()
def demo(
    context: typer.Context,
    fault: Annotated[
        str,
        typer.Option(
            "--fault",
            metavar="NAME",
            help="What goes wrong in the last chapter; `list` lists them.",
            autocompletion=_complete_fault,
        ),
    ] = "truncated-ledger",
    output: OutputOption = OutputFormat.TABLE,
) -> ExitCode | None:
    """The whole story on an embedded cluster: no Java, no Docker, nothing outside is touched."""
    if context.invoked_subcommand is not None:
        return None
    if fault == _LIST:
        _list_faults(output)
        return ExitCode.OK
    chosen = _known(fault)
    with _the_extra():
        from offloadctl.demo import story  # noqa: F401, PLC0415 - moto and Flask are slow to load, and optional

    begun = time.monotonic()
    with _started() as embedded:
        chapters = _tell(embedded, chosen, output)
    if output.is_document:
        document = _document(chapters, time.monotonic() - begun)
        emit_result(output, document=lambda: document, lines=lambda: [document], text=lambda **_: ())
    else:
        _say_what_next(time.monotonic() - begun, _met(chapters))
    return ExitCode.OK


@app.command("serve")
def serve(
    fault: Annotated[
        str | None,
        typer.Option(
            "--fault",
            metavar="NAME",
            help="A fault for every topic, from the start on; `list` lists them.",
            autocompletion=_complete_fault,
        ),
    ] = None,
) -> ExitCode:
    """Keep the embedded cluster up for a second terminal, and print the settings for it; Ctrl-C ends it."""
    if fault == _LIST:
        _list_faults(OutputFormat.TABLE)
        return ExitCode.OK
    chosen = _known(fault) if fault is not None else None
    with _the_extra():
        from offloadctl.demo import scene  # noqa: PLC0415 - moto and Flask are slow to load, and optional

    with _started() as embedded:
        if chosen is not None:
            embedded.cluster.faults.plant(chosen)
        _show_settings(embedded)
        sys.stdout.flush()
        topics = [str(topic).removeprefix("persistent://") for topic in (scene.ORDERS, scene.CLICKS, scene.RETURNS)]
        say("the cluster is up; paste these lines into another terminal. Ctrl-C ends it, and everything in it is gone.")
        say(f"it has the topics {', '.join(topics)}")
        say(f"begin with: {_called_as()} offload topic {topics[0]} --size-threshold 1M --dry-run")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            say("ended")
    return ExitCode.OK


_LIST: Final = "list"


def _known(fault: str) -> Fault:
    if fault not in tuple(Fault):
        raise BadValue(f"there is no fault {fault!r}", hint=f"there are {', '.join(Fault)}")
    return Fault(fault)


def _list_faults(output: OutputFormat) -> None:
    if not output.is_document:
        for one, words in FAULTS.items():
            tell(f"{one.value}: {words}")
        return
    from offloadctl.report import learning_documents as documents  # noqa: PLC0415 - msgspec is slow to load

    items = [documents.FaultDocument(name=one.value, about=words) for one, words in FAULTS.items()]
    emit_result(output, document=lambda: documents.FaultList(items=items), lines=lambda: items, text=lambda **_: ())


@contextmanager
def _the_extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"the demo needs the optional part [demo], and {error.name} is not installed",
            hint="pip install 'offloadctl[demo]', or in a clone: pip install '.[demo]'",
        ) from error


@contextmanager
def _started() -> "Iterator[EmbeddedCluster]":
    from offloadctl.demo.embedded import EmbeddedCluster  # noqa: PLC0415 - moto and Flask are slow to load
    from offloadctl.demo.scene import PAST, TUNING, set_up  # noqa: PLC0415

    with EmbeddedCluster(tuning=TUNING, behind=PAST) as embedded:
        set_up(embedded.cluster, advance=embedded.advance)
        yield embedded


def _tell(embedded: "EmbeddedCluster", fault: Fault, output: OutputFormat) -> "list[Chapter]":
    from offloadctl.cli.progress import watching  # noqa: PLC0415 - rich is slow to load
    from offloadctl.demo.story import Story  # noqa: PLC0415

    screen, number = console(), 0

    def announce(title: str, said: str, command: str) -> None:
        nonlocal number
        number += 1
        if output.is_document:
            return
        screen.print()
        screen.print(f"{number}. {title}", style="bold", markup=False)
        screen.print(said, markup=False)
        if command:
            screen.print(f"$ {command}", style="cyan", markup=False)

    told = []
    for chapter in Story(embedded, announce, lambda: watching(embedded.clock), fault).chapters():
        told.append(chapter)
        if not output.is_document:
            for part in chapter.shown:
                screen.print(part)
            if chapter.exit_code:
                screen.print(f"(exit code {int(chapter.exit_code)}: {chapter.exit_code.meaning})", markup=False)
    return told


def _document(chapters: "list[Chapter]", seconds: float) -> "Demo":
    from offloadctl.report.learning_documents import ChapterDocument, Demo  # noqa: PLC0415 - msgspec is slow to load

    told = [
        ChapterDocument(
            title=chapter.title,
            command=chapter.command,
            exit_code=None if chapter.exit_code is None else int(chapter.exit_code),
            result=chapter.document,
        )
        for chapter in chapters
    ]
    return Demo(chapters=told, seconds=round(seconds, 1))


def _show_settings(embedded: "EmbeddedCluster") -> None:
    """Not through the net for secrets: a shell where they were pasted before has taught it the demo's own key."""
    access_key, secret_key = embedded.credentials
    lines = {
        "OFFLOADCTL_ADMIN_URL": ",".join(embedded.admin_urls),
        "OFFLOADCTL_BUCKET": f"{embedded.bucket},endpoint={embedded.s3_endpoint}",
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
    }
    sys.stdout.write("".join(f"export {name}={value}\n" for name, value in lines.items()))


def _met(chapters: "list[Chapter]") -> str:
    """The code of what went wrong in the last chapter, or how it ended in spite of that."""
    run: Any = chapters[-1].document
    result = run["topics"][0]["results"][0]
    code = result["findings"][0]["code"] if result["findings"] else result["outcome"]
    return str(code)


def _called_as() -> str:
    """How this program was called, to be called so again: by its name where the shell finds it."""
    called = sys.argv[0]
    if Path(called).name == "__main__.py":
        return "python -m offloadctl"
    found = shutil.which(Path(called).name)
    if found is not None and Path(found).absolute() == Path(called).absolute():
        return Path(called).name
    return called


def _say_what_next(seconds: float, met: str) -> None:
    program = _called_as()
    emit("")
    emit(f"That was all, in {seconds:.0f} s; nothing of it is left. Go on with:")
    commands = [
        (f"{program} explain {met}", "what that means, and any other word or code"),
        (f"{program} demo serve", "keep this cluster up and try the commands yourself"),
        (f"{program} demo --fault list", "see what else can go wrong"),
        (f"{program} context set NAME ...", "your own cluster"),
    ]
    tell("\n".join(f"  {line}" for line in align(commands).splitlines()))
