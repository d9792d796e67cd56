"""What a command may cost."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Limits:
    """None: as much as it takes."""

    requests: int | None = None
    """To buckets: these are paid for."""
    duration: timedelta | None = None
    rate: float | None = None
    """Requests to buckets a second."""
