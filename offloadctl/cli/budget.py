"""The options by which a check is told what it may cost: a part of the ledgers, requests, time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import typer

from offloadctl.cli.injection import injecting
from offloadctl.model.limits import Limits
from offloadctl.model.sample import Sample
from offloadctl.units import parse_duration

PANEL: Final = "Budget"

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class CheckBudget:
    """Which ledgers, and how much."""

    sample: Sample | None
    limits: Limits


def with_budget(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command all options of its budget; it receives them as one value, its parameter `budget`."""
    return injecting("budget", _OPTIONS, _budget)(command)


def _budget(
    *, sample: str | None, seed: int, max_requests: int | None, max_duration: str | None, rate: float | None
) -> CheckBudget:
    return CheckBudget(
        Sample.parse(sample, seed=seed) if sample is not None else None,
        Limits(max_requests, parse_duration(max_duration) if max_duration is not None else None, rate),
    )


def _option(*names: str, help: str, **how: Any) -> Any:  # noqa: A002 - as typer has it
    return typer.Option(*names, help=help, rich_help_panel=PANEL, **{"show_default": False, **how})


_OPTIONS: Final[dict[str, tuple[Any, object]]] = {
    "sample": (
        Annotated[str | None, _option("--sample", metavar="SHARE", help="Only this share of the ledgers: 5%, 1/7.")],
        None,
    ),
    "seed": (
        Annotated[
            int,
            _option("--seed", metavar="N", help="Which share: 0, 1, ... until all had their turn.", show_default=True),
        ],
        0,
    ),
    "max_requests": (
        Annotated[int | None, _option("--max-requests", metavar="N", help="End after N requests to buckets.", min=1)],
        None,
    ),
    "max_duration": (
        Annotated[str | None, _option("--max-duration", metavar="DURATION", help="End after so long: 90s, 30m, 2h.")],
        None,
    ),
    "rate": (
        Annotated[
            float | None, _option("--rate", metavar="N", help="At most N requests to buckets a second.", min=0.001)
        ],
        None,
    ),
}
