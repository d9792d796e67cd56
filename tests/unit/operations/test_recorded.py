"""Runs that meet each other's steps, alive or dead, and journals that fail before, during and after the work."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from offloadctl.demo.faults import Fault
from offloadctl.errors import ApprovalNeeded, BrokerUnreachable, StateUnwritable, TerminationSignal
from offloadctl.exitcodes import ExitCode
from offloadctl.model.journal import HistoryFilter, Run, StepEnd, StepLedger, StepPlan, StepState
from offloadctl.model.ledger import Position
from offloadctl.model.offload import Confirmation, OffloadResult, OffloadRun, Outcome
from offloadctl.operations.offload_run import OffloadTopics
from offloadctl.operations.run_record import recording
from offloadctl.ports import BrokerAdmin
from tests.killed_runs import START, Life, Stage

DONE = StepEnd(Outcome.CONFIRMED, ExitCode.OK)


@dataclass
class Other:
    """Another run, which has a step of the stage's first topic under way."""

    stage: Stage
    sends: bool = True
    ledgers: int = 2

    def __post_init__(self) -> None:
        topic = self.stage.names[0]
        with self.stage.world.cluster.lock:
            ledgers = self.stage.world.cluster.metadata[topic].ascending
        before = Position(ledgers[self.ledgers].ledger_id, 0)
        planned = tuple(StepLedger(one.ledger_id, one.entry_count, one.length) for one in ledgers[: self.ledgers])  # type: ignore[arg-type]
        self.journal = self.stage.open_journal()
        self.run_id = self.journal.begin_run(START)
        self.plan = StepPlan(topic, before, planned)
        assert self.journal.begin_step(self.run_id, self.plan) is None
        if self.sends:
            with self.stage.world.admin() as admin:
                admin.trigger_offload(topic, before)

    def end(self) -> None:
        """Say what came of it, and be gone."""
        self.journal.end_step(self.run_id, self.plan.topic, DONE)
        self.journal.end_run(self.run_id, ExitCode.OK, {})

    def die(self) -> None:
        """Be gone without a word."""
        self.journal.close()

    @property
    def outcome(self) -> Outcome | None:
        """What the journal says of its step."""
        step = self.stage.open_journal().step(self.run_id, self.plan.topic)
        assert step is not None
        return step.end.outcome if step.end is not None else None


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def without_a_timeout() -> Stage:
    """Whose commands wait as long as something moves."""

    class Patient(Stage):
        def work(self, admin: BrokerAdmin) -> OffloadTopics:
            work = super().work(admin)
            return replace(work, offload=replace(work.offload, timeout_s=None, stall_timeout_s=60))

    return Patient()


def only(run: OffloadRun | None) -> OffloadResult:
    assert run is not None
    (result,) = run.results
    return result


def runs(stage: Stage) -> tuple[Run, ...]:
    return stage.open_journal().runs(HistoryFilter())


def after_sleeping(stage: Stage, times: int, do: Callable[[], None]) -> None:
    """Do it once the commands have slept so often."""
    slept = 0

    def count(seconds: float) -> None:
        nonlocal slept
        slept += seconds > 0
        if slept == times:
            do()

    stage.world.clock._on_sleep = count


def test_a_run_that_is_alive_is_waited_for_and_nothing_is_sent(stage: Stage) -> None:
    other = Other(stage)
    after_sleeping(stage, 20, other.end)

    result = only(stage.command())

    assert (result.outcome, result.joined) == (Outcome.CONFIRMED, True)
    assert stage.requests == []
    assert result.seconds >= 3
    assert other.outcome is Outcome.CONFIRMED


def test_a_run_that_dies_while_it_is_waited_for_is_judged(stage: Stage) -> None:
    other = Other(stage)
    after_sleeping(stage, 20, other.die)

    result = only(stage.command())

    assert (result.outcome, result.joined) == (Outcome.CONFIRMED, True)
    assert stage.requests == []
    assert other.outcome is Outcome.CONFIRMED


def test_a_run_that_never_ends_is_not_waited_for_for_ever(stage: Stage) -> None:
    other = Other(stage, sends=False)

    run = stage.command()

    result = only(run)
    assert (result.outcome, result.joined) == (Outcome.TIMED_OUT, True)
    assert stage.requests == []
    assert any(other.run_id in reason.text for reason in result.reasons)
    assert run is not None
    assert run.exit_code is ExitCode.TIMED_OUT
    other.end()


def test_a_process_that_hangs_is_not_waited_for_for_ever_either(without_a_timeout: Stage) -> None:
    other = Other(without_a_timeout, sends=False)

    run = without_a_timeout.command()

    result = only(run)
    assert (result.outcome, result.exit_code) == (Outcome.STALLED, ExitCode.TIMED_OUT)
    assert without_a_timeout.requests == []
    assert any(other.run_id in reason.text for reason in result.reasons)
    assert "may hang" in result.hint
    other.end()


