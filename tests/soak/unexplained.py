"""What an audit tells."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unexplained:
    """Something without a cause, or a cause without what should have come of it."""

    rule: str
    what: str
