"""`python -m tests.stack`: a real Pulsar and MinIO on this machine, for work by hand.

up DIR [KEY=VALUE ...]      start both and leave them running; KEY=VALUE are keys of broker.conf
down DIR                    stop both
ledgers TOPIC [N] [M] [S]   add N closed ledgers of M messages of S bytes
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from tests.stack import local, topics

NAMES = ("minio", "broker")


def main(arguments: list[str]) -> int:
    match arguments:
        case ["up", directory, *overrides]:
            up(Path(directory).resolve(), dict(pair.split("=", 1) for pair in overrides))
        case ["down", directory]:
            down(Path(directory).resolve())
        case ["ledgers", topic, *numbers]:
            chosen = dict(zip(("ledgers", "messages", "size"), map(int, numbers), strict=False))
            topics.close_ledgers(local.Ports(), topic, **chosen)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def up(directory: Path, overrides: dict[str, str]) -> None:
    ports = local.Ports()
    _started(directory, local.start_minio(directory / "minio", ports))
    local.ensure_bucket(ports)
    _started(directory, local.start_broker(directory / "broker", ports, overrides=overrides))
    print(f"admin {ports.admin_url}, broker {ports.broker_url}, S3 {ports.s3_url}, bucket {local.BUCKET}")
    print(f"S3 credentials {local.ACCESS_KEY} / {local.SECRET_KEY}")


def down(directory: Path) -> None:
    for name in reversed(NAMES):
        file = directory / f"{name}.pid"
        if file.exists():
            _end(int(file.read_text()))
            file.unlink()


def _started(directory: Path, server: local.Server) -> None:
    (directory / f"{server.name}.pid").write_text(f"{server.process.pid}\n")


def _end(pid: int) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        for _ in range(100):
            try:
                os.kill(pid, sign)
            except ProcessLookupError:
                return
            time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
