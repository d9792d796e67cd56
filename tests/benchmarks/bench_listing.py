"""`check --all --level listing` of 10,000 ledgers of 200 topics, 20,000 objects, on MinIO; the brokers are simulated.

    python tests/benchmarks/bench_listing.py [--rounds N]

Wanted: 1/20 of the time and 1/50 of the requests of the broker's own scanOffloadedLedgers, which was measured on a real
4.0.7 with MinIO, with nothing else on the machine: 2.6 ms an object, one HEAD and one read of metadata each. Our admin
requests go as fast as the simulation answers; with the rate limit that spares real brokers (50 a second) 200 topics
take 4 seconds. Where the machine has other work, the HEADs alone tell more, which take turns with the check: one after
another, by boto3, of some of the objects.

Beside that, what a listed key costs our processor: by boto3 as it comes, by our client, and by obstore, a compiled one,
if it is installed. The three take turns, and each figure is the best of the rounds.
"""

import argparse
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import boto3

from offloadctl.adapters.s3 import S3Store
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.messages import Producer
from offloadctl.demo.tuning import Tuning
from offloadctl.model.check import Level
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.model.scope import Scope
from offloadctl.model.settings import BucketSettings
from offloadctl.operations.check import Check
from offloadctl.ports import Ports
from tests.integration.containers import free_port
from tests.stack import local

TOPICS, LEDGERS = 200, 50
OBJECTS = 2 * TOPICS * LEDGERS
SCAN_MS_AN_OBJECT = 2.6
SCAN_REQUESTS_AN_OBJECT = 1
HEADS = 300


def cluster() -> InMemoryCluster:
    """All ledgers in S3."""
    tuning = Tuning(upload_rate=1e12, upload_overhead=0.0, retention_minutes=-1)
    memory = InMemoryCluster(bucket=local.BUCKET, tuning=tuning)
    memory.cluster.tenants["acme"] = ()
    (entry,) = Producer("bench", memory.clock.now()).entries(1)
    admin = memory.admin()
    for number in range(TOPICS):
        topic = TopicName("acme", "shop", f"topic-{number}")
        memory.cluster.add_closed_ledgers(topic, LEDGERS, entries=3, entry=entry)
        admin.trigger_offload(topic, Position(admin.served_ledgers(topic).ledgers[-1].ledger_id, 0))
    while sum(1 for _ in memory.store.list()) < OBJECTS:
        memory.clock.sleep(1)
        memory.cluster.advance()
    return memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    memory = cluster()
    ports = local.Ports(s3=free_port())
    with tempfile.TemporaryDirectory() as scratch, local.start_minio(Path(scratch), ports):
        local.ensure_bucket(ports)
        settings = BucketSettings(local.BUCKET, endpoint=ports.s3_url, region=local.REGION)
        with S3Store(settings, credentials=(local.ACCESS_KEY, local.SECRET_KEY)) as store:
            _copy(memory, store)
            requests: Counter[str] = Counter()
            store._client().meta.events.register("before-send.s3", _counting(requests))
            times, heads, asked = [], [], 0
            for _ in range(rounds):
                times.append(_check(memory, store))
                asked = requests.total()
                heads.append(_seconds_of_heads(memory, store))
                requests.clear()
            told = _keys_a_second(ports, store, rounds)
    seconds, used = map(min, zip(*times, strict=True))
    scan_seconds, scan_requests = OBJECTS * SCAN_MS_AN_OBJECT / 1000, OBJECTS * SCAN_REQUESTS_AN_OBJECT
    print(f"{OBJECTS:,} objects: {seconds:.1f} s ({used:.1f} s of our processor), {asked} requests to the bucket,")
    print(f"by the broker's scan {scan_seconds:.0f} s and {scan_requests:,} requests;")
    print(f"1/{scan_seconds / seconds:.0f} of the time (wanted: 1/20), 1/{scan_requests / asked:.0f} (wanted: 1/50);")
    alone = OBJECTS * min(heads) / HEADS
    print(f"by HEADs one after another {alone:.0f} s; 1/{alone / seconds:.0f} of that")
    print(f"all {rounds} rounds: {', '.join(f'{one:.1f}' for one, _ in times)} s; load {os.getloadavg()[0]:.1f}")
    ours = told["ours"]
    for name, figure in told.items():
        print(
            f"keys listed by a second of the processor, {name}: {figure:,.0f}; ours are {ours / figure:.1f} times that"
        )


def _check(memory: InMemoryCluster, store: S3Store) -> tuple[float, float]:
    """The time of a whole check, and the processor's."""
    begun, used = time.perf_counter(), time.process_time()
    check = Check(Ports(memory.admin(), memory.clock, (store,)), Level.LISTING)
    report = check.report_scope(Scope.of(everything=True))
    seconds, used = time.perf_counter() - begun, time.process_time() - used
    if report.coverage.ledgers_covered != TOPICS * LEDGERS:
        raise AssertionError(report.coverage)
    return seconds, used


def _seconds_of_heads(memory: InMemoryCluster, store: S3Store) -> float:
    """Of as many as HEADS."""
    begun = time.perf_counter()
    for info in islice(memory.store.list(), HEADS):
        store.head(info.key)
    return time.perf_counter() - begun


def _keys_a_second(ports: local.Ports, store: S3Store, rounds: int) -> Mapping[str, float]:
    """Listing all keys one page after another, by each client."""
    ways: dict[str, Callable[[], int]] = {"ours": lambda: sum(1 for _ in store.list())}
    session = boto3.Session(local.ACCESS_KEY, local.SECRET_KEY, region_name=local.REGION)
    plain = session.client("s3", endpoint_url=ports.s3_url)
    paginator = plain.get_paginator("list_objects_v2")
    pages = paginator.paginate(Bucket=local.BUCKET)
    ways["boto3 as it comes"] = lambda: sum(len(page.get("Contents", ())) for page in pages)
    try:
        compiled: Any = import_module("obstore")
    except ImportError:
        print("obstore is not installed: left out")
    else:
        their: Any = import_module("obstore.store").S3Store(
            local.BUCKET,
            endpoint=ports.s3_url,
            region=local.REGION,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
            access_key_id=local.ACCESS_KEY,
            secret_access_key=local.SECRET_KEY,
        )
        ways["obstore, which tells no storage class"] = lambda: sum(map(len, compiled.list(their, chunk_size=1000)))
    best = dict.fromkeys(ways, 0.0)
    for _ in range(rounds):
        for name, way in ways.items():
            used = time.process_time()
            count = way()
            best[name] = max(best[name], count / (time.process_time() - used))
    return best


def _copy(memory: InMemoryCluster, store: S3Store) -> None:
    def put(key: str) -> None:
        stored = memory.store._objects[key]
        how: Any = {"user_metadata": stored.info.user_metadata, "content_type": stored.content_type}
        if key.endswith("-index"):
            store.put(key, stored.data, **how)
        else:
            store.put_multipart(key, iter([stored.data]), **how)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, list(memory.store._objects)))


def _counting(requests: Counter[str]) -> Any:
    def count(request: Any, **_: Any) -> None:
        requests[request.method] += 1

    return count


if __name__ == "__main__":
    main()
