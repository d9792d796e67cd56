"""Each promise of `ports.checks`, held against the file and against memory; and what only a file has to promise."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.adapters.checks_shape import CHECKS, CHECKS_FILE, WHAT
from offloadctl.adapters.memory_checks import MemoryChecks, SharedMemory
from offloadctl.adapters.sqlite_checks import KEPT, SqliteChecks
from offloadctl.adapters.sqlite_file import SqliteFile
from offloadctl.adapters.sqlite_rows import etag_of, etag_value, figures_of, figures_value
from offloadctl.errors import StateDamaged, StateError
from offloadctl.model.check import Level
from offloadctl.model.check_run import RunAsked
from offloadctl.model.entry_counts import EntryCounts
from offloadctl.model.ledger_times import FirstMessage, Times
from offloadctl.model.names import TopicName
from offloadctl.model.verified import RULES, Figures, Mark, Marks, OffloadedLedger, Place, SeenObjects, Verified

NOW = datetime(2026, 11, 24, 12, 30, 0, 5, tzinfo=UTC)
DAY = timedelta(days=1)
ORDERS = TopicName("acme", "shop", "orders")
HERE = Place("s3://ledgers at https://s3", "ledgers")
ELSEWHERE = Place("s3://ledgers at https://other", "ledgers")
MARKS = Marks(Mark("0123456789abcdef0123456789abcdef-3", 300), Mark("fedcba9876543210fedcba9876543210", 40))
OTHERS = Marks(Mark("00000000000000000000000000000000-3", 300), MARKS.index)
ASKED = RunAsked("prod", "-n acme/shop", "entries", buckets=("s3://ledgers at https://s3",))

Checks = MemoryChecks | SqliteChecks


def ledger(number: int = 7, topic: TopicName = ORDERS) -> OffloadedLedger:
    return OffloadedLedger(topic, number, UUID(int=number))


def look(
    level: Level = Level.BLOCKS,
    *,
    ago: timedelta = DAY,
    of: OffloadedLedger | None = None,
    marks: Marks = MARKS,
    is_clean: bool = True,
    place: Place = HERE,
    run: int = 1,
) -> Verified:
    return Verified(of or ledger(), SeenObjects(place, marks), level, NOW - ago, run, is_clean)


def open_file(directory: Path) -> SqliteChecks:
    return SqliteChecks(SqliteFile(directory / CHECKS_FILE, CHECKS, what=WHAT))


@pytest.fixture(params=["memory", "sqlite"])
def process(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Checks]]:
    """Opens what is remembered as another process does."""
    shared, opened = SharedMemory(), list[Checks]()

    def open_it() -> Checks:
        opened.append(MemoryChecks(shared) if request.param == "memory" else open_file(tmp_path))
        return opened[-1]

    yield open_it
    for one in opened:
        one.close()


@pytest.fixture
def checks(process: Callable[[], Checks]) -> Checks:
    return process()


def known(checks: Checks, level: Level = Level.BLOCKS, *, within: timedelta = 30 * DAY) -> list[Verified]:
    return list(checks.clean_since([ledger()], level, NOW - within))


# -- what was verified


def test_what_was_verified_is_known_to_the_next_process_with_everything_it_brought(
    process: Callable[[], Checks],
) -> None:
    counts = EntryCounts(60, 61, 70_000, 60, 0, 0, 0, 1, 2, 3, 4)
    first = FirstMessage("standalone-1-7", 2**64 - 1, NOW - timedelta(days=90, milliseconds=1))
    one = replace(look(Level.ENTRIES), figures=Figures(340, 3, counts, Times(NOW - timedelta(days=91), first)))

    process().remember([one, replace(one, ledger=ledger(8))])

    assert process().clean_since([ledger()], Level.ENTRIES, NOW - DAY) == [one]


@pytest.mark.parametrize(("asked", "is_known"), [(Level.INDEX, True), (Level.BLOCKS, True), (Level.ENTRIES, False)])
def test_a_look_counts_for_its_own_level_and_those_before_it(checks: Checks, asked: Level, is_known: bool) -> None:
    checks.remember([look(Level.BLOCKS)])

    assert bool(known(checks, asked)) is is_known


def test_a_look_counts_for_its_age_to_the_microsecond(checks: Checks) -> None:
    checks.remember([look(ago=DAY)])

    assert known(checks, within=DAY)
    assert not known(checks, within=DAY - timedelta(microseconds=1))


def test_a_deep_look_is_still_known_after_a_younger_shallow_one(checks: Checks) -> None:
    deep, shallow = look(Level.ENTRIES, ago=20 * DAY), look(Level.BLOCKS, ago=DAY)

    checks.remember([deep])
    checks.remember([shallow])

    assert known(checks, Level.ENTRIES) == [deep]
    assert known(checks, Level.BLOCKS) == [shallow]


def test_what_was_found_stands_until_a_look_as_deep_finds_nothing(checks: Checks) -> None:
    checks.remember([look(Level.ENTRIES, ago=9 * DAY), look(Level.BLOCKS, ago=8 * DAY)])

    checks.remember([look(Level.ENTRIES, ago=7 * DAY, is_clean=False)])
    assert known(checks) == []

    checks.remember([look(Level.BLOCKS, ago=6 * DAY)])
    assert known(checks) == []

    checks.remember([look(Level.ENTRIES, ago=5 * DAY)])
    assert len(known(checks)) == 1


def test_what_fewer_rules_have_found_clean_is_not_known(checks: Checks) -> None:
    checks.remember([replace(look(), rules=RULES - 1)])
    assert known(checks) == []

    checks.remember([look()])
    assert known(checks) == [look()]


def test_other_objects_under_the_same_keys_are_a_new_beginning(checks: Checks) -> None:
    checks.remember([look(Level.ENTRIES, ago=9 * DAY, is_clean=False)])
    mended = look(Level.INDEX, ago=DAY, marks=OTHERS)

    checks.remember([mended])

    assert known(checks, Level.INDEX) == [mended]
    assert known(checks, Level.ENTRIES) == []


def test_a_look_that_was_overtaken_by_another_process_changes_nothing(checks: Checks) -> None:
    checks.remember([look(Level.INDEX, ago=DAY, is_clean=False)])
    checks.remember([look(Level.ENTRIES, ago=2 * DAY), look(Level.ENTRIES, ago=2 * DAY, marks=OTHERS)])

    assert known(checks) == []


def test_each_bucket_is_remembered_for_itself(checks: Checks) -> None:
    checks.remember([look(is_clean=False), look(place=ELSEWHERE)])

    assert [one.objects.place for one in known(checks)] == [ELSEWHERE]


def test_another_attempt_to_offload_the_ledger_is_another_ledger(checks: Checks) -> None:
    checks.remember([look()])

    again = ledger()._replace(uuid=UUID(int=99))
    assert list(checks.clean_since([again], Level.BLOCKS, NOW - 30 * DAY)) == []


def test_what_is_gone_can_be_forgotten(checks: Checks) -> None:
    checks.remember([look(), look(of=ledger(8)), look(of=ledger(7, TopicName("acme", "shop", "carts")))])

    checks.forget([ledger()])

    assert known(checks) == []
    assert (
        len(checks.clean_since([ledger(8), ledger(7, TopicName("acme", "shop", "carts"))], Level.BLOCKS, NOW - DAY))
        == 2
    )


class Unfiled(SqliteFile):
    """A hundred real files would take seconds."""

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(":memory:", isolation_level=None)


looks = st.builds(
    look,
    st.sampled_from([Level.INDEX, Level.BLOCKS, Level.ENTRIES]),
    ago=st.integers(0, 5).map(timedelta),
    of=st.sampled_from([ledger(7), ledger(8)]),
    marks=st.sampled_from([MARKS, OTHERS]),
    is_clean=st.booleans(),
    place=st.sampled_from([HERE, ELSEWHERE]),
)


@given(st.lists(looks, max_size=8))
def test_whatever_is_remembered_in_whatever_order_both_know_the_same(remembered: list[Verified]) -> None:
    memory = MemoryChecks()
    file = SqliteChecks(Unfiled(Path(CHECKS_FILE), CHECKS, what=WHAT))

    for one in remembered:
        memory.remember([one])
        file.remember([one])

    for level in (Level.INDEX, Level.BLOCKS, Level.ENTRIES):
        for days in range(6):
            since = NOW - timedelta(days)
            asked = [ledger(7), ledger(8)]
            expected = sorted(memory.clean_since(asked, level, since), key=lambda one: (one.ledger, one.objects.place))
            found = sorted(file.clean_since(asked, level, since), key=lambda one: (one.ledger, one.objects.place))
            assert found == expected
    file.close()


# -- runs


def test_a_run_is_unfinished_until_it_ends(process: Callable[[], Checks]) -> None:
    checks = process()
    first = checks.begin(ASKED, NOW)
    second = checks.begin(replace(ASKED, level="blocks"), NOW + DAY)
    checks.set_window(first, "0-5")

    assert process().unfinished() == [second, replace(first, window="0-5")]

    checks.end(second, NOW + DAY)
    assert [one.number for one in process().unfinished()] == [first.number]


def test_no_other_process_takes_up_a_run_that_goes_on(process: Callable[[], Checks]) -> None:
    mine, other = process(), process()
    run = mine.begin(ASKED, NOW)

    assert not other.take_up(run)

    mine.release(run)
    assert other.take_up(run)
    assert not mine.take_up(run)


def test_nobody_takes_up_what_has_ended(process: Callable[[], Checks]) -> None:
    mine = process()
    run = mine.begin(ASKED, NOW)
    mine.end(run, NOW)

    assert not process().take_up(run)


def test_a_run_of_a_process_that_died_can_be_taken_up_with_what_it_had_found_clean(
    process: Callable[[], Checks],
) -> None:
    dead = process()
    run = dead.begin(ASKED, NOW)
    mine = [look(of=ledger(number), run=run.number) for number in (9, 7)]
    of_others = [look(of=ledger(6), run=run.number + 1), look(of=ledger(5), run=run.number, is_clean=False)]
    elsewhere = look(of=ledger(4, TopicName("acme", "shop", "carts")), run=run.number)
    dead.remember([*mine, *of_others, elsewhere])
    dead.close()

    heir = process()

    assert heir.take_up(run)
    assert list(heir.clean_by(run, [ORDERS])) == mine[::-1]


# -- what a file has to promise


def test_two_processes_remember_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    def remember(first: int) -> None:
        mine = open_file(tmp_path)
        for number in range(first, first + 60, 3):
            mine.remember([look(of=ledger(number + more)) for more in range(3)])
        mine.close()

    threads = [Thread(target=remember, args=(first,)) for first in (0, 60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    checks = open_file(tmp_path)
    assert len(checks.clean_since(map(ledger, range(200)), Level.BLOCKS, NOW - DAY)) == 120
    checks.close()


def test_a_killed_process_leaves_its_run_to_others(tmp_path: Path) -> None:
    script = f"""
