"""Looking again and again: drawn anew on a terminal, appended elsewhere.

Ctrl-C is how a watch ends, and not how it is cut short. So its exit code is that of the last whole look, which answers
what the command is asked, and it is 130 only if there was none; `timeout 10m offloadctl ... --watch` tells the same.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
from rich.console import Console
from rich.live import Live
from rich.text import Text

from offloadctl.cli.output import (
    OutputClosed,
    OutputFormat,
    Rendering,
    console,
    draw,
    emit,
    emit_document,
    write_result,
)
from offloadctl.exitcodes import ExitCode
from offloadctl.ports import Clock
from offloadctl.report.text import Style
from offloadctl.units import format_duration


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look brought."""

    result: Rendering
    at: datetime
    code: ExitCode
    is_whole: bool = True
    """Whether it was not interrupted."""


def watch(look: Callable[[], Looked], output: OutputFormat, pause: timedelta, clock: Clock) -> ExitCode:
    """Look and show until an interruption, or until nobody reads any more."""
    last: ExitCode | None = None
    with _shown(output, pause) as show:
        while True:
            try:
                looked = look()
                if last is not None and not looked.is_whole:
                    return last
                show(looked)
                if not looked.is_whole:
                    return looked.code
                last = looked.code
                clock.sleep(pause.total_seconds())
            except KeyboardInterrupt:
                if last is None:
                    raise
                return last
            except OutputClosed as closed:
                if str(closed) or last is None:
                    raise
                return last


def rows_of_terminal(output: OutputFormat) -> int | None:
    """How many rows of a table there is room for, where it is redrawn; None where all are appended."""
    screen = console()
    return max(1, screen.height - _AROUND_ROWS) if _is_redrawn(screen, output) else None


_Show = Callable[[Looked], None]

_AROUND: Final = 2
"""Lines of the terminal that the result cannot have: the one with the time, and the cursor's."""

_AROUND_ROWS: Final = _AROUND + 6
"""And these not by rows: where it comes from, the head, the totals, what brokers say, what is not shown."""


def _is_redrawn(screen: Console, output: OutputFormat) -> bool:
    return not output.is_document and screen.is_terminal and not screen.is_dumb_terminal


@contextmanager
def _shown(output: OutputFormat, pause: timedelta) -> Iterator[_Show]:
    screen = console()
    if not _is_redrawn(screen, output):
        yield lambda looked: _append(looked, output)
        return
    with Live(console=screen, auto_refresh=False) as live:
        yield lambda looked: live.update(_picture(screen, looked, output, pause), refresh=True)


def _append(looked: Looked, output: OutputFormat) -> None:
    match output:
        case OutputFormat.JSON:
            # One line for each look, so that whoever reads them knows where one ends.
            emit_document(msgspec.to_builtins(looked.result.document()), OutputFormat.NDJSON)
        case OutputFormat.YAML:
            emit("---")
            write_result(output, looked.result)
        case OutputFormat.NDJSON:
            write_result(output, looked.result)
        case OutputFormat.TABLE | OutputFormat.WIDE:
            emit(_time(looked))
            write_result(output, looked.result)
            sys.stdout.write("\n")
    # Into a pipe it would stay here until some kilobytes have come together.
    sys.stdout.flush()


def _picture(screen: Console, looked: Looked, output: OutputFormat, pause: timedelta) -> Text:
    """All of it as far as the terminal is high."""
    on = console()
    with on.capture() as captured:
        draw(on, output, looked.result)
    lines = captured.get().splitlines()
    room = max(1, screen.height - _AROUND)
    if len(lines) > room:
        more = len(lines) - room + 1
        lines = [*lines[: room - 1], f"… {more:,} more lines: a higher terminal shows them, or --top fewer topics"]
    head = f"{_time(looked)}, every {format_duration(pause)}; Ctrl-C ends\n"
    # Not appended to the head: it would be as quiet.
    return Text.assemble((head, Style.QUIET), Text.from_ansi("\n".join(lines)))


def _time(looked: Looked) -> str:
    return f"{looked.at:%Y-%m-%d %H:%M:%S} UTC"
