"""Progress of offloads on stderr: a live table on a terminal, plain lines now and then elsewhere."""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from rich.console import Console
from rich.live import Live

from offloadctl.cli.output import console
from offloadctl.cli.progress_live import LiveTable
from offloadctl.cli.progress_tally import FAILURES, Tally
from offloadctl.cli.progress_text import bytes_text, failure_text, topics_text
from offloadctl.model.ledger import OffloadStatus
from offloadctl.model.names import TopicName
from offloadctl.model.offload import OffloadPlan, OffloadResult, Outcome
from offloadctl.model.standing import Movement, Standing
from offloadctl.operations.offload import RUNNING_IS_A_CLAIM, Watcher
from offloadctl.plan.standing import why
from offloadctl.ports import Clock
from offloadctl.report.text import count
from offloadctl.units import format_duration, format_size

_TOLD: Final = (Movement.QUEUED, Movement.STANDING_STILL)

_BETWEEN_LINES_S: Final = 30.0
"""Logs keep one line in so many seconds: of few topics for each that goes on, of many for all together."""

_FEW: Final = 5
"""Up to so many topics each have lines of their own."""

_ALOUD_AT_MOST: Final = 20
"""So many remarks are made in the time between two lines."""

_REDRAWN_HZ: Final = 4


@contextmanager
def watching(clock: Clock, plans: Sequence[OffloadPlan] = ()) -> Iterator[Watcher]:
    """A watcher that shows until the end of the block what it is told; `plans` are all that will be acted on."""
    screen, tally = console(stderr=True), Tally(clock, plans)
    many = len(plans) > _FEW
    if screen.is_terminal and not screen.is_dumb_terminal:
        with Live(LiveTable(tally), console=screen, transient=True, refresh_per_second=_REDRAWN_HZ):
            yield _Counting(tally, _Aloud(screen, clock, many=many))
    elif many:
        watcher = _NowAndThen(tally, _Aloud(screen, clock, many=True))
        yield watcher
        watcher.say_totals()
    else:
        yield _EachStep(tally, _Aloud(screen, clock, many=False))


class _Aloud:
    """Says what may not go under: failures, what stands still, what waits. Of very many in a short time only some."""

    def __init__(self, screen: Console, clock: Clock, *, many: bool) -> None:
        self._screen = screen
        self._clock = clock
        self._many = many
        self._told: dict[TopicName, Movement] = {}
        self._said: deque[float] = deque(maxlen=_ALOUD_AT_MOST)
        self._kept_back = 0
        self._lock = threading.RLock()

    def line(self, text: str) -> None:
        """One line, now."""
        with self._lock:
            self._screen.print(text, markup=False)

    def failed(self, result: OffloadResult) -> None:
        """What became of a topic that somebody must look at."""
        self._remark(failure_text(result))

    def stands(self, topic: TopicName, standing: Standing) -> None:
        """That a run waits, or stands still: once, until that changes. With many topics some of them always wait."""
        with self._lock:
            before = self._told.get(topic, Movement.MOVING)
            self._told[topic] = standing.movement
            told = (Movement.STANDING_STILL,) if self._many else _TOLD
            if standing.movement in told and standing.movement is not before:
                text = f"{topic}: {why(standing, self._clock.now()).text}"
                claim = f". {RUNNING_IS_A_CLAIM}" if standing.movement is Movement.STANDING_STILL else ""
                self._remark(text + claim)

    def _remark(self, text: str) -> None:
        with self._lock:
            now = self._clock.monotonic()
            if len(self._said) == _ALOUD_AT_MOST and now - self._said[0] < _BETWEEN_LINES_S:
                self._kept_back += 1
                return
            self._said.append(now)
            if self._kept_back:
                self.line(f"… and {self._kept_back:,} more like these; the report has them")
                self._kept_back = 0
            self.line(text)


