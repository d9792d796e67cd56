"""Take note of findings, so that they make no check fail until a day that is named; and take that back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from offloadctl.errors import BadValue, UsageError
from offloadctl.model.finding import Acknowledgement, KnownFinding
from offloadctl.ports import FindingStore

_ID_HINT = "check TOPIC shows the id of each finding; only what a check has found can be acknowledged"


@dataclass(frozen=True, slots=True)
class Note:
    """Who takes note, why, and until when."""

    by: str
    reason: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An acknowledgement, and the finding that it is about."""

    acknowledgement: Acknowledgement
    finding: KnownFinding
    ended: bool = False
    """Whether it holds no longer: its time is over, or something else was found since."""


def acknowledge(
    store: FindingStore, finding_ids: Sequence[str], note: Note, now: datetime, *, dry_run: bool = False
) -> tuple[Acknowledged, ...]:
    """Acknowledge findings as they were last seen, all of them or none."""
    if not note.reason.strip():
        raise UsageError("say why: --reason TEXT")
    if note.until <= now:
        raise BadValue(f"an acknowledgement until {note.until:%Y-%m-%d %H:%M:%S UTC} would have ended already")
    noted = tuple(_noted(store, one, note, now) for one in dict.fromkeys(finding_ids))
    if not dry_run:
        store.acknowledge([one.acknowledgement for one in noted])
    return noted


def unacknowledge(
    store: FindingStore, finding_ids: Sequence[str], now: datetime, *, dry_run: bool = False
) -> tuple[Acknowledged, ...]:
    """Take acknowledgements back; tells what they were. An error if one of them is not there, and none is touched."""
    there = {one.finding.id: one for one in acknowledgements(store, now)}
    asked = tuple(dict.fromkeys(finding_ids))
    if strange := [one for one in asked if one not in there]:
        raise BadValue(f"not acknowledged: {', '.join(strange)}", hint="offloadctl check acknowledgements lists them")
    if not dry_run:
        store.unacknowledge(asked)
    return tuple(there[one] for one in asked)


def acknowledgements(store: FindingStore, now: datetime) -> tuple[Acknowledged, ...]:
    """All there are, the soonest end first."""
    return tuple(
        Acknowledged(one, finding, ended=one.until <= now or one.evidence != finding.evidence)
        for one, finding in store.acknowledgements()
    )


def _noted(store: FindingStore, finding_id: str, note: Note, now: datetime) -> Acknowledged:
    known = store.known(finding_id)
    if known is None:
        raise BadValue(f"no check that is remembered here has found {finding_id!r}", hint=_ID_HINT)
    made = Acknowledgement(finding_id, known.evidence, note.by, now, note.until, note.reason.strip())
    return Acknowledged(made, known)
