"""What a doctor's visit finds: symptoms, each with its evidence, what it means and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from offloadctl.exitcodes import ExitCode


class Weight(StrEnum):
    """How bad a symptom is."""

    FINE = "fine"
    NOTE = "note"
    """Good to know; alone it leaves the exit code 0."""
    UNKNOWN = "unknown"
    """It could not be looked at, and so nobody may call it fine."""
    WARNING = "warning"
    ERROR = "error"
    """Something does not work."""
    FAILURE = "failure"
    """The broker or the store cannot be reached, or denies what all else depends on."""
    DAMAGE = "damage"
    """Data in the store is missing or broken."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """One thing that was looked at."""

    id: str
    weight: Weight
    what: str
    evidence: str = ""
    means: str = ""
    do: str = ""
    """The next command, or what to change."""


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """All that one visit found, in the order in which it was looked at."""

    subject: str
    symptoms: tuple[Symptom, ...]

    @property
    def exit_code(self) -> ExitCode:
        """4 damage, 1 out of reach, 3 warnings, errors, or what could not be looked at; else 0."""
        met = {one.weight for one in self.symptoms}
        if Weight.DAMAGE in met:
            return ExitCode.DAMAGE
        if Weight.FAILURE in met:
            return ExitCode.FAILED
        return ExitCode.WARNINGS if met & {Weight.ERROR, Weight.WARNING, Weight.UNKNOWN} else ExitCode.OK

    def count(self, weight: Weight) -> int:
        """How many symptoms are that bad."""
        return sum(one.weight is weight for one in self.symptoms)


def without_repeats(symptoms: Iterable[Symptom]) -> tuple[Symptom, ...]:
    """Each once."""
    return tuple(dict.fromkeys(symptoms))
