"""Which topics a schedule is about, of those that there are."""

import re
from collections.abc import Iterable, Mapping

from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.schedule import ScheduleScope
from offloadctl.model.scope import Scope

Labels = Mapping[NamespaceName, Mapping[str, str]]


def members(scope: ScheduleScope, topics: Iterable[TopicName], labels: Labels) -> tuple[TopicName, ...]:
    """Its topics and partitions, ascending. A namespace whose labels are not known has none of them."""
    excluded = re.compile(scope.not_match) if scope.not_match else None
    named = frozenset(scope.scope.topics)
    not_topics, not_namespaces = frozenset(scope.not_topics), frozenset(scope.not_namespaces)
    by_namespace: dict[NamespaceName, bool] = {}

    def takes(topic: TopicName) -> bool:
        namespace = topic.namespace_name
        if namespace not in by_namespace:
            by_namespace[namespace] = (
                _takes_namespace(scope.scope, namespace)
                and namespace not in not_namespaces
                and _has_labels(scope, labels.get(namespace, {}))
            )
        if not by_namespace[namespace] or topic.is_system:
            return False
        parent = topic.parent
        if named and topic not in named and parent not in named:
            return False
        if topic in not_topics or parent in not_topics or not scope.scope.takes(topic):
            return False
        return excluded is None or excluded.search(f"{parent.tenant}/{parent.namespace}/{parent.local_name}") is None

    return tuple(sorted(topic for topic in topics if takes(topic)))


def _takes_namespace(scope: Scope, namespace: NamespaceName) -> bool:
    return (
        scope.everything
        or namespace in scope.namespaces
        or namespace.tenant in scope.tenants
        or any(topic.namespace_name == namespace for topic in scope.topics)
    )


def _has_labels(scope: ScheduleScope, labels: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in scope.labels)
