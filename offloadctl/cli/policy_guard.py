"""What changes of policies and retention use of what is remembered, and what they leave in the journal."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from offloadctl.adapters.system import this_process
from offloadctl.cli.connection import Session
from offloadctl.wiring import open_checks, open_journal

if TYPE_CHECKING:
    from offloadctl.operations.check_memory import Memory
    from offloadctl.operations.policy_guard import Note, Override, Verify
    from offloadctl.operations.workers import Stop

ACCEPTED: Final = "accept-unverified"
"""What such notes in the journal are called."""


@contextmanager
def guarding(session: Session, *, may_load: bool, stop: "Stop | None" = None) -> "Iterator[tuple[Verify, Note]]":
    """What proves ledgers, by a check or a recent one, and what writes down that somebody went without a proof."""
    from offloadctl.operations.policy_guard import verified_by_check  # noqa: PLC0415 - only where something is changed

    with _remembered_checks(session) as memory:
        verify = verified_by_check(session.ports, may_load=may_load, memory=memory, stop=stop)
        yield verify, _noting(session)


@contextmanager
def _remembered_checks(session: Session) -> "Iterator[Memory | None]":
    """What checks have verified lately; a check that is made now is remembered, too. None if nothing is remembered."""
    from offloadctl.operations.check_memory import Memory  # noqa: PLC0415 - it loads what a check loads

    with open_checks(session.context) as checks:
        if checks is None:
            yield None
            return
        memory = Memory(checks, checks, context=session.context.name)
        try:
            yield memory
        finally:
            # Nobody goes on with such a check: the change asks for another one.
            memory.told(session.ports.clock.now())


def _noting(session: Session) -> "Note":
    """Writes an override into the journal; StateError if that cannot be, and then nothing is to be sent."""

    def note(override: "Override") -> None:
        from offloadctl.report.policies_text import scope_name  # noqa: PLC0415 - msgspec and rich are slow to load

        origin, actor, affected = session.origin(), this_process(), override.affected
        scope = scope_name(override.scope, is_global=override.is_global)
        facts = {
            "context": origin.context,
            "cluster": origin.cluster or "",
            "by": f"{actor.user}@{actor.host}",
            "scope": scope,
            "ledgers": str(affected.ledgers),
            "bytes": str(affected.size),
            "not proved": affected.doubt,
        }
        with open_journal(session.context, session.ports.clock) as journal:
            journal.note(ACCEPTED, f"{scope}: {override.text}", facts)

    return note
