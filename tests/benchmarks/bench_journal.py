"""What the journal costs a run of 1,000 topics, and how long it takes to tell what 1,000 such runs have done.

Beside it the bare disk: as many writes with an fsync each as there are requests.
"""

import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

from offloadctl.adapters.sqlite_journal import SqliteJournal
from offloadctl.adapters.system import SystemClock
from offloadctl.exitcodes import ExitCode
from offloadctl.model.journal import Actor, HistoryFilter, RunStart, StepEnd, StepLedger, StepPlan
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Confirmation, Outcome
from offloadctl.units import ByteSize

TOPICS: Final = 1000
AT_ONCE: Final = 16
START: Final = RunStart("bench", "bench", Actor("bench", "bench", 1), "offload all -s 0")
LEDGERS: Final = tuple(StepLedger(number, 50_000, ByteSize(10**9)) for number in range(10))
PLANS: Final = [
    StepPlan(TopicName("acme", "shop", f"orders-{number}"), Position(10, 0), LEDGERS) for number in range(TOPICS)
]
END: Final = StepEnd(
    Outcome.CONFIRMED,
    ExitCode.OK,
    ledgers=tuple(replace(one, confirmation=Confirmation.CONFIRMED, object_bytes=10**9) for one in LEDGERS),
    seconds=60,
)


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        bare = min(fsyncs(Path(directory)) for _ in range(3))
        journal = SqliteJournal(Path(directory), SystemClock())
        times = [one_run(journal) for _ in range(3)]
        print(
            f"a run of {TOPICS:,} topics with 10 ledgers each, {AT_ONCE} at once: {min(times):.2f} s for all of it"
            f" ({min(times) / TOPICS * 1000:.2f} ms a topic); {TOPICS:,} bare writes with an fsync: {bare:.2f} s"
        )
        begun = time.monotonic()
        runs = journal.runs(HistoryFilter(limit=50))
        print(f"history of {len(runs)} such runs: {time.monotonic() - begun:.3f} s; {size(journal):,.0f} bytes a topic")
        journal.close()


def one_run(journal: SqliteJournal) -> float:
    """Everything that a run of all topics writes."""
    begun = time.monotonic()
    run_id = journal.begin_run(START)
    journal.plan_steps(run_id, PLANS)

    def step(plan: StepPlan) -> None:
        assert journal.begin_step(run_id, plan) is None
        journal.end_step(run_id, plan.topic, END)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(step, PLANS))
    journal.end_run(run_id, ExitCode.OK, {})
    return time.monotonic() - begun


def fsyncs(directory: Path) -> float:
    """The disk alone."""
    begun = time.monotonic()
    with (directory / "bare").open("ab") as file:
        for _ in range(TOPICS):
            file.write(b"x" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
    return time.monotonic() - begun


def size(journal: SqliteJournal) -> float:
    """Bytes on disk for each topic of each run."""
    return journal.path.stat().st_size / (len(journal.runs(HistoryFilter())) * TOPICS)


if __name__ == "__main__":
    main()
