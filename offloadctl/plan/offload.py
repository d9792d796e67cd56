"""Which ledgers an offload would move, and why; and what really moved.

The boundary follows pulsar-admin's rule to the letter (CmdTopics.java, findFirstLedgerWithinThreshold), and which
ledgers before the boundary move follows the broker's (ManagedLedgerImpl.java, asyncOffloadPrefix).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadPolicies, OffloadProgress, Position
from offloadctl.model.offload import Confirmation, Fate, OffloadPlan, OffloadWish, PlannedLedger, Reason
from offloadctl.units import format_duration, format_size


def plan_offload(
    managed_ledger: ManagedLedger, wish: OffloadWish, now: datetime, *, policies: OffloadPolicies | None = None
) -> OffloadPlan:
    """The plan for one topic: the boundary to send, each ledger's fate, and the reasons in words."""
    return _plan(managed_ledger, _boundary(managed_ledger, wish, now), wish, now, policies)


def plan_before(
    managed_ledger: ManagedLedger,
    before: Position,
    wish: OffloadWish,
    now: datetime,
    *,
    policies: OffloadPolicies | None = None,
) -> OffloadPlan:
    """The plan for a boundary that was settled earlier: nothing beyond it moves, whatever was closed since.

    Loading a topic takes away a last ledger that is empty, and brokers refuse the position of a ledger that is not
    there. The next one after it bounds the same ledgers.
    """
    later = (one.ledger_id for one in managed_ledger.ledgers if one.ledger_id >= before.ledger_id)
    return _plan(managed_ledger, next(later, before.ledger_id), wish, now, policies)


def _plan(
    managed_ledger: ManagedLedger,
    boundary: int | None,
    wish: OffloadWish,
    now: datetime,
    policies: OffloadPolicies | None,
) -> OffloadPlan:
    planned = tuple(PlannedLedger(ledger, _fate(ledger, managed_ledger, boundary)) for ledger in managed_ledger.ledgers)
    before = None if boundary is None else Position(boundary, 0)
    plan = OffloadPlan(managed_ledger, before, planned, (), policies)
    reasons = tuple(_reasons(plan, wish, now))
    return OffloadPlan(managed_ledger, before if plan.moves else None, planned, reasons, policies)


def boundary_by_size(ledgers: Sequence[Ledger], threshold: int) -> int | None:
    """The ledger id that pulsar-admin would send for a size threshold in bytes, or None for "Nothing to offload".

    The newest ledgers whose sum does not exceed the threshold stay: the open ledger's bytes count, and so do those of
    ledgers that are offloaded already. The comparison is strict.
    """
    if not ledgers:
        return None
    kept, previous = 0, ledgers[-1].ledger_id
    for ledger in reversed(ledgers):
        kept += ledger.size
        if kept > threshold:
            return previous
        previous = ledger.ledger_id
    return None


def boundary_by_age(ledgers: Sequence[Ledger], older_than: timedelta, now: datetime) -> int | None:
    """The first ledger that was not closed at least `older_than` ago, or None if already the oldest was not.

    A boundary cannot skip a ledger, so a young ledger keeps all after it.
    """
    previous: Ledger | None = None
    for ledger in ledgers:
        if ledger.is_open or ledger.closed_at is None or now - ledger.closed_at < older_than:
            return ledger.ledger_id if previous is not None else None
        previous = ledger
    # All are closed and old: the last one of the list stays, whatever its age.
    return previous.ledger_id if previous is not None and len(ledgers) > 1 else None


def confirm_ledger(planned: Ledger, after: ManagedLedger) -> Confirmation:
    """What the ledgers, read again, say of one planned ledger; its objects are another question."""
    ledger = after.ledger(planned.ledger_id)
    if ledger is None:
        return Confirmation.TRIMMED
    return Confirmation.UNCONFIRMED if ledger.is_offloaded else Confirmation.NOT_MOVED


def _boundary(managed_ledger: ManagedLedger, wish: OffloadWish, now: datetime) -> int | None:
    """The newer of both rules' boundaries: a ledger moves if either rule wants it, as in automatic offload."""
    ledgers = managed_ledger.ledgers
    boundaries = []
    if wish.size_threshold is not None:
        boundaries.append(boundary_by_size(ledgers, wish.size_threshold))
    if wish.older_than is not None:
        boundaries.append(boundary_by_age(ledgers, wish.older_than, now))
    return max((boundary for boundary in boundaries if boundary is not None), default=None)


def _fate(ledger: Ledger, managed_ledger: ManagedLedger, boundary: int | None) -> Fate:
    if ledger.is_open:
        # Nothing is written to a terminated topic, although the metadata has no counts of its last ledger either.
        return Fate.OPEN if managed_ledger.terminated_at is None else Fate.LAST
    if ledger.counts_as_offloaded:
        return Fate.ALREADY_OFFLOADED
    if boundary is None or ledger.ledger_id >= boundary:
        # Only where the boundary would have taken it is being the last one the reason.
        is_last = ledger is managed_ledger.ledgers[-1] and ledger.ledger_id == boundary
        return Fate.LAST if is_last else Fate.KEPT
    if ledger.entries == 0:
        return Fate.EMPTY
    if ledger.size == 0:
        return Fate.NO_LENGTH
    return Fate.UNKNOWN if ledger.progress is OffloadProgress.BEGUN else Fate.MOVES


