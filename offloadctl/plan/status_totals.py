"""Many topics' status in numbers: sums over some of them, and in which order they are shown."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from offloadctl.model.ledger import Ledger
from offloadctl.model.status import (
    Amount,
    Bound,
    SortKey,
    StatusGroup,
    StatusReport,
    TopicStatus,
    UnreadTopic,
    total_size,
)
from offloadctl.plan.storage import doubly_stored, stored_in_s3
from offloadctl.units import ByteSize

NOT_ASKED: Final = "not asked"
_NEVER: Final = datetime.max.replace(tzinfo=UTC)

_LEDGERS: Final[Mapping[SortKey, Callable[[TopicStatus], Sequence[Ledger]]]] = {
    SortKey.ELIGIBLE: lambda one: one.eligible,
    SortKey.LOCAL: lambda one: one.local,
    SortKey.OFFLOADED: lambda one: one.offloaded,
    SortKey.CLOSED: lambda one: one.closed,
    SortKey.UNFINISHED: lambda one: (*one.in_flight, *one.begun),
}
"""By whose bytes a topic is ranked."""


@dataclass(frozen=True, slots=True)
class LedgerSum:
    """So many ledgers, and their bytes in BookKeeper."""

    ledgers: int
    size: ByteSize

    @classmethod
    def of(cls, ledgers: Iterable[Sequence[Ledger]]) -> Self:
        """Of several topics together."""
        every = [ledger for some in ledgers for ledger in some]
        return cls(len(every), total_size(every))


@dataclass(frozen=True, slots=True)
class StatusTotals:
    """What topics and partitions come to, together."""

    parts: int
    unread: int
    claims: Mapping[str, int]
    """How many brokers say what; `not asked` of those that would have had to be loaded."""
    closed: LedgerSum
    offloaded: LedgerSum
    in_flight: LedgerSum
    begun: LedgerSum
    local: LedgerSum
    eligible: LedgerSum
    in_s3: Amount | None
    """None if some are known from above and others from below."""
    doubly_stored: Amount | None
    oldest_eligible: datetime | None
    missing_objects: int
    odd_sizes: int
    not_covered: int
    """Topics and partitions of which not all could be looked at."""

    @classmethod
    def of(cls, parts: Sequence[TopicStatus | UnreadTopic]) -> Self:
        """Of these."""
        read = [part for part in parts if isinstance(part, TopicStatus)]
        oldest = [one.oldest_eligible for one in read]
        return cls(
            parts=len(parts),
            unread=len(parts) - len(read),
            claims=Counter(one.claim.state.value if one.claim is not None else NOT_ASKED for one in read),
            closed=LedgerSum.of(one.closed for one in read),
            offloaded=LedgerSum.of(one.offloaded for one in read),
            in_flight=LedgerSum.of(one.in_flight for one in read),
            begun=LedgerSum.of(one.begun for one in read),
            local=LedgerSum.of(one.local for one in read),
            eligible=LedgerSum.of(one.eligible for one in read),
            in_s3=_sum([stored_in_s3(one) for one in read]),
            doubly_stored=_sum([doubly_stored(one) for one in read]),
            oldest_eligible=min((one.closed_at for one in oldest if one and one.closed_at is not None), default=None),
            missing_objects=sum(len(one.missing_objects) for one in read),
            odd_sizes=sum(len(one.odd_sizes) for one in read),
            not_covered=sum(bool(one.not_covered) for one in read),
        )


def shown(report: StatusReport) -> tuple[StatusGroup, ...]:
    """The topics that the report shows, in order; a topic counts with all its partitions, and unread ones come last."""
    groups = report.groups
    if (key := report.sort) is not None:
        groups = tuple(sorted(groups, key=lambda group: _rank(group, key)))
    return groups if report.top is None else groups[: report.top]


def _rank(group: StatusGroup, key: SortKey) -> tuple[bool, int, datetime, str]:
    read = [part for part in group.parts if isinstance(part, TopicStatus)]
    ledgers = _LEDGERS.get(key)
    most = -sum(total_size(ledgers(one)) for one in read) if ledgers is not None else 0
    oldest = _NEVER
    if key is SortKey.AGE:
        waiting = [one.oldest_eligible for one in read]
        oldest = min((one.closed_at for one in waiting if one and one.closed_at is not None), default=_NEVER)
    return not read, most, oldest, str(group.topic)


def _sum(amounts: Sequence[Amount]) -> Amount | None:
    bounds = {amount.bound for amount in amounts} - {Bound.EXACT}
    if len(bounds) > 1:
        return None
    return Amount(ByteSize(sum(amount.size for amount in amounts)), next(iter(bounds), Bound.EXACT))
