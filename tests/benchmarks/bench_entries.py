"""How fast entries are verified, beside what else the same bytes are used for.

    python tests/benchmarks/bench_entries.py [--total MiB] [--rounds N]

A ledger is written to a file and read back in pieces of 8 MiB, each of them walked: ids, lengths, checksums, metadata.
Each line is the best of several rounds, in which all ways take turns, so that a busy machine slows them all alike.
"""

import argparse
import hashlib
import os
import random
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import google_crc32c

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from offloadctl.format.data_block import BLOCK_HEADER_LENGTH, DataBlockHeader
from offloadctl.format.data_object import DataObjectReader, EntryRead
from offloadctl.format.entry import BrokerEntryMetadata, Entry, checksum_state
from offloadctl.format.entry_scan import EntryScanner
from offloadctl.format.message import MessageMetadata, SingleMessageMetadata, build_batch
from offloadctl.model.entry_counts import EntryCounts
from tests.builders import Ledger, entry, message_metadata

MIB: Final = 1024 * 1024
PIECE: Final = 8 * MIB
BLOCK: Final = 64 * MIB  # Pulsar's default

Way = Callable[[Path], int]


@dataclass(frozen=True)
class Case:
    """What is published, and how fast that must be verified."""

    name: str
    size: int
    """Of one message's payload."""
    target: float | None = None
    """In MB/s."""


CASES: Final = (
    Case("plain", 100, 160),
    Case("plain", 1024, 1000),
    Case("plain", 10 * 1024),
    Case("with broker metadata", 100),
    Case("with key and properties", 100),
    Case("batches of 50", 100),
    Case("without checksum", 100),
    Case("with broker metadata", 1024),
    Case("with key and properties", 1024),
    Case("batches of 50", 1024),
    Case("without checksum", 1024),
)


