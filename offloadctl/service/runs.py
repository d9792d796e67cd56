"""The threads on which runs go on, and the watch over them."""

import contextvars
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from offloadctl.errors import Interrupted, LeaseLost, OffloadctlError
from offloadctl.model.decision import Intent, RunResult
from offloadctl.model.schedule import Schedule
from offloadctl.operations.schedule import HANDED_OVER, Act
from offloadctl.service.board import Board
from offloadctl.service.telling import LogLevel, Teller


@dataclass(slots=True)
class Runs:
    """A thread for each run; one that hangs does not keep the process from ending."""

    tell: Teller
    _threads: list[threading.Thread] = field(default_factory=list)
    _closed: bool = False
    _failed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, work: Callable[[], None]) -> None:
        """Begin it now. Once closed nothing is begun, and Interrupted raised: whoever comes next begins it."""
        with self._lock:
            if self._closed:
                raise Interrupted("nothing is begun any more")
            # Each with the variables of this thread: how the program was called stands in the journal.
            context = contextvars.copy_context()
            thread = threading.Thread(target=context.run, args=(self._run, work), name="schedule-run", daemon=True)
            self._threads = [one for one in self._threads if one.is_alive()] + [thread]
            thread.start()

    def close(self) -> None:
        """Begin nothing more."""
        with self._lock:
            self._closed = True

    @property
    def going_on(self) -> int:
        """How many have not ended."""
        with self._lock:
            return sum(one.is_alive() for one in self._threads)

    def take_failed(self) -> bool:
        """Whether one has failed since this was asked last, so that its end may not be written down."""
        with self._lock:
            failed, self._failed = self._failed, False
            return failed

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except LeaseLost as error:
            # Whoever has the lease now begins it again, and finds what is done.
            self.tell("result-not-written", level=LogLevel.WARNING, error=error.message)
        except Exception as error:  # noqa: BLE001 - of a thread nobody else would hear; the run is begun again
            with self._lock:
                self._failed = True
            why = error.message if isinstance(error, OffloadctlError) else f"{type(error).__name__}: {error}"
            self.tell("run-failed", level=LogLevel.ERROR, error=why)


@dataclass(frozen=True, slots=True)
class Watched:
    """Does what another does, and lets the board and the log know."""

    act: Act
    board: Board
    tell: Teller

    def __call__(self, schedule: Schedule, intent: Intent) -> RunResult:
        """The same outcome, or the same error."""
        name, run = schedule.name, intent.run_id
        self.board.run_begun(intent)
        asked = "; ".join(one.text for one in intent.reasons)
        number = len(intent.topics)
        scope = "whole scope" if intent.whole_scope else f"{number} topic{'' if number == 1 else 's'}"
        self.tell("run-begun", schedule=name, run=run, attempt=intent.attempt, scope=scope, why=asked)
        try:
            result = self.act(schedule, intent)
        except Interrupted:
            self._tell_handed_over(intent)
            raise
        except OffloadctlError as error:
            self.board.run_ended(name, error.exit_code, 0, None)
            code = int(error.exit_code)
            self.tell("run-ended", level=LogLevel.ERROR, schedule=name, run=run, exit_code=code, summary=error.message)
            raise
        finally:
            self.board.run_gone(intent)
        if result.exit_code in HANDED_OVER:
            self._tell_handed_over(intent)
            return result
        self.board.run_ended(name, result.exit_code, result.bytes_moved, result.ended_at)
        self.tell(
            "run-ended",
            level=LogLevel.INFO if result.exit_code == 0 else LogLevel.WARNING,
            schedule=name,
            run=run,
            exit_code=int(result.exit_code),
            bytes_moved=result.bytes_moved,
            journal_runs=" ".join(result.journal_runs),
            summary=result.summary,
        )
        return result

    def _tell_handed_over(self, intent: Intent) -> None:
        self.tell("run-handed-over", level=LogLevel.WARNING, schedule=intent.schedule, run=intent.run_id)
