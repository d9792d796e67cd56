"""How far the reading of many topics is, on stderr: a bar on a terminal, a line now and then elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from offloadctl.cli.output import console
from offloadctl.operations.reading import Reading
from offloadctl.ports import Clock
from offloadctl.units import format_duration

if TYPE_CHECKING:
    from rich.progress import Progress

_FEW: Final = 50
"""So many are read in a moment, even where a rate limit spares the brokers; and then rich need not be loaded."""

_BETWEEN_LINES_S: Final = 30.0


@contextmanager
def reading_topics(clock: Clock) -> Iterator[Reading]:
    """Shows until the end of the block what it is told."""
    reading = _Shown(clock)
    try:
        yield reading
    finally:
        reading.end()


class _Shown(Reading):
    """Nothing for a few topics."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._topics = self._read = 0
        self._begun_at = self._said_at = clock.monotonic()
        self._bar: Progress | None = None

    def begins(self, topics: int) -> None:
        self._topics, self._read = topics, 0
        self._begun_at = self._said_at = self._clock.monotonic()
        if topics <= _FEW:
            return
        screen = console(stderr=True)
        if screen.is_terminal and not screen.is_dumb_terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

            self._bar = Progress(
                TextColumn("reading topics"),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=screen,
                transient=True,
            )
            self._bar.add_task("", total=topics)
            self._bar.start()

    def read(self) -> None:
        self._read += 1
        if self._read == self._topics:
            self.end()
        elif self._bar is not None:
            self._bar.advance(self._bar.task_ids[0])
        elif self._topics > _FEW and self._clock.monotonic() - self._said_at >= _BETWEEN_LINES_S:
            self._said_at = self._clock.monotonic()
            seconds = (self._said_at - self._begun_at) / self._read * (self._topics - self._read)
            left = f", about {format_duration(timedelta(seconds=round(seconds)))} left" if seconds else ""
            console(stderr=True).print(f"{self._read:,} of {self._topics:,} topics read{left}", markup=False)

    def end(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
