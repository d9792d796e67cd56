"""Format version, role and owner, as both objects carry them."""

import pytest

from offloadctl.check.subject import Subject
from offloadctl.check.user_metadata import check_user_metadata
from offloadctl.format.keys import ObjectRole
from offloadctl.model.names import TopicName
from tests.damage.worlds import user_metadata
from tests.golden_objects import offloaded_objects

TOPIC = TopicName("public", "default", "orders")
SUBJECT = Subject("data", "index", TOPIC)


def codes(metadata: dict[str, str], subject: Subject = SUBJECT, role: ObjectRole = ObjectRole.DATA) -> list[str]:
    return [finding.code for finding in check_user_metadata(subject, role, metadata)]


@pytest.mark.parametrize("recorded", offloaded_objects(), ids=lambda one: one.key[-12:])
def test_what_a_real_broker_writes_is_right(recorded: object) -> None:
    metadata = recorded.metadata  # type: ignore[attr-defined]
    topic = TopicName.from_managed_ledger_name(metadata["managedledgername"])

    assert codes(metadata, Subject("data", "index", topic), ObjectRole(metadata["role"])) == []


def test_older_brokers_wrote_less_and_that_is_no_finding() -> None:
    assert codes({"s3managedledgeroffloaderformatversion": "1"}) == []


def test_what_is_left_is_told_where_the_version_is_lost() -> None:
    kept = {"x-custom": "1", "role": "data"}

    (lost,) = check_user_metadata(SUBJECT, ObjectRole.DATA, kept)
    (all_lost,) = check_user_metadata(SUBJECT, ObjectRole.DATA, {})

    assert lost.found == "only role, x-custom"
    assert all_lost.found == "no user metadata at all"


@pytest.mark.parametrize("local_name", ["a b", "ü", "a*b~c", "x%2Fy", "orders-partition-3"])
def test_an_owner_is_compared_decoded(local_name: str) -> None:
    topic = TopicName("public", "default", local_name)

    assert codes(user_metadata("data", topic.managed_ledger_name), Subject("data", "index", topic)) == []
    assert codes(user_metadata("data", topic.managed_ledger_name)) == ["object-owner"]


def test_an_owner_is_not_compared_where_the_topic_is_not_known() -> None:
    assert codes(user_metadata("data", "any/thing"), Subject("data", "index")) == []


def test_an_owner_that_is_no_name_is_another_one() -> None:
    assert codes(user_metadata("data", "tenant/cluster/namespace/persistent/x")) == ["object-owner"]
