"""What a command is about: named topics, namespaces, tenants, or everything; and what of that could be listed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Generic, Self, TypeVar

from offloadctl.errors import BadValue, UsageError
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.offload import Reason

Name = TypeVar("Name")

_ONE_KIND: Final = (
    "name topics, namespaces (-n), tenants (--tenant) or --all: one of these, of each as many as you like"
)


@dataclass(frozen=True, slots=True)
class Listed(Generic[Name]):
    """Names as a broker lists them, ascending; `unnamable` are those of Pulsar 1, which nothing here can ask for."""

    names: tuple[Name, ...]
    unnamable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scope:
    """What was asked for; exactly one kind of name."""

    topics: tuple[TopicName, ...] = ()
    namespaces: tuple[NamespaceName, ...] = ()
    tenants: tuple[str, ...] = ()
    everything: bool = False
    match: str = ""
    """A regular expression that is searched for in `tenant/namespace/topic`, without a partition's number."""

    @classmethod
    def of(
        cls,
        *,
        topics: Sequence[TopicName] = (),
        namespaces: Sequence[NamespaceName] = (),
        tenants: Sequence[str] = (),
        everything: bool = False,
        match: str = "",
    ) -> Self:
        """A scope of one kind; UsageError for none and for several, BadValue for a bad expression."""
        if sum(map(bool, (topics, namespaces, tenants, everything))) != 1:
            given = any((topics, namespaces, tenants, everything))
            raise UsageError("more than one kind of scope" if given else "no scope", hint=_ONE_KIND)
        for tenant in tenants:
            NamespaceName.parse(f"{tenant}/any")
        try:
            re.compile(match)
        except re.error as exc:
            raise BadValue(f"{match!r} is no regular expression: {exc}") from exc
        return cls(_once(topics), _once(namespaces), _once(tenants), everything, match)

    @property
    def is_wide(self) -> bool:
        """Whether brokers must be asked which topics there are."""
        return not self.topics

    def takes(self, topic: TopicName) -> bool:
        """Whether the topic passes `match`; partitions go with their parent."""
        parent = topic.parent
        return self._pattern.search(f"{parent.tenant}/{parent.namespace}/{parent.local_name}") is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(self.match)

    def __str__(self) -> str:
        kinds = (
            *map(str, self.topics),
            *(f"-n {namespace}" for namespace in self.namespaces),
            *(f"--tenant {tenant}" for tenant in self.tenants),
            *(("--all",) if self.everything else ()),
        )
        return " ".join((*kinds, *((f"--match {self.match}",) if self.match else ())))


@dataclass(frozen=True, slots=True)
class UnreadScope:
    """A tenant or namespace whose names could not be had, or a name that cannot be asked for; and why."""

    name: str
    reason: Reason
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ScopeRead:
    """How far it is known which topics a scope has."""

    scope: Scope
    namespaces: int = 0
    """So many were listed."""
    system_topics: int = 0
    """Left out: brokers never offload them."""
    system_namespaces: int = 0
    not_matched: int = 0
    """Topics, partitions counted one by one, that `match` leaves out."""
    unread: tuple[UnreadScope, ...] = field(default=())

    @property
    def is_every_topic(self) -> bool:
        """Whether each topic is known that may own an object of the cluster."""
        return self.scope.everything and not self.unread and not self.not_matched


def _once(names: Sequence[Name]) -> tuple[Name, ...]:
    return tuple(dict.fromkeys(names))
