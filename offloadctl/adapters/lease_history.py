"""The decisions of a lease topic for whoever has no lease: to read them, and to write pauses."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from offloadctl.adapters.lease_lines import PAUSE_KINDS, LeaseLines, PauseLines
from offloadctl.adapters.lease_tail import Tail, create_commands, hold_back, pauses_beside, refuse_partitions, writing
from offloadctl.adapters.lease_wire import Line, encoded
from offloadctl.adapters.pulsar_connection import PulsarConnection
from offloadctl.errors import LeaseHeld, NotFound
from offloadctl.model.decision import EntryKind, LogEntry
from offloadctl.model.names import TopicName


class TopicHistory:
    """Keeps the promises of `ports.schedule.DecisionHistory`; read once, when it is first asked."""

    def __init__(self, connection: PulsarConnection, topic: TopicName) -> None:
        self._connection = connection
        self._topic = topic
        self._read: tuple[LeaseLines, PauseLines] | None = None

    def newest(self, kinds: Sequence[EntryKind], schedule: str) -> LogEntry | None:
        """The last entry of these kinds of a schedule, or None."""
        lines, pauses = self._lines()
        found = (lines.newest(kinds, schedule), pauses.newest(kinds, schedule))
        return max((one for one in found if one is not None), key=lambda one: one.at, default=None)

    def entries(self, *, schedule: str | None = None, since: datetime | None = None) -> Sequence[LogEntry]:
        """All that are kept, the newest first."""
        lines, pauses = self._lines()
        # Each of them is in the order that counts; between them there are only the clocks.
        every = sorted([*lines.entries(), *pauses.entries()], key=lambda one: one.at)
        return [
            one for one in reversed(every) if schedule in (None, one.schedule) and (since is None or one.at >= since)
        ]

    def _lines(self) -> tuple[LeaseLines, PauseLines]:
        if self._read is None:
            lines, pauses = LeaseLines(keeps_all=True), PauseLines()
            with self._client() as client:
                for topic, take in ((self._topic, lines.read), (pauses_beside(self._topic), pauses.read)):
                    # Of a topic that is not there nothing was ever written.
                    with suppress(NotFound):
                        refuse_partitions(self._connection, client, topic)
                        for one in Tail.of(self._connection, client, topic).all():
                            take(one)
            self._read = lines, pauses
        return self._read

    @contextmanager
    def _client(self) -> Iterator[Any]:
        client = self._connection.open()
        try:
            yield client
        finally:
            with suppress(Exception):
                client.close()


class PauseLog(TopicHistory):
    """Keeps the promises of `ports.schedule.DecisionLog` for pauses: they are written whoever has the lease."""

    def append(self, entry: LogEntry) -> None:
        """Write it; LeaseHeld for what only the holder of the lease writes."""
        if entry.kind not in PAUSE_KINDS:
            raise LeaseHeld(f"{self._topic}: only whoever has the lease writes that")
        pulsar, topic = self._connection.library(), pauses_beside(self._topic)
        with self._client() as client:
            refuse_partitions(self._connection, client, topic)
            try:
                hold_back(self._connection, client, topic).close()
                client.create_producer(str(topic)).send(encoded(Line("", 0, entry)))
            except pulsar.PulsarException as exc:
                raise writing(self._connection, exc, topic) from exc
            except NotFound as error:
                raise NotFound(error.message, hint=create_commands(self._topic)) from error
        self._read = None
