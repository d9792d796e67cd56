"""One command over many topics, on the embedded cluster (tests/benchmarks/many_topics.py), which shares the two cores.

Planned, triggered, waited for and confirmed: 1,000 idle topics with one ledger to move each; wanted: under 30 s and
200 MB. Planned: one topic of 100,000 ledgers, wanted under 1 s; and 10,000 idle topics, of which none may be loaded.
The client is the command line, its rate limits lifted: those spare real brokers, and would be all that is measured.
Beside it pulsar-admin in a loop, the way it is done without this tool: both commands for each topic, which believe the
broker and look at no object. It is timed for 20 topics, and the rest is multiplied.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.benchmarks import many_topics
from tests.benchmarks.pairs import PYTHON, seconds
from tests.stack import parts

TOPICS, LEDGERS, IDLE, SAMPLE = 1_000, 100_000, 10_000, 20


@dataclass(frozen=True)
class Server:
    """A cluster in another process."""

    admin_urls: list[str]
    s3: str
    process: "subprocess.Popen[str]"

    def topics_loaded(self) -> int:
        """How often a broker had to load a topic so far."""
        return int(self._ask("loaded"))

    def requests(self) -> dict[str, int]:
        """How many requests brokers and bucket have answered so far."""
        asked: dict[str, int] = json.loads(self._ask("requests"))
        return asked

    def _ask(self, what: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(what, file=self.process.stdin, flush=True)
        return self.process.stdout.readline()


@dataclass(frozen=True)
class Used:
    """What one command took."""

    seconds: float
    processor: float
    megabytes: float
    document: Any

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s ({self.processor:.1f} s of the client's processor), {self.megabytes:.0f} MB"


def main() -> None:
    offload_thousand()
    plan_long_topic()
    plan_idle_topics()


def offload_thousand() -> None:
    with cluster(topics=TOPICS, ledgers=2) as server:
        used = offloadctl(server, "offload", "namespace", str(many_topics.NAMESPACE), "-s", "0", "--yes")
        assert used.document["summary"]["outcomes"] == {"confirmed": TOPICS}, used.document["summary"]
        asked = server.requests()
        told = ", ".join(f"{number / TOPICS:.1f} to the {who}" for who, number in asked.items())
        print(f"{TOPICS:,} topics offloaded and confirmed: {used} (wanted: under 30 s, 200 MB)")
        print(f"  requests a topic: {told}")
    with cluster(topics=SAMPLE, ledgers=2) as server:
        try:
            each = pulsar_admin_for_each(server)
        except parts.PartMissing as missing:
            print(f"  pulsar-admin cannot be had here: {missing}")
            return
    print(f"  pulsar-admin in a loop: {each:.1f} s a topic, {each * TOPICS:,.0f} s by {SAMPLE} topics;", end=" ")
    print(f"{each * TOPICS / used.seconds:.0f} times as long")


def plan_long_topic() -> None:
    with cluster(topics=1, ledgers=LEDGERS) as server:
        used = offloadctl(
            server, "offload", "namespace", str(many_topics.NAMESPACE), "-s", "0", "--dry-run", table=True
        )
    print(f"one topic of {LEDGERS:,} ledgers planned: {used} (wanted: under 1 s)")


def plan_idle_topics() -> None:
    for threshold, outcome in (("0", "planned"), ("1T", "nothing-to-do")):
        with cluster(topics=IDLE, ledgers=2) as server:
            used = offloadctl(server, "offload", "namespace", str(many_topics.NAMESPACE), "-s", threshold, "--dry-run")
            assert used.document["summary"]["outcomes"] == {outcome: IDLE}, used.document["summary"]
            loaded, asked = server.topics_loaded(), server.requests()
        assert loaded == 0, loaded
        told = f"{asked['brokers'] / IDLE:.2f} requests a topic, none loaded"
        print(f"{IDLE:,} idle topics planned, all of them {outcome}: {used}; {told}")


def pulsar_admin_for_each(server: Server) -> float:
    """Seconds for each topic of `offload` and `offload-status -w`."""
    with tempfile.TemporaryDirectory() as scratch:
        conf = Path(scratch) / "client.conf"
        conf.write_text(f"webServiceUrl={server.admin_urls[0]}/\n")
        java = [parts.java(), "-cp", f"{parts.client_tools()}/*", "org.apache.pulsar.admin.cli.PulsarAdminTool"]
        tool = [*java, str(conf), "topics"]
        total = 0.0
        for number in range(SAMPLE):
            topic = f"persistent://{many_topics.NAMESPACE}/{many_topics.topic_name(number)}"
            total += seconds([*tool, "offload", "-s", "0", topic], None)
            total += seconds([*tool, "offload-status", "-w", topic], None)
        return total / SAMPLE


@contextmanager
def cluster(*, topics: int, ledgers: int) -> Iterator[Server]:
    command = [PYTHON, "-m", "tests.benchmarks.many_topics", str(topics), str(ledgers)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        where = json.loads(process.stdout.readline())
        try:
            yield Server(where["admin_urls"], where["s3"], process)
        finally:
            process.stdin.close()
            process.wait(30)


def offloadctl(server: Server, *arguments: str, table: bool = False) -> Used:
    """One command line as it is installed, in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        config, result = Path(scratch) / "config.toml", Path(scratch) / "result.json"
        config.write_text(_context(server))
        config.chmod(0o600)
        environment = {
            "OFFLOADCTL_CONFIG": str(config),
            "OFFLOADCTL_STATE": scratch,
            "AWS_ACCESS_KEY_ID": "demo",
            "AWS_SECRET_ACCESS_KEY": "demo-secret",
        }
        output = ["-o", "table" if table else "json"]
        with result.open("w") as stdout:
            begun = time.perf_counter()
            pid = _start([str(Path(PYTHON).with_name("offloadctl")), *arguments, *output], environment, stdout)
            _, status, usage = os.wait4(pid, 0)
            taken = time.perf_counter() - begun
        assert status == 0, (status, result.read_text()[:2000])
        document = None if table else json.loads(result.read_text())
    return Used(taken, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, document)


def _start(command: list[str], environment: dict[str, str], stdout: IO[str]) -> int:
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.Popen(command, env={**own, **environment}, stdout=stdout, stderr=subprocess.DEVNULL).pid


def _context(server: Server) -> str:
    return f"""current = "many"
[contexts.many]
admin_urls = {json.dumps(server.admin_urls)}
[contexts.many.rates]
light = 1e6
loading = 1e6
[[contexts.many.buckets]]
name = "{many_topics.BUCKET}"
endpoint = "{server.s3}"
region = "us-east-1"
"""


if __name__ == "__main__":
    main()
