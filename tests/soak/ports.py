"""The ports of a process: what it asks of the outside, as long as it lives, and with what goes wrong there."""

from typing import TYPE_CHECKING, Any, Final

from offloadctl.adapters.memory_lease import MemoryTerm
from offloadctl.adapters.pulsar_rest import PulsarRest
from offloadctl.errors import StateUnwritable
from offloadctl.model.decision import LogEntry
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from tests.soak.timeline import Killed

if TYPE_CHECKING:
    from tests.soak.process import Process

LOG_FAILURES: Final = ("log-fails-before-it-is-written", "log-fails-after-it-was-written")


class Mortal:
    """A port: each call of a living process is one, of a dead one none; some are moments to die at."""

    def __init__(self, port: object, process: "Process") -> None:
        self._port = port
        self._process = process
        self._life = process.life

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            if self._life.is_over:
                raise Killed
            self._process.reach(f"before {name}")
            answer = found(*arguments, **named)
            self._process.reach(f"after {name}")
            return answer

        return call


class Triggers:
    def __init__(self, admin: PulsarRest, process: "Process") -> None:
        self._admin = admin
        self._process = process

    def trigger_offload(self, topic: TopicName, before: Position) -> None:
        self._process.world.watched_trigger(
            self._process.name, self._process.number, topic, before, self._admin.trigger_offload
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._admin, name)


class FailingLog:
    """The log of a term, whose next entry may fail: before it is kept, or after."""

    def __init__(self, term: MemoryTerm, process: "Process") -> None:
        self._term = term
        self._process = process

    def append(self, entry: LogEntry) -> None:
        fails, self._process.log_fails = self._process.log_fails, ""
        if fails:
            self._process.world.truth.faults[fails] += 1
        if fails != LOG_FAILURES[0]:
            self._term.append(entry)
        if fails:
            raise StateUnwritable("the log does not answer")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._term, name)
