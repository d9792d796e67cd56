"""Hypothesis strategies for values of the format: everything that Pulsar may write, and then some."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from offloadctl.format.data_block import BLOCK_HEADER_LENGTH, ENTRY_HEADER_LENGTH, PADDING, DataBlockHeader
from offloadctl.format.entry import BrokerEntryMetadata, Entry
from offloadctl.format.index_object import IndexEntry, IndexObject, StreamingIndexObject, StreamingLedger
from offloadctl.format.keys import ObjectKey, ObjectRole
from offloadctl.format.ledger_metadata import DigestType, LedgerMetadata, LedgerSegment, LedgerState
from offloadctl.format.message import Compression, EncryptionKey, MessageMetadata, SingleMessageMetadata
from offloadctl.units import MAX_LONG
from tests.builders import Ledger

UINT32: Final = st.integers(0, 2**32 - 1)
UINT64: Final = st.integers(0, 2**64 - 1)
INT32: Final = st.integers(-(2**31), 2**31 - 1)
INT64: Final = st.integers(-(2**63), MAX_LONG)
LONGS: Final = st.integers(0, MAX_LONG)
TEXTS: Final = st.text(st.characters(codec="utf-8"), max_size=8)
BYTES: Final = st.binary(max_size=12)
PAIRS: Final = st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple)

_FIRST_UNKNOWN_FIELD: Final = 1000
_WIRE_VARINT, _WIRE_FIXED64, _WIRE_BYTES = 0, 1, 2


def maybe(values: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """None, as often as not: most fields of most messages are not set."""
    return st.none() | values


def varint(value: int) -> bytes:
    """Protobuf's encoding of a number that is not negative."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def _encode_unknown(number: int, wire_type: int, body: bytes) -> bytes:
    length = varint(len(body)) if wire_type == _WIRE_BYTES else b""
    return varint(number << 3 | wire_type) + length + body


_UNKNOWN_BODIES: Final = (
    st.tuples(st.just(_WIRE_VARINT), UINT64.map(varint))
    | st.tuples(st.just(_WIRE_FIXED64), st.binary(min_size=8, max_size=8))
    | st.tuples(st.just(_WIRE_BYTES), BYTES)
)

UNKNOWN_FIELDS: Final = st.lists(
    st.builds(
        lambda number, body: _encode_unknown(number, *body),
        st.integers(_FIRST_UNKNOWN_FIELD, 2**29 - 1),
        _UNKNOWN_BODIES,
    ),
    max_size=2,
).map(b"".join)
"""Encoded fields of a Pulsar that is younger than our .proto."""

OBJECT_KEYS: Final = st.builds(ObjectKey, st.uuids(), LONGS, st.sampled_from(ObjectRole))

BLOCK_HEADERS: Final = st.builds(
    DataBlockHeader, st.just(BLOCK_HEADER_LENGTH), st.integers(BLOCK_HEADER_LENGTH, MAX_LONG), LONGS
)

INDEX_ENTRIES: Final = st.lists(st.builds(IndexEntry, INT64, INT32, INT64), max_size=4).map(tuple)

LEDGER_METADATA: Final = st.builds(
    LedgerMetadata,
    length=INT64,
    last_entry_id=maybe(INT64),
    state=st.sampled_from(LedgerState),
    quorum_size=INT32,
    ensemble_size=INT32,
    ack_quorum_size=maybe(INT32),
    segments=st.lists(st.builds(LedgerSegment, st.lists(TEXTS, max_size=3).map(tuple), INT64), max_size=3).map(tuple),
    digest_type=maybe(st.sampled_from(DigestType)),
    password=maybe(BYTES),
    ctime=maybe(INT64),
    custom_metadata=st.lists(st.tuples(TEXTS, BYTES), max_size=3).map(tuple),
    c_token=maybe(INT64),
    unknown_fields=UNKNOWN_FIELDS,
)

INDEX_OBJECTS: Final = st.builds(IndexObject, INT64, INT64, LEDGER_METADATA, INDEX_ENTRIES)

STREAMING_INDEX_OBJECTS: Final = st.builds(
    StreamingIndexObject,
    INT64,
    INT64,
    st.lists(st.builds(StreamingLedger, INT64, BYTES, INDEX_ENTRIES), max_size=3).map(tuple),
)

BROKER_METADATA: Final = st.builds(BrokerEntryMetadata, maybe(UINT64), maybe(UINT64), UNKNOWN_FIELDS)

