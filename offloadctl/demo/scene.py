"""What the demo's cluster holds when it starts: topics as a shop has them, with ledgers closed over the last day."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from offloadctl.demo.cluster_state import SimulatedCluster
from offloadctl.demo.messages import Producer
from offloadctl.demo.tuning import Tuning
from offloadctl.model.names import TopicName

ORDERS: Final = TopicName("acme", "shop", "orders")
"""Six closed ledgers and an open one; nothing is offloaded yet."""
CLICKS: Final = TopicName("acme", "shop", "clicks")
"""Three partitions, batched messages."""
RETURNS: Final = TopicName("acme", "shop", "returns")
"""Three closed ledgers; faults are planted here."""

_PARTITIONS: Final = 3
_ENTRIES: Final = 400
_BETWEEN_LEDGERS: Final = timedelta(minutes=30)
_MOST_LEDGERS: Final = 6

PAST: Final = _MOST_LEDGERS * _BETWEEN_LEDGERS
"""How far the clock goes on while the scene is set."""

TUNING: Final = Tuning(upload_rate=1.2 * 1024 * 1024, upload_overhead=0.1, max_entries_per_ledger=_ENTRIES)
"""Uploads slow enough to be watched."""


@dataclass(frozen=True, slots=True)
class _Topic:
    topic: TopicName
    closed: int
    left_open: int
    payload_size: int = 1000
    batch_size: int = 1


def set_up(cluster: SimulatedCluster, *, advance: Callable[[timedelta], None]) -> None:
    """Create the topics and publish to them, with half an hour between two ledgers; `advance` moves the clock on."""
    cluster.create_partitioned_topic(CLICKS, _PARTITIONS)
    topics = [
        _Topic(ORDERS, closed=_MOST_LEDGERS, left_open=150),
        _Topic(RETURNS, closed=3, left_open=20, payload_size=400),
    ]
    topics += [
        _Topic(CLICKS.with_partition(number), closed=1 + number, left_open=50, payload_size=200, batch_size=5)
        for number in range(_PARTITIONS)
    ]
    for one in topics:
        cluster.create_topic(one.topic)
    producers = {
        one.topic: Producer(
            f"shop-{number}", cluster.clock.now(), payload_size=one.payload_size, batch_size=one.batch_size, seed=number
        )
        for number, one in enumerate(topics)
    }
    for ledger in range(_MOST_LEDGERS):
        for one in topics:
            if ledger < one.closed:
                entries = producers[one.topic].entries(_ENTRIES)
                cluster.publish(one.topic, entries, messages_per_entry=one.batch_size)
        advance(_BETWEEN_LEDGERS)
    for one in topics:
        entries = producers[one.topic].entries(one.left_open)
        cluster.publish(one.topic, entries, messages_per_entry=one.batch_size)
    cluster.refresh_stats()