import sys
from tests.contract.test_check_memory import ASKED, NOW, open_file
from pathlib import Path
checks = open_file(Path({str(tmp_path)!r}))
print(checks.begin(ASKED, NOW).number, flush=True)
sys.stdin.read()
"""
    child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    number = int(child.stdout.readline())
    checks = open_file(tmp_path)
    (run,) = checks.unfinished()

    assert (run.number, checks.take_up(run)) == (number, False)
    child.kill()
    child.communicate()
    assert checks.take_up(run)
    checks.close()


def test_what_is_older_than_anybody_asks_for_is_forgotten_once_a_month(tmp_path: Path) -> None:
    checks = open_file(tmp_path)
    checks.begin(ASKED, NOW)
    of_a_wrong_clock = look(of=ledger(9), ago=-1000 * DAY)
    checks.remember([look(ago=KEPT), look(of=ledger(8), ago=DAY), of_a_wrong_clock])

    checks.begin(ASKED, NOW + timedelta(hours=1))
    assert len(checks.clean_since(map(ledger, (7, 8, 9)), Level.BLOCKS, NOW - 2 * KEPT)) == 3

    checks.begin(ASKED, NOW + 20 * DAY)
    kept = checks.clean_since(map(ledger, (7, 8, 9)), Level.BLOCKS, NOW - 2 * KEPT)
    assert [one.ledger for one in kept] == [ledger(8)]
    checks.close()


def test_a_row_that_nobody_wrote_is_damage_in_words(tmp_path: Path) -> None:
    checks = open_file(tmp_path)
    checks.remember([look()])
    with checks._file.changing() as connection:
        connection.execute("UPDATE verified SET figures = x'ff'")

    with pytest.raises(StateDamaged, match="cannot be read"):
        known(checks)
    checks.close()


def test_a_directory_that_is_none_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("not a directory")

    with pytest.raises(StateError):
        open_file(tmp_path / "state").remember([look()])


etags = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"[0-9a-f]{32}(-[0-9]{1,6})?", fullmatch=True),
    st.from_regex(r"[0-9A-Fa-f]{31,33}", fullmatch=True),
)


@given(etags)
def test_every_etag_comes_back_as_it_was(etag: str) -> None:
    assert etag_of(etag_value(etag)) == etag


numbers = st.integers(0, 2**63 - 1)
moments = st.datetimes(timezones=st.just(UTC))
figures = st.builds(
    Figures,
    numbers,
    st.none() | numbers,
    st.none() | st.builds(EntryCounts, *[numbers] * 11),
    st.builds(
        Times, st.none() | moments, st.none() | st.builds(FirstMessage, st.text(), st.integers(0, 2**64 - 1), moments)
    ),
)


@given(figures)
def test_all_figures_come_back_as_they_were(one: Figures) -> None:
    assert figures_of(figures_value(one)) == one
