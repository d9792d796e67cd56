"""Reading the offload policies of a topic or namespace: its own, those around it, and what the broker's file says.

No call tells what stands in broker.conf. Two together nearly do: the runtime configuration has the typed keys, and a
topic's applied policy has all of them, but for those that a policy of the topic or its namespace hides.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from offloadctl.brokerconf.policy_fields import FIELDS
from offloadctl.errors import BadValue, BrokerError, NotAuthorised, Rejected
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.policies import PolicyLevels, PolicyObject, PolicyScope, PolicyValue, Retention
from offloadctl.model.scope import Scope
from offloadctl.operations.nearest import hinting
from offloadctl.ports import BrokerAdmin

_NAMESPACES: Final = 20
_TOPICS: Final = 3
"""So many are looked at for one topic that shows what the broker's file says."""

_DISABLED: Final = 405
"""Topic level policies is disabled: then there are none."""

_NOWHERE: Final = NamespaceName("public", "default")


@dataclass(frozen=True, slots=True)
class PolicyReader:
    """Reads policies; loads no topic."""

    admin: BrokerAdmin
    brokers: PolicyLevels | None = None
    """What is known of the brokers' own settings; None: it is looked for each time."""

    def read(self, scope: PolicyScope, *, is_global: bool = False) -> PolicyLevels:
        """Everything that is known. NotFound if there is no such topic or namespace."""
        known = self.brokers
        settings = known.settings if known is not None else self._settings()
        levels = PolicyLevels(scope, is_global=is_global, settings=settings)
        with hinting(self.admin, scope):
            levels = replace(
                levels,
                namespace=self.admin.own_offload_policy(levels.namespace_name),
                facts=self.admin.namespace_facts(levels.namespace_name),
            )
        if isinstance(scope, TopicName):
            levels = replace(
                levels,
                topic=self.of_topic(scope),
                global_topic=self.of_topic(scope, is_global=True),
                topic_retention=self.retention_of(scope),
                global_retention=self.retention_of(scope, is_global=True),
            )
        if known is not None:
            return replace(levels, broker=known.broker, broker_is_known=known.broker_is_known)
        broker, is_known = self._broker(levels)
        return replace(levels, broker=broker, broker_is_known=is_known)

    def read_broker(self) -> PolicyLevels:
        """What the broker shows of its settings without a topic or namespace; the scope means nothing."""
        settings = self._settings()
        return PolicyLevels(_NOWHERE, broker=_typed(settings), settings=settings)

    def read_own(self, scope: PolicyScope, *, is_global: bool = False) -> PolicyLevels:
        """What the scope itself has, and nothing else."""
        levels = PolicyLevels(scope, is_global=is_global)
        if isinstance(scope, TopicName):
            own = self.of_topic(scope, is_global=is_global)
            return replace(levels, global_topic=own) if is_global else replace(levels, topic=own)
        with hinting(self.admin, scope):
            own = self.admin.own_offload_policy(scope)
        return replace(levels, namespace=own, facts=self.admin.namespace_facts(scope))

    def of_topic(self, topic: TopicName, *, is_global: bool = False) -> PolicyObject | None:
        """What the topic itself has; nothing where brokers have no policies for topics."""
        try:
            with hinting(self.admin, topic):
                return self.admin.own_offload_policy(topic, is_global=is_global)
        except Rejected as error:
            if error.status == _DISABLED:
                return None
            raise

    def retention_of(self, topic: TopicName, *, is_global: bool = False) -> Retention | None:
        """The topic's own; nothing where brokers have no policies for topics."""
        try:
            return self.admin.topic_retention(topic, is_global=is_global)
        except Rejected as error:
            if error.status == _DISABLED:
                return None
            raise

    def _settings(self) -> Mapping[str, str]:
        try:
            return self.admin.broker_settings()
        except NotAuthorised:
            return {}

    def _broker(self, levels: PolicyLevels) -> tuple[PolicyObject, bool]:
        """What the broker's file says, and whether that is all of it."""
        known = _typed(levels.settings)
        for witness in self._witnesses(levels):
            with suppress(BrokerError):
                hidden, applied = self._hidden(witness, levels), self.admin.applied_offload_policy(witness)
                known = known.over(applied.without(*hidden))
                if all(name in known or name not in applied for name in hidden):
                    return known, True
        return known, False

    def _hidden(self, witness: TopicName, levels: PolicyLevels) -> set[str]:
        """The fields that policies hide from whoever asks the witness."""
        if witness == levels.scope:
            policies = (levels.topic, levels.global_topic, levels.namespace)
        else:
            is_near = witness.namespace_name == levels.namespace_name
            near = levels.namespace if is_near else self.admin.own_offload_policy(witness.namespace_name)
            policies = (self.of_topic(witness), self.of_topic(witness, is_global=True), near)
        return {name for policy in policies if policy is not None for name in policy}

    def _witnesses(self, levels: PolicyLevels) -> Iterator[TopicName]:
        """Topics to ask, the nearest first."""
        scope, own = levels.scope, levels.namespace_name
        if isinstance(scope, TopicName):
            yield scope
        elif levels.namespace is None:
            yield from self._topics(own)[:_TOPICS]
        others: tuple[NamespaceName, ...] = ()
        with suppress(BrokerError):
            others = self.admin.namespaces(own.tenant).names
        for namespace in others[:_NAMESPACES]:
            if namespace != own:
                yield from self._topics(namespace)[:1]
        if not isinstance(scope, TopicName) and levels.namespace is not None:
            yield from self._topics(own)[:1]

    def _topics(self, namespace: NamespaceName) -> tuple[TopicName, ...]:
        with suppress(BrokerError):
            listed = dict.fromkeys(name.parent for name in self.admin.topics(namespace).names)
            return tuple(name for name in listed if not name.is_system)
        return ()


def scopes_of(admin: BrokerAdmin, scope: Scope) -> Iterator[PolicyScope]:
    """All that can have a policy: the topics named; else each namespace, and after it its topics."""
    for topic in dict.fromkeys(name.parent for name in scope.topics):
        if scope.takes(topic):
            yield topic
    for namespace in scope.namespaces or _namespaces(admin, scope):
        if not scope.match:
            yield namespace
        for topic in dict.fromkeys(name.parent for name in admin.topics(namespace).names):
            if not topic.is_system and scope.takes(topic):
                yield topic


def _namespaces(admin: BrokerAdmin, scope: Scope) -> Iterator[NamespaceName]:
    for tenant in admin.tenants() if scope.everything else scope.tenants:
        yield from (one for one in admin.namespaces(tenant).names if not one.is_system)


def _typed(settings: Mapping[str, str]) -> PolicyObject:
    found: dict[str, PolicyValue] = {}
    for one in FIELDS:
        text = settings.get(one.setting.key, "").strip()
        if text:
            with suppress(BadValue):
                found[one.name] = one.value(text)
    return PolicyObject(found)
