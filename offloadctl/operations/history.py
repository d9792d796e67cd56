"""What the journal tells of past runs; no broker is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from offloadctl.errors import BadValue
from offloadctl.model.decision import EntryKind
from offloadctl.model.journal import HistoryFilter, Note, Run, Step
from offloadctl.ports.journal import History

_NAMED: Final = 10
_OF_SCHEDULES: Final = tuple(kind.value for kind in EntryKind)
"""Notes that hold whole decisions, and of which there may be far more than runs: `schedule history` tells them."""


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """The runs that were asked for, the newest first."""

    location: str
    """Where the journal is."""
    now: datetime
    runs: tuple[Run, ...] = ()
    steps: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    """Of these runs, by their id: all of a run, or those that were asked for; empty if no steps were."""
    notes: tuple[Note, ...] = ()
    has_more: bool = False
    """Whether older runs were left out."""
    is_filtered: bool = False
    """Whether not all runs were asked for."""


def read_history(history: History, asked: HistoryFilter, *, now: datetime) -> HistoryReport:
    """The runs, with their steps where one topic or what is unfinished was asked for."""
    limit = asked.limit
    found = history.runs(replace(asked, limit=None if limit is None else limit + 1))
    runs = found if limit is None else found[:limit]
    steps = {}
    if asked.topic is not None or asked.only_unfinished:
        for run in runs:
            steps[run.run_id] = history.steps(run.run_id, topic=asked.topic, only_unfinished=asked.only_unfinished)
    # Notes are of no topic and of no context.
    alone = asked.topic is None and asked.context is None and not asked.only_unfinished
    notes = history.notes(besides=_OF_SCHEDULES, since=asked.since) if alone else ()
    return HistoryReport(
        history.location,
        now,
        runs,
        steps,
        notes[:limit],
        has_more=len(runs) < len(found),
        is_filtered=asked != HistoryFilter(limit=limit),
    )


def read_run(history: History, name: str, *, now: datetime) -> HistoryReport:
    """One run with all its steps, by its id or by the beginning or end of it; BadValue if it is not that of one run."""
    ids = history.ids_like(name)
    if len(ids) != 1:
        which = f": {', '.join(ids[-_NAMED:])}" if ids else f" in {history.location}"
        raise BadValue(
            f"{name} is the id of {f'{len(ids)} runs' if ids else 'no run'}{which}",
            hint="`offloadctl offload history` lists the ids; the beginning or the end of one is enough",
        )
    run = history.run(ids[0])
    if run is None:
        raise BadValue(f"run {ids[0]} has just been forgotten: it was older than what the journal keeps")
    notes = tuple(note for note in history.notes(besides=_OF_SCHEDULES) if note.run_id == run.run_id)
    return HistoryReport(history.location, now, (run,), {run.run_id: history.steps(run.run_id)}, notes)
