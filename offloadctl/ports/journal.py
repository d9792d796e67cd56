"""The door to the journal of runs, and what it promises. A port like those of `ports`, for those who act."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from offloadctl.exitcodes import ExitCode
from offloadctl.model.journal import Attempt, HistoryFilter, Note, Run, RunStart, Step, StepEnd, StepPlan
from offloadctl.model.names import TopicName


class History(Protocol):
    """What was done. Every method may raise a StateError."""

    @property
    def location(self) -> str:
        """Where it is kept, for people."""
        ...

    def runs(self, asked: HistoryFilter) -> tuple[Run, ...]:
        """The runs that were asked for, the newest first."""
        ...

    def run(self, run_id: str) -> Run | None:
        """The run of that id."""
        ...

    def ids_like(self, text: str) -> tuple[str, ...]:
        """The ids of the runs whose id begins or ends with `text`."""
        ...

    def steps(self, run_id: str, *, topic: TopicName | None = None, only_unfinished: bool = False) -> tuple[Step, ...]:
        """The steps of a run, by topic; all of them, or those of one topic and its partitions."""
        ...

    def step(self, run_id: str, topic: TopicName) -> Step | None:
        """One of them."""
        ...

    def unfinished(self, cluster: str, topics: Collection[TopicName] | None = None) -> tuple[Step, ...]:
        """The unfinished steps of a cluster, of all topics or of these; of runs that are alive, too."""
        ...

    def attempts(self, cluster: str) -> tuple[Attempt, ...]:
        """The attempts of which the journal knows nothing better than that they were begun."""
        ...

    def notes(
        self, *, kind: str | None = None, besides: Collection[str] = (), since: datetime | None = None
    ) -> tuple[Note, ...]:
        """The notes, the newest first; of one kind, or of all `besides` these."""
        ...

    def newest_note(self, kinds: Collection[str], schedule: str) -> Note | None:
        """The note of these kinds that was written last of those whose fact `schedule` is that; None if there is none.

        The newest of each kind and schedule is never forgotten: it may be all that is known of it.
        """
        ...

    def is_alive(self, run_id: str) -> bool:
        """Whether the process of a run lives, and has not ended the run; known at once, however the process died."""
        ...


class Journal(History, Protocol):
    """What runs are about to do and have done; it is written before it happens, and outlives the process.

    Several threads and several processes may use it at once. Every method may raise a StateError, and has changed
    nothing then.
    """

    def begin_run(self, start: RunStart) -> str:
        """Write that a run begins, and tell its id; it is alive from now on. What is too old is forgotten first."""
        ...

    def plan_steps(self, run_id: str, plans: Sequence[StepPlan]) -> None:
        """Write what a run has chosen to do, all of it at once."""
        ...

    def begin_step(self, run_id: str, plan: StepPlan) -> Step | None:
        """Write, on disk for good, that this is about to be sent; or tell what is in the way, and write nothing.

        In the way is an unfinished step of another run for the same topic and cluster, alive or dead: of two runs
        that ask at the same time, one gets the other's step.
        """
        ...

    def end_step(self, run_id: str, topic: TopicName, end: StepEnd) -> bool:
        """Write how a step ended; False, and nothing is written, if another run judges what has an end by now."""
        ...

    def end_run(self, run_id: str, exit_code: ExitCode, left: Mapping[TopicName, StepEnd]) -> None:
        """Write how a run ended, with what is `left` to be said of its steps; it is alive no more."""
        ...

    def note(self, kind: str, text: str, facts: Mapping[str, str], *, run_id: str = "") -> None:
        """Write something down that is no run of offloads, on disk for good."""
        ...
