"""Terms: wait for the lease, run the schedules for as long as it is had, and wait again when it is lost.

What a lost term has begun is stopped, and gone on with by whoever has the lease now; and before all of it has ended
this instance does not ask for the lease again.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from offloadctl.errors import BrokerError, Interrupted, LeaseLost, OffloadctlError, TerminationSignal
from offloadctl.operations.lease_watch import stopped_when_lost
from offloadctl.operations.workers import Stop
from offloadctl.ports.lease import Lease, Term
from offloadctl.service.board import Board
from offloadctl.service.loop import Loop
from offloadctl.service.runs import Runs
from offloadctl.service.telling import LogLevel, Teller

LOOK_S: Final = 1.0
"""So long a wait may take to notice that it is not wanted any more."""
RETRY_S: Final = 10.0
"""After the lease could not even be waited for."""
_SLICE_S: Final = 0.2


@dataclass(slots=True)
class Tenure:
    """Runs a loop in each term, from the beginning of the process to its end."""

    lease: Lease
    begin: Callable[[Term, Stop], Loop]
    """Makes what works in a term; the stop is for what it begins."""
    runs: Runs
    board: Board
    tell: Teller
    _ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _loop: Loop | None = None
    _term: Term | None = None
    _acting: Stop = field(default_factory=Stop)
    _told_by: BaseException | None = None
    _problem: str = ""
    _stands_by: bool = False
    """Whether that was told."""

    def run(self) -> None:
        """Until `end`; raises what is a bug. The lease is kept then, for what goes on, until `let_go`."""
        while not self._ended.is_set():
            term = self._wait()
            if term is None or not self._begun(term):
                continue
            loop = self._loop
            if loop is not None:
                # An evaluation may wait for brokers that do not answer: what was begun is stopped meanwhile.
                with stopped_when_lost(term, self._acting):
                    loop.run()
            if not term.lost:
                return
            self._close(term)

    def reload(self) -> None:
        """Read the file of schedules again; whoever stands by reads it when its term begins."""
        with self._lock:
            if self._loop is not None:
                self._loop.reload()

    def end(self) -> None:
        """Wait no more, and begin nothing more."""
        with self._lock:
            self._ended.set()
            if self._loop is not None:
                self._loop.end()

    def by(self, signal: BaseException) -> None:
        """Stop what goes on."""
        with self._lock:
            self._told_by = signal
            self._acting.by(signal)

    def let_go(self) -> None:
        """Hand the lease back, if this instance has it."""
        with self._lock:
            term, self._term = self._term, None
        if term is not None:
            term.hand_back()
            self.tell("lease-handed-back", lease=self.lease.location)

    def _wait(self) -> Term | None:
        self.board.standing_by(self._problem)
        try:
            term = self.lease.wait(LOOK_S)
        except Interrupted:
            raise
        except OffloadctlError as error:
            self._out_of_reach(error)
            return None
        if term is None:
            self._problem = ""
        if term is None and not self._stands_by:
            self.tell("standing-by", lease=self.lease.location)
        self._stands_by = term is None
        return term

    def _out_of_reach(self, error: OffloadctlError) -> None:
        """Tell it, once, and wait a while."""
        if error.message != self._problem:
            self.tell("lease-out-of-reach", level=LogLevel.ERROR, error=error.message, hint=error.hint)
        self._problem, self._stands_by = error.message, False
        self._ended.wait(RETRY_S)

    def _begun(self, term: Term) -> bool:
        """Whether its loop is there: the broker may be gone again before the log of the term is read."""
        try:
            self._open(term)
        except (BrokerError, LeaseLost) as error:
            self.let_go()
            self._out_of_reach(error)
            return False
        self._problem = ""
        return True

    def _open(self, term: Term) -> None:
        with self._lock:
            self._term, self._acting = term, Stop()
            if self._told_by is not None:
                self._acting.by(self._told_by)
        self.tell("lease-acquired", lease=self.lease.location)
        self.board.leading()
        loop = self.begin(term, self._acting)
        with self._lock:
            self._loop = loop
            if self._ended.is_set():
                loop.end()

    def _close(self, term: Term) -> None:
        """The term is lost: stop what it has begun, and wait for the end of that."""
        why, going_on = term.lost, self.runs.going_on
        with self._lock:
            self._loop = self._term = None
            self._acting.by(self._told_by or TerminationSignal())
        self.board.standing_by()
        self.tell("lease-lost", level=LogLevel.WARNING, lease=self.lease.location, why=why, runs_going_on=going_on)
        term.hand_back()
        while self.runs.going_on and not self._ended.is_set():
            self._ended.wait(_SLICE_S)
