"""`offloadctl demo` and `demo serve`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from offloadctl.cli.help import GroupedGroup
from offloadctl.cli.output import OutputFormat, OutputOption, console, emit, emit_document, say, tell
from offloadctl.errors import BadValue, MissingExtra
from offloadctl.exitcodes import ExitCode
from offloadctl.report.errors import API_VERSION

if TYPE_CHECKING:
    from offloadctl.demo.embedded import EmbeddedCluster
    from offloadctl.demo.faults import Fault
    from offloadctl.demo.story import Chapter

app = typer.Typer(
    name="demo",
    cls=GroupedGroup,
    invoke_without_command=True,
    help="The whole story on an embedded cluster: no Java, no Docker, nothing outside is touched.",
)


@app.callback()
def demo(
    context: typer.Context,
    fault: Annotated[
        str, typer.Option("--fault", metavar="NAME", help="What goes wrong in the last chapter; `list` lists them.")
    ] = "truncated-ledger",
    output: OutputOption = OutputFormat.TABLE,
) -> ExitCode | None:
    """The whole story on an embedded cluster: no Java, no Docker, nothing outside is touched."""
    if context.invoked_subcommand is not None:
        return None
    with _the_extra():
        from offloadctl.demo import story  # noqa: F401, PLC0415 - moto and Flask are slow to load, and optional
        from offloadctl.demo.faults import FAULTS, Fault  # noqa: PLC0415

    if fault == "list":
        for one, words in FAULTS.items():
            tell(f"{one.value}: {words}")
        return ExitCode.OK
    if fault not in tuple(Fault):
        raise BadValue(f"there is no fault {fault!r}", hint=f"there are {', '.join(Fault)}")
    begun = time.monotonic()
    with _started() as embedded:
        chapters = _tell(embedded, Fault(fault), output)
    if output.is_document:
        emit_document(_document(chapters, time.monotonic() - begun), output)
    else:
        _say_what_next(time.monotonic() - begun)
    return ExitCode.OK


@app.command("serve")
def serve(
    fault: Annotated[
        str | None, typer.Option("--fault", metavar="NAME", help="A fault for every topic, from the start on.")
    ] = None,
) -> ExitCode:
    """Keep the embedded cluster up for a second terminal, and print the settings for it; Ctrl-C ends it."""
    with _the_extra():
        from offloadctl.demo.faults import Fault  # noqa: PLC0415 - moto and Flask are slow to load, and optional

    if fault is not None and fault not in tuple(Fault):
        raise BadValue(f"there is no fault {fault!r}", hint=f"there are {', '.join(Fault)}")
    with _started() as embedded:
        if fault is not None:
            embedded.cluster.faults.plant(Fault(fault))
        emit(_settings(embedded))
        say("the cluster is up; paste these lines into another terminal. Ctrl-C ends it, and everything in it is gone.")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            say("ended")
    return ExitCode.OK


@contextmanager
def _the_extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"the demo needs the optional part [demo], and {error.name} is not installed",
            hint="pip install 'offloadctl[demo]'",
        ) from error


@contextmanager
def _started() -> "Iterator[EmbeddedCluster]":
    from offloadctl.demo.embedded import EmbeddedCluster  # noqa: PLC0415 - moto and Flask are slow to load
    from offloadctl.demo.scene import PAST, TUNING, set_up  # noqa: PLC0415

    with EmbeddedCluster(tuning=TUNING, behind=PAST) as embedded:
        set_up(embedded.cluster, advance=embedded.advance)
        yield embedded


def _tell(embedded: "EmbeddedCluster", fault: "Fault", output: OutputFormat) -> "list[Chapter]":
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


def _document(chapters: "list[Chapter]", seconds: float) -> dict[str, object]:
    return {
        "apiVersion": API_VERSION,
        "kind": "Demo",
        "chapters": [
            {
                "title": chapter.title,
                "command": chapter.command,
                "exitCode": None if chapter.exit_code is None else int(chapter.exit_code),
                "result": chapter.document,
            }
            for chapter in chapters
        ],
        "seconds": round(seconds, 1),
    }


def _settings(embedded: "EmbeddedCluster") -> str:
    access_key, secret_key = embedded.credentials
    lines = {
        "OFFLOADCTL_ADMIN_URL": ",".join(embedded.admin_urls),
        "OFFLOADCTL_BUCKET": f"{embedded.bucket},endpoint={embedded.s3_endpoint}",
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
    }
    return "\n".join(f"export {name}={value}" for name, value in lines.items())


def _say_what_next(seconds: float) -> None:
    emit("")
    emit(f"That was all, in {seconds:.0f} s; nothing of it is left. Go on with:")
    emit("  offloadctl demo serve              keep this cluster up and try the commands yourself")
    emit("  offloadctl demo --fault list       see what else can go wrong")
    emit("  offloadctl explain truncated       what any word or code means")
    emit("  offloadctl context set NAME ...    your own cluster")
