"""What schedules do to single topics, through a session: allowed by the command line, proved by the policies' guard."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final

import typer

from offloadctl.adapters.system import this_process
from offloadctl.cli.connection import Session
from offloadctl.errors import BadValue
from offloadctl.model.topic_action import TopicVerb
from offloadctl.wiring import open_checks, open_journal

if TYPE_CHECKING:
    from offloadctl.model.topic_action import TopicResult
    from offloadctl.model.verified import OffloadedLedger
    from offloadctl.operations.policy_guard import Verify
    from offloadctl.operations.schedule_topics import TopicRuns
    from offloadctl.operations.workers import Stop

_VERBS: Final = ", ".join(TopicVerb)

Allow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        metavar="ACTIONS",
        help=f"What schedules may do here beside offloading and checking: {_VERBS}. Else such schedules are refused.",
        show_default=False,
    ),
]


def allowed_of(given: Sequence[str] | None) -> frozenset[TopicVerb]:
    """`roll-over,trim`, or each by its own option."""
    words = [word.strip() for text in given or () for word in text.split(",")]
    try:
        return frozenset(map(TopicVerb, words))
    except ValueError as error:
        raise BadValue(f"--allow {','.join(words)}: no such action", hint=f"there are: {_VERBS}") from error


def topic_runs(session: Session, allowed: frozenset[TopicVerb] = frozenset()) -> "TopicRuns":
    """Rolls over and trims as far as it is allowed to; looking is allowed to everybody."""
    from offloadctl.operations.schedule_topics import TopicRuns  # noqa: PLC0415 - only where schedules are at work

    @contextmanager
    def proving(stop: "Stop", *, acts: bool) -> "Iterator[Verify]":
        from offloadctl.cli.policy_guard import guarding  # noqa: PLC0415 - only where something is trimmed

        if not acts:
            yield _only_looking(session, stop)
            return
        with guarding(session, may_load=True, stop=stop) as (verify, _):
            yield verify

    def note(run_id: str, verb: TopicVerb, result: "TopicResult") -> None:
        origin = session.origin()
        facts = {
            "context": origin.context,
            "cluster": origin.cluster or "",
            "by": str(this_process()),
            "topic": str(result.topic),
            "state": result.state.value,
            "ledgers": str(result.ledgers),
            "bytes": str(int(result.size)),
        }
        name = str(result.topic).removeprefix("persistent://")
        with open_journal(session.context, session.ports.clock) as journal:
            journal.note(verb.value, f"{name}: {result.reason.text}", facts, run_id=run_id)

    return TopicRuns(session.ports, allowed, proving, note)


def _only_looking(session: Session, stop: "Stop") -> "Verify":
    """Loads no topic, and leaves nothing behind; what was verified lately is looked up where it is remembered."""
    from offloadctl.operations.check_memory import Memory  # noqa: PLC0415 - it loads what a check loads
    from offloadctl.operations.policy_guard import verified_by_check  # noqa: PLC0415

    def verify(ledgers: "Sequence[OffloadedLedger]") -> str:
        with open_checks(session.context, read_only=True) as checks:
            memory = None if checks is None else Memory(checks, checks, keeps=False, context=session.context.name)
            return verified_by_check(session.ports, may_load=False, memory=memory, stop=stop)(ledgers)

    return verify
