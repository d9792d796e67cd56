"""The entry scan: what it counts, and that one damaged field is one problem at its place."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import google_crc32c
import pytest

from offloadctl.format.data_block import ENTRY_HEADER, PADDING, DataBlockHeader, padding
from offloadctl.format.entry import BrokerEntryMetadata, Entry
from offloadctl.format.entry_scan import MAX_PROBLEMS, BlockScan, EntryScanner, scan_block
from offloadctl.format.entry_verdict import ProblemCode
from offloadctl.format.index_object import IndexObject
from offloadctl.format.message import Compression, EncryptionKey, MessageMetadata
from offloadctl.model.entry_counts import EntryCounts
from tests.builders import block_of, entry, message_metadata
from tests.golden_objects import GoldenLedger, offloaded_ledgers, topics, truncated_ledger

PLAIN = [entry(b"payload %d" % number, sequence_id=number) for number in range(5)]
INDEXED = [
    entry(b"payload %d" % number, sequence_id=number, broker_metadata=BrokerEntryMetadata(1_795_486_284_558, number))
    for number in range(5)
]
WITHOUT_CHECKSUM = [replace(Entry.parse(data), checksum=None).build() for data in PLAIN]


def scan(block: bytes, *, at: int = 0, length: int | None = None) -> BlockScan:
    header = DataBlockHeader.parse(block, at=at)
    return scan_block(block, header if length is None else replace(header, block_length=length), at=at)


def codes(found: BlockScan) -> list[tuple[ProblemCode, int]]:
    return [(problem.code, problem.at) for problem in found.problems]


def patched(block: bytes, at: int, new: bytes) -> bytes:
    return block[:at] + new + block[at + len(new) :]


def start_of(entries: list[bytes], number: int) -> int:
    """Where in a block the header of an entry stands."""
    return 128 + sum(12 + len(data) for data in entries[:number])


@pytest.mark.parametrize("entries", [PLAIN, INDEXED, WITHOUT_CHECKSUM], ids=["plain", "indexed", "without checksum"])
def test_whole_entries_are_counted(entries: list[bytes]) -> None:
    found = scan(block_of(entries, first=7, fill=padding(9)), at=1000)

    covered = entries is not WITHOUT_CHECKSUM
    assert found == BlockScan(
        EntryCounts(
            entries=5,
            messages=5,
            entry_bytes=sum(map(len, entries)),
            checksums_ok=5 if covered else 0,
            checksums_absent=0 if covered else 5,
        ),
        next_entry_id=12,
        padding_length=9,
        unread_bytes=0,
        problems=(),
    )


def test_kinds_of_entries_may_change_within_a_block() -> None:
    entries = [PLAIN[0], INDEXED[1], WITHOUT_CHECKSUM[2], INDEXED[3], PLAIN[4]]

    found = scan(block_of(entries))

    assert found.problems == ()
    assert (found.totals.checksums_ok, found.totals.checksums_absent) == (4, 1)


def test_more_entries_than_go_by_at_once_are_counted() -> None:
    entries = [entry(b"", metadata=message_metadata(number, messages=3)) for number in range(3000)]

    found = scan(block_of(entries, first=2**40))

    assert (found.totals.entries, found.totals.messages) == (3000, 9000)
    assert found.next_entry_id == 2**40 + 3000


METADATA = message_metadata()


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (METADATA, EntryCounts(messages=1)),
        (replace(METADATA, num_messages_in_batch=1), EntryCounts(messages=1)),
        (replace(METADATA, num_messages_in_batch=40), EntryCounts(messages=40)),
        (replace(METADATA, num_messages_in_batch=-40), EntryCounts(messages=0)),
        (
            replace(METADATA, num_messages_in_batch=3, compression=Compression.LZ4),
            EntryCounts(messages=3, compressed=1),
        ),
        (replace(METADATA, compression=Compression.NONE), EntryCounts(messages=1)),
        (
            replace(METADATA, encryption_keys=(EncryptionKey("a", b"1"), EncryptionKey("b", b"2"))),
            EntryCounts(messages=1, encrypted=1),
        ),
        (replace(METADATA, marker_type=20), EntryCounts(markers=1)),
        (replace(METADATA, num_chunks_from_msg=1, chunk_id=0), EntryCounts(messages=1)),
        (replace(METADATA, num_chunks_from_msg=3, chunk_id=0), EntryCounts(chunks=1)),
        (replace(METADATA, num_chunks_from_msg=3, chunk_id=1), EntryCounts(chunks=1)),
        (replace(METADATA, num_chunks_from_msg=3, chunk_id=2), EntryCounts(messages=1, chunks=1)),
        (replace(METADATA, properties=(("k", "v" * 500),), uuid="x"), EntryCounts(messages=1)),
    ],
)
def test_each_kind_of_message_is_counted_alone_and_among_others(
    metadata: MessageMetadata, expected: EntryCounts
) -> None:
    special = entry(b"payload", metadata=metadata)

    alone, among = scan(block_of([special])), scan(block_of([*PLAIN, special, *PLAIN]))

    sizes = EntryCounts(entries=1, entry_bytes=len(special), checksums_ok=1)
    plain = EntryCounts(entries=10, messages=10, entry_bytes=2 * sum(map(len, PLAIN)), checksums_ok=10)
    assert alone.totals == expected + sizes
    assert among.totals == expected + sizes + plain
    assert alone.problems == among.problems == ()


def test_text_that_is_not_utf_8_is_no_problem_since_pulsar_reads_it() -> None:
    encoded = METADATA.build().replace(b"standalone", b"standal\xff\xfe\xfd")
    data = Entry.with_checksum(encoded, b"payload").build()

    found = scan(block_of([*PLAIN, data, replace(Entry.parse(data), checksum=None).build()]))

    assert found.problems == ()
    assert found.totals.messages == 7


@pytest.mark.parametrize("ledger", offloaded_ledgers(), ids=lambda found: str(found.ledger_id))
def test_recorded_objects_are_whole_and_hold_what_the_broker_and_a_reader_counted(ledger: GoldenLedger) -> None:
    index, body, totals, next_entry_id = IndexObject.parse(ledger.index.body), ledger.data.body, EntryCounts(), 0

    for line in index.entries:
        header = DataBlockHeader.parse(body[line.offset : line.offset + 128], at=line.offset)
        found = scan_block(memoryview(body)[line.offset :], header, at=line.offset)
        assert (found.problems, found.unread_bytes, line.first_entry_id) == ((), 0, next_entry_id)
        totals, next_entry_id = totals + found.totals, found.next_entry_id

    local_name, ledger_id = ledger.managed_ledger_name.rpartition("/")[2], str(ledger.ledger_id)
    assert totals.messages == topics()[local_name]["messages_read_back"][ledger_id]["messages"]
    assert totals.entries == totals.checksums_ok == next_entry_id
    assert totals.entry_bytes == index.ledger_metadata.length


def test_the_truncated_objects_last_block_is_nothing_but_padding() -> None:
    body = truncated_ledger().data.body

    found = scan(body[len(body) // 2 :], at=len(body) // 2)

    assert (found.totals, found.padding_length, found.next_entry_id) == (EntryCounts(), len(body) // 2 - 128, 3)
    assert found.problems == ()


# -- damage

NUMBERS = range(5)
each_number = pytest.mark.parametrize("number", NUMBERS)
each_kind = pytest.mark.parametrize("entries", [PLAIN, INDEXED], ids=["plain", "indexed"])
each_fill = pytest.mark.parametrize("fill", [0, 1, 3, 4, 50])


@each_kind
@each_number
@each_fill
def test_a_damaged_payload_is_one_bad_checksum(entries: list[bytes], number: int, fill: int) -> None:
    block = block_of(entries, fill=padding(fill))
    at = start_of(entries, number)
    last_byte = at + 12 + len(entries[number]) - 1

    found = scan(patched(block, last_byte, b"\xff"), at=5000)

    ((code, problem_at),) = codes(found)
    assert code is ProblemCode.CHECKSUM
    assert block[problem_at - 5000 - 2 : problem_at - 5000] == b"\x0e\x01"
    assert (found.totals.entries, found.totals.checksums_ok, found.totals.checksums_bad) == (5, 4, 1)
    assert (found.totals.messages, found.unread_bytes) == (4, 0)


@each_kind
@each_number
def test_a_damaged_entry_id_is_one_problem(entries: list[bytes], number: int) -> None:
    at = start_of(entries, number) + 4

    found = scan(patched(block_of(entries), at, b"\x40"), at=5000)

    assert codes(found) == [(ProblemCode.ENTRY_ID, 5000 + at)]
    assert found.problems[0].expected == str(number)
    assert found.problems[0].found == str(0x40 << 56 | number)
    assert (found.totals.checksums_ok, found.next_entry_id) == (5, 5)


@pytest.mark.parametrize("missing", [1, 3])
def test_missing_entries_are_one_problem(missing: int) -> None:
    before, after = block_of(PLAIN[:2], first=10), block_of(PLAIN[2:], first=12 + missing)
    block = DataBlockHeader(128, len(before) + len(after) - 128, 10).build() + before[128:] + after[128:]

    found = scan(block)

    assert codes(found) == [(ProblemCode.ENTRY_ID, len(before) + 4)]
    assert (found.totals.checksums_ok, found.next_entry_id) == (5, 15 + missing)


def test_the_id_after_a_damaged_one_is_right_only_right_after_it() -> None:
    ids = [0, 1, 100, 3, 4, 101, 6]
    parts = [ENTRY_HEADER.pack(len(PLAIN[0]), entry_id) + PLAIN[0] for entry_id in ids]
    body = b"".join(parts)

    found = scan(DataBlockHeader(128, 128 + len(body), 0).build() + body)

    assert [problem.found for problem in found.problems] == ["100", "101"]
    assert found.next_entry_id == 7


@pytest.mark.parametrize(("decoys", "is_found"), [(200, True), (300, False)])
def test_the_next_entry_is_looked_for_at_so_many_places_and_no_more(decoys: int, is_found: bool) -> None:
    entries = [entry(ENTRY_HEADER.pack(0, 1) * decoys), PLAIN[1], PLAIN[2]]

    found = scan(patched(block_of(entries), 128, b"\0\0\0\x20"))

    assert len(found.problems) == 1
    assert (found.unread_bytes == 0) is is_found
    assert found.totals.checksums_ok == (2 if is_found else 0)


def test_a_block_header_with_another_first_entry_is_one_problem() -> None:
    block = block_of(PLAIN, first=10)

    found = scan(patched(block, 20 + 7, b"\x0b"))

    assert codes(found) == [(ProblemCode.ENTRY_ID, 132)]
    assert (found.totals.checksums_ok, found.next_entry_id) == (5, 15)


@each_kind
@pytest.mark.parametrize("number", NUMBERS[:-1])
@pytest.mark.parametrize("delta", [-5, -1, 1, 12, 40, 2**20, -(2**31)])
def test_a_damaged_length_costs_one_entry_and_is_told_with_the_right_one(
    entries: list[bytes], number: int, delta: int
) -> None:
    at, right = start_of(entries, number), len(entries[number])

    found = scan(patched(block_of(entries), at, ENTRY_HEADER.pack(right + delta, number)), at=5000)

    assert codes(found) == [(ProblemCode.ENTRY_LENGTH, 5000 + at)]
    assert found.problems[0].found == str(right + delta)
    assert (found.totals.entries, found.totals.checksums_ok, found.totals.unreadable) == (5, 4, 1)
    assert found.unread_bytes == 0


def test_the_right_length_is_told() -> None:
    found = scan(patched(block_of(PLAIN), 128, ENTRY_HEADER.pack(1, 0)))

    assert (found.problems[0].expected, found.problems[0].found) == (str(len(PLAIN[0])), "1")


@each_kind
@pytest.mark.parametrize("delta", [-5, -1, 1, 2**20])
def test_a_damaged_length_of_the_last_entry_is_one_problem_and_what_follows_is_unread(
    entries: list[bytes], delta: int
) -> None:
    at, right = start_of(entries, 4), len(entries[4])
    block = block_of(entries, fill=padding(50))

    found = scan(patched(block, at, ENTRY_HEADER.pack(right + delta, 4)))

    assert len(found.problems) == 1
    assert found.problems[0].code in {ProblemCode.ENTRY_LENGTH, ProblemCode.CHECKSUM}
    assert found.totals.checksums_ok == 4
    assert found.unread_bytes > 0


@each_kind
@pytest.mark.parametrize("swallowed", [0, 4, 48])
def test_a_length_that_swallows_the_next_entry_up_to_the_padding_is_found_out(
    entries: list[bytes], swallowed: int
) -> None:
    block = block_of(entries, fill=padding(swallowed))
    at, both = start_of(entries, 3), len(entries[3]) + 12 + len(entries[4]) + swallowed

    found = scan(patched(block, at, ENTRY_HEADER.pack(both, 3)))

    assert codes(found) == [(ProblemCode.ENTRY_LENGTH, at)]
    assert (found.totals.entries, found.totals.checksums_ok, found.unread_bytes) == (5, 4, 0)


def test_a_damaged_last_entry_that_holds_another_block_is_a_bad_checksum() -> None:
    holds_a_block = entry(block_of(PLAIN, first=3))

    found = scan(patched(block_of([*PLAIN[:3], holds_a_block]), start_of(PLAIN, 3) + 12 + 12, b"\xff"))

    assert [code for code, _ in codes(found)] == [ProblemCode.CHECKSUM]
    assert (found.totals.entries, found.totals.checksums_bad, found.unread_bytes) == (4, 1, 0)


def test_a_negative_length_of_the_last_entry_is_padding_that_is_none() -> None:
    at = start_of(PLAIN, 4)

    found = scan(patched(block_of(PLAIN), at, b"\x80"))

    assert codes(found) == [(ProblemCode.PADDING, at)]
    assert found.padding_length == 12 + len(PLAIN[4])


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 12, 13, 100])
def test_each_damaged_byte_of_padding_is_told_once(length: int) -> None:
    block = block_of(PLAIN, fill=padding(length))
    begin = len(block) - length

    for at in range(begin, len(block)):
        found = scan(patched(block, at, bytes([block[at] ^ 0x10])), at=5000)

        assert codes(found) == [(ProblemCode.PADDING, 5000 + at)]
        assert (found.totals.checksums_ok, found.padding_length) == (5, length)


def test_a_payload_that_ends_in_the_padding_pattern_is_no_padding() -> None:
    found = scan(block_of([entry(b"payload" + PADDING * 4)]))

    assert (found.problems, found.padding_length, found.totals.checksums_ok) == ((), 0, 1)


def test_metadata_that_does_not_parse_is_a_problem_even_if_the_checksum_is_right() -> None:
    broken = Entry.with_checksum(b"\xff", b"payload").build()

    found = scan(block_of([*PLAIN, broken, *PLAIN]))

    assert codes(found) == [(ProblemCode.MESSAGE_METADATA, start_of(PLAIN, 5) + 12 + 10)]
    assert (found.totals.entries, found.totals.checksums_ok, found.totals.messages) == (11, 11, 10)


def test_metadata_without_a_required_field_is_a_problem() -> None:
    incomplete = Entry.with_checksum(METADATA.build()[: 2 + len(METADATA.producer_name)], b"payload").build()

    found = scan(block_of([*PLAIN, incomplete]))

    assert [code for code, _ in codes(found)] == [ProblemCode.MESSAGE_METADATA]


def test_broker_metadata_that_does_not_parse_is_a_problem_even_if_the_checksum_is_right() -> None:
    broken = b"\x0e\x02\0\0\0\x01\xff" + PLAIN[0]

    found = scan(block_of([*INDEXED, broken, *INDEXED]))

    assert [code for code, _ in codes(found)] == [ProblemCode.ENTRY_UNREADABLE]
    assert (found.totals.checksums_ok, found.totals.messages) == (11, 10)


@pytest.mark.parametrize("around", [PLAIN, INDEXED], ids=["plain", "indexed"])
@pytest.mark.parametrize("size", [40, 200, 2**32 - 1])
def test_metadata_that_leaves_its_entry_is_a_problem_even_if_the_checksum_is_right(
    around: list[bytes], size: int
) -> None:
    covered = size.to_bytes(4) + METADATA.build()
    front = INDEXED[0][: -len(PLAIN[0])] if around is INDEXED else b""
    too_short = front + b"\x0e\x01" + google_crc32c.value(covered).to_bytes(4) + covered

    found = scan(block_of([*around, too_short, *around]))

    assert codes(found) == [(ProblemCode.ENTRY_UNREADABLE, start_of(around, 5) + 12 + len(front) + 6)]
    assert (found.totals.checksums_ok, found.totals.messages) == (11, 10)


@pytest.mark.parametrize("body", [b"", b"\x0e\x01", b"\x0e\x02\0\0\0", b"neither", b"\0\0\0\x02ok"])
def test_what_is_no_entry_is_one_problem_and_is_not_counted_as_without_checksum(body: bytes) -> None:
    found = scan(block_of([*PLAIN, body, *PLAIN]))

    assert len(found.problems) == 1
    assert (found.totals.entries, found.totals.checksums_ok, found.totals.unreadable) == (11, 10, 1)
    assert found.totals.checksums_absent == 0


@pytest.mark.parametrize("cut", [0, 1, 11, 12, 13, 40, 100])
def test_a_block_cut_short_is_told_and_the_rest_is_unread(cut: int) -> None:
    block = block_of(PLAIN, fill=padding(30))
    header = DataBlockHeader.parse(block, at=0)

    found = scan_block(block[: 128 + cut], header, at=5000)

    assert codes(found) == [(ProblemCode.BLOCK_TRUNCATED, 5128 + cut)]
    walked = 12 * found.totals.entries + found.totals.entry_bytes
    assert found.unread_bytes == len(block) - 128 - walked


def test_a_hopeless_block_is_given_up() -> None:
    nothing_right = [bytes([number % 251]) * 30 for number in range(5000)]

    found = scan(block_of(nothing_right))

    assert len(found.problems) == MAX_PROBLEMS
    assert found.totals.unreadable == MAX_PROBLEMS
    assert found.unread_bytes == (5000 - MAX_PROBLEMS) * 42


def test_what_follows_the_block_is_left_alone() -> None:
    block = block_of(PLAIN)
    scanner = EntryScanner(DataBlockHeader.parse(block, at=0), at=0)

    stop = scanner.feed(b"before" + block[128:] + block, 6)

    assert stop == 6 + len(block) - 128
    assert scanner.feed(block) == 0
    assert scanner.close() == scan(block)


# -- every bit

Uncovered = Callable[[int], bool]


def every_flip(block: bytes) -> Iterator[tuple[int, bytes]]:
    for bit in range(8 * 128, 8 * len(block)):
        yield bit // 8, patched(block, bit // 8, bytes([block[bit // 8] ^ 1 << bit % 8]))


@pytest.mark.parametrize("fill", [0, 1, 2, 3, 8], ids="padding {}".format)
def test_every_flipped_bit_of_a_block_is_exactly_one_problem(fill: int) -> None:
    block = block_of(PLAIN, fill=padding(fill))

    for at, flipped in every_flip(block):
        found = scan(flipped)

        assert len(found.problems) == 1, f"{at}: {found.problems}"
        assert found.totals.checksums_ok >= 4


def test_of_broker_metadata_only_what_still_parses_can_flip_unseen() -> None:
    block = block_of(INDEXED, fill=padding(5))
    values = set()
    for number in NUMBERS:
        begin = start_of(INDEXED, number) + 12 + 6
        values |= set(range(begin, begin + INDEXED[number][5]))

    unseen = {at for at, flipped in every_flip(block) if not scan(flipped).problems}

    assert unseen <= values
    assert all(len(scan(flipped).problems) <= 1 for _, flipped in every_flip(block))


def test_without_a_checksum_payloads_can_flip_unseen_and_lengths_and_ids_cannot() -> None:
    block = block_of(WITHOUT_CHECKSUM, fill=padding(5))
    structure = set(range(len(block) - 5, len(block)))
    for number in NUMBERS:
        begin = start_of(WITHOUT_CHECKSUM, number)
        # The last entry may take some of the padding for its own.
        structure |= set(range(begin if number < 4 else begin + 4, begin + 12))

    unseen = {at for at, flipped in every_flip(block) if not scan(flipped).problems}

    assert unseen.isdisjoint(structure)
