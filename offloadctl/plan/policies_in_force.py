"""Offload policies in force: every value, where it comes from, and what it hides.

Field by field the topic's policy wins over the namespace's, and that over the broker's settings
(OffloadPoliciesImpl.java:434-449). A policy is born with values of its own, which win like any others. Of a topic's two
policies only one counts, and that as a whole: its own, or, if it has none, its global one, which is for the clusters
that the namespace is replicated to (BrokerService.java, getManagedLedgerConfig).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from offloadctl.brokerconf.policy_fields import BY_NAME, FIELDS
from offloadctl.model.names import NamespaceName
from offloadctl.model.policies import PolicyLevel, PolicyLevels, PolicyObject, PolicyValue


@dataclass(frozen=True, slots=True)
class EffectiveField:
    """One value in force."""

    name: str
    value: PolicyValue
    level: PolicyLevel
    is_brought: bool = False
    """Nobody need have set it: every policy of that level is born with it."""
    shadows: tuple[tuple[PolicyLevel, PolicyValue], ...] = ()
    """What the levels below say, where that is another value."""

    @property
    def is_drift(self) -> bool:
        """Whether a policy holds another value than the broker's own."""
        return any(level is PolicyLevel.BROKER for level, _ in self.shadows)


def effective(levels: PolicyLevels) -> tuple[EffectiveField, ...]:
    """Every field that has a value, in the order of the table of settings; what is free comes last."""
    stack = tuple(_stack(levels))
    names = dict.fromkeys([one.name for one in FIELDS] + [name for _, policy in stack for name in policy])
    return tuple(found for name in names if (found := _effective(name, stack)) is not None)


def in_force(levels: PolicyLevels) -> PolicyObject:
    """All values in force."""
    return PolicyObject({one.name: one.value for one in effective(levels)})


def below(levels: PolicyLevels) -> PolicyObject:
    """What would be in force if the scope had no policy of its own."""
    without = with_own(levels, None, older=isinstance(levels.scope, NamespaceName))
    # Where a global policy counts there is none of the topic's own above it.
    return in_force(replace(without, topic=None) if levels.is_global else without)


def with_own(levels: PolicyLevels, own: PolicyObject | None, *, older: bool = False) -> PolicyLevels:
    """The same with another policy of the scope's own; `older`: without the namespace's older fields, too."""
    if not isinstance(levels.scope, NamespaceName):
        return replace(levels, global_topic=own) if levels.is_global else replace(levels, topic=own)
    facts = replace(levels.facts, older=PolicyObject()) if older else levels.facts
    return replace(levels, namespace=own, facts=facts)


def born(policy: PolicyObject) -> PolicyObject:
    """The policy as the broker keeps it: with all that it is born with."""
    return policy.over(PolicyObject({one.name: one.brought for one in _BROUGHT if one.brought is not None}))


_BROUGHT: Final = tuple(
    one for one in FIELDS if one.brought is not None and one.name != "managedLedgerOffloadReadThreads"
)
# OffloadPoliciesImpl.java has it since 4.1 only: what an older broker does not know it drops.


def _stack(levels: PolicyLevels) -> Iterator[tuple[PolicyLevel, PolicyObject]]:
    namespace = levels.namespace
    if namespace is None and levels.facts.older.fields:
        # OffloadPoliciesImpl.java, oldPoliciesCompatible: a policy comes into being for them.
        namespace = born(PolicyObject())
    pairs = (
        (PolicyLevel.TOPIC, levels.topic),
        (PolicyLevel.GLOBAL_TOPIC, levels.global_topic if levels.topic is None else None),
        (PolicyLevel.NAMESPACE, namespace),
        (PolicyLevel.OLDER_FIELD, levels.facts.older),
        (PolicyLevel.BROKER, levels.broker),
    )
    for level, policy in pairs:
        if policy is not None:
            yield level, policy


def _effective(name: str, stack: tuple[tuple[PolicyLevel, PolicyObject], ...]) -> EffectiveField | None:
    found = [(level, value) for level, policy in stack if (value := policy.get(name)) is not None]
    if not found:
        return None
    (level, value), *others = found
    brought = BY_NAME[name].brought if name in BY_NAME else None
    is_policy = level in (PolicyLevel.TOPIC, PolicyLevel.GLOBAL_TOPIC, PolicyLevel.NAMESPACE)
    return EffectiveField(
        name,
        value,
        level,
        is_brought=is_policy and brought is not None and value == brought,
        shadows=tuple((one, other) for one, other in others if other != value),
    )
