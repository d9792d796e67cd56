"""A topic's ledgers at one moment, from the broker's two views of them."""

import threading
from dataclasses import replace
from operator import attrgetter
from typing import Final

from offloadctl.errors import BrokerError, NoOwner, NotFound, Unstable
from offloadctl.model.ledger import (
    Ledger,
    ManagedLedger,
    OffloadPolicies,
    OffloadProgress,
    Position,
    ServedLedgers,
    StoredLedger,
    StoredLedgers,
)
from offloadctl.model.names import TopicName
from offloadctl.ports import BrokerAdmin, Clock
from offloadctl.units import ByteSize

_BY_ID: Final = attrgetter("ledger_id")
_ATTEMPTS: Final = 5
_PAUSE_S: Final = 0.2
_LIST_IS_GOOD_FOR_S: Final = 60.0
"""Brokers renew their list about every minute too; a run takes hours, and topics come and go."""


class LedgerReader:
    """Reads topics as far as that disturbs nobody: a topic that no broker serves is loaded only with `may_load`.

    Which topics are served the brokers' own list tells. It needs super-user rights, it is up to a minute old, so a
    topic that was loaded just now is not on it, and it is asked for again after a minute. Nothing else tells without
    loading: an unloaded topic keeps its open ledger in the metadata. Who may not see the list learns less, and the
    report says so.
    """

    def __init__(self, admin: BrokerAdmin, clock: Clock, *, may_load: bool) -> None:
        self._admin = admin
        self._clock = clock
        self._may_load = may_load
        self._served: frozenset[TopicName] = frozenset()
        self._asked_at: float | None = None
        self._lock = threading.Lock()

    def read(self, topic: TopicName) -> ManagedLedger:
        """The topic's ledgers; what only the serving broker knows is there if a broker may be asked."""
        if self._may_load or topic in self._served_topics():
            try:
                return read_served(self._admin, self._clock, topic)
            except NoOwner:
                # Its bundle is being unloaded, so nobody serves it, and asking for it would not leave it alone.
                return self.read_stored(topic)
        return self.read_stored(topic)

    def read_or_empty(self, topic: TopicName) -> ManagedLedger:
        """The same; a partition to which nobody has written yet has no managed ledger, and is empty."""
        try:
            return self.read(topic)
        except NotFound:
            if topic.partition is None or topic.partition >= self._admin.partition_count(topic.parent):
                raise
            return ManagedLedger(topic, (), self._clock.now(), served=False)

    def read_stored(self, topic: TopicName) -> ManagedLedger:
        """The topic's ledgers as the metadata store has them; no broker is asked which offloads are complete."""
        return join(topic, self._admin.stored_ledgers(topic), None, self._clock)

    def _served_topics(self) -> frozenset[TopicName]:
        with self._lock:
            now = self._clock.monotonic()
            if self._asked_at is None or now - self._asked_at >= _LIST_IS_GOOD_FOR_S:
                self._asked_at = now
                try:
                    self._served = self._admin.served_topics()
                except BrokerError:
                    self._served = frozenset()
            return self._served


def read_policies(admin: BrokerAdmin, topic: TopicName) -> OffloadPolicies | None:
    """The offload settings in force, or None: they explain what is found and decide nothing."""
    try:
        return admin.offload_policies(topic)
    except BrokerError:
        return None


def read_served(admin: BrokerAdmin, clock: Clock, topic: TopicName) -> ManagedLedger:
    """The ledgers as the serving broker has them, with what only the metadata store tells; loads the topic.

    `internalStats` knows which offloads are complete, `internal-info` knows their uuids, and the two calls are not
    atomic: only a pair that stands still between two readings is accepted. Raises Unstable when none does.
    """
    before = admin.served_ledgers(topic)
    for attempt in range(_ATTEMPTS):
        if attempt:
            clock.sleep(_PAUSE_S * attempt)
        stored, after = admin.stored_ledgers(topic), admin.served_ledgers(topic)
        if before.ledgers == after.ledgers and _agree(known := _without_empty_end(stored, after), after):
            return join(topic, known, after, clock)
        before = after
    raise Unstable(
        f"the ledgers of {topic} changed during each of {_ATTEMPTS} readings",
        hint="ledgers are being rolled over, offloaded or trimmed very fast; try again",
    )


def join(topic: TopicName, stored: StoredLedgers, served: ServedLedgers | None, clock: Clock) -> ManagedLedger:
    """Both views as one."""
    complete = {ledger.ledger_id for ledger in served.ledgers if ledger.offloaded} if served else None
    ledgers = tuple(_ledger(ledger, served, complete) for ledger in sorted(stored.ledgers, key=_BY_ID))
    cursors = served.cursors if served is not None else stored.cursors
    return ManagedLedger(topic, ledgers, clock.now(), served is not None, stored.terminated_at, cursors)


def _without_empty_end(stored: StoredLedgers, served: ServedLedgers) -> StoredLedgers:
    """What is stored, without the empty last ledger of a terminated topic if the serving broker does not have it.

    A broker that loads a topic drops an empty last ledger and makes a new one; for a terminated topic it makes none, so
    nothing is written, and the metadata keeps the old one for ever (ManagedLedgerImpl.java, initialize).
    """
    end, newest = stored.terminated_at, max(stored.ledgers, key=lambda one: one.ledger_id, default=None)
    if end is None or newest is None or end >= Position(newest.ledger_id, 0):
        return stored
    if any(one.ledger_id == newest.ledger_id for one in served.ledgers):
        return stored
    return replace(stored, ledgers=tuple(one for one in stored.ledgers if one is not newest))


def _agree(stored: StoredLedgers, served: ServedLedgers) -> bool:
    """Whether both views list the same ledgers, and each complete one has a context."""
    contexts = {ledger.ledger_id: ledger.context_uuid for ledger in stored.ledgers}
    return contexts.keys() == {ledger.ledger_id for ledger in served.ledgers} and all(
        contexts[ledger.ledger_id] is not None for ledger in served.ledgers if ledger.offloaded
    )


def _ledger(stored: StoredLedger, served: ServedLedgers | None, complete: set[int] | None) -> Ledger:
    is_open = stored.entries is None
    entries, size = stored.entries or 0, stored.size or ByteSize(0)
    if is_open and served is not None:
        # Of a terminated topic that was loaded again the numbers are the ledger's own, and the current ones are 0.
        own = next((one for one in served.ledgers if one.ledger_id == stored.ledger_id and one.entries), None)
        entries, size = (own.entries, own.size) if own else (served.current_entries, served.current_size)
    return Ledger(
        ledger_id=stored.ledger_id,
        entries=entries,
        size=size,
        is_open=is_open,
        progress=_progress(stored, complete),
        closed_at=None if is_open else stored.closed_at,
        context_uuid=stored.context_uuid,
    )


def _progress(stored: StoredLedger, complete: set[int] | None) -> OffloadProgress:
    if stored.context_uuid is None:
        return OffloadProgress.LOCAL
    if complete is None:
        return OffloadProgress.BEGUN
    return OffloadProgress.OFFLOADED if stored.ledger_id in complete else OffloadProgress.IN_FLIGHT
