"""Message metadata, and the messages of a batch.

Pulsar's PulsarApi.proto is the authority for the fields, whose names are kept here, and Commands.java for a batch's
payload: `size (4) | SingleMessageMetadata | payload`, again and again, before compression and encryption.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import Any, Final, Self

from google.protobuf.message import Message

from offloadctl.format.errors import BadField, Truncated
from offloadctl.format.proto import pulsar_pb2 as pb
from offloadctl.format.protobuf_support import parse_into, present_fields, take_unknown_fields

_SIZE: Final = struct.Struct(">I")
_UNKNOWN: Final = "unknown_fields"


class Compression(IntEnum):
    """CompressionType of PulsarApi.proto."""

    NONE = 0
    LZ4 = 1
    ZLIB = 2
    ZSTD = 3
    SNAPPY = 4


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """The data key, encrypted by one of the producer's public keys."""

    key: str
    value: bytes
    metadata: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageMetadata:
    """What a producer says of an entry's message or batch; None for what it did not say."""

    producer_name: str
    sequence_id: int
    publish_time: int
    """Milliseconds since 1970."""
    properties: tuple[tuple[str, str], ...] = ()
    replicated_from: str | None = None
    partition_key: str | None = None
    replicate_to: tuple[str, ...] = ()
    compression: Compression | None = None
    uncompressed_size: int | None = None
    num_messages_in_batch: int | None = None
    """Its presence makes the payload a batch, even if it is 1."""
    event_time: int | None = None
    encryption_keys: tuple[EncryptionKey, ...] = ()
    encryption_algo: str | None = None
    encryption_param: bytes | None = None
    schema_version: bytes | None = None
    partition_key_b64_encoded: bool | None = None
    ordering_key: bytes | None = None
    deliver_at_time: int | None = None
    marker_type: int | None = None
    """Set on the broker's own entries, of transactions and of replicated subscriptions."""
    txnid_least_bits: int | None = None
    txnid_most_bits: int | None = None
    highest_sequence_id: int | None = None
    null_value: bool | None = None
    uuid: str | None = None
    """Of a chunked message: the same in each chunk."""
    num_chunks_from_msg: int | None = None
    total_chunk_msg_size: int | None = None
    chunk_id: int | None = None
    null_partition_key: bool | None = None
    unknown_fields: bytes = b""
    """Encoded fields that are younger than this program."""

    @classmethod
    def parse(cls, data: bytes | memoryview, *, at: int = 0) -> Self:
        """Read the encoded metadata."""
        what = "message metadata"
        message = parse_into(pb.MessageMetadata(), data, what=what, at=at)
        values = present_fields(message, what=what, at=at)
        _texts(values.get("replicate_to", ()), what=what, at=at)
        if "replicate_to" in values:
            values["replicate_to"] = tuple(values["replicate_to"])
        if "compression" in values:
            values["compression"] = Compression(values["compression"])
        if "properties" in values:
            values["properties"] = _pairs(message.properties, what=what, at=at)
        if "encryption_keys" in values:
            values["encryption_keys"] = tuple(_encryption_key(key, at=at) for key in message.encryption_keys)
        return cls(**values, unknown_fields=take_unknown_fields(message))

    def build(self) -> bytes:
        """The encoded metadata, its fields in the order of their numbers as Pulsar's clients write them."""
        message = pb.MessageMetadata()
        message.MergeFromString(self.unknown_fields)
        _set_fields(message, self, skip={"properties", "replicate_to", "encryption_keys"})
        message.replicate_to.extend(self.replicate_to)
        for key, value in self.properties:
            message.properties.add(key=key, value=value)
        for encryption_key in self.encryption_keys:
            added = message.encryption_keys.add(key=encryption_key.key, value=encryption_key.value)
            for key, value in encryption_key.metadata:
                added.metadata.add(key=key, value=value)
        return message.SerializeToString()


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleMessageMetadata:
    """What a producer says of one message of a batch; None for what it did not say."""

    payload_size: int = 0
    """Set by build_batch."""
    properties: tuple[tuple[str, str], ...] = ()
    partition_key: str | None = None
    compacted_out: bool | None = None
    event_time: int | None = None
    partition_key_b64_encoded: bool | None = None
    ordering_key: bytes | None = None
    sequence_id: int | None = None
    null_value: bool | None = None
    null_partition_key: bool | None = None
    unknown_fields: bytes = b""

    @classmethod
    def parse(cls, data: bytes | memoryview, *, at: int = 0) -> Self:
        """Read the encoded metadata."""
        what = "metadata of a message in a batch"
        message = parse_into(pb.SingleMessageMetadata(), data, what=what, at=at)
        values = present_fields(message, what=what, at=at)
        if "properties" in values:
            values["properties"] = _pairs(message.properties, what=what, at=at)
        return cls(**values, unknown_fields=take_unknown_fields(message))

    def build(self) -> bytes:
        """The encoded metadata."""
        message = pb.SingleMessageMetadata()
        message.MergeFromString(self.unknown_fields)
        _set_fields(message, self, skip={"properties"})
        for key, value in self.properties:
            message.properties.add(key=key, value=value)
        return message.SerializeToString()


