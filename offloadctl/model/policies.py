"""Offload policies as objects of Pulsar's: what one level has set, and all levels of a topic at one moment.

Fields go by their names in JSON. Those of `managedLedgerExtraConfigurations` are written with a dot in between.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Final

from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.redaction import MASK, Secret

PolicyScope = NamespaceName | TopicName
"""Where a policy can be set; a topic is never a partition, which has that of its parent."""


class Stored(Enum):
    """A credential that the level has: it is there, and nobody reads it. Written back, it stays as it is."""

    STORED = "stored"

    def __str__(self) -> str:
        return MASK


STORED: Final = Stored.STORED

PolicyValue = str | int | Secret | Stored

EXTRA: Final = "managedLedgerExtraConfigurations"
"""The one field that is a map."""


@dataclass(frozen=True, slots=True)
class PolicyObject:
    """The fields that one level has; those that are null are not there."""

    fields: Mapping[str, PolicyValue] = field(default_factory=dict)

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __contains__(self, name: object) -> bool:
        return name in self.fields

    def get(self, name: str) -> PolicyValue | None:
        """The field's value, or None."""
        return self.fields.get(name)

    def number(self, name: str) -> int | None:
        """The field's value if it is a number."""
        value = self.fields.get(name)
        return value if isinstance(value, int) else None

    def text(self, name: str) -> str:
        """The field's value if it is a text; empty without one."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def over(self, below: "PolicyObject") -> "PolicyObject":
        """These fields, and those of `below` where this one is silent."""
        return PolicyObject({**below.fields, **self.fields})

    def without(self, *names: str) -> "PolicyObject":
        """The other fields."""
        return PolicyObject({name: value for name, value in self.fields.items() if name not in names})


class PolicyLevel(StrEnum):
    """Where a value can come from, the strongest first."""

    TOPIC = "topic"
    GLOBAL_TOPIC = "topic, global"
    NAMESPACE = "namespace"
    OLDER_FIELD = "namespace, older field"
    """`offload_threshold` and its neighbours, from before there were policies (Policies.java:97-101)."""
    BROKER = "broker"
    BUILT_IN = "built-in default"


@dataclass(frozen=True, slots=True)
class Retention:
    """How much is kept of what all subscriptions have consumed; -1: without limit, both 0: nothing."""

    minutes: int
    mebibytes: int

    @property
    def keeps_nothing(self) -> bool:
        """Whether consumed data goes at once."""
        return not self.minutes or not self.mebibytes

    @property
    def keeps_everything(self) -> bool:
        """Whether data goes only with its topic."""
        return self.minutes < 0 and self.mebibytes < 0


@dataclass(frozen=True, slots=True)
class NamespaceFacts:
    """What a namespace has beside its offload policy."""

    older: PolicyObject = PolicyObject()
    """The older fields that are set."""
    retention: Retention | None = None


@dataclass(frozen=True, slots=True)
class PolicyLevels:
    """All that is known of the offload policies of a topic or namespace at one moment; None: nothing is set there."""

    scope: PolicyScope
    is_global: bool = False
    """It is the topic's global policy that this is about."""
    topic: PolicyObject | None = None
    global_topic: PolicyObject | None = None
    namespace: PolicyObject | None = None
    facts: NamespaceFacts = NamespaceFacts()
    topic_retention: Retention | None = None
    global_retention: Retention | None = None
    broker: PolicyObject = PolicyObject()
    """What the broker's own settings say, as far as it is known."""
    broker_is_known: bool = False
    """Whether all of it is known; else what a policy hides is unknown."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """The broker's typed settings that matter to offload; empty without the right to see them."""

    @property
    def own(self) -> PolicyObject | None:
        """What the scope itself has."""
        if isinstance(self.scope, TopicName):
            return self.global_topic if self.is_global else self.topic
        return self.namespace

    @property
    def namespace_name(self) -> NamespaceName:
        """The namespace that it is about."""
        return self.scope.namespace_name if isinstance(self.scope, TopicName) else self.scope
