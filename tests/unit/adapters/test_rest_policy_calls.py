"""Offload policies over REST: what a real broker was recorded to say, and credentials that nobody reads."""

import json
from typing import Any

import pytest

from offloadctl.errors import BadReply, Busy, NotFound, ReadOnlyContext, Rejected
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.policies import STORED, NamespaceFacts, PolicyObject, Retention
from offloadctl.model.settings import BrokerSettings
from offloadctl.redaction import Secret
from tests.recordings import recording
from tests.rest_fakes import Answer, Asked, Bench, bench, by_path, json_answer, refusal

NAMESPACE = NamespaceName("public", "rec")
TOPIC = TopicName("public", "rec", "t1")
SECRET = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
ID = "AKIAIOSFODNN7EXAMPLE"
S3 = {"managedLedgerOffloadDriver": "aws-s3", "s3ManagedLedgerOffloadBucket": "b"}
WITH_SECRET = S3 | {"s3ManagedLedgerOffloadCredentialId": ID, "s3ManagedLedgerOffloadCredentialSecret": SECRET}


def recorded(source: str, number: int) -> Bench:
    one = recording(source, number)
    return bench(by_path({one.path.removeprefix("/admin/v2"): Answer(one.status, one.response_body)}))


def holding(policy: dict[str, Any]) -> Bench:
    """A broker whose every GET says this policy, and which accepts whatever is sent."""

    def broker(asked: Asked) -> Answer:
        return json_answer(policy) if asked.method == "GET" else Answer(204)

    return bench(broker)


def sent(one: Bench) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(one.brokers.asked[-1].body or b"null")
    return found


def test_a_recorded_policy_of_a_namespace_is_read_without_what_is_no_field() -> None:
    policy = recorded("02-namespace", 27).rest.own_offload_policy(NAMESPACE)

    said = recording("02-namespace", 27).response
    assert policy is not None
    assert policy.number("managedLedgerOffloadMaxBlockSizeInBytes") == 5242880
    assert set(policy) == set(said) - {
        "s3Driver",
        "gcsDriver",
        "fileSystemDriver",
        "managedLedgerExtraConfigurations",
    }


@pytest.mark.parametrize("number", [3, 30])
def test_an_empty_answer_means_that_the_level_has_nothing(number: int) -> None:
    assert recorded("02-namespace", number).rest.own_offload_policy(NAMESPACE) is None


def test_a_namespace_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound):
        recorded("02-namespace", 33).rest.own_offload_policy(NamespaceName("public", "nosuch"))


def test_the_applied_policy_of_a_topic_is_asked_for_and_read() -> None:
    one = recorded("04-partitioned-and-topic-policies", 18)

    policy = one.rest.applied_offload_policy(TOPIC)

    assert policy.text("s3ManagedLedgerOffloadServiceEndpoint") == "http://127.0.0.1:9000"
    assert one.brokers.asked[-1].query == {"applied": ["true"]}


def test_credentials_are_there_and_nothing_of_them_is_read() -> None:
    policy = holding(WITH_SECRET).rest.own_offload_policy(NAMESPACE)

    assert policy is not None
    assert policy.get("s3ManagedLedgerOffloadCredentialSecret") is STORED
    assert SECRET not in repr(policy)
    assert ID not in repr(policy)


def test_a_policy_that_is_written_back_takes_its_credentials_along() -> None:
    one = holding(WITH_SECRET)
    policy = one.rest.own_offload_policy(NAMESPACE)
    assert policy is not None

    one.rest.replace_offload_policy(
        NAMESPACE, PolicyObject({"s3ManagedLedgerOffloadRegion": "r"}).over(policy), expected=policy
    )

    assert sent(one) == WITH_SECRET | {"s3ManagedLedgerOffloadRegion": "r"}


def test_a_policy_that_somebody_changed_meanwhile_is_left_alone() -> None:
    one = holding(S3)

    with pytest.raises(Busy, match="meanwhile"):
        one.rest.replace_offload_policy(NAMESPACE, PolicyObject(S3), expected=None)

    assert one.brokers.count("POST") == 0


def test_a_credential_that_is_to_stay_and_is_gone_is_a_bad_answer() -> None:
    one = holding(S3)
    wanted = PolicyObject(S3 | {"s3ManagedLedgerOffloadCredentialSecret": STORED})

    with pytest.raises(BadReply):
        one.rest.replace_offload_policy(NAMESPACE, wanted, expected=PolicyObject(S3))

    assert one.brokers.count("POST") == 0


