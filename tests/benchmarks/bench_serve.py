"""`offloadctl serve` on the embedded cluster: its memory, its processor time, and how long a scrape takes at any time.

    python tests/benchmarks/bench_serve.py [--topics N] [--seconds N] [--every SECONDS] [--bucket] [--shown N]

Wanted: with 1,000 topics under 100 MB and, at an evaluation every five minutes, under 1 % of a core; a scrape under
100 ms whatever goes on. Evaluations follow each other here, so that many scrapes meet one. The cluster is in a process
of its own. With --bucket a bucket is known, which loads boto3; nobody asks it for anything.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.bench_schedule import FILE
from tests.served import Served

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024**2
BETWEEN_S = 0.05


@contextmanager
def cluster(topics: int) -> Iterator[str]:
    """Its addresses, until the end of the block."""
    command = [sys.executable, str(ROOT / "tests/benchmarks/bench_schedule.py"), "--serve", "--topics", str(topics)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


@contextmanager
def service(urls: str, every: float, *, bucket: bool) -> Iterator[str]:
    """Where its pages are, until the end of the block."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "schedules.yaml")
        file.write_text(FILE)
        environment = {
            **os.environ,
            "OFFLOADCTL_ADMIN_URL": urls,
            "OFFLOADCTL_STATE": directory,
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
        }
        if bucket:
            environment["OFFLOADCTL_BUCKET"] = "bench,endpoint=http://127.0.0.1:1"
        flags = ("-f", str(file), "--every", f"{every:g}s", "--listen", "127.0.0.1:0", "--grace", "0s")
        with Served.start(*flags, environment=environment) as served:
            yield f"http://{served.awaits('listening')['address']}"
            served.end(signal.SIGTERM)


def values(page: str) -> Mapping[str, float]:
    """The series without labels."""
    rows = (line.split() for line in page.splitlines() if line[:1] not in ("", "#") and "{" not in line)
    return {name: float(number) for name, number in rows}


def measure(address: str, seconds: float, shown: int) -> None:
    """Scrape again and again."""
    took: list[float] = []
    path = f"/metrics?topics={shown}" if shown else "/metrics"
    first: Mapping[str, float] = {}
    page, until = "", float("inf")
    while time.monotonic() < until:
        begun = time.monotonic()
        with urllib.request.urlopen(address + path, timeout=30) as answer:
            page = answer.read().decode()
        took.append(time.monotonic() - begun)
        if not first and values(page)["offloadctl_evaluations_total"] >= 1:
            # What a process does once at its beginning is no evaluation's.
            first, until = values(page), time.monotonic() + seconds
        time.sleep(BETWEEN_S)
    last = values(page)
    evaluations = last["offloadctl_evaluations_total"] - first["offloadctl_evaluations_total"]
    processor = last["process_cpu_seconds_total"] - first["process_cpu_seconds_total"]
    scraping = len(took) * statistics.median(took)
    print(f"memory: {last['process_resident_memory_bytes'] / MIB:.0f} MiB")
    print(f"evaluations: {evaluations:.0f}, the last took {last['offloadctl_evaluation_seconds']:.2f} s")
    if evaluations:
        each = processor / evaluations
        print(f"processor, scrapes included: {each:.2f} s an evaluation; every 5 minutes {each / 3:.2f} % of a core")
    print(f"scrapes: {len(took)}, together about {scraping:.1f} s; the page has {page.count(chr(10)):,} lines")
    slowest = max(took)
    print(f"a scrape took {1000 * statistics.median(took):.1f} ms in the middle, {1000 * slowest:.0f} ms at most")
    print(
        f"topics asked for their ledgers: {last['offloadctl_topics_asked']:.0f} of {last['offloadctl_topics_told']:.0f}"
    )


def main() -> None:
    """All three processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--topics", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--every", type=float, default=5)
    parser.add_argument("--shown", type=int, default=0, help="topics with series of their own")
    parser.add_argument("--bucket", action="store_true")
    given = parser.parse_args()
    with cluster(given.topics) as urls, service(urls, given.every, bucket=given.bucket) as address:
        measure(address, given.seconds, given.shown)


if __name__ == "__main__":
    main()
