"""What schedules do, through a session: the same offloads and checks as the commands, journalled as they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from offloadctl.cli.check_memory import target_of
from offloadctl.cli.connection import Session
from offloadctl.cli.journal import recorded
from offloadctl.cli.schedule_topics import topic_runs
from offloadctl.model.topic_action import TopicVerb
from offloadctl.wiring import open_checks, open_findings

if TYPE_CHECKING:
    from offloadctl.operations.schedule_actions import ScheduleActions
    from offloadctl.operations.workers import Stop


@contextmanager
def schedule_actions(
    session: Session, stop: "Stop | None" = None, allowed: frozenset[TopicVerb] = frozenset()
) -> "Iterator[ScheduleActions]":
    """The actions of schedules, until the block ends; `stop` ends what is at work, for whoever may have to."""
    from offloadctl.operations.check_memory import Memory  # noqa: PLC0415 - protobuf is slow to load
    from offloadctl.operations.confirm import objects_check  # noqa: PLC0415
    from offloadctl.operations.schedule_actions import ScheduleActions  # noqa: PLC0415
    from offloadctl.operations.workers import Stop  # noqa: PLC0415

    with open_findings(session.context) as findings, open_checks(session.context) as checks:
        yield ScheduleActions(
            session.ports,
            lambda work: recorded(session, work),
            objects_check(session.ports.stores),
            findings,
            Memory(checks, checks, context=target_of(session)) if checks is not None else None,
            stop or Stop(),
            topic_runs(session, allowed),
        )
