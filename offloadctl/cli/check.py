"""`offloadctl check`."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from offloadctl.cli.bucket_offer import say_bucket_in_force
from offloadctl.cli.budget import CheckBudget, with_budget
from offloadctl.cli.check_cost import approve
from offloadctl.cli.check_memory import MemoryFlags, left_by_runs, remembering, say_what_is_remembered, with_memory
from offloadctl.cli.connection import ConnectionFlags, Session, complete_contexts, connect, others, with_connection
from offloadctl.cli.output import OutputFormat, OutputOption, emit_result, say
from offloadctl.cli.scope import say_if_none_match, with_scope
from offloadctl.errors import StateError, UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.check import ALWAYS_TOLD, CheckReport, Level
from offloadctl.model.scope import Scope
from offloadctl.ports import BrokerAdmin, MessageReader
from offloadctl.wiring import open_findings, require_messages

if TYPE_CHECKING:
    from offloadctl.operations.check_memory import Memory


class FailOn(StrEnum):
    """What may make a check fail."""

    DAMAGE = "damage"
    WARNINGS = "warnings"
    NOT_COVERED = "not-covered"
    NONE = "none"


LevelOption = Annotated[
    Level | None,
    typer.Option(
        "--level",
        "-l",
        help="How deep to look. listing: that objects are there and of sizes that fit. index: both objects' facts, the "
        "index, the data's end. blocks: each block's beginning too. entries: every byte. readback: samples "
        "through the broker too. Default: blocks for named topics, index for more.",
        show_default=False,
    ),
]


LoadTopics = Annotated[
    bool,
    typer.Option(
        "--load-topics", help="Let brokers load topics that nobody uses, to know which offloads are complete."
    ),
]
FailOnOption = Annotated[
    list[FailOn] | None,
    typer.Option(
        "--fail-on",
        help="What makes the exit code other than 0; may be repeated. Default: all of it.",
        show_default=False,
    ),
]
Subscription = Annotated[
    str | None,
    typer.Option(
        "--subscription",
        help="Tell where this subscription of the named topics stands, and whether it can read on there.",
        show_default=False,
    ),
]
SharedWith = Annotated[
    list[str] | None,
    typer.Option(
        "--shared-with",
        metavar="CONTEXT",
        help="Another cluster's context that keeps ledgers in the same buckets, with --all; may be repeated.",
        show_default=False,
        autocompletion=complete_contexts,
    ),
]


@with_connection
@with_memory
@with_budget
@with_scope
def check(
    *,
    scope: Scope,
    budget: CheckBudget,
    memory: MemoryFlags,
    level: LevelOption = None,
    load_topics: LoadTopics = False,
    fail_on: FailOnOption = None,
    subscription: Subscription = None,
    shared_with: SharedWith = None,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """Prove that what topics have in S3 is there, whole and readable.

    Of named topics it reads the keys that the metadata names, and lists no bucket. Exit code 0 says that everything
    asked for was looked at and nothing was found; 4 damage, 3 warnings only, 5 something could not be looked at.
    """
    causes = fail_causes(fail_on)
    depth = level or _default(scope)
    _refuse_nonsense(scope, budget, depth, subscription, shared_with)
    memory.refuse_nonsense(depth)
    with ExitStack() as stack:
        session = stack.enter_context(connect(connection))
        sharing = stack.enter_context(others(shared_with or ()))
        approve(session, scope, depth, budget)
        remembered = stack.enter_context(remembering(session, memory, shared_with or ()))
        report = _report(
            session,
            scope,
            depth,
            causes=causes,
            budget=budget,
            memory=remembered,
            then=_afterwards(session, depth, subscription, may_load=load_topics),
            sharing=sharing,
            may_load=load_topics,
        )
        say_what_is_remembered(report)
        report = _remembered(session, report, keep=memory.remember)
        _show(session, report, output)
    return report.exit_code


def _refuse_nonsense(
    scope: Scope, budget: CheckBudget, level: Level, subscription: str | None, shared_with: Sequence[str] | None
) -> None:
    """UsageError for what cannot be meant."""
    if subscription is not None and scope.is_wide:
        raise UsageError(
            "--subscription goes with named topics only: of wide scopes sound ledgers are counted and not kept",
            hint="name them: --from-file FILE",
        )
    if shared_with and not scope.everything:
        raise UsageError("--shared-with goes with --all only: of less no stray is judged")
    if level is Level.READBACK and scope.is_wide and budget.sample is None:
        raise UsageError(
            "the level readback of more than named topics takes a sample: a reader may wait 15 s for each ledger",
            hint="--sample 1%, 1/100 or 10GiB",
        )


def fail_causes(chosen: Sequence[FailOn] | None) -> frozenset[ExitCode]:
    """The exit codes that a check may have beside 0 and those of failures."""
    if not chosen:
        return ALWAYS_TOLD
    if FailOn.NONE in chosen and len(set(chosen)) > 1:
        raise UsageError("--fail-on none goes with nothing else")
    codes = {
        FailOn.DAMAGE: ExitCode.DAMAGE,
        FailOn.WARNINGS: ExitCode.WARNINGS,
        FailOn.NOT_COVERED: ExitCode.NOT_COVERED,
    }
    return frozenset(codes[one] for one in chosen if one is not FailOn.NONE)


def _default(scope: Scope) -> Level:
    return Level.INDEX if scope.is_wide else Level.BLOCKS


def _report(
    session: Session,
    scope: Scope,
    level: Level,
    *,
    causes: frozenset[ExitCode],
    budget: CheckBudget,
    memory: "Memory | None",
    then: Callable[[CheckReport], CheckReport],
    sharing: tuple[BrokerAdmin, ...],
    may_load: bool,
) -> CheckReport:
    from offloadctl.cli.check_progress import watching_check  # noqa: PLC0415 - rich is slow to load
    from offloadctl.operations.check import Check  # noqa: PLC0415 - and so is protobuf

    with watching_check(session.ports.clock) as watcher:
        return Check(
            session.ports,
            level,
            may_load=may_load,
            fail_on=causes,
            watcher=watcher,
            sample=budget.sample,
            limits=budget.limits,
            sharing=sharing,
            memory=memory,
            then=then,
            left=left_by_runs(session) if scope.everything else (),
        ).report_scope(scope)


def _afterwards(
    session: Session, level: Level, subscription: str | None, *, may_load: bool
) -> Callable[[CheckReport], CheckReport]:
    """What else belongs to the check once objects were looked at; refuses beforehand what cannot be done then."""
    messages = require_messages(session.ports) if level is Level.READBACK else None

    def then(report: CheckReport) -> CheckReport:
        if messages is not None:
            report = _read_back(session, messages, report, may_load=may_load)
        return _with_places(session, report, subscription, may_load=may_load) if subscription is not None else report

    return then


def _read_back(session: Session, messages: MessageReader, report: CheckReport, *, may_load: bool) -> CheckReport:
    from offloadctl.operations.facts import LedgerReader  # noqa: PLC0415 - it loads what a check loads
    from offloadctl.operations.readback import Sampler  # noqa: PLC0415

    ports = session.ports
    reader = LedgerReader(ports.admin, ports.clock, may_load=may_load)
    return Sampler(ports.admin, messages, reader, may_load=may_load).read_back(report)


def _with_places(session: Session, report: CheckReport, subscription: str, *, may_load: bool) -> CheckReport:
    from offloadctl.operations.check_readers import with_places  # noqa: PLC0415 - it loads what a check loads
    from offloadctl.operations.facts import LedgerReader  # noqa: PLC0415

    reader = LedgerReader(session.ports.admin, session.ports.clock, may_load=may_load)
    return with_places(report, reader, subscription)


def _remembered(session: Session, report: CheckReport, *, keep: bool) -> CheckReport:
    """The report with what is known of its findings; a memory that cannot be used costs no check its result."""
    from offloadctl.operations.remember import remembered  # noqa: PLC0415 - as above

    try:
        with open_findings(session.context, read_only=not keep) as store:
            return remembered(report, store, keep=keep)
    except (StateError, KeyboardInterrupt) as error:
        why = error.message if isinstance(error, StateError) else "interrupted"
        say(f"warning: these findings are not remembered, and none counts as acknowledged: {why}")
        return report


def _show(session: Session, report: CheckReport, output: OutputFormat) -> None:
    from offloadctl.report import check as documents  # noqa: PLC0415 - msgspec and rich are slow to load
    from offloadctl.report.check_text import check_text  # noqa: PLC0415

    say_if_none_match(report.scope, looked_at=len(report.parts))
    origin = session.origin(may_ask=report.interrupted is None)
    emit_result(
        output,
        document=lambda: documents.check_document(report, origin),
        lines=lambda: documents.check_lines(report, origin),
        text=lambda *, wide: check_text(report, origin, wide=wide),
    )
    if report.interrupted is None:
        say_bucket_in_force(session, report)
