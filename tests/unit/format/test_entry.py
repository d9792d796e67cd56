"""Entries: where the checksum stands and what it covers, with and without the broker's own metadata in front."""

import google_crc32c
import pytest

from offloadctl.format.checksum_state import ChecksumState
from offloadctl.format.entry import BrokerEntryMetadata, Entry, checksum_state
from offloadctl.format.errors import BadField, FormatError, Truncated

PLAIN = Entry.with_checksum(b"metadata", b"payload")
WITH_BROKER_METADATA = Entry.with_checksum(b"metadata", b"payload", broker_metadata=BrokerEntryMetadata(7, 9))
both = pytest.mark.parametrize("entry", [PLAIN, WITH_BROKER_METADATA], ids=["plain", "with broker metadata"])


def test_the_checksum_is_crc_32c() -> None:
    assert google_crc32c.value(b"123456789") == 0xE3069283


def test_an_entrys_bytes_are_pinned() -> None:
    covered = "00000008" + b"metadata".hex() + b"payload".hex()

    assert PLAIN.build().hex() == "0e01" + f"{google_crc32c.value(bytes.fromhex(covered)):08x}" + covered
    assert WITH_BROKER_METADATA.build().hex() == "0e02" + "00000004" + "08071009" + PLAIN.build().hex()


@both
def test_each_flipped_bit_of_what_is_covered_makes_the_checksum_bad(entry: Entry) -> None:
    data = entry.build()
    covered_at = data.index(b"\0\0\0\x08metadata")

    for bit in range(8 * (covered_at - 4), 8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        assert checksum_state(bytes(flipped)) is ChecksumState.BAD


def test_broker_metadata_is_outside_the_checksum() -> None:
    data = bytearray(WITH_BROKER_METADATA.build())
    data[7] ^= 1

    assert checksum_state(bytes(data)) is ChecksumState.OK
    assert Entry.parse(bytes(data)).broker_metadata == BrokerEntryMetadata(6, 9)


def test_an_entry_without_a_checksum_has_none() -> None:
    entry = Entry(BrokerEntryMetadata(), None, b"metadata", b"payload")

    assert entry.build().hex() == "0e0200000000" + "00000008" + b"metadatapayload".hex()
    assert checksum_state(entry.build()) is ChecksumState.ABSENT
    assert Entry.parse(entry.build()) == entry


@pytest.mark.parametrize(
    ("data", "error", "at"),
    [
        ("", Truncated, 0),
        ("000000", Truncated, 0),
        ("00000001", BadField, 0),
        ("ffffffff00", BadField, 0),
        ("0e01", Truncated, 0),
        ("0e0100", Truncated, 0),
        ("0e0100000000", Truncated, 6),
        ("0e010000000000000002aa", BadField, 6),
        ("0e02", Truncated, 2),
        ("0e0200000002aa", BadField, 2),
        ("0e02000000020fff", BadField, 6),
        ("0e0200000000", Truncated, 6),
        ("0e02000000000e01", Truncated, 6),
    ],
)
def test_what_cannot_be_an_entry_is_refused_at_its_offset(data: str, error: type[FormatError], at: int) -> None:
    with pytest.raises(error) as refusal:
        Entry.parse(bytes.fromhex(data))

    assert refusal.value.at == at


@pytest.mark.parametrize("data", ["0e01", "0e010000", "0e02", "0e02000000ff", "0e02000000000e0100"])
def test_a_checksum_that_is_not_all_there_cannot_be_verified(data: str) -> None:
    with pytest.raises(FormatError):
        checksum_state(bytes.fromhex(data))
