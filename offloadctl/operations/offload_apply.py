"""Do what was approved, exactly that, or nothing."""

from dataclasses import replace
from typing import Final

from offloadctl.errors import NotFound, PlanChanged
from offloadctl.model.approval import ApprovedPart, ApprovedRun
from offloadctl.model.offload import OffloadPlan, OffloadResult, Outcome, Reason
from offloadctl.model.scope import Scope, ScopeRead
from offloadctl.operations.facts import LedgerReader
from offloadctl.operations.offload import Offload
from offloadctl.operations.offload_run import OffloadTopics, Planned
from offloadctl.operations.topics import Target
from offloadctl.operations.workers import StoppableClock, work_through
from offloadctl.plan.approval import differences, still_holds
from offloadctl.plan.selection import select

_AT_ONCE: Final = 8
_TOLD: Final = 10

_MAKE_A_NEW_ONE: Final = "nothing was sent; make a new plan with --dry-run -o json, and have it looked at"


def plan_approved(work: OffloadTopics, approved: ApprovedRun, cluster: str | None) -> Planned:
    """The approved plans on the ledgers of now, none loaded for it; PlanChanged if anything is not as it was."""
    ports = work.offload.ports
    clock = StoppableClock(ports.clock)
    started_at = clock.now()
    _refuse(list(still_holds(approved, cluster, started_at)))
    offload = replace(work.offload, ports=replace(ports, clock=clock))
    parts = approved.parts
    reader = work.reader_for([part.topic for part in parts], clock)
    finished = work_through(
        parts,
        lambda part: _plan(offload, part, reader(part.topic)),
        at_once=_AT_ONCE,
        stop=clock.stop,
        done=lambda _plan: None,
    )
    if finished.interrupted:
        # Nothing is lost that could be reported.
        raise KeyboardInterrupt
    answers = [finished.results[index] for index in range(len(parts))]
    plans = [one for one in answers if isinstance(one, OffloadPlan)]
    _refuse([reason for one in answers if not isinstance(one, OffloadPlan) for reason in one])
    return Planned(
        scope=ScopeRead(Scope(topics=tuple(topic.topic for topic in approved.topics))),
        targets=tuple(
            Target(topic.topic, topic.partitions, tuple(part.topic for part in topic.parts))
            for topic in approved.topics
            if topic.parts
        ),
        results={plan.topic: OffloadResult(plan.topic, Outcome.PLANNED, plan, reasons=plan.reasons) for plan in plans},
        selection=select(plans, work.limits),
        started_at=started_at,
    )


def _plan(offload: Offload, part: ApprovedPart, reader: LedgerReader) -> OffloadPlan | tuple[Reason, ...]:
    """The plan, or what makes it another one than was approved."""
    try:
        ledgers = reader.read(part.topic)
    except NotFound:
        return (Reason("topic", f"{part.topic}: is not there any more"),)
    plan = offload.plan_before(ledgers, part.before)
    return tuple(differences(part, plan)) or plan


def _refuse(reasons: list[Reason]) -> None:
    if reasons:
        more = f"; and {len(reasons) - _TOLD:,} more" if len(reasons) > _TOLD else ""
        told = "; ".join(reason.text for reason in reasons[:_TOLD])
        raise PlanChanged(f"the plan no longer holds: {told}{more}", hint=_MAKE_A_NEW_ONE)
