"""Durable subscriptions of simulated topics: enough of them to hold ledgers back and to tell where they stand.

Nobody consumes in here: whoever wants a subscription to be further on says so.
"""

from offloadctl.demo.cluster_state import SimulatedCluster
from offloadctl.demo.ledgers import SimulatedCursor
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName


def subscribe(cluster: SimulatedCluster, topic: TopicName, subscription: str) -> None:
    """A subscription from the beginning on; the topic is loaded for it."""
    with cluster.lock:
        cluster.serve(topic)
        metadata, now = cluster.existing(topic), cluster.clock.now()
        start = Position(metadata.ascending[0].ledger_id, -1)
        cursor = metadata.cursors[subscription] = SimulatedCursor(now, now, start, start, start)
        cursor.opened(_new_ledger(cluster), now)


def acknowledge(cluster: SimulatedCluster, topic: TopicName, subscription: str, up_to: Position) -> None:
    """Everything up to an entry, by a broker that serves the topic."""
    with cluster.lock:
        cluster.serve(topic)
        cursor = cluster.existing(topic).cursors[subscription]
        if cursor.own_ledger is None:
            cursor.opened(_new_ledger(cluster), cluster.clock.now())
        cursor.acknowledged(up_to)


def _new_ledger(cluster: SimulatedCluster) -> int:
    cluster.next_ledger_id += 1
    return cluster.next_ledger_id - 1
