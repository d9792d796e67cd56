"""Recorded numbers: what a moment sees of them, and what is wrong with a file."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.errors import UsageError
from offloadctl.model.measures import Measure, Series
from offloadctl.model.names import NamespaceName
from offloadctl.plan.recording import Recording, read_recording
from tests.schedules import ORDERS, SHOP, START

MINUTE = timedelta(minutes=1)


def test_a_moment_sees_the_last_number_before_it_and_when_that_was_measured() -> None:
    recording = read_recording(
        '{"at": "2026-01-01T00:00:00Z", "measure": "local-bytes", "subject": "acme/shop/orders", "value": 5}\n'
        "\n# a remark\n"
        '{"at": "2026-01-01T01:00:00", "measure": "local-bytes", "subject": "acme/shop/orders", "value": null}\n'
        '{"at": "2026-01-01T02:00:00+02:00", "query": "up", "subject": "{}", "value": 1}\n'
        '{"namespace": "acme/shop", "labels": {"tier": "cold"}}\n',
        "numbers",
    )

    before, later = recording.at(START + 59 * MINUTE), recording.at(START + 61 * MINUTE)

    number = before.topics[Measure.LOCAL_BYTES][ORDERS]
    assert (number.value, number.at) == (5, START)
    assert later.topics[Measure.LOCAL_BYTES][ORDERS].value is None
    assert before.queries["up"]["{}"].at == START
    assert before.missing["bookie-disk"].why == "nothing of it is recorded"
    assert recording.labels == {SHOP: {"tier": "cold"}}
    assert recording.span == (START, START + 60 * MINUTE)


def test_nothing_is_seen_before_it_was_measured() -> None:
    recording = Recording("x")
    recording.add(Measure.BOOKIE_DISK, "b", START, 0.5)

    assert recording.at(START - MINUTE).instances == {Measure.BOOKIE_DISK: {}}


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), min_size=1), st.integers(-1, 51))
def test_lines_may_come_in_any_order(points: list[tuple[int, int]], minute: int) -> None:
    recording = Recording("x")
    for at, value in points:
        recording.add(Measure.BOOKIE_DISK, "b", START + at * MINUTE, value)

    seen = recording.at(START + minute * MINUTE).instances[Measure.BOOKIE_DISK].get("b")

    past = [at for at, _ in points if at <= minute]
    assert (seen is not None and seen.at) == (START + max(past) * MINUTE if past else False)
    if seen is not None:
        assert seen.value == [value for at, value in points if at == max(past)][-1]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 1"),
        ('{"at": "2026-01-01T00:00:00Z", "value": 1}', "neither"),
        ('{"at": "2026-01-01T00:00:00Z", "measure": "disk", "value": 1}', "line 1"),
        ('{"at": "2026-01-01T00:00:00Z", "measure": "local-bytes", "query": "up", "value": 1}', "neither"),
        ('{"at": "2026-01-01T00:00:00Z", "measure": "local-bytes", "subject": "a/b/c/d", "value": 1}', "line 1"),
        ('{"measure": "bookie-disk", "value": 1}', "neither"),
        ('{"at": "yesterday", "measure": "bookie-disk", "value": 1}', "line 1"),
        ('{"namespace": "acme", "labels": {}}', "no"),
        ("# nothing", "has no numbers"),
        ('{"namespace": "acme/shop", "labels": {}}', "has no numbers"),
    ],
)
def test_a_mistake_is_told_with_its_line(line: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_recording(line, "numbers")


def test_series_are_told_by_what_they_name() -> None:
    recording = Recording("x")
    at = datetime(2026, 1, 1, tzinfo=UTC)

    recording.add_series(
        Measure.LOCAL_BYTES, "", [Series({"topic": str(ORDERS)}, ((at, 1.0),)), Series({}, ((at, 2.0),))]
    )
    recording.add_series(
        Measure.BOOKIE_DISK, "", [Series({"instance": "b:8000", "directory": "data"}, ((at, 0.5),)), Series({}, ())]
    )
    recording.add_series(Measure.PROMQL, "up", [Series({"__name__": "up", "pod": "a", "job": "b"}, ((at, 1.0),))])

    assert recording.every_topic == {ORDERS}
    assert set(recording.instances[Measure.BOOKIE_DISK]) == {"b:8000 data"}
    assert set(recording.queries["up"]) == {'up{job="b", pod="a"}'}
    assert NamespaceName("acme", "shop") not in recording.labels
