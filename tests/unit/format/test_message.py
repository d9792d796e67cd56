"""Message metadata and batches: what counts as how many messages, and what no producer can have written."""

import pytest

from offloadctl.format.errors import BadField, FormatError, Truncated
from offloadctl.format.message import (
    Compression,
    EncryptionKey,
    MessageMetadata,
    SingleMessageMetadata,
    build_batch,
    iterate_batch,
    message_count,
)

LEAST = MessageMetadata(producer_name="p", sequence_id=1, publish_time=2)


def test_the_bytes_of_metadata_are_pinned() -> None:
    metadata = MessageMetadata(
        producer_name="p",
        sequence_id=300,
        publish_time=2,
        properties=(("k", "v"),),
        compression=Compression.ZSTD,
        num_messages_in_batch=3,
        encryption_keys=(EncryptionKey("e", b"\xff"),),
        null_value=False,
    )

    assert metadata.build().hex() == (
        "0a0170" + "10ac02" + "1802" + "22060a016b120176" + "4003" + "5803" + "6a060a01651201ff" + "c80100"
    )


@pytest.mark.parametrize(("in_batch", "count"), [(None, 1), (1, 1), (40, 40)])
def test_an_entry_counts_as_the_messages_of_its_batch_or_as_one(in_batch: int | None, count: int) -> None:
    metadata = MessageMetadata(producer_name="p", sequence_id=1, publish_time=2, num_messages_in_batch=in_batch)

    assert message_count(metadata) == count


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param("10011802", id="no producer name"),
        pytest.param("0a01701802", id="no sequence id"),
        pytest.param("0a01701001", id="no publish time"),
        pytest.param("0a05701001", id="cut short"),
        pytest.param("0a0170100118022204" + "0a00", id="a property cut short"),
        pytest.param("0a0170100118022202" + "0a00", id="a property without a value"),
        pytest.param("0a01701001" + "18ffffffffffffffffffff01", id="a number of eleven bytes"),
        pytest.param("0a01ff10011802", id="a producer name that is not UTF-8"),
        pytest.param("0a0170100118022206" + "0a01ff120176", id="a property that is not UTF-8"),
        pytest.param("0a01701001" + "18023a01ff", id="a replication cluster that is not UTF-8"),
        pytest.param("0a01701001" + "18026a070a01ff1202aaaa", id="an encryption key that is not UTF-8"),
        pytest.param("0a01701001" + "180200", id="a field with number 0"),
        pytest.param("0a01701001" + "18020f", id="a wire type that there is not"),
    ],
)
def test_what_is_no_metadata_is_refused(encoded: str) -> None:
    with pytest.raises(BadField) as refusal:
        MessageMetadata.parse(bytes.fromhex(encoded), at=10)

    assert refusal.value.at == 10


def test_a_compression_from_the_future_is_kept_as_it_stands() -> None:
    encoded = LEAST.build() + bytes.fromhex("4009")

    metadata = MessageMetadata.parse(encoded)

    assert metadata.compression is None
    assert metadata.unknown_fields.hex() == "4009"
    assert metadata.build() == encoded


def test_a_batch_of_three_is_taken_apart() -> None:
    messages = [
        (SingleMessageMetadata(partition_key="a", payload_size=5), b"first"),
        (SingleMessageMetadata(null_value=True, payload_size=0), b""),
        (SingleMessageMetadata(sequence_id=9, payload_size=1), b"3"),
    ]

    payload = build_batch((metadata, body) for metadata, body in messages)

    assert payload.hex() == (
        "00000005" + "120161" + "1805" + b"first".hex() + "00000004" + "1800" + "4801" + "00000004" + "18014009" + "33"
    )
    assert list(iterate_batch(payload)) == messages


@pytest.mark.parametrize(
    ("payload", "error", "at"),
    [
        ("000000", Truncated, 0),
        ("00000003" + "1800", BadField, 0),
        ("00000002" + "1801", BadField, 4),
        ("0000000b" + "18ffffffffffffffffff01", BadField, 4),
        ("00000002" + "1800" + "00", Truncated, 6),
        ("00000000", BadField, 4),
    ],
)
def test_what_is_no_batch_is_refused_at_its_offset(payload: str, error: type[FormatError], at: int) -> None:
    with pytest.raises(error) as refusal:
        list(iterate_batch(bytes.fromhex(payload)))

    assert refusal.value.at == at


def test_the_messages_before_the_damage_are_given() -> None:
    payload = build_batch([(SingleMessageMetadata(), b"whole")]) + b"\0\0"
    messages = iterate_batch(payload)

    assert next(messages)[1] == b"whole"
    with pytest.raises(Truncated):
        next(messages)
