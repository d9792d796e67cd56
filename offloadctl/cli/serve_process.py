"""What the process of `offloadctl serve` consists of."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from offloadctl.adapters.system import this_process
from offloadctl.cli.connection import Session
from offloadctl.cli.output import say
from offloadctl.cli.schedule_acting import schedule_actions
from offloadctl.errors import BrokerError
from offloadctl.model.topic_action import TopicVerb
from offloadctl.wiring import lease_dangers, open_collector, open_findings, open_lease, open_usual

if TYPE_CHECKING:
    from offloadctl.model.schedule import Schedule
    from offloadctl.operations.workers import Stop
    from offloadctl.ports.lease import Term
    from offloadctl.service.daemon import Daemon
    from offloadctl.service.loop import Loop
    from offloadctl.service.runs import Watched
    from offloadctl.service.telling import Teller

    Begin = Callable[[Term, Stop], Loop]


@contextmanager
def daemon_of(
    session: Session, file: Path, every: timedelta, grace: timedelta, allowed: frozenset[TopicVerb]
) -> "Iterator[Daemon]":
    """All of it; LeaseHeld without a lease topic, and whatever is wrong with the file, before it begins."""
    from offloadctl.operations.survey import Survey  # noqa: PLC0415 - protobuf is slow to load
    from offloadctl.operations.workers import Stop  # noqa: PLC0415
    from offloadctl.service.board import Board  # noqa: PLC0415
    from offloadctl.service.checks_seen import ChecksSeen  # noqa: PLC0415
    from offloadctl.service.daemon import Daemon  # noqa: PLC0415
    from offloadctl.service.followed import Followed  # noqa: PLC0415
    from offloadctl.service.remembering import RememberedNumbers  # noqa: PLC0415
    from offloadctl.service.runs import Runs, Watched  # noqa: PLC0415
    from offloadctl.service.schedule_source import ScheduleSource  # noqa: PLC0415
    from offloadctl.service.surveying import Surveying  # noqa: PLC0415
    from offloadctl.service.telling import LogLevel, libraries_told  # noqa: PLC0415
    from offloadctl.service.tenure import Tenure  # noqa: PLC0415
    from offloadctl.service.terms import Terms  # noqa: PLC0415

    clock, context = session.ports.clock, session.context
    source = ScheduleSource(file, lambda schedules: _require_right(session, schedules, allowed))
    schedules = source.read()
    tell = _teller(session)
    board, runs, stop_looking = Board(clock.now()), Runs(tell), Stop()
    with (
        open_lease(context, clock, this_process().words) as lease,
        libraries_told(tell),
        open_collector(context, session.ports, stop=stop_looking) as numbers,
        open_usual(context, numbers, clock, lambda why: tell("usual", level=LogLevel.WARNING, error=why)) as collector,
        open_findings(context) as history,
        ExitStack() as of_process,
        ExitStack() as of_term,
    ):
        numbers.numbers = remembered = RememberedNumbers(numbers.numbers)
        checks = ChecksSeen(history, clock, tell)
        beside = Surveying(remembered, Survey(session.ports.admin, stop_looking), checks, tell)

        def act(stop: "Stop") -> "Watched":
            # Nothing of the last term goes on any more.
            of_term.close()
            actions = of_term.enter_context(schedule_actions(session, stop, allowed))
            return Watched(Followed(actions, board, checks), board, tell)

        names = tuple(one.name for one in schedules)
        board.in_force(names)
        tell("started", context=context.name, schedules=len(names), names=" ".join(names), every=every.total_seconds())
        begin = Terms(schedules, source, collector, act, runs, board, clock, tell, every, beside)
        tenure = Tenure(lease, _examined(begin, session, tell), runs, board, tell)
        of_process.callback(tenure.let_go)
        yield Daemon(tenure, runs, board, clock, tell, grace, stop_looking, tenure, tenure.let_go)


def _examined(begin: "Begin", session: Session, tell: "Teller") -> "Begin":
    """The same, once settings of the lease topic are told that would lose what is decided."""
    from offloadctl.service.telling import LogLevel  # noqa: PLC0415 - only where something is run

    def examine_and_begin(term: "Term", stop: "Stop") -> "Loop":
        try:
            for one in lease_dangers(session.context, session.ports.clock):
                tell("lease-in-danger", level=LogLevel.WARNING, why=one.text, mend=one.mend)
        except BrokerError as error:
            tell("lease-not-examined", level=LogLevel.WARNING, error=error.message)
        return begin(term, stop)

    return examine_and_begin


def _require_right(session: Session, schedules: "tuple[Schedule, ...]", allowed: frozenset[TopicVerb]) -> None:
    """Schedules that change something need a context that may be changed, and some of them leave; checks do not."""
    from offloadctl.model.schedule import CheckAction  # noqa: PLC0415 - only where something is run
    from offloadctl.operations.schedule_topics import require_allowed  # noqa: PLC0415

    for one in schedules:
        require_allowed(one, allowed)
    if not all(isinstance(one.action, CheckAction) for one in schedules):
        session.allow_change()


def _teller(session: Session) -> "Teller":
    from offloadctl.service.telling import Teller  # noqa: PLC0415 - only where something is run

    return Teller(lambda text: say(text, is_prose=False), session.ports.clock, as_json=not sys.stderr.isatty())
