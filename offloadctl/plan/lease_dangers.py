"""What brokers may do to a lease topic: which settings of it, or of its namespace, would lose what was decided."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from offloadctl.model.names import TopicName
from offloadctl.units import ByteSize, format_duration, format_size

NEEDED_FOR: Final = timedelta(days=31)
"""A line is written again, or given up, after 30 days."""
NEEDED_BYTES: Final = 64 * 1024**2
"""Twice what is kept: the broker deletes whole ledgers."""


@dataclass(frozen=True, slots=True)
class Quota:
    """A backlog quota in force; what we hold back is backlog."""

    policy: str
    bytes: ByteSize | None = None
    age: timedelta | None = None

    @property
    def kind(self) -> str:
        """Pulsar's word for it."""
        return "message_age" if self.age is not None else "destination_storage"


@dataclass(frozen=True, slots=True)
class LeaseTopicSettings:
    """What is in force for one of the two topics."""

    topic: TopicName
    message_ttl: timedelta | None = None
    subscription_expiration: timedelta | None = None
    quotas: tuple[Quota, ...] = ()


@dataclass(frozen=True, slots=True)
class LeaseDanger:
    """One of them, and how it is mended."""

    text: str
    mend: str


def dangers(settings: LeaseTopicSettings) -> Iterator[LeaseDanger]:
    """All there are."""
    topic, ttl, expiration = settings.topic, settings.message_ttl, settings.subscription_expiration
    if ttl is not None and ttl < NEEDED_FOR:
        yield LeaseDanger(
            f"{topic}: what was decided is forgotten after {format_duration(ttl)}, the message TTL",
            f"pulsar-admin topicPolicies set-message-ttl -t 0 {topic}",
        )
    if expiration is not None:
        yield LeaseDanger(
            f"{topic}: all is forgotten once no instance has had the lease for {format_duration(expiration)}, when"
            " subscriptions expire",
            f"pulsar-admin namespaces remove-subscription-expiration-time {topic.namespace_name}",
        )
    for quota in settings.quotas:
        if quota.bytes is not None and quota.bytes >= NEEDED_BYTES:
            continue
        if quota.age is not None and quota.age >= NEEDED_FOR:
            continue
        limit = format_duration(quota.age) if quota.age is not None else format_size(quota.bytes or 0)
        yield LeaseDanger(
            f"{topic}: the backlog quota of {limit} ({quota.policy}) is less than what is kept, 30 days",
            f"pulsar-admin topicPolicies set-backlog-quota -l -1 -lt -1 -p {quota.policy} -t {quota.kind} {topic}",
        )
