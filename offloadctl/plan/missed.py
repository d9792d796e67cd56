"""Cron times that are due: which of them a run would serve now, and which are over.

Each time after the one that was handled last has exactly one fate, and the mark of what is handled only moves on: so
none is served twice, whatever the clock does, and none is lost without a word.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from offloadctl.model.decision import Fate, Settled
from offloadctl.model.schedule import Cron, Missed
from offloadctl.plan.cron import due_at, next_time

_MOST: Final = 10_000
"""So many times are gone through at once, a minute apart a week; the rest has its turn at the next evaluation."""

STEP_BACK: Final = timedelta(days=1)
"""A clock that goes back further was wrong before: what was handled in a future that has not come counts no more."""


@dataclass(frozen=True, slots=True)
class Due:
    """The times of one cron that wait to be served, and those that are over."""

    cron: Cron
    waiting: tuple[datetime, ...] = ()
    """Ascending. A run serves all of them, or only the first where each is caught up with."""
    settled: tuple[Settled, ...] = ()
    handled: datetime | None = None
    """Up to which time each has its fate, once `settled` is written down."""


def due_times(cron: Cron, handled: datetime, now: datetime, missed: Missed, start_within: timedelta) -> Due:
    """What is due of a cron whose times up to `handled` have their fates."""
    times = _times(cron, handled, now)
    if not times:
        return Due(cron, handled=handled)
    late: list[datetime] = []
    if missed is Missed.SKIP:
        late = [one for one in times if now - due_at(cron, one) > start_within]
    waiting = times[len(late) :]
    settled = settle(cron, Fate.TOO_LATE, late)
    if missed is not Missed.CATCH_UP:
        # Where not all were gone through, there is a later one that stands even for the last of these.
        end = len(waiting) if len(times) == _MOST else max(0, len(waiting) - 1)
        settled += settle(cron, Fate.MERGED, waiting[:end])
        waiting = waiting[end:]
    return Due(cron, tuple(waiting), settled, settled[-1].last if settled else handled)


def settle(cron: Cron, fate: Fate, times: Sequence[datetime]) -> tuple[Settled, ...]:
    """Those times with that fate; nothing for none."""
    return (Settled(cron.key, fate, times[0], times[-1], len(times)),) if times else ()


def _times(cron: Cron, handled: datetime, now: datetime) -> list[datetime]:
    """Ascending up to the first that is not due yet: jitter must not let one overtake another."""
    found: list[datetime] = []
    moment = next_time(cron, handled)
    while moment <= now and due_at(cron, moment) <= now and len(found) < _MOST:
        found.append(moment)
        moment = next_time(cron, moment)
    return found