def message_count(metadata: MessageMetadata) -> int:
    """How many messages the broker counts for the entry: those of its batch, or one."""
    return 1 if metadata.num_messages_in_batch is None else metadata.num_messages_in_batch


def iterate_batch(payload: bytes) -> Iterator[tuple[SingleMessageMetadata, bytes]]:
    """The messages of a batch's payload, which must be decrypted and decompressed."""
    position = 0
    while position < len(payload):
        size_end = position + _SIZE.size
        if size_end > len(payload):
            found = f"{len(payload) - position} bytes"
            raise Truncated("message of a batch", at=position, expected=f"{_SIZE.size} bytes", found=found)
        (size,) = _SIZE.unpack_from(payload, position)
        body_at = size_end + size
        if body_at > len(payload):
            expected = f"at most {len(payload) - size_end}, to the end of the batch"
            raise BadField("metadata size of a message in a batch", at=position, expected=expected, found=size)
        metadata = SingleMessageMetadata.parse(payload[size_end:body_at], at=size_end)
        position = body_at + metadata.payload_size
        if not body_at <= position <= len(payload):
            expected = f"0 to {len(payload) - body_at}, to the end of the batch"
            raise BadField(
                "payload size of a message in a batch", at=size_end, expected=expected, found=metadata.payload_size
            )
        yield metadata, payload[body_at:position]


def build_batch(messages: Iterable[tuple[SingleMessageMetadata, bytes]]) -> bytes:
    """A batch's payload before compression; each `payload_size` is set to what the payload really has."""
    parts = []
    for metadata, payload in messages:
        encoded = replace(metadata, payload_size=len(payload)).build()
        parts += [_SIZE.pack(len(encoded)), encoded, payload]
    return b"".join(parts)


def _set_fields(message: Message, values: MessageMetadata | SingleMessageMetadata, *, skip: set[str]) -> None:
    for field in fields(values):
        value = getattr(values, field.name)
        if value is not None and field.name not in skip and field.name != _UNKNOWN:
            setattr(message, field.name, value)


def _pairs(pairs: Iterable[pb.KeyValue], *, what: str, at: int) -> tuple[tuple[str, str], ...]:
    found = tuple((pair.key, pair.value) for pair in pairs)
    _texts((text for pair in found for text in pair), what=what, at=at)
    return found


def _texts(texts: Iterable[Any], *, what: str, at: int) -> None:
    # The runtime hands out text that is not UTF-8 as bytes, or refuses to; present_fields sees no repeated fields.
    try:
        valid = all(isinstance(text, str) for text in texts)
    except UnicodeDecodeError:
        valid = False
    if not valid:
        raise BadField(f"text in {what}", at=at, expected="UTF-8", found="other bytes")


def _encryption_key(key: pb.EncryptionKeys, *, at: int) -> EncryptionKey:
    what = "encryption key of message metadata"
    values = present_fields(key, what=what, at=at)
    return EncryptionKey(values["key"], values["value"], _pairs(key.metadata, what=what, at=at))
