"""`offloadctl offload topic` against pulsar-admin's `topics offload` and `offload-status -w`, on a real broker.

Each run has a topic of its own, all alike: three closed ledgers of 200 messages. Ours waits, and then looks at the
objects in S3; pulsar-admin needs two commands, and believes the broker. Broker and MinIO are processes (tests/stack).
"""

import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.pairs import PYTHON, seconds
from tests.integration.containers import free_port
from tests.stack import local, parts, topics

RUNS = 7


def main() -> None:
    try:
        parts.broker_jars(), parts.client_tools(), parts.minio_binary()
    except parts.PartMissing as missing:
        print(f"a part of the real stack cannot be had here: {missing}")
        return
    ports = local.Ports(web=free_port(), broker=free_port(), bookie=free_port(), s3=free_port())
    with tempfile.TemporaryDirectory() as scratch, local.start_minio(Path(scratch) / "minio", ports):
        local.ensure_bucket(ports)
        with local.start_broker(Path(scratch) / "broker", ports):
            topics.ensure_namespace(ports)
            # Once more than is counted: the first run warms the broker and the caches.
            times = [one_pair(ports, Path(scratch), number) for number in range(RUNS + 1)][1:]
    ours, theirs = zip(*times, strict=True)
    ratio = statistics.median(theirs) / statistics.median(ours)
    print(
        f"offload topic: {told(ours)}; topics offload and offload-status -w: {told(theirs)}; {ratio:.1f} times faster"
    )


def one_pair(ports: local.Ports, directory: Path, number: int) -> tuple[float, float]:
    """Seconds of ours and of theirs, in turns, so that a noisy machine disturbs both alike."""
    ours, theirs = (f"persistent://{topics.NAMESPACE}/{who}-{number}" for who in ("ours", "theirs"))
    for topic in (ours, theirs):
        topics.close_ledgers(ports, topic)
    credentials = {"AWS_ACCESS_KEY_ID": local.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": local.SECRET_KEY}
    return (
        seconds(offloadctl(ports, ours), credentials),
        sum(seconds(command, {}) for command in pulsar_admin(ports, directory, theirs)),
    )


def offloadctl(ports: local.Ports, topic: str) -> list[str]:
    """One command; its exit code is 0 only if the ledgers are confirmed in S3."""
    where = ["--admin-url", ports.admin_url, "--bucket", local.BUCKET, "--s3-endpoint", ports.s3_url]
    where += ["--s3-region", "us-east-1"]
    return [str(Path(PYTHON).with_name("offloadctl")), "offload", "topic", topic, "-s", "0", *where]


def pulsar_admin(ports: local.Ports, directory: Path, topic: str) -> list[list[str]]:
    """Both commands."""
    conf = directory / "client.conf"
    conf.write_text(f"webServiceUrl={ports.admin_url}/\n")
    tool = [parts.java(), "-cp", f"{parts.client_tools()}/*", "org.apache.pulsar.admin.cli.PulsarAdminTool", str(conf)]
    return [[*tool, "topics", "offload", "-s", "0", topic], [*tool, "topics", "offload-status", "-w", topic]]


def told(times: Sequence[float]) -> str:
    """Median, smallest and largest."""
    return f"{statistics.median(times):.2f} s (min {min(times):.2f}, max {max(times):.2f})"


if __name__ == "__main__":
    main()