class _Counting(Watcher):
    """Keeps the tally, and says aloud what may not go under."""

    def __init__(self, tally: Tally, aloud: _Aloud) -> None:
        self._tally = tally
        self._aloud = aloud

    def planned(self, plan: OffloadPlan) -> None:
        if plan.before is not None:
            self._tally.begins(plan)

    def triggered(self, plan: OffloadPlan, *, joined: bool) -> None:
        self._tally.says(plan, "joined a run" if joined else "accepted")

    def progressed(self, plan: OffloadPlan, status: OffloadStatus, complete: frozenset[int]) -> None:
        self._tally.progressed(plan, complete)
        self._tally.says(plan, status.state.value)

    def stands(self, plan: OffloadPlan, standing: Standing) -> None:
        if standing.movement in _TOLD:
            self._tally.says(plan, standing.movement.value)
        self._aloud.stands(plan.topic, standing)

    def delayed(self, plan: OffloadPlan, attempts: int, pause_s: float) -> None:
        self._tally.says(plan, f"attempt {attempts + 1} in {format_duration(timedelta(seconds=round(pause_s)))}")

    def confirming(self, plan: OffloadPlan, looked_at: int, total: int) -> None:
        self._tally.says(plan, f"objects {looked_at:,}/{total:,}")

    def finished(self, result: OffloadResult) -> None:
        if self._tally.ends(result):
            self._aloud.failed(result)


class _NowAndThen(_Counting):
    """Many topics in a log: a line of totals now and then, however many there are."""

    def __init__(self, tally: Tally, aloud: _Aloud) -> None:
        super().__init__(tally, aloud)
        self._said_at = tally.clock.monotonic()
        self._lock = threading.Lock()

    def progressed(self, plan: OffloadPlan, status: OffloadStatus, complete: frozenset[int]) -> None:
        super().progressed(plan, status, complete)
        self._say_if_due()

    def finished(self, result: OffloadResult) -> None:
        super().finished(result)
        self._say_if_due()

    def say_totals(self) -> None:
        """How far it is."""
        totals = self._tally.totals()
        self._aloud.line(f"{topics_text(totals)}; {bytes_text(totals)}")

    def _say_if_due(self) -> None:
        with self._lock:
            now = self._tally.clock.monotonic()
            if now - self._said_at < _BETWEEN_LINES_S:
                return
            self._said_at = now
        self.say_totals()


class _EachStep(_Counting):
    """Few topics in a log: a line for each step of each, and one now and then in between."""

    def __init__(self, tally: Tally, aloud: _Aloud) -> None:
        super().__init__(tally, aloud)
        self._said_at: dict[TopicName, float] = {}

    def triggered(self, plan: OffloadPlan, *, joined: bool) -> None:
        what = f"{count(len(plan.moves), 'ledger')}, {format_size(plan.bytes_to_move)}, before {plan.before}"
        self._say(plan.topic, f"joined a run that goes on already; wanted {what}" if joined else f"accepted: {what}")

    def progressed(self, plan: OffloadPlan, status: OffloadStatus, complete: frozenset[int]) -> None:
        if self._tally.clock.monotonic() - self._said_at.get(plan.topic, 0.0) >= _BETWEEN_LINES_S:
            self._say(plan.topic, f"{status.state.value}, {_done(plan, complete)}")

    def delayed(self, plan: OffloadPlan, attempts: int, pause_s: float) -> None:
        again = format_duration(timedelta(seconds=pause_s))
        self._say(plan.topic, f"an automatic run is in the way, attempt {attempts}; asked again in {again}")

    def finished(self, result: OffloadResult) -> None:
        if result.exit_code in FAILURES:
            self._aloud.line(failure_text(result))
        elif result.outcome not in (Outcome.PLANNED, Outcome.NOTHING_TO_DO):
            self._say(result.topic, result.outcome.value)

    def _say(self, topic: TopicName, text: str) -> None:
        self._said_at[topic] = self._tally.clock.monotonic()
        self._aloud.line(f"{topic}: {text}")


def _done(plan: OffloadPlan, complete: frozenset[int]) -> str:
    moved = sum(ledger.size for ledger in plan.moves if ledger.ledger_id in complete)
    ledgers = f"{len(complete):,} of {count(len(plan.moves), 'ledger')}"
    return f"{ledgers}, {format_size(moved)} of {format_size(plan.bytes_to_move)}"