MESSAGE_METADATA: Final = st.builds(
    MessageMetadata,
    producer_name=TEXTS,
    sequence_id=UINT64,
    publish_time=UINT64,
    properties=PAIRS,
    replicated_from=maybe(TEXTS),
    partition_key=maybe(TEXTS),
    replicate_to=st.lists(TEXTS, max_size=3).map(tuple),
    compression=maybe(st.sampled_from(Compression)),
    uncompressed_size=maybe(UINT32),
    num_messages_in_batch=maybe(INT32),
    event_time=maybe(UINT64),
    encryption_keys=st.lists(st.builds(EncryptionKey, TEXTS, BYTES, PAIRS), max_size=2).map(tuple),
    encryption_algo=maybe(TEXTS),
    encryption_param=maybe(BYTES),
    schema_version=maybe(BYTES),
    partition_key_b64_encoded=maybe(st.booleans()),
    ordering_key=maybe(BYTES),
    deliver_at_time=maybe(INT64),
    marker_type=maybe(INT32),
    txnid_least_bits=maybe(UINT64),
    txnid_most_bits=maybe(UINT64),
    highest_sequence_id=maybe(UINT64),
    null_value=maybe(st.booleans()),
    uuid=maybe(TEXTS),
    num_chunks_from_msg=maybe(INT32),
    total_chunk_msg_size=maybe(INT32),
    chunk_id=maybe(INT32),
    null_partition_key=maybe(st.booleans()),
    unknown_fields=UNKNOWN_FIELDS,
)

SINGLE_MESSAGE_METADATA: Final = st.builds(
    SingleMessageMetadata,
    payload_size=INT32,
    properties=PAIRS,
    partition_key=maybe(TEXTS),
    compacted_out=maybe(st.booleans()),
    event_time=maybe(UINT64),
    partition_key_b64_encoded=maybe(st.booleans()),
    ordering_key=maybe(BYTES),
    sequence_id=maybe(UINT64),
    null_value=maybe(st.booleans()),
    null_partition_key=maybe(st.booleans()),
    unknown_fields=UNKNOWN_FIELDS,
)

BATCHES: Final = st.lists(
    st.builds(
        lambda metadata, payload: (replace(metadata, payload_size=len(payload)), payload),
        SINGLE_MESSAGE_METADATA,
        BYTES,
    ),
    max_size=4,
)

ENTRIES: Final = st.builds(Entry, maybe(BROKER_METADATA), maybe(UINT32), BYTES, BYTES)
"""Taken apart, with whatever checksum."""

WHOLE_ENTRIES: Final = st.builds(
    lambda metadata, payload, broker, keeps_checksum: replace(
        entry := Entry.with_checksum(metadata.build(), payload, broker_metadata=broker),
        checksum=entry.checksum if keeps_checksum else None,
    ),
    MESSAGE_METADATA,
    BYTES,
    maybe(BROKER_METADATA),
    st.integers(0, 3).map(bool),
)
"""As brokers store them: metadata that parses, and the right checksum or none."""

# Ends like padding and starts like a block: what a reader might fall for.
_TRICKY: Final = st.sampled_from([b"", PADDING, PADDING[:2], PADDING * 8, b"\x0e\x01", b"\xfb\xdb\xab\xcb"])
ENTRY_BYTES: Final = st.binary(max_size=40) | st.builds(lambda head, tail: head + tail, st.binary(max_size=20), _TRICKY)
"""Entries as blocks see them: any bytes."""


def ledgers(
    entries: SearchStrategy[bytes] = ENTRY_BYTES, *, min_size: int = 1, max_size: int = 12
) -> SearchStrategy[Ledger]:
    """Whole ledgers with a block size that takes the longest entry and makes several blocks of most of them."""

    def with_block_size(found: Sequence[bytes]) -> SearchStrategy[Ledger]:
        least = BLOCK_HEADER_LENGTH + ENTRY_HEADER_LENGTH + max(map(len, found))
        return st.builds(Ledger, st.just(tuple(found)), st.integers(least, least + 100))

    return st.lists(entries, min_size=min_size, max_size=max_size).flatmap(with_block_size)


@st.composite
def splits(draw: Callable[[SearchStrategy[Any]], Any], data: bytes) -> list[bytes]:
    """`data` cut into pieces, some of them empty."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@st.composite
def mutations(draw: Callable[[SearchStrategy[Any]], Any], data: bytes, *, at_most: int = 3) -> bytes:
    """`data` with bits flipped, bytes overwritten, cut out or put in, or its end cut off."""
    for _ in range(draw(st.integers(1, at_most))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["flip", "overwrite", "insert", "remove", "truncate"])):
            case "flip" if at < len(data):
                data = data[:at] + bytes([data[at] ^ 1 << draw(st.integers(0, 7))]) + data[at + 1 :]
            case "insert":
                data = data[:at] + draw(st.binary(min_size=1, max_size=8)) + data[at:]
            case "remove":
                data = data[:at] + data[at + draw(st.integers(1, 16)) :]
            case "truncate":
                data = data[:at]
            case _:
                new = draw(st.binary(min_size=1, max_size=8) | st.sampled_from([b"\x7f\xff\xff\xff", b"\xff" * 8]))
                data = data[:at] + new + data[at + len(new) :]
    return data
