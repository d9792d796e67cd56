"""What of a topic has ledgers: the topic itself, or each of its partitions."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from offloadctl.errors import NotFound, UnsupportedTopic
from offloadctl.model.names import TopicName
from offloadctl.ports import BrokerAdmin

_OF_BARE_NAMES: Final = "public/default"
"""TopicName.java: PUBLIC_TENANT and DEFAULT_NAMESPACE."""


@dataclass(frozen=True, slots=True)
class Target:
    """A topic that was asked for, and the managed ledgers that it stands for."""

    topic: TopicName
    partitions: int
    """0 for a topic that is not partitioned, and for a single partition that was named."""
    parts: tuple[TopicName, ...]


def refuse_system_topics(topics: tuple[TopicName, ...]) -> None:
    """UnsupportedTopic for a topic that the broker keeps for itself: its offloader is read-only there."""
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
    with hint_of_bare_names(topic):
        count = admin.partition_count(topic)
    parts = tuple(topic.with_partition(number) for number in range(count)) or (topic,)
    return Target(topic, count, parts)


@contextmanager
def hint_of_bare_names(topic: TopicName) -> Iterator[None]:
    """Whoever wrote only the last part of a name may not know where it is looked for: then the error tells."""
    try:
        yield
    except NotFound as error:
        if error.hint or str(topic.namespace_name) != _OF_BARE_NAMES:
            raise
        hint = f"a name alone means {_OF_BARE_NAMES}; of another namespace write tenant/namespace/{topic.local_name}"
        raise NotFound(error.message, hint=hint, status=error.status) from error
