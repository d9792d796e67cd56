"""What a change of policies or retention is about: the ledgers of its scope, and whether those in the store are proved.

A ledger is proved by a clean check at `blocks` or deeper. One that is remembered and recent will do; else the check is
made now.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from offloadctl.check_ports import VerifiedStore
from offloadctl.errors import BrokerError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.check_words import Level
from offloadctl.model.ledger import StoredLedgers
from offloadctl.model.names import TopicName
from offloadctl.model.policies import PolicyScope
from offloadctl.model.verified import OffloadedLedger
from offloadctl.operations.topics import find_target
from offloadctl.plan.policy_outcome import Affected
from offloadctl.ports import BrokerAdmin, Ports
from offloadctl.units import ByteSize

RECENT: Final = timedelta(days=7)
"""For so long a clean check counts."""

Verify = Callable[[Sequence[OffloadedLedger]], str]
"""Why these ledgers' objects are not proved to be whole; empty if they are."""


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


def ledgers_of(
    admin: BrokerAdmin, scope: PolicyScope, *, takes: Callable[[TopicName], bool] = lambda _: True
) -> ScopeLedgers:
    """The ledgers of a topic, or of the topics of a namespace that are taken."""
    stored: dict[TopicName, StoredLedgers] = {}
    unread: list[str] = []
    for topic in _topics(admin, scope):
        if not takes(topic.parent):
            continue
        try:
            stored[topic] = admin.stored_ledgers(topic)
        except BrokerError as error:
            unread.append(f"{topic} ({error.code})")
    return ScopeLedgers(stored, tuple(unread))


def _topics(admin: BrokerAdmin, scope: PolicyScope) -> tuple[TopicName, ...]:
    if isinstance(scope, TopicName):
        return find_target(admin, scope).parts
    return tuple(name for name in admin.topics(scope).names if not name.is_system)


def verified_by_check(ports: Ports, *, may_load: bool, remembered: VerifiedStore | None = None) -> Verify:
    """Proves ledgers by what is remembered of recent checks, and the others by a check at `blocks`, right now."""

    def verify(ledgers: Sequence[OffloadedLedger]) -> str:
        from offloadctl.operations.check import Check  # noqa: PLC0415 - most changes need none, and it loads protobuf

        known: set[OffloadedLedger] = set()
        if remembered is not None:
            since = ports.clock.now() - RECENT
            known = {one.ledger for one in remembered.clean_since(ledgers, Level.BLOCKS, since)}
        topics = tuple(dict.fromkeys(one.topic for one in ledgers if one not in known))
        if not topics:
            return ""
        if not ports.stores:
            return "no bucket is configured, so nobody has looked at the objects"
        report = Check(ports, Level.BLOCKS, may_load=may_load).report(topics)
        match report.exit_code:
            case ExitCode.OK:
                return ""
            case ExitCode.DAMAGE:
                return "a check found damage"
            case code:
                return f"a check could not vouch for all of them: {code.meaning}"

    return verify