def test_a_given_credential_is_sent_and_the_read_priority_goes_by_the_enums_name() -> None:
    one = holding(S3)
    wanted = PolicyObject(
        S3
        | {
            "s3ManagedLedgerOffloadCredentialSecret": Secret(SECRET),
            "managedLedgerOffloadedReadPriority": "bookkeeper-first",
            "managedLedgerExtraConfigurations.a": "1",
        }
    )

    one.rest.replace_offload_policy(TOPIC, wanted, expected=PolicyObject(S3))

    assert sent(one)["s3ManagedLedgerOffloadCredentialSecret"] == SECRET
    assert sent(one)["managedLedgerOffloadedReadPriority"] == "BOOKKEEPER_FIRST"
    assert sent(one)["managedLedgerExtraConfigurations"] == {"a": "1"}


def test_the_read_priority_and_free_keys_are_read_in_our_spelling() -> None:
    policy = holding(
        {"managedLedgerOffloadedReadPriority": "TIERED_STORAGE_FIRST", "managedLedgerExtraConfigurations": {"a": "1"}}
    ).rest.own_offload_policy(TOPIC)

    assert policy == PolicyObject(
        {
            "managedLedgerOffloadedReadPriority": "tiered-storage-first",
            "managedLedgerExtraConfigurations.a": "1",
        }
    )


def test_the_broker_s_refusal_is_told_in_its_words() -> None:
    reason = recording("02-namespace", 24).response["reason"]

    def broker(asked: Asked) -> Answer:
        return json_answer(S3) if asked.method == "GET" else refusal(412, reason)

    with pytest.raises(Rejected, match="The bucket must be specified"):
        bench(broker).rest.replace_offload_policy(NAMESPACE, PolicyObject(), expected=PolicyObject(S3))


def test_what_a_broker_repeats_of_a_stored_credential_is_not_shown() -> None:
    def broker(asked: Asked) -> Answer:
        return json_answer(WITH_SECRET) if asked.method == "GET" else refusal(412, f"no good: {SECRET}")

    one = bench(broker)
    policy = one.rest.own_offload_policy(NAMESPACE)
    assert policy is not None

    with pytest.raises(Rejected) as caught:
        one.rest.replace_offload_policy(NAMESPACE, policy, expected=policy)

    assert SECRET not in caught.value.message


def test_single_fields_have_endpoints_of_their_own() -> None:
    one = bench(lambda _: Answer(204))

    one.rest.set_offload_field(NAMESPACE, "managedLedgerOffloadThresholdInBytes", 5)
    one.rest.set_offload_field(NAMESPACE, "managedLedgerOffloadDeletionLagInMillis", None)
    one.rest.remove_offload_policy(NAMESPACE)
    one.rest.remove_offload_policy(TOPIC)

    assert [(asked.method, asked.path.removeprefix("/admin/v2"), asked.body) for asked in one.brokers.asked[1:]] == [
        ("PUT", "/namespaces/public/rec/offloadThreshold", b"5"),
        ("DELETE", "/namespaces/public/rec/offloadDeletionLagMs", None),
        ("DELETE", "/namespaces/public/rec/removeOffloadPolicies", None),
        ("DELETE", "/persistent/public/rec/t1/offloadPolicies", None),
    ]


def test_a_read_only_context_changes_no_policy() -> None:
    one = bench(lambda _: Answer(204), BrokerSettings(admin_urls=("http://broker:8080",), read_only=True))

    with pytest.raises(ReadOnlyContext):
        one.rest.set_offload_field(NAMESPACE, "managedLedgerOffloadThresholdInBytes", 5)
    with pytest.raises(ReadOnlyContext):
        one.rest.remove_offload_policy(NAMESPACE)
    with pytest.raises(ReadOnlyContext):
        one.rest.replace_offload_policy(NAMESPACE, PolicyObject(), expected=None)

    assert one.brokers.asked == []


def test_older_fields_are_there_only_if_they_are_set() -> None:
    def facts(**fields: Any) -> NamespaceFacts:
        return holding(fields).rest.namespace_facts(NAMESPACE)

    assert facts(offload_threshold=-1, offload_threshold_in_seconds=-1) == NamespaceFacts()
    assert facts(offload_threshold=0, offload_deletion_lag_ms=-5).older == PolicyObject(
        {"managedLedgerOffloadThresholdInBytes": 0, "managedLedgerOffloadDeletionLagInMillis": -5}
    )
    assert facts(retention_policies={"retentionTimeInMinutes": -1, "retentionSizeInMB": 7}).retention == Retention(
        -1, 7
    )


def test_of_the_broker_s_settings_those_are_taken_that_offload_depends_on() -> None:
    said = next(one for one in range(40) if recording("01-cluster", one).path.endswith("configuration/runtime"))

    settings = recorded("01-cluster", said).rest.broker_settings()

    assert settings["maxMessageSize"] == "5242880"
    assert "brokerClientAuthenticationParameters" not in settings
