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
from offloadctl.model.standing import Movement, Standing
from offloadctl.operations.offload import RUNNING_IS_A_CLAIM, Watcher
from offloadctl.plan.standing import why
from offloadctl.ports import Clock
from offloadctl.report.text import count, short_name
from offloadctl.units import format_duration, format_size

_TOLD: Final = (Movement.QUEUED, Movement.STANDING_STILL)

_BETWEEN_LINES_S: Final = 30.0
"""Logs keep one line in so many seconds for each topic that goes on."""


@contextmanager
def watching(clock: Clock) -> Iterator[Watcher]:
    """A watcher that shows what it is told until the end of the block."""
    screen = console(stderr=True)
    if screen.is_terminal:
        with _bars(screen) as bars:
            yield _LiveTable(bars, _Standings(screen, clock))
    else:
        yield _Lines(screen, clock, _Standings(screen, clock))


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


class _Standings:
    """Says of a topic that it waits for its broker's threads, or that nothing of it moves: once, until that changes."""

    def __init__(self, screen: Console, clock: Clock) -> None:
        self._screen = screen
        self._clock = clock
        self._told: dict[TopicName, Movement] = {}
        self._lock = threading.Lock()

    def notice(self, topic: TopicName, standing: Standing) -> None:
        """It stands so now."""
        with self._lock:
            before = self._told.get(topic, Movement.MOVING)
            self._told[topic] = standing.movement
            if standing.movement in _TOLD and standing.movement is not before:
                text = f"{topic}: {why(standing, self._clock.now()).text}"
                claim = f". {RUNNING_IS_A_CLAIM}" if standing.movement is Movement.STANDING_STILL else ""
                self._screen.print(text + claim, markup=False)


class _LiveTable(Watcher):
    """One bar for each topic that is under way; rich's Progress has a lock of its own."""

    def __init__(self, bars: Progress, standings: _Standings) -> None:
        self._bars = bars
        self._standings = standings
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

    def stands(self, plan: OffloadPlan, standing: Standing) -> None:
        if standing.movement in _TOLD:
            self._update(plan, says=standing.movement.value)
        self._standings.notice(plan.topic, standing)

    def delayed(self, plan: OffloadPlan, attempts: int, pause_s: float) -> None:
        again = format_duration(timedelta(seconds=pause_s))
        self._update(plan, says=f"automatic run in the way {attempts} x, again in {again}")

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

    def __init__(self, screen: Console, clock: Clock, standings: _Standings) -> None:
        self._screen = screen
        self._clock = clock
        self._standings = standings
        self._said_at: dict[TopicName, float] = {}
        self._lock = threading.Lock()

    def triggered(self, plan: OffloadPlan, *, joined: bool) -> None:
        what = f"{count(len(plan.moves), 'ledger')}, {format_size(plan.bytes_to_move)}, before {plan.before}"
        self._say(plan.topic, f"joined a run that goes on already; wanted {what}" if joined else f"accepted: {what}")

    def progressed(self, plan: OffloadPlan, status: OffloadStatus, complete: frozenset[int]) -> None:
        if self._clock.monotonic() - self._said_at.get(plan.topic, 0.0) >= _BETWEEN_LINES_S:
            self._say(plan.topic, f"{status.state.value}, {_done(plan, complete)}")

    def stands(self, plan: OffloadPlan, standing: Standing) -> None:
        self._standings.notice(plan.topic, standing)

    def delayed(self, plan: OffloadPlan, attempts: int, pause_s: float) -> None:
        again = format_duration(timedelta(seconds=pause_s))
        self._say(plan.topic, f"an automatic run is in the way, attempt {attempts}; asked again in {again}")

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
