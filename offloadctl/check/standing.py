"""Which remembered findings still stand: all but those that a later check would have seen, and has not."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from offloadctl.check.catalogue import KINDS, STRAYS
from offloadctl.errors import UsageError
from offloadctl.model.check_words import Level
from offloadctl.model.ended_check import EndedCheck, RememberedFinding
from offloadctl.model.finding import KnownFinding
from offloadctl.model.names import TopicName


def standing(findings: Iterable[RememberedFinding], checks: Sequence[EndedCheck]) -> tuple[RememberedFinding, ...]:
    """Those of them that are not gone."""
    looked = _Looked.of(checks)
    return tuple(one for one in findings if not looked.in_vain_for(one.finding))


@dataclass(frozen=True, slots=True)
class _Looked:
    """Checks by what they looked at: each finding is held against those only that may have covered its place."""

    at_all: tuple[EndedCheck, ...]
    """Everything, what is nobody's too."""
    at: Mapping[object, Sequence[EndedCheck]]
    """By each name of a scope, topics, namespaces and tenants; those of everything that matches, by None."""

    @classmethod
    def of(cls, checks: Sequence[EndedCheck]) -> Self:
        whole, named = [], defaultdict[object, list[EndedCheck]](list)
        for one in checks:
            scope = one.scope
            if scope.everything and not scope.match:
                whole.append(one)
                continue
            for name in (*scope.topics, *scope.namespaces, *scope.tenants, *([None] if scope.everything else [])):
                named[name].append(one)
        return cls(tuple(whole), dict(named))

    def in_vain_for(self, finding: KnownFinding) -> bool:
        """Whether one of them would have seen it, and has not."""
        kind = KINDS.get(finding.code)
        if kind is None:
            return False
        if any(_was_later_and_as_deep(one, finding, kind.seen_at) for one in self.at_all):
            return True
        # What is nobody's is looked for only where everything is asked for.
        topic = None if finding.code in STRAYS or not self.at else _topic_of(finding)
        if topic is None:
            return False
        names = {topic, topic.parent, topic.namespace_name, topic.tenant, None}
        return any(
            _was_later_and_as_deep(one, finding, kind.seen_at) and one.scope.takes(topic)
            for name in names
            for one in self.at.get(name, ())
        )


def _was_later_and_as_deep(check: EndedCheck, finding: KnownFinding, seen_at: Level) -> bool:
    is_later = check.clear_before is not None and finding.last_seen < check.clear_before
    return is_later and check.level.includes(seen_at)


def _topic_of(finding: KnownFinding) -> TopicName | None:
    """`place` begins with the topic, if it is about one; a comma may be part of its name."""
    given, ledger, _ = finding.place.rpartition(", ledger ")
    try:
        return TopicName.parse(given if ledger else finding.place.partition(", ")[0])
    except UsageError:
        return None
