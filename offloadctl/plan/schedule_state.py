"""What a schedule must remember from one evaluation to the next, and after a restart."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from offloadctl.model.decision import Intent, RunResult
from offloadctl.plan.judging import Memory
from offloadctl.units import ByteSize

HOUR: Final = timedelta(hours=1)
ATTEMPTS: Final = 3
"""A run that so many instances died of is not begun again; those that handed it over did not die of it."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Bytes that a run has moved, and when it ended."""

    at: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody has told the schedule to do nothing."""

    since: datetime
    until: datetime | None = None
    """None: until it is told to go on."""
    reason: str = ""
    by: str = ""
    """Who."""

    @property
    def end_words(self) -> str:
        """Until when it is; of one that is brief the seconds count."""
        if self.until is None:
            return "until it is resumed"
        is_brief = self.until - self.since < HOUR
        return f"until {self.until:%Y-%m-%d %H:%M}{f'{self.until::%S}' if is_brief else ''} UTC"

    def is_on(self, now: datetime) -> bool:
        """Whether it has not ended by itself."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """All of it. A record of the decision log holds the state behind it, so the last one is all that a successor needs.

    Of single topics only what hysteresis keeps between its two thresholds is written down, or has still to last: the
    rest the numbers tell again.
    """

    handled: Mapping[str, datetime] = field(default_factory=dict)
    """By cron: up to which time each has its fate."""
    memory: Memory = field(default_factory=dict)
    running: Intent | None = None
    """A run that was begun and has not ended, as far as is known."""
    last_run: str = ""
    last_begun: datetime | None = None
    last_ended: datetime | None = None
    moved: tuple[Moved, ...] = ()
    """Within the last hour."""
    runs: int = 0
    """So many runs were begun ever."""
    evaluated_at: datetime | None = None
    gist: str = ""
    """Of the last decision that was written down."""
    steady: int = 0
    """So many evaluations since came to the same."""
    told_at: datetime | None = None
    """When a decision was last written down."""
    pause: Pause | None = None

    def is_paused(self, now: datetime) -> bool:
        """Whether a pause is on."""
        return self.pause is not None and self.pause.is_on(now)


def begun(state: ScheduleState, intent: Intent) -> ScheduleState:
    """The state once an intent is written down; one that is begun again is no new run."""
    return replace(
        state,
        running=intent,
        last_run=intent.run_id,
        last_begun=intent.at,
        runs=state.runs + (intent.attempt == 1),
    )


def ended(state: ScheduleState, result: RunResult) -> ScheduleState:
    """The state once a result is written down."""
    return replace(state, running=None, last_ended=result.ended_at, moved=_moved(state, result))


def handed_over(state: ScheduleState, intent: Intent, so_far: RunResult) -> ScheduleState:
    """The state once it is written down that a run was told to end: what it has moved counts, its attempt does not."""
    left = None if intent.at_most is None else ByteSize(max(0, intent.at_most - so_far.bytes_moved))
    running = replace(intent, handed_over=intent.handed_over + 1, at_most=left)
    return replace(state, running=running, moved=_moved(state, so_far))


def again(running: Intent) -> Intent | None:
    """The next attempt at a run that has no result; None if too many have died of it."""
    return None if running.died >= ATTEMPTS else replace(running, attempt=running.attempt + 1)


def moved_within_the_hour(state: ScheduleState, now: datetime) -> int:
    """What was moved in the hour before now; a clock that has gone back counts nothing twice and forgets nothing."""
    return sum(one.size for one in state.moved if now - one.at < HOUR)


def _moved(state: ScheduleState, result: RunResult) -> tuple[Moved, ...]:
    return (*state.moved, Moved(result.ended_at, result.bytes_moved)) if result.bytes_moved else state.moved


def trimmed(state: ScheduleState, now: datetime) -> ScheduleState:
    """Without what no longer matters."""
    return replace(state, moved=tuple(one for one in state.moved if -HOUR < now - one.at < HOUR))
