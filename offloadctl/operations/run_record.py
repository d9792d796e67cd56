"""One run in the journal: what is written before anything is sent, and what is said of it afterwards."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from offloadctl.errors import OffloadctlError, StateError, TerminationSignal
from offloadctl.exitcodes import ExitCode
from offloadctl.model.journal import RunStart, Step, StepEnd, StepPlan
from offloadctl.model.names import TopicName
from offloadctl.model.offload import OffloadPlan, OffloadResult, OffloadRun, Outcome
from offloadctl.ports.journal import Journal


class UnderWay(Exception):
    """Another run has sent the same topic's offload, and nobody has said yet what came of it."""

    def __init__(self, step: Step) -> None:
        super().__init__(f"{step.topic} is under way by run {step.run_id}")
        self.step = step


@dataclass(slots=True)
class RunRecord:
    """What a run tells the journal. Before a request a failure is an error; afterwards the run goes on without it."""

    journal: Journal
    run_id: str
    cluster: str
    is_closed: bool = False
    _chosen: set[TopicName] = field(default_factory=set)
    _written: set[TopicName] = field(default_factory=set)
    _damage: list[str] = field(default_factory=list)
    """What dead runs have left damaged, in words: nobody else would tell of it."""

    def choose(self, plans: Sequence[OffloadPlan]) -> None:
        """Write what is going to be done; StateError if it cannot be, and then nothing may be done."""
        self.journal.plan_steps(self.run_id, [StepPlan.of(plan) for plan in plans])
        self._chosen.update(plan.topic for plan in plans)

    def before_sending(self, plan: OffloadPlan) -> None:
        """Write that the request is about to be sent. UnderWay if another run has one, StateError if it cannot be."""
        in_the_way = self.journal.begin_step(self.run_id, StepPlan.of(plan))
        if in_the_way is not None:
            raise UnderWay(in_the_way)
        self._chosen.add(plan.topic)

    def ended(self, result: OffloadResult) -> None:
        """Write how a step ended; what cannot be written is kept for the end of the run."""
        try:
            self.journal.end_step(self.run_id, result.topic, StepEnd.of(result))
        except StateError:
            return
        self._written.add(result.topic)

    def left_by_others(self, topics: Collection[TopicName] | None = None) -> tuple[Step, ...]:
        """The unfinished steps of dead runs on this cluster, of all topics or of these."""
        found = [one for one in self.journal.unfinished(self.cluster, topics) if one.run_id != self.run_id]
        return tuple(one for one in found if not self.journal.is_alive(one.run_id))

    def judged(self, step: Step, result: OffloadResult) -> None:
        """Write what became of a dead run's step."""
        is_ours = self.journal.end_step(step.run_id, step.topic, StepEnd.of(result, judged_by=self.run_id))
        if is_ours and result.outcome is Outcome.DAMAGED:
            what = "; ".join(dict.fromkeys(finding.what for finding in result.findings)) or result.outcome.meaning
            told = f"run {step.run_id} was broken off, and what it has moved of {step.topic} is damaged: {what}"
            self._damage.append(f"{told}. {result.hint}; offloadctl check {step.topic} tells more")

    def close(self, run: OffloadRun) -> OffloadRun:
        """Write how the run ended, with what could not be written before; the report says so if it cannot be."""
        run = replace(run, remarks=(*run.remarks, *self._damage), has_found_damage=bool(self._damage))
        left = {one.topic: StepEnd.of(one) for one in run.results if one.topic in self._chosen - self._written}
        self.is_closed = True
        try:
            self.journal.end_run(self.run_id, run.exit_code, left)
        except StateError as error:
            steps = f" and {len(left)} outcomes" if left else ""
            problem = f"the end of run {self.run_id}{steps} could not be written to the journal: {error.message}"
            return replace(run, run_id=self.run_id, journal_problem=problem)
        return replace(run, run_id=self.run_id)

    def close_without_a_report(self, code: ExitCode) -> None:
        """Write that the run ended before it had anything to report."""
        self.is_closed = True
        self.journal.end_run(self.run_id, code, {})


@contextmanager
def recording(journal: Journal, start: RunStart) -> Iterator[RunRecord]:
    """A run in the journal until the end of the block; StateError before it begins if the journal cannot be written."""
    record = RunRecord(journal, journal.begin_run(start), start.cluster)
    try:
        yield record
    except KeyboardInterrupt as signal:
        _close(record, ExitCode.TERMINATED if isinstance(signal, TerminationSignal) else ExitCode.INTERRUPTED)
        raise
    except OffloadctlError as error:
        _close(record, error.exit_code)
        raise
    except Exception:
        _close(record, ExitCode.FAILED)
        raise
    else:
        _close(record, ExitCode.OK)


def _close(record: RunRecord, code: ExitCode) -> None:
    if record.is_closed:
        return
    try:
        record.close_without_a_report(code)
    except StateError:
        # What is raised already says more; and the journal tells by itself that nobody has ended the run.
        return
