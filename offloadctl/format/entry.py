"""Entries: what a broker stores for one published message or batch.

    [ 0E02 (2) | size (4) | BrokerEntryMetadata ]     when the broker's interceptors are on
    [ 0E01 (2) | CRC-32C (4) ]                        when the client sent one; covers all that follows
    size (4) | MessageMetadata | payload

Pulsar's Commands.java is the authority. The checksum is the producer's own and covers the stored bytes, so it proves an
entry whole without decrypting or decompressing it. Everything is big-endian.
"""

import struct
from dataclasses import dataclass
from typing import Final, Self

import google_crc32c

from offloadctl.format.checksum_state import ChecksumState
from offloadctl.format.errors import BadField, Truncated
from offloadctl.format.proto import pulsar_pb2 as pb
from offloadctl.format.protobuf_support import parse_into, present_fields, take_unknown_fields

CHECKSUM_MAGIC: Final = b"\x0e\x01"
"""Commands.java, magicCrc32c."""

BROKER_METADATA_MAGIC: Final = b"\x0e\x02"
"""Commands.java, magicBrokerEntryMetadata."""

_MAGIC_LENGTH: Final = 2
_UNSIGNED: Final = struct.Struct(">I")
_PREFIX: Final = _MAGIC_LENGTH + _UNSIGNED.size


@dataclass(frozen=True, slots=True)
class Checksum:
    """An entry's own checksum, `at` bytes after the entry's first, and what its bytes come to; None without one."""

    at: int
    stored: int | None
    computed: int | None

    @property
    def state(self) -> ChecksumState:
        """What that says of the entry."""
        if self.stored is None:
            return ChecksumState.ABSENT
        return ChecksumState.OK if self.computed == self.stored else ChecksumState.BAD


@dataclass(frozen=True, slots=True)
class BrokerEntryMetadata:
    """What the broker's interceptors note of an entry; each part is there only if its interceptor is on."""

    broker_timestamp: int | None = None
    """Milliseconds since 1970."""
    index: int | None = None
    unknown_fields: bytes = b""

    @classmethod
    def parse(cls, data: bytes | memoryview, *, at: int = 0) -> Self:
        """Read the encoded metadata."""
        what = "broker entry metadata"
        message = parse_into(pb.BrokerEntryMetadata(), data, what=what, at=at)
        values = present_fields(message, what=what, at=at)
        return cls(**values, unknown_fields=take_unknown_fields(message))

    def build(self) -> bytes:
        """The encoded metadata."""
        message = pb.BrokerEntryMetadata(broker_timestamp=self.broker_timestamp, index=self.index)
        message.MergeFromString(self.unknown_fields)
        return message.SerializeToString()


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry taken apart; message metadata and payload stay encoded, since their checksum covers those bytes."""

    broker_metadata: BrokerEntryMetadata | None
    checksum: int | None
    """As stored, right or wrong; None when the client sent none."""
    metadata: bytes
    """For MessageMetadata.parse."""
    payload: bytes
    """Possibly a batch, compressed, encrypted, or a chunk of a larger message."""

    @classmethod
    def with_checksum(
        cls, metadata: bytes, payload: bytes, *, broker_metadata: BrokerEntryMetadata | None = None
    ) -> Self:
        """The entry that a broker stores for a client which sends the right checksum, as all current ones do."""
        checksum = google_crc32c.value(_build_message(metadata, payload))
        return cls(broker_metadata, checksum, metadata, payload)

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Take an entry apart; offsets in errors count from its first byte."""
        whole = bytes(data)
        broker_at, broker_end = _broker_metadata_place(whole)
        broker_metadata = None
        if broker_at:
            broker_metadata = BrokerEntryMetadata.parse(whole[broker_at:broker_end], at=broker_at)
        checksum, message_at = _read_checksum(whole, broker_end)
        size = _read_size(whole, message_at, what="message metadata size")
        payload_at = message_at + _UNSIGNED.size + size
        return cls(broker_metadata, checksum, whole[message_at + _UNSIGNED.size : payload_at], whole[payload_at:])

    def build(self) -> bytes:
        """The entry's bytes, with the checksum as it stands here."""
        parts = []
        if self.broker_metadata is not None:
            broker_metadata = self.broker_metadata.build()
            parts += [BROKER_METADATA_MAGIC, _UNSIGNED.pack(len(broker_metadata)), broker_metadata]
        if self.checksum is not None:
            parts += [CHECKSUM_MAGIC, _UNSIGNED.pack(self.checksum)]
        return b"".join([*parts, _build_message(self.metadata, self.payload)])


def read_checksum(data: bytes | memoryview) -> Checksum:
    """Find an entry's own checksum and work out what it should be, without taking the entry apart.

    Raises FormatError when the entry ends before the checksum could stand.
    """
    _, at = _broker_metadata_place(data)
    stored, covered_at = _read_checksum(data, at)
    if stored is None:
        return Checksum(at, None, None)
    # The compiled function takes bytes only, no views.
    return Checksum(at + _MAGIC_LENGTH, stored, google_crc32c.value(bytes(data[covered_at:])))


def checksum_state(data: bytes | memoryview) -> ChecksumState:
    """Verify an entry by its own checksum; raises like read_checksum."""
    return read_checksum(data).state


def _build_message(metadata: bytes, payload: bytes) -> bytes:
    return _UNSIGNED.pack(len(metadata)) + metadata + payload


def _broker_metadata_place(data: bytes | memoryview) -> tuple[int, int]:
    # Start and end of the encoded BrokerEntryMetadata; (0, 0) without one.
    if data[:_MAGIC_LENGTH] != BROKER_METADATA_MAGIC:
        return 0, 0
    size = _read_size(data, _MAGIC_LENGTH, what="broker entry metadata size")
    return _PREFIX, _PREFIX + size


def _read_checksum(data: bytes | memoryview, at: int) -> tuple[int | None, int]:
    # The stored checksum, and where the bytes begin that it covers.
    if data[at : at + _MAGIC_LENGTH] != CHECKSUM_MAGIC:
        return None, at
    if len(data) - at < _PREFIX:
        raise Truncated("checksum", at=at, expected=f"{_PREFIX} bytes", found=f"{len(data) - at} bytes")
    (checksum,) = _UNSIGNED.unpack_from(data, at + _MAGIC_LENGTH)
    return checksum, at + _PREFIX


def _read_size(data: bytes | memoryview, at: int, *, what: str) -> int:
    left = len(data) - at - _UNSIGNED.size
    if left < 0:
        raise Truncated(what, at=at, expected=f"{_UNSIGNED.size} bytes", found=f"{len(data) - at} bytes")
    size: int = _UNSIGNED.unpack_from(data, at)[0]
    if size > left:
        raise BadField(what, at=at, expected=f"at most {left}, to the end of the entry", found=size)
    return size
