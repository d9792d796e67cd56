"""How long commands wait for offloads: an option, and what it means where nobody sits at a terminal."""

import sys
from datetime import timedelta
from typing import Annotated, Final

import typer

from offloadctl.model.standing import STALL_TIMEOUT
from offloadctl.units import parse_duration

UNATTENDED_TIMEOUT: Final = timedelta(hours=6)
"""How long a wait may take when nobody sits at a terminal; there it takes as long as the person likes."""

Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        help="How long to wait for each topic: 30m, 6h. Default: 6h, without an end on a terminal.",
        show_default=False,
    ),
]

StallTimeout = Annotated[
    str | None,
    typer.Option(
        "--stall-timeout",
        metavar="DURATION",
        help="How long nothing of a topic may move before it is given up, exit 7. Default: 30m; 0: no end.",
        show_default=False,
    ),
]


def timeout_of(text: str | None) -> timedelta | None:
    """How long to wait; None has no end."""
    if text is not None:
        return parse_duration(text)
    return None if sys.stderr.isatty() else UNATTENDED_TIMEOUT


def stall_timeout_of(text: str | None) -> timedelta | None:
    """How long nothing may move; None has no end."""
    return (parse_duration(text) or None) if text is not None else STALL_TIMEOUT
