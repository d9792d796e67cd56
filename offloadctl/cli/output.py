"""Where text leaves the process: the formats, the streams that let no secret through, and the console."""

import errno
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, Self, TextIO, cast

import typer

from offloadctl.cli.terminal import columns_of, print_wide, wrapped
from offloadctl.config.layers import DEBUG_VARIABLE, OUTPUT_VARIABLE
from offloadctl.redaction import scrub

if TYPE_CHECKING:
    from msgspec import Struct
    from rich.console import Console, RenderableType


class OutputFormat(StrEnum):
    """How a result is written to stdout."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    NDJSON = "ndjson"
    YAML = "yaml"

    @property
    def is_document(self) -> bool:
        """Whether programs read it."""
        return self not in (OutputFormat.TABLE, OutputFormat.WIDE)


OutputOption = Annotated[
    OutputFormat,
    typer.Option("--output", "-o", envvar=OUTPUT_VARIABLE, help="How the result is written to stdout."),
]
"""`output: OutputOption = OutputFormat.TABLE`"""


@dataclass(frozen=True, slots=True)
class Invocation:
    """What must be known of a command line even when it cannot be parsed: how to say so."""

    output: OutputFormat = OutputFormat.TABLE
    debug: bool = False

    @classmethod
    def of(cls, arguments: Sequence[str], environment: Mapping[str, str]) -> Self:
        """Look for `-o` and `--debug` only."""
        texts = [environment.get(OUTPUT_VARIABLE, "")]
        debug = environment.get(DEBUG_VARIABLE, "").lower() in ("1", "true", "yes", "on")
        for index, argument in enumerate(arguments):
            if argument == "--":
                break
            debug = debug or argument == "--debug"
            if argument in ("-o", "--output"):
                texts += arguments[index + 1 : index + 2]
            elif argument.startswith("--output="):
                texts.append(argument.removeprefix("--output="))
            elif argument.startswith("-o") and not argument.startswith("--"):
                texts.append(argument[2:].removeprefix("="))
        known = [OutputFormat(text) for text in texts if text in _FORMATS]
        return cls(known[-1] if known else OutputFormat.TABLE, debug)


class OutputClosed(Exception):
    """The result cannot be written: its reader has gone, as `head` does, or the text tells another reason."""


def emit(text: str) -> None:
    """Write a result to stdout, without secrets and with one line end."""
    sys.stdout.write(scrub(text).rstrip("\n") + "\n")


@contextmanager
def until_the_reader_goes() -> Iterator[None]:
    """What is written meanwhile ends without a word when nobody reads on: that is no failure, and no success either.

    So `check TOPIC | head -1` exits as `check TOPIC` does, however much of it fitted into the pipe.
    """
    try:
        yield
    except OutputClosed as closed:
        if str(closed):
            raise


def emit_document(document: Mapping[str, object], output: OutputFormat) -> None:
    """Write a small document of the command line's own: a context, an explanation, an error."""
    match output:
        case OutputFormat.YAML:
            import yaml  # noqa: PLC0415 - slow to load, and seldom asked for

            # Never folded: a secret with a space in it would be parted where the net does not look.
            emit(yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=_speaks_utf8(), width=sys.maxsize))
        case OutputFormat.NDJSON:
            emit(json.dumps(document, ensure_ascii=not _speaks_utf8()))
        case _:
            emit(json.dumps(document, indent=2, ensure_ascii=not _speaks_utf8()))


def _speaks_utf8() -> bool:
    """Whether stdout takes every character; where it does not, documents write theirs as escapes that can be read."""
    return sys.stdout.encoding.lower().replace("-", "") == "utf8"


@dataclass(frozen=True, slots=True)
class Rendering:
    """A result in all its forms; only the one that is written is made."""

    document: Callable[[], "Struct"]
    lines: Callable[[], Iterable["Struct"]]
    text: Callable[..., Iterable["RenderableType"]]


def emit_result(
    output: OutputFormat,
    *,
    document: Callable[[], "Struct"],
    lines: Callable[[], Iterable["Struct"]],
    text: Callable[..., Iterable["RenderableType"]],
) -> None:
    """Write a command's result: tables for people, its document for programs."""
    with until_the_reader_goes():
        write_result(output, Rendering(document, lines, text))


