"""The journal on disk: what it forgets, who counts as alive, and what a full disk, a kill or a newer version do."""

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from offloadctl.adapters.journal_shape import JOURNAL
from offloadctl.adapters.memory import ManualClock
from offloadctl.adapters.run_locks import RunLocks
from offloadctl.adapters.sqlite_journal import SqliteHistory, SqliteJournal
from offloadctl.errors import StateDamaged, StateError, StateNewer, StateUnwritable
from offloadctl.exitcodes import ExitCode
from offloadctl.model.journal import HistoryFilter, RunState, StepEnd, StepLedger
from offloadctl.model.offload import Outcome
from offloadctl.redaction import remember
from offloadctl.units import ByteSize
from tests.contract.test_journal import LEDGERS, LOST, ORDERS, PLAN, START, moved

DAY = timedelta(days=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def opened(tmp_path: Path, clock: ManualClock) -> Iterator[Callable[..., SqliteJournal]]:
    all_opened = list[SqliteJournal]()

    def open_one(**limits: int) -> SqliteJournal:
        all_opened.append(SqliteJournal(tmp_path, clock, **limits))  # type: ignore[arg-type]
        return all_opened[-1]

    yield open_one
    for one in all_opened:
        one.close()


def ids(journal: SqliteHistory) -> set[str]:
    return {run.run_id for run in journal.runs(HistoryFilter())}


def locks(tmp_path: Path) -> set[str]:
    return {path.stem for path in (tmp_path / "runs").iterdir()}


def test_what_is_older_than_ninety_days_is_forgotten_when_a_run_begins(
    opened: Callable[..., SqliteJournal], clock: ManualClock
) -> None:
    journal = opened()
    old = journal.begin_run(START)
    journal.begin_step(old, PLAN)
    journal.end_run(old, ExitCode.OK, {ORDERS: moved(*LEDGERS)})
    journal.note("override", "old", {})
    clock.advance(89 * DAY)
    young = journal.begin_run(START)
    assert ids(journal) == {old, young}
    clock.advance(2 * DAY)

    newest = journal.begin_run(START)

    assert ids(journal) == {young, newest}
    assert journal.steps(old) == ()
    assert journal.notes() == ()


def test_neither_unfinished_steps_nor_runs_that_are_alive_are_forgotten(
    opened: Callable[..., SqliteJournal], clock: ManualClock
) -> None:
    dead, living = opened(), opened(kept_bytes=0)
    unfinished, empty = dead.begin_run(START), dead.begin_run(START)
    dead.begin_step(unfinished, PLAN)
    dead.close()
    alive = living.begin_run(START)
    clock.advance(100 * DAY)

    newest = living.begin_run(START)

    assert ids(living) == {unfinished, alive, newest}
    assert empty not in ids(living)
    living.end_step(unfinished, ORDERS, LOST)
    living.end_run(alive, ExitCode.OK, {})
    last = living.begin_run(START)
    assert ids(living) == {newest, last}


def test_beyond_its_size_the_oldest_runs_are_forgotten_first(
    opened: Callable[..., SqliteJournal], clock: ManualClock
) -> None:
    journal = opened(kept_bytes=2_000_000)
    many = replace(PLAN, ledgers=tuple(StepLedger(number, 1, ByteSize(1)) for number in range(20_000)))
    made = []
    for _ in range(8):
        clock.advance(DAY)
        made.append(journal.begin_run(START))
        journal.plan_steps(made[-1], [many])
        journal.end_run(made[-1], ExitCode.OK, {})

    # Room is made when a run begins, for several at once.
    assert made[-1] in ids(journal)
    assert made[0] not in ids(journal)
    assert journal.path.stat().st_size < 6_000_000


def test_without_runs_to_forget_the_oldest_notes_go(opened: Callable[..., SqliteJournal], clock: ManualClock) -> None:
    journal = opened(kept_bytes=500_000)
    for number in range(300):
        clock.advance(timedelta(minutes=1))
        journal.note("decision", f"{number} " + "x" * 10_000, {})

    journal.begin_run(START)

    kept = journal.notes()
    assert 0 < len(kept) < 100
    assert kept[0].text.startswith("299 ")


def test_a_full_disk_is_told_and_nothing_is_half_written(opened: Callable[..., SqliteJournal]) -> None:
    journal = opened()
    run_id = journal.begin_run(START)
    with journal._file.reading() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
    many = replace(PLAN, ledgers=tuple(StepLedger(number, 1, ByteSize(1)) for number in range(20_000)))

    with pytest.raises(StateUnwritable, match="full"):
        journal.begin_step(run_id, many)

    assert journal.steps(run_id) == ()


def test_where_no_run_can_be_written_none_is_alive(opened: Callable[..., SqliteJournal], tmp_path: Path) -> None:
    journal = opened()
    journal.end_run(journal.begin_run(START), ExitCode.OK, {})
    with journal._file.changing() as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON run BEGIN SELECT raise(ABORT, 'no more'); END")

    with pytest.raises(StateError):
        journal.begin_run(START)

    assert locks(tmp_path) == set()


def test_a_directory_that_takes_no_lock_files_is_told(opened: Callable[..., SqliteJournal], tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the directory should be")

    with pytest.raises(StateUnwritable, match="runs"):
        opened().begin_run(START)


def test_a_damaged_journal_is_told_and_kept(opened: Callable[..., SqliteJournal], tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"no SQLite file" * 1000)

    with pytest.raises(StateDamaged, match="the journal is damaged"):
        opened().begin_run(START)

    assert (tmp_path / "journal.sqlite").read_bytes().startswith(b"no SQLite file")


def test_outcomes_of_a_newer_version_are_told_as_such(opened: Callable[..., SqliteJournal]) -> None:
    journal = opened()
    run_id = journal.begin_run(START)
    journal.begin_step(run_id, PLAN)
    journal.end_step(run_id, ORDERS, moved(*LEDGERS))
    with journal._file.changing() as connection:
        connection.execute("UPDATE step SET outcome = 'transcended'")

    with pytest.raises(StateNewer, match="transcended"):
        journal.steps(run_id)


def test_no_secret_is_written(opened: Callable[..., SqliteJournal], tmp_path: Path) -> None:
    secret = "s3cr3t-of-somebody"
    remember(secret)
    journal = opened()

    run_id = journal.begin_run(replace(START, command=f"offload --x={secret}", reason=secret, cluster=secret))
    journal.begin_step(run_id, PLAN)
    end = moved(*LEDGERS)
    journal.end_step(run_id, ORDERS, replace(end, reasons=(replace(end.reasons[0], text=f"said {secret}"),)))
    journal.note("override", secret, {"by": secret})
    journal.close()

    assert all(secret.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_who_only_reads_what_was_never_written_makes_nothing(tmp_path: Path) -> None:
    history = SqliteHistory(tmp_path / "state")

    answers = (history.runs(HistoryFilter()), history.notes(), history.attempts("east"), history.ids_like("2"))
    assert answers == ((), (), (), ())
    assert history.run("x") is None
    assert not (tmp_path / "state").exists()


def test_who_only_reads_sees_a_run_that_goes_on(opened: Callable[..., SqliteJournal], tmp_path: Path) -> None:
    run_id = opened().begin_run(START)
    history = SqliteHistory(tmp_path)

    (run,) = history.runs(HistoryFilter())

    assert (run.run_id, run.state) == (run_id, RunState.GOING_ON)
    history.close()


def test_lock_files_of_the_dead_are_swept_away(opened: Callable[..., SqliteJournal], tmp_path: Path) -> None:
    dead, living = opened(), opened()
    dead.begin_run(START)
    alive = living.begin_run(START)
    dead.close()

    newest = living.begin_run(START)

    assert locks(tmp_path) == {alive, newest}
    living.end_run(newest, ExitCode.OK, {})
    assert locks(tmp_path) == {alive}


def test_two_who_look_at_a_lock_do_not_take_each_other_for_its_owner(tmp_path: Path) -> None:
    locks = RunLocks(tmp_path)
    (tmp_path / "one.lock").touch()
    with (tmp_path / "one.lock").open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)

        assert not locks.is_taken("one")


RUNNER = """
import sys, time
from pathlib import Path
from offloadctl.adapters.sqlite_journal import SqliteJournal
from offloadctl.adapters.system import SystemClock
from tests.contract.test_journal import PLAN, START
journal = SqliteJournal(Path(sys.argv[1]), SystemClock())
run_id = journal.begin_run(START)
journal.plan_steps(run_id, [PLAN])
assert journal.begin_step(run_id, PLAN) is None
print(run_id, flush=True)
time.sleep(60)
"""


def test_kill_9_leaves_a_dead_run_with_an_unfinished_step(opened: Callable[..., SqliteJournal], tmp_path: Path) -> None:
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert runner.stdout is not None
    run_id = runner.stdout.readline().strip()
    journal = opened()
    assert journal.is_alive(run_id)
    runner.send_signal(signal.SIGKILL)
    runner.wait(10)
    runner.stdout.close()

    assert not journal.is_alive(run_id)
    (step,) = journal.unfinished("east")
    assert (step.run_id, step.plan) == (run_id, PLAN)
    assert journal.end_step(run_id, ORDERS, StepEnd(Outcome.ABANDONED, ExitCode.FAILED, judged_by="me"))


def test_the_first_shape_stays_what_it_was(opened: Callable[..., SqliteJournal], tmp_path: Path) -> None:
    """Steps are only ever added: whoever changes one leaves the journals of others behind."""
    opened().begin_run(START)

    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        columns = {
            table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            for table in ("run", "step", "attempt", "note")
        }
    connection.close()
    assert {table: len(names) for table, names in columns.items()} == {"run": 14, "step": 19, "attempt": 4, "note": 6}


def test_a_journal_of_the_first_shape_is_brought_up_with_what_it_holds(
    opened: Callable[..., SqliteJournal], tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "journal.sqlite") as old:
        for statement in JOURNAL.steps[0]:
            old.execute(statement)
        old.execute("INSERT INTO note VALUES (1, 0, 'schedule-paused', 'paused', '{\"schedule\": \"nightly\"}', '')")
        old.execute(f"PRAGMA application_id = {JOURNAL.application_id}")
        old.execute("PRAGMA user_version = 1")
    old.close()

    note = opened().newest_note(["schedule-paused"], "nightly")

    assert note is not None
    assert note.text == "paused"


def test_the_newest_note_about_a_schedule_is_found_by_an_index(
    opened: Callable[..., SqliteJournal], tmp_path: Path
) -> None:
    opened().note("intent", "", {"schedule": "nightly"})

    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        query = "SELECT * FROM note WHERE kind = ? AND json_extract(facts, '$.schedule') = ? ORDER BY id DESC LIMIT 1"
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", ("intent", "nightly"))]
    connection.close()
    assert plan == ["SEARCH note USING INDEX note_by_schedule (kind=? AND <expr>=?)"]


def test_the_newest_note_about_a_schedule_is_the_last_one_though_the_clock_has_gone_back(
    opened: Callable[..., SqliteJournal], clock: ManualClock, tmp_path: Path
) -> None:
    clock.advance(DAY)
    opened().note("intent", "first", {"schedule": "nightly"})
    behind = SqliteJournal(tmp_path, ManualClock())
    behind.note("intent", "second", {"schedule": "nightly"})

    newest = behind.newest_note(["intent"], "nightly")

    behind.close()
    assert newest is not None
    assert newest.text == "second"


def test_the_newest_note_about_a_schedule_is_never_forgotten(
    opened: Callable[..., SqliteJournal], clock: ManualClock
) -> None:
    journal = opened()
    journal.note("schedule-paused", "first", {"schedule": "nightly"})
    journal.note("schedule-paused", "until somebody ends it", {"schedule": "nightly"})
    journal.note("override", "old", {})
    clock.advance(timedelta(days=400))

    journal.begin_run(START)

    assert [one.text for one in journal.notes()] == ["until somebody ends it"]


@pytest.mark.parametrize("asked", ["runs", "run"])
def test_a_run_that_ends_while_it_is_looked_at_is_not_called_broken_off(
    opened: Callable[..., SqliteJournal], tmp_path: Path, asked: str
) -> None:
    journal = opened()
    run_id = journal.begin_run(START)

    class EndsMeanwhile(SqliteHistory):
        """Between the look at the run's row and the look at its lock it ends."""

        def is_alive(self, run_id: str) -> bool:
            if journal.is_alive(run_id):
                journal.end_run(run_id, ExitCode.OK, {})
            return super().is_alive(run_id)

    history = EndsMeanwhile(tmp_path)
    found = history.run(run_id) if asked == "run" else history.runs(HistoryFilter())[0]
    history.close()

    assert found is not None
    assert found.state is RunState.ENDED
