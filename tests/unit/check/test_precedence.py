"""One damage, one finding."""

from hypothesis import given
from hypothesis import strategies as st

from offloadctl.check.catalogue import KINDS
from offloadctl.check.precedence import settle
from offloadctl.check.subject import Subject
from offloadctl.format.keys import ObjectRole
from offloadctl.model.finding import Finding

SUBJECT = Subject("data", "index", ledger_id=45)


def finding(code: str, offset: int | None = None, role: ObjectRole = ObjectRole.DATA) -> Finding:
    return SUBJECT.finding(code, code, offset=offset, role=role)


FINDINGS = st.lists(
    st.builds(finding, st.sampled_from(sorted(KINDS)), st.none() | st.integers(0, 3), st.sampled_from(ObjectRole)),
    max_size=8,
)


def codes(*findings: Finding) -> list[str]:
    return [one.code for one in settle(findings)]


def test_an_object_that_was_cut_is_told_as_that_and_not_by_what_follows_from_it() -> None:
    assert codes(finding("ledger-totals"), finding("block-mismatch", 12), finding("data-size")) == ["data-size"]


def test_a_broker_that_cut_a_ledger_short_explains_its_length() -> None:
    assert codes(finding("data-size"), finding("truncated", 128)) == ["truncated"]


def test_damage_in_two_places_is_two_findings_in_the_order_of_places() -> None:
    found = settle([finding("checksum", 900), finding("checksum", 300)])

    assert [one.offset for one in found] == [300, 900]


def test_one_place_has_one_finding_by_the_first_code_of_the_table() -> None:
    assert codes(finding("checksum", 300), finding("entry-length", 300)) == ["entry-length"]


def test_the_same_offset_of_the_other_object_is_another_place() -> None:
    assert len(settle([finding("format-version", 0), finding("index-corrupt", 0, ObjectRole.INDEX)])) == 2


def test_what_is_said_of_an_object_as_a_whole_is_said_once() -> None:
    assert codes(finding("part-count"), finding("part-count")) == ["part-count"]
    assert codes(finding("format-version"), finding("format-version", role=ObjectRole.INDEX)) == ["format-version"] * 2


@given(FINDINGS)
def test_settling_settled_findings_changes_nothing(findings: list[Finding]) -> None:
    once = settle(findings)

    assert settle(once) == once
    assert set(once) <= set(findings)


@given(FINDINGS)
def test_the_order_of_rules_does_not_matter(findings: list[Finding]) -> None:
    assert codes(*findings) == codes(*reversed(findings))


@given(FINDINGS)
def test_something_is_always_told(findings: list[Finding]) -> None:
    assert bool(settle(findings)) == bool(findings)
