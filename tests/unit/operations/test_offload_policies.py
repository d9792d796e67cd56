"""Changing policies of a simulated cluster: what is sent, what is refused, what is read back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from offloadctl.adapters.memory_checks import MemoryChecks, SharedMemory
from offloadctl.brokerconf.policy_fields import AGE_THRESHOLD, DELETION_LAG, DRIVER, SIZE_THRESHOLD
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.messages import Producer
from offloadctl.demo.policies import JsonValue, new_policy
from offloadctl.demo.tuning import Tuning
from offloadctl.errors import Busy, NotFound, Rejected, StateError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.check_words import Level
from offloadctl.model.ledger import OffloadState, Position
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.policies import PolicyObject, PolicyScope, PolicyValue
from offloadctl.model.scope import Scope
from offloadctl.model.verified import OffloadedLedger
from offloadctl.operations.check import Check
from offloadctl.operations.check_memory import Memory
from offloadctl.operations.offload_policies import ChangePolicies
from offloadctl.operations.policy_guard import RECENT, Note, Override, verified_by_check
from offloadctl.operations.policy_levels import PolicyReader, scopes_of
from offloadctl.plan.offload_policies import DangerKind, PolicyPlan, PolicyWish, Verb
from offloadctl.plan.policies_in_force import in_force
from offloadctl.plan.policy_outcome import Approval, ChangeState, PolicyOutcome
from offloadctl.ports import Ports
from tests.fake_broker import FakeBroker, VirtualClock

NAMESPACE = NamespaceName("acme", "shop")
TOPIC = TopicName("acme", "shop", "orders")
S3_BLOCK = "s3ManagedLedgerOffloadMaxBlockSizeInBytes"
SECRET = "s3ManagedLedgerOffloadCredentialSecret"


@pytest.fixture
def cluster() -> InMemoryCluster:
    """A namespace with one topic of two closed ledgers; retention keeps everything."""
    made = InMemoryCluster(tuning=Tuning(max_entries_per_ledger=20, upload_rate=1e9, upload_overhead=0.0))
    made.cluster.create_topic(TOPIC)
    made.cluster.publish(TOPIC, Producer("tests", made.clock.now()).entries(45))
    return made


def offload(cluster: InMemoryCluster) -> None:
    admin = cluster.admin()
    admin.trigger_offload(TOPIC, Position(admin.served_ledgers(TOPIC).ledgers[-1].ledger_id, 0))
    while admin.offload_status(TOPIC).state is OffloadState.RUNNING:
        cluster.clock.sleep(1)
        cluster.cluster.advance()
    assert admin.offload_status(TOPIC).state is OffloadState.SUCCESS


def change(
    cluster: InMemoryCluster,
    *wishes: PolicyWish,
    yes: bool = False,
    unverified: bool = False,
    dry_run: bool = False,
    told: list[PolicyPlan] | None = None,
) -> tuple[PolicyOutcome, ...]:
    ports = cluster.ports()
    work = ChangePolicies(
        ports,
        verified_by_check(ports, may_load=True),
        Approval(unverified=unverified, yes=yes),
        dry_run=dry_run,
        on_change=(told if told is not None else []).append,
    )
    return work.run(wishes)


def wish(scope: PolicyScope, fields: Mapping[str, PolicyValue]) -> PolicyWish:
    return PolicyWish(scope, fields)


def of_namespace(cluster: InMemoryCluster) -> dict[str, Any] | None:
    found = cluster.cluster.namespaces[NAMESPACE].offload
    return None if found is None else dict(found)


# -- reading


def test_what_the_broker_s_file_says_is_found_behind_no_policy(cluster: InMemoryCluster) -> None:
    levels = PolicyReader(cluster.admin()).read(NAMESPACE)

    assert levels.broker_is_known
    assert levels.broker.get("offloadersDirectory") == "/pulsar/offloaders"
    assert levels.broker.number(S3_BLOCK) == 6_291_456


def test_what_a_namespace_s_policy_hides_is_found_by_a_topic_of_another_one(cluster: InMemoryCluster) -> None:
    cluster.cluster.namespaces[NAMESPACE].set_field(AGE_THRESHOLD, 5)
    without = PolicyReader(cluster.admin()).read(TOPIC)
    cluster.cluster.create_topic(TopicName("acme", "other", "t"))

    levels = PolicyReader(cluster.admin()).read(TOPIC)

    assert (without.broker_is_known, levels.broker_is_known) == (False, True)
    assert in_force(levels).number(S3_BLOCK) == 67_108_864
    assert levels.broker.number(S3_BLOCK) == 6_291_456


def test_what_is_not_there_is_not_found(cluster: InMemoryCluster) -> None:
    for scope in (NamespaceName("acme", "nosuch"), TopicName("acme", "shop", "nosuch")):
        with pytest.raises(NotFound):
            PolicyReader(cluster.admin()).read(scope)


def test_where_topics_have_no_policies_there_are_none() -> None:
    class Without(FakeBroker):
        def own_offload_policy(self, scope: PolicyScope, *, is_global: bool = False) -> PolicyObject | None:
            if isinstance(scope, TopicName):
                raise Rejected("Topic level policies is disabled", status=405)
            return None

    assert PolicyReader(Without()).read(TOPIC).topic is None


def test_reading_loads_no_topic(cluster: InMemoryCluster) -> None:
    cluster.cluster.unload(TOPIC)
    before = sum(cluster.cluster.topics_loaded.values())

    PolicyReader(cluster.admin()).read(TOPIC)

    assert sum(cluster.cluster.topics_loaded.values()) == before


def test_everything_that_can_have_a_policy_is_found_once(cluster: InMemoryCluster) -> None:
    parent = TopicName("acme", "shop", "parted")
    cluster.cluster.create_partitioned_topic(parent, 3)
    admin = cluster.admin()

    assert list(scopes_of(admin, Scope.of(tenants=["acme"]))) == [NAMESPACE, TOPIC, parent]
    assert list(scopes_of(admin, Scope.of(namespaces=[NAMESPACE], match="part"))) == [parent]
    assert list(scopes_of(admin, Scope.of(topics=[parent.with_partition(1)]))) == [parent]
    assert NAMESPACE in list(scopes_of(admin, Scope.of(everything=True)))


# -- changing


def test_a_first_policy_leaves_everything_else_in_force(cluster: InMemoryCluster) -> None:
    before = in_force(PolicyReader(cluster.admin()).read(TOPIC))

    (outcome,) = change(cluster, wish(NAMESPACE, {SIZE_THRESHOLD: 10}), yes=True)

    assert outcome.state is ChangeState.CONFIRMED
    after = in_force(PolicyReader(cluster.admin()).read(TOPIC))
    assert {name for name in after if after.get(name) != before.get(name)} == {SIZE_THRESHOLD}
    assert cluster.cluster.policy_of(TOPIC).max_block_size == 6_291_456


def test_an_outcome_is_the_same_the_second_time_and_nothing_is_sent(cluster: InMemoryCluster) -> None:
    told: list[PolicyPlan] = []
    change(cluster, wish(TOPIC, {DELETION_LAG: -1}), told=told)

    (again,) = change(cluster, wish(TOPIC, {DELETION_LAG: -1}), told=told)

    assert again.state is ChangeState.UNCHANGED
    assert len(told) == 1


def test_a_dry_run_sends_nothing_and_shows_what_stands_in_the_way(cluster: InMemoryCluster) -> None:
    (outcome,) = change(cluster, wish(NAMESPACE, {SIZE_THRESHOLD: 0}), dry_run=True)

    assert outcome.state is ChangeState.PLANNED
    assert [one.kind for one in outcome.in_the_way] == [DangerKind.OFFLOADS_MORE]
    assert of_namespace(cluster) is None


def test_one_refusal_keeps_all_from_being_sent(cluster: InMemoryCluster) -> None:
    outcomes = change(cluster, wish(TOPIC, {DELETION_LAG: -1}), wish(NAMESPACE, {SIZE_THRESHOLD: 0}))

    assert {one.plan.wish.scope: one.state for one in outcomes} == {
        NAMESPACE: ChangeState.REFUSED,
        TOPIC: ChangeState.PLANNED,
    }
    assert cluster.cluster.topic_policies == {}


def test_the_stored_credential_survives_a_change_of_something_else(cluster: InMemoryCluster) -> None:
    own: dict[str, JsonValue] = {DRIVER: "aws-s3", "s3ManagedLedgerOffloadBucket": cluster.bucket, SECRET: "0123456789"}
    cluster.cluster.namespaces[NAMESPACE].offload = new_policy(own)

    (outcome,) = change(cluster, wish(NAMESPACE, {"s3ManagedLedgerOffloadRegion": "eu-west-1"}))

    assert outcome.state is ChangeState.CONFIRMED
    assert of_namespace(cluster) == new_policy(own | {"s3ManagedLedgerOffloadRegion": "eu-west-1"})


def test_removing_clears_older_fields_too(cluster: InMemoryCluster) -> None:
    policies = cluster.cluster.namespaces[NAMESPACE]
    policies.set_field(AGE_THRESHOLD, 5)

    (outcome,) = change(cluster, PolicyWish(NAMESPACE, remove=True))

    assert outcome.state is ChangeState.CONFIRMED
    assert policies.in_force is None


def test_an_older_field_that_a_release_does_not_clear_is_told(cluster: InMemoryCluster) -> None:
    cluster.cluster.namespaces[NAMESPACE].older_threshold = 777

    (outcome,) = change(cluster, PolicyWish(NAMESPACE, remove=True))

    assert [one.verb for one in outcome.plan.requests] == [Verb.PUT_FIELD, Verb.REMOVE]
    assert (outcome.state, outcome.exit_code) == (ChangeState.UNCONFIRMED, ExitCode.NOT_COVERED)
    assert [(one.name, one.before) for one in outcome.left] == [(SIZE_THRESHOLD, 777)]


def test_what_the_broker_refuses_is_a_failure_of_that_scope_alone(cluster: InMemoryCluster) -> None:
    bad = wish(TOPIC, {DRIVER: "nosuch"})

    outcomes = change(cluster, bad, wish(NAMESPACE, {DELETION_LAG: -1}), yes=True)

    assert [one.state for one in outcomes] == [ChangeState.CONFIRMED, ChangeState.FAILED]
    assert outcomes[1].error is not None
    assert "The driver is not supported" in outcomes[1].error.message


# -- the guard


def test_copies_may_go_sooner_where_nothing_is_offloaded(cluster: InMemoryCluster) -> None:
    (outcome,) = change(cluster, wish(NAMESPACE, {DELETION_LAG: 1_000_000}))

    assert outcome.state is ChangeState.CONFIRMED
    assert outcome.dangers == ()


def test_copies_may_go_sooner_where_a_check_has_just_found_all_objects_whole(cluster: InMemoryCluster) -> None:
    offload(cluster)

    (outcome,) = change(cluster, wish(NAMESPACE, {DELETION_LAG: 1_000_000}))

    assert outcome.state is ChangeState.CONFIRMED
    assert (outcome.affected.ledgers, outcome.affected.doubt) == (2, "")
    assert outcome.affected.size > 40_000


def test_copies_stay_where_an_object_is_missing_unless_that_is_accepted(cluster: InMemoryCluster) -> None:
    offload(cluster)
    cluster.store.delete(next(iter(cluster.store.list())).key)

    (refused,) = change(cluster, wish(NAMESPACE, {DELETION_LAG: 1_000_000}), yes=True)
    (accepted,) = change(cluster, wish(NAMESPACE, {DELETION_LAG: 1_000_000}), unverified=True)

    assert (refused.state, refused.exit_code) == (ChangeState.REFUSED, ExitCode.REFUSED)
    assert "damage" in refused.affected.doubt
    assert accepted.state is ChangeState.CONFIRMED


def test_without_a_bucket_nothing_is_proved(cluster: InMemoryCluster) -> None:
    offload(cluster)
    ports = Ports(cluster.admin(), cluster.clock)

    (outcome,) = ChangePolicies(ports, verified_by_check(ports, may_load=True)).run(
        [wish(TOPIC, {DELETION_LAG: 1_000_000})]
    )

    assert outcome.state is ChangeState.REFUSED
    assert "no bucket" in outcome.affected.doubt


def test_what_a_recent_check_has_proved_is_not_looked_at_again_and_an_old_one_does_not_count(
    cluster: InMemoryCluster,
) -> None:
    offload(cluster)
    checks = MemoryChecks(SharedMemory())
    memory = Memory(checks, checks)
    Check(cluster.ports(), Level.BLOCKS, memory=memory, may_load=True).report([TOPIC])
    blind = Ports(cluster.admin(), cluster.clock)

    def changed() -> PolicyOutcome:
        work = ChangePolicies(blind, verified_by_check(blind, may_load=True, memory=memory), dry_run=True)
        return work.run([wish(TOPIC, {DELETION_LAG: 1_000_000})])[0]

    recent = changed()
    cluster.clock.sleep((RECENT + timedelta(hours=1)).total_seconds())
    old = changed()

    assert (recent.affected.ledgers, recent.affected.doubt) == (2, "")
    assert "no clean check of the last 7 days is remembered of them" in old.affected.doubt


def test_what_was_proved_and_is_lost_since_is_noticed(cluster: InMemoryCluster) -> None:
    offload(cluster)
    ports, checks = cluster.ports(), MemoryChecks(SharedMemory())
    memory = Memory(checks, checks)
    Check(ports, Level.BLOCKS, memory=memory, may_load=True).report([TOPIC])
    cluster.store.delete(next(iter(cluster.store.list())).key)

    work = ChangePolicies(ports, verified_by_check(ports, may_load=True, memory=memory))
    (outcome,) = work.run([wish(TOPIC, {DELETION_LAG: 1_000_000})])

    assert outcome.state is ChangeState.REFUSED
    assert "damage" in outcome.affected.doubt


def test_the_check_that_a_change_makes_is_remembered(cluster: InMemoryCluster) -> None:
    offload(cluster)
    ports, checks = cluster.ports(), MemoryChecks(SharedMemory())
    verify = verified_by_check(ports, may_load=True, memory=Memory(checks, checks))

    ChangePolicies(ports, verify).run([wish(TOPIC, {DELETION_LAG: 1_000_000})])

    ledgers = [
        OffloadedLedger(TOPIC, one.ledger_id, one.context_uuid)
        for one in cluster.admin().stored_ledgers(TOPIC).ledgers
        if one.context_uuid is not None
    ]
    assert len(checks.clean_since(ledgers, Level.BLOCKS, cluster.clock.now() - RECENT)) == 2


def test_what_is_accepted_although_nobody_proved_it_is_written_down_before_it_is_sent(
    cluster: InMemoryCluster,
) -> None:
    offload(cluster)
    blind, noted = Ports(cluster.admin(), cluster.clock), list[Override]()

    def note(one: Override) -> None:
        assert of_namespace(cluster) is None
        noted.append(one)

    def changed(note: Note, *, lag: int) -> PolicyOutcome:
        approval = Approval(unverified=True)
        work = ChangePolicies(blind, verified_by_check(blind, may_load=True), approval, note=note)
        return work.run([wish(NAMESPACE, {DELETION_LAG: lag})])[0]

    sent = changed(note, lag=1_000_000)
    longer = changed(refuse_to_note, lag=2_000_000)
    refused = changed(refuse_to_note, lag=1)

    assert [sent.state, longer.state, refused.state] == [
        ChangeState.CONFIRMED,
        ChangeState.CONFIRMED,
        ChangeState.FAILED,
    ]
    assert (noted[0].scope, noted[0].affected.ledgers) == (NAMESPACE, 2)
    assert (of_namespace(cluster) or {})[DELETION_LAG] == 2_000_000


def refuse_to_note(_: Override) -> None:
    raise StateError("the journal cannot be written")


def test_another_driver_is_refused_while_ledgers_are_in_the_store(cluster: InMemoryCluster) -> None:
    filesystem: dict[str, PolicyValue] = {DRIVER: "filesystem", "fileSystemURI": "file:///x", DELETION_LAG: -1}
    before = change(cluster, wish(TOPIC, filesystem), dry_run=True)[0].in_the_way
    offload(cluster)

    (outcome,) = change(cluster, wish(TOPIC, filesystem))

    assert outcome.state is ChangeState.REFUSED
    assert {one.kind for one in outcome.in_the_way} - {one.kind for one in before} == {DangerKind.UNREADABLE}


# -- others, and time


@dataclass
class OneTopic(FakeBroker):
    """A broker with one topic's policy, which shows what was written only after a while."""

    policy: PolicyObject | None = None
    shown: PolicyObject | None = None
    late: int = 0
    reads: int = 0
    conflicts: list[PolicyObject | None] = field(default_factory=list)
    """What somebody else writes just before each of our own writes."""

    def own_offload_policy(self, scope: PolicyScope, *, is_global: bool = False) -> PolicyObject | None:
        if is_global or isinstance(scope, NamespaceName):
            return None
        self.reads += 1
        if self.late and self.policy != self.shown:
            self.late -= 1
        else:
            self.shown = self.policy
        return self.shown

    def applied_offload_policy(self, topic: TopicName) -> PolicyObject:
        return (self.policy or PolicyObject()).over(
            PolicyObject(
                {
                    DRIVER: "S3",
                    "managedLedgerOffloadBucket": "ledgers",
                    "managedLedgerOffloadServiceEndpoint": "http://s3:9000",
                }
            )
        )

    def replace_offload_policy(
        self, scope: PolicyScope, policy: PolicyObject, *, expected: PolicyObject | None, is_global: bool = False
    ) -> None:
        if self.conflicts:
            self.policy = self.conflicts.pop(0)
        if self.policy != expected:
            raise Busy("Concurrent modification", status=409)
        self.policy = policy


