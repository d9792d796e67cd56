"""Two configurations side by side: by what a broker would do, not by how it is written."""

import pytest
from hypothesis import given

from offloadctl.adapters.broker_conf_files import common_template, profile_templates
from offloadctl.brokerconf.diff import Difference, Side, compare, side_of_profile
from offloadctl.brokerconf.entries import Layout
from offloadctl.brokerconf.profiles import parse_profile
from offloadctl.brokerconf.reading import read
from offloadctl.brokerconf.render import draft
from tests.unit.brokerconf.test_lint import SETTINGS_OF_ANY_SORT

BUCKET, LAG = "s3ManagedLedgerOffloadBucket", "managedLedgerOffloadDeletionLagMs"

DRIVER_ALONE = "managedLedgerOffloadDriver=aws-s3"


def side(text: str) -> Side:
    return Side("file", read(text.encode("latin-1"), layout=Layout.CONF))


def minio(**given: str) -> Side:
    profile = parse_profile("minio", profile_templates()["minio"], common_template())
    return side_of_profile(draft(profile, given))


def effective(a: str, b: str) -> list[str]:
    return [one.key for one in compare(side(a), side(b)) if one.is_effective]


def test_other_keys_order_and_comments_do_not_count() -> None:
    assert compare(side(f"{BUCKET}=a\n{LAG}=1\n"), side(f"# mine\n{LAG} : 1\nclusterName=x\n{BUCKET}=a\n")) == ()


def test_a_value_that_differs_is_shown_with_both_sides() -> None:
    assert compare(side(f"{BUCKET}=a\n"), side(f"{BUCKET}=b\n")) == (Difference(BUCKET, "a", "b", is_effective=True),)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (f"{LAG}=14400000", ""),
        (f"{LAG}=14400000", f"{LAG}=+14400000"),
        (f"{LAG}=5", "managedLedgerOffloadDeletionLagInMillis=5"),
        (f"{BUCKET}=", ""),
        ("managedLedgerOffloadDriver=aws-s3\ns3ManagedLedgerOffloadReadBufferSizeInBytes=1048576", DRIVER_ALONE),
        ("fileSystemProfilePath=conf/filesystem_offload_core_site.xml", ""),
        (f"{LAG}=1\nmanagedLedgerOffloadDeletionLagInMillis=5", "managedLedgerOffloadDeletionLagInMillis=5"),
    ],
)
def test_what_is_only_written_differently_is_not_effective(a: str, b: str) -> None:
    assert effective(a, b) == []
    assert compare(side(a), side(b)) != ()


@pytest.mark.parametrize(
    ("a", "b", "keys"),
    [
        (f"{LAG}=14400000", f"{LAG}=5", [LAG]),
        (f"{BUCKET}=a", f"{BUCKET}=a ", [BUCKET]),
        (f"{LAG}=", "", [LAG]),
        (
            "managedLedgerOffloadDriver=filesystem\nfileSystemProfilePath=conf/filesystem_offload_core_site.xml",
            "managedLedgerOffloadDriver=filesystem",
            ["fileSystemProfilePath"],
        ),
        (
            f"managedLedgerOffloadDriver=aws-s3\nmanagedLedgerOffloadBucket=a\n{BUCKET}=",
            "managedLedgerOffloadDriver=aws-s3\nmanagedLedgerOffloadBucket=a\n",
            [BUCKET],
        ),
        ("managedLedgerOffloadExtraConfigFoo=1", "", ["managedLedgerOffloadExtraConfigFoo"]),
    ],
)
def test_what_a_broker_would_do_differently_is_effective(a: str, b: str, keys: list[str]) -> None:
    assert effective(a, b) == keys


def test_a_profile_says_something_of_its_own_keys_only() -> None:
    conf = side("managedLedgerOffloadDriver=S3\nmanagedLedgerOffloadBucket=cold\nmanagedLedgerOffloadServiceEndpoint=http://m\n"
                f"{LAG}=5\n")  # fmt: skip

    assert compare(minio(bucket="cold", endpoint="http://m"), conf) == ()
    assert [one.key for one in compare(minio(bucket="warm", endpoint="http://m"), conf)] == [
        "managedLedgerOffloadBucket"
    ]


def test_what_a_profile_leaves_open_may_have_any_value_but_none() -> None:
    there = side(
        "managedLedgerOffloadDriver=S3\nmanagedLedgerOffloadBucket=x\nmanagedLedgerOffloadServiceEndpoint=http://m\n"
    )
    missing = side("managedLedgerOffloadDriver=S3\nmanagedLedgerOffloadBucket=\n")

    assert compare(minio(), there) == ()
    assert [(one.key, one.is_effective) for one in compare(minio(), missing)] == [
        ("managedLedgerOffloadBucket", True),
        ("managedLedgerOffloadServiceEndpoint", True),
    ]


@given(SETTINGS_OF_ANY_SORT, SETTINGS_OF_ANY_SORT)
def test_a_comparison_is_the_same_from_both_ends(one: dict[str, str], other: dict[str, str]) -> None:
    a, b = (side("".join(f"{key}={value}\n" for key, value in values.items())) for values in (one, other))

    there, back = compare(a, b), compare(b, a)

    assert [(x.key, x.a, x.b, x.is_effective) for x in there] == [(x.key, x.b, x.a, x.is_effective) for x in back]
    assert compare(a, a) == ()
