"""Offload one topic or partition: plan, trigger, wait, and judge by the ledgers, never by the status alone."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from offloadctl.errors import BrokerError, Interrupted, OffloadctlError, PlanChanged, Refused
from offloadctl.model.ledger import ManagedLedger, OffloadPolicies, Position
from offloadctl.model.names import TopicName
from offloadctl.model.offload import OffloadPlan, OffloadResult, OffloadWish, Outcome, Reason
from offloadctl.model.standing import STALL_TIMEOUT
from offloadctl.operations.applied_policies import AppliedPolicies
from offloadctl.operations.facts import LedgerReader, read_served
from offloadctl.operations.follow import Follow, Watcher
from offloadctl.operations.idle_offloads import IdleOffloads
from offloadctl.operations.offload_judging import (
    RUNNING_IS_A_CLAIM,
    Judge,
    ObjectsCheck,
    ObjectsSeen,
    not_looked_at,
    see,
)
from offloadctl.operations.once_owned import once_owned
from offloadctl.operations.sending import Sent, send
from offloadctl.operations.standstill import Activity, Standstill
from offloadctl.operations.waiting import Waited
from offloadctl.plan.bucket_in_force import offered
from offloadctl.plan.offload import plan_before, plan_offload
from offloadctl.ports import Ports

__all__ = ["RUNNING_IS_A_CLAIM", "ObjectsCheck", "ObjectsSeen", "Offload", "Watcher", "not_looked_at"]

_FRESH: Final = timedelta(minutes=1)
"""What was read of a served topic so short a time ago is not read again before the trigger."""


@dataclass(frozen=True, slots=True)
class Offload:
    """How to run offloads: through which ports, for which ledgers, and how long to wait for them."""

    ports: Ports
    wish: OffloadWish
    timeout_s: float | None = None
    check_objects: ObjectsCheck = not_looked_at
    watcher: Watcher = field(default_factory=Watcher)
    exactly: bool = False
    """Whether a plan is refused when the loaded topic would move other ledgers than it has."""
    stall_timeout_s: float | None = STALL_TIMEOUT.total_seconds()
    """How long nothing may move before a run is given up; None: as long as it likes."""
    activity: Activity = field(default_factory=Activity)
    """What moves on which broker: all topics of one command share it."""
    policies: AppliedPolicies = field(default_factory=AppliedPolicies)
    idle: IdleOffloads = field(default_factory=IdleOffloads)
    before_sending: Callable[[OffloadPlan], None] = lambda _plan: None
    """Is told of each request before it is sent; what it raises keeps the request from being sent."""

    def plan(self, topic: TopicName, reader: LedgerReader) -> OffloadPlan:
        """The plan for a topic, from what `reader` may read of it."""
        now = self.ports.clock.now()
        return self._with_policies(reader.read_or_empty(topic), lambda ledgers: plan_offload(ledgers, self.wish, now))

    def plan_before(self, ledgers: ManagedLedger, before: Position) -> OffloadPlan:
        """The plan for a boundary that was settled earlier."""
        now = self.ports.clock.now()
        return self._with_policies(ledgers, lambda known: plan_before(known, before, self.wish, now))

    def dry_run(self, topic: TopicName, reader: LedgerReader) -> OffloadResult:
        """The plan as a result; nothing is sent."""
        try:
            plan = self.plan(topic, reader)
        except BrokerError as error:
            return _failed(topic, Outcome.FAILED, error)
        except Interrupted:
            return OffloadResult(topic, Outcome.NOT_STARTED)
        if plan.before is None:
            return self._without_work(plan)
        return OffloadResult(topic, Outcome.PLANNED, plan, reasons=plan.reasons)

    def run(self, topic: TopicName, *, wait: bool = True) -> OffloadResult:
        """Offload the topic and say what really moved. Failures of this topic are outcomes, not exceptions."""
        reader = LedgerReader(self.ports.admin, self.ports.clock, may_load=True)
        return self._told(topic, lambda: self._act(self.refreshed(self.plan(topic, reader)), wait=wait))

    def act(self, plan: OffloadPlan, *, wait: bool = True, anew: bool = False) -> OffloadResult:
        """The same for a plan that was made before, by its boundary: nothing beyond it is sent."""
        return self._told(plan.topic, lambda: self._act(self.refreshed(plan, anew=anew), wait=wait))

    def refreshed(self, plan: OffloadPlan, *, anew: bool = False) -> OffloadPlan:
        """The plan's boundary on the ledgers of now; loads the topic.

        A plan that has just been made of the loaded topic is taken as it is, but not `anew`.
        """
        now = self.ports.clock.now()
        fresh = plan.managed_ledger.served and now - plan.managed_ledger.observed_at < _FRESH
        if plan.before is None or (fresh and not anew):
            return plan
        ledgers = read_served(self.ports.admin, self.ports.clock, plan.topic)
        again = plan_before(ledgers, plan.before, self.wish, now, policies=plan.policies)
        if self.exactly and [one.ledger_id for one in again.moves] != [one.ledger_id for one in plan.moves]:
            raise PlanChanged(
                f"the plan no longer holds: with {plan.topic} loaded, other ledgers would move than were approved",
                hint="make a new plan, with --load-topics if offloads were begun earlier",
            )
        return again

    def join(self, plan: OffloadPlan) -> OffloadResult:
        """Wait for the run that goes on, whoever sent it, and judge by the plan, as after a 409."""
        return self._told(plan.topic, lambda: self._follow(plan, Sent(joined=True)))

    def judged(self, plan: OffloadPlan, waited: Waited) -> OffloadResult:
        """What became of a plan whose run is over, whoever sent it; raises BrokerError and Interrupted."""
        return self._judge(plan).judge(OffloadResult(plan.topic, Outcome.FAILED, plan, reasons=plan.reasons), waited)

    def _told(self, topic: TopicName, work: Callable[[], OffloadResult]) -> OffloadResult:
        begun = self.ports.clock.monotonic()
        try:
            # Nothing was sent as long as it raises that nobody owns the topic.
            result = once_owned(self.ports.clock, work)
        except Refused as error:
            result = _failed(topic, Outcome.REFUSED, error)
        except Interrupted:
            result = OffloadResult(topic, Outcome.NOT_STARTED)
        except OffloadctlError as error:
            result = _failed(topic, Outcome.FAILED, error)
        return replace(result, seconds=self.ports.clock.monotonic() - begun)

    def _act(self, plan: OffloadPlan, *, wait: bool) -> OffloadResult:
        self.watcher.planned(plan)
        if plan.before is None:
            return self._without_work(plan)
        if (reason := self.activity.why_not(plan.topic, self.ports.admin.owner_of(plan.topic))) is not None:
            hint = "see what the topics that stand still say, and run the command again"
            return OffloadResult(plan.topic, Outcome.FAILED, plan, reasons=(*plan.reasons, reason), hint=hint)
        # The last moment at which an interruption means that nothing was sent.
        self.ports.clock.sleep(0)
        sent = self._send(plan)
        self.watcher.triggered(plan, joined=sent.joined)
        if not wait:
            outcome, hint = (Outcome.BUSY, see(plan)) if sent.joined else (Outcome.ACCEPTED, "")
            return OffloadResult(plan.topic, outcome, plan, reasons=plan.reasons, hint=hint)
        return self._follow(plan, sent)

    def _without_work(self, plan: OffloadPlan) -> OffloadResult:
        """Nothing is to be sent, or nobody knows."""
        outcome = Outcome.NOTHING_TO_DO if plan.is_known else Outcome.UNKNOWN
        hint = _how_to_know(plan, self.ports) if outcome is Outcome.UNKNOWN else ""
        return OffloadResult(plan.topic, outcome, plan, reasons=plan.reasons, hint=hint)

    def _follow(self, plan: OffloadPlan, sent: Sent) -> OffloadResult:
        reasons = plan.reasons if sent.lost is None else (*plan.reasons, Reason(sent.lost.code, sent.lost.message))
        standstill = Standstill(self.ports, plan, self.activity, self.stall_timeout_s)
        follow = Follow(
            self.ports,
            plan,
            self._judge(plan),
            standstill,
            self.timeout_s,
            self.watcher,
            self._send,
            joined=sent.joined,
        )
        return follow.to_the_end(OffloadResult(plan.topic, Outcome.FAILED, plan, reasons=reasons))

    def _send(self, plan: OffloadPlan) -> Sent:
        """Send the plan's boundary, once."""
        self.before_sending(plan)
        return send(self.ports, plan)

    def _with_policies(self, ledgers: ManagedLedger, make: Callable[[ManagedLedger], OffloadPlan]) -> OffloadPlan:
        """The plan with the policies in force, which are asked for only if there is something to do or to find out.

        What an idle topic's metadata leaves open is judged by the objects, if there is a bucket.
        """
        plan = make(ledgers)
        if plan.before is None and plan.is_known:
            return plan
        policies = self._policies(plan.topic)
        if plan.is_known:
            return replace(plan, policies=policies)
        settled = self.idle.settle(self.ports, ledgers, plan.unknown, policies)
        plan = make(settled.ledgers)
        return replace(plan, policies=policies, reasons=(*plan.reasons, *settled.reasons))

    def _judge(self, plan: OffloadPlan) -> Judge:
        return Judge(
            self.ports,
            plan,
            self.check_objects,
            on_look=lambda number, total: self.watcher.confirming(plan, number, total),
            policies_since=lambda since: self._policies(plan.topic, since=since),
            begun_at=self.ports.clock.monotonic(),
        )

    def _policies(self, topic: TopicName, *, since: float = float("-inf")) -> OffloadPolicies | None:
        return self.policies.of(self.ports.admin, self.ports.clock, topic, since=since)


def _how_to_know(plan: OffloadPlan, ports: Ports) -> str:
    """How an idle topic's begun offloads can be told from complete ones."""
    hint = "let a broker load the topic: --load-topics"
    if not ports.stores:
        hint += "; or have its objects looked at: give the bucket (--bucket, or in the context)"
    return hint + offered([plan.policies], known={store.bucket for store in ports.stores})


def _failed(topic: TopicName, outcome: Outcome, error: OffloadctlError) -> OffloadResult:
    return OffloadResult(topic, outcome, reasons=(Reason(error.code, error.message),), hint=error.hint)
