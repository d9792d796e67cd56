"""A broker in memory for tests of operations: it keeps ledgers, and does with a trigger what the test says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from offloadctl.errors import BrokerError
from offloadctl.model.ledger import (
    Cursor,
    OffloadPolicies,
    OffloadState,
    OffloadStatus,
    Position,
    ServedLedger,
    ServedLedgers,
    StoredLedger,
    StoredLedgers,
)
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.policies import NamespaceFacts, PolicyObject, PolicyScope, Retention
from offloadctl.model.scope import Listed
from offloadctl.ports.topics import Clients
from offloadctl.units import ByteSize

CLOSED_AT = datetime(2026, 11, 24, 2, tzinfo=UTC)
RUNNING = OffloadStatus(OffloadState.RUNNING)
SUCCESS = OffloadStatus(OffloadState.SUCCESS)


@dataclass
class VirtualClock:
    """Time passes only by sleeping."""

    elapsed: float = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 24, 12, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.elapsed += seconds


class NoPolicies:
    """The part of a fake that is about policies: there are none, and changing them is a mistake of the test."""

    def own_offload_policy(self, scope: PolicyScope, *, is_global: bool = False) -> PolicyObject | None:
        return None

    def applied_offload_policy(self, topic: TopicName) -> PolicyObject:
        return PolicyObject()

    def namespace_facts(self, namespace: NamespaceName) -> NamespaceFacts:
        return NamespaceFacts()

    def topic_retention(self, topic: TopicName, *, is_global: bool = False) -> Retention | None:
        return None

    def broker_settings(self) -> Mapping[str, str]:
        return {}

    def replace_offload_policy(
        self, scope: PolicyScope, policy: PolicyObject, *, expected: PolicyObject | None, is_global: bool = False
    ) -> None:
        raise AssertionError(f"nobody was to change the policy of {scope}")

    def set_offload_field(self, namespace: NamespaceName, name: str, value: int | None) -> None:
        raise AssertionError(f"nobody was to change {name} of {namespace}")

    def remove_offload_policy(self, scope: PolicyScope, *, is_global: bool = False) -> None:
        raise AssertionError(f"nobody was to remove the policy of {scope}")

    def set_retention(self, scope: PolicyScope, retention: Retention | None) -> None:
        raise AssertionError(f"nobody was to change the retention of {scope}")


class NoTopicActions:
    """The part of a fake that is about single topics: nobody is connected, and acting on one is a mistake."""

    def written_at(self, topic: TopicName, position: Position) -> datetime | None:
        return None

    def clients_of(self, topic: TopicName) -> Clients:
        return Clients()

    def unload(self, topic: TopicName) -> None:
        raise AssertionError(f"nobody was to unload {topic}")

    def trim(self, topic: TopicName) -> None:
        raise AssertionError(f"nobody was to trim {topic}")


@dataclass
class FakeBroker(NoPolicies, NoTopicActions):
    """One topic with two closed ledgers (31, 32) and an open one (33); statuses are said one after the other."""

    statuses: list[OffloadStatus | BrokerError] = field(default_factory=lambda: [RUNNING, SUCCESS])
    on_trigger: Callable[["FakeBroker", Position], None] = lambda broker, before: broker.complete_before(before)
    ledgers: dict[int, StoredLedger] = field(
        default_factory=lambda: {
            31: StoredLedger(31, 1000, ByteSize(1_046_762), CLOSED_AT, None),
            32: StoredLedger(32, 1000, ByteSize(1_048_000), CLOSED_AT, None),
            33: StoredLedger(33, None, None, None, None),
        }
    )
    complete: set[int] = field(default_factory=set)
    cursors: tuple[Cursor, ...] = ()
    triggers: list[Position] = field(default_factory=list)
    loading_calls: int = 0

    def finish(self, *ledger_ids: int) -> None:
        """Complete the offload of these ledgers."""
        for ledger_id in ledger_ids:
            self.ledgers[ledger_id] = replace(self.ledgers[ledger_id], context_uuid=UUID(int=ledger_id))
            self.complete.add(ledger_id)

    def complete_before(self, before: Position) -> None:
        """What a healthy broker does."""
        self.finish(*(ledger_id for ledger_id in self.ledgers if ledger_id < before.ledger_id))

    def owner_of(self, topic: TopicName) -> str:
        return "broker" if self.loading_calls else ""

    def clusters(self) -> tuple[str, ...]:
        return ("standalone",)

    def own_cluster(self) -> str | None:
        return "standalone"

    def broker_version(self) -> str:
        return "4.0.7"

    def tenants(self) -> tuple[str, ...]:
        return ("public",)

    def namespaces(self, tenant: str) -> Listed[NamespaceName]:
        return Listed((NamespaceName(tenant, "rec"),))

    def topics(self, namespace: NamespaceName) -> Listed[TopicName]:
        return Listed((TopicName(namespace.tenant, namespace.local_name, "t1"),))

    def partition_count(self, topic: TopicName) -> int:
        return 0

    def stored_ledgers(self, topic: TopicName) -> StoredLedgers:
        ledgers = tuple(sorted(self.ledgers.values(), key=lambda ledger: ledger.ledger_id))
        return StoredLedgers(1, ledgers, cursors=self.cursors)

    def stored_ledgers_by_partition(self, topic: TopicName) -> Mapping[TopicName, StoredLedgers]:
        return {}

    def served_topics(self) -> frozenset[TopicName]:
        return frozenset()

    def offload_policies(self, topic: TopicName) -> OffloadPolicies:
        return OffloadPolicies(driver="S3", bucket="pulsar-offload-bucket")

    def served_ledgers(self, topic: TopicName) -> ServedLedgers:
        self.loading_calls += 1
        ledgers = tuple(
            ServedLedger(one.ledger_id, one.entries or 0, one.size or ByteSize(0), one.ledger_id in self.complete)
            for one in self.stored_ledgers(topic).ledgers
        )
        return ServedLedgers(ledgers, 500, ByteSize(524_000), "LedgerOpened", cursors=self.cursors)

    def offload_status(self, topic: TopicName) -> OffloadStatus:
        self.loading_calls += 1
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if isinstance(status, BrokerError):
            raise status
        return status

    def trigger_offload(self, topic: TopicName, before: Position) -> None:
        self.triggers.append(before)
        self.on_trigger(self, before)
