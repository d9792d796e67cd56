"""The offload policies in force, read once for all partitions of a topic."""

import threading
from dataclasses import dataclass, field

from offloadctl.model.ledger import OffloadPolicies
from offloadctl.model.names import TopicName
from offloadctl.operations.facts import read_policies
from offloadctl.ports import BrokerAdmin, Clock


@dataclass(slots=True)
class _Known:
    policies: OffloadPolicies | None = None
    read_at: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class AppliedPolicies:
    """What was read of each topic, and when. Safe to share between threads; whoever asks for the same topic waits."""

    def __init__(self) -> None:
        self._known: dict[TopicName, _Known] = {}
        self._lock = threading.Lock()

    def of(
        self, admin: BrokerAdmin, clock: Clock, topic: TopicName, *, since: float = float("-inf")
    ) -> OffloadPolicies | None:
        """The policies of the topic, which its partitions share, read after `since`; None if they could not be read."""
        with self._lock:
            known = self._known.setdefault(topic.parent, _Known())
        with known.lock:
            if known.read_at is None or known.read_at <= since:
                known.policies, known.read_at = read_policies(admin, topic), clock.monotonic()
            return known.policies
