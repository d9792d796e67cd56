"""Whether the last ledger of a topic is to be rolled over: only if nobody writes to it, and nobody is disturbed.

Brokers close a ledger when it is full or old, but look at that only when something is written
(ManagedLedgerImpl.java, internalAsyncAddEntry), at managedLedgerMaxLedgerRolloverTimeMinutes, and after
managedLedgerInactiveLedgerRolloverTimeSeconds if that is set. No call asks for it. What is left is to unload the topic:
the broker that loads it again closes what was open.
"""

from datetime import datetime, timedelta
from typing import Final

from offloadctl.model.offload import Reason
from offloadctl.model.schedule import RollOverAction
from offloadctl.model.topic_action import LastLedger, TopicResult, TopicState
from offloadctl.units import format_duration, format_size

NOT_LOADED: Final = Reason(
    "not-loaded", "no broker serves it, as far as is known: loadTopics: true acts on such topics, too"
)


def judge_roll_over(last: LastLedger, wish: RollOverAction, now: datetime) -> TopicResult:
    """PLANNED or LEFT, and why."""
    left = _why_not(last, wish, now)
    if left is not None:
        return TopicResult(last.topic, TopicState.LEFT, left)
    if not last.served:
        text = f"no broker serves it: loading it closes ledger {last.ledger_id}, if that has entries"
        return TopicResult(last.topic, TopicState.PLANNED, Reason("load", text), 1)
    assert last.written_at is not None  # noqa: S101 - else it is left
    idle = f"nobody has written for {format_duration(now - last.written_at)}"
    many = "entry" if last.entries == 1 else "entries"
    clients = f"; the unload disconnects {last.clients:,} clients, which connect again" if last.clients else ""
    text = f"{idle}: ledger {last.ledger_id} has {last.entries:,} {many}, {format_size(last.size)}{clients}"
    return TopicResult(last.topic, TopicState.PLANNED, Reason("idle", text), 1, last.size)


def _why_not(last: LastLedger, wish: RollOverAction, now: datetime) -> Reason | None:
    if last.terminated:
        return Reason("terminated", "the topic is terminated: brokers never give its last ledger an end")
    if not last.served and not wish.load_topics:
        return NOT_LOADED
    if last.ledger_id is None:
        return Reason("nothing-open", "no ledger is open")
    return _too_new(last, wish, now) if last.served else _loaded_lately(last, wish, now)


def _loaded_lately(last: LastLedger, wish: RollOverAction, now: datetime) -> Reason | None:
    """Its last ledger was opened when it was loaded last: what is in there may be as young as that."""
    if last.changed_at is None or now - last.changed_at < wish.idle_for:
        return Reason("changed-lately", f"its metadata was written within {format_duration(wish.idle_for)}")
    return None


def _too_new(last: LastLedger, wish: RollOverAction, now: datetime) -> Reason | None:
    if not last.entries:
        return Reason("empty", f"ledger {last.ledger_id} has no entries")
    if last.written_at is None:
        return Reason("unknown-when", f"it is not known when ledger {last.ledger_id} was written to")
    if now - last.written_at < wish.idle_for:
        ago = format_duration(max(now - last.written_at, timedelta()))
        return Reason("written-lately", f"written to {ago} ago, and not for {format_duration(wish.idle_for)}")
    if last.clients and not wish.while_connected:
        text = f"{last.clients:,} clients are connected, and an unload disconnects them: whileConnected: true allows it"
        return Reason("connected", text)
    return None
