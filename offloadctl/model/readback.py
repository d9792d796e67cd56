"""What a broker gave to a reader: samples of a topic's ledgers, read end to end."""

from dataclasses import dataclass

from offloadctl.model.ledger import Position


@dataclass(frozen=True, slots=True)
class Probe:
    """One question to the broker: which message comes first from a position on?"""

    asked: Position
    given: Position | None
    """None: nothing came before the deadline."""


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Of one topic or partition, the samples of its ledgers in S3."""

    samples: int = 0
    given: int = 0
    """So many of them came as they were asked for, or with the first message behind."""
    not_covered: tuple[str, ...] = ()
