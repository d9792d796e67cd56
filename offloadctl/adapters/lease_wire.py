"""The lines of a lease topic, and of the topic of pauses beside it: JSON, with a version.

    {"version": 1, "term": "5f2c...", "number": 17, "at": "...", "kind": "schedule-intent", "schedule": "nightly", ...}

A line counts only if the last `lease-taken` before it is of its own term: whoever was too late has written nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from offloadctl.adapters.decoding import decoded
from offloadctl.errors import StateDamaged, StateNewer
from offloadctl.model.decision import EntryKind, LogEntry

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Line:
    """One message."""

    term: str
    """Whose; empty in the topic of pauses, which anybody writes."""
    number: int
    """Grows with each line of all terms; a line that was carried forward keeps its own."""
    entry: LogEntry
    carried: bool = False
    """It stands further ahead, too, and was written again before that is forgotten."""


def encoded(line: Line) -> bytes:
    """As a message."""
    entry = line.entry
    return msgspec.json.encode(
        _Wire(
            version=VERSION,
            term=line.term,
            number=line.number,
            at=entry.at,
            kind=entry.kind.value,
            schedule=entry.schedule,
            text=entry.text,
            run_id=entry.run_id,
            payload=entry.payload,
            carried=line.carried,
        )
    )


def line_of(data: bytes, where: str) -> Line:
    """From a message; StateNewer if a newer offloadctl wrote it, StateDamaged if it is none of ours."""
    try:
        version = decoded(data, _Version).version
        if version > VERSION:
            raise StateNewer(
                f"{where} was written by a newer offloadctl: version {version}, and this one knows {VERSION}",
                hint="use the newer one",
            )
        wire = decoded(data, _Wire)
        kind = EntryKind(wire.kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StateDamaged(
            f"{where} is no line of offloadctl's: {error}", hint="let nobody else write there; or give another topic"
        ) from error
    entry = LogEntry(wire.at, kind, wire.schedule, wire.text, wire.run_id, wire.payload)
    return Line(wire.term, wire.number, entry, wire.carried)


class _Version(msgspec.Struct, frozen=True):
    version: int


class _Wire(_Version, frozen=True, rename="camel", kw_only=True):
    at: datetime
    kind: str
    term: str = ""
    number: int = 0
    schedule: str = ""
    text: str = ""
    run_id: str = ""
    payload: str = ""
    carried: bool = False
