"""What policies are in force, and what a change of them would really do: nothing is asked of any broker."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.brokerconf.policy_fields import (
    AGE_THRESHOLD,
    DELETION_LAG,
    DRIVER,
    FIELDS,
    SIZE_THRESHOLD,
    field_named,
)
from offloadctl.errors import BadValue, UsageError
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.policies import (
    STORED,
    NamespaceFacts,
    PolicyLevel,
    PolicyLevels,
    PolicyObject,
    PolicyValue,
    Retention,
)
from offloadctl.plan.offload_policies import (
    DangerKind,
    FieldChange,
    PolicyPlan,
    PolicyRequest,
    PolicyWish,
    Verb,
    Why,
    left_over,
    plan_change,
)
from offloadctl.plan.policies_in_force import born, effective, in_force, with_own
from offloadctl.plan.policy_dangers import dangers_of, lint_policies
from offloadctl.plan.policy_words import bucket_flag, shown_value, story
from offloadctl.redaction import Secret
from tests.recordings import recording

NAMESPACE = NamespaceName("public", "rec")
TOPIC = TopicName("public", "rec", "t1")
S3_BLOCK = "s3ManagedLedgerOffloadMaxBlockSizeInBytes"
GENERIC_BLOCK = "managedLedgerOffloadMaxBlockSizeInBytes"
BUCKET = "s3ManagedLedgerOffloadBucket"
CREDENTIAL = "s3ManagedLedgerOffloadCredentialSecret"
ENDPOINT = "s3ManagedLedgerOffloadServiceEndpoint"

BROKER: Mapping[str, PolicyValue] = {
    "offloadersDirectory": "/pulsar/offloaders",
    DRIVER: "aws-s3",
    DELETION_LAG: 14_400_000,
    SIZE_THRESHOLD: -1,
    AGE_THRESHOLD: -1,
    BUCKET: "ledgers",
    "s3ManagedLedgerOffloadRegion": "us-west-2",
    ENDPOINT: "http://127.0.0.1:9000",
    S3_BLOCK: 8_388_608,
}


def levels(
    *,
    topic: Mapping[str, PolicyValue] | None = None,
    namespace: Mapping[str, PolicyValue] | None = None,
    older: Mapping[str, PolicyValue] | None = None,
    broker: Mapping[str, PolicyValue] | None = None,
    scope: NamespaceName | TopicName = NAMESPACE,
) -> PolicyLevels:
    return PolicyLevels(
        scope,
        topic=None if topic is None else born(PolicyObject(topic)),
        namespace=None if namespace is None else born(PolicyObject(namespace)),
        facts=NamespaceFacts(PolicyObject(older or {})),
        broker=PolicyObject(BROKER if broker is None else broker),
        broker_is_known=True,
    )


def wish(scope: NamespaceName | TopicName = NAMESPACE, /, **fields: PolicyValue) -> PolicyWish:
    return PolicyWish(scope, fields)


def danger_kinds(plan: PolicyPlan, *, has_offloaded: bool = True) -> list[DangerKind]:
    return [one.kind for one in dangers_of(plan, has_offloaded=has_offloaded)]


# -- what is in force


def test_a_field_comes_from_the_topic_else_the_namespace_else_the_broker() -> None:
    found = {
        one.name: one
        for one in effective(
            levels(topic={SIZE_THRESHOLD: 1}, namespace={SIZE_THRESHOLD: 2, AGE_THRESHOLD: 3}, scope=TOPIC)
        )
    }

    assert (found[SIZE_THRESHOLD].value, found[SIZE_THRESHOLD].level) == (1, PolicyLevel.TOPIC)
    assert found[SIZE_THRESHOLD].shadows == ((PolicyLevel.NAMESPACE, 2), (PolicyLevel.BROKER, -1))
    assert (found[AGE_THRESHOLD].value, found[AGE_THRESHOLD].level) == (3, PolicyLevel.NAMESPACE)
    assert (found[DELETION_LAG].value, found[DELETION_LAG].level) == (14_400_000, PolicyLevel.BROKER)


def test_what_a_policy_is_born_with_hides_the_broker_s_value_and_is_told_apart() -> None:
    found = {one.name: one for one in effective(levels(namespace={SIZE_THRESHOLD: 0}))}

    assert (found[S3_BLOCK].value, found[S3_BLOCK].is_brought, found[S3_BLOCK].is_drift) == (67_108_864, True, True)
    assert found[S3_BLOCK].shadows == ((PolicyLevel.BROKER, 8_388_608),)
    assert (found[SIZE_THRESHOLD].is_brought, found[SIZE_THRESHOLD].is_drift) == (False, True)


def test_a_recorded_topic_policy_gives_what_the_broker_said_is_applied() -> None:
    own, applied = (recording("04-partitioned-and-topic-policies", number).response for number in (17, 18))

    def policy(said: Mapping[str, PolicyValue]) -> PolicyObject:
        return PolicyObject({name: value for name, value in said.items() if not name.endswith(("Driver", "ons"))})

    broker = policy(applied).without(*policy(own))
    found = in_force(PolicyLevels(TOPIC, topic=policy(own), broker=broker))

    assert found == policy(applied)


def test_older_fields_of_a_namespace_count_where_its_policy_is_silent_and_bring_a_policy_with_them() -> None:
    found = {one.name: one for one in effective(levels(older={SIZE_THRESHOLD: 7}))}

    assert (found[SIZE_THRESHOLD].value, found[SIZE_THRESHOLD].level) == (7, PolicyLevel.OLDER_FIELD)
    assert (found[S3_BLOCK].value, found[S3_BLOCK].is_brought) == (67_108_864, True)


def test_a_policy_s_own_field_wins_over_the_older_one() -> None:
    found = in_force(levels(older={SIZE_THRESHOLD: 7}, namespace={SIZE_THRESHOLD: -1}))

    assert found.number(SIZE_THRESHOLD) == -1


# -- what a change would do


def test_nothing_is_sent_when_it_is_so_already() -> None:
    plan = plan_change(levels(namespace={SIZE_THRESHOLD: 5}), wish(**{SIZE_THRESHOLD: 5}))

    assert not plan.is_needed
    assert dangers_of(plan, has_offloaded=True) == ()


def test_a_threshold_of_a_namespace_that_has_a_policy_goes_by_its_own_endpoint() -> None:
    plan = plan_change(levels(namespace={SIZE_THRESHOLD: 5, CREDENTIAL: STORED}), wish(**{SIZE_THRESHOLD: 6}))

    assert plan.requests == (PolicyRequest(Verb.PUT_FIELD, SIZE_THRESHOLD, 6),)
    assert plan.changes == (FieldChange(SIZE_THRESHOLD, 5, 6),)


def test_the_first_policy_repeats_what_it_would_hide_and_what_the_broker_demands_and_no_more() -> None:
    plan = plan_change(levels(), wish(**{SIZE_THRESHOLD: 1_000_000}))

    assert plan.requests == (
        PolicyRequest(
            Verb.REPLACE,
            policy=PolicyObject(
                {
                    SIZE_THRESHOLD: 1_000_000,
                    "offloadersDirectory": "/pulsar/offloaders",
                    S3_BLOCK: 8_388_608,
                    DRIVER: "aws-s3",
                    BUCKET: "ledgers",
                }
            ),
        ),
    )
    assert {one.name: one.why for one in plan.changes} == {
        SIZE_THRESHOLD: Why.ASKED,
        "offloadersDirectory": Why.PINNED,
        S3_BLOCK: Why.PINNED,
        DRIVER: Why.REQUIRED,
        BUCKET: Why.REQUIRED,
    }


def test_where_a_policy_would_hide_nothing_the_first_threshold_is_all_that_is_sent() -> None:
    broker = {name: value for name, value in BROKER.items() if name not in ("offloadersDirectory", S3_BLOCK)}

    plan = plan_change(levels(broker=broker), wish(**{DELETION_LAG: 60_000}))

    assert plan.requests == (PolicyRequest(Verb.PUT_FIELD, DELETION_LAG, 60_000),)


def test_a_threshold_in_force_is_repeated_by_a_namespace_s_first_policy_as_older_brokers_turn_it_off() -> None:
    plan = plan_change(levels(broker={**BROKER, SIZE_THRESHOLD: 99}), wish(**{DELETION_LAG: -1}))

    request = plan.requests[0].policy
    assert request is not None
    assert request.number(SIZE_THRESHOLD) == 99


def test_a_topic_s_policy_repeats_the_namespace_s_values_and_leaves_credentials_alone() -> None:
    namespace: dict[str, PolicyValue] = {DRIVER: "aws-s3", BUCKET: "other", S3_BLOCK: 9_000_000, CREDENTIAL: STORED}

    plan = plan_change(levels(namespace=namespace, scope=TOPIC), wish(TOPIC, **{DELETION_LAG: 20_000_000}))

    sent = plan.requests[0].policy
    assert sent is not None
    assert (sent.get(S3_BLOCK), sent.get(BUCKET)) == (9_000_000, "other")
    assert CREDENTIAL not in sent


def test_nothing_that_was_in_force_changes_but_what_was_asked_for() -> None:
    before = levels(broker={**BROKER, SIZE_THRESHOLD: 99})

    plan = plan_change(before, wish(**{AGE_THRESHOLD: 600}))

    old, new = in_force(plan.before), in_force(plan.after)
    assert {name for name in new if new.get(name) != old.get(name) and name in old} == {AGE_THRESHOLD}


def test_a_policy_is_kept_whole_around_the_field_that_changes() -> None:
    own: dict[str, PolicyValue] = {
        DRIVER: "aws-s3",
        BUCKET: "ledgers",
        CREDENTIAL: STORED,
        "managedLedgerExtraConfigurations.a": "1",
    }

    plan = plan_change(levels(namespace=own), wish(s3ManagedLedgerOffloadRegion="eu-west-1"))

    sent = plan.requests[0].policy
    assert sent is not None
    assert sent == PolicyObject({"s3ManagedLedgerOffloadRegion": "eu-west-1"}).over(born(PolicyObject(own)))


def test_a_field_that_is_unset_goes_back_to_the_level_below_though_policies_are_born_with_it() -> None:
    own: dict[str, PolicyValue] = {DRIVER: "aws-s3", BUCKET: "ledgers", S3_BLOCK: 6_000_000, AGE_THRESHOLD: 5}

    plan = plan_change(levels(namespace=own), PolicyWish(NAMESPACE, unset=frozenset({S3_BLOCK, AGE_THRESHOLD})))

    assert in_force(plan.after).number(S3_BLOCK) == 8_388_608
    assert in_force(plan.after).number(AGE_THRESHOLD) == -1
    assert [(one.name, one.after, one.why) for one in plan.changes] == [
        (AGE_THRESHOLD, None, Why.ASKED),
        (S3_BLOCK, 8_388_608, Why.PINNED),
    ]


def test_a_deletion_lag_is_removed_by_its_own_endpoint() -> None:
    own: dict[str, PolicyValue] = {DELETION_LAG: -1, AGE_THRESHOLD: 5}

    plan = plan_change(levels(namespace=own), PolicyWish(NAMESPACE, unset=frozenset({DELETION_LAG})))

    assert plan.requests == (PolicyRequest(Verb.DELETE_FIELD, DELETION_LAG),)


def test_when_the_last_field_goes_the_policy_goes() -> None:
    plan = plan_change(levels(namespace={DELETION_LAG: -1}), PolicyWish(NAMESPACE, unset=frozenset({DELETION_LAG})))

    assert plan.requests == (PolicyRequest(Verb.REMOVE),)
    assert plan.after.namespace is None


def test_to_remove_a_namespace_s_policy_its_older_fields_are_cleared_first() -> None:
    before = levels(namespace={AGE_THRESHOLD: 5}, older={SIZE_THRESHOLD: 7, DELETION_LAG: 3})

    plan = plan_change(before, PolicyWish(NAMESPACE, remove=True))

    assert plan.requests == (
        PolicyRequest(Verb.PUT_FIELD, SIZE_THRESHOLD, -1),
        PolicyRequest(Verb.DELETE_FIELD, DELETION_LAG),
        PolicyRequest(Verb.REMOVE),
    )
    assert in_force(plan.after).number(SIZE_THRESHOLD) == -1
    assert in_force(plan.after).number(S3_BLOCK) == 8_388_608


def test_what_is_not_there_need_not_be_removed() -> None:
    assert not plan_change(levels(), PolicyWish(NAMESPACE, remove=True)).is_needed
    assert not plan_change(levels(), PolicyWish(NAMESPACE, unset=frozenset({DELETION_LAG}))).is_needed


def test_pruning_takes_away_what_is_not_named_and_nothing_that_policies_are_born_with() -> None:
    own: dict[str, PolicyValue] = {DRIVER: "aws-s3", BUCKET: "ledgers", AGE_THRESHOLD: 5}

    plan = plan_change(levels(namespace=own), PolicyWish(NAMESPACE, {DRIVER: "aws-s3", BUCKET: "ledgers"}, prune=True))

    assert plan.changes == (FieldChange(AGE_THRESHOLD, 5, None),)


def test_without_a_driver_anywhere_no_policy_can_be_written() -> None:
    with pytest.raises(UsageError, match="driver"):
        plan_change(levels(broker={"offloadersDirectory": "/x"}), wish(**{SIZE_THRESHOLD: 1}))


def test_a_credential_that_is_not_there_cannot_be_kept() -> None:
    with pytest.raises(UsageError, match="has none"):
        plan_change(levels(namespace={DRIVER: "aws-s3", BUCKET: "ledgers"}), wish(**{CREDENTIAL: STORED}))


numbers = st.integers(-2, 3)
policies = st.dictionaries(st.sampled_from([SIZE_THRESHOLD, AGE_THRESHOLD, DELETION_LAG, S3_BLOCK]), numbers)


@given(st.none() | policies, policies, policies, policies.filter(bool), st.sampled_from([NAMESPACE, TOPIC]))
def test_a_change_gives_what_was_asked_and_nothing_else_and_is_done_once_and_for_all(
    own: dict[str, PolicyValue] | None,
    older: dict[str, PolicyValue],
    broker: dict[str, PolicyValue],
    asked: dict[str, PolicyValue],
    scope: NamespaceName | TopicName,
) -> None:
    fields = {name: value for name, value in older.items() if name != S3_BLOCK}
    there = levels(broker={**BROKER, **broker}, older=fields, scope=scope)
    before = with_own(there, None if own is None else born(PolicyObject(own)))

    plan = plan_change(before, PolicyWish(scope, asked))

    now, old = in_force(plan.after), in_force(before)
    assert {name: now.get(name) for name in asked} == asked
    assert not plan_change(plan.after, PolicyWish(scope, asked)).is_needed
    changed = {name for name in now if now.get(name) != old.get(name)}
    # What nobody had set before, policies are born with.
    assert changed - set(asked) <= {one.name for one in FIELDS if one.brought is not None and one.name not in old}


def test_an_older_field_cannot_be_removed_alone() -> None:
    with pytest.raises(UsageError, match="together with the whole policy"):
        plan_change(levels(older={SIZE_THRESHOLD: 7}), PolicyWish(NAMESPACE, unset=frozenset({SIZE_THRESHOLD})))


@given(st.none() | policies, policies)
def test_after_a_removal_only_the_broker_is_left(
    own: dict[str, PolicyValue] | None, older: dict[str, PolicyValue]
) -> None:
    fields = {name: value for name, value in older.items() if name != S3_BLOCK}
    before = levels(namespace=own, older=fields)

    plan = plan_change(before, PolicyWish(NAMESPACE, remove=True))

    assert in_force(plan.after) == PolicyObject(BROKER)


# -- what is dangerous


def test_a_shorter_deletion_lag_lets_copies_go_and_a_longer_one_does_not() -> None:
    before = levels(namespace={DELETION_LAG: 600_000_000})

    assert danger_kinds(plan_change(before, wish(**{DELETION_LAG: 500_000_000}))) == [DangerKind.COPIES_DELETABLE]
    assert danger_kinds(plan_change(before, wish(**{DELETION_LAG: 700_000_000}))) == []
    assert danger_kinds(plan_change(before, wish(**{DELETION_LAG: -1}))) == []


def test_a_lag_where_there_was_none_and_a_policy_s_end_are_seen_as_what_they_are() -> None:
    never = levels(namespace={DELETION_LAG: -1, AGE_THRESHOLD: 4})

    assert danger_kinds(plan_change(never, wish(**{DELETION_LAG: 900_000_000}))) == [DangerKind.COPIES_DELETABLE]
    assert danger_kinds(plan_change(never, PolicyWish(NAMESPACE, remove=True))) == [DangerKind.COPIES_DELETABLE]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [(-1, 0, True), (-1, 5, True), (5, 4, True), (5, -1, False), (5, 6, False), (0, 1, False)],
)
def test_a_lower_threshold_offloads_more(old: int, new: int, *, expected: bool) -> None:
    plan = plan_change(levels(namespace={SIZE_THRESHOLD: old}), wish(**{SIZE_THRESHOLD: new}))

    assert (DangerKind.OFFLOADS_MORE in danger_kinds(plan)) is expected


def test_another_driver_or_endpoint_is_dangerous_only_if_something_is_offloaded() -> None:
    own: dict[str, PolicyValue] = {DRIVER: "aws-s3", BUCKET: "ledgers"}
    moved = plan_change(levels(namespace=own), wish(**{ENDPOINT: "http://elsewhere:9000"}))

    assert danger_kinds(moved) == [DangerKind.UNREADABLE]
    assert danger_kinds(moved, has_offloaded=False) == []


@pytest.mark.parametrize(
    ("scope", "words"), [(TOPIC, "producers and consumers fail"), (NAMESPACE, "nothing is offloaded in the namespace")]
)
def test_a_driver_that_is_not_the_broker_s_own_may_not_be_installed(
    scope: NamespaceName | TopicName, words: str
) -> None:
    azure: dict[str, PolicyValue] = {DRIVER: "azureblob", "managedLedgerOffloadBucket": "ledgers"}
    before = levels(scope=scope)

    found = dangers_of(plan_change(before, PolicyWish(scope, azure)), has_offloaded=False)
    back = dangers_of(
        plan_change(with_own(before, born(PolicyObject(azure))), PolicyWish(scope, remove=True)), has_offloaded=False
    )

    assert words in next(one.text for one in found if one.kind is DangerKind.UNPROVEN_DRIVER)
    assert DangerKind.UNPROVEN_DRIVER not in {one.kind for one in back}


def test_with_the_first_driver_a_lag_begins_to_count_and_without_any_it_ends() -> None:
    lag: dict[str, PolicyValue] = {DELETION_LAG: 4}
    with_driver = lag | {DRIVER: "S3", "managedLedgerOffloadBucket": "ledgers"}

    on = plan_change(levels(broker=lag), wish(**with_driver))
    off = plan_change(levels(namespace=with_driver, broker=lag), PolicyWish(NAMESPACE, remove=True))

    assert DangerKind.COPIES_DELETABLE in danger_kinds(on)
    assert DangerKind.COPIES_DELETABLE not in danger_kinds(off)


def test_offloaders_in_another_directory_are_as_unproven_as_another_driver() -> None:
    before = levels(broker={**BROKER, "offloadersDirectory": "/pulsar/offloaders"}, scope=TOPIC)

    moved = plan_change(before, wish(TOPIC, offloadersDirectory="/opt"))
    same = plan_change(before, wish(TOPIC, offloadersDirectory="/pulsar/offloaders"))

    (danger,) = (one for one in dangers_of(moved, has_offloaded=False) if one.kind is DangerKind.UNPROVEN_DRIVER)
    assert "for aws-s3 in /opt; without one the topic cannot be loaded at all" in danger.text
    assert DangerKind.UNPROVEN_DRIVER not in danger_kinds(same)


def test_a_driver_that_nobody_can_see_is_not_said_to_be_none() -> None:
    seen = levels(broker={})
    unseen = replace(seen, broker_is_known=False)

    told, silent = (dict(story(one, in_force(one))) for one in (seen, unseen))

    assert "No driver is in force" in told["where"]
    assert "is not known" in silent["where"]
    assert "offload" not in silent


GLOBAL = born(PolicyObject({SIZE_THRESHOLD: 2, AGE_THRESHOLD: 4, DRIVER: "aws-s3", BUCKET: "ledgers"}))


def test_a_topic_s_global_policy_counts_as_a_whole_and_only_without_one_of_its_own() -> None:
    alone = replace(levels(namespace={AGE_THRESHOLD: 3}, scope=TOPIC), global_topic=GLOBAL)
    both = with_own(alone, born(PolicyObject({SIZE_THRESHOLD: 1})))

    found, hidden = ({one.name: (one.value, one.level) for one in effective(one)} for one in (alone, both))

    assert (found[SIZE_THRESHOLD], found[AGE_THRESHOLD]) == (
        (2, PolicyLevel.GLOBAL_TOPIC),
        (4, PolicyLevel.GLOBAL_TOPIC),
    )
    assert (hidden[SIZE_THRESHOLD], hidden[AGE_THRESHOLD]) == ((1, PolicyLevel.TOPIC), (3, PolicyLevel.NAMESPACE))


def test_the_first_policy_of_a_topic_s_own_repeats_all_of_its_global_one() -> None:
    before = replace(levels(scope=TOPIC), global_topic=GLOBAL)

    plan = plan_change(before, wish(TOPIC, **{DELETION_LAG: 5}))

    assert in_force(plan.after) == PolicyObject({DELETION_LAG: 5}).over(in_force(before))
    with_credential = replace(before, global_topic=GLOBAL.over(PolicyObject({CREDENTIAL: STORED})))
    with pytest.raises(UsageError, match="cannot repeat"):
        plan_change(with_credential, wish(TOPIC, **{DELETION_LAG: 5}))


def test_a_global_policy_is_planned_as_if_the_topic_had_none_of_its_own() -> None:
    before = replace(levels(topic={SIZE_THRESHOLD: 1}, scope=TOPIC), is_global=True)

    plan = plan_change(before, PolicyWish(TOPIC, {DELETION_LAG: 5}, is_global=True))

    (request,) = plan.requests
    assert request.policy is not None
    assert request.policy.get(SIZE_THRESHOLD) is None
    assert (request.policy.get(S3_BLOCK), request.policy.get(DRIVER)) == (BROKER[S3_BLOCK], BROKER[DRIVER])
    assert plan.after.global_topic == born(request.policy)
    assert dangers_of(plan, has_offloaded=True) == ()


def test_a_driver_that_finds_no_bucket_of_its_own_is_a_new_error() -> None:
    plan = plan_change(levels(), wish(**{DRIVER: "S3", BUCKET: "ledgers"}))

    found = [one.text for one in dangers_of(plan, has_offloaded=False) if one.kind is DangerKind.NEW_ERROR]
    assert any("own-keys-missing" in text for text in found)


def test_a_block_that_a_message_does_not_fit_in_is_a_new_error() -> None:
    plan = plan_change(levels(namespace={DRIVER: "aws-s3", BUCKET: "ledgers"}), wish(**{S3_BLOCK: 5_242_880}))

    assert [one.text for one in dangers_of(plan, has_offloaded=False) if "block-truncates" in one.text]


def test_errors_that_were_there_before_do_not_stand_in_the_way() -> None:
    before = levels(namespace={DRIVER: "aws-s3", BUCKET: "ledgers", S3_BLOCK: 5_242_880})

    assert danger_kinds(plan_change(before, wish(s3ManagedLedgerOffloadReadBufferSizeInBytes=2_097_152))) == []


def test_the_linter_looks_at_what_is_in_force_with_the_broker_s_own_settings() -> None:
    found = lint_policies(replace(levels(), settings={"maxMessageSize": "67108864"}))

    assert "block-truncates" in {one.rule.id for one in found}


# -- reading back


def test_what_was_written_is_compared_with_what_is_there() -> None:
    plan = plan_change(
        levels(namespace={DRIVER: "aws-s3", BUCKET: "ledgers"}), wish(**{CREDENTIAL: Secret("0123456789")})
    )
    sent = plan.requests[0].policy
    assert sent is not None

    there = with_own(plan.before, PolicyObject({CREDENTIAL: STORED}).over(sent))
    assert left_over(plan, there) == ()
    assert [one.name for one in left_over(plan, plan.before)] == [CREDENTIAL]


def test_older_fields_that_survive_a_removal_are_left_over() -> None:
    plan = plan_change(levels(older={SIZE_THRESHOLD: 7}), PolicyWish(NAMESPACE, remove=True))

    assert left_over(plan, plan.before) == (FieldChange(SIZE_THRESHOLD, 7, None),)


# -- words


@pytest.mark.parametrize(
    ("given", "driver", "name"),
    [
        ("managedLedgerOffloadDeletionLagMs", "", DELETION_LAG),
        (DELETION_LAG, "", DELETION_LAG),
        ("deletion-lag", "", DELETION_LAG),
        ("bucket", "aws-s3", BUCKET),
        ("bucket", "S3", "managedLedgerOffloadBucket"),
        ("endpoint", "google-cloud-storage", "managedLedgerOffloadServiceEndpoint"),
        ("managedLedgerDataReadPriority", "", "managedLedgerOffloadedReadPriority"),
        ("managedLedgerExtraConfigurations.x", "", "managedLedgerExtraConfigurations.x"),
    ],
)
def test_a_field_goes_by_each_of_its_names(given: str, driver: str, name: str) -> None:
    assert field_named(given, driver=driver).name == name


def test_a_misspelt_field_is_told_its_neighbour_and_a_broker_s_own_setting_where_it_belongs() -> None:
    with pytest.raises(BadValue) as misspelt:
        field_named("managedLedgerOffloadDeletionLagInMilis")
    with pytest.raises(BadValue) as foreign:
        field_named("maxMessageSize")

    assert DELETION_LAG in misspelt.value.hint
    assert "brokers" in foreign.value.message


def test_values_are_read_with_units_and_shown_with_them() -> None:
    assert field_named("deletion-lag").value("4h") == 14_400_000
    assert shown_value(DELETION_LAG, 14_400_000) == "14400000 (4h)"
    assert shown_value(DELETION_LAG, 2**63 - 1) == str(2**63 - 1)
    assert shown_value(SIZE_THRESHOLD, -1) == "-1 (off)"
    assert shown_value(GENERIC_BLOCK, 64 * 1024 * 1024) == "67108864 (64 MiB)"
    assert shown_value(CREDENTIAL, Secret("0123456789")) == shown_value(CREDENTIAL, STORED) == "******"
    assert field_named("credential-secret").value("keep") is STORED


def test_the_bucket_in_force_is_told_as_commands_take_it() -> None:
    found = in_force(levels())

    assert bucket_flag(found) == "--bucket ledgers,endpoint=http://127.0.0.1:9000,region=us-west-2"
    assert bucket_flag(PolicyObject({ENDPOINT: "http://me:secret@host"}).over(found)) == (
        "--bucket ledgers,region=us-west-2"
    )
    assert bucket_flag(PolicyObject({DRIVER: "filesystem"}).over(found)) == ""
    assert bucket_flag(PolicyObject({DRIVER: "S3"}).over(found)) == ""


def test_the_story_tells_when_data_moves_and_when_it_goes() -> None:
    found = levels(namespace={SIZE_THRESHOLD: 10 * 1024 * 1024, AGE_THRESHOLD: 3600})
    told = dict(story(replace(found, facts=NamespaceFacts(retention=Retention(60, -1))), in_force(found)))

    assert "bucket ledgers at http://127.0.0.1:9000" in told["where"]
    assert "beyond the newest 10 MiB" in told["offload"]
    assert "no timer" in told["offload"]
    assert "4h after the offload" in told["bookies"]
    assert "older than 1h" in told["data"]
