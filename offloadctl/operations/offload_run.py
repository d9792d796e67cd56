"""Offload everything that one command asked for: plan all of it, choose, act; one topic's failure is its own."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from offloadctl.errors import BrokerError, Interrupted, Refused
from offloadctl.exitcodes import ExitCode
from offloadctl.model.journal import Step
from offloadctl.model.names import TopicName
from offloadctl.model.offload import OffloadLimits, OffloadResult, OffloadRun, Outcome, Reason, TopicResults
from offloadctl.model.scope import Scope, ScopeRead
from offloadctl.operations.facts import LedgerReader
from offloadctl.operations.offload import Offload
from offloadctl.operations.reading import Reading
from offloadctl.operations.recorded import Recorded
from offloadctl.operations.run_record import RunRecord
from offloadctl.operations.scope import expand, named_topics
from offloadctl.operations.topics import Target, find_target
from offloadctl.operations.turns import AT_ONCE, PER_BROKER, Turn, Turns
from offloadctl.operations.workers import Stop, StoppableClock, work_through
from offloadctl.plan.selection import Selection, select
from offloadctl.ports import Clock

_READS_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Planned:
    """What a command is about to do: a result for each part of its topics, and which of them are to be acted on."""

    scope: ScopeRead
    targets: tuple[Target, ...]
    results: dict[TopicName, OffloadResult]
    selection: Selection
    started_at: datetime
    interrupted: ExitCode | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OffloadTopics:
    """One command's offloads: the topics of its scope, by the ways of `offload`."""

    offload: Offload
    may_load: bool = False
    """Whether planning may load topics that nobody serves; what is acted on is loaded anyway."""
    limits: OffloadLimits = field(default_factory=OffloadLimits)
    reason: str = ""
    plan_hash: str = ""
    """Of the approved plan, if one is applied."""
    record: RunRecord | None = None
    """Where the run is written down; None: nowhere."""
    at_once: int = AT_ONCE
    per_broker: int = PER_BROKER
    stop: Stop = field(default_factory=Stop)
    """Whoever sets it interrupts the run: what is sent is no longer waited for, and nothing more is sent."""

    def dry_run(self, topics: Sequence[TopicName]) -> OffloadRun:
        """What would be sent for each topic; nothing is."""
        return self.report(self.plan(Scope.of(topics=topics)), dry_run=True)

    def run(self, topics: Sequence[TopicName], *, wait: bool = True) -> OffloadRun:
        """Plan, trigger, wait and confirm; Ctrl-C ends the waits and keeps what is finished."""
        return self.act(replace(self, may_load=True).plan(Scope.of(topics=topics)), wait=wait)

    def plan(self, scope: Scope, reading: Reading | None = None) -> Planned:
        """Read all topics of the scope, and choose those to act on; idle topics from their metadata alone."""
        clock = StoppableClock(self.offload.ports.clock, self.stop)
        offload = self._by(clock)
        started_at = clock.now()
        read, targets, unfound = self._targets(scope, clock)
        parts = [part for target in targets for part in target.parts if part not in unfound]
        reader, reading = self.reader_for(parts, clock), reading or Reading()
        reading.begins(len(parts))

        def done(result: OffloadResult) -> None:
            reading.read()
            self._told_if_over(result)

        finished = work_through(
            parts,
            lambda part: offload.dry_run(part, reader(part)),
            at_once=_READS_AT_ONCE,
            stop=clock.stop,
            done=done,
        )
        results = unfound | {part: OffloadResult(part, Outcome.NOT_STARTED) for part in parts}
        results |= {result.topic: result for result in finished.results.values()}
        selection = select([one.plan for one in results.values() if one.plan is not None], self.limits)
        for left in selection.left:
            result = results[left.plan.topic]
            results[result.topic] = replace(result, outcome=Outcome.LEFT, reasons=(*result.reasons, left.reason))
        return Planned(read, targets, results, selection, started_at, finished.code)

    def reader_for(self, parts: Collection[TopicName], clock: Clock) -> Callable[[TopicName], LedgerReader]:
        """Who reads each of these; what a dead run has left unfinished can only be known of a loaded topic."""
        admin = self.offload.ports.admin
        usual, loading = (LedgerReader(admin, clock, may_load=may_load) for may_load in (self.may_load, True))
        left = self.record.left_by_others(parts) if self.record is not None else ()
        unfinished = {step.topic for step in left}
        return lambda part: loading if part in unfinished else usual

    def act(self, planned: Planned, *, wait: bool = True) -> OffloadRun:
        """Act on what was chosen, largest first, a few at once; then report."""
        if planned.interrupted:
            return self.report(planned, dry_run=False)
        clock = StoppableClock(self.offload.ports.clock, self.stop)
        offload, plans = self._by(clock), planned.selection.chosen
        offload.watcher.chosen(plans)
        act: Callable[..., OffloadResult] = offload.act
        if self.record is not None:
            recorded = Recorded.of(offload, self.record)
            act = recorded.act
            self.record.choose(plans)
            planned = self._settled(planned, recorded, clock)
            if planned.interrupted:
                return self.report(planned, dry_run=False)
        turns = Turns(plans, offload.ports.admin.owner_of, clock.stop, per_broker=self.per_broker)

        def work(_ticket: int) -> OffloadResult | None:
            try:
                turn = _next_turn(turns, offload)
            except Interrupted:
                return None
            try:
                return act(turn.plan, wait=wait)
            finally:
                turns.end(turn)

        finished = work_through(range(len(plans)), work, at_once=self.at_once, stop=clock.stop, done=self._told)
        results = planned.results | {
            plan.topic: OffloadResult(
                plan.topic, Outcome.INTERRUPTED if plan.topic in turns.begun else Outcome.NOT_STARTED, plan
            )
            for plan in plans
        }
        results |= {result.topic: result for result in finished.results.values() if result is not None}
        return self.report(replace(planned, results=results, interrupted=finished.code), dry_run=False)

    def _settled(self, planned: Planned, recorded: Recorded, clock: StoppableClock) -> Planned:
        """Judge what dead runs have left unfinished of the topics that this one does not act on, and of those gone."""
        chosen, known = {plan.topic for plan in planned.selection.chosen}, planned.results.keys()
        left = [one for one in recorded.record.left_by_others() if one.topic not in chosen]
        told = list[str]()

        def settle(step: Step) -> str:
            return recorded.settle(step) if step.topic in known else recorded.settle_if_gone(step)

        finished = work_through(left, settle, at_once=_READS_AT_ONCE, stop=clock.stop, done=told.append)
        remarks = (*planned.remarks, *filter(None, told))
        return replace(planned, remarks=remarks, interrupted=finished.code)

    def report(self, planned: Planned, *, dry_run: bool) -> OffloadRun:
        """What was planned and done so far, topic by topic."""

        def result(part: TopicName) -> OffloadResult:
            one = planned.results[part]
            never_begun = one.outcome is Outcome.PLANNED and not dry_run
            return replace(one, outcome=Outcome.NOT_STARTED) if never_begun else one

        return OffloadRun(
            wish=self.offload.wish,
            topics=tuple(
                TopicResults(target.topic, target.partitions, tuple(result(part) for part in target.parts))
                for target in planned.targets
            ),
            started_at=planned.started_at,
            finished_at=self.offload.ports.clock.now(),
            dry_run=dry_run,
            interrupted=planned.interrupted,
            scope=planned.scope,
            limits=self.limits,
            reason=self.reason,
            plan_hash=self.plan_hash,
            remarks=planned.remarks,
        )

    def _by(self, clock: StoppableClock) -> Offload:
        return replace(self.offload, ports=replace(self.offload.ports, clock=clock))

    def _targets(
        self, scope: Scope, clock: StoppableClock
    ) -> tuple[ScopeRead, tuple[Target, ...], dict[TopicName, OffloadResult]]:
        """The scope's topics, and the failures of those that cannot be found."""
        admin = self.offload.ports.admin
        if scope.is_wide:
            expanded = expand(admin, scope, clock)
            return expanded.read, expanded.targets, {}
        read, topics = named_topics(scope)
        unfound: dict[TopicName, OffloadResult] = {}

        def find(topic: TopicName) -> Target:
            try:
                return find_target(admin, topic)
            except BrokerError as error:
                reasons = (Reason(error.code, error.message),)
                unfound[topic] = OffloadResult(topic, Outcome.FAILED, reasons=reasons, hint=error.hint)
                return Target(topic, 0, (topic,))

        found = work_through(topics, find, at_once=_READS_AT_ONCE, stop=clock.stop, done=lambda _target: None)
        if found.interrupted:
            # Nothing is lost that could be reported: whoever was interrupted says so in the usual words.
            raise KeyboardInterrupt
        return read, tuple(found.results[index] for index in range(len(topics))), unfound

    def _told_if_over(self, result: OffloadResult) -> None:
        if result.outcome is not Outcome.PLANNED:
            self._told(result)

    def _told(self, result: OffloadResult | None) -> None:
        if result is not None:
            self.offload.watcher.finished(result)


def _next_turn(turns: Turns, offload: Offload) -> Turn:
    """The next plan, of a topic whose owner is known and has a thread to spare."""
    while True:
        turn = turns.take()
        if turn.owner:
            return turn
        try:
            loaded = offload.refreshed(turn.plan)
        except (BrokerError, Refused):
            # Whoever acts on it meets the same again, and tells it.
            loaded = turn.plan
        if (settled := turns.settle(turn, loaded)) is not None:
            return settled
