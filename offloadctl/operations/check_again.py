"""A check that goes on by itself where the one before it was interrupted or killed: nobody tells a service --resume."""

from dataclasses import replace
from typing import Final

from offloadctl.errors import CannotResume, OffloadctlError, StateError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.check import CheckReport
from offloadctl.model.scope import Scope
from offloadctl.operations.check import Check

_INTERRUPTED: Final = frozenset({ExitCode.INTERRUPTED, ExitCode.TERMINATED})


def report_or_go_on(check: Check, scope: Scope, *, again: bool) -> CheckReport:
    """The check's report; with `again` it takes up what is remembered of its earlier beginnings, if anything is.

    Once it has ended, whole or not, nobody can go on with it: the next one is another check. Only what was interrupted
    waits for whoever comes next.
    """
    try:
        report = _report(check, scope, again=again)
    except OffloadctlError as error:
        if error.exit_code not in _INTERRUPTED:
            _close(check, scope)
        raise
    if report.interrupted is None:
        _close(check, scope)
    return report


def _close(check: Check, scope: Scope) -> None:
    if check.memory is not None:
        check.memory.close(check.asked(scope), check.ports.clock.now())


def _report(check: Check, scope: Scope, *, again: bool) -> CheckReport:
    if again and check.memory is not None:
        try:
            return replace(check, memory=replace(check.memory, resumes=True)).report_scope(scope)
        except (CannotResume, StateError):
            # It may have died before it had begun; and a memory that cannot be used costs no check its result.
            pass
    return check.report_scope(scope)
