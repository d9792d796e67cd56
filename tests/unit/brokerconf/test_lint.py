"""The linter as a whole: the stock file, what people get wrong, `--fix`, any bytes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.brokerconf.entries import Layout
from offloadctl.brokerconf.findings import LintSeverity, Version
from offloadctl.brokerconf.fix import fixed, with_possible_edits
from offloadctl.brokerconf.lint import is_clean, lint
from offloadctl.brokerconf.properties import parse, values_in
from offloadctl.brokerconf.reading import read
from offloadctl.brokerconf.settings import SETTINGS
from offloadctl.errors import BadValue
from tests.unit.brokerconf.test_edit import CONFS
from tests.unit.brokerconf.test_rules import CASES, MINIO, conf, ids, variables

STOCK = "".join(
    f"{'#' if one.stock_commented else ''}{one.key}={one.stock}\n" for one in SETTINGS if one.stock is not None
)
"""The lines about offload of the broker.conf that comes with Pulsar: blank s3 keys, defaults written out."""

# Values that people write into numbers, names and addresses.
NUMBERS = ("", " ", "0", "-1", "64M", "4h", "5242880", "5242880 ", "9" * 25)
NAMES = ('"b"', "b # c", "${B}", "aws-s3", "S3", "filesystem", "\xe9", "true", "us-west-2")
ADDRESSES = ("http://minio:9000", "https://s3.us-west-2.amazonaws.com", "http://[")
ODD = st.sampled_from((*NUMBERS, *NAMES, *ADDRESSES))
SETTINGS_OF_ANY_SORT = st.dictionaries(st.sampled_from([one.key for one in SETTINGS]), ODD, max_size=12)


def test_the_stock_file_is_fine_and_says_that_offload_is_off() -> None:
    (finding,) = lint(read(STOCK.encode()))

    assert (finding.rule.id, finding.rule.severity) == ("no-driver", LintSeverity.NOTE)


def test_the_stock_files_blanks_hurt_once_the_general_keys_are_used() -> None:
    text = STOCK.replace("managedLedgerOffloadDriver=", "managedLedgerOffloadDriver=aws-s3").replace(
        "\nmanagedLedgerOffloadBucket=", "\nmanagedLedgerOffloadBucket=cold"
    )

    assert "blank-shadows" in ids(text.encode())


def test_an_image_has_the_stock_files_blanks_below_its_variables() -> None:
    data = b"PULSAR_PREFIX_managedLedgerOffloadDriver=aws-s3\nPULSAR_PREFIX_managedLedgerOffloadBucket=cold\n"

    shadows = [one for one in lint(read(data)) if one.rule.id == "blank-shadows"]

    assert [(one.line, one.key) for one in shadows] == [(2, "managedLedgerOffloadBucket")]


def test_the_worst_comes_first_and_then_the_line() -> None:
    found = lint(
        read(conf({}, "managedLedgerOffloadMaxThreads=64", "maxMessageSize=5M", "managedLedgerOffloadDriver=s4"))
    )

    assert [(one.rule.id, one.line) for one in found] == [
        ("not-a-number", 2),
        ("unknown-driver", 3),
        ("many-threads", 1),
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # What tutorials and tickets show.
        ("managedLedgerOffloadDeletionLagMs=86400000  # 24 hours", {"inline-comment"}),
        ("s3ManagedLedgerOffloadMaxEntriesPerSegment=10000", {"unknown-key"}),
        ("managedLedgerOffloadDriver=S3\ns3ManagedLedgerOffloadBucket=cold", {"own-keys-missing"}),
        ("ManagedLedgerOffloadDriver=aws-s3", {"unknown-key"}),
        ("managedLedgerOffloadDriver=aws_s3", {"unknown-driver"}),
        ("s3ManagedLedgerOffloadEndpoint=http://minio:9000", {"unknown-key"}),
        ("defaultRetentionSizeInMb=100", {"unknown-key"}),
        ("managedLedgerMinLedgerRolloverTimeMinute=1", {"unknown-key"}),
        ("\ufeffmanagedLedgerOffloadDriver=S3", {"unknown-key"}),
    ],
)
def test_mistakes_from_the_wild_are_found(text: str, wanted: set[str]) -> None:
    assert wanted <= set(ids(text.encode()))


def test_notes_alone_are_clean() -> None:
    assert is_clean(lint(read(conf(MINIO))))
    assert not is_clean(lint(read(conf({}, "managedLedgerOffloadDriver=s4"))))


@pytest.mark.parametrize("rule", [rule for rule, (bad, _) in CASES.items() if any(x.edits for x in lint(read(bad)))])
def test_what_can_be_fixed_is_gone_afterwards(rule: str) -> None:
    bad, _ = CASES[rule]

    after = fixed(bad).data

    assert rule not in ids(after)
    assert all(not one.edits for one in with_possible_edits(after, lint(read(after))))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("managedLedgerOffloadDeletionLagMs = 4h\r\n", "managedLedgerOffloadDeletionLagMs = 14400000\r\n"),
        ("s3ManagedLedgerOffloadMaxBlockSizeInBytes=64 MB\n", "s3ManagedLedgerOffloadMaxBlockSizeInBytes=67108864\n"),
        ("managedLedgerOffloadThresholdInSeconds=\n", "#managedLedgerOffloadThresholdInSeconds=\n"),
        ("managedLedgerDataReadPriority=BOOKKEEPER_FIRST\n", "managedLedgerDataReadPriority=bookkeeper-first\n"),
        ("s3ManagedLedgerOffloadBucket=cold \n", "s3ManagedLedgerOffloadBucket=cold\n"),
        ("s3ManagedLedgerOffloadBucket='cold'\n", "s3ManagedLedgerOffloadBucket=cold\n"),
        ("managedLedgerOffloadDriver=FileSystem\n", "managedLedgerOffloadDriver=filesystem\n"),
        (
            "managedLedgerOffloadDriver=aws-s3\ns3ManagedLedgerOffloadBucket=\nmanagedLedgerOffloadBucket=cold\n",
            "managedLedgerOffloadDriver=aws-s3\ns3ManagedLedgerOffloadBucket=cold\nmanagedLedgerOffloadBucket=cold\n",
        ),
        (
            "managedLedgerOffloadDriver=S3\nmanagedLedgerOffloadBucket=\ns3ManagedLedgerOffloadBucket=cold\n",
            "managedLedgerOffloadDriver=S3\nmanagedLedgerOffloadBucket=cold\ns3ManagedLedgerOffloadBucket=cold\n",
        ),
    ],
)
def test_fixes_change_what_is_wrong_and_nothing_else(before: str, after: str) -> None:
    assert fixed(before.encode(), layout=Layout.CONF).data.decode() == after


@pytest.mark.parametrize(
    "text",
    ["s3ManagedLedgerOffloadBuckte=cold", "managedLedgerOffloadDriver=s4", "managedLedgerOffloadDeletionLagMs=a while"],
)
def test_what_only_a_person_can_know_is_not_fixed(text: str) -> None:
    made = fixed(text.encode())

    assert not is_clean(lint(read(text.encode())))
    assert (made.data, made.count) == (text.encode(), 0)


@given(SETTINGS_OF_ANY_SORT)
def test_fixing_twice_changes_nothing_more(values: dict[str, str]) -> None:
    text = "".join(f"{key}={value}\n" for key, value in values.items())
    once = fixed(text.encode("latin-1"), layout=Layout.CONF)

    again = fixed(once.data, layout=Layout.CONF)

    assert (again.data, again.count) == (once.data, 0)
    assert values_in(parse(once.data.decode("latin-1"))).keys() <= {one.key for one in SETTINGS}


@given(SETTINGS_OF_ANY_SORT, st.sampled_from([None, "3.0.0", "4.0.7", "4.1"]))
def test_every_mix_of_values_is_judged(values: dict[str, str], version: str | None) -> None:
    data = conf(values)

    for data in (conf(values), variables(values)):
        for one in lint(read(data), version=Version.parse(version) if version else None):
            assert one.what
            assert one.evidence.isprintable()


@given(CONFS)
def test_every_file_is_judged(text: str) -> None:
    for one in lint(read(text.encode("latin-1"), layout=Layout.CONF)):
        assert one.what


def test_nothing_of_a_file_reaches_a_terminal_as_a_command() -> None:
    text = "s3ManagedLedgerOffload\x1b[2JBucket=\x1b[31m\n" + STOCK + "s3ManagedLedgerOffloadRegion=\x07\x9b\n"

    for one in lint(read(text.encode("latin-1"), layout=Layout.CONF)):
        assert (one.what + one.key + one.evidence).isprintable()


def test_a_misspelt_secret_is_one_all_the_same() -> None:
    (one,) = (one for one in lint(read(b"s3ManagedLedgerOffloadSecretKey=swordfish")) if one.rule.id == "unknown-key")

    assert "swordfish" not in repr(one)


@given(st.binary(max_size=80), st.sampled_from([None, *Layout]))
def test_any_bytes_are_read_or_refused_in_words(data: bytes, layout: Layout | None) -> None:
    with suppress(BadValue):
        lint(read(data, layout=layout))


@pytest.mark.parametrize(
    ("text", "before", "is_before"),
    [
        ("4.0.7", "4.1.0", True),
        ("4.1.0", "4.1.0", False),
        ("4.0", "4.0.6", False),
        ("3.3.9", "4.0.6", True),
        ("4.1.0-SNAPSHOT", "4.1.0", False),
        ("10.0.0", "4.1.0", False),
    ],
)
def test_releases_are_compared_by_their_numbers(text: str, before: str, *, is_before: bool) -> None:
    version = Version.parse(text)

    assert version is not None
    assert version.is_before(before) is is_before


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("3.0.12", False),
        ("3.0.13", True),
        ("3.0", True),
        ("3.3.0", False),
        ("4.0.5", False),
        ("4.0.6", True),
        ("4.1", True),
    ],
)
def test_what_came_with_two_lines_of_releases_is_in_those_and_in_all_later_ones(text: str, *, has: bool) -> None:
    version = Version.parse(text)

    assert version is not None
    assert version.has("3.0.13, 4.0.6") is has


@pytest.mark.parametrize("text", ["", "four", "4.x", "v4"])
def test_what_is_no_release_is_none(text: str) -> None:
    assert Version.parse(text) is None
