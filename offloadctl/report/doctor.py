"""What a doctor's visit found, as documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from offloadctl.exitcodes import ExitCode, combine
from offloadctl.model.doctor import DoctorReport, Symptom
from offloadctl.report.document_base import ApiVersion, Part
from offloadctl.report.origin import Origin
from offloadctl.report.word_types import WeightWord


class SymptomDocument(Part, frozen=True, kw_only=True):
    """One thing that was looked at. `weight` is fine, note, unknown, warning, error, failure or damage."""

    id: str
    weight: WeightWord
    what: str
    evidence: str
    means: str
    do: str


class DoctorSubject(Part, frozen=True, kw_only=True):
    """A cluster, a topic or a bucket."""

    subject: str
    symptoms: list[SymptomDocument]
    exit_code: int


class Doctor(Part, frozen=True, kw_only=True):
    """`offloadctl doctor cluster`, `s3` and `topic`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["Doctor"] = "Doctor"
    context: str
    admin_urls_from: str | None = None
    subjects: list[DoctorSubject]
    exit_code: int


DOCTOR_KINDS = (Doctor,)


@dataclass(frozen=True, slots=True)
class Visits:
    """All visits of one command."""

    origin: Origin
    reports: tuple[DoctorReport, ...]

    @property
    def exit_code(self) -> ExitCode:
        """One code for all of them."""
        return combine(one.exit_code for one in self.reports)


def doctor_document(visits: Visits) -> Doctor:
    """`kind: Doctor`."""
    return Doctor(
        context=visits.origin.context,
        admin_urls_from=visits.origin.admin_urls_from,
        subjects=[
            DoctorSubject(subject=one.subject, symptoms=_symptoms(one.symptoms), exit_code=int(one.exit_code))
            for one in visits.reports
        ],
        exit_code=int(visits.exit_code),
    )


def symptom_document(one: Symptom) -> SymptomDocument:
    """One symptom."""
    return SymptomDocument(
        id=one.id, weight=one.weight.value, what=one.what, evidence=one.evidence, means=one.means, do=one.do
    )


def _symptoms(symptoms: Sequence[Symptom]) -> list[SymptomDocument]:
    return [symptom_document(one) for one in symptoms]
