"""What a schedule does now: its condition, its gates, its limits and what it did before, made into one decision.

    due times      cron times since the last one that has its fate; what is missed by its rule
    condition      true for some topics, false, or unknown
    what holds     a pause, a run that goes on, the cool-down, gates, the bytes of the hour
    fates          fired: served; quiet: not needed; held or unknown: they wait

Everything that comes in is a value, and so is what comes out: the decision, and the state for the next one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from offloadctl.model.decision import Decision, Fate, Settled, Truth, Verdict
from offloadctl.model.measures import Measure, Snapshot
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Reason
from offloadctl.model.schedule import Missed, OffloadAction, Schedule
from offloadctl.plan.gates import judge_gate
from offloadctl.plan.judging import Answer, View, judge
from offloadctl.plan.missed import STEP_BACK, Due, due_times, settle
from offloadctl.plan.schedule_state import Pause, ScheduleState, moved_within_the_hour, trimmed
from offloadctl.plan.telling import tell, tell_all
from offloadctl.units import ByteSize, format_size


def decide(
    schedule: Schedule, topics: Sequence[TopicName], snapshot: Snapshot, state: ScheduleState
) -> tuple[Decision, ScheduleState]:
    """One evaluation. `topics` are all of the schedule's scope; the state is that behind the last evaluation.

    The state that is returned counts only once the decision is acted on and, where it says so, written down.
    """
    now = snapshot.at
    state = _in_step(schedule, trimmed(state, now), now)
    due = [
        due_times(one, state.handled[one.key], now, schedule.missed, schedule.start_within) for one in schedule.crons
    ]
    view = View(snapshot, topics, {one.cron.key: one.waiting for one in due}, state.memory, schedule.name)
    answer, gates = judge(schedule.when, view), [judge_gate(one, view) for one in schedule.gates]
    evaluation = _Evaluation(schedule, state, view, answer, gates, _chosen(schedule, answer, view))
    decision = evaluation.decision(due)
    handled = {one.cron.key: one.handled for one in due if one.handled is not None}
    handled |= {one.cron: one.last for one in decision.settled}
    memory = {key: one for found in (answer, *gates) for key, one in found.memory.items()}
    return decision, replace(state, handled=handled, memory=memory, evaluated_at=now, steady=state.steady + 1)


def of_a_run(schedule: Schedule, topics: Sequence[TopicName], before: int) -> tuple[TopicName, ...]:
    """As many as a run may have, behind so many runs before it.

    What is offloaded has nothing left to move, so the first of the others come next; everything else does not tell that
    it was done already, so each run begins behind the topics of the one before.
    """
    most = schedule.limits.topics_a_run
    first = 0 if isinstance(schedule.action, OffloadAction) or not topics else before * most % len(topics)
    return (*topics[first:], *topics[:first])[:most]


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The topics for which the condition holds."""

    topics: tuple[TopicName, ...]
    whole_scope: bool

    @property
    def is_empty(self) -> bool:
        return not self.topics and not self.whole_scope


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """All that is known when the verdict is given."""

    schedule: Schedule
    state: ScheduleState
    view: View
    answer: Answer
    gates: Sequence[Answer]
    chosen: _Chosen

    @property
    def now(self) -> datetime:
        return self.view.snapshot.at

    def decision(self, due: Sequence[Due]) -> Decision:
        """The verdict, with all that it goes by and the fates of cron times."""
        verdict, reasons = self._verdict()
        topics = self.chosen.topics
        taken = of_a_run(self.schedule, topics, self.state.runs)
        return Decision(
            self.schedule.name,
            self.now,
            verdict,
            reasons,
            self.answer.judged,
            tuple(one.judged for one in self.gates),
            topics=taken,
            whole_scope=self.chosen.whole_scope,
            left=len(topics) - len(taken),
            at_most=self._at_most(),
            settled=tuple(_settled(self.schedule, due, verdict, reasons)),
        )

    def _verdict(self) -> tuple[Verdict, tuple[Reason, ...]]:
        when = self.answer.judged
        if not self.schedule.enabled:
            return Verdict.QUIET, (Reason("disabled", "the schedule is not enabled"),)
        if self.state.is_paused(self.now):
            return Verdict.HELD, (_paused(self.state.pause),)
        if when.truth is Truth.UNKNOWN:
            return Verdict.UNKNOWN, (Reason("unknown", f"unknown: {tell(when, Truth.UNKNOWN)}"),)
        if when.truth is Truth.FALSE and not self.view.topics and _is_about_topics(self.schedule):
            return Verdict.QUIET, (Reason("no-topics", "nothing to do: its scope has no topics"),)
        if when.truth is Truth.FALSE:
            return Verdict.QUIET, (Reason("quiet", f"nothing to do: {tell_all(when)}"),)
        return self._would_begin()

    def _would_begin(self) -> tuple[Verdict, tuple[Reason, ...]]:
        if self.chosen.is_empty:
            return Verdict.QUIET, (Reason("no-topics", "the condition holds, and the scope has no topics"),)
        why = Reason("condition", tell(self.answer.judged, Truth.TRUE))
        held = tuple(self._held())
        return (Verdict.HELD, (*held, why)) if held else (Verdict.FIRED, (why,))

    def _held(self) -> Iterator[Reason]:
        """Everything that stands in the way."""
        if (running := self.state.running) is not None:
            yield Reason("running", f"run {running.run_id} has not ended, begun {running.at:%Y-%m-%d %H:%M} UTC")
        if (end := self._cool_down_end()) is not None and end > self.now:
            # The time itself, and not how long until then: it is read long after it was written.
            yield Reason(
                "cool-down", f"the last run ended a short time ago: cool-down until {end:%Y-%m-%d %H:%M:%S} UTC"
            )
        for gate in self.gates:
            if gate.judged.truth is Truth.FALSE:
                yield Reason("gate-closed", f"gate closed: {tell_all(gate.judged)}")
            elif gate.judged.truth is Truth.UNKNOWN:
                yield Reason("gate-unknown", f"gate closed, since nobody knows: {tell_all(gate.judged)}")
        limit, moved = self.schedule.limits.bytes_an_hour, moved_within_the_hour(self.state, self.now)
        if limit is not None and moved >= limit:
            yield Reason(
                "bytes-an-hour", f"{format_size(moved)} were moved within the hour, of {format_size(limit)} allowed"
            )

    def _cool_down_end(self) -> datetime | None:
        """Cron times are meant as they stand; only what numbers say again and again has to wait."""
        if self.state.last_ended is None or any(self.view.due.values()):
            return None
        return self.state.last_ended + self.schedule.cool_down

    def _at_most(self) -> ByteSize | None:
        limits = self.schedule.limits
        an_hour, moved = limits.bytes_an_hour, moved_within_the_hour(self.state, self.now)
        left = None if an_hour is None else max(0, an_hour - moved)
        given = [one for one in (limits.bytes_a_run, left) if one is not None]
        return ByteSize(min(given)) if given else None


