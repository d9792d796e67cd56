"""Sending a plan's boundary once, and knowing afterwards whether anybody has it."""

from dataclasses import dataclass
from typing import Final

from offloadctl.errors import BrokerError, Busy, NoOwner
from offloadctl.model.ledger import OffloadState
from offloadctl.model.offload import OffloadPlan
from offloadctl.operations.offload_judging import see
from offloadctl.ports import BrokerAdmin, Ports

_LOOKS_AFTER_A_LOST_ANSWER: Final = 4
_PAUSE_AFTER_A_LOST_ANSWER_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Sent:
    """What is known after the request: whether another run is waited for, and the error if the answer was lost."""

    joined: bool = False
    lost: BrokerError | None = None


def send(ports: Ports, plan: OffloadPlan) -> Sent:
    """Send the plan's boundary, once."""
    assert plan.before is not None  # noqa: S101 - a plan without a boundary is never triggered
    try:
        ports.admin.trigger_offload(plan.topic, plan.before)
    except Busy:
        return Sent(joined=True)
    except NoOwner:
        # Refused before anybody looked at it.
        raise
    except BrokerError as error:
        if not error.retryable:
            raise
        if not _may_have_been_accepted(ports, plan):
            raise type(error)(error.message, hint=f"nothing runs; {see(plan)}", status=error.status) from error
        return Sent(lost=error)
    return Sent()


def complete_by_now(admin: BrokerAdmin, plan: OffloadPlan) -> frozenset[int]:
    """Which of the plan's ledgers are complete by now; none if the broker does not say."""
    try:
        served = admin.served_ledgers(plan.topic)
    except BrokerError:
        return frozenset()
    return frozenset(one.ledger_id for one in served.ledgers if one.offloaded) & {one.ledger_id for one in plan.moves}


def _may_have_been_accepted(ports: Ports, plan: OffloadPlan) -> bool:
    """After a lost answer: anything but a broker that goes on saying that nothing runs, and has moved nothing.

    A second trigger might be a second run, and a request can arrive after its sender has given up. So a status of
    whatever run counts as an answer; the ledgers judge in the end.
    """
    for attempt in range(_LOOKS_AFTER_A_LOST_ANSWER):
        ports.clock.sleep(attempt * _PAUSE_AFTER_A_LOST_ANSWER_S)
        try:
            if ports.admin.offload_status(plan.topic).state is not OffloadState.NOT_RUN:
                return True
        except BrokerError:
            if attempt + 1 == _LOOKS_AFTER_A_LOST_ANSWER:
                return True
    return bool(complete_by_now(ports.admin, plan))
