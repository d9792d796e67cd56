"""What of a topic has ledgers: the topic itself, or each of its partitions."""

from dataclasses import dataclass

from offloadctl.errors import UnsupportedTopic
from offloadctl.model.names import TopicName
from offloadctl.operations.nearest import hinting
from offloadctl.ports import BrokerAdmin


@dataclass(frozen=True, slots=True)
class Target:
    """A topic that was asked for, and the managed ledgers that it stands for."""

    topic: TopicName
    partitions: int
    """0 for a topic that is not partitioned, and for a single partition that was named."""
    parts: tuple[TopicName, ...]


def refuse_system_topics(topics: tuple[TopicName, ...]) -> None:
    """UnsupportedTopic for a topic that brokers keep for themselves, where their offloader is read-only; or we do."""
    for topic in topics:
        if topic.is_system:
            raise UnsupportedTopic(
                f"{topic} is a system topic, which brokers never offload",
                hint="name topics of your own; nothing was done",
            )


def find_target(admin: BrokerAdmin, topic: TopicName) -> Target:
    """The topic with its partitions, if it has any. NotFound if there is no such topic."""
    if topic.partition is not None:
        return Target(topic, 0, (topic,))
    with hinting(admin, topic):
        count = admin.partition_count(topic)
    parts = tuple(topic.with_partition(number) for number in range(count)) or (topic,)
    return Target(topic, count, parts)