def _reasons(plan: OffloadPlan, wish: OffloadWish, now: datetime) -> Iterable[Reason]:
    managed_ledger = plan.managed_ledger
    # The open ledger of a topic that is not loaded has no known size, so only a served topic is known to be empty.
    known = managed_ledger.served or not managed_ledger.ledgers
    if known and all(ledger.entries == 0 for ledger in managed_ledger.ledgers):
        yield Reason("empty", "the topic has no data")
        return
    if plan.moves:
        yield _moving(plan)
    yield from _staying(plan, wish, now)
    if managed_ledger.terminated_at is not None:
        yield Reason("terminated", "the topic is terminated: its last ledger is never offloaded by hand")
    if not managed_ledger.served:
        yield Reason(
            "not-loaded",
            "planned from the metadata alone, since no broker is known to serve the topic; " + _once_loaded(plan),
        )


def _once_loaded(plan: OffloadPlan) -> str:
    if plan.managed_ledger.terminated_at is not None:
        return "loading it tells the size of the last ledger, and may move the boundary"
    return "loading it closes the open ledger, opens a new one, and may move the boundary"


def _moving(plan: OffloadPlan) -> Reason:
    return Reason("moves", f"moves: {_sum(plan.moves)}, everything closed before {plan.before}")


def _staying(plan: OffloadPlan, wish: OffloadWish, now: datetime) -> Iterable[Reason]:
    by_fate: dict[Fate, list[Ledger]] = {}
    for planned in plan.ledgers:
        by_fate.setdefault(planned.fate, []).append(planned.ledger)
    kept = by_fate.get(Fate.KEPT, [])
    still_open = by_fate.get(Fate.OPEN, [])
    if kept or (still_open and not plan.moves):
        yield Reason("kept", f"kept: {_why_kept(plan, kept, still_open, wish, now)}")
    if by_fate.get(Fate.LAST) and plan.managed_ledger.terminated_at is None:
        yield Reason("last", f"the last ledger of the list is never offloaded by hand: {_ids(by_fate[Fate.LAST])}")
    if done := by_fate.get(Fate.ALREADY_OFFLOADED):
        text = f"already offloaded: {_sum(done)}"
        if wish.size_threshold is not None:
            text += "; pulsar-admin's rule counts their bytes too"
        yield Reason("already-offloaded", text)
    if begun := by_fate.get(Fate.UNKNOWN):
        yield Reason("begun", f"begun earlier, complete or not is unknown without loading the topic: {_sum(begun)}")
    if empty := by_fate.get(Fate.EMPTY):
        yield Reason("empty-ledger", f"without entries, never offloaded: {_ids(empty)}")
    if lengthless := by_fate.get(Fate.NO_LENGTH):
        yield Reason(
            "no-length",
            f"with entries but a recorded length of 0, which brokers before 4.1 never offload: {_ids(lengthless)}",
        )


def _why_kept(plan: OffloadPlan, kept: list[Ledger], still_open: list[Ledger], wish: OffloadWish, now: datetime) -> str:
    stay = [*kept, *still_open]
    why = []
    if wish.size_threshold is not None and (kept or plan.managed_ledger.served):
        why.append(_size_rule(plan, stay, wish.size_threshold))
    if wish.older_than is not None and kept:
        ages = [now - ledger.closed_at for ledger in kept if ledger.closed_at is not None]
        limit = format_duration(wish.older_than)
        if ages and max(ages) < wish.older_than:
            why.append(f"the oldest closed {format_duration(max(*ages, timedelta(0)))} ago, not yet {limit}")
        elif old := _behind_a_young_one(plan, kept, wish.older_than, now):
            why.append(
                f"closed {limit} ago and more, but behind a ledger that was not, and a boundary skips none: {_ids(old)}"
            )
    if still_open and plan.managed_ledger.served:
        share = f"the open ledger holds {format_size(still_open[-1].size)} of them" if kept else "it is open"
        why.append(share + ", and an open ledger never moves")
    total = _sum(stay) if plan.managed_ledger.served else _sum_of_known(kept, still_open)
    return f"{total}, {'; '.join(why)}" if why else total


def _behind_a_young_one(plan: OffloadPlan, kept: list[Ledger], older_than: timedelta, now: datetime) -> list[Ledger]:
    """The ledgers that are old enough and stay, since one before them is not."""
    closed = [one for one in plan.managed_ledger.ledgers if one.closed_at is not None]
    is_old = {one.ledger_id: one.closed_at is not None and now - one.closed_at >= older_than for one in closed}
    young = next((ledger_id for ledger_id, enough in is_old.items() if not enough), None)
    old = [one for one in kept if is_old.get(one.ledger_id)]
    return [one for one in old if young is not None and young < one.ledger_id]


def _size_rule(plan: OffloadPlan, stay: list[Ledger], threshold: int) -> str:
    total = sum(ledger.size for ledger in stay)
    if total > threshold:
        return f"above the threshold of {format_size(threshold)}"
    every = sum(ledger.size for ledger in plan.managed_ledger.ledgers)
    if plan.before is None and every <= threshold and every != total:
        return f"with all offloaded ledgers {format_size(every)}, not above the threshold of {format_size(threshold)}"
    return f"not above the threshold of {format_size(threshold)}"


def _sum_of_known(kept: list[Ledger], still_open: list[Ledger]) -> str:
    """Of a topic that is not loaded nobody knows how large its open ledger is."""
    unknown = "the open ledger, of unknown size" if still_open else ""
    return " and ".join(filter(None, (_sum(kept) if kept else "", unknown)))


def _sum(ledgers: Sequence[Ledger]) -> str:
    size = format_size(sum(ledger.size for ledger in ledgers))
    return f"{len(ledgers)} {'ledger' if len(ledgers) == 1 else 'ledgers'}, {size}"


def _ids(ledgers: Iterable[Ledger]) -> str:
    return ", ".join(str(ledger.ledger_id) for ledger in ledgers)
