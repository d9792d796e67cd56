"""Findings remembered in memory: the tests run on it. tests/contract holds it to what `checks.sqlite` promises."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from offloadctl.model.check_words import Level
from offloadctl.model.ended_check import EndedCheck, RememberedFinding
from offloadctl.model.finding import Acknowledgement, Finding, KnownFinding, Sighting
from offloadctl.model.scope import Scope


class MemoryFindings:
    """Keeps the promises of `ports.FindingStore` and `ports.checks.CheckHistory` as long as the process lives."""

    def __init__(self) -> None:
        self._known: dict[str, KnownFinding] = {}
        self._acknowledged: dict[str, Acknowledgement] = {}
        self._ended: dict[tuple[Level, Scope], EndedCheck] = {}

    def see(self, findings: Sequence[Finding], at: datetime, *, keep: bool = True) -> Mapping[str, Sighting]:
        """Remember them, and tell of each since when it is known."""
        different = {one.id: one for one in findings}
        if keep:
            self._known |= {number: self._with(one, at) for number, one in different.items()}
        return {number: self._seen(one, at) for number, one in different.items() if number in self._known}

    def known(self, finding_id: str) -> KnownFinding | None:
        """The finding as it was last told."""
        return self._known.get(finding_id)

    def acknowledge(self, acknowledgements: Sequence[Acknowledgement]) -> None:
        """Remember them; a later one replaces an earlier one."""
        self._acknowledged |= {one.finding_id: one for one in acknowledgements}

    def unacknowledge(self, finding_ids: Sequence[str]) -> tuple[str, ...]:
        """Forget these acknowledgements; tells which of them there were."""
        return tuple(one for one in dict.fromkeys(finding_ids) if self._acknowledged.pop(one, None) is not None)

    def acknowledgements(self) -> tuple[tuple[Acknowledgement, KnownFinding], ...]:
        """Every one, the soonest end first."""
        ordered = sorted(self._acknowledged.values(), key=lambda one: (one.until, one.finding_id))
        return tuple((one, self._known[one.finding_id]) for one in ordered)

    def ended(self, check: EndedCheck) -> None:
        """In the place of the last one of the same level and scope."""
        key = check.level, check.scope
        self._ended[key] = check.after(self._ended.get(key))

    def remembered(self) -> Sequence[RememberedFinding]:
        """Every finding."""
        return [RememberedFinding(one, self._acknowledged.get(number)) for number, one in sorted(self._known.items())]

    def ended_checks(self) -> Sequence[EndedCheck]:
        """The newest first."""
        return sorted(self._ended.values(), key=lambda one: one.ended_at, reverse=True)

    def _with(self, one: Finding, at: datetime) -> KnownFinding:
        before = self._known.get(one.id)
        now = KnownFinding(one.id, one.evidence, one.code, one.severity, one.what, one.place, at, at, 1)
        if before is None:
            return now
        last = max(at, before.last_seen)
        return replace(now, first_seen=before.first_seen, last_seen=last, times=before.times + 1)

    def _seen(self, one: Finding, at: datetime) -> Sighting:
        known, noted = self._known[one.id], self._acknowledged.get(one.id)
        holding = noted if noted is not None and noted.holds(one, at) else None
        return Sighting(known.first_seen, known.last_seen, known.times, holding)
