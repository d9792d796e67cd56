"""Weeks of one seed: troubles first, then quiet days in which each process leads once, then the account is audited."""

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final
from unittest.mock import patch

from offloadctl.errors import Interrupted
from offloadctl.model.check import CheckReport, Level
from offloadctl.model.scope import Scope
from offloadctl.operations.check import Check
from offloadctl.operations.workers import StoppableClock
from offloadctl.ports import Ports
from tests.soak.process import Process
from tests.soak.schedules import text_of
from tests.soak.troubles import Troubles
from tests.soak.world import World

PROCESSES: Final = 3
_DAY: Final = 86_400.0
QUIET_DAYS: Final = PROCESSES + 1
_ONE_AT_A_TIME: Final = (
    "check.TOPICS_AT_ONCE",
    "check.LEDGERS_AT_ONCE",
    "check_sample._AT_ONCE",
    "check_sharing._AT_ONCE",
    "check_strays._AT_ONCE",
    "check_versions._AT_ONCE",
    "collect_details._AT_ONCE",
    "idle_offloads.AT_ONCE",
    "listing.LISTERS",
    "offload_run._READS_AT_ONCE",
    "schedule_actions.AT_ONCE",
    "scope._AT_ONCE",
)


@dataclass
class Soaked:
    """What is left after the weeks, for the audit."""

    seed: int
    days: float
    world: World
    processes: list[Process]
    report: CheckReport = field(init=False)
    """Of the full check at the end."""


@contextmanager
def one_at_a_time(seed: int) -> Iterator[None]:
    """So that a seed is the same run again."""
    state = random.getstate()
    random.seed(f"product {seed}")
    with ExitStack() as patches:
        for name in _ONE_AT_A_TIME:
            patches.enter_context(patch(f"offloadctl.operations.{name}", 1))
        patches.enter_context(patch.object(StoppableClock, "sleep", _sleep_in_one))
        yield
    random.setstate(state)


def _sleep_in_one(clock: StoppableClock, seconds: float) -> None:
    """As the real one, but not in slices: whoever stops a process here wakes it."""
    if seconds > 0 and not clock.stop.is_set():
        clock.clock.sleep(seconds)
    if clock.stop.is_set():
        raise Interrupted("interrupted")


def soak(seed: int, *, days: float, directory: Path) -> Soaked:
    """Let so many days pass with troubles, and some without; then look at everything."""
    with one_at_a_time(seed):
        world = World(seed)
        file = directory / "schedules.yaml"
        file.write_text(text_of())
        processes = [Process(world, f"instance-{number}", directory / f"state-{number}", file) for number in range(3)]
        soaked = Soaked(seed, days, world, processes)
        for process in processes:
            process.start()
        troubles = Troubles(world, processes, seed)
        try:
            world.timeline.run_until(days * _DAY)
            troubles.stop()
            _let_each_lead(soaked)
            soaked.report = _full_check(world)
        finally:
            for process in processes:
                process.kill()
    if world.timeline.failures:
        raise world.timeline.failures[0]
    return soaked


def _let_each_lead(soaked: Soaked) -> None:
    """A day each, and one more; the lease is handed back in order."""
    timeline = soaked.world.timeline
    begins = timeline.now
    for number, process in enumerate(soaked.processes):
        for other in soaked.processes:
            if other is not process and not other.life.is_over:
                other.terminate()
        timeline.run_until(begins + number * _DAY + 600)
        if process.life.is_over or process._ending:
            process.start()
        timeline.run_until(begins + (number + 1) * _DAY)
    timeline.run_until(begins + QUIET_DAYS * _DAY)


def _full_check(world: World) -> CheckReport:
    world.cluster.advance()
    ports = Ports(world.memory.admin(), world.clock, (world.bucket,))
    return Check(ports, Level.ENTRIES).report_scope(Scope.of(everything=True))


def quiet_days() -> timedelta:
    """How long nothing goes wrong at the end."""
    return timedelta(days=QUIET_DAYS)
