"""The live table of a run on a terminal: totals with rate and time left, and one row for each topic at work."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from offloadctl.cli.progress_tally import Row, Tally, Totals
from offloadctl.cli.progress_text import bytes_text, topics_text
from offloadctl.report.text import Style, short_name, visible
from offloadctl.units import format_duration, format_size

_BAR: Final = 20
_GAP: Final = 2
_AROUND: Final = 5
"""Lines that are not rows: two of totals, the head, one for those that have no room, and the cursor's."""

_SHORTEST_NAME: Final = 16
_SHORTEST_BAR: Final = 5


class LiveTable:
    """Draws itself anew from the tally whenever it is asked; never higher or wider than the terminal."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def __rich_console__(self, screen: Console, options: ConsoleOptions) -> RenderResult:
        totals, rows = self._tally.totals(), self._tally.rows()
        now = self._tally.clock.monotonic()
        if totals.topics <= 1:
            yield from (_one_row(row, now, options.max_width) for row in rows)
            return
        shown = rows[: max(1, screen.height - _AROUND)]
        yield _totals(totals)
        yield Text(topics_text(totals), no_wrap=True, overflow="ellipsis")
        if shown:
            yield _table(shown, now, options.max_width)
        if len(rows) > len(shown):
            yield Text(f"… and {len(rows) - len(shown)} more at work", style=Style.QUIET)


def _totals(totals: Totals) -> RenderableType:
    grid = Table.grid(padding=(0, _GAP, 0, 0))
    grid.add_column(width=_BAR)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    grid.add_row(_bar(totals.moved, totals.size), Text(f"{_percent(totals.moved, totals.size)}  {bytes_text(totals)}"))
    return grid


def _one_row(row: Row, now: float, width: int) -> RenderableType:
    """One topic has a bar of its own, as far as the terminal has room for one, and no totals."""
    done = f"{row.complete:,} of {row.ledgers:,} ledgers, {format_size(row.moved)} of {format_size(row.size)}"
    cells = [done, row.says, _since(row, now)]
    room = width - sum(map(len, cells)) - _GAP * len(cells)
    name = _shortened(row, room)
    bar = min(_BAR, room - len(name) - _GAP)
    grid = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
    for _ in range(1 + len(cells) + (bar >= _SHORTEST_BAR)):
        grid.add_column(no_wrap=True, overflow="ellipsis")
    bars = [_bar(row.moved, row.size, bar)] if bar >= _SHORTEST_BAR else []
    grid.add_row(Text(name), *bars, *(Text(visible(cell)) for cell in cells))
    return grid


def _table(rows: Sequence[Row], now: float, width: int) -> RenderableType:
    cells = [
        (
            f"{row.complete:,} of {row.ledgers:,}",
            f"{_percent(row.moved, row.size)} of {format_size(row.size)}",
            row.says,
            _since(row, now),
        )
        for row in rows
    ]
    heads = ("LEDGERS", "SIZE", "NOW", "TIME")
    widths = [max(len(head), *(len(line[at]) for line in cells)) for at, head in enumerate(heads)]
    room = max(_SHORTEST_NAME, width - sum(widths) - _GAP * len(widths))
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style=Style.HEAD, show_edge=False)
    table.add_column("TOPIC", no_wrap=True, overflow="ellipsis")
    for head in heads:
        is_number = head != "NOW"
        table.add_column(head, no_wrap=True, overflow="ellipsis", justify="right" if is_number else "left")
    for row, line in zip(rows, cells, strict=True):
        table.add_row(Text(_shortened(row, room)), *(Text(visible(cell)) for cell in line))
    return table


def _bar(done: int, total: int, width: int = _BAR) -> ProgressBar:
    return ProgressBar(total=max(1, total), completed=done, width=width)


def _percent(done: int, total: int) -> str:
    return f"{100 * done // total if total else 100:3}%"


def _since(row: Row, now: float) -> str:
    return format_duration(timedelta(seconds=round(now - row.begun_at)))


def _shortened(row: Row, room: int) -> str:
    """Names of one namespace differ at their end, so that is what stays."""
    name = visible(short_name(row.topic))
    return name if len(name) <= room else "…" + name[len(name) - max(room, _SHORTEST_NAME) + 1 :]
