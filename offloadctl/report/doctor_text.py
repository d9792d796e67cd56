"""What a doctor's visit found, for people."""

from collections.abc import Iterator
from typing import Final

from rich.console import RenderableType

from offloadctl.model.doctor import DoctorReport, Symptom, Weight
from offloadctl.report.doctor import Visits
from offloadctl.report.text import Style, count, labelled, line, style_of

_STYLES: Final = {
    Weight.FINE: Style.GOOD,
    Weight.NOTE: Style.QUIET,
    Weight.UNKNOWN: Style.CAREFUL,
    Weight.WARNING: Style.CAREFUL,
    Weight.ERROR: Style.BAD,
    Weight.FAILURE: Style.BAD,
    Weight.DAMAGE: Style.BAD,
}
_IN_FULL: Final = (Weight.UNKNOWN, Weight.WARNING, Weight.ERROR, Weight.FAILURE, Weight.DAMAGE)
_LABEL: Final = 8


def doctor_text(visits: Visits, *, wide: bool = False) -> Iterator[RenderableType]:
    """One subject after the other; what is fine in one line each."""
    for one in visits.reports:
        yield line((one.subject, Style.HEAD), (f"  ({visits.origin})", Style.QUIET))
        for symptom in one.symptoms:
            yield from _symptom(symptom, wide=wide)
        yield _verdict(one)


def _symptom(one: Symptom, *, wide: bool) -> Iterator[RenderableType]:
    yield line((f"{one.weight.value}: ", _STYLES[one.weight]), f"{one.what} [{one.id}]", indent=2)
    if one.weight is Weight.FINE and not wide:
        return
    if one.evidence and (wide or one.weight in (*_IN_FULL, Weight.NOTE)):
        yield labelled("seen", one.evidence, width=_LABEL)
    if one.means:
        yield labelled("means", one.means, width=_LABEL)
    if one.do:
        yield labelled("do", one.do, width=_LABEL, style=Style.HEAD)


def _verdict(report: DoctorReport) -> RenderableType:
    numbers = [count(report.count(one), one.value) for one in reversed(Weight) if one in _IN_FULL and report.count(one)]
    words = ", ".join(numbers).replace("unknowns", "unknown").replace("damages", "damage") or "nothing is wrong"
    return line((words, style_of(report.exit_code)))
