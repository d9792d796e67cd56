"""What the collector has read in bulk, kept for those numbers of it that no schedule compares."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.operations import collect_bulk as bulk
from offloadctl.ports.schedule import ClusterNumbers, LoadReport, Scrape, TopicLoad


@dataclass(slots=True)
class RememberedNumbers:
    """The same numbers, and the last metrics of the brokers; asks nothing by itself."""

    numbers: ClusterNumbers
    _scrapes: tuple[Scrape, ...] = ()

    def topic_loads(self) -> Mapping[TopicName, TopicLoad]:
        """As they are."""
        return self.numbers.topic_loads()

    def broker_metrics(self) -> tuple[Scrape, ...]:
        """And remember them; what cannot be had now is not known any more."""
        self._scrapes = ()
        self._scrapes = self.numbers.broker_metrics()
        return self._scrapes

    def bookie_metrics(self) -> tuple[Scrape, ...]:
        """As they are."""
        return self.numbers.bookie_metrics()

    def load_reports(self) -> tuple[LoadReport, ...]:
        """As they are."""
        return self.numbers.load_reports()

    def namespace_properties(self, namespace: NamespaceName) -> Mapping[str, str]:
        """As they are."""
        return self.numbers.namespace_properties(namespace)

    def offloaded(self) -> Mapping[NamespaceName, float]:
        """Bytes of each namespace that brokers say are offloaded, and forget: the next look has its own."""
        found: dict[NamespaceName, float] = defaultdict(float)
        for topic, size in bulk.sizes(self._scrapes, bulk.OFFLOADED).items():
            found[topic.namespace_name] += size
        self._scrapes = ()
        return found
