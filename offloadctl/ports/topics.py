"""The part of the door to brokers that has them act on one topic beside offloading it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName


@dataclass(frozen=True, slots=True)
class Clients:
    """Who is connected to a topic at one moment; replication to another cluster counts as a producer there does."""

    producers: int = 0
    consumers: int = 0
    replicators: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.producers + self.consumers + self.replicators


class TopicAdmin(Protocol):
    """One topic or partition that is no parent of others. Every method loads the topic and may raise a BrokerError."""

    def written_at(self, topic: TopicName, position: Position) -> datetime | None:
        """When an entry was published, or stored where brokers note that, whichever is later; None if neither is told.

        The producer's own clock says the first of the two.
        """
        ...

    def clients_of(self, topic: TopicName) -> Clients:
        """Who is connected."""
        ...

    # -- changes something; never retried

    def unload(self, topic: TopicName) -> None:
        """Have the broker let go of the topic: its clients are disconnected and connect again, which loads it."""
        ...

    def trim(self, topic: TopicName) -> None:
        """Have the broker apply retention and the deletion lag now, as it does by itself every few minutes."""
        ...
