"""What a topic's subscriptions have still before them."""

from collections.abc import Mapping, Sequence
from typing import Final

from offloadctl.format.keys import data_key
from offloadctl.model.check import LedgerCheck, Verdict
from offloadctl.model.cursor_place import CursorPlace, Readable
from offloadctl.model.finding import Readers
from offloadctl.model.ledger import Cursor, Ledger, ManagedLedger, Position

_READABLE: Final[Mapping[Verdict, Readable]] = {
    Verdict.SOUND: Readable.YES,
    Verdict.WARNING: Readable.YES,
    Verdict.DAMAGED: Readable.NO,
}


def has_before_it(cursor: Cursor, ledger: Ledger) -> bool:
    """Whether a subscription has not acknowledged all of a ledger, single acknowledgements left aside."""
    ledger_id, entry_id = cursor.mark_delete
    if ledger.ledger_id == ledger_id:
        return ledger.is_open or entry_id < ledger.entries - 1
    return ledger.ledger_id > ledger_id


def readers_of(ledger: Ledger, cursors: Sequence[Cursor]) -> Readers:
    """Whom damage in a ledger will hit."""
    ahead = [cursor for cursor in cursors if has_before_it(cursor, ledger)]
    return Readers(
        tuple(cursor.subscription for cursor in ahead if cursor.is_current),
        tuple(cursor.subscription for cursor in ahead if not cursor.is_current),
    )


def place_of(subscription: str, managed: ManagedLedger, checks: Sequence[LedgerCheck]) -> CursorPlace:
    """Where a subscription stands, by what was read of the topic and what a check says of its ledgers."""
    cursor = next((one for one in managed.cursors if one.subscription == subscription), None)
    if cursor is None:
        known = ", ".join(one.subscription for one in managed.cursors)
        why = f"{managed.topic} has no subscription {subscription}; it has {known or 'none at all'}"
        return CursorPlace(subscription, Readable.UNKNOWN, not_covered=(why,))
    ledger = next((one for one in managed.ledgers if has_before_it(cursor, one)), None)
    position = _next_entry(cursor, ledger)
    check = next((one for one in checks if ledger is not None and one.ledger.ledger_id == ledger.ledger_id), None)
    readable = _readable(managed, ledger, position, check)
    reasons = []
    if not cursor.is_current:
        reasons.append(
            f"where subscription {subscription} of {managed.topic} stands: at {position} or further on; only a broker "
            "that serves the topic knows (--load-topics)"
        )
    if readable is Readable.UNKNOWN:
        reasons.append(f"whether subscription {subscription} of {managed.topic} can read on from {position}")
    return CursorPlace(
        subscription,
        readable,
        position,
        is_exact=cursor.is_current,
        key=data_key(ledger.context_uuid, ledger.ledger_id) if ledger and ledger.context_uuid and check else None,
        bucket=check.bucket if check is not None else "",
        damaged_ahead=tuple(
            one.ledger.ledger_id
            for one in checks
            if one.verdict is Verdict.DAMAGED and has_before_it(cursor, one.ledger)
        ),
        not_covered=tuple(reasons),
    )


def _next_entry(cursor: Cursor, ledger: Ledger | None) -> Position:
    ledger_id, entry_id = cursor.mark_delete
    if ledger is None or ledger.ledger_id == ledger_id:
        return Position(ledger_id, entry_id + 1)
    return Position(ledger.ledger_id, 0)


def _readable(managed: ManagedLedger, ledger: Ledger | None, position: Position, check: LedgerCheck | None) -> Readable:
    if check is not None:
        return _READABLE.get(check.verdict, Readable.UNKNOWN)
    if ledger is None or (ledger.is_open and managed.served and position.entry_id >= ledger.entries):
        return Readable.AT_THE_END
    # A ledger whose offload is complete, or may be, and that no check tells of: its turn never came.
    return (
        Readable.UNKNOWN if ledger.is_offloaded or (ledger.context_uuid and not managed.served) else Readable.NOT_IN_S3
    )
