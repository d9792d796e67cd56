"""Which topics a scope has: asked of tenants and namespaces, without loading one of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, TypeVar

from offloadctl.errors import BrokerError, Interrupted, NotFound, UnsupportedTopic
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.offload import Reason
from offloadctl.model.scope import Listed, Scope, ScopeRead, UnreadScope
from offloadctl.operations.nearest import with_nearest
from offloadctl.operations.topics import Target, refuse_system_topics
from offloadctl.operations.workers import StoppableClock, work_through
from offloadctl.ports import BrokerAdmin

_AT_ONCE: Final = 8

_OF_BROKERS: Final = "pulsar/"
"""NamespaceService.java: each broker's heartbeat has a namespace of Pulsar 1 too, `pulsar/<cluster>/<host>:<port>`."""

Asked = TypeVar("Asked")
Name = TypeVar("Name")


@dataclass(frozen=True, slots=True)
class Expanded:
    """A wide scope's topics, ascending, each with its partitions; and what of the scope could not be listed."""

    read: ScopeRead
    targets: tuple[Target, ...]

    @property
    def parts(self) -> tuple[TopicName, ...]:
        """Topics and partitions, one by one."""
        return tuple(part for target in self.targets for part in target.parts)


def expand(admin: BrokerAdmin, scope: Scope, clock: StoppableClock) -> Expanded:
    """The topics of a wide scope. One namespace that cannot be listed stops no other one; raises Interrupted.

    The lists are those of managed ledgers: a partition that has none yet is not in them, and has nothing to look at.
    """
    unread: list[UnreadScope] = []
    namespaces = scope.namespaces or _namespaces(admin, scope, clock, unread)
    own = [namespace for namespace in namespaces if not namespace.is_system]
    listed = _ask(admin, admin.topics, own, clock, unread, named=bool(scope.namespaces))
    topics = [topic for one in listed for topic in one.names]
    named = [topic for topic in topics if not topic.is_system]
    taken = [topic for topic in named if scope.takes(topic)]
    of_brokers = [one for one in unread if one.name.startswith(_OF_BROKERS)]
    read = ScopeRead(
        scope,
        namespaces=len(listed),
        system_topics=len(topics) - len(named),
        system_namespaces=len(namespaces) - len(own) + len(of_brokers),
        not_matched=len(named) - len(taken),
        unread=tuple(one for one in unread if one not in of_brokers),
    )
    return Expanded(read, tuple(_targets(taken)))


def named_topics(scope: Scope) -> tuple[ScopeRead, tuple[TopicName, ...]]:
    """The topics that the scope names; UnsupportedTopic if one of them is a system topic."""
    refuse_system_topics(scope.topics)
    taken = tuple(topic for topic in scope.topics if scope.takes(topic))
    return ScopeRead(scope, not_matched=len(scope.topics) - len(taken)), taken


def _namespaces(
    admin: BrokerAdmin, scope: Scope, clock: StoppableClock, unread: list[UnreadScope]
) -> tuple[NamespaceName, ...]:
    tenants: Sequence[str] = scope.tenants
    if scope.everything:
        try:
            tenants = admin.tenants()
        except BrokerError as error:
            unread.append(_unread("the list of tenants", error))
    listed = _ask(admin, admin.namespaces, tenants, clock, unread, named=not scope.everything)
    return tuple(dict.fromkeys(namespace for one in listed for namespace in one.names))


def _ask(
    admin: BrokerAdmin,
    ask: Callable[[Asked], Listed[Name]],
    asked: Sequence[Asked],
    clock: StoppableClock,
    unread: list[UnreadScope],
    *,
    named: bool,
) -> list[Listed[Name]]:
    """The answers there are; of the others it is noted why there is none."""

    def attempt(one: Asked) -> Listed[Name] | UnreadScope:
        try:
            return ask(one)
        except BrokerError as error:
            if isinstance(error, NotFound) and not named:
                # A broker has just listed it, so it was deleted since.
                return Listed(())
            return _unread(str(one), with_nearest(admin, str(one), error) if isinstance(error, NotFound) else error)

    finished = work_through(asked, attempt, at_once=_AT_ONCE, stop=clock.stop, done=lambda _answer: None)
    if finished.interrupted or len(finished.results) < len(asked):
        raise Interrupted("interrupted while brokers were asked which topics there are; nothing was looked at")
    answers = [finished.results[index] for index in range(len(asked))]
    unread += [one for one in answers if isinstance(one, UnreadScope)]
    found = [one for one in answers if isinstance(one, Listed)]
    unread += [_unnamable(name) for one in found for name in one.unnamable]
    return found


def _targets(topics: Iterable[TopicName]) -> Iterable[Target]:
    def order(topic: TopicName) -> tuple[TopicName, int]:
        return topic.parent, -1 if topic.partition is None else topic.partition

    for parent, together in groupby(sorted(topics, key=order), key=lambda topic: topic.parent):
        parts = tuple(together)
        yield Target(parent, sum(part != parent for part in parts), parts)


def _unread(name: str, error: BrokerError) -> UnreadScope:
    return UnreadScope(name, Reason(error.code, error.message), error.hint)


def _unnamable(name: str) -> UnreadScope:
    return UnreadScope(name, Reason(UnsupportedTopic.code, f"{name} is a name of Pulsar 1, which is not supported"))
