"""Looking at retention and changing it: read, decide, refuse what lets unproved data go, send, read back."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from offloadctl.errors import OffloadctlError
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.policies import PolicyLevels, PolicyScope, Retention
from offloadctl.operations.policy_guard import Note, ScopeLedgers, Verify, for_each, ledgers_of, override_of, topics_of
from offloadctl.operations.policy_levels import PolicyReader
from offloadctl.operations.reading import Reading
from offloadctl.plan.policy_dangers import dangers_of_retention
from offloadctl.plan.policy_outcome import Approval, ChangeState
from offloadctl.plan.retention import (
    Due,
    due_of_all,
    is_lower,
    own_retention,
    retention_in_force,
    with_own_retention,
)
from offloadctl.plan.retention_outcome import RetentionOutcome, RetentionView
from offloadctl.ports import BrokerAdmin, Ports

_PATIENCE_S: Final = 30.0
_PAUSE_S: Final = 0.5


def look_at_retention(ports: Ports, scope: PolicyScope, reading: Reading | None = None) -> RetentionView:
    """Loads no topic."""
    return _Look.at(ports, scope, reading=reading).view(ports)


@dataclass(frozen=True, slots=True)
class ChangeRetention:
    """How to change it."""

    ports: Ports
    verify: Verify
    approval: Approval = field(default_factory=Approval)
    dry_run: bool = False
    on_change: Callable[[PolicyScope, Retention | None], None] = lambda _, __: None
    """Is told before anything is sent."""
    note: Note = lambda _: None
    """Writes down what was allowed although it is not proved."""
    reading: Reading = field(default_factory=Reading)
    """Is told how far it is with the topics, first with their own retention, then with their ledgers."""

    def run(self, levels: PolicyLevels, wish: Retention | None) -> RetentionOutcome:
        """From what was read to what is wanted."""
        outcome = self._judged(levels, wish)
        if self.dry_run or outcome.state is not ChangeState.PLANNED:
            return outcome
        override = override_of(levels.scope, outcome.dangers, outcome.affected)
        try:
            if override is not None:
                self.note(override)
            self.on_change(levels.scope, wish)
            self.ports.admin.set_retention(levels.scope, wish)
            now = self._read_back(levels.scope, wish)
        except OffloadctlError as error:
            return replace(outcome, state=ChangeState.FAILED, error=error)
        is_there = now == wish
        state = ChangeState.CONFIRMED if is_there else ChangeState.UNCONFIRMED
        return replace(outcome, state=state, left=None if is_there else now)

    def _judged(self, levels: PolicyLevels, wish: Retention | None) -> RetentionOutcome:
        """The plan, and what stands in its way."""
        before, after = retention_in_force(levels), retention_in_force(with_own_retention(levels, wish))
        outcome = RetentionOutcome(levels.scope, before, after, wish, ChangeState.UNCHANGED)
        if own_retention(levels) == wish:
            return outcome
        if not is_lower(after.retention, before.retention):
            return replace(outcome, state=ChangeState.PLANNED)
        look, now = _Look.at(self.ports, levels.scope, levels, self.reading), self.ports.clock.now()
        stored = look.ledgers.stored
        already = due_of_all(stored, before.retention, now) if before.retention is not None else Due()
        goes = due_of_all(stored, after.retention, now).beyond(already)
        affected = look.ledgers.affected(self.verify)
        has_offloaded = bool(affected.ledgers or affected.unread)
        dangers = tuple(dangers_of_retention(before, after, goes, has_offloaded=has_offloaded))
        in_the_way = tuple(one for one in dangers if not self.approval.allows(one, affected))
        return replace(
            outcome,
            state=ChangeState.REFUSED if in_the_way and not self.dry_run else ChangeState.PLANNED,
            dangers=dangers,
            in_the_way=in_the_way,
            affected=affected,
            due=goes,
            others=look.others,
        )

    def _read_back(self, scope: PolicyScope, wish: Retention | None) -> Retention | None:
        """What is there when it is as it was meant, or when patience ends."""
        deadline = self.ports.clock.monotonic() + _PATIENCE_S
        while True:
            now = _own(self.ports.admin, scope)
            if now == wish or self.ports.clock.monotonic() >= deadline:
                return now
            self.ports.clock.sleep(_PAUSE_S)


@dataclass(frozen=True, slots=True)
class _Look:
    """A scope with the ledgers for which its retention counts."""

    levels: PolicyLevels
    ledgers: ScopeLedgers
    others: int

    @classmethod
    def at(
        cls, ports: Ports, scope: PolicyScope, levels: PolicyLevels | None = None, reading: Reading | None = None
    ) -> "_Look":
        reader = PolicyReader(ports.admin)
        levels = levels if levels is not None else reader.read(scope)
        topics = topics_of(ports.admin, scope)
        if isinstance(scope, TopicName):
            return cls(levels, ledgers_of(ports, topics, reading), 0)

        def has_own(topic: TopicName) -> bool:
            both = (reader.retention_of(topic, is_global=is_global) for is_global in (False, True))
            return any(one is not None for one in both)

        own = for_each(ports, tuple(dict.fromkeys(topic.parent for topic in topics)), has_own, reading)
        ledgers = ledgers_of(ports, tuple(topic for topic in topics if not own[topic.parent]), reading)
        return cls(levels, ledgers, sum(own.values()))

    def view(self, ports: Ports) -> RetentionView:
        found = retention_in_force(self.levels)
        due = due_of_all(self.ledgers.stored, found.retention, ports.clock.now())
        return RetentionView(self.levels, found, self.ledgers.affected(None), due, self.others)


def _own(admin: BrokerAdmin, scope: PolicyScope) -> Retention | None:
    if isinstance(scope, NamespaceName):
        return admin.namespace_facts(scope).retention
    return admin.topic_retention(scope)
