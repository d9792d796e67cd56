"""Two commands timed in turns, so that a noisy machine disturbs both alike; what counts is their ratio."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

PYTHON = sys.executable


@dataclass(frozen=True, slots=True)
class Pair:
    """Seconds of each run of both commands."""

    ours: tuple[float, ...]
    peer: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Ours over the peer's, by medians."""
        return statistics.median(self.ours) / statistics.median(self.peer)

    def __str__(self) -> str:
        def told(times: Sequence[float]) -> str:
            return (
                f"{statistics.median(times) * 1000:.0f} ms (min {min(times) * 1000:.0f}, max {max(times) * 1000:.0f})"
            )

        return f"ours {told(self.ours)}, peer {told(self.peer)}, ratio {self.ratio:.2f}"


def time_pair(
    ours: Sequence[str], peer: Sequence[str], *, runs: int = 11, environment: dict[str, str] | None = None
) -> Pair:
    """Run both in turns, once more than is counted, since the first run warms the caches."""
    times = [(seconds(ours, environment), seconds(peer, environment)) for _ in range(runs + 1)][1:]
    return Pair(tuple(one for one, _ in times), tuple(other for _, other in times))


def seconds(command: Sequence[str], environment: dict[str, str] | None) -> float:
    """How long one run of a command takes; it must succeed."""
    # Whoever installs a package has its bytecode; with this variable each run would compile all of it again.
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begun = time.perf_counter()
    subprocess.run(command, env={**own, **(environment or {})}, check=True, capture_output=True)
    return time.perf_counter() - begun
