"""Values: what people write becomes what Java parses, or an error that says why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.brokerconf.kinds import JavaType, Setting
from offloadctl.brokerconf.settings import BY_KEY, SETTINGS
from offloadctl.brokerconf.values import INT_MAX, LONG_MAX, meant_number, parse_value, plain_number
from offloadctl.errors import BadValue

BLOCK, LAG = "s3ManagedLedgerOffloadMaxBlockSizeInBytes", "managedLedgerOffloadDeletionLagMs"
AGE, SIZE = "managedLedgerOffloadThresholdInSeconds", "managedLedgerOffloadAutoTriggerSizeThresholdBytes"
MINUTES, MEGABYTES = "managedLedgerMaxLedgerRolloverTimeMinutes", "managedLedgerMaxSizePerLedgerMbytes"
PRIORITY, DRIVER = "managedLedgerDataReadPriority", "managedLedgerOffloadDriver"


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        (BLOCK, "64M", "67108864"),
        (BLOCK, "67108864", "67108864"),
        (LAG, "4h", "14400000"),
        (LAG, "14400000", "14400000"),
        (LAG, "90s", "90000"),
        (LAG, "-1", "-1"),
        (AGE, "7d", "604800"),
        (SIZE, "10G", "10737418240"),
        (SIZE, " 0 ", "0"),
        (MINUTES, "4h", "240"),
        (MINUTES, "30", "30"),
        (MEGABYTES, "2G", "2048"),
        (MEGABYTES, "512", "512"),
        ("managedLedgerOffloadMaxThreads", "+4", "4"),
        ("triggerOffloadOnTopicLoad", "TRUE", "true"),
        (PRIORITY, "BOOKKEEPER_FIRST", "bookkeeper-first"),
        (DRIVER, "AWS-S3", "aws-s3"),
        ("s3ManagedLedgerOffloadBucket", "  cold ", "cold"),
    ],
)
def test_people_write_units_and_the_broker_gets_numbers(key: str, text: str, value: str) -> None:
    assert parse_value(BY_KEY[key], text) == value


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        (BLOCK, "64MB", "not a size"),
        (BLOCK, "3G", "more than the broker can hold"),
        (LAG, "4 hours", "not a duration"),
        (MINUTES, "90s", "counts whole minutes"),
        (MEGABYTES, "100K", "counts whole megabytes"),
        ("managedLedgerOffloadMaxThreads", "two", "whole number"),
        ("managedLedgerOffloadMaxThreads", "2k", "whole number"),
        ("triggerOffloadOnTopicLoad", "yes", "cannot be"),
        (PRIORITY, "s3-first", "cannot be"),
        (DRIVER, "s4", "cannot be"),
        ("s3ManagedLedgerOffloadBucket", "   ", "cannot be blank"),
        ("s3ManagedLedgerOffloadBucket", "a\nb", "control characters"),
    ],
)
def test_what_the_broker_could_not_use_is_refused(key: str, text: str, words: str) -> None:
    with pytest.raises(BadValue, match=words):
        parse_value(BY_KEY[key], text)


@pytest.mark.parametrize("text", ["64M", "1,000", "1_000", "", " ", "0x10", "1e3", "٣", "5.0", "--1", "1 "])
def test_java_reads_digits_only(text: str) -> None:
    assert plain_number(BY_KEY[BLOCK], text) is None


def test_java_types_end_somewhere() -> None:
    assert plain_number(BY_KEY[BLOCK], str(INT_MAX)) == INT_MAX
    assert plain_number(BY_KEY[BLOCK], str(INT_MAX + 1)) is None
    assert plain_number(BY_KEY[BLOCK], str(-INT_MAX - 1)) == -INT_MAX - 1
    assert plain_number(BY_KEY[SIZE], str(LONG_MAX)) == LONG_MAX
    assert plain_number(BY_KEY[SIZE], str(LONG_MAX + 1)) is None


@pytest.mark.parametrize(
    ("key", "text", "number"),
    [
        (BLOCK, "64M", 67108864),
        (BLOCK, "64MB", 67108864),
        (BLOCK, "64 MiB", 67108864),
        (BLOCK, "64mb", 67108864),
        (LAG, "4h", 14400000),
        (LAG, "4 h", None),
        (BLOCK, "big", None),
        (BLOCK, "1.5M", None),
    ],
)
def test_what_a_person_meant_is_guessed_only_where_it_is_clear(key: str, text: str, number: int | None) -> None:
    assert meant_number(BY_KEY[key], text) == number


@given(st.sampled_from([one for one in SETTINGS if one.kind.is_number]), st.integers(-(2**70), 2**70))
def test_every_number_that_fits_is_kept_as_it_is(setting: Setting, number: int) -> None:
    limit = INT_MAX if setting.java is JavaType.INT else LONG_MAX

    if -limit - 1 <= number <= limit:
        assert parse_value(setting, str(number)) == str(number)
        assert plain_number(setting, str(number)) == number
    else:
        with pytest.raises(BadValue):
            parse_value(setting, str(number))


@given(st.sampled_from(SETTINGS), st.text(max_size=20))
def test_whatever_is_accepted_is_ready_to_be_written(setting: Setting, text: str) -> None:
    try:
        value = parse_value(setting, text)
    except BadValue:
        return

    assert value
    assert value == value.strip()
    assert value.isprintable()
    assert parse_value(setting, value) == value
    if setting.kind.is_number:
        assert plain_number(setting, value) is not None
