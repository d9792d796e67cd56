"""Each promise of `ports.topics.TopicAdmin`, held against the embedded cluster and a real broker."""

from datetime import UTC, datetime, timedelta

import pytest

from offloadctl.errors import NotFound, ServerError
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.ports.topics import Clients
from tests.contract.test_broker_admin import ContractCluster, cluster, new_name, topic

__all__ = ["cluster", "topic"]


def last_of(cluster: ContractCluster, topic: TopicName) -> Position:
    found = cluster.admin.served_ledgers(topic).last_confirmed
    assert found is not None
    return found


def test_the_last_entry_tells_when_it_was_written(cluster: ContractCluster, topic: TopicName) -> None:
    written_at = cluster.admin.written_at(topic, last_of(cluster, topic))

    assert written_at is not None
    assert timedelta(0) <= datetime.now(UTC) - written_at + timedelta(milliseconds=1) < timedelta(minutes=5)


def test_an_entry_that_is_not_there_is_the_brokers_failure(cluster: ContractCluster, topic: TopicName) -> None:
    last = last_of(cluster, topic)

    with pytest.raises(ServerError, match=f"LastConfirmedEntry is {last} when reading"):
        cluster.admin.written_at(topic, Position(last.ledger_id, last.entry_id + 1000))


def test_a_topic_with_a_subscription_that_nobody_uses_has_no_clients(
    cluster: ContractCluster, topic: TopicName
) -> None:
    cluster.subscribe(topic, "nobody")

    assert cluster.admin.clients_of(topic) == Clients()


def test_an_unload_closes_the_ledger_that_was_written_to_once_the_topic_is_loaded_again(
    cluster: ContractCluster, topic: TopicName
) -> None:
    was_open = cluster.admin.stored_ledgers(topic).ledgers[-1]

    cluster.admin.unload(topic)
    cluster.admin.served_ledgers(topic)

    *_, closed, new = cluster.admin.stored_ledgers(topic).ledgers
    assert (was_open.entries, closed.ledger_id, closed.entries) == (None, was_open.ledger_id, 5)
    assert closed.closed_at is not None
    assert new.entries is None


def test_a_trim_takes_nothing_that_retention_keeps(cluster: ContractCluster, topic: TopicName) -> None:
    before = cluster.admin.stored_ledgers(topic).ledgers

    cluster.admin.trim(topic)

    assert cluster.admin.stored_ledgers(topic).ledgers == before


def test_a_topic_that_is_not_there_is_neither_unloaded_nor_trimmed(cluster: ContractCluster) -> None:
    gone = new_name("gone")

    for act in (cluster.admin.unload, cluster.admin.trim, cluster.admin.clients_of):
        with pytest.raises(NotFound):
            act(gone)
