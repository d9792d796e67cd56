"""Edits in place: the key gets its value where it stands, and nothing else of the file changes."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.brokerconf.edit import HEADING, CommentOut, SetValue, commented_out, with_edits, with_values
from offloadctl.brokerconf.properties import LineKind, parse, printed, values_in
from offloadctl.brokerconf.settings import SETTINGS
from tests.unit.brokerconf.test_properties import FILES, TEXTS

BUCKET, REGION = "s3ManagedLedgerOffloadBucket", "s3ManagedLedgerOffloadRegion"
DRIVER, LAG = "managedLedgerOffloadDriver", "managedLedgerOffloadDeletionLagMs"

KEYS = st.sampled_from([one.key for one in SETTINGS])
VALUES = st.dictionaries(KEYS, TEXTS, max_size=4)
# Files in which our keys stand in every spelling, among lines of other people.
OUR_LINES = st.builds(
    lambda key, shape, end: shape.format(key) + end,
    KEYS,
    st.sampled_from(
        ["{}=old", "{} : old", "  {} old", "{}", "#{}=old", "# {} = ", "! {}: old", "{}=o\\\n  ld", "# {} is"]
    ),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
CONFS = st.lists(st.one_of(OUR_LINES, FILES), max_size=5).map("".join)


def edited(text: str, values: Mapping[str, str]) -> str:
    return printed(with_values(parse(text), values))


def named(values: Mapping[str, str]) -> Mapping[str, str]:
    """Without the empty key that Java makes of a lone backslash, as long as nothing stands behind it."""
    return {key: value for key, value in values.items() if key}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{BUCKET}=\n", f"{BUCKET}=cold\n"),
        (f"{BUCKET}=warm\n", f"{BUCKET}=cold\n"),
        (f"  {BUCKET} : warm\r\n", f"  {BUCKET} : cold\r\n"),
        (f"{BUCKET} warm", f"{BUCKET} cold"),
        (f"{BUCKET}\n", f"{BUCKET}=cold\n"),
        (f"{BUCKET}=wa\\\n   rm\nx=y\n", f"{BUCKET}=cold\nx=y\n"),
        (f"#{BUCKET}=\n", f"{BUCKET}=cold\n"),
        (f"# {BUCKET} = warm\r\n", f"{BUCKET}=cold\r\n"),
        (f"{BUCKET}=a\n{BUCKET}=b\n", f"{BUCKET}=a\n{BUCKET}=cold\n"),
        (f"#{BUCKET}=a\n#{BUCKET}=b\n", f"#{BUCKET}=a\n{BUCKET}=cold\n"),
        (f"#{BUCKET}=a\n{BUCKET}=b\n", f"#{BUCKET}=a\n{BUCKET}=cold\n"),
    ],
)
def test_a_key_gets_its_value_where_it_stands(before: str, after: str) -> None:
    assert edited(before, {BUCKET: "cold"}) == after


def test_a_sentence_about_a_key_is_no_key_that_is_commented_out() -> None:
    text = f"# {BUCKET}: the bucket for ledgers.\n"

    assert edited(text, {BUCKET: "cold"}).startswith(text)
    assert commented_out(parse(text)[0]) is None
    assert commented_out(parse(f"#{BUCKET}=\n")[0]) == BUCKET


def test_a_new_key_stands_beside_its_family() -> None:
    text = f"{DRIVER}=\n\n# Region\n{REGION}=\n\n# Google\ngcsManagedLedgerOffloadBucket=\n"

    assert edited(text, {BUCKET: "cold"}) == text.replace(f"{REGION}=\n", f"{REGION}=\n{BUCKET}=cold\n")


def test_keys_without_a_family_in_the_file_come_last_under_one_heading() -> None:
    assert edited("clusterName=test", {DRIVER: "aws-s3", REGION: "us-west-2", BUCKET: "cold"}) == (
        f"clusterName=test\n\n# {HEADING}\n{DRIVER}=aws-s3\n{REGION}=us-west-2\n{BUCKET}=cold\n"
    )


@pytest.mark.parametrize("end", ["\\", "\\\n", "\\\n   ", "\\\r\n"])
def test_a_last_line_that_is_left_open_does_not_swallow_a_new_key(end: str) -> None:
    after = edited(f"superUserRoles=admin{end}", {BUCKET: "cold"})

    assert values_in(parse(after)) == {"superUserRoles": "admin", BUCKET: "cold"}


def test_a_file_keeps_its_line_ends() -> None:
    after = edited("a=1\r\nb=2", {BUCKET: "cold"})

    assert after == f"a=1\r\nb=2\r\n\r\n# {HEADING}\r\n{BUCKET}=cold\r\n"


def test_latin_1_and_what_nobody_knows_stay_byte_for_byte() -> None:
    data = b"# caf\xe9 \xff\r\nsuperUserRoles = \xe4dmin \\\r\n\t,other\n\x0c\n" + f"{BUCKET}=\n".encode()

    after = edited(data.decode("latin-1"), {BUCKET: "cold"}).encode("latin-1")

    assert after == data.replace(b"Bucket=", b"Bucket=cold")


@given(CONFS, VALUES)
def test_afterwards_java_would_find_the_values_and_everything_else_unchanged(
    text: str, values: Mapping[str, str]
) -> None:
    after = values_in(parse(edited(text, values)))

    assert named(after) == {**named(values_in(parse(text))), **values}


@given(CONFS, VALUES)
def test_the_second_edit_changes_nothing(text: str, values: Mapping[str, str]) -> None:
    once = edited(text, values)

    assert edited(once, values) == once


@given(CONFS, KEYS, TEXTS)
def test_of_the_lines_that_were_there_at_most_one_changes(text: str, key: str, value: str) -> None:
    before = [line.text for line in parse(text)]

    after = [line.text for line in parse(edited(text, {key: value}))]

    kept = [line for line in before if line in after]
    # The last line may get the line end that it lacked.
    assert len(before) - len(kept) <= 1 + (not text.endswith(("\n", "\r")))


@given(CONFS, KEYS)
def test_what_is_commented_out_is_out_of_force_and_still_there(text: str, key: str) -> None:
    after = printed(with_edits(parse(text), [CommentOut(key)]))

    assert values_in(parse(after)) == {one: value for one, value in values_in(parse(text)).items() if one != key}
    assert after.replace("#", "") == text.replace("#", "")


def test_edits_follow_each_other() -> None:
    lines = parse(f"{LAG}=\n{BUCKET}=x\n")

    after = with_edits(lines, [CommentOut(LAG), SetValue(BUCKET, "cold"), SetValue(LAG, "1")])

    assert printed(after) == f"{LAG}=1\n{BUCKET}=cold\n"
    assert all(line.kind is LineKind.SETTING for line in after)
