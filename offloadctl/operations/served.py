"""Which topics brokers serve, as they tell it in bulk; nothing is loaded."""

import threading
from dataclasses import dataclass, field

from offloadctl.errors import BrokerError
from offloadctl.model.names import TopicName
from offloadctl.ports import BrokerAdmin


@dataclass(slots=True)
class ServedTopics:
    """Asks once for one run. Safe to share between threads."""

    admin: BrokerAdmin
    _names: frozenset[TopicName] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def has(self, topic: TopicName) -> bool:
        """Whether one serves it; False also where brokers do not tell, or the topic was loaded just now."""
        with self._lock:
            if self._names is None:
                try:
                    self._names = self.admin.served_topics()
                except BrokerError:
                    self._names = frozenset()
            return topic in self._names
