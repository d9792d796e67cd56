"""What schedules have brokers do to topics beside offloading them, and what came of it, topic by topic."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from offloadctl.exitcodes import ExitCode, combine
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Reason
from offloadctl.units import ByteSize

_NOTHING: Final = ByteSize(0)


class TopicVerb(StrEnum):
    """What only instances do that are allowed to: it costs clients their connections, or lets data go."""

    ROLL_OVER = "roll-over"
    TRIM = "trim"


class TopicState(StrEnum):
    """How far it got with one topic."""

    PLANNED = "planned"
    """It would be done; nothing was sent."""
    LEFT = "left"
    """There is nothing to do there, or not now."""
    REFUSED = "refused"
    """A safety rule stands in the way; nothing was sent."""
    DONE = "done"
    """Sent, and seen by the ledgers as far as brokers tell."""
    UNCONFIRMED = "unconfirmed"
    """Sent, and the ledgers do not show it."""
    FAILED = "failed"
    """The broker could not be asked, or has refused."""

    @property
    def exit_code(self) -> ExitCode:
        """The one for this topic alone."""
        return _CODES.get(self, ExitCode.OK)


_CODES: Final = {
    TopicState.REFUSED: ExitCode.REFUSED,
    TopicState.UNCONFIRMED: ExitCode.NOT_COVERED,
    TopicState.FAILED: ExitCode.FAILED,
}


@dataclass(frozen=True, slots=True)
class TopicResult:
    """One topic or partition, and why it came to that."""

    topic: TopicName
    state: TopicState
    reason: Reason
    ledgers: int = 0
    """The ledgers that it is about."""
    size: ByteSize = _NOTHING


@dataclass(frozen=True, slots=True)
class LastLedger:
    """The ledger at the end of a topic, by what could be known of it without disturbing anybody."""

    topic: TopicName
    served: bool
    """Whether a broker serves the topic, as far as is known."""
    ledger_id: int | None = None
    """None: no ledger is open."""
    entries: int = 0
    """Of a topic that is not served this says nothing."""
    size: ByteSize = _NOTHING
    written_at: datetime | None = None
    """When its last entry was written; None: not known."""
    clients: int = 0
    terminated: bool = False
    changed_at: datetime | None = None
    """When the metadata was last written, as it is whenever a broker loads the topic."""


@dataclass(frozen=True, slots=True)
class TopicActionRun:
    """All topics of one run, or of one look at what it would do."""

    verb: TopicVerb
    results: tuple[TopicResult, ...] = ()
    refused: str = ""
    """Why nothing at all was done."""
    unlisted: str = ""
    """What of the scope could not be listed."""
    interrupted: ExitCode | None = None

    @property
    def exit_code(self) -> ExitCode:
        """Of all topics together."""
        if self.refused:
            return ExitCode.REFUSED
        met = [one.state.exit_code for one in self.results]
        met += [ExitCode.NOT_COVERED] if self.unlisted else []
        return combine([*met, self.interrupted] if self.interrupted is not None else met)

    def of(self, *states: TopicState) -> tuple[TopicResult, ...]:
        """The topics that got that far."""
        return tuple(one for one in self.results if one.state in states)
