"""How fast a check reads every byte: from a store beside the same client's bare GET, in two processes beside one.

    python tests/benchmarks/bench_check.py [--size MiB] [--rounds N]

MinIO runs as a process of its own, in a temporary directory. The ways take turns, and each line is the best of several
rounds, so that a busy machine slows them all alike. What counts are the ratios, and the memory of a process that has
checked an object: of two very different sizes, and several objects at once.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Final
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from offloadctl.adapters.local_files import LocalFiles
from offloadctl.adapters.s3 import S3Store
from offloadctl.check.subject import Subject
from offloadctl.format.keys import data_key, index_key
from offloadctl.format.ledger_metadata import LedgerMetadata, LedgerSegment, custom_metadata_for
from offloadctl.format.writer import BlockExtent, build_index, write_blocks
from offloadctl.model.check import Level
from offloadctl.model.names import TopicName
from offloadctl.model.settings import BucketSettings
from offloadctl.operations.check import LEDGERS_AT_ONCE
from offloadctl.operations.ledger_check import PIECE, look_at_ledger
from offloadctl.operations.ledger_objects import LedgerObjects
from offloadctl.ports import ObjectStore, WritableObjectStore
from tests.builders import MANAGED_LEDGER, PUBLISH_TIME, entry
from tests.damage.worlds import user_metadata
from tests.stack import local

MIB: Final = 1024 * 1024
BLOCK: Final = 64 * MIB  # Pulsar's default
MOST_MEMORY: Final = 200  # MB
PORT: Final = 29477
UUID_OF_ALL: Final = UUID("9b44a5cb-c717-401e-84fe-2e572f2782bb")


@dataclass(frozen=True)
class Case:
    """What is published, and which share of a bare GET's speed its check must reach."""

    message: int
    target: float


CASES: Final = (Case(10 * 1024, 0.9), Case(1024, 0.65))


@dataclass(frozen=True)
class Written:
    """A ledger that lies in a store."""

    ledger_id: int
    entries: int
    entry_bytes: int
    data_bytes: int

    @property
    def subject(self) -> Subject:
        """What its objects are measured by."""
        keys = data_key(UUID_OF_ALL, self.ledger_id), index_key(UUID_OF_ALL, self.ledger_id)
        topic = TopicName.from_managed_ledger_name(MANAGED_LEDGER)
        return Subject(*keys, topic, self.ledger_id, self.entries, self.entry_bytes)


def write(ledger_id: int, message: int, size: int, put: Callable[[str, Iterator[bytes], str], None]) -> Written:
    """A ledger of about that many bytes, block by block: no more than one of them is in memory."""
    one = entry(os.urandom(message))
    count = size // len(one)
    extents: list[BlockExtent] = []

    def blocks() -> Iterator[bytes]:
        for block in write_blocks(
            repeat(one, count), ledger_length=count * len(one), entry_count=count, max_block_size=BLOCK
        ):
            extents.append(block.extent)
            yield block.data

    put(data_key(UUID_OF_ALL, ledger_id), blocks(), "data")
    metadata = LedgerMetadata(
        length=count * len(one),
        last_entry_id=count - 1,
        segments=(LedgerSegment(("127.0.0.1:3181",), 0),),
        ctime=PUBLISH_TIME,
        custom_metadata=custom_metadata_for(MANAGED_LEDGER),
    )
    index = build_index(extents, metadata=metadata).build()
    put(index_key(UUID_OF_ALL, ledger_id), iter([index]), "index")
    return Written(ledger_id, count, count * len(one), sum(extent.length for extent in extents))


def into_store(store: WritableObjectStore) -> Callable[[str, Iterator[bytes], str], None]:
    """As the broker does it: a part for each block."""

    def put(key: str, parts: Iterator[bytes], role: str) -> None:
        if role == "data":
            store.put_multipart(key, parts, user_metadata=user_metadata(role), content_type="")
        else:
            store.put(key, b"".join(parts), user_metadata=user_metadata(role), content_type="")

    return put


def into_files(directory: Path) -> Callable[[str, Iterator[bytes], str], None]:
    """The same as files."""

    def put(key: str, parts: Iterator[bytes], _role: str) -> None:
        with (directory / key).open("wb") as file:
            file.writelines(parts)

    return put


def check(store: ObjectStore, written: Written, *, are_files: bool = False) -> None:
    """What is measured: every entry of one ledger, which must be sound and whole."""
    subject = written.subject
    data, index = store.head(subject.data_key), store.head(subject.index_key)
    if data is None or index is None:
        raise AssertionError("the objects are not there")
    look = look_at_ledger(LedgerObjects(store, data, index, are_files=are_files), subject, Level.ENTRIES)
    if look.findings or look.not_covered or look.counts is None or look.counts.checksums_ok != written.entries:
        raise AssertionError(look)


def get(store: ObjectStore, written: Written) -> None:
    """The peer: the same bytes by the same client, in the same pieces."""
    chunks = store.read_chunks(written.subject.data_key, chunk_size=PIECE)
    if chunks is None or sum(map(len, chunks)) != written.data_bytes:
        raise AssertionError("not all bytes came")


def best(ways: tuple[Callable[[], None], ...], rounds: int) -> list[float]:
    """In seconds; all ways take turns."""
    times = [float("inf")] * len(ways)
    for _ in range(rounds):
        for number, way in enumerate(ways):
            begun = time.perf_counter()
            way()
            times[number] = min(times[number], time.perf_counter() - begun)
    return times


