"""Which runs a person must agree to, and whether what was agreed to still holds."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from offloadctl.model.approval import ApprovedLedger, ApprovedPart, ApprovedRun
from offloadctl.model.offload import OffloadPlan, OffloadWish, Reason
from offloadctl.model.scope import Scope
from offloadctl.units import ByteSize, format_size

MANY_TOPICS: Final = 100
MUCH: Final = ByteSize(1024**4)


def needs_approval(scope: Scope, wish: OffloadWish, plans: Sequence[OffloadPlan]) -> tuple[Reason, ...]:
    """Why this run is not to be begun without a yes; nothing for what moves nothing.

    A threshold of 0 is nothing unusual for topics that are named one by one; it is for whatever is in a namespace.
    """
    return tuple(_causes(scope, wish, plans)) if plans else ()


def _causes(scope: Scope, wish: OffloadWish, plans: Sequence[OffloadPlan]) -> Iterator[Reason]:
    if scope.everything or scope.tenants:
        yield Reason("everything", "its scope is all topics of the cluster, or of whole tenants")
    if scope.is_wide and wish.size_threshold is not None and wish.size_threshold <= 0:
        yield Reason("threshold-0", "a threshold of 0 moves everything that is closed")
    if len(plans) > MANY_TOPICS:
        yield Reason("many-topics", f"{len(plans):,} topics are more than {MANY_TOPICS}")
    if (size := sum(plan.bytes_to_move for plan in plans)) > MUCH:
        yield Reason("much", f"{format_size(size)} are more than {format_size(MUCH)}")


def still_holds(approved: ApprovedRun, cluster: str | None, now: datetime) -> Iterator[Reason]:
    """What has changed about the plan as a whole; nothing if nothing has."""
    if cluster != approved.cluster:
        yield Reason(
            "cluster",
            f"cluster: it was made for {approved.cluster or 'an unknown one'}, "
            f"and this is {cluster or 'an unknown one'}",
        )
    if now > approved.expires_at:
        yield Reason("expiry", f"expiry: it was valid until {approved.expires_at.isoformat(timespec='seconds')}")


def differences(approved: ApprovedPart, plan: OffloadPlan) -> Iterator[Reason]:
    """What moves now by the approved boundary that was not approved, and the other way round."""
    then = {one.ledger_id: one for one in approved.ledgers}
    now = {one.ledger_id: ApprovedLedger(one.ledger_id, one.entries, one.size) for one in plan.moves}
    if gone := sorted(then.keys() - now.keys()):
        yield Reason("ledgers", f"{approved.topic}: no longer to be moved: {_ids(gone)}")
    if new := sorted(now.keys() - then.keys()):
        yield Reason("ledgers", f"{approved.topic}: would move as well: {_ids(new)}")
    if other := sorted(one for one in then.keys() & now.keys() if then[one] != now[one]):
        yield Reason("ledgers", f"{approved.topic}: not what they were: {_ids(other)}")


def _ids(ledger_ids: Sequence[int]) -> str:
    noun = "ledger" if len(ledger_ids) == 1 else "ledgers"
    return f"{noun} {', '.join(map(str, ledger_ids[:10]))}{' and more' if len(ledger_ids) > 10 else ''}"
