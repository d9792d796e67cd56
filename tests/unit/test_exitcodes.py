"""Exit codes: what several causes make together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.exitcodes import ExitCode, combine

CODES = st.sampled_from(list(ExitCode))
STOPPED = (ExitCode.USAGE, ExitCode.REFUSED, ExitCode.LEASE_HELD)
WORST_FIRST = (
    ExitCode.DAMAGE,
    ExitCode.TERMINATED,
    ExitCode.INTERRUPTED,
    ExitCode.FAILED,
    ExitCode.TIMED_OUT,
    ExitCode.NOT_COVERED,
    ExitCode.WARNINGS,
    ExitCode.OK,
)


def test_the_numbers_are_those_that_are_promised() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "FAILED": 1,
        "USAGE": 2,
        "WARNINGS": 3,
        "DAMAGE": 4,
        "NOT_COVERED": 5,
        "REFUSED": 6,
        "TIMED_OUT": 7,
        "LEASE_HELD": 8,
        "INTERRUPTED": 130,
        "TERMINATED": 143,
    }


@pytest.mark.parametrize("code", ExitCode)
def test_each_code_has_a_meaning_of_its_own(code: ExitCode) -> None:
    assert code.meaning.endswith(".")
    assert [other.meaning for other in ExitCode].count(code.meaning) == 1


def test_nothing_met_is_done() -> None:
    assert combine([]) is ExitCode.OK


@given(CODES, st.integers(1, 5))
def test_one_code_however_often_is_itself(code: ExitCode, times: int) -> None:
    assert combine([code] * times) is code


@pytest.mark.parametrize("at", range(len(WORST_FIRST)))
def test_the_worse_code_outranks_all_that_are_better(at: int) -> None:
    assert combine(reversed(WORST_FIRST[at:])) is WORST_FIRST[at]


@given(st.lists(CODES, max_size=6))
def test_neither_order_nor_repetition_matters(codes: list[ExitCode]) -> None:
    assert combine(codes) is combine(reversed(codes)) is combine([*codes, *codes])


@given(st.lists(CODES), st.lists(CODES))
def test_damage_is_never_hidden(before: list[ExitCode], behind: list[ExitCode]) -> None:
    assert combine([*before, ExitCode.DAMAGE, *behind]) is ExitCode.DAMAGE


@given(st.lists(CODES, min_size=1))
def test_a_run_is_good_only_if_every_part_was(codes: list[ExitCode]) -> None:
    assert (combine(codes) is ExitCode.OK) == all(code is ExitCode.OK for code in codes)


@given(st.sampled_from(STOPPED), st.sampled_from([code for code in ExitCode if code not in STOPPED]))
def test_a_part_that_was_stopped_beside_one_that_did_work_has_failed(stopped: ExitCode, other: ExitCode) -> None:
    assert combine([stopped, other]) is combine([ExitCode.FAILED, other])


@given(st.sets(st.sampled_from(STOPPED), min_size=2))
def test_parts_that_were_stopped_for_different_reasons_have_failed_together(stopped: set[ExitCode]) -> None:
    assert combine(stopped) in (ExitCode.FAILED, *stopped)


@given(st.lists(CODES), st.lists(CODES))
def test_what_is_met_later_makes_nothing_better(first: list[ExitCode], then: list[ExitCode]) -> None:
    rank = [*WORST_FIRST[:3], ExitCode.FAILED, *STOPPED, *WORST_FIRST[4:]]

    assert rank.index(combine([*first, *then])) <= max(rank.index(combine(first)), rank.index(ExitCode.LEASE_HELD))