def told(what: str, value: float, target: float, *, more: bool = True) -> None:
    """One line, and whether the target is met."""
    met = "met" if (value >= target if more else value <= target) else "MISSED"
    print(f"{what}: {value:.2f}  target {target:g}: {met}; load {os.getloadavg()[0]:.1f}", flush=True)


def from_minio(store: S3Store, size: int, rounds: int) -> None:
    """Each case beside the bare GET."""
    for number, case in enumerate(CASES):
        written = write(number, case.message, size, into_store(store))
        ours, bare = best((lambda w=written: check(store, w), lambda w=written: get(store, w)), rounds)  # type: ignore[misc]
        speeds = f"{written.data_bytes / ours / 1e6:.0f} of {written.data_bytes / bare / 1e6:.0f} MB/s"
        told(f"MinIO, messages of {case.message} B, {speeds}", bare / ours, case.target)


def _check_file(root: Path, written: Written, times: int) -> None:
    for _ in range(times):
        check(LocalFiles(root), written, are_files=True)


def _hash_file(root: Path, written: Written, times: int) -> None:
    for _ in range(times):
        with (root / written.subject.data_key).open("rb") as file:
            hashlib.file_digest(file, "sha256")


def two_processes(size: int, rounds: int) -> None:
    """Two processes with half of the work each, beside one with all of it; and what the machine gains by hashing."""
    with tempfile.TemporaryDirectory() as name, ProcessPoolExecutor(2, get_context("spawn")) as pool:
        root = Path(name)
        written = write(0, 1024, size, into_files(root))
        # Both are up before the time is taken.
        list(pool.map(_check_file, [root] * 2, [written] * 2, [1] * 2))

        def one(work: Callable[[Path, Written, int], None]) -> Callable[[], None]:
            return lambda: pool.submit(work, root, written, 4).result()

        def two(work: Callable[[Path, Written, int], None]) -> Callable[[], None]:
            return lambda: list(pool.map(work, [root] * 2, [written] * 2, [2] * 2)).clear()

        ways = (one(_check_file), two(_check_file), one(_hash_file), two(_hash_file))
        alone, together, hash_alone, hash_together = best(ways, rounds)
        print(f"local files: one process {4 * written.data_bytes / alone / 1e6:.0f} MB/s")
        peer = f"(sha256 of the same files: {hash_alone / hash_together:.2f})"
        told(f"local files: two processes do so many times what one does {peer}", alone / together, 1.8)


def memory(store: S3Store, endpoint: str, sizes: tuple[int, ...]) -> None:
    """The most that a command line of its own has needed, imports and all."""
    where = ["--s3-endpoint", endpoint, "--s3-region", local.REGION]
    for number, size in enumerate(sizes, start=len(CASES)):
        key = write(number, 1024, size, into_store(store)).subject.data_key
        command = [sys.executable, "-m", "offloadctl", "object", "verify", f"s3://{local.BUCKET}/{key}", *where]
        told(f"memory of checking {size / MIB:.0f} MiB, in MB", most_memory(command) / 1e6, MOST_MEMORY, more=False)
    alike = [write(number, 1024, sizes[0], into_store(store)) for number in range(LEDGERS_AT_ONCE)]
    command = [sys.executable, __file__, "--at-once", endpoint, str(alike[0].entries)]
    what = f"memory of checking {len(alike)} objects of {sizes[0] / MIB:.0f} MiB at once, in MB"
    told(what, most_memory(command) / 1e6, MOST_MEMORY, more=False)


def check_at_once(endpoint: str, entries: int) -> None:
    """As many ledgers as a check looks at at once, in threads as it does."""
    settings = BucketSettings(local.BUCKET, endpoint=endpoint, region=local.REGION)
    entry_bytes = entries * len(entry(bytes(1024)))
    with S3Store(settings) as store, ThreadPoolExecutor(LEDGERS_AT_ONCE) as pool:
        written = [Written(number, entries, entry_bytes, 0) for number in range(LEDGERS_AT_ONCE)]
        list(pool.map(lambda one: check(store, one), written))


def most_memory(command: list[str]) -> int:
    """The high-water mark of a command's own memory; what wait4 tells has its parent's in it, from before exec."""
    most = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    most = max(most, int(line.split()[1]) * 1024)
            time.sleep(0.002)
    if process.returncode:
        raise AssertionError(command)
    return most


def main() -> None:
    """All of it, one line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256, help="MiB of each ledger")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--at-once", nargs=2, metavar=("URL", "ENTRIES"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.at_once:
        check_at_once(arguments.at_once[0], int(arguments.at_once[1]))
        return
    size = arguments.size * MIB
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    two_processes(size, arguments.rounds)
    os.environ |= {"AWS_ACCESS_KEY_ID": local.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": local.SECRET_KEY}
    ports = local.Ports(s3=PORT)
    settings = BucketSettings(local.BUCKET, endpoint=ports.s3_url, region=local.REGION)
    with tempfile.TemporaryDirectory() as name, local.start_minio(Path(name), ports):
        local.ensure_bucket(ports)
        with S3Store(settings) as store:
            from_minio(store, size, arguments.rounds)
            memory(store, ports.s3_url, (size, 4 * size))


if __name__ == "__main__":
    main()
