"""Soak: weeks of troubles on the embedded cluster, seed by seed; whatever nobody can explain is told at the end.

python -m tests.soak --seeds 7,20-25 --days 14
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from tests.soak.audit import audit
from tests.soak.audit_log import requests
from tests.soak.soak import QUIET_DAYS, Soaked, soak

_SHOWN = 20


def main() -> int:
    """One seed after the other; 1 if anything is unexplained."""
    options = argparse.ArgumentParser(prog="make soak", description=__doc__)
    options.add_argument("--seeds", default="1-4", help="such as 7,20-25")
    options.add_argument("--days", type=float, default=14.0, help=f"of troubles; {QUIET_DAYS} quiet ones follow")
    given = options.parse_args()
    faults, weeks, failed = Counter[str](), 0.0, list[int]()
    for seed in seeds_of(given.seeds):
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as directory:
            soaked = soak(seed, days=given.days, directory=Path(directory))
            unexplained = audit(soaked)
        weeks += (given.days + QUIET_DAYS) / 7
        faults.update({str(fault): count for fault, count in soaked.world.truth.faults.items()})
        print(f"seed {seed}: {summary(soaked)}; {time.monotonic() - began:.0f} s", flush=True)
        for one in unexplained[:_SHOWN]:
            print(f"  {one.rule}: {one.what}")
        if unexplained:
            failed.append(seed)
            print(
                f"  {len(unexplained)} unexplained; once more: make soak SEEDS={seed} DAYS={given.days:g}", flush=True
            )
    print(f"{weeks:.1f} weeks; what went wrong in them:")
    for fault, count in sorted(faults.items()):
        print(f"{count:7,} {fault}")
    return 1 if failed else 0


def seeds_of(text: str) -> list[int]:
    """`7,20-25` as numbers."""
    found = list[int]()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def summary(soaked: Soaked) -> str:
    """What happened, in one line."""
    world, asked = soaked.world, requests(soaked.world.truth.triggers)
    codes = Counter(one.code for one in soaked.report.findings)
    told = ", ".join(f"{count} {code}" for code, count in sorted(codes.items())) or "none"
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in asdict(asked).items())
    return (
        f"{soaked.days + QUIET_DAYS:g} days, {sum(world.truth.faults.values())} faults, {world.lease.epoch} terms, "
        f"{len(world.truth.begun)} runs; requests: {counts}; findings of the last check: {told}"
    )


if __name__ == "__main__":
    sys.exit(main())
