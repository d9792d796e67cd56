"""The journal's values as rows of `journal.sqlite`, and back."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from offloadctl.exitcodes import ExitCode
from offloadctl.model.journal import Actor, Note, Run, RunStart, Step, StepCounts, StepEnd, StepLedger, StepPlan
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Confirmation, OffloadWish, Outcome, Reason
from offloadctl.redaction import scrub
from offloadctl.units import ByteSize

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

Value = str | int | float | None


def micros(moment: datetime) -> int:
    """A time as the tables have it."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(value: int) -> datetime:
    """And back."""
    return _EPOCH + value * _MICROSECOND


def run_row(run_id: str, start: RunStart, started_at: datetime) -> dict[str, Value]:
    """A run that begins."""
    wish = start.wish
    return {
        "id": run_id,
        "started_at": micros(started_at),
        "context": start.context,
        "cluster": scrub(start.cluster),
        "user": start.actor.user,
        "host": start.actor.host,
        "pid": start.actor.pid,
        "command": scrub(start.command),
        "size_threshold": str(wish.size_threshold) if wish.size_threshold is not None else None,
        "older_than_us": str(wish.older_than // _MICROSECOND) if wish.older_than is not None else None,
        "reason": scrub(start.reason),
        "plan_hash": start.plan_hash,
    }


def run_of(row: sqlite3.Row, counts: StepCounts, *, is_alive: bool) -> Run:
    """A run as it is."""
    size, age = row["size_threshold"], row["older_than_us"]
    wish = OffloadWish(
        ByteSize(int(size)) if size is not None else None,
        timedelta(microseconds=int(age)) if age is not None else None,
    )
    return Run(
        run_id=row["id"],
        start=RunStart(
            context=row["context"],
            cluster=row["cluster"],
            actor=Actor(row["user"], row["host"], row["pid"]),
            command=row["command"],
            wish=wish,
            reason=row["reason"],
            plan_hash=row["plan_hash"],
        ),
        started_at=moment(row["started_at"]),
        ended_at=moment(row["ended_at"]) if row["ended_at"] is not None else None,
        exit_code=row["exit_code"],
        is_alive=is_alive,
        counts=counts,
    )


def plan_row(run_id: str, plan: StepPlan) -> dict[str, Value]:
    """A step that is planned."""
    return {
        "run_id": run_id,
        "topic": str(plan.topic),
        "before_ledger": plan.before.ledger_id,
        "before_entry": plan.before.entry_id,
        "ledgers": _ledgers_text(plan.ledgers),
        "ledgers_planned": len(plan.ledgers),
        "bytes_planned": plan.size,
    }


def end_row(run_id: str, topic: TopicName, end: StepEnd, ended_at: datetime) -> dict[str, Value]:
    """How it ended."""
    return {
        "run_id": run_id,
        "topic": str(topic),
        "ended_at": micros(ended_at),
        "outcome": end.outcome.value,
        "exit_code": int(end.exit_code),
        "reasons": json.dumps([[one.code, scrub(one.text)] for one in end.reasons], ensure_ascii=False),
        "ledgers_after": _ledgers_text(end.ledgers),
        "ledgers_moved": len(end.moved),
        "bytes_moved": end.moved_size,
        "object_bytes": end.object_bytes,
        "joined": int(end.joined),
        "seconds": end.seconds,
        "judged_by": end.judged_by,
    }


def step_of(row: sqlite3.Row) -> Step:
    """A step as it is."""
    return Step(
        run_id=row["run_id"],
        plan=StepPlan(
            TopicName.parse(row["topic"]),
            Position(row["before_ledger"], row["before_entry"]),
            _ledgers(row["ledgers"]),
        ),
        sent_at=moment(row["sent_at"]) if row["sent_at"] is not None else None,
        ended_at=moment(row["ended_at"]) if row["ended_at"] is not None else None,
        end=None if row["outcome"] is None else _end_of(row),
    )


def _end_of(row: sqlite3.Row) -> StepEnd:
    return StepEnd(
        outcome=Outcome(row["outcome"]),
        exit_code=ExitCode(row["exit_code"]),
        reasons=tuple(Reason(code, text) for code, text in json.loads(row["reasons"])),
        ledgers=_ledgers(row["ledgers_after"]),
        joined=bool(row["joined"]),
        seconds=row["seconds"],
        judged_by=row["judged_by"],
    )


def note_row(at: datetime, kind: str, text: str, facts: Mapping[str, str], run_id: str) -> dict[str, Value]:
    """Something written down."""
    told = json.dumps({name: scrub(value) for name, value in facts.items()}, ensure_ascii=False)
    return {"at": micros(at), "kind": kind, "text": scrub(text), "facts": told, "run_id": run_id}


def note_of(row: sqlite3.Row) -> Note:
    """And back."""
    return Note(moment(row["at"]), row["kind"], row["text"], json.loads(row["facts"]), row["run_id"])


def _ledgers_text(ledgers: Iterable[StepLedger]) -> str:
    rows = [
        [
            one.ledger_id,
            one.entries,
            one.size,
            str(one.uuid) if one.uuid is not None else None,
            one.confirmation,
            one.object_bytes,
        ]
        for one in ledgers
    ]
    return json.dumps(rows, separators=(",", ":"))


def _ledgers(text: str) -> tuple[StepLedger, ...]:
    return tuple(
        StepLedger(
            ledger_id,
            entries,
            ByteSize(size),
            UUID(uuid) if uuid is not None else None,
            Confirmation(confirmation) if confirmation is not None else None,
            object_bytes,
        )
        for ledger_id, entries, size, uuid, confirmation, object_bytes in json.loads(text)
    )
