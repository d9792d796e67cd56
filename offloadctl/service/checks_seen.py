"""What checks have found and covered so far, read after each evaluation and each run: a scrape opens no file."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from offloadctl.check.standing import standing
from offloadctl.errors import StateError
from offloadctl.model.ended_check import EndedCheck
from offloadctl.model.finding import Severity
from offloadctl.ports import Clock
from offloadctl.ports.checks import CheckHistory
from offloadctl.service.telling import LogLevel, Teller

MOST_SCOPES: Final = 50
"""So many levels and scopes have series of their own, those that ended last; the others have none."""


class FindingKey(NamedTuple):
    """What findings are counted by."""

    code: str
    severity: Severity
    is_acknowledged: bool


@dataclass(frozen=True, slots=True)
class Checks:
    """As it stands at one moment."""

    is_known: bool = False
    """False: nothing is remembered, or it cannot be read."""
    findings: Mapping[FindingKey, int] = field(default_factory=dict)
    ended: tuple[EndedCheck, ...] = ()
    """Of scopes that are no lists of topics, the newest first."""


@dataclass(slots=True)
class ChecksSeen:
    """Reads it; that it cannot be read is told once."""

    history: CheckHistory | None
    clock: Clock
    tell: Teller
    _problem: str = ""

    def look(self) -> Checks:
        """As it is now."""
        if self.history is None:
            return Checks()
        now = self.clock.now()
        try:
            ended = self.history.ended_checks()
            found = standing(self.history.remembered(), ended)
        except StateError as error:
            if error.message != self._problem:
                self._problem = error.message
                self.tell("checks-unreadable", level=LogLevel.WARNING, error=error.message, hint=error.hint)
            return Checks()
        self._problem = ""
        keys = (FindingKey(one.finding.code, one.finding.severity, one.is_acknowledged(now)) for one in found)
        return Checks(True, Counter(keys), tuple(one for one in ended if one.scope.is_wide)[:MOST_SCOPES])
