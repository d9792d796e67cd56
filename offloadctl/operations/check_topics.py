"""The topics of a check as their metadata has them: what there is to look at."""

from dataclasses import dataclass

from offloadctl.errors import BrokerError
from offloadctl.model.ledger import ManagedLedger, OffloadPolicies, OffloadProgress
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Reason
from offloadctl.model.sample import Sample, Window
from offloadctl.model.status import UnreadTopic
from offloadctl.operations.check_ledger import Asked, ledgers_in_s3
from offloadctl.operations.facts import LedgerReader, read_policies
from offloadctl.operations.topics import Target, find_target
from offloadctl.ports import BrokerAdmin


@dataclass(frozen=True, slots=True)
class TopicRead:
    """One topic or partition as its metadata has it."""

    ledgers: ManagedLedger
    policies: OffloadPolicies | None

    sample: Sample | Window | None = None

    def asked(self) -> list[Asked]:
        """The ledgers whose objects are to be looked at."""
        every, sample = ledgers_in_s3(self.ledgers, self.policies), self.sample
        if sample is None:
            return every
        return [
            one
            for one in every
            if (uuid := one.ledger.context_uuid) is not None and sample.takes(uuid, one.ledger.ledger_id)
        ]

    @property
    def not_sampled(self) -> int:
        """In S3 or maybe so, and left to other seeds."""
        return len(ledgers_in_s3(self.ledgers, self.policies)) - len(self.asked())

    def with_progress(self, *progress: OffloadProgress) -> int:
        """How many ledgers are so far."""
        return sum(ledger.progress in progress for ledger in self.ledgers.ledgers)


@dataclass(frozen=True, slots=True)
class Found:
    """A topic that was asked for, with its partitions."""

    target: Target
    policies: OffloadPolicies | None


@dataclass(frozen=True, slots=True)
class TopicReader:
    """Reads topics; one that cannot be read is a value, which says why."""

    admin: BrokerAdmin
    ledgers: LedgerReader
    sample: Sample | Window | None = None

    def find(self, asked: TopicName | Target) -> Found | UnreadTopic:
        """The topic with its partitions and policies."""
        try:
            target = asked if isinstance(asked, Target) else find_target(self.admin, asked)
        except BrokerError as error:
            return _unread(asked.topic if isinstance(asked, Target) else asked, error)
        return Found(target, read_policies(self.admin, target.topic))

    def read_stored(self, topic: TopicName) -> TopicRead | UnreadTopic:
        """A topic or partition by one request: without its policies, and without what only its broker knows."""
        try:
            return TopicRead(self.ledgers.read_stored(topic), None, self.sample)
        except BrokerError as error:
            return _unread(topic, error)

    def read_all(self, topic: TopicName) -> TopicRead | UnreadTopic:
        """A topic or partition with its policies."""
        return self.read(topic, read_policies(self.admin, topic))

    def read(self, topic: TopicName, policies: OffloadPolicies | None) -> TopicRead | UnreadTopic:
        """A topic or partition."""
        try:
            return TopicRead(self.ledgers.read(topic), policies, self.sample)
        except BrokerError as error:
            return _unread(topic, error)


def _unread(topic: TopicName, error: BrokerError) -> UnreadTopic:
    return UnreadTopic(topic, Reason(error.code, error.message), error.hint)
