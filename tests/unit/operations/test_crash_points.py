"""A command may die between any two effects: the next one joins or judges what it left, and sends nothing twice."""

import itertools
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offloadctl.model.journal import HistoryFilter, RunState, Step, StepState
from offloadctl.model.ledger import OffloadState
from offloadctl.model.offload import Confirmation, Outcome
from tests.killed_runs import LEDGERS, Life, Stage

AT_ONCE, SOON, LATER = timedelta(), timedelta(seconds=1), timedelta(hours=1)


def steps(stage: Stage) -> list[Step]:
    journal = stage.open_journal()
    try:
        return [step for run in reversed(journal.runs(HistoryFilter())) for step in journal.steps(run.run_id)]
    finally:
        journal.close()


def unfinished(stage: Stage) -> tuple[Step, ...]:
    journal = stage.open_journal()
    try:
        return journal.unfinished("demo")
    finally:
        journal.close()


def check_that_all_is_done(stage: Stage) -> None:
    """Everything moved, nothing was asked for while it went on, and the journal tells all of it."""
    # Loading a topic again closes its open ledger, which then moves as well.
    assert all(stage.moved(topic) >= LEDGERS for topic in stage.names)
    assert [one for one in stage.requests if one.refused or one.state is OffloadState.RUNNING] == []
    journal = stage.open_journal()
    assert journal.unfinished("demo") == ()
    runs = journal.runs(HistoryFilter())
    assert [run.run_id for run in runs if run.state is RunState.GOING_ON] == []
    for run in runs:
        for step in journal.steps(run.run_id):
            assert step.state(is_alive=False) in (StepState.ENDED, StepState.NEVER_SENT)
            # Whoever died had no time to write an end; a judge did it, and says who.
            if run.state is RunState.BROKEN_OFF and step.end is not None and step.end.judged_by:
                assert step.end.judged_by in {other.run_id for other in runs}
            check_that_it_tells_the_truth(step)
    journal.close()


def check_that_it_tells_the_truth(step: Step) -> None:
    if step.end is None:
        return
    left = [one for one in step.end.ledgers if one.confirmation is Confirmation.NOT_MOVED]
    if step.end.outcome is Outcome.CONFIRMED:
        assert left == []
        assert all(one.object_bytes for one in step.end.ledgers)
    elif step.end.outcome is Outcome.ABANDONED:
        assert left


@pytest.mark.parametrize("passes", [AT_ONCE, SOON, LATER], ids=["at-once", "soon", "later"])
@pytest.mark.parametrize("unloaded", [False, True], ids=["loaded", "unloaded"])
def test_whatever_a_command_leaves_the_next_one_ends(passes: timedelta, unloaded: bool) -> None:
    for point in itertools.count(1):
        stage = Stage()
        if stage.command(Life(ends_at=point)) is not None:
            # It had fewer effects than that; how many depends on the polls, whose pauses are random.
            assert point > 15
            return
        if unloaded:
            stage.unload()
        stage.world.advance(passes)
        # Of an idle topic that nobody has left unfinished it may not be known what would move; that is no failure.
        fine = {Outcome.CONFIRMED, Outcome.NOTHING_TO_DO} | ({Outcome.UNKNOWN} if not unfinished(stage) else set())

        run = stage.command()

        assert run is not None
        assert {result.outcome for result in run.results} <= fine, f"point {point}"
        check_that_all_is_done(stage)
        # An unloaded topic's run is forgotten, and what it has not completed by then is asked for again.
        assert len(stage.requests) == 1 or unloaded, f"point {point}"
        for step in steps(stage)[:1]:
            if step.sent_at is not None and step.run_id != run.run_id and step.end is not None:
                assert step.end.judged_by in ("", run.run_id), f"point {point}"


def test_many_topics_may_be_left_in_the_middle(tmp_path: Path) -> None:
    for point in range(3, 60, 7):
        stage = Stage(topics=4, directory=tmp_path / str(point))
        stage.command(Life(ends_at=point))

        stage.command()

        check_that_all_is_done(stage)
        assert Counter(one.topic for one in stage.requests) == dict.fromkeys(stage.names, 1)


def test_what_was_left_of_a_topic_that_is_gone_is_judged_by_whoever_comes_next() -> None:
    stage = Stage(topics=2)
    gone, stays = stage.names
    stage.command(Life(ends_at=8))
    assert [one.topic for one in unfinished(stage)] == [gone]
    stage.world.advance(LATER)
    stage.world.cluster.delete_topic(gone)

    run = stage.command()

    assert run is not None
    assert [result.topic for result in run.results] == [stays]
    assert unfinished(stage) == ()
    ends = [one.end for one in steps(stage) if one.topic == gone and one.sent_at is not None]
    assert [(one.outcome, one.judged_by) for one in ends if one] == [(Outcome.DELETED, run.run_id)]


@settings(max_examples=40)
@given(
    deaths=st.lists(st.tuples(st.integers(1, 40), st.sampled_from([AT_ONCE, SOON, LATER]), st.booleans()), max_size=4)
)
def test_commands_may_die_one_after_the_other(deaths: list[tuple[int, timedelta, bool]]) -> None:
    stage = Stage(topics=2)
    for point, passes, unloaded in deaths:
        stage.command(Life(ends_at=point))
        if unloaded:
            stage.unload()
        stage.world.advance(passes)

    stage.command()

    check_that_all_is_done(stage)
