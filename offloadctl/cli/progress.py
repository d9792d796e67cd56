"""Progress of offloads on stderr: a live table on a terminal, plain lines now and then elsewhere."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from offloadctl.cli.output import console
from offloadctl.model.ledger import OffloadStatus
from offloadctl.model.names import TopicName
from offloadctl.model.offload import OffloadPlan, OffloadResult, Outcome
from offloadctl.operations.offload import RUNNING_IS_A_CLAIM, Watcher
from offloadctl.ports import Clock
from offloadctl.report.text import count, short_name
from offloadctl.units import format_duration, format_size

_STANDS_STILL_S: Final = 60.0
"""Long enough for most ledgers to be uploaded; a dead run never moves one."""

_BETWEEN_LINES_S: Final = 30.0
"""Logs keep one line in so many seconds for each topic that goes on."""


@contextmanager
def watching(clock: Clock) -> Iterator[Watcher]:
    """A watcher that shows what it is told until the end of the block."""
    screen = console(stderr=True)
    if screen.is_terminal:
        with _bars(screen) as bars:
            yield _LiveTable(bars, _Stalls(screen, clock))
    else:
        yield _Lines(screen, clock, _Stalls(screen, clock))


def _bars(screen: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[done]}", markup=False),
        TextColumn("{task.fields[says]}", markup=False, style="dim"),
        TimeElapsedColumn(),
        console=screen,
        transient=True,
    )


class _Stalls:
    """Says once of each topic that none of its ledgers has moved for a minute, and what that may mean."""

    def __init__(self, screen: Console, clock: Clock) -> None:
        self._screen = screen
        self._clock = clock
        self._moved: dict[TopicName, tuple[int, float]] = {}
        self._told: set[TopicName] = set()
        self._lock = threading.Lock()

    def notice(self, topic: TopicName, complete: int) -> None:
        """So many ledgers are complete by now."""
        now = self._clock.monotonic()
        with self._lock:
            before, since = self._moved.setdefault(topic, (complete, now))
            if complete != before:
                self._moved[topic] = (complete, now)
            elif now - since >= _STANDS_STILL_S and topic not in self._told:
                self._told.add(topic)
                text = f"{topic}: no ledger has moved for {format_duration(timedelta(seconds=now - since))}"
                self._screen.print(f"{text}. {RUNNING_IS_A_CLAIM}", markup=False)


class _LiveTable(Watcher):
    """One bar for each topic that is under way; rich's Progress has a lock of its own."""

    def __init__(self, bars: Progress, stalls: _Stalls) -> None:
        self._bars = bars
        self._stalls = stalls
        self._tasks: dict[TopicName, TaskID] = {}

    def planned(self, plan: OffloadPlan) -> None:
        if plan.before is not None:
            self._tasks[plan.topic] = self._bars.add_task(
                short_name(plan.topic), total=plan.bytes_to_move, done=_done(plan, frozenset()), says="planned"
            )

    def triggered(self, plan: OffloadPlan, *, joined: bool) -> None:
        self._update(plan, says="joined a run" if joined else "accepted")

    def progressed(self, plan: OffloadPlan, status: OffloadStatus, complete: frozenset[int]) -> None:
        moved = sum(ledger.size for ledger in plan.moves if ledger.ledger_id in complete)
        self._update(plan, completed=moved, done=_done(plan, complete), says=status.state.value)
        self._stalls.notice(plan.topic, len(complete))

    def confirming(self, plan: OffloadPlan, looked_at: int, total: int) -> None:
        self._update(plan, says=f"looking at objects, {looked_at} of {total}")

    def finished(self, result: OffloadResult) -> None:
        if (task := self._tasks.pop(result.topic, None)) is not None:
            self._bars.remove_task(task)

    def _update(self, plan: OffloadPlan, **fields: object) -> None:
        if (task := self._tasks.get(plan.topic)) is not None:
            self._bars.update(task, **fields)  # type: ignore[arg-type]  # its own fields are free


class _Lines(Watcher):
    """A line for each step, and one now and then in between; nothing for a topic that has nothing to move."""

    def __init__(self, screen: Console, clock: Clock, stalls: _Stalls) -> None:
        self._screen = screen
        self._clock = clock
        self._stalls = stalls
        self._said_at: dict[TopicName, float] = {}
        self._lock = threading.Lock()

    def triggered(self, plan: OffloadPlan, *, joined: bool) -> None:
        what = f"{count(len(plan.moves), 'ledger')}, {format_size(plan.bytes_to_move)}, before {plan.before}"
        self._say(plan.topic, f"joined a run that goes on already; wanted {what}" if joined else f"accepted: {what}")

    def progressed(self, plan: OffloadPlan, status: OffloadStatus, complete: frozenset[int]) -> None:
        if self._clock.monotonic() - self._said_at.get(plan.topic, 0.0) >= _BETWEEN_LINES_S:
            self._say(plan.topic, f"{status.state.value}, {_done(plan, complete)}")
        self._stalls.notice(plan.topic, len(complete))

    def finished(self, result: OffloadResult) -> None:
        if result.outcome not in (Outcome.PLANNED, Outcome.NOTHING_TO_DO):
            self._say(result.topic, result.outcome.value)

    def _say(self, topic: TopicName, text: str) -> None:
        with self._lock:
            self._said_at[topic] = self._clock.monotonic()
            self._screen.print(f"{topic}: {text}", markup=False)


def _done(plan: OffloadPlan, complete: frozenset[int]) -> str:
    moved = sum(ledger.size for ledger in plan.moves if ledger.ledger_id in complete)
    ledgers = f"{len(complete):,} of {count(len(plan.moves), 'ledger')}"
    return f"{ledgers}, {format_size(moved)} of {format_size(plan.bytes_to_move)}"