def test_what_a_process_has_brought_about_that_hangs_is_judged_without_its_word(without_a_timeout: Stage) -> None:
    other = Other(without_a_timeout)

    result = only(without_a_timeout.command())

    assert (result.outcome, result.joined) == (Outcome.CONFIRMED, True)
    assert without_a_timeout.requests == []
    assert other.outcome is None
    other.end()


def test_without_waiting_a_run_that_is_alive_makes_the_topic_busy(stage: Stage) -> None:
    other = Other(stage, sends=False)

    result = only(stage.command(wait=False))

    assert result.outcome is Outcome.BUSY
    assert stage.requests == []
    other.end()


def test_what_a_run_did_not_ask_for_is_asked_for_after_it(stage: Stage) -> None:
    other = Other(stage, ledgers=1)
    after_sleeping(stage, 20, other.end)

    result = only(stage.command())

    assert (result.outcome, result.joined) == (Outcome.CONFIRMED, False)
    assert [one.ledger.ledger_id for one in result.ledgers] != [one.ledger_id for one in other.plan.ledgers]
    assert len(stage.requests) == 1


@pytest.mark.parametrize("ledgers", [1, 2])
def test_what_a_dead_run_has_begun_is_joined_and_then_judged(stage: Stage, ledgers: int) -> None:
    other = Other(stage, ledgers=ledgers)
    other.die()

    result = only(stage.command())

    assert (result.outcome, result.joined) == (Outcome.CONFIRMED, ledgers == 2)
    assert other.outcome is Outcome.CONFIRMED
    assert len(stage.requests) == 2 - ledgers
    assert [one for one in stage.requests if one.refused] == []


def test_what_a_dead_run_never_sent_is_abandoned_and_done(stage: Stage) -> None:
    other = Other(stage, sends=False)
    other.die()

    run = stage.command()

    result = only(run)
    assert (result.outcome, result.joined) == (Outcome.CONFIRMED, False)
    journal = stage.open_journal()
    step = journal.step(other.run_id, other.plan.topic)
    assert run is not None
    assert step is not None
    assert step.end is not None
    assert (step.end.outcome, step.end.judged_by) == (Outcome.ABANDONED, run.run_id)
    assert [one.confirmation for one in step.end.ledgers] == [Confirmation.NOT_MOVED] * 2
    assert "0 of 2 ledgers have moved; the broker says NOT_RUN" in step.end.reasons[-1].text


def test_without_waiting_a_dead_runs_step_is_judged_as_well(stage: Stage) -> None:
    other = Other(stage, sends=False)
    other.die()

    result = only(stage.command(wait=False))

    assert result.outcome is Outcome.ACCEPTED
    assert other.outcome is Outcome.ABANDONED


def test_what_has_nothing_left_to_move_is_judged_too(stage: Stage) -> None:
    other = Other(stage)
    other.die()
    stage.world.clock.sleep(60)

    result = only(stage.command())

    assert result.outcome is Outcome.NOTHING_TO_DO
    assert other.outcome is Outcome.CONFIRMED


@pytest.mark.parametrize("ledgers", [1, 2])
def test_damage_that_a_dead_run_has_left_is_told_by_whoever_judges_it(stage: Stage, ledgers: int) -> None:
    stage.world.cluster.faults.plant(Fault.TRUNCATED_LEDGER, topic=stage.names[0], count=1)
    other = Other(stage, ledgers=ledgers)
    other.die()
    stage.world.clock.sleep(60)

    run = stage.command()

    # Of one ledger there is another one to move; of both there is nothing to do, and nobody else would tell.
    assert only(run).outcome is (Outcome.CONFIRMED if ledgers == 1 else Outcome.NOTHING_TO_DO)
    assert other.outcome is Outcome.DAMAGED
    assert run is not None
    assert run.exit_code is ExitCode.DAMAGE
    (remark,) = run.remarks
    assert other.run_id in remark
    assert f"offloadctl check {stage.names[0]}" in remark
    assert "set the deletion lag to -1 now" in remark
    (judge, _) = runs(stage)
    assert judge.exit_code == ExitCode.DAMAGE


def test_damage_beside_ledgers_that_have_not_moved_is_damage(stage: Stage) -> None:
    stage.world.cluster.faults.plant(Fault.TRUNCATED_LEDGER, topic=stage.names[0], count=1)
    first = Other(stage, ledgers=1)
    first.end()
    stage.world.clock.sleep(60)
    other = Other(stage, sends=False)
    other.die()

    run = stage.command()

    assert other.outcome is Outcome.DAMAGED
    assert run is not None
    assert run.exit_code is ExitCode.DAMAGE


