"""Rolling over the last ledger of an idle topic: by an unload, or by loading a topic that no broker serves."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from offloadctl.errors import BrokerError
from offloadctl.model.ledger import ServedLedgers, StoredLedger
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Reason
from offloadctl.model.schedule import RollOverAction
from offloadctl.model.topic_action import LastLedger, TopicResult, TopicState, TopicVerb
from offloadctl.operations.served import ServedTopics
from offloadctl.operations.topic_actions import Planned
from offloadctl.plan.roll_over import judge_roll_over
from offloadctl.ports import BrokerAdmin, Ports
from offloadctl.units import ByteSize, format_size

_TERMINATED: Final = "Terminated"
"""ManagedLedgerImpl.java, State."""


@dataclass(frozen=True, slots=True)
class RollOver:
    """Acts on one topic at a time."""

    ports: Ports
    wish: RollOverAction
    served: ServedTopics
    verb: TopicVerb = TopicVerb.ROLL_OVER
    needs_whole_view: bool = False

    def plan(self, topic: TopicName) -> Planned:
        """By the broker that serves the topic, if one does; else by the metadata alone."""
        last = self._last(topic)
        result = judge_roll_over(last, self.wish, self.ports.clock.now())
        return Planned(result, lambda note: self._send(last, result, note))

    def _last(self, topic: TopicName) -> LastLedger:
        stored = self.ports.admin.stored_ledgers(topic)
        newest = stored.ledgers[-1] if stored.ledgers else None
        is_open = newest is not None and newest.entries is None
        last = LastLedger(
            topic,
            self.served.has(topic),
            newest.ledger_id if newest is not None and is_open else None,
            terminated=stored.terminated_at is not None,
            changed_at=stored.modified_at,
        )
        has_more = last.served and not last.terminated and last.ledger_id is not None
        return self._as_served(last) if has_more else last

    def _as_served(self, last: LastLedger) -> LastLedger:
        """What the serving broker tells. No more is asked than decides: who is connected only of an idle topic."""
        admin, topic = self.ports.admin, last.topic
        now = admin.served_ledgers(topic)
        last = _with(last, now)
        if not last.entries or now.last_confirmed is None:
            return last
        last = replace(last, written_at=admin.written_at(topic, now.last_confirmed))
        idle = judge_roll_over(last, replace(self.wish, while_connected=True), self.ports.clock.now())
        if idle.state is not TopicState.PLANNED:
            return last
        return replace(last, clients=admin.clients_of(topic).total)

    def _send(self, last: LastLedger, planned: TopicResult, note: Callable[[], None]) -> TopicResult:
        note()
        if not last.served:
            loaded = self._loaded(last, planned)
            if loaded.state is TopicState.DONE:
                return loaded
            # It was served all along: what brokers tell in bulk may be a minute old.
            last = self._as_served(replace(last, served=True))
            planned = judge_roll_over(last, self.wish, self.ports.clock.now())
            if planned.state is not TopicState.PLANNED:
                return planned
        self.ports.admin.unload(last.topic)
        try:
            return self._loaded(last, planned)
        except BrokerError as error:
            text = f"it was unloaded, and what came of it is not known: {error.message}"
            return replace(planned, state=TopicState.UNCONFIRMED, reason=Reason(error.code, text))

    def _loaded(self, last: LastLedger, planned: TopicResult) -> TopicResult:
        """What became of the ledger: whoever loads the topic gives it its end."""
        self.ports.admin.served_ledgers(last.topic)
        return _seen(self.ports.admin, last, planned)


def _with(last: LastLedger, now: ServedLedgers) -> LastLedger:
    newest = now.ledgers[-1].ledger_id if now.ledgers else None
    is_terminated = now.state == _TERMINATED
    return replace(last, ledger_id=newest, entries=now.current_entries, size=now.current_size, terminated=is_terminated)


def _seen(admin: BrokerAdmin, last: LastLedger, planned: TopicResult) -> TopicResult:
    """What became of the ledger, by the metadata."""
    found = next((one for one in admin.stored_ledgers(last.topic).ledgers if one.ledger_id == last.ledger_id), None)
    if found is None and not last.served:
        text = f"ledger {last.ledger_id} had no entries"
        return replace(planned, state=TopicState.DONE, reason=Reason("was-empty", text), ledgers=0)
    if found is None:
        text = f"ledger {last.ledger_id} was closed, and retention let it go"
        return replace(planned, state=TopicState.DONE, reason=Reason("trimmed", text))
    if found.entries is None:
        text = f"ledger {last.ledger_id} is still open"
        return replace(planned, state=TopicState.UNCONFIRMED, reason=Reason("still-open", text))
    return replace(planned, state=TopicState.DONE, reason=_closed(found), size=found.size or ByteSize(0))


def _closed(ledger: StoredLedger) -> Reason:
    size = format_size(ledger.size or 0)
    return Reason("closed", f"ledger {ledger.ledger_id} is closed: {ledger.entries or 0:,} entries, {size}")
