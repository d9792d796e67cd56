"""What became of the policies in force between a plan and the end of its run."""

from collections.abc import Iterator
from typing import Final

from offloadctl.model.ledger import OffloadPolicies
from offloadctl.model.offload import Reason

_NAMES: Final = {
    "driver": "the driver",
    "bucket": "the bucket",
    "region": "the region",
    "endpoint": "the endpoint",
    "max_block_size": "the block size",
    "deletion_lag_ms": "the deletion lag in ms",
    "size_threshold": "the size threshold",
    "age_threshold_s": "the age threshold in s",
    "read_priority": "the read priority",
}
"""Every field of OffloadPolicies; what it is called."""

_PLACE: Final = ("driver", "bucket", "region", "endpoint")


def changed(before: OffloadPolicies | None, after: OffloadPolicies | None) -> tuple[Reason, ...]:
    """The changes as one warning; nothing where either is not known."""
    if before is None or after is None or before == after:
        return ()
    text = f"the offload policies changed since the plan was made: {'; '.join(_differences(before, after))}"
    if moved_elsewhere(before, after):
        text += "; ledgers may be in either place, so configure both buckets"
    return (Reason("policy-changed", text),)


def moved_elsewhere(before: OffloadPolicies | None, after: OffloadPolicies | None) -> bool:
    """Whether ledgers go to another place now than when the plan was made."""
    if before is None or after is None:
        return False
    return any(getattr(before, name) != getattr(after, name) for name in _PLACE)


def _differences(before: OffloadPolicies, after: OffloadPolicies) -> Iterator[str]:
    for name, words in _NAMES.items():
        then, now = getattr(before, name), getattr(after, name)
        if then != now:
            yield f"{words} was {_shown(then)} and is {_shown(now)}"


def _shown(value: object) -> str:
    return "not set" if value is None else str(value)
