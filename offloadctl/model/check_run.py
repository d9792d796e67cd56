"""A run of a check that is remembered, so that another one can go on where it ended."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final

_WORDS: Final = {
    "context": "context",
    "scope": "scope",
    "level": "level",
    "sample": "sample",
    "load_topics": "--load-topics",
    "max_age": "--max-age",
    "shared_with": "--shared-with",
    "buckets": "buckets",
}


@dataclass(frozen=True, slots=True)
class RunAsked:
    """Everything that decides what a check reports, in words; what only decides when it ends is not here."""

    context: str
    scope: str
    level: str
    sample: str = ""
    """Empty: all ledgers."""
    load_topics: str = ""
    max_age: str = ""
    shared_with: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()

    def differences(self, other: "RunAsked") -> Iterator[str]:
        """What the other one asks differently, for people: `level entries, here blocks`."""
        for field in fields(self):
            mine, others = _text(getattr(self, field.name)), _text(getattr(other, field.name))
            if mine != others:
                yield f"{_WORDS[field.name]} {mine}, here {others}"


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One that is remembered; `window` is which ledgers its sample turned out to be, once that was known."""

    number: int
    asked: RunAsked
    began_at: datetime
    window: str = ""


def _text(value: str | tuple[str, ...]) -> str:
    return (value if isinstance(value, str) else ", ".join(value)) or "none"
