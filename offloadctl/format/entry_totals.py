"""Counting what entries hold by their metadata, one entry at a time or many at once."""

from collections.abc import Sequence
from typing import Final

from google.protobuf.message import DecodeError, EncodeError

from offloadctl.format.proto import entry_scan_pb2 as scan_pb
from offloadctl.format.proto import pulsar_pb2 as pb
from offloadctl.model.entry_counts import EntryCounts

# What is parsed at once takes memory a dozen times its size when somebody makes it take as much as possible.
_MAX_AT_ONCE: Final = 1024 * 1024

_TAG_OF_EACH: Final = b"\x0a"  # field 1, length-delimited


def count_messages(metadata: Sequence[pb.MessageMetadata]) -> EntryCounts:
    """Messages, markers, chunks, encrypted and compressed entries; nothing else."""
    return EntryCounts(
        messages=sum(map(_message_count, metadata)),
        markers=sum(message.HasField("marker_type") for message in metadata),
        chunks=sum(message.num_chunks_from_msg > 1 for message in metadata),
        encrypted=sum(len(message.encryption_keys) > 0 for message in metadata),
        compressed=sum(message.compression != pb.NONE for message in metadata),
    )


def count_encoded(metadata: Sequence[bytes]) -> EntryCounts | None:
    """The same for encoded metadata, each led by its length as a varint; None if one does not parse, or is too odd."""
    encoded = _TAG_OF_EACH + _TAG_OF_EACH.join(metadata)
    if len(encoded) > _MAX_AT_ONCE and len(metadata) > 1:
        half = len(metadata) // 2
        first, second = count_encoded(metadata[:half]), count_encoded(metadata[half:])
        return None if first is None or second is None else first + second
    try:
        batch = scan_pb.MetadataBatch.FromString(encoded)
        # The one call that looks for required fields without going through Python for each entry.
        batch.SerializeToString()
        columns = scan_pb.MetadataMerged.FromString(encoded).of
    except (DecodeError, EncodeError, UnicodeDecodeError):
        return None
    if columns.marker_type or columns.num_chunks_from_msg or columns.encryption_keys:
        return count_messages(batch.of)
    # A field that no entry has is empty among the columns. One that is not empty may yet be no number of messages but
    # a list of them, in wire format, so that only the entries themselves tell.
    messages, compressed = len(metadata), 0
    if columns.num_messages_in_batch:
        messages = sum(count for message in batch.of if (count := message.num_messages_in_batch) > 0)
    if columns.compression:
        compressed = sum(message.compression != pb.NONE for message in batch.of)
    return EntryCounts(messages=messages, compressed=compressed)


def are_broker_metadata(metadata: Sequence[bytes]) -> bool:
    """Whether each of them, led by its length as a varint, parses as BrokerEntryMetadata."""
    try:
        scan_pb.BrokerMetadataBatch.FromString(_TAG_OF_EACH + _TAG_OF_EACH.join(metadata))
    except (DecodeError, UnicodeDecodeError):
        return False
    return True


def _message_count(message: pb.MessageMetadata) -> int:
    if message.HasField("marker_type"):
        return 0
    if message.num_chunks_from_msg > 1:
        return int(message.chunk_id == message.num_chunks_from_msg - 1)
    return max(message.num_messages_in_batch, 0)