def test_a_topic_that_cannot_be_asked_stays_unfinished_and_that_is_said(stage: Stage) -> None:
    other = Other(stage)
    other.die()
    stage.world.clock.sleep(60)

    class Down(Life):
        """The broker answers no question about the status."""

        def around(self, port: object) -> Any:
            return _Silent(port) if hasattr(port, "trigger_offload") else port

    run = stage.command(Down())

    assert run is not None
    (remark,) = run.remarks
    assert other.run_id in remark
    assert other.outcome is None


class _Silent:
    def __init__(self, port: object) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def offload_status(self, topic: object) -> None:
        raise BrokerUnreachable("no connection")


# -- journals that fail


class Failing(Life):
    """A life in which these methods of the journal fail, from the given call on."""

    def __init__(self, *methods: str, after: int = 0) -> None:
        super().__init__()
        self.methods = methods
        self.calls_left = after

    def around(self, port: object) -> Any:
        return _Failing(port, self)


class _Failing:
    def __init__(self, port: object, life: Failing) -> None:
        self._port = port
        self._life = life

    def __getattr__(self, name: str) -> Any:
        if name in self._life.methods:
            if self._life.calls_left <= 0:
                return self._fail
            self._life.calls_left -= 1
        return getattr(self._port, name)

    def _fail(self, *arguments: object, **named: object) -> None:
        raise StateUnwritable("journal.sqlite: the journal cannot be written: disk full")


@pytest.mark.parametrize("method", ["begin_run", "plan_steps"])
def test_a_journal_that_fails_before_the_work_ends_it(stage: Stage, method: str) -> None:
    with pytest.raises(StateUnwritable):
        stage.command(Failing(method))

    assert stage.requests == []
    assert [run.exit_code for run in runs(stage)] == ([] if method == "begin_run" else [1])


def test_a_request_that_cannot_be_written_down_is_not_sent() -> None:
    stage = Stage(topics=3)

    run = stage.command(Failing("begin_step", after=1))

    assert run is not None
    assert len(stage.requests) == 1
    outcomes = [result.outcome for result in run.results]
    assert sorted(outcomes) == [Outcome.CONFIRMED, Outcome.FAILED, Outcome.FAILED]
    assert {result.reasons[0].code for result in run.results if result.outcome is Outcome.FAILED} == {
        "state-unwritable"
    }
    assert run.exit_code is ExitCode.FAILED


def test_an_outcome_that_cannot_be_written_at_once_is_written_at_the_end(stage: Stage) -> None:
    run = stage.command(Failing("end_step"))

    assert run is not None
    assert (run.journal_problem, run.exit_code) == ("", ExitCode.OK)
    (step,) = stage.open_journal().steps(run.run_id)
    assert step.end is not None
    assert step.end.outcome is Outcome.CONFIRMED


def test_a_journal_that_fails_after_the_work_takes_nothing_from_the_report(stage: Stage) -> None:
    run = stage.command(Failing("end_step", "end_run"))

    assert run is not None
    assert only(run).outcome is Outcome.CONFIRMED
    assert "disk full" in run.journal_problem
    assert run.exit_code is ExitCode.FAILED
    (step,) = stage.open_journal().steps(run.run_id)
    assert step.state(is_alive=False) is StepState.UNFINISHED

    again = stage.command()

    assert again is not None
    assert stage.open_journal().unfinished("demo") == ()


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (ApprovalNeeded("no"), 6),
        (KeyboardInterrupt(), 130),
        (TerminationSignal(), 143),
        (ZeroDivisionError(), 1),
        (None, 0),
    ],
)
def test_a_run_that_ends_before_its_report_says_how(stage: Stage, raised: BaseException | None, code: int) -> None:
    def work() -> None:
        with recording(stage.open_journal(), START):
            if raised is not None:
                raise raised

    if raised is None:
        work()
    else:
        with pytest.raises(type(raised)):
            work()

    assert [run.exit_code for run in runs(stage)] == [code]


def test_who_is_interrupted_says_of_each_step_how_far_it_came() -> None:
    stage = Stage(topics=3)

    def interrupt() -> None:
        raise KeyboardInterrupt

    after_sleeping(stage, 2, interrupt)

    run = stage.command()

    assert run is not None
    assert run.exit_code is ExitCode.INTERRUPTED
    (written,) = runs(stage)
    assert written.exit_code == ExitCode.INTERRUPTED
    told = {result.topic: result.outcome for result in run.results}
    assert {Outcome.INTERRUPTED, Outcome.NOT_STARTED} & set(told.values())
    steps = stage.open_journal().steps(run.run_id)
    assert {step.topic: step.end.outcome for step in steps if step.end is not None} == told
