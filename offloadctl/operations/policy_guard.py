"""What a change of policies or retention is about: the ledgers of its scope, and whether those in the store are proved.

A ledger is proved by a clean check at `blocks` or deeper. One that is remembered and recent will do as long as the
objects are unchanged; else the check is made now.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from offloadctl.errors import BrokerError, Interrupted, StateError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.check_words import Level
from offloadctl.model.ledger import StoredLedgers
from offloadctl.model.names import TopicName
from offloadctl.model.policies import PolicyScope
from offloadctl.model.verified import OffloadedLedger
from offloadctl.operations.reading import Reading
from offloadctl.operations.topics import find_target
from offloadctl.operations.workers import Stop, StoppableClock, work_through
from offloadctl.plan.offload_policies import Danger
from offloadctl.plan.policy_outcome import OF_PROOF, Affected
from offloadctl.ports import BrokerAdmin, Clock, Ports
from offloadctl.units import ByteSize

if TYPE_CHECKING:
    from offloadctl.operations.check_memory import Memory

R = TypeVar("R")

_AT_ONCE: Final = 8

RECENT: Final = timedelta(days=7)
"""For so long a clean check counts."""

Verify = Callable[[Sequence[OffloadedLedger]], str]
"""Why these ledgers' objects are not proved to be whole; empty if they are."""


@dataclass(frozen=True, slots=True)
class Override:
    """A change that a person has allowed although nobody proved what may be lost by it."""

    scope: PolicyScope
    text: str
    affected: Affected
    is_global: bool = False


Note = Callable[[Override], None]
"""Writes it down, for good, before anything is sent; StateError if it cannot."""


def override_of(
    scope: PolicyScope, dangers: Sequence[Danger], affected: Affected, *, is_global: bool = False
) -> Override | None:
    """What is to be written down of a change that goes on; None where nothing unproved is allowed."""
    found = next((one for one in dangers if one.kind in OF_PROOF), None)
    return Override(scope, found.text, affected, is_global) if found is not None and affected.doubt else None


@dataclass(frozen=True, slots=True)
class ScopeLedgers:
    """The ledgers of a scope's topics, by metadata alone: no topic is loaded."""

    stored: Mapping[TopicName, StoredLedgers] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    """Topics whose ledgers could not be read."""

    def affected(self, verify: Verify | None) -> Affected:
        """The offloaded ones, and why they are not proved to be whole if that is asked."""
        offloaded = {
            OffloadedLedger(topic, one.ledger_id, one.context_uuid): one.size or 0
            for topic, stored in self.stored.items()
            for one in stored.ledgers
            if one.context_uuid is not None
        }
        doubt = ""
        if self.unread:
            more = f" and {len(self.unread) - 1} more topics" if self.unread[1:] else ""
            doubt = f"the ledgers of {self.unread[0]}{more} could not be read"
        elif verify is not None and offloaded:
            doubt = verify(tuple(offloaded))
        topics = len({one.topic for one in offloaded})
        return Affected(topics, len(offloaded), ByteSize(sum(offloaded.values())), doubt, self.unread)


def ledgers_of(ports: Ports, topics: Sequence[TopicName], reading: Reading | None = None) -> ScopeLedgers:
    """The ledgers of these topics and partitions."""

    def read(topic: TopicName) -> StoredLedgers | str:
        try:
            return ports.admin.stored_ledgers(topic)
        except BrokerError as error:
            return f"{topic} ({error.code})"

    found = for_each(ports, topics, read, reading)
    stored = {topic: one for topic, one in found.items() if isinstance(one, StoredLedgers)}
    return ScopeLedgers(stored, tuple(one for one in found.values() if isinstance(one, str)))


def topics_of(admin: BrokerAdmin, scope: PolicyScope) -> tuple[TopicName, ...]:
    """The topic with its partitions, or those of a namespace, one by one."""
    if isinstance(scope, TopicName):
        return find_target(admin, scope).parts
    return tuple(name for name in admin.topics(scope).names if not name.is_system)


def for_each(
    ports: Ports, topics: Sequence[TopicName], read: Callable[[TopicName], R], reading: Reading | None = None
) -> dict[TopicName, R]:
    """What is read of each, several at once; Interrupted if a signal comes: then nothing is known."""
    stop, told = StoppableClock(ports.clock).stop, reading or Reading()
    told.begins(len(topics))
    finished = work_through(topics, read, at_once=_AT_ONCE, stop=stop, done=lambda _: told.read())
    if finished.interrupted or len(finished.results) < len(topics):
        raise Interrupted("interrupted while it was read what the change is about; nothing was sent")
    return {topic: finished.results[index] for index, topic in enumerate(topics)}


def verified_by_check(
    ports: Ports, *, may_load: bool, memory: "Memory | None" = None, stop: Stop | None = None
) -> Verify:
    """Proves ledgers by a check at `blocks`, which looks again at what a recent one has found clean only for changes.

    Without a bucket what is remembered must do. Whoever sets `stop` ends the check, which then proves nothing.
    """

    def verify(ledgers: Sequence[OffloadedLedger]) -> str:
        from offloadctl.operations.check import Check  # noqa: PLC0415 - most changes need none, and it loads protobuf

        if not ports.stores:
            return _unremembered(ledgers, memory, ports.clock)
        recent = replace(memory, max_age=RECENT) if memory is not None else None
        topics = tuple(dict.fromkeys(one.topic for one in ledgers))
        report = Check(ports, Level.BLOCKS, may_load=may_load, memory=recent, stop=stop or Stop()).report(topics)
        match report.exit_code:
            case ExitCode.OK:
                return ""
            case ExitCode.DAMAGE:
                return "a check found damage"
            case code:
                return f"a check could not vouch for all of them: {code.meaning}"

    return verify


def _unremembered(ledgers: Sequence[OffloadedLedger], memory: "Memory | None", clock: Clock) -> str:
    clean: set[OffloadedLedger] = set()
    # What is remembered may be lost without harm.
    with suppress(StateError):
        if memory is not None:
            since = clock.now() - RECENT
            clean = {one.ledger for one in memory.verified.clean_since(ledgers, Level.BLOCKS, since)}
    unknown = sum(1 for one in ledgers if one not in clean)
    if not unknown:
        return ""
    which = f"{unknown} of the {len(ledgers)} ledgers" if clean else "them"
    return f"no bucket is configured, and no clean check of the last {RECENT.days} days is remembered of {which}"
