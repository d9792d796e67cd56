"""Real topics with closed ledgers, made through the admin API and pulsar-client."""

from __future__ import annotations

import random
from typing import Protocol
from urllib.parse import quote

import pulsar
import requests


class Addresses(Protocol):
    """Where a stack listens, whatever it runs on."""

    @property
    def admin_url(self) -> str: ...

    @property
    def broker_url(self) -> str: ...


NAMESPACE = "public/offload"


def ensure_namespace(stack: Addresses, namespace: str = NAMESPACE) -> None:
    """The namespace exists and keeps its messages for ever; nothing is offloaded unless asked for."""
    created = requests.put(f"{stack.admin_url}/admin/v2/namespaces/{namespace}", timeout=30)
    if created.status_code != requests.codes.conflict:
        created.raise_for_status()
    retention = {"retentionTimeInMinutes": -1, "retentionSizeInMB": -1}
    _post(stack, f"namespaces/{namespace}/retention", retention)


def ensure_partitioned(stack: Addresses, topic: str, partitions: int) -> None:
    """The partitioned topic exists with this many partitions."""
    answer = requests.put(
        f"{stack.admin_url}/admin/v2/{rest_name(topic)}/partitions",
        data=str(partitions),
        headers={"Content-Type": "application/json"},
        timeout=30,
    )
    if answer.status_code != requests.codes.conflict:
        answer.raise_for_status()


def close_ledgers(
    stack: Addresses, topic: str, *, ledgers: int = 3, messages: int = 200, size: int = 1000
) -> list[bytes]:
    """Add closed ledgers, one for each unload, and an open one with a single message; answer all payloads in order."""
    sent: list[bytes] = []
    randomness = random.Random(f"{topic}-{ledgers}-{messages}-{size}")
    for _ in range(ledgers):
        payloads = [randomness.randbytes(size) for _ in range(messages)]
        produce(stack, topic, payloads)
        unload(stack, topic)
        sent += payloads
    produce(stack, topic, [b"in the open ledger"])
    return [*sent, b"in the open ledger"]


def produce(stack: Addresses, topic: str, payloads: list[bytes]) -> None:
    """Send every payload as one entry, and wait until all are stored."""
    client = pulsar.Client(stack.broker_url, logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Error))
    try:
        producer = client.create_producer(topic, batching_enabled=False, block_if_queue_full=True)
        for payload in payloads:
            producer.send_async(payload, None)
        producer.flush()
    finally:
        client.close()


def consume(stack: Addresses, topic: str, count: int, *, timeout_seconds: float = 60) -> list[bytes]:
    """The first `count` payloads of the topic, from its earliest message."""
    client = pulsar.Client(stack.broker_url, logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Error))
    try:
        reader = client.create_reader(topic, pulsar.MessageId.earliest)
        return [reader.read_next(timeout_millis=int(timeout_seconds * 1000)).data() for _ in range(count)]
    finally:
        client.close()


def unload(stack: Addresses, topic: str) -> None:
    """Unload the topic, which closes its open ledger."""
    answer = requests.put(f"{stack.admin_url}/admin/v2/{rest_name(topic)}/unload", timeout=60)
    answer.raise_for_status()


def rest_name(topic: str) -> str:
    """`persistent://t/ns/name` as a path of the admin API."""
    domain, rest = topic.split("://", 1)
    tenant, namespace, name = rest.split("/", 2)
    return f"{domain}/{tenant}/{namespace}/{quote(name, safe='')}"


def _post(stack: Addresses, path: str, body: object) -> None:
    requests.post(f"{stack.admin_url}/admin/v2/{path}", json=body, timeout=30).raise_for_status()
