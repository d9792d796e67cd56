"""What the buckets hold of one topic: both objects of each offloaded ledger, by HEAD."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

from offloadctl.check.subject import Subject
from offloadctl.errors import StoreError
from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadPolicies, OffloadProgress
from offloadctl.model.names import TopicName
from offloadctl.model.status import DataObject, TopicStatus
from offloadctl.operations.locate import find_objects, is_todays_among, stores_in_order
from offloadctl.plan.bucket_in_force import offered
from offloadctl.plan.storage import has_odd_size
from offloadctl.ports import ObjectStore

HEADS_AT_ONCE: Final = 8
_NAMED: Final = 10


def with_objects(status: TopicStatus, stores: Sequence[ObjectStore]) -> TopicStatus:
    """The status with what the buckets hold of the topic; what is in none of them is missing, or elsewhere.

    Of a ledger whose offload was begun, complete or not, only what is there counts: it may not be complete.
    """
    policies, ledgers = status.policies, {ledger.ledger_id: ledger for ledger in status.offloaded}
    asked = (*status.offloaded, *status.begun)
    found, not_covered = _look_at_objects(stores_in_order(stores, policies), status.topic, asked)
    seen = tuple(one for one in found if one.ledger_id in ledgers or one.size is not None)
    nowhere = [one.ledger_id for one in seen if one.size is None and not one.has_index]
    is_certain = is_todays_among(stores, policies)
    if not_covered and not is_certain:
        not_covered = tuple(why + offered([policies]) for why in not_covered)
    if nowhere and not is_certain:
        seen = tuple(one for one in seen if one.ledger_id not in nowhere)
        not_covered = (*not_covered, _elsewhere(nowhere, policies))
    block_size = policies.max_block_size if policies is not None else None
    odd = tuple(
        one
        for one in seen
        if one.size is not None
        and one.ledger_id in ledgers
        and has_odd_size(ledgers[one.ledger_id], one.size, block_size)
    )
    judged = {one.ledger_id for one in status.begun if _is_whole(one, seen, block_size)}
    return replace(
        status,
        managed_ledger=_judged(status.managed_ledger, judged),
        objects=seen,
        odd_sizes=odd,
        not_covered=not_covered,
    )


def _is_whole(ledger: Ledger, seen: Sequence[DataObject], block_size: int | None) -> bool:
    """Whether both objects of a begun ledger are there, of the right size: the index is written last."""
    found = next((one for one in seen if one.ledger_id == ledger.ledger_id), None)
    return (
        found is not None
        and found.size is not None
        and found.has_index
        and not has_odd_size(ledger, found.size, block_size)
    )


def _judged(ledgers: ManagedLedger, complete: Collection[int]) -> ManagedLedger:
    """Of a topic that nobody serves, what counts as complete by its objects; the rest stays unknown."""
    if not complete:
        return ledgers
    return replace(
        ledgers,
        ledgers=tuple(
            replace(one, progress=OffloadProgress.JUDGED) if one.ledger_id in complete else one
            for one in ledgers.ledgers
        ),
    )


def _elsewhere(ledger_ids: Sequence[int], policies: OffloadPolicies | None) -> str:
    which = ", ".join(map(str, ledger_ids[:_NAMED])) + (", …" if len(ledger_ids) > _NAMED else "")
    where = (
        f"the broker writes to bucket {policies.bucket}, which is none of those that are configured here"
        if policies is not None and policies.bucket
        else "which bucket the broker writes to is not known"
    )
    return f"ledgers in no configured bucket: {which}; {where}{offered([policies])}"


def _look_at_objects(
    stores: Sequence[ObjectStore], topic: TopicName, offloaded: Sequence[Ledger]
) -> tuple[tuple[DataObject, ...], tuple[str, ...]]:
    """Both objects of each ledger, by HEAD; a store that fails once is not asked again, and the rest is not seen."""
    found: list[DataObject] = []
    with ThreadPoolExecutor(HEADS_AT_ONCE) as pool:
        looks = [pool.submit(_look, stores, topic, ledger) for ledger in offloaded]
        for number, look in enumerate(looks):
            try:
                found.append(look.result())
            except StoreError as error:
                pool.shutdown(wait=False, cancel_futures=True)
                more = len(offloaded) - number - 1
                rest = f" (and {more} more not looked at)" if more else ""
                return tuple(found), (error.message + rest,)
    return tuple(found), ()


def _look(stores: Sequence[ObjectStore], topic: TopicName, ledger: Ledger) -> DataObject:
    if ledger.context_uuid is None:
        return DataObject(ledger.ledger_id, None, has_index=False)
    found = find_objects(stores, Subject.of(topic, ledger, ledger.context_uuid))
    size, written_at = (found.data.size, found.data.last_modified) if found.data is not None else (None, None)
    return DataObject(ledger.ledger_id, size, written_at, has_index=found.has_index)
