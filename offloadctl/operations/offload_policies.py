"""Changing offload policies: read, decide, refuse what is dangerous, send, read back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from offloadctl.errors import Busy, OffloadctlError, Refused
from offloadctl.model.names import TopicName
from offloadctl.model.policies import PolicyLevels
from offloadctl.operations.policy_guard import Note, Verify, ledgers_of, override_of, topics_of
from offloadctl.operations.policy_levels import PolicyReader
from offloadctl.operations.reading import Reading
from offloadctl.plan.offload_policies import (
    DangerKind,
    FieldChange,
    PolicyPlan,
    PolicyRequest,
    PolicyWish,
    Verb,
    left_over,
    plan_change,
)
from offloadctl.plan.policies_in_force import with_own
from offloadctl.plan.policy_dangers import dangers_of
from offloadctl.plan.policy_outcome import Affected, Approval, ChangeState, PolicyOutcome
from offloadctl.ports import Ports

_ATTEMPTS: Final = 3
"""So often is a change tried that somebody else's change comes between."""

_PATIENCE_S: Final = 30.0
_PAUSE_S: Final = 0.5
"""A topic's policy goes through a topic of its own before it is there."""


@dataclass(frozen=True, slots=True)
class ChangePolicies:
    """How to change policies."""

    ports: Ports
    verify: Verify
    approval: Approval = field(default_factory=Approval)
    dry_run: bool = False
    on_change: Callable[[PolicyPlan], None] = lambda _: None
    """Is told before anything is sent."""
    note: Note = lambda _: None
    """Writes down what was allowed although it is not proved."""
    reading: Reading = field(default_factory=Reading)
    """Is told how far it is with the topics whose ledgers it reads."""

    def run(self, wishes: Sequence[PolicyWish]) -> tuple[PolicyOutcome, ...]:
        """One outcome for each wish. All are looked at before the first one is sent: one refusal stops them all.

        Namespaces come first, and topics' global policies next, since they decide what a topic's own must repeat.
        """
        wanted = sorted(wishes, key=lambda one: (isinstance(one.scope, TopicName), not one.is_global))
        planned = [self._judged(wish) for wish in wanted]
        if self.dry_run or any(one.state is ChangeState.REFUSED for one in planned):
            return tuple(planned)
        return tuple(self._carried_out(one) for one in planned)

    def _judged(self, wish: PolicyWish) -> PolicyOutcome:
        """The plan, and what stands in its way."""
        plan = self._planned(wish)
        if not plan.is_needed:
            return PolicyOutcome(plan, ChangeState.UNCHANGED)
        affected, dangers = Affected(), dangers_of(plan, has_offloaded=True)
        kinds = {one.kind for one in dangers}
        if kinds & {DangerKind.COPIES_DELETABLE, DangerKind.UNREADABLE}:
            ledgers = ledgers_of(self.ports, topics_of(self.ports.admin, wish.scope), self.reading)
            affected = ledgers.affected(self.verify if DangerKind.COPIES_DELETABLE in kinds else None)
        if not affected.ledgers and not affected.unread:
            dangers = tuple(one for one in dangers if one.kind not in _ABOUT_OFFLOADED)
        in_the_way = tuple(one for one in dangers if not self.approval.allows(one, affected))
        state = ChangeState.REFUSED if in_the_way and not self.dry_run else ChangeState.PLANNED
        return PolicyOutcome(plan, state, dangers, in_the_way, affected)

    def _planned(self, wish: PolicyWish) -> PolicyPlan:
        return plan_change(PolicyReader(self.ports.admin).read(wish.scope, is_global=wish.is_global), wish)

    def _carried_out(self, outcome: PolicyOutcome) -> PolicyOutcome:
        if not outcome.plan.is_needed:
            return outcome
        wish = outcome.plan.wish
        override = override_of(wish.scope, outcome.dangers, outcome.affected, is_global=wish.is_global)
        try:
            if override is not None:
                self.note(override)
            sent = self._send(outcome.plan)
            left = self._read_back(sent)
        except OffloadctlError as error:
            return replace(outcome, state=ChangeState.FAILED, error=error)
        return replace(outcome, plan=sent, left=left, state=ChangeState.UNCONFIRMED if left else ChangeState.CONFIRMED)

    def _send(self, plan: PolicyPlan) -> PolicyPlan:
        """Send it; somebody else's change that comes between is read, and the plan must then still be the same."""
        for attempt in range(1, _ATTEMPTS):
            try:
                self._send_once(plan)
            except Busy:
                self.ports.clock.sleep(_PAUSE_S * attempt)
                plan = self._planned_anew(plan)
            else:
                return plan
        self._send_once(plan)
        return plan

    def _send_once(self, plan: PolicyPlan) -> None:
        self.on_change(plan)
        for request in plan.requests:
            self._ask(plan, request)

    def _planned_anew(self, plan: PolicyPlan) -> PolicyPlan:
        scope = plan.wish.scope
        again = self._planned(plan.wish)
        if not set(dangers_of(again, has_offloaded=True)) <= set(dangers_of(plan, has_offloaded=True)):
            raise Refused(
                f"somebody else changed the policy of {scope} meanwhile, and the plan no longer holds",
                hint="look at it again with --dry-run",
            )
        return again

    def _ask(self, plan: PolicyPlan, request: PolicyRequest) -> None:
        admin, scope, is_global = self.ports.admin, plan.wish.scope, plan.wish.is_global
        match request.verb:
            case Verb.REPLACE if request.policy is not None:
                expected = plan.before.own
                admin.replace_offload_policy(scope, request.policy, expected=expected, is_global=is_global)
            case Verb.REMOVE:
                admin.remove_offload_policy(scope, is_global=is_global)
            case _:
                admin.set_offload_field(plan.before.namespace_name, request.name, request.value)

    def _read_back(self, plan: PolicyPlan) -> tuple[FieldChange, ...]:
        """What is not as it was meant, when patience ends."""
        deadline = self.ports.clock.monotonic() + _PATIENCE_S
        while True:
            left = left_over(plan, self._now(plan.before))
            if not left or self.ports.clock.monotonic() >= deadline:
                return left
            self.ports.clock.sleep(_PAUSE_S)

    def _now(self, before: PolicyLevels) -> PolicyLevels:
        admin, scope = self.ports.admin, before.scope
        if isinstance(scope, TopicName):
            return with_own(before, admin.own_offload_policy(scope, is_global=before.is_global))
        return replace(before, namespace=admin.own_offload_policy(scope), facts=admin.namespace_facts(scope))


_ABOUT_OFFLOADED: Final = (DangerKind.COPIES_DELETABLE, DangerKind.UNREADABLE)
