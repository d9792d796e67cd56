"""Payloads of the decision log: decision, intent, result, and the state behind them, as JSON and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from offloadctl.errors import StateDamaged
from offloadctl.model.decision import Decision, Intent, LogEntry, RunResult
from offloadctl.plan.comparing import Holding
from offloadctl.plan.schedule_state import Moved, ScheduleState

_MOST_HELD: Final = 2000
"""What hysteresis holds of single topics beyond these is forgotten by a restart, and says nothing wrong then."""


@dataclass(frozen=True, slots=True)
class Payload:
    """What an entry says to programs."""

    state: ScheduleState = field(default_factory=ScheduleState)
    decision: Decision | None = None
    intent: Intent | None = None
    result: RunResult | None = None


def encode(payload: Payload) -> str:
    """As JSON."""
    wire = _Wire(_stored(payload.state), payload.decision, payload.intent, payload.result)
    return msgspec.json.encode(wire).decode()


def decode(entry: LogEntry) -> Payload:
    """From an entry; StateDamaged if nobody can read it."""
    try:
        wire = msgspec.json.decode(entry.payload, type=_Wire)
    except msgspec.MsgspecError as error:
        raise StateDamaged(
            f"the decision log's entry about {entry.schedule} of {entry.at:%Y-%m-%d %H:%M:%S} UTC cannot be read:"
            f" {error}",
            hint="it was written by another version of offloadctl; use that one, or another directory: --state",
        ) from error
    return Payload(_restored(wire.state), wire.decision, wire.intent, wire.result)


@dataclass(frozen=True, slots=True)
class _Held:
    comparison: str
    subject: str
    since: datetime
    counts: bool


@dataclass(frozen=True, slots=True)
class _State:
    handled: Mapping[str, datetime]
    held: tuple[_Held, ...]
    running: Intent | None
    last_run: str
    last_begun: datetime | None
    last_ended: datetime | None
    moved: tuple[Moved, ...]
    runs: int
    evaluated_at: datetime | None
    gist: str
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Wire:
    state: _State
    decision: Decision | None = None
    intent: Intent | None = None
    result: RunResult | None = None


def _stored(state: ScheduleState) -> _State:
    held = [
        _Held(comparison, subject, one.since, one.counts)
        for (comparison, subject), one in state.memory.items()
        if not one.is_plain
    ]
    return _State(
        handled=state.handled,
        held=tuple(held[:_MOST_HELD]),
        running=state.running,
        last_run=state.last_run,
        last_begun=state.last_begun,
        last_ended=state.last_ended,
        moved=state.moved,
        runs=state.runs,
        evaluated_at=state.evaluated_at,
        gist=state.gist,
        told_at=state.told_at,
    )


def _restored(stored: _State) -> ScheduleState:
    return ScheduleState(
        handled=stored.handled,
        memory={(one.comparison, one.subject): Holding(one.since, one.counts) for one in stored.held},
        running=stored.running,
        last_run=stored.last_run,
        last_begun=stored.last_begun,
        last_ended=stored.last_ended,
        moved=stored.moved,
        runs=stored.runs,
        evaluated_at=stored.evaluated_at,
        gist=stored.gist,
        told_at=stored.told_at,
    )