def alone(broker: OneTopic, fields: Mapping[str, PolicyValue], clock: VirtualClock | None = None) -> PolicyOutcome:
    ports = Ports(broker, clock or VirtualClock())
    return ChangePolicies(ports, verified_by_check(ports, may_load=False)).run([PolicyWish(TOPIC, fields)])[0]


def test_a_topic_s_policy_is_waited_for_until_it_is_read_back() -> None:
    clock = VirtualClock()

    outcome = alone(OneTopic(late=5), {DELETION_LAG: -1}, clock)

    assert outcome.state is ChangeState.CONFIRMED
    assert clock.elapsed == 2.5


def test_patience_with_a_topic_s_policy_ends() -> None:
    clock = VirtualClock()

    outcome = alone(OneTopic(late=10_000), {DELETION_LAG: -1}, clock)

    assert outcome.state is ChangeState.UNCONFIRMED
    assert clock.elapsed == 30
    assert DELETION_LAG in {one.name for one in outcome.left}


def test_somebody_else_s_change_is_kept_and_ours_is_put_on_top_of_it() -> None:
    theirs = PolicyObject({DRIVER: "S3", "managedLedgerOffloadBucket": "ledgers", AGE_THRESHOLD: 60})
    broker = OneTopic(conflicts=[theirs])

    outcome = alone(broker, {DELETION_LAG: -1})

    assert outcome.state is ChangeState.CONFIRMED
    assert broker.policy is not None
    assert (broker.policy.number(AGE_THRESHOLD), broker.policy.number(DELETION_LAG)) == (60, -1)


def test_somebody_who_changes_it_every_time_wins_in_the_end() -> None:
    others = [PolicyObject({DRIVER: "S3", "managedLedgerOffloadBucket": "ledgers", AGE_THRESHOLD: n}) for n in range(5)]

    outcome = alone(OneTopic(conflicts=[*others]), {DELETION_LAG: -1})

    assert outcome.state is ChangeState.FAILED
    assert isinstance(outcome.error, Busy)


def test_a_plan_that_has_become_dangerous_is_not_carried_out() -> None:
    theirs = PolicyObject({DRIVER: "S3", "managedLedgerOffloadBucket": "ledgers", SIZE_THRESHOLD: 500})

    outcome = alone(
        OneTopic(policy=PolicyObject({**theirs.fields, SIZE_THRESHOLD: 5}), conflicts=[theirs]), {SIZE_THRESHOLD: 50}
    )

    assert (outcome.state, outcome.exit_code) == (ChangeState.FAILED, ExitCode.REFUSED)