def write_result(output: OutputFormat, result: Rendering) -> None:
    """The same; raises OutputClosed once nobody reads."""
    if not output.is_document:
        draw(console(), output, result)
        return
    import msgspec  # noqa: PLC0415 - slow to load

    match output:
        case OutputFormat.NDJSON:
            from offloadctl.report.schema import line_document  # noqa: PLC0415 - only when it is needed

            for line in result.lines():
                emit_document(msgspec.to_builtins(line_document(line)), output)
        case OutputFormat.JSON if _speaks_utf8():
            emit(msgspec.json.format(msgspec.json.encode(result.document()), indent=2).decode())
        case _:
            emit_document(msgspec.to_builtins(result.document()), output)


def draw(screen: "Console", output: OutputFormat, result: Rendering) -> None:
    """The result for people, as a table or as a wide one."""
    wide = output is OutputFormat.WIDE
    for part in result.text(wide=wide):
        print_wide(screen, part, _WIDE if wide else 0)


def say(text: str, *, is_prose: bool = True) -> None:
    """Talk to the person on stderr; on a terminal prose is parted between words, in a pipe a line stays one line."""
    text = scrub(text).rstrip("\n")
    sys.stderr.write((wrapped(text, columns_of(sys.stderr)) if is_prose else text) + "\n")


def tell(text: str) -> None:
    """Write words for people to stdout, parted as `say` does."""
    emit(wrapped(scrub(text), columns_of(sys.stdout)))


def console(*, stderr: bool = False) -> "Console":
    """A rich console: colour only on a terminal and never with NO_COLOR; wide enough for pipes not to cut lines."""
    from rich.console import Console  # noqa: PLC0415 - half of the time that `--help` may take

    stream = sys.stderr if stderr else sys.stdout
    terminal = stream.isatty()
    return Console(
        file=stream,
        force_terminal=terminal,
        no_color=bool(os.environ.get("NO_COLOR")) or not terminal,
        width=None if terminal else _PIPE_WIDTH,
        highlight=False,
        soft_wrap=not terminal,
    )


def align(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells in columns, for tables too small to need rich."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


@contextmanager
def scrubbed_streams() -> Iterator[None]:
    """Until the end, everything that is written to stdout and stderr is rid of known secrets."""
    out, err = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = cast("TextIO", _Scrubbed(out)), cast("TextIO", _Scrubbed(err, may_fail=True))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err


_FORMATS: Final = tuple(OutputFormat)
_PIPE_WIDTH: Final = 200
_WIDE: Final = 160


class _Scrubbed(io.TextIOBase):
    """A text stream in front of another one, which it neither owns nor closes; None is a stream that is closed."""

    def __init__(self, behind: TextIO | None, *, may_fail: bool = False) -> None:
        self._behind = behind
        self._may_fail = may_fail
        """Of a stream for talk only: what cannot be told is no reason to end."""

    def write(self, text: str, /) -> int:
        with self._written():
            if self._behind is None:
                raise OSError(errno.EBADF, "it is closed")
            try:
                self._behind.write(scrub(text))
            except UnicodeEncodeError:
                # Better a name in another spelling than none.
                self._behind.write(scrub(text).encode(self.encoding, "backslashreplace").decode(self.encoding))
        return len(text)

    def flush(self) -> None:
        with self._written():
            if self._behind is not None:
                self._behind.flush()

    def isatty(self) -> bool:
        return self._behind is not None and self._behind.isatty()

    def fileno(self) -> int:
        if self._behind is None:
            raise OSError(errno.EBADF, "it is closed")
        return self._behind.fileno()

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Leave the stream behind open: it belongs to the process."""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._behind, "encoding", None) or "utf-8"

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return getattr(self._behind, "errors", None)

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError as error:
            if not self._may_fail:
                raise OutputClosed from error
        except OSError as error:
            if not self._may_fail:
                raise OutputClosed(error.strerror or str(error)) from error
