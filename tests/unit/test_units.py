"""Sizes and durations in pulsar-admin's spelling."""

import re
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from offloadctl.errors import BadValue
from offloadctl.units import MAX_LONG, finite_duration, format_duration, format_size, parse_duration, parse_size

KI = 1024
DAY = 86400


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("-1", -1),
        ("1k", KI),
        ("100K", 100 * KI),
        ("10M", 10 * KI**2),
        ("10m", 10 * KI**2),
        ("16G", 16 * KI**3),
        ("2T", 2 * KI**4),
        ("-5K", -5 * KI),
        ("007", 7),
        (str(MAX_LONG), MAX_LONG),
        (str(-MAX_LONG), -MAX_LONG),
        ("8388607T", 8388607 * KI**4),
    ],
)
def test_a_size_is_a_whole_number_with_at_most_one_letter(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("10MB", "write 10M"),
        ("10MiB", "write 10M"),
        ("10 M", "write 10M"),
        ("-10 mb", "write -10M"),
        ("100B", "write 100"),
        ("1.5G", "write the size in a smaller unit than G"),
        ("1,5M", "write the size in a smaller unit than M"),
        ("1.5", "write the size in a smaller unit than bytes"),
        ("1P", "the largest unit is T"),
        ("2EiB", "the largest unit is T"),
        ("", "as in 10M"),
        ("M", "as in 10M"),
        ("ten", "as in 10M"),
        ("1e3", "as in 10M"),
        ("1_000", "as in 10M"),
        ("+5M", "as in 10M"),
        ("--5M", "as in 10M"),
        ("\u0663M", "as in 10M"),
        ("10M\n", "write 10M"),
    ],
)
def test_any_other_size_is_refused_with_a_hint_that_helps(text: str, hint: str) -> None:
    with pytest.raises(BadValue, match=re.escape(repr(text))) as caught:
        parse_size(text)

    assert hint in caught.value.hint


@pytest.mark.parametrize("text", [str(MAX_LONG + 1), "8388608T", "-8388608T", "9" * 40, "9" * 5000 + "T"])
def test_a_size_that_wraps_round_in_java_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match="more than a broker can hold"):
        parse_size(text)


@given(st.integers(-(2**63) + 1, MAX_LONG), st.sampled_from("kmgtKMGT"))
def test_a_letter_multiplies_by_a_power_of_1024(number: int, letter: str) -> None:
    factor = 1024 ** ("kmgt".index(letter.lower()) + 1)

    if abs(number * factor) <= MAX_LONG:
        assert parse_size(f"{number}{letter}") == number * factor
    else:
        with pytest.raises(BadValue):
            parse_size(f"{number}{letter}")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (612 * KI, "612 KiB"),
        (KI**2 - 1, "1 MiB"),
        (KI**2 - 60, "1023.9 KiB"),
        (KI**2, "1 MiB"),
        (int(1.5 * KI**3), "1.5 GiB"),
        (MAX_LONG, "8 EiB"),
        (200 * MAX_LONG, "1.6 ZiB"),
        (KI**9, "1024 YiB"),
        (-1536, "-1.5 KiB"),
    ],
)
def test_a_size_is_shown_with_at_most_one_decimal(size: int, text: str) -> None:
    assert format_size(size) == text


@given(st.integers(-MAX_LONG, MAX_LONG))
@example(KI**2 - 1)
@example(KI**3 - 1)
def test_a_shown_size_is_within_a_twentieth_of_the_real_one_and_never_1024(size: int) -> None:
    number, unit = format_size(size).split()
    factor = 1024 ** ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB").index(unit)

    assert abs(float(number) * factor - size) <= max(0.051 * factor, 0)
    assert abs(float(number)) < 1024


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90", 90),
        ("90s", 90),
        ("10m", 600),
        ("10M", 600),
        ("2h", 7200),
        ("7d", 7 * DAY),
        ("1w", 7 * DAY),
        ("1y", 365 * DAY),
        ("2700000y", 2700000 * 365 * DAY),
    ],
)
def test_a_duration_is_a_whole_number_of_seconds_or_of_its_letter(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "d", "-1d", "1.5h", "7 d", "7days", "1d12h", "7D ", "\u0667d"])
def test_any_other_duration_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match=re.escape(f"{text!r} is not a duration")):
        parse_duration(text)


@pytest.mark.parametrize("text", ["2800000y", "9" * 30, "9" * 5000 + "y"])
def test_a_duration_that_no_clock_can_hold_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.44, "0.4s"),
        (5, "5s"),
        (9.96, "10s"),
        (12, "12s"),
        (60, "1m"),
        (72, "1m 12s"),
        (59.7, "1m"),
        (3600, "1h"),
        (3601, "1h"),
        (3 * DAY + 4 * 3600 + 5 * 60, "3d 4h"),
        (DAY + 59, "1d"),
        (-90, "-1m 30s"),
    ],
)
def test_a_duration_is_shown_by_its_two_largest_parts(seconds: float, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@given(st.integers(0, 10**9))
def test_a_shown_duration_is_never_longer_than_the_real_one_and_short_of_it_by_less_than_an_hour_in_a_day(
    seconds: int,
) -> None:
    shown = format_duration(timedelta(seconds=seconds))

    told = sum(int(parse_duration(part).total_seconds()) for part in shown.split())
    smallest = 1 if seconds < 3600 else 60 if seconds < DAY else 3600
    assert 0 <= seconds - told < smallest


@given(st.text(max_size=12))
def test_any_text_is_a_value_or_a_refusal(text: str) -> None:
    for parse in (parse_size, parse_duration):
        try:
            parse(text)
        except BadValue as error:
            assert error.hint  # noqa: PT017 - whatever the text, if it is refused there is a hint


@pytest.mark.parametrize("milliseconds", [None, -1, 1000 * 365 * 86_400_000 + 1, 10**15, MAX_LONG])
def test_what_no_date_can_hold_lasts_for_ever(milliseconds: int | None) -> None:
    assert finite_duration(milliseconds) is None


@given(st.integers(0, 1000 * 365 * 86_400_000))
def test_every_shorter_time_is_exact(milliseconds: int) -> None:
    assert finite_duration(milliseconds) == timedelta(milliseconds=milliseconds)