def _in_step(schedule: Schedule, state: ScheduleState, now: datetime) -> ScheduleState:
    """New crons begin to count now; of a clock that went back far, the future that never came is forgotten."""
    handled = {}
    for cron in schedule.crons:
        until = state.handled.get(cron.key, now)
        handled[cron.key] = now if until - now > STEP_BACK else until
    last_ended = state.last_ended if state.last_ended is None else min(state.last_ended, now)
    return replace(state, handled=handled, last_ended=last_ended)


def _chosen(schedule: Schedule, answer: Answer, view: View) -> _Chosen:
    if answer.by_topic is None:
        holds = answer.judged.truth is Truth.TRUE
        if holds and schedule.scope.is_plain:
            return _Chosen((), whole_scope=True)
        taken: Sequence[TopicName] = view.topics if holds else ()
    else:
        taken = [topic for topic in view.topics if answer.by_topic[topic] is Truth.TRUE]
    sizes = view.snapshot.topics.get(Measure.LOCAL_BYTES, {})

    def rank(topic: TopicName) -> tuple[float, TopicName]:
        known = sizes.get(topic)
        return -(known.value if known is not None and known.value is not None else 0.0), topic

    return _Chosen(tuple(sorted(taken, key=rank)), whole_scope=False)


def _paused(pause: Pause | None) -> Reason:
    words = pause.end_words if pause is not None else "until it is resumed"
    return Reason("paused", f"paused {words}" + (f": {pause.reason}" if pause is not None and pause.reason else ""))


def _settled(schedule: Schedule, due: Sequence[Due], verdict: Verdict, reasons: Sequence[Reason]) -> Iterator[Settled]:
    """The fates of this evaluation, cron by cron in the order of their times."""
    is_over = verdict is Verdict.QUIET or any(one.code == "paused" for one in reasons)
    fate = Fate.NOT_NEEDED if verdict is Verdict.QUIET and schedule.enabled else Fate.PAUSED
    for one in due:
        yield from one.settled
        if verdict is Verdict.FIRED:
            served = one.waiting[:1] if schedule.missed is Missed.CATCH_UP else one.waiting
            yield from settle(one.cron, Fate.SERVED, served)
        elif is_over:
            yield from settle(one.cron, fate, one.waiting)


def _is_about_topics(schedule: Schedule) -> bool:
    """Whether its topics are listed, so that it is known if there are none."""
    return not schedule.scope.is_plain or any(one.measure.is_of_topics for one in schedule.comparisons)
