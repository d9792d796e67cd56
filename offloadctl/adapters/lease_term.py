"""A term of a lease topic: an exclusive producer, and what it writes read back.

    begins    `lease-taken` is written, and all in front of it is read: nothing of an older term can come behind it
    append    the line is written, acknowledged by the broker, and comes back: nobody took the lease before it
    ends      with the first line that fails, or when somebody else's `lease-taken` comes

That an exclusive producer which lost its connection may be let in again behind another one, because it waits like all
others, therefore does no harm: what it writes then counts for nobody, and it is told.
"""

import queue
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from offloadctl.adapters.lease_history import PauseLog, TopicHistory
from offloadctl.adapters.lease_lines import PAUSE_KINDS, LeaseLines, PauseLines, Read
from offloadctl.adapters.lease_tail import Tail, hold_back, pauses_beside, writing
from offloadctl.adapters.lease_wire import Line, encoded
from offloadctl.adapters.pulsar_connection import PulsarConnection
from offloadctl.errors import BrokerUnreachable, LeaseLost, OffloadctlError, StateUnwritable
from offloadctl.model.decision import EntryKind, LogEntry
from offloadctl.model.names import TopicName

PATIENCE_S: Final = 30.0
"""So long may the producer have no connection, or a line be on its way; then the term is over."""
_SLICE_S: Final = 0.02
_TIDY: Final = timedelta(days=1)
"""So often what is old is forgotten."""