def entries_of(case: Case, *, total: int) -> Iterator[bytes]:
    noise = random.Random(case.size)
    payload = noise.randbytes(case.size)
    for number in range(total // (case.size + 60)):
        body = number.to_bytes(8) + payload[8:]
        match case.name:
            case "with broker metadata":
                broker_metadata = BrokerEntryMetadata(1_795_486_284_558 + number, number)
                yield entry(body, sequence_id=number, broker_metadata=broker_metadata)
            case "with key and properties":
                metadata = replace(message_metadata(number), partition_key=f"order-{number}", properties=_PROPERTIES)
                yield entry(body, metadata=metadata)
            case "batches of 50":
                if number % 50 == 0:
                    batch = build_batch((SingleMessageMetadata(), body) for _ in range(50))
                    yield entry(batch, metadata=message_metadata(number, messages=50))
            case "without checksum":
                yield Entry(None, None, message_metadata(number).build(), body).build()
            case _:
                yield entry(body, sequence_id=number)


_PROPERTIES: Final = (("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tenant", "acme"))


def pieces_of(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while piece := file.read(PIECE):
            yield piece


def verify(path: Path) -> int:
    """What is measured: every entry verified and counted."""
    totals, scanner, at = EntryCounts(), None, 0
    for piece in pieces_of(path):
        position = 0
        while position < len(piece):
            if scanner is None:
                # Blocks are whole multiples of pieces here, so that a header is never cut.
                header = DataBlockHeader.parse(piece[position : position + BLOCK_HEADER_LENGTH], at=at + position)
                scanner = EntryScanner(header, at=at + position)
                position += BLOCK_HEADER_LENGTH
            position = scanner.feed(piece, position)
            if not scanner.missing:
                found = scanner.close()
                if found.problems or found.unread_bytes:
                    raise AssertionError(found.problems)
                totals, scanner = totals + found.totals, None
        at += len(piece)
    return totals.entries


def read_only(path: Path) -> int:
    return sum(map(len, pieces_of(path)))


def crc32c(path: Path) -> int:
    value = 0
    for piece in pieces_of(path):
        value = google_crc32c.extend(value, piece)
    return value


def zlib_crc32(path: Path) -> int:
    value = 0
    for piece in pieces_of(path):
        value = zlib.crc32(piece, value)
    return value


def sha256(path: Path) -> int:
    digest = hashlib.sha256()
    for piece in pieces_of(path):
        digest.update(piece)
    return digest.digest()[0]


def one_at_a_time(path: Path) -> int:
    """The same with the readers that take an entry apart into values."""
    reader, count = DataObjectReader(), 0
    for piece in pieces_of(path):
        for event in reader.feed(piece):
            if isinstance(event, EntryRead):
                checksum_state(event.data)
                MessageMetadata.parse(Entry.parse(event.data).metadata)
                count += 1
    return count


PEERS: Final[dict[str, Way]] = {
    "read": read_only,
    "crc32c": crc32c,
    "zlib.crc32": zlib_crc32,
    "sha256": sha256,
}


def best_times(ways: Sequence[Way], path: Path, *, rounds: int) -> list[float]:
    """In seconds; all ways take turns."""
    best = [float("inf")] * len(ways)
    for _ in range(rounds):
        for number, way in enumerate(ways):
            begin = time.perf_counter()
            way(path)
            best[number] = min(best[number], time.perf_counter() - begin)
    return best


def repeat(way: Way, path: Path, times: int) -> int:
    return sum(way(path) for _ in range(times))


def gain_of_two_processes(ways: Sequence[Way], path: Path, *, rounds: int, times: int = 20) -> list[float]:
    """By how much two processes are faster than one with the same work; all ways take turns."""
    one, two = [float("inf")] * len(ways), [float("inf")] * len(ways)
    with ProcessPoolExecutor(2) as pool:
        for _ in range(rounds):
            for number, way in enumerate(ways):
                begin = time.perf_counter()
                pool.submit(repeat, way, path, 2 * times).result()
                middle = time.perf_counter()
                list(pool.map(repeat, [way] * 2, [path] * 2, [times] * 2))
                one[number] = min(one[number], middle - begin)
                two[number] = min(two[number], time.perf_counter() - middle)
    return [alone / together for alone, together in zip(one, two, strict=True)]


def measure(case: Case, path: Path, *, total: int, rounds: int) -> None:
    ledger = Ledger(tuple(entries_of(case, total=total)), max_block_size=BLOCK)
    path.write_bytes(ledger.data)
    size, count = path.stat().st_size, len(ledger.entries)
    if verify(path) != count:
        raise AssertionError("not all entries were walked")
    mine, *others = best_times([verify, *PEERS.values()], path, rounds=rounds)
    speed = size / mine / 1e6
    print(f"{case.size:>6} B {case.name:24} {speed:6.0f} MB/s {mine / count * 1e9:6.0f} ns/entry ", end="")
    for name, other in zip(PEERS, others, strict=True):
        print(f"  {name} {size / other / 1e6:.0f} ({other / mine:.2f})", end="")
    if case.target is not None:
        print(f"  target {case.target:.0f}: {'met' if speed >= case.target else 'MISSED'}", end="")
    print(flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--total", type=int, default=16, help="MiB to verify in each case")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    total, rounds = arguments.total * MIB, arguments.rounds
    print(
        f"Python {sys.version.split()[0]}, google_crc32c {google_crc32c.implementation}, load {os.getloadavg()[0]:.1f}"
    )
    print("MB/s of the data object; in brackets the share of that way's speed that verifying reaches")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "data"
        for case in CASES:
            measure(case, path, total=total, rounds=rounds)
        case = CASES[1]
        path.write_bytes(Ledger(tuple(entries_of(case, total=total)), max_block_size=BLOCK).data)
        fast, slow = best_times([verify, one_at_a_time], path, rounds=max(rounds // 5, 1))
        print(f"{case.size:>6} B {case.name}: {slow / fast:.1f} times as fast as taking each entry apart into values")
        mine, other = gain_of_two_processes([verify, sha256], path, rounds=max(rounds // 2, 1))
        print(f"{case.size:>6} B {case.name}: two processes do {mine:.2f} times what one does; of sha256 {other:.2f}")


if __name__ == "__main__":
    main()
