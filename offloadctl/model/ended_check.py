"""A check that has come to its end, as it is remembered: how deep it looked, at what, and how much of that."""

from dataclasses import dataclass
from datetime import datetime

from offloadctl.model.check_words import Level
from offloadctl.model.finding import Acknowledgement, KnownFinding
from offloadctl.model.scope import Scope


@dataclass(frozen=True, slots=True)
class EndedCheck:
    """The last check of a level and scope."""

    level: Level
    scope: Scope
    ended_at: datetime
    ledgers: int
    covered: int
    full_at: datetime | None = None
    """When one ended last that looked at all of it, and not at a sample."""
    clear_before: datetime | None = None
    """When the last one began of which every finding is remembered: what was seen before, and not by it, is gone."""

    def after(self, before: "EndedCheck | None") -> "EndedCheck":
        """This one, with what an earlier one of the same has covered in full."""
        if before is None:
            return self
        return EndedCheck(
            self.level,
            self.scope,
            self.ended_at,
            self.ledgers,
            self.covered,
            self.full_at or before.full_at,
            self.clear_before or before.clear_before,
        )


@dataclass(frozen=True, slots=True)
class RememberedFinding:
    """A finding, and the last acknowledgement of it, whether that holds or not."""

    finding: KnownFinding
    acknowledgement: Acknowledgement | None = None

    def is_acknowledged(self, now: datetime) -> bool:
        """Whether somebody has taken note of it as it was seen last."""
        noted = self.acknowledgement
        return noted is not None and noted.evidence == self.finding.evidence and now < noted.until
