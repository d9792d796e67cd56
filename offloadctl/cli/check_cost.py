"""What a check of every byte of a wide scope costs is told before it begins, and somebody must have said yes to it."""

import sys
from typing import TYPE_CHECKING

import typer

from offloadctl.cli.budget import CheckBudget
from offloadctl.cli.connection import Session
from offloadctl.cli.output import say
from offloadctl.errors import ApprovalNeeded
from offloadctl.model.check import Level
from offloadctl.model.scope import Scope
from offloadctl.units import format_size

if TYPE_CHECKING:
    from offloadctl.operations.estimate import Estimate


def approve(session: Session, scope: Scope, level: Level, budget: CheckBudget) -> None:
    """Tell the price of whatever reads everything; ApprovalNeeded without a yes or a budget, and nothing was read."""
    if not scope.is_wide or not level.includes(Level.ENTRIES) or not session.ports.stores:
        return
    from offloadctl.operations.estimate import estimate  # noqa: PLC0415 - only for these scopes; protobuf is slow

    found = estimate(session.ports, scope, budget.sample)
    say(_words(found, budget))
    if budget.is_one or budget.yes or not found.ledgers:
        return
    if sys.stdin.isatty() and sys.stderr.isatty() and typer.confirm("Read all of it?", err=True):
        return
    raise ApprovalNeeded(
        f"{format_size(found.size)} would be read, for {found.cost(budget.prices)}, and that needs a yes",
        hint="no object was read; add --yes, or a budget: --sample, --max-requests, --max-duration",
    )


def _words(found: "Estimate", budget: CheckBudget) -> str:
    of_sample = f" of the sample {budget.sample}" if budget.sample is not None else ""
    unread = f"; {found.unread:,} topics or namespaces could not be read, and are not in this" if found.unread else ""
    lists = f" and at least {found.lists:,} LIST" if found.lists else ""
    return (
        f"to read: {format_size(found.size)} of {found.ledgers:,} ledgers{of_sample} in {found.topics:,} topics, "
        f"by {found.gets:,} GET and HEAD{lists} requests, for {found.cost(budget.prices)} at {budget.prices}{unread}"
    )
