"""Rolling over and trimming for schedules: only what the instance is allowed to, and a trim only behind its guard."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Final

from offloadctl.errors import Refused
from offloadctl.model.schedule import Action, RollOverAction, Schedule, TrimAction
from offloadctl.model.scope import Scope
from offloadctl.model.topic_action import TopicActionRun, TopicResult, TopicState, TopicVerb
from offloadctl.operations.policy_guard import Verify
from offloadctl.operations.roll_over import RollOver
from offloadctl.operations.served import ServedTopics
from offloadctl.operations.topic_actions import TopicActions, TopicWork
from offloadctl.operations.trim import Trim
from offloadctl.operations.workers import Stop, StoppableClock
from offloadctl.ports import Ports

_SHOWN: Final = 3


@contextmanager
def nothing_proved(_stop: Stop, *, acts: bool) -> Iterator[Verify]:
    """Nobody looks at objects, so none is proved."""
    _ = acts
    yield lambda _ledgers: "nobody has looked at it"


RunNote = Callable[[str, TopicVerb, TopicResult], None]
"""Writes down, of a run, what is about to be sent, what came of it, what was refused; StateError if it cannot."""


def verb_of(action: Action) -> TopicVerb | None:
    """What an instance must be allowed to for this; None for what needs no leave."""
    match action:
        case RollOverAction():
            return TopicVerb.ROLL_OVER
        case TrimAction():
            return TopicVerb.TRIM
        case _:
            return None


def require_allowed(schedule: Schedule, allowed: frozenset[TopicVerb]) -> None:
    """Refused unless the instance may do what the schedule is for."""
    verb = verb_of(schedule.action)
    if verb is not None and verb not in allowed:
        raise Refused(
            f"schedule {schedule.name} is for {verb}, which this instance is not allowed to",
            hint=f"if it is to: --allow {verb}; what that does: docs/schedules.md",
        )


@dataclass(frozen=True, slots=True)
class TopicRuns:
    """Does it for one instance. As it is made, nothing is allowed, and nothing proved."""

    ports: Ports
    allowed: frozenset[TopicVerb] = frozenset()
    proving: Callable[..., AbstractContextManager[Verify]] = nothing_proved
    """What proves ledgers until it is stopped; told whether something is done then, or only looked at."""
    note: RunNote = lambda _run, _verb, _result: None

    def run(self, schedule: Schedule, scope: Scope, run_id: str, stop: Stop, *, number: int = 1) -> TopicActionRun:
        """Act on the topics. Refused unless that is allowed. `number`: the how-manieth run of its schedule it is."""
        require_allowed(schedule, self.allowed)
        with self._actions(schedule, stop, acts=True) as actions:
            actions.turn = number - 1
            actions.note = lambda verb, result: self.note(run_id, verb, result)
            return actions.run(scope)

    def look(self, schedule: Schedule, scope: Scope) -> TopicActionRun:
        """What it would do now; allowed to everybody."""
        with self._actions(schedule, Stop(), acts=False) as actions:
            return actions.look(scope)

    @contextmanager
    def _actions(self, schedule: Schedule, stop: Stop, *, acts: bool) -> Iterator[TopicActions]:
        ports = replace(self.ports, clock=StoppableClock(self.ports.clock, stop))
        limits, served = schedule.limits, ServedTopics(ports.admin)
        at_once = min(limits.topics_at_once or 1, limits.per_broker or limits.topics_at_once or 1)
        with ExitStack() as stack:
            work: TopicWork
            match schedule.action:
                case RollOverAction() as action:
                    work = RollOver(ports, action, served)
                case TrimAction() as action:
                    verify = stack.enter_context(self.proving(stop, acts=acts))
                    work, at_once = Trim(ports, action, served, verify), 1
                case _:
                    raise TypeError(f"schedule {schedule.name} does nothing to single topics")
            yield TopicActions(ports, work, limits.topics_a_run, at_once=at_once, stop=stop)


def topic_words(run: TopicActionRun) -> str:
    """How it ended, in one line: `trim: 2 done, 1 refused, 5 left (5 nothing-due); acme/shop/orders: ...`."""
    if run.refused:
        return f"{run.verb}: {run.refused}"
    counts = {state: len(run.of(state)) for state in TopicState}
    told = [f"{count:,} {state}" for state, count in counts.items() if count]
    codes: dict[str, int] = {}
    for one in run.of(TopicState.LEFT):
        codes[one.reason.code] = codes.get(one.reason.code, 0) + 1
    left = ", ".join(f"{count:,} {code}" for code, count in sorted(codes.items()))
    trouble = run.of(TopicState.REFUSED, TopicState.UNCONFIRMED, TopicState.FAILED)
    parts = [
        f"{run.verb}: {', '.join(told) or 'no topics'}" + (f" ({left})" if left else ""),
        *(f"{_plain(one)}: {one.reason.text}" for one in trouble[:_SHOWN]),
        *([f"not listed: {run.unlisted}"] if run.unlisted else []),
    ]
    return "; ".join(parts)


def _plain(one: TopicResult) -> str:
    return str(one.topic).removeprefix("persistent://")
