"""The door to the lease: of several instances that run the same schedules, one acts, and all know what was decided.

instance   waits for the lease; whoever gets it has a term
term       its log holds what was decided in all terms before; what is appended to it counts for the next ones
the end    it is handed back, or lost: to another instance, or because whoever keeps it cannot be reached
"""

from typing import Protocol

from offloadctl.ports.schedule import DecisionLog


class Term(Protocol):
    """The time in which one instance acts."""

    @property
    def log(self) -> DecisionLog:
        """What was decided, complete up to the beginning of this term, and what people have paused meanwhile.

        `append` raises LeaseLost once the term is over, whoever has the lease then: such an entry is not in the log,
        or it is there in front of the next term's beginning. After a LeaseLost every append of this term raises it.
        """
        ...

    @property
    def lost(self) -> str:
        """Why the term is over without having been handed back; empty while it is thought to go on.

        It may be over before this tells it: only `append` proves that it is not.
        """
        ...

    def hand_back(self) -> None:
        """End the term: the next instance may have the lease at once. Never raises, and may be called again."""
        ...


class Lease(Protocol):
    """One instance's way to the lease. It is used by one thread at a time."""

    @property
    def location(self) -> str:
        """Where it is kept, for people."""
        ...

    def wait(self, seconds: float) -> Term | None:
        """A term, as soon as the lease is free; None if it is not within so many seconds, and with 0 if it is not now.

        Whoever wants to stop waiting does not call it again. Raises an OffloadctlError if whoever keeps the lease
        cannot be reached or does not allow it; the next call tries again.
        """
        ...
