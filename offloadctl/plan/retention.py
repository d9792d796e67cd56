"""Retention, as far as it decides when offloaded data goes: what is in force, and what a change of it lets go.

A trim takes whole ledgers, the oldest first, once all durable subscriptions have consumed them and they are too old or
too many; their objects go with them (ManagedLedgerImpl.java, internalTrimLedgers). Offload is no archive.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from offloadctl.model.ledger import StoredLedger, StoredLedgers
from offloadctl.model.names import TopicName
from offloadctl.model.policies import PolicyLevel, PolicyLevels, Retention
from offloadctl.units import ByteSize

_MEBIBYTE: Final = 1024 * 1024
_NO_LIMIT: Final = float("inf")
_NO_BYTES: Final = ByteSize(0)


@dataclass(frozen=True, slots=True)
class RetentionInForce:
    """What counts, and what it hides."""

    retention: Retention | None
    """None: the brokers' own default, which is not known."""
    level: PolicyLevel
    shadows: tuple[tuple[PolicyLevel, Retention], ...] = ()


def retention_in_force(levels: PolicyLevels) -> RetentionInForce:
    """The topic's own, else its global one, else the namespace's, else the brokers' default; each as a whole."""
    (level, retention), *others = _stack(levels)
    shadows = tuple((one, other) for one, other in others if other is not None and other != retention)
    return RetentionInForce(retention, level, shadows)


def own_retention(levels: PolicyLevels) -> Retention | None:
    """What the scope itself has."""
    return levels.topic_retention if isinstance(levels.scope, TopicName) else levels.facts.retention


def with_own_retention(levels: PolicyLevels, retention: Retention | None) -> PolicyLevels:
    """The same with another retention of the scope's own."""
    if isinstance(levels.scope, TopicName):
        return replace(levels, topic_retention=retention)
    return replace(levels, facts=replace(levels.facts, retention=retention))


def is_lower(new: Retention | None, old: Retention | None) -> bool:
    """Whether anything can go sooner than before; what is not known may be anything."""
    if new is None or old is None:
        return new != old and not (new is not None and new.keeps_everything)
    return any(one < other for one, other in zip(_limits(new), _limits(old), strict=True))


@dataclass(frozen=True, slots=True)
class Due:
    """What the next trim takes."""

    ledgers: int = 0
    size: ByteSize = _NO_BYTES
    offloaded: int = 0
    """So many of them are in the store, too, complete or not."""
    offloaded_size: ByteSize = _NO_BYTES
    is_exact: bool = True
    """False: some subscriptions may have consumed less than that."""

    def __add__(self, other: "Due") -> "Due":
        return Due(
            self.ledgers + other.ledgers,
            ByteSize(self.size + other.size),
            self.offloaded + other.offloaded,
            ByteSize(self.offloaded_size + other.offloaded_size),
            self.is_exact and other.is_exact,
        )

    def beyond(self, other: "Due") -> "Due":
        """What this takes and the other does not; trims take the oldest first, so that one is a part of the other."""
        return Due(
            max(0, self.ledgers - other.ledgers),
            ByteSize(max(0, self.size - other.size)),
            max(0, self.offloaded - other.offloaded),
            ByteSize(max(0, self.offloaded_size - other.offloaded_size)),
            self.is_exact and other.is_exact,
        )


def due(stored: StoredLedgers, retention: Retention | None, now: datetime) -> Due:
    """What a trim would take of a topic at that retention; unknown, it may be the shortest."""
    taken = tuple(_expired(stored, retention or Retention(0, 0), now))
    offloaded = [one for one in taken if one.context_uuid is not None]
    # The metadata of a topic that is served tells where subscriptions once were: they may have consumed all of it.
    is_exact = retention is not None and all(one.is_current for one in stored.cursors)
    return Due(len(taken), _size(taken), len(offloaded), _size(offloaded), is_exact or not taken)


def due_of_all(stored: Mapping[TopicName, StoredLedgers], retention: Retention | None, now: datetime) -> Due:
    """What a trim would take of all these topics."""
    return sum((due(one, retention, now) for one in stored.values()), Due())


def _expired(stored: StoredLedgers, retention: Retention, now: datetime) -> Iterator[StoredLedger]:
    """The oldest ledgers, up to the first one that stays; never the last one."""
    kept = _size(stored.ledgers)
    age, size = _limits(retention)
    for ledger in stored.ledgers[:-1]:
        if ledger.closed_at is None or not _is_consumed(ledger, stored):
            return
        kept = ByteSize(kept - (ledger.size or 0))
        if not _is_older(ledger.closed_at, age, now) and kept < size:
            return
        yield ledger


def _is_older(closed_at: datetime, minutes: float, now: datetime) -> bool:
    """Of no time at all everything is older, whatever the clocks say."""
    return not minutes or (minutes < _LONGEST and now - closed_at > timedelta(minutes=minutes))


_LONGEST: Final = timedelta.max / timedelta(minutes=1) - 1


def _is_consumed(ledger: StoredLedger, stored: StoredLedgers) -> bool:
    """By all durable subscriptions; by everybody if there are none."""
    for cursor in stored.cursors:
        if not cursor.is_current:
            continue
        ledger_id, entry_id = cursor.mark_delete
        is_at_the_end = ledger_id == ledger.ledger_id and entry_id + 1 == ledger.entries
        if ledger_id < ledger.ledger_id or (ledger_id == ledger.ledger_id and not is_at_the_end):
            return False
    return True


def _limits(retention: Retention) -> tuple[float, float]:
    """Minutes, and bytes."""
    if retention.keeps_nothing:
        return 0, 0
    minutes = _NO_LIMIT if retention.minutes < 0 else retention.minutes
    return minutes, _NO_LIMIT if retention.mebibytes < 0 else retention.mebibytes * _MEBIBYTE


def _stack(levels: PolicyLevels) -> Iterator[tuple[PolicyLevel, Retention | None]]:
    pairs = (
        (PolicyLevel.TOPIC, levels.topic_retention),
        (PolicyLevel.GLOBAL_TOPIC, levels.global_retention),
        (PolicyLevel.NAMESPACE, levels.facts.retention),
    )
    yield from ((level, one) for level, one in pairs if one is not None)
    yield PolicyLevel.BROKER, _default(levels.settings)


def _default(settings: Mapping[str, str]) -> Retention | None:
    texts = [settings.get(f"defaultRetention{what}", "") for what in ("TimeInMinutes", "SizeInMB")]
    return Retention(*map(int, texts)) if all(texts) else None


def _size(ledgers: "tuple[StoredLedger, ...] | list[StoredLedger]") -> ByteSize:
    return ByteSize(sum(one.size or 0 for one in ledgers))
