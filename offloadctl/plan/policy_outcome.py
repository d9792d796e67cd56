"""What came of changing a policy: what was planned, what stood in the way, what was read back."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from offloadctl.errors import OffloadctlError
from offloadctl.exitcodes import ExitCode
from offloadctl.plan.offload_policies import Danger, DangerKind, FieldChange, PolicyPlan
from offloadctl.units import ByteSize

_NOTHING: Final = ByteSize(0)


OF_PROOF: Final = (DangerKind.COPIES_DELETABLE, DangerKind.OFFLOADED_DELETABLE)
"""What is no danger where a check has proved that what is in the store is whole."""


class ChangeState(StrEnum):
    """How far a change got."""

    UNCHANGED = "unchanged"
    """It is so already; nothing was sent."""
    PLANNED = "planned"
    """Shown only."""
    REFUSED = "refused"
    """Something stands in the way; nothing was sent."""
    CONFIRMED = "confirmed"
    """Sent, and read back as it was meant."""
    UNCONFIRMED = "unconfirmed"
    """Sent, and not read back as it was meant."""
    FAILED = "failed"
    """The broker refused, or could not be reached; what was sent before may count."""

    @property
    def exit_code(self) -> ExitCode:
        """The one for this scope alone."""
        match self:
            case ChangeState.REFUSED:
                return ExitCode.REFUSED
            case ChangeState.UNCONFIRMED:
                return ExitCode.NOT_COVERED
            case ChangeState.FAILED:
                return ExitCode.FAILED
            case _:
                return ExitCode.OK


@dataclass(frozen=True, slots=True)
class Affected:
    """The offloaded ledgers of which something may go, and whether they were proved to be whole in the store."""

    topics: int = 0
    ledgers: int = 0
    size: ByteSize = _NOTHING
    doubt: str = ""
    """Why they are not proved to be whole; empty if a check at `blocks` has found nothing, just now or lately."""
    unread: tuple[str, ...] = ()
    """Topics whose ledgers could not be read."""


@dataclass(frozen=True, slots=True)
class Approval:
    """What a person has agreed to beforehand."""

    unverified: bool = False
    """BookKeeper copies may go although what is in the store was not proved to be whole."""
    yes: bool = False
    """Everything else that is dangerous."""

    def allows(self, danger: Danger, affected: Affected) -> bool:
        """Whether the danger does not stand in the way."""
        if danger.kind in OF_PROOF:
            return self.unverified or not affected.doubt
        return self.yes

    def flag(self, danger: Danger) -> str:
        """What would allow it."""
        return "--accept-unverified" if danger.kind in OF_PROOF else "--yes"


@dataclass(frozen=True, slots=True)
class PolicyOutcome:
    """The change of one scope."""

    plan: PolicyPlan
    state: ChangeState
    dangers: tuple[Danger, ...] = ()
    in_the_way: tuple[Danger, ...] = ()
    """Those that were not agreed to."""
    affected: Affected = Affected()
    left: tuple[FieldChange, ...] = ()
    """Where what was read back is not what was meant."""
    error: OffloadctlError | None = None

    @property
    def exit_code(self) -> ExitCode:
        """Of this scope."""
        return self.error.exit_code if self.error is not None else self.state.exit_code
