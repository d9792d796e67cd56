"""What is told of retention, and what came of changing it."""

from dataclasses import dataclass
from typing import Final

from offloadctl.errors import OffloadctlError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.policies import PolicyLevels, PolicyScope, Retention
from offloadctl.plan.offload_policies import Danger
from offloadctl.plan.policy_outcome import Affected, ChangeState
from offloadctl.plan.retention import Due, RetentionInForce

_NOTHING: Final = Affected()
_NOTHING_DUE: Final = Due()


@dataclass(frozen=True, slots=True)
class RetentionView:
    """What is in force for a topic or namespace, and what that means for the ledgers that are there."""

    levels: PolicyLevels
    in_force: RetentionInForce
    affected: Affected
    due: Due
    others: int = 0
    """So many of the namespace's topics have a retention of their own, and are left out."""


@dataclass(frozen=True, slots=True)
class RetentionOutcome:
    """The change of one scope."""

    scope: PolicyScope
    before: RetentionInForce
    after: RetentionInForce
    wish: Retention | None
    """None: the level below counts again."""
    state: ChangeState
    dangers: tuple[Danger, ...] = ()
    in_the_way: tuple[Danger, ...] = ()
    affected: Affected = _NOTHING
    due: Due = _NOTHING_DUE
    """What goes at the brokers' next look, and would not have gone before."""
    others: int = 0
    left: Retention | None = None
    """What was read back, if it is not what was meant."""
    error: OffloadctlError | None = None

    @property
    def exit_code(self) -> ExitCode:
        """Of this change."""
        return self.error.exit_code if self.error is not None else self.state.exit_code
