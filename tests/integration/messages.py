"""Real messages, published in every way that makes a different entry, and read back."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pulsar
from pulsar.schema import JsonSchema, Record, String

from tests.integration.stack import Stack

READ_TIMEOUT_MILLISECONDS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Sent:
    """What must come back of one message."""

    payload: bytes
    key: str = ""
    properties: tuple[tuple[str, str], ...] = ()


class Order(Record):  # type: ignore[misc]
    """A message with a schema."""

    customer = String()
    article = String()


def publish_plain(stack: Stack, topic: str) -> list[Sent]:
    """One entry a message, one of them without a byte."""
    messages = [Sent(payload) for payload in [b"", *_payloads(topic, count=40, size=300)]]
    return _publish(stack, topic, messages, batching_enabled=False)


def publish_batched(stack: Stack, topic: str) -> list[Sent]:
    """Many messages to an entry."""
    return _publish(stack, topic, [Sent(payload) for payload in _payloads(topic, count=200, size=100)], **_BATCHING)


def publish_keyed(stack: Stack, topic: str) -> list[Sent]:
    """Messages with keys and properties."""
    messages = [
        Sent(payload, key=f"key-{number % 3}", properties=(("number", str(number)), ("of", "all")))
        for number, payload in enumerate(_payloads(topic, count=20, size=50))
    ]
    return _publish(stack, topic, messages, batching_enabled=False)


def publish_chunked(stack: Stack, topic: str) -> list[Sent]:
    """Messages larger than an entry may be."""
    messages = [Sent(payload) for payload in _payloads(topic, count=2, size=6_000_000)]
    with client(stack) as connected:
        producer = connected.create_producer(topic, batching_enabled=False, chunking_enabled=True)
        for message in messages:
            producer.send(message.payload)  # flush() of the Python client waits for ever for chunks sent without it
    return messages


def publish_large(stack: Stack, topic: str) -> list[Sent]:
    """Messages of which few go into a block, so that there are several blocks with padding."""
    messages = [Sent(payload) for payload in _payloads(topic, count=12, size=900_000)]
    return _publish(stack, topic, messages, batching_enabled=False)


def publish_with_schema(stack: Stack, topic: str) -> list[Sent]:
    """Messages with a JSON schema."""
    with client(stack) as connected:
        schema = JsonSchema(Order)
        producer = connected.create_producer(topic, schema=schema)
        orders = [Order(customer=f"customer {number}", article="ledger") for number in range(20)]
        for order in orders:
            producer.send(order)
        return [Sent(schema.encode(order)) for order in orders]


def compressed(compression: pulsar.CompressionType) -> Callable[[Stack, str], list[Sent]]:
    """Batches of compressible messages, compressed."""

    def publish(stack: Stack, topic: str) -> list[Sent]:
        messages = [Sent(payload * 20) for payload in _payloads(topic, count=100, size=20)]
        return _publish(stack, topic, messages, compression_type=compression, **_BATCHING)

    return publish


_BATCHING: Final[Mapping[str, Any]] = {
    "batching_enabled": True,
    "batching_max_messages": 50,
    "batching_max_publish_delay_ms": 1000,
}

KINDS: Final[Mapping[str, Callable[[Stack, str], list[Sent]]]] = {
    "plain": publish_plain,
    "batched": publish_batched,
    "keyed": publish_keyed,
    "chunked": publish_chunked,
    "large": publish_large,
    "schema": publish_with_schema,
    "lz4": compressed(pulsar.CompressionType.LZ4),
    "zlib": compressed(pulsar.CompressionType.ZLib),
    "zstd": compressed(pulsar.CompressionType.ZSTD),
    "snappy": compressed(pulsar.CompressionType.SNAPPY),
}
"""Every way of publishing, by name."""


def publish_payloads(stack: Stack, topic: str, *, count: int, size: int) -> list[Sent]:
    """So many messages of so many random bytes, one entry each."""
    messages = [Sent(payload) for payload in _payloads(topic, count=count, size=size)]
    return _publish(stack, topic, messages, batching_enabled=False)


def read_back(stack: Stack, topic: str, count: int) -> list[Sent]:
    """The first `count` messages of the topic, from its earliest one."""
    with client(stack) as connected:
        reader = connected.create_reader(topic, pulsar.MessageId.earliest)
        found = [reader.read_next(timeout_millis=READ_TIMEOUT_MILLISECONDS) for _ in range(count)]
        return [Sent(m.data(), m.partition_key(), tuple(sorted(m.properties().items()))) for m in found]


def has_more(stack: Stack, topic: str, count: int) -> bool:
    """Does the topic hold more than `count` messages?"""
    with client(stack) as connected:
        reader = connected.create_reader(topic, pulsar.MessageId.earliest)
        for _ in range(count):
            reader.read_next(timeout_millis=READ_TIMEOUT_MILLISECONDS)
        return bool(reader.has_message_available())


@contextmanager
def client(stack: Stack) -> Iterator[pulsar.Client]:
    """A client of the stack's broker, closed at the end."""
    authentication = pulsar.AuthenticationToken(stack.token) if stack.token else None
    quiet = pulsar.ConsoleLogger(pulsar.LoggerLevel.Error)
    connected = pulsar.Client(stack.broker_url, authentication=authentication, logger=quiet)
    try:
        yield connected
    finally:
        connected.close()


def _publish(stack: Stack, topic: str, messages: list[Sent], **options: Any) -> list[Sent]:
    failed: list[pulsar.Result] = []

    def note(result: pulsar.Result, _: pulsar.MessageId) -> None:
        if result != pulsar.Result.Ok:
            failed.append(result)

    with client(stack) as connected:
        producer = connected.create_producer(topic, block_if_queue_full=True, **options)
        for message in messages:
            properties = dict(message.properties) or None
            producer.send_async(message.payload, note, properties=properties, partition_key=message.key or None)
        producer.flush()
    assert not failed, f"the broker refused {len(failed)} messages: {failed[0]}"
    return messages


def _payloads(seed: str, *, count: int, size: int) -> list[bytes]:
    randomness = random.Random(f"{seed} {count} {size}")
    return [randomness.randbytes(size) for _ in range(count)]
