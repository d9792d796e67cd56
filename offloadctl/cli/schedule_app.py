"""`offloadctl schedule` and what is below it, each loaded when it is used."""

from collections.abc import Mapping
from typing import ClassVar

import typer

from offloadctl.cli.lazy import LazyCommand, LazyGroup

_HOME = "offloadctl.cli.schedule"


class _ScheduleGroup(LazyGroup):
    lazy: ClassVar[Mapping[str, LazyCommand]] = {
        "list": LazyCommand(_HOME, "list_schedules", "How each schedule of a file stands; no broker is asked."),
        "validate": LazyCommand(_HOME, "validate", "Read a file of schedules, and tell its first mistake."),
        "run": LazyCommand(
            "offloadctl.cli.schedule_run", "run", "Evaluate one schedule now, and do what it decides; or do it anyway."
        ),
        "simulate": LazyCommand(
            "offloadctl.cli.schedule_simulate",
            "simulate_schedules",
            "What would have fired when, and why, by recorded numbers; no broker is asked.",
        ),
        "learn": LazyCommand(
            "offloadctl.cli.schedule_learn",
            "learn",
            "Learn from Prometheus what is usual, instead of looking for weeks.",
        ),
        "pause": LazyCommand(_HOME, "pause", "Tell a schedule, or all of them, to do nothing."),
        "resume": LazyCommand(_HOME, "resume", "Tell it to go on."),
        "history": LazyCommand(_HOME, "history", "What was decided, and what came of it; no broker is asked."),
        "explain": LazyCommand(_HOME, "explain", "Why one run began, with every number, and how it ended."),
    }


app = typer.Typer(name="schedule", cls=_ScheduleGroup, no_args_is_help=True)


@app.callback(no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]})
def _schedule() -> None:
    """Offload and check when conditions hold: cron times, bytes, ages, backlogs, disks, memory, PromQL."""
