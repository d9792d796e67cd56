"""A journal that lives as long as its store does, for tests and for the embedded cluster."""

import itertools
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import RLock

from offloadctl.exitcodes import ExitCode
from offloadctl.model.journal import (
    Attempt,
    HistoryFilter,
    Note,
    Run,
    RunStart,
    Step,
    StepCounts,
    StepEnd,
    StepPlan,
    attempts_before,
    attempts_left,
)
from offloadctl.model.names import TopicName
from offloadctl.ports import Clock


@dataclass
class JournalStore:
    """What several processes share: each of them has a `MemoryJournal` over it."""

    runs: dict[str, Run] = field(default_factory=dict)
    steps: dict[tuple[str, TopicName], Step] = field(default_factory=dict)
    attempts: dict[Attempt, str] = field(default_factory=dict)
    """With the run that left it behind."""
    notes: list[Note] = field(default_factory=list)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    lock: RLock = field(default_factory=RLock)


class MemoryJournal:
    """Keeps the promises of `ports.journal.Journal`, but forgets nothing."""

    def __init__(self, clock: Clock, store: JournalStore | None = None) -> None:
        self._clock = clock
        self._store = store or JournalStore()
        self._ours: set[str] = set()

    @property
    def location(self) -> str:
        """Nowhere."""
        return "memory"

    def runs(self, asked: HistoryFilter) -> tuple[Run, ...]:
        """One by one."""
        with self._store.lock:
            ids = sorted(self._store.runs, key=lambda one: (self._store.runs[one].started_at, one), reverse=True)
            found = [self._counted(run_id) for run_id in ids if self._is_asked(self._store.runs[run_id], asked)]
            return tuple(found[: asked.limit])

    def run(self, run_id: str) -> Run | None:
        """By its id."""
        with self._store.lock:
            return self._counted(run_id) if run_id in self._store.runs else None

    def ids_like(self, text: str) -> tuple[str, ...]:
        """By beginning and end."""
        with self._store.lock:
            return tuple(
                sorted(one for one in self._store.runs if text and (one.startswith(text) or one.endswith(text)))
            )

    def steps(self, run_id: str, *, topic: TopicName | None = None, only_unfinished: bool = False) -> tuple[Step, ...]:
        """By topic."""
        with self._store.lock:
            found = (
                step
                for (owner, _), step in self._store.steps.items()
                if owner == run_id and topic in (None, step.topic, step.topic.parent)
            )
            return tuple(
                sorted(
                    (one for one in found if one.is_unfinished or not only_unfinished), key=lambda one: str(one.topic)
                )
            )

    def step(self, run_id: str, topic: TopicName) -> Step | None:
        """By its key."""
        with self._store.lock:
            return self._store.steps.get((run_id, topic))

    def unfinished(self, cluster: str, topics: Collection[TopicName] | None = None) -> tuple[Step, ...]:
        """One by one."""
        with self._store.lock:
            found = [
                one for one in self._store.steps.values() if one.is_unfinished and self._is_of(one.run_id, cluster)
            ]
            return tuple(one for one in found if topics is None or one.topic in topics)

    def attempts(self, cluster: str) -> tuple[Attempt, ...]:
        """What the steps left behind."""
        with self._store.lock:
            found = [one for one, run_id in self._store.attempts.items() if self._is_of(run_id, cluster)]
            return tuple(sorted(found, key=lambda one: (str(one.topic), one.ledger_id, str(one.uuid))))

    def newest_note(self, kinds: Collection[str], schedule: str) -> Note | None:
        """From the end of the list."""
        with self._store.lock:
            of_it = (one for one in reversed(self._store.notes) if one.kind in kinds)
            return next((one for one in of_it if one.facts.get("schedule") == schedule), None)

    def notes(
        self, *, kind: str | None = None, besides: Collection[str] = (), since: datetime | None = None
    ) -> tuple[Note, ...]:
        """The newest first."""
        with self._store.lock:
            of_kind = [one for one in self._store.notes if kind in (None, one.kind) and one.kind not in besides]
            return tuple(one for one in reversed(of_kind) if since is None or one.at >= since)

    def is_alive(self, run_id: str) -> bool:
        """Until somebody says otherwise."""
        with self._store.lock:
            return run_id in self._store.runs and self._store.runs[run_id].is_alive

    def begin_run(self, start: RunStart) -> str:
        """Numbered."""
        with self._store.lock:
            now = self._clock.now()
            run_id = f"{now:%Y%m%d-%H%M%S}-{next(self._store.numbers):06x}"
            self._store.runs[run_id] = Run(run_id, start, now, None, None, is_alive=True, counts=StepCounts())
            self._ours.add(run_id)
            return run_id

    def plan_steps(self, run_id: str, plans: Sequence[StepPlan]) -> None:
        """All at once."""
        with self._store.lock:
            self._store.steps |= {(run_id, plan.topic): Step(run_id, plan) for plan in plans}

    def begin_step(self, run_id: str, plan: StepPlan) -> Step | None:
        """Under the lock."""
        with self._store.lock:
            others = self.unfinished(self._store.runs[run_id].start.cluster, [plan.topic])
            if (other := next((one for one in others if one.run_id != run_id), None)) is not None:
                return other
            self._store.steps[run_id, plan.topic] = Step(run_id, plan, sent_at=self._clock.now())
            self._store.attempts |= dict.fromkeys(attempts_before(plan), run_id)
            return None

    def end_step(self, run_id: str, topic: TopicName, end: StepEnd) -> bool:
        """Under the lock."""
        with self._store.lock:
            step = self._store.steps.get((run_id, topic))
            if step is None or (end.judged_by and step.end is not None):
                return False
            self._store.steps[run_id, topic] = replace(step, end=end, ended_at=self._clock.now())
            for one in end.moved:
                if one.uuid is not None:
                    self._store.attempts.pop(Attempt(topic, one.ledger_id, one.uuid), None)
            self._store.attempts |= dict.fromkeys(attempts_left(topic, end), run_id)
            return True

    def end_run(self, run_id: str, exit_code: ExitCode, left: Mapping[TopicName, StepEnd]) -> None:
        """Under the lock."""
        with self._store.lock:
            for topic, end in left.items():
                self.end_step(run_id, topic, end)
            run = self._store.runs[run_id]
            self._store.runs[run_id] = replace(
                run, ended_at=self._clock.now(), exit_code=int(exit_code), is_alive=False
            )
            self._ours.discard(run_id)

    def note(self, kind: str, text: str, facts: Mapping[str, str], *, run_id: str = "") -> None:
        """At the end of the list."""
        with self._store.lock:
            self._store.notes.append(Note(self._clock.now(), kind, text, dict(facts), run_id))

    def close(self) -> None:
        """Runs that were not ended are dead from now on."""
        with self._store.lock:
            for run_id in self._ours:
                self._store.runs[run_id] = replace(self._store.runs[run_id], is_alive=False)
            self._ours.clear()

    def _is_of(self, run_id: str, cluster: str) -> bool:
        return self._store.runs[run_id].start.cluster == cluster

    def _is_asked(self, run: Run, asked: HistoryFilter) -> bool:
        steps = self.steps(run.run_id)
        return (
            (asked.since is None or run.started_at >= asked.since)
            and asked.context in (None, run.start.context)
            and (asked.topic is None or any(asked.topic in (one.topic, one.topic.parent) for one in steps))
            and (not asked.only_unfinished or any(one.is_unfinished for one in steps))
        )

    def _counted(self, run_id: str) -> Run:
        steps = self.steps(run_id)
        ends = [one.end for one in steps if one.end is not None]
        counts = StepCounts(
            steps=len(steps),
            ended=len(ends),
            unfinished=sum(one.is_unfinished for one in steps),
            ledgers_planned=sum(len(one.plan.ledgers) for one in steps),
            bytes_planned=sum(one.plan.size for one in steps),
            ledgers_moved=sum(len(end.moved) for end in ends),
            bytes_moved=sum(end.moved_size for end in ends),
            object_bytes=sum(end.object_bytes for end in ends),
            outcomes=dict(Counter(end.outcome.value for end in ends)),
        )
        return replace(self._store.runs[run_id], counts=counts)
