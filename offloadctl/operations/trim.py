"""Trimming a topic behind the same guard as lowering a deletion lag: a check proves its objects to be whole before."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from offloadctl.errors import BrokerError
from offloadctl.model.ledger import StoredLedgers
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Reason
from offloadctl.model.policies import PolicyLevels
from offloadctl.model.schedule import TrimAction
from offloadctl.model.topic_action import TopicResult, TopicState, TopicVerb
from offloadctl.operations.policy_guard import ScopeLedgers, Verify
from offloadctl.operations.policy_levels import PolicyReader
from offloadctl.operations.served import ServedTopics
from offloadctl.operations.topic_actions import Planned
from offloadctl.plan.roll_over import NOT_LOADED
from offloadctl.plan.trim import judge_trim, taken_by_trim
from offloadctl.ports import Ports
from offloadctl.units import format_size


@dataclass(slots=True)
class Trim:
    """Acts on one topic at a time, and from one thread only: a check reads with threads of its own."""

    ports: Ports
    wish: TrimAction
    served: ServedTopics
    verify: Verify
    verb: TopicVerb = TopicVerb.TRIM
    needs_whole_view: bool = True
    _brokers: PolicyLevels | None = None
    _levels: dict[TopicName, PolicyLevels] = field(default_factory=dict)

    def plan(self, topic: TopicName) -> Planned:
        """What may go is read first: where nothing can, nothing is checked."""
        if not self.wish.load_topics and not self.served.has(topic):
            return Planned(TopicResult(topic, TopicState.LEFT, NOT_LOADED))
        stored = self.ports.admin.stored_ledgers(topic)
        taken = taken_by_trim(stored, self._policies(topic.parent), self.ports.clock.now())
        verify = self.verify if not taken.is_nothing else None
        affected = ScopeLedgers({topic: stored}).affected(verify)
        # A check that was stopped proves nothing, and is no refusal: whoever goes on with the run makes it anew.
        self.ports.clock.sleep(0)
        result = judge_trim(topic, taken, affected)
        return Planned(result, lambda note: self._send(result, stored, note))

    def _policies(self, topic: TopicName) -> PolicyLevels:
        """The topic's; what brokers have of their own is looked for once."""
        found = self._levels.get(topic)
        if found is None:
            found = self._levels[topic] = PolicyReader(self.ports.admin, self._brokers).read(topic)
            self._brokers = self._brokers or found
        return found

    def _send(self, planned: TopicResult, proved: StoredLedgers, note: Callable[[], None]) -> TopicResult:
        """Only as long as no ledger is in the store that nobody has looked at."""
        admin, topic = self.ports.admin, planned.topic
        known = {(one.ledger_id, one.context_uuid) for one in proved.ledgers}
        now = admin.stored_ledgers(topic).ledgers
        new = [one for one in now if one.context_uuid is not None and (one.ledger_id, one.context_uuid) not in known]
        if new:
            text = f"ledger {new[0].ledger_id} was offloaded while the others were checked: the next run sees it"
            return replace(planned, state=TopicState.REFUSED, reason=Reason("changed", text))
        note()
        admin.trim(topic)
        try:
            left = {one.ledger_id for one in admin.stored_ledgers(topic).ledgers}
        except BrokerError as error:
            text = f"it was trimmed, and what has gone is not known: {error.message}"
            return replace(planned, state=TopicState.UNCONFIRMED, reason=Reason(error.code, text))
        gone = [one for one in now if one.ledger_id not in left]
        size = format_size(sum(one.size or 0 for one in gone))
        text = f"trimmed: {len(gone):,} ledgers gone, {size}; {planned.reason.text}"
        return replace(planned, state=TopicState.DONE, reason=Reason("trimmed", text))
