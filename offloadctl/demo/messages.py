"""What the demo's producers publish: real entries with checksums, single messages and batches."""

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from offloadctl.format.entry import BROKER_METADATA_MAGIC, BrokerEntryMetadata, Entry
from offloadctl.format.message import MessageMetadata, SingleMessageMetadata, build_batch

_SIZE: Final = struct.Struct(">I")


@dataclass(slots=True)
class Producer:
    """A producer of one topic; two with the same seed publish the same bytes."""

    name: str
    started_at: datetime
    payload_size: int = 1000
    batch_size: int = 1
    """Messages in each entry; 1 publishes without batching."""
    index: bool = False
    """Whether the broker puts its own metadata in front of each entry."""
    seed: int = 0
    sequence_id: int = 0

    def entries(self, count: int) -> Iterator[bytes]:
        """The next `count` entries."""
        for _ in range(count):
            # Seeded by the position, so that the bytes do not depend on how many calls they were asked for in.
            yield self._entry(random.Random(f"{self.seed}/{self.name}/{self.sequence_id}"))  # noqa: S311 - no secret

    def _entry(self, noise: random.Random) -> bytes:
        first, published_at = self.sequence_id, self.started_at + timedelta(milliseconds=self.sequence_id)
        published_ms = int(published_at.timestamp() * 1000)
        if self.batch_size == 1:
            payload = self._payload(noise)
            metadata = MessageMetadata(producer_name=self.name, sequence_id=first, publish_time=published_ms)
        else:
            payload = self._batch(noise)
            metadata = MessageMetadata(
                producer_name=self.name,
                sequence_id=first,
                publish_time=published_ms,
                uncompressed_size=len(payload),
                num_messages_in_batch=self.batch_size,
                highest_sequence_id=first + self.batch_size - 1,
            )
        self.sequence_id += self.batch_size
        broker = BrokerEntryMetadata(published_ms, self.sequence_id - 1) if self.index else None
        return Entry.with_checksum(metadata.build(), payload, broker_metadata=broker).build()

    def _batch(self, noise: random.Random) -> bytes:
        return build_batch(
            (SingleMessageMetadata(partition_key=f"order-{self.sequence_id + number}"), self._payload(noise))
            for number in range(self.batch_size)
        )

    def _payload(self, noise: random.Random) -> bytes:
        head = f'{{"producer":"{self.name}","number":{self.sequence_id}}}'.encode()[: self.payload_size]
        return head + noise.randbytes(self.payload_size - len(head))


def size_without_broker_metadata(entry: bytes) -> int:
    """The bytes that the producer sent: an entry without what the broker put in front of it."""
    if not entry.startswith(BROKER_METADATA_MAGIC):
        return len(entry)
    prefix = len(BROKER_METADATA_MAGIC) + _SIZE.size
    return len(entry) - prefix - int(_SIZE.unpack_from(entry, len(BROKER_METADATA_MAGIC))[0])
