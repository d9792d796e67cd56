"""Pauses: somebody tells a schedule, or all of them, to do nothing; the decision log keeps that."""

from datetime import datetime
from typing import Final

import msgspec

from offloadctl.errors import StateDamaged
from offloadctl.model.decision import EntryKind, LogEntry
from offloadctl.plan.schedule_state import Pause
from offloadctl.ports.schedule import DecisionHistory, DecisionLog

_KINDS: Final = (EntryKind.PAUSED, EntryKind.RESUMED)
EVERY: Final = ""
"""Instead of a schedule's name: all of them."""


def pause_of(log: DecisionHistory, schedule: str) -> Pause | None:
    """The pause that counts for a schedule: its own, or that of all, whichever was told last."""
    told = [entry for name in (schedule, EVERY) if (entry := log.newest(_KINDS, name)) is not None]
    newest = max(told, key=lambda entry: entry.at, default=None)
    if newest is None or newest.kind is EntryKind.RESUMED:
        return None
    try:
        return msgspec.json.decode(newest.payload, type=Pause)
    except msgspec.MsgspecError as error:
        raise StateDamaged(f"the pause of {newest.at:%Y-%m-%d %H:%M:%S} UTC cannot be read: {error}") from error


def pause(log: DecisionLog, schedule: str, now: datetime, *, until: datetime | None, reason: str, by: str) -> Pause:
    """Tell a schedule, or all of them, to do nothing. A run that goes on is not ended by it."""
    made = Pause(now, until, reason, by)
    text = f"paused by {by}" + (f" {made.end_words}" if until is not None else "")
    text += f": {reason}" if reason else ""
    log.append(LogEntry(now, EntryKind.PAUSED, schedule, text, payload=msgspec.json.encode(made).decode()))
    return made


def resume(log: DecisionLog, schedule: str, now: datetime, *, by: str) -> bool:
    """Tell it to go on; False, and nothing is written, if it is not paused.

    Cron times of a pause are not caught up with.
    """
    names = {one.schedule for one in log.entries() if one.kind is EntryKind.PAUSED} if schedule == EVERY else {schedule}
    if not any(told is not None and told.is_on(now) for told in (pause_of(log, name) for name in names)):
        return False
    log.append(LogEntry(now, EntryKind.RESUMED, schedule, f"resumed by {by}"))
    return True
