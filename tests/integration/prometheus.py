"""A real Prometheus as a process of this machine, and its `promtool`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import requests
import yaml

from tests.integration.containers import free_port
from tests.integration.stack import eventually
from tests.stack import parts

_EVERY: Final = "5s"
"""A scrape may take as long: on a loaded machine a broker's page does not come at once."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whose metrics are scraped."""

    address: str
    path: str = "/metrics"


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Where it answers."""

    url: str

    def value(self, expression: str) -> float | None:
        """The only number that an expression gives now; None if it gives none."""
        answer = requests.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=60)
        answer.raise_for_status()
        found = answer.json()["data"]["result"]
        assert len(found) <= 1, f"{expression} gives {len(found)} series"
        return float(found[0]["value"][1]) if found else None


@contextmanager
def running_prometheus(
    directory: Path, targets: Mapping[str, Target], *, history: str | None = None
) -> Iterator[Prometheus]:
    """With its data in `directory`, scraping each target, by the name of its job, every five seconds.

    `history` is what it has recorded before, in the form of OpenMetrics.
    """
    jobs = [
        {"job_name": name, "metrics_path": one.path, "static_configs": [{"targets": [one.address]}]}
        for name, one in targets.items()
    ]
    directory.mkdir(parents=True, exist_ok=True)
    configuration = directory / "prometheus.yml"
    configuration.write_text(
        yaml.safe_dump({"global": {"scrape_interval": _EVERY, "scrape_timeout": _EVERY}, "scrape_configs": jobs})
    )
    if history is not None:
        (directory / "history.om").write_text(history)
        make = ("tsdb", "create-blocks-from", "--max-block-duration=1000h", "openmetrics")
        code, said = promtool(*make, str(directory / "history.om"), str(directory / "data"))
        assert code == 0, said
    address, log = f"127.0.0.1:{free_port()}", directory / "prometheus.log"
    command = [str(parts.prometheus_programs() / "prometheus"), f"--config.file={configuration}"]
    command += [f"--storage.tsdb.path={directory / 'data'}", f"--web.listen-address={address}"]
    command += ["--storage.tsdb.retention.time=1y"]
    with (
        log.open("wb") as lines,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=lines, stderr=lines) as process,
    ):
        try:
            eventually(lambda: process.poll() is not None or _is_ready(address), "Prometheus is ready")
            assert process.poll() is None, log.read_text()
            yield Prometheus(f"http://{address}")
        finally:
            process.terminate()
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()


def promtool(*arguments: str, given: bytes = b"") -> tuple[int, str]:
    """The exit code of `promtool`, and all that it printed."""
    command: Sequence[str] = [str(parts.prometheus_programs() / "promtool"), *arguments]
    done = subprocess.run(command, input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout.decode(errors="replace")


def _is_ready(address: str) -> bool:
    try:
        return requests.get(f"http://{address}/-/ready", timeout=2).ok
    except requests.RequestException:
        return False
