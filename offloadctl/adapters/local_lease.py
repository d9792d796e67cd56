"""The lease where there is no topic for it: whoever has the lock of the state directory, which is asked for before."""

from dataclasses import dataclass

from offloadctl.ports.schedule import DecisionLog


@dataclass(frozen=True, slots=True)
class LocalTerm:
    """It goes on until the process ends."""

    log: DecisionLog
    lost: str = ""

    def hand_back(self) -> None:
        """The lock goes with the process."""


@dataclass(frozen=True, slots=True)
class LocalLease:
    """Keeps the promises of `ports.lease.Lease` for whoever has the lock."""

    log: DecisionLog
    location: str

    def wait(self, seconds: float) -> LocalTerm:  # noqa: ARG002 - nobody else can have it
        """At once."""
        return LocalTerm(self.log)
