"""One evaluation of schedules over 10,000 loaded topics by bulk reads, over HTTP on the embedded cluster.

    python tests/benchmarks/bench_schedule.py [--topics N] [--rounds N] [--details]

Wanted: under 10 s, and no call for a single topic. With --details a schedule looks at what only single topics tell: as
many are asked at each evaluation as its seconds allow, and none any more once all are known. The cluster is in a
process of its own, so that what is told is our own processor's time and memory; the time on the wall holds what the
simulated brokers take to answer, too.
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

from offloadctl.adapters.decision_logs import MemoryDecisionLog
from offloadctl.adapters.memory import MemoryObjectStore
from offloadctl.adapters.system import SystemClock
from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.demo.subscriptions import subscribe
from offloadctl.model.decision import Intent, RunResult
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.schedule import Schedule
from offloadctl.model.settings import BrokerSettings, Context
from offloadctl.operations.schedule import Scheduler
from offloadctl.plan.schedule_reading import read_schedules
from offloadctl.wiring import open_collector, open_ports

NAMESPACES = 20
FILE = """
apiVersion: offloadctl/v1
kind: Schedule
name: every-number
scope: {all: true}
when:
  any:
    - localBytes: {above: 1T}
    - backlogBytes: {above: 1T}
    - coldReads: {above: 1G}
    - brokerMemory: {above: 99%}
action: {offload: {sizeThreshold: 0}}
---
apiVersion: offloadctl/v1
kind: Schedule
name: details-of-none
scope: {all: true}
when:
  all:
    - localBytes: {of: namespace, above: 1T}
    - oldestEligible: {above: 1d}
action: {check: {level: listing}}
"""


DETAILS = """
---
apiVersion: offloadctl/v1
kind: Schedule
name: details-of-all
scope: {all: true}
when: {oldestEligible: {above: 1d}}
action: {check: {level: listing}}
"""


def serve(topics: int) -> None:
    """The cluster, until its parent is done with it."""
    clock = SystemClock()
    with EmbeddedCluster(clock=clock, stores=[MemoryObjectStore("b", now=clock.now)]) as embedded:
        cluster = embedded.cluster
        cluster.tenants["acme"] = ()
        for number in range(NAMESPACES):
            cluster.create_namespace(NamespaceName("acme", f"ns-{number}"))
        for number in range(topics):
            topic = TopicName("acme", f"ns-{number % NAMESPACES}", f"topic-{number}")
            cluster.add_closed_ledgers(topic, 3, entries=10, entry=b"x" * 100)
            subscribe(cluster, topic, "s")
        cluster.refresh_stats()
        print(",".join(embedded.admin_urls), flush=True)
        sys.stdin.read()


def never(schedule: Schedule, intent: Intent) -> RunResult:
    """Nothing is to fire here."""
    raise AssertionError(f"{schedule.name} fired: {intent.reasons}")


def measure(urls: tuple[str, ...], rounds: int, file: str) -> None:
    """Evaluate again and again by one collector, as the service does."""
    context = Context("bench", BrokerSettings(admin_urls=urls))
    with open_ports(context) as ports, open_collector(context, ports) as collector:
        scheduler = Scheduler(read_schedules(file, "bench"), MemoryDecisionLog(), collector, never, ports.clock)
        for number in range(rounds):
            wall, processor = time.monotonic(), time.process_time()
            tick = scheduler.tick()
            wall, processor = time.monotonic() - wall, time.process_time() - processor
            told = {
                one.schedule: f"{one.verdict} of {len(tick.collected.topics[one.schedule]):,}" for one in tick.decisions
            }
            left = f"{collector.details.left:,} topics not asked in time"
            print(f"evaluation {number + 1}: {wall:.2f} s, our processor {processor:.2f} s: {told}; {left}", flush=True)
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def main() -> None:
    """Both processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--topics", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--details", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.topics)
        return
    command = [sys.executable, str(Path(__file__)), "--serve", "--topics", str(given.topics)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as cluster:
        assert cluster.stdin is not None
        assert cluster.stdout is not None
        file = FILE + DETAILS if given.details else FILE
        measure(tuple(cluster.stdout.readline().strip().split(",")), given.rounds, file)
        cluster.stdin.close()


if __name__ == "__main__":
    main()
