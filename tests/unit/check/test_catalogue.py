"""The table of codes, and findings by it."""

import re

import pytest

from offloadctl.check.catalogue import KINDS, FindingKind
from offloadctl.check.subject import Subject
from offloadctl.model.finding import Severity
from offloadctl.model.names import TopicName

each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.code)


@each_kind
def test_a_kind_says_what_it_means_and_what_to_do_in_sentences(kind: FindingKind) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code)
    assert all(text.endswith(".") and text[0].isupper() for text in (kind.what, kind.means, kind.do))


@each_kind
def test_a_level_at_which_it_may_be_seen_is_shallower_than_the_one_at_which_it_always_is(kind: FindingKind) -> None:
    assert kind.maybe_at is None or not kind.maybe_at.includes(kind.seen_at)


@each_kind
def test_what_it_explains_are_codes(kind: FindingKind) -> None:
    assert kind.explains <= KINDS.keys() - {kind.code}


def test_a_finding_of_a_topics_ledger_names_the_command_that_saves_bookkeepers_copy() -> None:
    topic = TopicName("acme", "shop", "orders")

    damage = Subject("data", "index", topic).finding("checksum", "bad")
    warning = Subject("data", "index", topic).finding("part-count", "odd")
    unknown = Subject("data", "index").finding("checksum", "bad")

    assert damage.severity is Severity.DAMAGE
    assert "pulsar-admin namespaces set-offload-deletion-lag -l -1 acme/shop" in damage.next_step
    assert "pulsar-admin" not in warning.next_step
    assert "pulsar-admin" not in unknown.next_step


def test_an_id_is_the_same_for_the_same_place_and_another_one_elsewhere() -> None:
    subject = Subject("data", "index", ledger_id=45)
    seen = subject.finding("checksum", "bad", offset=7, expected="a", found="b")

    again = subject.finding("checksum", "worse", offset=7, expected="a", found="c")
    elsewhere = subject.finding("checksum", "bad", offset=8, expected="a", found="b")
    other = Subject("other", "index", ledger_id=45).finding("checksum", "bad", offset=7)

    assert seen.id == again.id
    assert len({seen.id, elsewhere.id, other.id}) == 3
    assert re.fullmatch("[0-9a-f]{12}", seen.id)
