"""The lease of several instances: an exclusive producer on a topic, which the others wait for (WaitForExclusive).

The library has no way to stop waiting but to close its client. So each wait has a client of its own, and a thread that
stands in it; and as an operation of the client ends after some time, it begins again then.
"""

import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from offloadctl.adapters.lease_tail import create_commands, refuse_partitions, writing
from offloadctl.adapters.lease_term import TopicTerm
from offloadctl.adapters.pulsar_connection import PulsarConnection
from offloadctl.errors import NotFound
from offloadctl.model.names import TopicName

ROUND_S: Final = 60
"""So long a wait stands in one operation; in between it is asked whether the broker is there at all."""
_END_S: Final = 10.0
"""So long the thread may take to hear that its client is closed."""


class TopicLease:
    """Keeps the promises of `ports.lease.Lease`."""

    def __init__(self, connection: PulsarConnection, topic: TopicName, holder: str) -> None:
        self._connection = connection
        self._topic = topic
        self._holder = holder
        self._waiting: _Waiting | None = None
        self._begins: _Waiting | None = None
        """Has the producer, and the log is being read; on another thread, if it is closed now."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for one in (self._waiting, self._begins):
            if one is not None:
                one.close()

    @property
    def location(self) -> str:
        """The topic."""
        return str(self._topic)

    def wait(self, seconds: float) -> TopicTerm | None:
        """See `Lease`; with 0 it is tried once, without a place in the queue."""
        pulsar = self._connection.library()
        if self._waiting is None:
            self._require_topic()
            mode = pulsar.ProducerAccessMode.WaitForExclusive if seconds > 0 else pulsar.ProducerAccessMode.Exclusive
            self._waiting = _Waiting(self._connection, self._topic, self._holder, mode)
        if not self._waiting.done.wait(seconds if seconds > 0 else ROUND_S):
            return None
        waiting, self._waiting, self._begins = self._waiting, None, self._waiting
        try:
            return self._term(waiting)
        except BaseException:
            waiting.close()
            raise
        finally:
            self._begins = None

    def _term(self, waiting: "_Waiting") -> TopicTerm | None:
        pulsar = self._connection.library()
        if waiting.producer is not None:
            return TopicTerm(self._connection, self._topic, waiting.client, waiting.producer, self._holder)
        waiting.close()
        match waiting.error:
            case pulsar.Timeout() | pulsar.ProducerFenced() | pulsar.ProducerBusy():
                # The round is over; or somebody has it, and nobody wants to wait.
                return None
            case pulsar.TopicNotFound() as exc:
                found = writing(self._connection, exc, self._topic)
                raise NotFound(found.message, hint=create_commands(self._topic)) from exc
            case pulsar.PulsarException() as exc:
                raise writing(self._connection, exc, self._topic) from exc
            case error:
                assert error is not None  # noqa: S101 - it is done, and has no producer
                raise error

    def _require_topic(self) -> None:
        """The broker answers, and the topic is one."""
        client = self._connection.open()
        try:
            refuse_partitions(self._connection, client, self._topic)
        finally:
            with suppress(Exception):
                client.close()


class _Waiting:
    """A thread that stands in the library until the producer is there, or it is told to end."""

    def __init__(self, connection: PulsarConnection, topic: TopicName, holder: str, mode: Any) -> None:
        self.client = connection.open(operation_timeout=ROUND_S)
        self.done = threading.Event()
        self.producer: Any = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._stand, args=(topic, holder, mode), name="lease", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait no more; a producer that is there already is let go."""
        with suppress(Exception):
            # `shutdown` would leave the thread where it stands, and the end of the process would be a crash.
            self.client.close()
        self._thread.join(_END_S)

    def _stand(self, topic: TopicName, holder: str, mode: Any) -> None:
        try:
            # The properties are shown to whoever asks the broker for the topic's statistics.
            self.producer = self.client.create_producer(str(topic), access_mode=mode, properties={"holder": holder})
        except BaseException as error:  # noqa: BLE001 - raised again, or understood, by whoever waits
            self.error = error
        self.done.set()