class TopicTerm:
    """Keeps the promises of `ports.lease.Term`, and is its log; safe to use from several threads."""

    def __init__(self, connection: PulsarConnection, topic: TopicName, client: Any, producer: Any, holder: str) -> None:
        """Begin it, with a producer of that client that is exclusive; raises if the log cannot be read or written."""
        self._connection = connection
        self._topic, self._pauses_topic = topic, pauses_beside(topic)
        self._client, self._producer = client, producer
        self._id = uuid4().hex[:12]
        self._lines, self._pauses = LeaseLines(), PauseLines()
        self._lock = threading.RLock()
        self._why, self._handed_back = "", False
        self._unconnected_since: float | None = None
        # Before anything is written: whatever retention there is, it stays.
        self._held = hold_back(connection, client, topic)
        self._pauses_held = hold_back(connection, client, self._pauses_topic)
        self._tail = Tail.of(connection, client, topic)
        self._pauses_tail = Tail.of(connection, client, self._pauses_topic)
        for one in self._tail.all():
            self._lines.read(one)
        for one in self._pauses_tail.all():
            self._pauses.read(one)
        now = connection.clock.now()
        taken = LogEntry(now, EntryKind.TAKEN, "", f"the lease was taken by {holder}")
        # A line of the last term may be on its way still, the next one after what was read.
        self._write(taken, number=self._lines.number + 2)
        self._tidied_at = now
        self._tidy()

    @property
    def log(self) -> "TopicTerm":
        """This very term."""
        return self

    @property
    def lost(self) -> str:
        """Why it is over; looks at what has come from the broker, and asks nobody."""
        if self._handed_back:
            return ""
        # Whoever writes just now will be told.
        if not self._why and self._lock.acquire(blocking=False):
            try:
                self._look()
            except OffloadctlError as error:
                if not isinstance(error, LeaseLost):
                    self._why = error.message
            finally:
                self._lock.release()
        return self._why

    def append(self, entry: LogEntry) -> None:
        """Write it; LeaseLost if it is not certain that it counts. A pause is written as anybody does."""
        if entry.kind in PAUSE_KINDS:
            self._append_pause(entry)
            return
        with self._lock:
            self._write(entry)
            if self._connection.clock.now() - self._tidied_at >= _TIDY:
                self._tidied_at = self._connection.clock.now()
                self._tidy()

    def newest(self, kinds: Sequence[EntryKind], schedule: str) -> LogEntry | None:
        """The last entry of these kinds of a schedule; of pauses, all that the broker has sent by now."""
        with self._lock:
            found = []
            if of_pauses := [kind for kind in kinds if kind in PAUSE_KINDS]:
                self._read_pauses()
                found.append(self._pauses.newest(of_pauses, schedule))
            found.append(self._lines.newest([kind for kind in kinds if kind not in PAUSE_KINDS], schedule))
            return max((one for one in found if one is not None), key=lambda one: one.at, default=None)

    def entries(self, *, schedule: str | None = None, since: datetime | None = None) -> Sequence[LogEntry]:
        """All that are kept, the newest first; read anew."""
        return TopicHistory(self._connection, self._topic).entries(schedule=schedule, since=since)

    def hand_back(self) -> None:
        """Let go of all connections, and so of the producer; whatever is on its way fails."""
        self._handed_back = True
        with suppress(Exception):
            # `close` would wait for the answer of a broker that may give none.
            self._client.shutdown()

    def _write(self, entry: LogEntry, *, number: int | None = None, carried: bool = False) -> None:
        """One line, until it has come back; the first that does not ends the term."""
        if self._why or self._handed_back:
            raise LeaseLost(self._why or "the lease was handed back")
        pulsar = self._connection.library()
        number = number or self._lines.number + 1
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        try:
            self._producer.send_async(
                encoded(Line(self._id, number, entry, carried)), lambda result, _: answers.put(result)
            )
        except pulsar.PulsarException as exc:
            raise self._over(writing(self._connection, exc, self._topic).message) from exc
        self._await(number, answers, entry)

    def _await(self, number: int, answers: "queue.SimpleQueue[Any]", entry: LogEntry) -> None:
        """Until the broker has acknowledged the line and it has come back; whatever comes meanwhile is read."""
        acknowledged, came_back = False, False
        until = self._connection.clock.monotonic() + PATIENCE_S
        while self._connection.clock.monotonic() < until:
            came_back = came_back or self._came(number)
            with suppress(queue.Empty):
                self._require_kept(answers.get(timeout=_SLICE_S if came_back else 0.001), entry)
                acknowledged = True
            if came_back and acknowledged:
                return
        raise self._over(f"{self._topic}: what was written is not acknowledged, or does not come back")

    def _require_kept(self, result: Any, entry: LogEntry) -> None:
        pulsar = self._connection.library()
        if result == pulsar.Result.MessageTooBig:
            raise StateUnwritable(f"{self._topic}: an entry about {entry.schedule} is larger than brokers take")
        if result != pulsar.Result.Ok:
            raise self._over(f"{self._connection.service_url}: {self._topic}: {result}")

    def _came(self, number: int) -> bool:
        """Whether the next line is that one."""
        try:
            one = self._tail.next(_SLICE_S)
        except OffloadctlError as error:
            raise self._over(error.message) from error
        return one is not None and self._took(one) and one.line.number == number

    def _took(self, one: Read) -> bool:
        """Whether it is a line of this term that counts; LeaseLost if it is the beginning of another one."""
        was_begun = self._lines.term == self._id
        counts = self._lines.read(one)
        if was_begun and self._lines.term != self._id:
            raise self._over(one.line.entry.text)
        return counts and one.line.term == self._id

    def _look(self) -> None:
        for one in self._tail.pushed():
            self._took(one)
        now = self._connection.clock.monotonic()
        if self._producer.is_connected():
            self._unconnected_since = None
        elif self._unconnected_since is None:
            self._unconnected_since = now
        elif now - self._unconnected_since > PATIENCE_S:
            self._why = f"{self._connection.service_url}: no connection for {PATIENCE_S:.0f} s"

    def _over(self, why: str) -> LeaseLost:
        self._why = self._why or why
        return LeaseLost(f"the lease is lost: {self._why}")

    def _read_pauses(self) -> None:
        """What has come; nobody is waited for, so that a broker that stands still does not hold up the end."""
        for one in self._pauses_tail.pushed():
            self._pauses.read(one)
        if not self._pauses_tail.reader.is_connected():
            raise BrokerUnreachable(f"{self._connection.service_url}: whether anything is paused is unknown")

    def _append_pause(self, entry: LogEntry) -> None:
        PauseLog(self._connection, self._topic).append(entry)
        until = self._connection.clock.monotonic() + PATIENCE_S
        while self._connection.clock.monotonic() < until:
            with self._lock:
                self._read_pauses()
                if entry in self._pauses.entries():
                    return

    def _tidy(self) -> None:
        """Forget what is old: the newest lines are written again, and then the broker need not keep it."""
        now = self._connection.clock.now()
        outdated = self._lines.outdated(now)
        if outdated is not None:
            for line in outdated.carry:
                self._write(line.entry, number=line.number, carried=True)
            self._acknowledge(self._held, outdated.up_to)
            self._lines.forget(outdated)
        self._read_pauses()
        place = self._pauses.forget_outdated(now)
        if place is not None:
            self._acknowledge(self._pauses_held, place)

    def _acknowledge(self, consumer: Any, place: Any) -> None:
        pulsar = self._connection.library()
        try:
            consumer.acknowledge_cumulative(place)
        except pulsar.PulsarException as exc:
            raise self._over(writing(self._connection, exc, self._topic).message) from exc
