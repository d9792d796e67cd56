"""`schedule run`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from offloadctl.adapters.system import this_process
from offloadctl.cli.connection import ConnectionFlags, Session, connect, with_connection
from offloadctl.cli.output import OutputFormat, OutputOption, emit_result, say
from offloadctl.cli.schedule_acting import schedule_actions
from offloadctl.cli.schedule_file import File, Name, find, read_file
from offloadctl.cli.schedule_topics import Allow, allowed_of, topic_runs
from offloadctl.errors import LeaseHeld, LeaseLost, OffloadctlError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.topic_action import TopicVerb
from offloadctl.ports import Clock
from offloadctl.wiring import (
    open_collector,
    open_decision_history,
    open_lease,
    open_usual,
)

if TYPE_CHECKING:
    from offloadctl.model.decision import Intent, RunResult
    from offloadctl.model.schedule import Schedule
    from offloadctl.operations.schedule import Act
    from offloadctl.operations.schedule_once import Once
    from offloadctl.operations.workers import Stop
    from offloadctl.ports.lease import Lease
    from offloadctl.ports.schedule import DecisionLog


@with_connection
def run(
    *,
    name: Name,
    file: File,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Evaluate and tell the decision; do nothing, write nothing down.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--now", help="Begin a run whatever condition, gates, cool-down and pause say; its limits still hold."
        ),
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why, with --now; kept in the decision log.")
    ] = "",
    allow: Allow = None,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """Evaluate one schedule now, as the service would; if it fires, do what it is for, and wait for the end.

    One look tells no rates, and not how long nobody has read: such numbers are unknown here. Exit code: that of the
    run; 0 if there is nothing to do now; 5 if a number that decides is unknown; 8 if another process runs schedules.
    """
    schedule, allowed = find(read_file(file), name), allowed_of(allow)
    if not dry_run:
        _require_allowed(schedule, allowed)
    with connect(connection) as session:
        if not dry_run:
            session.allow_change()
            session.warn_of_untested_version()
        once = (
            _looked(session, schedule, force=force)
            if dry_run
            else _done(session, schedule, reason, allowed, force=force)
        )
        if dry_run and force:
            say("--now would begin a run whatever is decided")
    _show(once, output)
    return once.exit_code


def _looked(session: Session, schedule: "Schedule", *, force: bool) -> "Once":
    from offloadctl.operations.schedule_once import look, with_topics  # noqa: PLC0415 - protobuf is slow to load

    context, clock = session.context, session.ports.clock
    with (
        open_collector(context, session.ports) as numbers,
        open_usual(context, numbers, clock, say, read_only=True) as collector,
        open_decision_history(context) as log,
    ):
        once = look(log, collector, schedule, clock)
        return with_topics(once, schedule, topic_runs(session), force=force)


def _require_allowed(schedule: "Schedule", allowed: frozenset[TopicVerb]) -> None:
    from offloadctl.operations.schedule_topics import require_allowed  # noqa: PLC0415 - only where something is run

    require_allowed(schedule, allowed)


def _done(session: Session, schedule: "Schedule", reason: str, allowed: frozenset[TopicVerb], *, force: bool) -> "Once":
    from offloadctl.operations.schedule import Scheduler  # noqa: PLC0415 - protobuf is slow to load
    from offloadctl.operations.schedule_once import evaluate, force_run  # noqa: PLC0415
    from offloadctl.operations.workers import Stop  # noqa: PLC0415

    context, clock, stop = session.context, session.ports.clock, Stop()
    with (
        open_lease(context, clock, this_process().words) as lease,
        _only_term(lease, stop) as log,
        open_collector(context, session.ports) as numbers,
        open_usual(context, numbers, clock, say) as collector,
        schedule_actions(session, stop, allowed) as actions,
    ):
        act = _Told(actions, clock)
        scheduler = Scheduler((schedule,), log, collector, act, clock)
        if force:
            return force_run(scheduler, schedule.name, asked_by=str(this_process()), reason=reason, results=act.results)
        return evaluate(scheduler, schedule.name, results=act.results)


@contextmanager
def _only_term(lease: "Lease", stop: "Stop") -> "Iterator[DecisionLog]":
    """The log of a term that is had at once, until the end of the block; LeaseHeld if another process has the lease.

    `stop` is set once the term is lost; LeaseLost at the end of the block then.
    """
    from offloadctl.operations.lease_watch import stopped_when_lost  # noqa: PLC0415 - only where something is run

    term = lease.wait(0)
    if term is None:
        raise LeaseHeld(
            f"{lease.location}: another process runs schedules",
            hint="let it do the work, or wait for its end: offloadctl schedule history tells who took the lease",
        )
    try:
        with stopped_when_lost(term, stop):
            yield term.log
        if term.lost:
            raise LeaseLost(
                f"{lease.location}: the lease is lost: {term.lost}",
                hint="whoever has it now goes on with what was begun; offloadctl schedule history tells who",
            )
    finally:
        term.hand_back()


@dataclass
class _Told:
    """Acts, says on stderr that it does, and keeps what came of it, also of what is handed over."""

    act: "Act"
    clock: Clock
    results: "dict[str, RunResult]" = field(default_factory=dict)

    def __call__(self, schedule: "Schedule", intent: "Intent", /) -> "RunResult":
        from offloadctl.model.decision import RunResult  # noqa: PLC0415 - only where something is run
        from offloadctl.report.schedule_command_text import attempt_words  # noqa: PLC0415 - rich is slow to load

        number = len(intent.topics)
        topics = "the whole scope" if intent.whole_scope else f"{number:,} topic{'' if number == 1 else 's'}"
        again = f", {attempt_words(intent)}" if intent.attempt > 1 else ""
        say(f"run {intent.run_id} begins: {topics}{again}")
        began_at = self.clock.now()
        try:
            result = self.act(schedule, intent)
        except OffloadctlError as error:
            self.results[intent.run_id] = RunResult(
                intent.run_id, schedule.name, began_at, self.clock.now(), error.exit_code, summary=error.message
            )
            raise
        self.results[intent.run_id] = result
        return result


def _show(once: "Once", output: OutputFormat) -> None:
    from offloadctl.report.schedule_run import once_document, once_text  # noqa: PLC0415 - msgspec and rich are slow

    document = once_document(once)
    emit_result(
        output,
        document=lambda: document,
        lines=lambda: [document],
        text=lambda **_: once_text(once),
    )
