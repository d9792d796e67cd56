"""What a trim of one topic would take, and whether it may: only where what is in the store is proved to be whole.

A trim does what brokers do by themselves every retentionCheckIntervalInSeconds, of the topics that they serve: it takes
ledgers that retention lets go, with their objects, and BookKeeper's copies of ledgers that have been offloaded for
longer than the deletion lag (ManagedLedgerImpl.java, internalTrimLedgers).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from offloadctl.brokerconf.policy_fields import DELETION_LAG, DRIVER
from offloadctl.model.ledger import StoredLedger, StoredLedgers
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Reason
from offloadctl.model.policies import PolicyLevels
from offloadctl.model.topic_action import TopicResult, TopicState
from offloadctl.plan.policies_in_force import in_force
from offloadctl.plan.policy_outcome import Affected
from offloadctl.plan.retention import Due, due, retention_in_force
from offloadctl.units import ByteSize, finite_duration, format_size


@dataclass(frozen=True, slots=True)
class Taken:
    """What a trim may take of a topic."""

    by_retention: Due
    copies: int
    """At most so many in BookKeeper: whether one is gone already, or its lag not over yet, brokers do not tell."""
    copies_size: ByteSize

    @property
    def is_nothing(self) -> bool:
        """Whether nothing can go."""
        return not self.by_retention.ledgers and not self.copies


def taken_by_trim(stored: StoredLedgers, levels: PolicyLevels, now: datetime) -> Taken:
    """By the policies in force; what is not known of them may let everything go."""
    copies = tuple(_copies(stored, levels, now))
    size = ByteSize(sum(one.size or 0 for one in copies))
    return Taken(due(stored, retention_in_force(levels).retention, now), len(copies), size)


def judge_trim(topic: TopicName, taken: Taken, affected: Affected) -> TopicResult:
    """PLANNED, LEFT or REFUSED, and why; `affected` are the topic's ledgers in the store."""
    words = "; ".join(_words(taken))
    ledgers = taken.by_retention.ledgers + taken.copies
    size = ByteSize(taken.by_retention.size + taken.copies_size)
    if taken.is_nothing:
        return TopicResult(topic, TopicState.LEFT, Reason("nothing-due", words))
    if affected.doubt:
        reason = Reason("unverified", f"what is in the store is not proved to be whole: {affected.doubt}; {words}")
        return TopicResult(topic, TopicState.REFUSED, reason, ledgers, size)
    return TopicResult(topic, TopicState.PLANNED, Reason("due", words), ledgers, size)


def _copies(stored: StoredLedgers, levels: PolicyLevels, now: datetime) -> Iterator[StoredLedger]:
    policy = in_force(levels)
    lag_ms = policy.number(DELETION_LAG)
    # Without an offloader, or without a lag, no copy is deleted (ManagedLedgerImpl.java, isOffloadedNeedsDelete).
    if levels.broker_is_known and (not policy.text(DRIVER) or lag_ms is None):
        return
    lag = finite_duration(0 if lag_ms is None else lag_ms)
    if lag is None:
        return
    for one in stored.ledgers:
        # It was complete after it was closed.
        if one.context_uuid is not None and one.closed_at is not None and now - one.closed_at > lag:
            yield one


def _words(taken: Taken) -> Iterator[str]:
    retention = taken.by_retention
    if taken.is_nothing:
        yield "retention keeps everything, and no offloaded ledger is older than the deletion lag"
    if retention.ledgers:
        up_to = "" if retention.is_exact else "up to "
        yield f"retention lets {up_to}{_count(retention.ledgers, 'ledger')} go, {format_size(retention.size)}"
    if taken.copies:
        yield f"up to {_count(taken.copies, 'copy')} in BookKeeper may go, {format_size(taken.copies_size)}"


def _count(number: int, what: str) -> str:
    many = "copies" if what == "copy" else f"{what}s"
    return f"{number:,} {what if number == 1 else many}"
