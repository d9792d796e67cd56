"""The two topics of a lease, as they are read and held back: the lease topic itself, and the one of pauses.

A durable subscription, whose backlog is never read through it, holds the messages back, whatever retention the
namespace has; and a topic that has one is not deleted as inactive. Messages are read by readers, from the beginning.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from offloadctl.adapters.lease_lines import Read
from offloadctl.adapters.lease_wire import line_of
from offloadctl.adapters.pulsar_connection import PulsarConnection
from offloadctl.errors import BrokerError, SettingsError
from offloadctl.model.names import TopicName

SUBSCRIPTION: Final = "offloadctl"
"""Of both topics."""
_AT_ONCE: Final = 100
"""So many messages are sent ahead to a reader."""
_NEXT_MS: Final = 30_000
"""A message that is there comes within this time, or the broker is taken for gone."""


def pauses_beside(topic: TopicName) -> TopicName:
    """The topic of pauses that belongs to a lease topic."""
    return replace(topic, local_name=f"{topic.local_name}-pauses")


@dataclass(frozen=True, slots=True)
class Tail:
    """Reads a topic from its beginning, and then what comes."""

    connection: PulsarConnection
    topic: TopicName
    reader: Any

    @classmethod
    def of(cls, connection: PulsarConnection, client: Any, topic: TopicName) -> "Tail":
        """NotFound if there is no such topic, and brokers do not create any."""
        pulsar = connection.library()
        try:
            made = client.create_reader(str(topic), pulsar.MessageId.earliest, receiver_queue_size=_AT_ONCE)
        except pulsar.PulsarException as exc:
            raise reading(connection, exc, topic) from exc
        return cls(connection, topic, made)

    def all(self) -> Iterator[Read]:
        """All that is there now; the broker is asked where the end is."""
        pulsar = self.connection.library()
        try:
            while self.reader.has_message_available():
                yield self._read(self.reader.read_next(_NEXT_MS))
        except pulsar.PulsarException as exc:
            raise reading(self.connection, exc, self.topic) from exc

    def pushed(self) -> Iterator[Read]:
        """What the broker has sent; nobody is asked."""
        while (one := self.next(0.001)) is not None:
            yield one

    def next(self, seconds: float) -> Read | None:
        """The next one; None if there is none within so many seconds."""
        pulsar = self.connection.library()
        try:
            return self._read(self.reader.read_next(max(1, int(seconds * 1000))))
        except pulsar.Timeout:
            return None
        except pulsar.PulsarException as exc:
            raise reading(self.connection, exc, self.topic) from exc

    def _read(self, message: Any) -> Read:
        data, place = message.data(), message.message_id()
        where = f"message {place.ledger_id()}:{place.entry_id()} of {self.topic}"
        return Read(line_of(data, where), place, len(data))


def hold_back(connection: PulsarConnection, client: Any, topic: TopicName) -> Any:
    """Have the broker keep what is not acknowledged, from now on; whoever holds the lease keeps the consumer."""
    pulsar = connection.library()
    try:
        return client.subscribe(
            str(topic),
            SUBSCRIPTION,
            # Whoever was too late may still be connected.
            consumer_type=pulsar.ConsumerType.Failover,
            initial_position=pulsar.InitialPosition.Earliest,
            receiver_queue_size=1,
        )
    except pulsar.PulsarException as exc:
        raise reading(connection, exc, topic) from exc


def refuse_partitions(connection: PulsarConnection, client: Any, topic: TopicName) -> None:
    """SettingsError for a partitioned topic: each partition would have an order of its own."""
    pulsar = connection.library()
    try:
        found = client.get_topic_partitions(str(topic))
    except pulsar.PulsarException as exc:
        raise reading(connection, exc, topic) from exc
    if list(found) != [str(topic)]:
        raise SettingsError(
            f"{topic} is partitioned, or brokers create topics with partitions: a lease has one order",
            hint=f"give another name, and create both topics: {create_commands(topic)}",
        )


def create_commands(topic: TopicName) -> str:
    """How a person creates what a lease needs."""
    return f"pulsar-admin topics create {topic}; pulsar-admin topics create {pauses_beside(topic)}"


def reading(connection: PulsarConnection, exc: Exception, topic: TopicName) -> BrokerError:
    """Why a topic cannot be read."""
    return connection.explained(exc, topic, doing="read", right="consume")


def writing(connection: PulsarConnection, exc: Exception, topic: TopicName) -> BrokerError:
    """Why a topic cannot be written."""
    return connection.explained(exc, topic, doing="write to", right="produce")
