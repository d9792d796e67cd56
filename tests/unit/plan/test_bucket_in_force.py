"""The bucket in force as a flag to be pasted: what a policy says is anybody's text, and must do nothing to a shell."""

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.config.layers import ConnectionFlags
from offloadctl.config.resolve import resolve
from offloadctl.model.ledger import OffloadPolicies
from offloadctl.plan.bucket_in_force import bucket_flag, offered

LEDGERS = OffloadPolicies("S3", "ledgers", "us-west-2", "http://127.0.0.1:9000")
FLAG = "--bucket ledgers,endpoint=http://127.0.0.1:9000,region=us-west-2"


def test_the_flag_is_what_every_command_takes(tmp_path: Path) -> None:
    _, text = shlex.split(bucket_flag(LEDGERS))

    found = resolve(ConnectionFlags(buckets=(text,)), {"HOME": str(tmp_path)}).context.buckets

    assert [(one.name, one.endpoint, one.region) for one in found] == [
        ("ledgers", "http://127.0.0.1:9000", "us-west-2")
    ]


@pytest.mark.parametrize(
    "policies",
    [
        OffloadPolicies(),
        OffloadPolicies("S3", ""),
        OffloadPolicies("filesystem", "ledgers"),
        OffloadPolicies("google-cloud-storage", "ledgers"),
        OffloadPolicies("S3", "ledgers,endpoint=http://elsewhere"),
        OffloadPolicies("S3", "ledgers\x1b[2J"),
    ],
)
def test_what_makes_no_flag_offers_none(policies: OffloadPolicies) -> None:
    assert bucket_flag(policies) == ""
    assert offered([policies, None]) == ""


def test_an_address_with_a_user_in_it_is_left_out() -> None:
    assert bucket_flag(OffloadPolicies("aws-s3", "ledgers", None, "http://me:secret@host")) == "--bucket ledgers"


TEXT = st.one_of(st.none(), st.text(max_size=20), st.text(alphabet="$(`;'\"\\ |&\n,=ab", max_size=20))


@given(bucket=TEXT, region=TEXT, endpoint=TEXT)
def test_to_a_shell_it_is_one_option_and_one_word(bucket: str | None, region: str | None, endpoint: str | None) -> None:
    flag = bucket_flag(OffloadPolicies("S3", bucket, region, endpoint))

    words = shlex.split(flag)
    assert words == [] or (len(words) == 2 and words[0] == "--bucket")
    assert "\n" not in flag


def test_buckets_that_are_known_are_not_offered_and_no_other_twice() -> None:
    assert offered([LEDGERS, None, LEDGERS]) == f"; in force is {FLAG}"
    assert offered([LEDGERS], known={"ledgers"}) == ""
    assert offered([]) == ""
