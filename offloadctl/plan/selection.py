"""Which of many plans a run takes on: the largest and the oldest first, within its limits."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from offloadctl.model.offload import OffloadLimits, OffloadPlan, Reason
from offloadctl.units import format_size

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Left:
    """A plan that is not acted on now, and why."""

    plan: OffloadPlan
    reason: Reason


@dataclass(frozen=True, slots=True)
class Selection:
    """What a run acts on, in this order, and what it leaves out."""

    chosen: tuple[OffloadPlan, ...]
    left: tuple[Left, ...] = ()


def select(plans: Iterable[OffloadPlan], limits: OffloadLimits) -> Selection:
    """The plans that move something, the largest first, of equal ones the one whose ledger was closed first."""
    chosen: list[OffloadPlan] = []
    left: list[Left] = []
    total = 0
    for plan in sorted((one for one in plans if one.before is not None), key=_rank):
        reason = _why_left(plan, total, limits)
        if reason is not None:
            left.append(Left(plan, reason))
            continue
        chosen.append(plan)
        total += plan.bytes_to_move
    return Selection(tuple(chosen), tuple(left))


def _rank(plan: OffloadPlan) -> tuple[int, datetime]:
    oldest = min((one.closed_at for one in plan.moves if one.closed_at is not None), default=_NEVER)
    return -plan.bytes_to_move, oldest


def _why_left(plan: OffloadPlan, total: int, limits: OffloadLimits) -> Reason | None:
    if limits.free is not None and total >= limits.free:
        return Reason("enough", f"left out: {format_size(total)} are planned, which is enough (--free)")
    if limits.at_most is not None and total + plan.bytes_to_move > limits.at_most:
        return Reason(
            "too-much",
            f"left out: {format_size(plan.bytes_to_move)} on top of {format_size(total)} would be more than "
            f"{format_size(limits.at_most)} (--max-bytes)",
        )
    return None
