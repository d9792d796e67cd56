"""What became of schedules, for people: how each stands, and the story of one run; from the decision log alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from offloadctl.errors import UsageError
from offloadctl.model.decision import Decision, EntryKind, Intent, LogEntry, RunResult
from offloadctl.model.schedule import Cron, Schedule
from offloadctl.operations.schedule import STATE_KINDS
from offloadctl.operations.schedule_codec import decode
from offloadctl.operations.schedule_pauses import pause_of
from offloadctl.plan.cron import due_at, next_time
from offloadctl.plan.schedule_state import ScheduleState
from offloadctl.ports.schedule import DecisionHistory

_OF_RUNS = (EntryKind.INTENT, EntryKind.HANDED_OVER, EntryKind.RESULT)
_SHOWN = 5
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """One schedule now."""

    schedule: Schedule
    state: ScheduleState
    decision: Decision | None = None
    """The last one that was written down."""
    result: RunResult | None = None
    """Of the last run that has ended."""
    next_at: datetime | None = None
    """Its next cron time, put off by its jitter; None without any, and while no end of a pause is known."""
    is_handed_over: bool = False
    """Whether the run that has not ended waits for whoever comes next."""


@dataclass(frozen=True, slots=True)
class RunStory:
    """One run: why it began, how often, and how it ended."""

    intents: tuple[Intent, ...]
    """The first, and each time that it was begun again."""
    decision: Decision | None = None
    """None if somebody asked for it."""
    result: RunResult | None = None
    """None while it goes on, or if nobody lived to tell."""
    handed_over: tuple[LogEntry, ...] = ()
    """Each time that it was told to end, and said so."""
    is_handed_over: bool = False
    """Whether that was the last that was heard of it."""

    @property
    def first(self) -> Intent:
        """When it was decided on."""
        return self.intents[0]


def standings(log: DecisionHistory, schedules: Sequence[Schedule], now: datetime) -> tuple[Standing, ...]:
    """How each of them stands."""
    return tuple(standing(log, one, now) for one in schedules)


def standing(log: DecisionHistory, schedule: Schedule, now: datetime) -> Standing:
    """How one stands."""
    newest = log.newest(STATE_KINDS, schedule.name)
    state = decode(newest).state if newest is not None else ScheduleState()
    decided = log.newest((EntryKind.DECIDED, EntryKind.INTENT), schedule.name)
    ended = log.newest((EntryKind.RESULT,), schedule.name)
    state = replace(state, pause=pause_of(log, schedule.name))
    return Standing(
        schedule,
        state,
        decode(decided).decision if decided is not None else None,
        decode(ended).result if ended is not None else None,
        _next_at(schedule, state, now),
        newest is not None and newest.kind is EntryKind.HANDED_OVER,
    )


def _next_at(schedule: Schedule, state: ScheduleState, now: datetime) -> datetime | None:
    """The next of its cron times that is due once it is not paused."""
    begin = now
    if state.pause is not None and state.pause.is_on(now):
        if state.pause.until is None:
            return None
        begin = state.pause.until
    return min((_due_from(one, now, begin) for one in schedule.crons), default=None) if schedule.enabled else None


def _due_from(cron: Cron, now: datetime, begin: datetime) -> datetime:
    """When the first of its times after now is due that is not due before `begin`."""
    # What comes earlier is due earlier, however it is put off.
    moment = next_time(cron, max(now, begin - cron.jitter - _TICK))
    while (due := due_at(cron, moment)) < begin:
        moment = next_time(cron, moment)
    return due


def story(log: DecisionHistory, run: str) -> RunStory:
    """A run by its id, by the beginning or end of it, or the last one of the schedule of that name; or a UsageError."""
    every = log.entries()
    entries = [one for one in every if one.kind in _OF_RUNS and one.run_id]
    of_schedule = [one.run_id for one in entries if run and one.schedule == run]
    if not of_schedule and run and any(one.schedule == run for one in every):
        raise UsageError(
            f"schedule {run} has had no run so far", hint=f"why: offloadctl schedule history --schedule {run}"
        )
    ids = tuple(dict.fromkeys(one.run_id for one in entries))
    found = of_schedule[:1] or _ids_like(run, ids)
    if not found:
        raise UsageError(
            f"there is no run {run!r} of a schedule, and no schedule {run!r} that has run so far",
            hint="schedules and how they stand: offloadctl schedule list -f FILE; runs: offloadctl schedule history",
        )
    if len(found) > 1:
        shown = ", ".join(found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
        raise UsageError(f"{run!r} is the id of several runs: {shown}", hint="write more of it")
    return _story([one for one in reversed(entries) if one.run_id == found[0]], found[0])


def _ids_like(text: str, ids: Sequence[str]) -> list[str]:
    return [text] if text in ids else [one for one in ids if text and (one.startswith(text) or one.endswith(text))]


def _story(entries: Sequence[LogEntry], run_id: str) -> RunStory:
    payloads = [decode(one) for one in entries]
    begun = ((entry.at, one.intent) for entry, one in zip(entries, payloads, strict=True) if one.intent is not None)
    # An intent has the time of the decision behind it, however often it is begun again.
    intents = tuple(one if one.attempt == 1 else replace(one, at=at) for at, one in begun)
    if not intents:
        raise UsageError(f"only the end of run {run_id} is kept", hint="the journal keeps 90 days")
    return RunStory(
        intents,
        next((one.decision for one in payloads if one.decision is not None), None),
        next((one.result for one in reversed(payloads) if one.result is not None), None),
        tuple(one for one in entries if one.kind is EntryKind.HANDED_OVER),
        entries[-1].kind is EntryKind.HANDED_OVER,
    )
