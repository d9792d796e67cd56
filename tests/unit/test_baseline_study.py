"""The study of baselines: its alarms are a schedule's, it judges rightly, and its page is of the code that is there."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from offloadctl.model.decision import Truth
from offloadctl.model.measures import Measure, Number
from offloadctl.plan.comparing import Holding, compare
from tests.schedules import START, above, snapshot
from tests.study import baseline_study as study
from tests.study.series import Incident, Kind

MINUTE = timedelta(minutes=1)


@given(st.lists(st.integers(0, 4), max_size=60), st.integers(0, 5))
def test_alarms_are_those_of_a_schedule_that_is_evaluated_every_minute(values: list[int], lasting: int) -> None:
    condition = above(Measure.BROKER_CPU, 2, lasting=lasting * MINUTE)
    held: Holding | None = None
    minutes = []
    for minute, value in enumerate(values):
        seen, held = compare(condition, "a", Number("t", value), held, snapshot(at=START + minute * MINUTE))
        if seen.truth is Truth.TRUE:
            minutes.append(minute)

    alarms = study.alarms_of(study.spans_above(list(enumerate(values)), 2), lasting)

    assert [minute for first, last in alarms for minute in range(first, last + 1)] == minutes


def test_alarms_are_judged_by_where_they_begin_and_what_they_touch() -> None:
    found, missed = Incident(Kind.JUMP, 100, 150, 1), Incident(Kind.RAMP, 1000, 1100, 1)
    alarms = [(110, 120), (130, 160), (500, 505), (520, 529), (990, 1020)]

    outcome = study.judge((found, missed), alarms)

    assert outcome.delays == ((found, 10),)
    assert (outcome.missed, outcome.alarms, outcome.false) == (1, 3, 1)
    assert outcome.false_minutes == 10 + 6 + 10 + 10
    assert (outcome.delay, outcome.full_delay, outcome.f1) == (10, (10 + 101) / 2, 0.5)


def test_a_static_threshold_is_the_best_of_all() -> None:
    incident = Incident(Kind.JUMP, 40, 59, 1)
    values = [(minute, 9.0 if 40 <= minute <= 59 else 8.0 if minute == 400 else 1.0) for minute in range(500)]

    best = study.best_static(study.Seen((incident,), values, (), 1.0))

    assert (best.missed, best.false, best.delay) == (0, 0, 0)


def test_the_page_is_of_the_code_that_is_there() -> None:
    text = study.PAGE.read_text(encoding="utf-8")

    assert f"Code: `{study.digest()}`" in text, "make baseline-study writes it anew"
