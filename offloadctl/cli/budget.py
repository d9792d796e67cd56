"""The options by which a check is told what it may cost: a part of the ledgers, requests, time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import typer

from offloadctl.cli.injection import injecting
from offloadctl.model.limits import Limits
from offloadctl.model.price import Prices
from offloadctl.model.sample import ByteSample, Sample, parse_sample
from offloadctl.units import parse_duration

PANEL: Final = "Budget"

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class CheckBudget:
    """Which ledgers, and how much; what that costs, and whether somebody has said yes to it."""

    sample: Sample | ByteSample | None
    limits: Limits
    prices: Prices
    yes: bool

    @property
    def is_one(self) -> bool:
        """Whether there is an end to what it costs."""
        return any(one is not None for one in (self.sample, self.limits.requests, self.limits.duration))


def with_budget(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command all options of its budget; it receives them as one value, its parameter `budget`."""
    return injecting("budget", _OPTIONS, _budget)(command)


def _budget(
    *,
    sample: str | None,
    seed: int,
    max_requests: int | None,
    max_duration: str | None,
    rate: float | None,
    price: list[str] | None,
    yes: bool,
) -> CheckBudget:
    return CheckBudget(
        parse_sample(sample, seed=seed) if sample is not None else None,
        Limits(max_requests, parse_duration(max_duration) if max_duration is not None else None, rate),
        Prices.parse(price or ()),
        yes,
    )


def _option(*names: str, help: str, **how: Any) -> Any:  # noqa: A002 - as typer has it
    return typer.Option(*names, help=help, rich_help_panel=PANEL, **{"show_default": False, **how})


_OPTIONS: Final[dict[str, tuple[Any, object]]] = {
    "sample": (
        Annotated[
            str | None, _option("--sample", metavar="PART", help="Only this part of the ledgers: 5%, 1/7, 200GiB.")
        ],
        None,
    ),
    "seed": (
        Annotated[
            int,
            _option("--seed", metavar="N", help="Which part: 0, 1, ... until all had their turn.", show_default=True),
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
    "price": (
        Annotated[
            list[str] | None,
            _option(
                "--price",
                metavar="WHAT=PRICE",
                help="Of get and list (a thousand) or transfer (a GiB), for the cost told before a wide scope is read: "
                "get=0.0004, list=0.005, transfer=0.09. Default: S3 Standard within us-east-1.",
            ),
        ],
        None,
    ),
    "yes": (
        Annotated[
            bool,
            _option("--yes", help="Read every byte of a wide scope without a question, and without another budget."),
        ],
        False,
    ),
}
