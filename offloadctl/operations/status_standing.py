"""Of the runs that go on: whether each moves, waits for its broker's threads or stands still, by one look at each."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from offloadctl.model.ledger import OffloadState
from offloadctl.model.names import TopicName
from offloadctl.model.standing import STALL_TIMEOUT, Neighbours, Writing
from offloadctl.model.status import StatusGroup, TopicStatus
from offloadctl.operations.workers import StoppableClock, work_through
from offloadctl.operations.writing import NO_BUCKET, WritingLook
from offloadctl.plan.standing import assess
from offloadctl.ports import Ports

_AT_ONCE = 8


def with_standings(
    ports: Ports, groups: Sequence[StatusGroup], *, without_stores: str = NO_BUCKET
) -> tuple[StatusGroup, ...]:
    """The same groups; what runs has its standing. The topics of one report are each other's neighbours."""
    running = [part for group in groups for part in group.parts if isinstance(part, TopicStatus) and goes_on(part)]

    def look(part: TopicStatus) -> tuple[TopicName, Writing]:
        complete = frozenset(one.ledger_id for one in part.offloaded)
        looking = WritingLook(ports, part.topic, part.in_flight, part.policies, without_stores)
        return part.topic, looking.look(complete)

    clock = StoppableClock(ports.clock)
    looked = work_through(running, look, at_once=_AT_ONCE, stop=clock.stop, done=lambda _look: None)
    seen = dict(looked.results.values())
    owners = {topic: ports.admin.owner_of(topic) for topic in seen}
    return tuple(
        replace(
            group,
            parts=tuple(
                _standing(part, seen, owners, ports.clock.now())
                if isinstance(part, TopicStatus) and part.topic in seen
                else part
                for part in group.parts
            ),
        )
        for group in groups
    )


def goes_on(part: TopicStatus) -> bool:
    """Whether the broker says so."""
    return part.claim is not None and part.claim.state is OffloadState.RUNNING


def _standing(
    part: TopicStatus, seen: dict[TopicName, Writing], owners: dict[TopicName, str], now: datetime
) -> TopicStatus:
    broker = owners[part.topic]
    others = [topic for topic, owner in owners.items() if owner == broker and topic != part.topic]
    moved = [still for topic in others if (still := _still_s(seen[topic], now)) is not None]
    neighbours = Neighbours(broker, len(others), min(moved, default=None))
    writing = seen[part.topic]
    still_s = _still_s(writing, now)
    limit_s = STALL_TIMEOUT.total_seconds()
    return replace(part, standing=assess(still_s or 0.0, writing, neighbours, limit_s))


def _still_s(writing: Writing, now: datetime) -> float | None:
    """How long ago something of it moved, by the clocks of the metadata store and of the bucket; None if none tells."""
    moves = [at for at in (writing.changed_at, writing.last_part_at) if at is not None]
    return max(0.0, (now - max(moves)).total_seconds()) if moves else None
