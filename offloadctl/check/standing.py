"""Which remembered findings still stand: all but those that a later check would have seen, and has not."""

from collections.abc import Iterable, Sequence

from offloadctl.check.catalogue import KINDS, STRAYS
from offloadctl.errors import UsageError
from offloadctl.model.ended_check import EndedCheck, RememberedFinding
from offloadctl.model.finding import KnownFinding
from offloadctl.model.names import TopicName
from offloadctl.model.scope import Scope


def standing(findings: Iterable[RememberedFinding], checks: Sequence[EndedCheck]) -> tuple[RememberedFinding, ...]:
    """Those of them that are not gone."""
    return tuple(one for one in findings if not any(_would_have_seen(check, one.finding) for check in checks))


def _would_have_seen(check: EndedCheck, finding: KnownFinding) -> bool:
    if check.clear_before is None or finding.last_seen >= check.clear_before:
        return False
    kind = KINDS.get(finding.code)
    if kind is None or not check.level.includes(kind.seen_at):
        return False
    if check.scope.everything and not check.scope.match:
        return True
    # What is nobody's is looked for only where everything is asked for.
    topic = None if finding.code in STRAYS else _topic_of(finding)
    return topic is not None and _covers(check.scope, topic)


def _covers(scope: Scope, topic: TopicName) -> bool:
    is_named = (
        scope.everything
        or topic in scope.topics
        or topic.parent in scope.topics
        or topic.namespace_name in scope.namespaces
        or topic.tenant in scope.tenants
    )
    return is_named and scope.takes(topic)


def _topic_of(finding: KnownFinding) -> TopicName | None:
    """`place` begins with the topic, if it is about one; a comma may be part of its name."""
    given, ledger, _ = finding.place.rpartition(", ledger ")
    try:
        return TopicName.parse(given if ledger else finding.place.partition(", ")[0])
    except UsageError:
        return None
