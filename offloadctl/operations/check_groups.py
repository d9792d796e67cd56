"""What was looked at, put together again by the topics that were asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from offloadctl.errors import Interrupted, NotFound
from offloadctl.model.check import CheckedGroup, LedgerCheck, TopicCheck
from offloadctl.model.ledger import OffloadProgress
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Reason
from offloadctl.model.status import UnreadTopic
from offloadctl.operations.check_topics import Found, TopicRead
from offloadctl.operations.topics import Target


@dataclass(frozen=True, slots=True)
class LookedTopic:
    """What was looked at of one topic or partition."""

    ledgers: Sequence[LedgerCheck] = ()
    gone: int = 0
    """The run that is gone on with had looked at them, and the topic has them no longer."""


_NONE: Final = LookedTopic()


def name_of(asked: TopicName | Target) -> TopicName:
    """The topic that was asked for."""
    return asked.topic if isinstance(asked, Target) else asked


def is_unread(one: Found | TopicRead | UnreadTopic) -> bool:
    """Whether it is there and could not be read."""
    return isinstance(one, UnreadTopic) and one.reason.code != NotFound.code


def folded(group: CheckedGroup) -> CheckedGroup:
    """The same with sound ledgers counted only, and without what was deleted since it was listed."""
    parts = tuple(
        part.folded() if isinstance(part, TopicCheck) else part
        for part in group.parts
        if isinstance(part, TopicCheck) or part.reason.code != NotFound.code
    )
    return CheckedGroup(group.topic, group.partitions, parts)


def group_of(
    topic: TopicName,
    found: Found | UnreadTopic | None,
    read: Mapping[TopicName, TopicRead | UnreadTopic],
    looked: Mapping[TopicName, LookedTopic],
) -> CheckedGroup:
    """A topic with each of its parts, whatever came of them."""
    if isinstance(found, Found):
        parts = tuple(_part(part, read.get(part), looked.get(part, _NONE)) for part in found.target.parts)
        return CheckedGroup(topic, found.target.partitions, parts)
    return CheckedGroup(topic, 0, (found if found is not None else _not_begun(topic),))


def _part(topic: TopicName, read: TopicRead | UnreadTopic | None, looked: LookedTopic) -> TopicCheck | UnreadTopic:
    if not isinstance(read, TopicRead):
        return read if read is not None else _not_begun(topic)
    return TopicCheck(
        topic,
        served=read.ledgers.served,
        ledgers=tuple(looked.ledgers),
        in_flight=read.with_progress(OffloadProgress.IN_FLIGHT),
        local=read.with_progress(OffloadProgress.LOCAL),
        not_begun=len(read.asked()) - len(looked.ledgers),
        not_sampled=read.not_sampled,
        gone=looked.gone,
    )


def _not_begun(topic: TopicName) -> UnreadTopic:
    return UnreadTopic(topic, Reason(Interrupted.code, "the check was interrupted before this topic's turn"))
