"""Schedules against recorded numbers: what would have fired when, and why. The clock is the recording's.

What a run would have changed is not known: the numbers stay those that were recorded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from offloadctl.errors import UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.decision import Decision, Intent, RunResult, Verdict
from offloadctl.model.measures import Measure
from offloadctl.model.schedule import Schedule
from offloadctl.operations.schedule import run_id_of
from offloadctl.operations.usual import Asked, Usuals
from offloadctl.plan.cron import due_at, next_time
from offloadctl.plan.promql_measures import expression_of, why_without
from offloadctl.plan.recording import Recording
from offloadctl.plan.schedule import decide
from offloadctl.plan.schedule_scope import members
from offloadctl.plan.schedule_state import ScheduleState, begun, ended
from offloadctl.ports.schedule import Queries

_MOST: Final = 100_000
"""So many evaluations of one schedule are gone through: a year of every five minutes."""


@dataclass(frozen=True, slots=True)
class SimulatedSchedule:
    """What one schedule would have decided."""

    schedule: str
    topics: int
    evaluations: int
    counts: dict[Verdict, int]
    """Evaluations by their decision."""
    decisions: tuple[Decision, ...]
    """Runs, and each decision that was another than before."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """All of them."""

    source: str
    start: datetime
    end: datetime
    every: timedelta
    run_takes: timedelta
    schedules: tuple[SimulatedSchedule, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a recording, how often it is looked at, and how long a run is thought to take."""

    since: datetime | None = None
    until: datetime | None = None
    every: timedelta = timedelta(minutes=5)
    run_takes: timedelta = timedelta()


def simulate(schedules: Sequence[Schedule], recording: Recording, window: Window) -> Simulation:
    """Evaluate them as the scheduler would have; UsageError if there is nothing to go through."""
    span = recording.span
    start, end = window.since or (span and span[0]), window.until or (span and span[1])
    if start is None or end is None or end < start:
        raise UsageError("there is no time to simulate", hint="give --since and --until")
    if (end - start) / window.every > _MOST:
        raise UsageError(f"more than {_MOST:,} evaluations", hint="look less often, or at less: --every, --since")
    done = tuple(_Replay(one, recording, window).run(start, end) for one in schedules)
    return Simulation(recording.source, start, end, window.every, window.run_takes, done)


def record(
    schedules: Sequence[Schedule], queries: Queries, start: datetime, end: datetime, every: timedelta
) -> Recording:
    """What Prometheus has of all that these schedules ask for."""
    found = Recording("Prometheus")
    for one in dict.fromkeys(comparison for schedule in schedules for comparison in schedule.comparisons):
        if one.subject_of in found.missing or _is_known(found, one.measure, one.query):
            continue
        expression = expression_of(one)
        if not expression:
            found.missing[one.subject_of] = why_without(one.measure)
            continue
        try:
            series = queries.over_time(expression, start, end, every.total_seconds())
        except UsageError as error:
            raise UsageError(f"{expression}: {error.message}", hint=error.hint) from error
        found.add_series(one.measure, one.query, series)
        if not _is_known(found, one.measure, one.query):
            found.missing[one.subject_of] = f"Prometheus has nothing of {expression}"
    return found


def _is_known(recording: Recording, measure: Measure, query: str) -> bool:
    return query in recording.queries if query else measure in recording.topics or measure in recording.instances


@dataclass(slots=True)
class _Replay:
    """One schedule."""

    schedule: Schedule
    recording: Recording
    window: Window
    state: ScheduleState = field(default_factory=ScheduleState)
    counts: dict[Verdict, int] = field(default_factory=dict)
    kept: list[Decision] = field(default_factory=list)
    gist: str = ""
    usuals: Usuals = field(default_factory=Usuals)
    """Learnt from the recording, as it goes on."""
    _ends_at: datetime | None = None

    def run(self, start: datetime, end: datetime) -> SimulatedSchedule:
        """From the start to the end, both included."""
        topics = members(self.schedule.scope, self.recording.every_topic, self.recording.labels)
        # Cron times count from the start on, the start included.
        self.state = ScheduleState(handled={one.key: start - timedelta(microseconds=1) for one in self.schedule.crons})
        now, evaluations = start, 0
        while now <= end:
            self._end_run(now)
            snapshot = self.usuals.fill(self.recording.at(now), [Asked(self.schedule, topics)])
            decision, self.state = decide(self.schedule, topics, snapshot, self.state)
            evaluations += 1
            self.counts[decision.verdict] = self.counts.get(decision.verdict, 0) + 1
            if decision.verdict is Verdict.FIRED or decision.gist != self.gist:
                self.kept.append(decision)
            self.gist = decision.gist
            if decision.verdict is Verdict.FIRED:
                self._begin_run(decision)
            now = self._next(now)
        return SimulatedSchedule(self.schedule.name, len(topics), evaluations, self.counts, tuple(self.kept))

    def _begin_run(self, decision: Decision) -> None:
        run_id = run_id_of(self.schedule.name, self.state, decision.at)
        intent = Intent(run_id, self.schedule.name, decision.at, decision.topics, decision.whole_scope)
        self.state = begun(self.state, intent)
        self._ends_at = decision.at + self.window.run_takes

    def _end_run(self, now: datetime) -> None:
        running = self.state.running
        if running is not None and self._ends_at is not None and self._ends_at <= now:
            result = RunResult(running.run_id, self.schedule.name, running.at, self._ends_at, ExitCode.OK)
            self.state = ended(self.state, result)

    def _next(self, now: datetime) -> datetime:
        """At the next look, or when a cron time is due before it."""
        times = [now + self.window.every]
        for cron in self.schedule.crons:
            due = due_at(cron, next_time(cron, self.state.handled.get(cron.key, now)))
            times.append(due if due > now else now + self.window.every)
        return min(times)
