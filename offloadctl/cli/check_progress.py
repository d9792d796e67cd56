"""Progress of a check on stderr: a bar on a terminal, a line now and then elsewhere."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from offloadctl.cli.output import console
from offloadctl.model.check import LedgerCheck
from offloadctl.model.ledger import Ledger
from offloadctl.operations.check import CheckWatcher
from offloadctl.ports import Clock
from offloadctl.report.text import count
from offloadctl.units import format_size

_BETWEEN_LINES_S: Final = 30.0


@contextmanager
def watching_check(clock: Clock) -> Iterator[CheckWatcher]:
    """A watcher that shows what it is told until the end of the block."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield _Lines(screen, clock)
        return
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[size]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
    ) as bars:
        yield _Bar(bars)


class _Bar(CheckWatcher):
    """One bar, of ledgers; rich's Progress has a lock of its own."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task = bars.add_task("reading metadata", total=None, size="")
        self._total = self._bytes = 0

    def begins(self, ledgers: Sequence[Ledger]) -> None:
        self._total += len(ledgers)
        self._bars.update(self._task, description="ledgers", total=self._total)

    def looked_at(self, one: LedgerCheck) -> None:
        self._bytes += one.inspection.bytes_read
        self._bars.update(self._task, advance=1, size=f"{format_size(self._bytes)} read")


class _Lines(CheckWatcher):
    """A line now and then: short checks say nothing."""

    def __init__(self, screen: Console, clock: Clock) -> None:
        self._screen = screen
        self._clock = clock
        self._said_at = clock.monotonic()
        self._total = self._done = self._bytes = 0
        self._lock = threading.Lock()

    def begins(self, ledgers: Sequence[Ledger]) -> None:
        self._total += len(ledgers)

    def looked_at(self, one: LedgerCheck) -> None:
        with self._lock:
            self._done += 1
            self._bytes += one.inspection.bytes_read
            if self._clock.monotonic() - self._said_at < _BETWEEN_LINES_S:
                return
            self._said_at = self._clock.monotonic()
            text = f"{self._done:,} of {count(self._total, 'ledger')} looked at, {format_size(self._bytes)} read"
            self._screen.print(text, markup=False)
