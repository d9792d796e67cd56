"""Exit codes, the only ones this program uses, and how several causes make one code."""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """What the shell is told; `offloadctl explain exit-codes` prints the same words."""

    OK = 0
    FAILED = 1
    USAGE = 2
    WARNINGS = 3
    DAMAGE = 4
    NOT_COVERED = 5
    REFUSED = 6
    TIMED_OUT = 7
    LEASE_HELD = 8
    INTERRUPTED = 130
    TERMINATED = 143

    @property
    def meaning(self) -> str:
        """One sentence for people."""
        return _MEANINGS[self]


_MEANINGS: Final = {
    ExitCode.OK: "Done; the scope that was asked for is covered and nothing was found.",
    ExitCode.FAILED: "Failed: the broker or the store cannot be reached or denied the request, or the offload failed.",
    ExitCode.USAGE: "Wrong usage or settings; nothing was done.",
    ExitCode.WARNINGS: "Finished, with warnings only.",
    ExitCode.DAMAGE: "Damage was found: an object is missing, truncated or corrupt.",
    ExitCode.NOT_COVERED: "The asked scope was not covered, or the work was done but not confirmed in S3.",
    ExitCode.REFUSED: "Refused by a safety rule, or the plan no longer holds; nothing was done.",
    ExitCode.TIMED_OUT: "The wait timed out or the work stalled; it may still be running.",
    ExitCode.LEASE_HELD: "Another instance holds the lease.",
    ExitCode.INTERRUPTED: "Interrupted; what was finished is kept and reported.",
    ExitCode.TERMINATED: "Terminated; what was finished is kept and reported.",
}

# Damage outranks everything: it needs a person, whatever else went wrong in the same run.
# An interruption outranks what is left, since the report is then a partial one.
_PRECEDENCE: Final = (
    ExitCode.DAMAGE,
    ExitCode.TERMINATED,
    ExitCode.INTERRUPTED,
    ExitCode.FAILED,
    ExitCode.TIMED_OUT,
    ExitCode.NOT_COVERED,
    ExitCode.WARNINGS,
    ExitCode.OK,
)


def combine(codes: Iterable[ExitCode]) -> ExitCode:
    """The one code for everything that a run met: 4 > 143 > 130 > 1 > 7 > 5 > 3 > 0.

    Codes that stop a run before its work (2, 6, 8) stand for the whole run when every part of it met one;
    beside parts that did work they count as failed.
    """
    met = set(codes)
    if not met:
        return ExitCode.OK
    for code in (ExitCode.USAGE, ExitCode.REFUSED, ExitCode.LEASE_HELD):
        if met == {code}:
            return code
        if code in met:
            met = (met - {code}) | {ExitCode.FAILED}
    return next(code for code in _PRECEDENCE if code in met)
