"""The scan of a whole data object, in pieces of any size."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.check.blocks import BlockRules, Head, looks_like_padding
from offloadctl.check.entries import MAX_FINDINGS, DataScan, DataSeen
from offloadctl.check.subject import Subject
from offloadctl.format.data_block import PADDING
from offloadctl.format.entry import BrokerEntryMetadata, Entry
from tests.builders import Ledger, entry
from tests.strategies import ledgers, mutations, splits

SUBJECT = Subject("data", "index")
# Drawn from a few, since drawing each anew takes longer than all else.
_PLAIN = [entry(b"p" * length, sequence_id=length) for length in range(0, 40, 7)]
_INDEXED = [entry(b"q" * 9, broker_metadata=BrokerEntryMetadata(1, number)) for number in (1, 300)]
_BARE = [replace(Entry.parse(_PLAIN[2]), checksum=None).build(), entry(PADDING * 3), entry(b"\xfb\xdb\xab\xcb")]
LEDGERS = ledgers(st.sampled_from([*_PLAIN, *_INDEXED, *_BARE]))


def rules_of(ledger: Ledger, data: bytes, *, with_index: bool = True) -> BlockRules:
    index = ledger.index if with_index else None
    return BlockRules.of(SUBJECT, len(data), index, index_size=300, list_is_right=True)


def scan(rules: BlockRules, data: bytes, pieces: list[bytes] | None = None, *, first_block: int = 0) -> DataSeen:
    found = DataScan(rules, lambda at: Head.of(data[at:], at), first_block=first_block)
    for piece in pieces if pieces is not None else [data]:
        found.feed(piece)
    return found.close()


@given(LEDGERS, st.data())
def test_pieces_of_any_size_bring_the_same(ledger: Ledger, choose: Any) -> None:
    pieces = choose.draw(splits(ledger.data))

    seen = scan(rules_of(ledger, ledger.data), ledger.data, pieces)

    assert seen == scan(rules_of(ledger, ledger.data), ledger.data)
    assert (seen.findings, seen.unread_bytes, seen.blocks) == ((), 0, len(ledger.blocks))
    assert (seen.totals.entries, seen.totals.entry_bytes) == (len(ledger.entries), ledger.metadata.length)


@given(LEDGERS, st.data())
def test_pieces_of_damaged_objects_bring_the_same_too(ledger: Ledger, choose: Any) -> None:
    data = choose.draw(mutations(ledger.data))
    pieces = choose.draw(splits(data))

    assert scan(rules_of(ledger, data), data, pieces) == scan(rules_of(ledger, data), data)


@given(LEDGERS)
def test_without_an_index_the_blocks_are_found_by_their_own_lengths(ledger: Ledger) -> None:
    seen = scan(rules_of(ledger, ledger.data, with_index=False), ledger.data)

    assert (seen.findings, seen.unread_bytes, seen.blocks) == ((), 0, len(ledger.blocks))
    assert seen.totals.entries == len(ledger.entries)


@given(LEDGERS, st.data())
def test_any_bytes_are_survived_without_an_index(ledger: Ledger, choose: Any) -> None:
    data = choose.draw(mutations(ledger.data))

    seen = scan(rules_of(ledger, data, with_index=False), data)

    assert seen.unread_bytes <= len(data)


@given(LEDGERS, st.data())
def test_each_byte_is_read_or_counted_as_unread(ledger: Ledger, choose: Any) -> None:
    data = choose.draw(mutations(ledger.data))

    seen = scan(rules_of(ledger, data), data)

    assert 0 <= seen.unread_bytes <= len(data)
    assert seen.totals.entry_bytes + seen.unread_bytes <= len(data)


@given(LEDGERS)
def test_the_last_block_can_be_scanned_alone(ledger: Ledger) -> None:
    last = len(ledger.blocks) - 1
    start = ledger.blocks[last].extent.offset

    seen = scan(rules_of(ledger, ledger.data), ledger.data, [ledger.data[start:]], first_block=last)

    assert seen.findings == ()
    assert seen.totals.entries == len(ledger.entries) - ledger.blocks[last].first_entry_id


def test_very_many_findings_are_kept_up_to_a_number_and_the_others_counted() -> None:
    ledger = Ledger(tuple(entry(bytes(20), sequence_id=number % 100) for number in range(300)), 20_000)
    data = bytearray(ledger.data)
    for at in range(128 + 30, len(data), 12 + len(ledger.entries[0])):
        data[at] ^= 1

    seen = scan(rules_of(ledger, bytes(data)), bytes(data))

    assert len(seen.findings) == MAX_FINDINGS
    assert seen.more_findings > 0


@pytest.mark.parametrize("length", range(4, 12))
def test_the_end_of_padding_is_suspicious_in_each_of_its_phases(length: int) -> None:
    assert looks_like_padding(b"payload" + (PADDING * 3)[:length])


@pytest.mark.parametrize("tail", [b"", b"\xfe", b"\xfe\xdc\xde", b"payload", PADDING + b"x", b"\xfe\xdc\xde\xae"])
def test_other_ends_are_not(tail: bytes) -> None:
    assert not looks_like_padding(tail)
