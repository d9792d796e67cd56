"""What the collector has read in bulk, kept for those numbers of it that no schedule compares."""

from collections.abc import Mapping
from dataclasses import dataclass

from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.ports.schedule import ClusterNumbers, LoadReport, Scrape, TopicLoad


@dataclass(slots=True)
class RememberedNumbers:
    """The same numbers, and the last metrics of the brokers; asks nothing by itself."""

    numbers: ClusterNumbers
    _scrapes: tuple[Scrape, ...] | None = None

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

    def take(self) -> tuple[Scrape, ...] | None:
        """The last metrics of the brokers, and forget them; none if they could not be had, None if nobody has asked."""
        scrapes, self._scrapes = self._scrapes, None
        return scrapes
